"""How a worker is, it says itself to health checks and to Prometheus: without its Redis, over TLS, and when deaf."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import trustme

from hybrid.encoders import Encoder
from hybrid.errors import BrokerError
from hybrid.queue.broker import Broker
from hybrid.settings import Settings
from tests.faults.processes import PATIENCE, RedisServer, wait_for
from tests.faults.stage import Stage, clear_stage, passages, set_stage
from tests.faults.troupe import Troupe, troupe_of
from tests.integration.killing import ROOT
from tests.messages import assert_one_clear_line
from tests.services.discover import Service
from tests.services.processes import LOCALHOST, free_ports
from workers.app import make_app

PASSWORD = "sec/ret:1"


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Give a folder with an authority and a server's certificate."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = made.issue_cert(LOCALHOST, "localhost")
    server.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    server.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    return tmp_path


@pytest.fixture
def tls_port(authority: Path) -> Iterator[tuple[int, RedisServer]]:
    """Give the port of a Redis that speaks TLS only to those who know its password."""
    (port,) = free_ports(1)
    files = {"--tls-cert-file": "cert.pem", "--tls-key-file": "key.pem", "--tls-ca-cert-file": "ca.pem"}
    options = [word for name, file in files.items() for word in (name, str(authority / file))]
    server = RedisServer("--tls-port", str(port), "--tls-auth-clients", "no", *options, password=PASSWORD)
    server.start()
    yield port, server
    server.stop()


@pytest.fixture
def secret_stage(opensearch: Service, tmp_path: Path, raw: Any, encoder: Encoder) -> Iterator[Stage]:
    with troupe_of(opensearch.url, tmp_path) as troupe:
        stage = set_stage(troupe, raw, encoder)
        yield stage
        clear_stage(stage)


def check_health(troupe: Troupe) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **troupe.environ}
    command = [sys.executable, "-m", "workers.health", "one@here"]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_worker_over_tls_with_a_password_is_well_ill_without_redis_and_well_again(
    secret_stage: Stage, tls_port: tuple[int, RedisServer], authority: Path
) -> None:
    port, server = tls_port
    troupe, wanted = secret_stage.troupe, passages(300)
    (metrics,) = free_ports(1)
    address = f"rediss://:sec%2Fret%3A1@{LOCALHOST}:{port}/0"
    worker = troupe.add(
        "one",
        HYBRID_REDIS_URL=address,
        HYBRID_REDIS_CA_FILE=str(authority / "ca.pem"),
        HYBRID_METRICS_PORT=str(metrics),
    )
    secret_stage.write(wanted.values())
    secret_stage.wait_encoded()
    secret_stage.assert_holds(wanted)
    wait_for(lambda: check_health(troupe).returncode == 0, "being well", troupe.evidence)
    assert "one@here: well" in check_health(troupe).stdout

    def encoded() -> bool:
        with urlopen(f"http://{LOCALHOST}:{metrics}/metrics") as answer:
            return "hybrid_passages_encoded_total 300.0" in answer.read().decode()

    wait_for(encoded, "counting", troupe.evidence)
    server.kill()
    wait_for(lambda: check_health(troupe).returncode == 1, "noticing that Redis is gone", troupe.evidence)
    assert f"{LOCALHOST}:{port}" in check_health(troupe).stdout
    server.start()
    wait_for(lambda: check_health(troupe).returncode == 0, "being well again", troupe.evidence)
    log = worker.log.read_text("utf-8")
    assert "sec/ret" not in log
    assert "sec%2Fret" not in log
    worker.stop()
    assert "no worker runs here" in check_health(troupe).stdout


def test_worker_that_is_connected_and_takes_nothing_is_ill_until_it_listens_again(own_stage: Stage) -> None:
    """It answers pings all the time: only what it takes shows that it is deaf."""
    troupe, wanted = own_stage.troupe, passages(100)
    worker = troupe.add("one")
    worker.wait_ready()
    with closing(make_app(own_stage.settings)) as app:
        node = {"destination": ["one@here"], "timeout": PATIENCE, "limit": 1}
        (answer,) = app.control.cancel_consumer("encode", reply=True, **node)
        assert "ok" in answer["one@here"]
        own_stage.write(wanted.values())
        own_stage.send(list(wanted))
        wait_for(lambda: "has taken none of" in check_health(troupe).stdout, "noticing", troupe.evidence)
        assert check_health(troupe).returncode == 1
        assert own_stage.status().encoded == 0
        assert app.control.ping(**node) == [{"one@here": {"ok": "pong"}}]
        app.control.add_consumer("encode", reply=True, **node)
    own_stage.wait_encoded()
    own_stage.assert_holds(wanted)
    wait_for(lambda: check_health(troupe).returncode == 0, "being well again", troupe.evidence)


def test_certificate_of_somebody_else_is_refused(tls_port: tuple[int, RedisServer]) -> None:
    port, _ = tls_port
    with Broker(Settings(redis_url=f"rediss://:sec%2Fret%3A1@{LOCALHOST}:{port}/0")) as broker:
        with pytest.raises(BrokerError) as raised:
            broker.lengths()
        assert "sec" not in assert_one_clear_line(raised.value).replace("second", "")
