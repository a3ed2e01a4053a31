"""The compose file is one that compose understands, and says what the rest of the project says."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hybrid.messages import ENCODE_QUEUE, READ_QUEUE
from hybrid.settings import read_settings
from workers import health
from workers.app import STOP_LIMIT

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    """Give the compose file as compose reads it."""
    program = shutil.which("docker-compose")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("docker-compose is not installed")
        pytest.skip("docker-compose is not installed")
    read = subprocess.run([program, "config"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    stack: dict[str, Any] = yaml.safe_load(read.stdout)
    return stack


def test_stack_has_every_part(stack: dict[str, Any]) -> None:
    assert set(stack["services"]) == {"opensearch", "redis", "encode-worker", "reader-worker", "gateway"}


def test_every_part_says_how_it_is(stack: dict[str, Any]) -> None:
    assert all("healthcheck" in service for service in stack["services"].values())


def test_ports_are_open_on_this_machine_only(stack: dict[str, Any]) -> None:
    ports = [port for service in stack["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_workers_listen_to_the_queues_that_messages_name(stack: dict[str, Any]) -> None:
    for name, queue in (("encode-worker", ENCODE_QUEUE), ("reader-worker", READ_QUEUE)):
        command = stack["services"][name]["command"]
        assert command[command.index("-Q") + 1] == queue


def test_workers_may_finish_what_they_have_begun_and_tell_how_they_are(stack: dict[str, Any]) -> None:
    for name in ("encode-worker", "reader-worker"):
        service = stack["services"][name]
        assert int(service["stop_grace_period"].removesuffix("s")) > STOP_LIMIT
        assert service["healthcheck"]["test"] == ["CMD", "python", "-m", health.__name__]


def test_parts_find_each_other_through_settings_that_are_read(stack: dict[str, Any]) -> None:
    for name in ("encode-worker", "reader-worker", "gateway"):
        environment = stack["services"][name]["environment"]
        settings = read_settings(environment)
        assert settings.opensearch_url == "http://opensearch:9200"
        assert settings.redis_url == "redis://redis:6379/0"


def test_parts_that_use_redis_install_its_library(stack: dict[str, Any]) -> None:
    locks = {service["build"]["args"]["LOCK"] for service in stack["services"].values() if "build" in service}
    assert len(locks) == 2
    for name in locks:
        assert "\nredis==" in (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")


def test_image_is_built_from_what_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {
        word.rstrip("/")
        for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
        if line.startswith("COPY ")
        for word in line.split()[1:-1]
    }
    assert copied <= sent
    assert all((ROOT / name).exists() for name in copied)
