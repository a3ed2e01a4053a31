"""TLS on both sides: a page to the gateway, and the gateway to a cluster that wants to know who asks."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from hybrid import open_index
from hybrid.errors import AccessError, UnreachableError
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Server, gateway
from tests.services.discover import Service
from tests.services.processes import LOCALHOST
from tests.services.tls_proxy import tls_proxy

CALLER = "Basic Y2FsbGVyOnNlY3JldA=="
PASSWORD = "secret"
BODY = {"query": {"match": {"text": ASKED}}, "size": 3, "_source": ["title"]}


@dataclass(frozen=True, slots=True)
class Secured:
    server: Server
    #: The authority of the gateway's certificate.
    authority: Path
    corpus: Corpus


@pytest.fixture(scope="module")
def secured(
    make_index: MakeIndex, raw: Any, opensearch: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    authority, certificate, key = folder / "authority.pem", folder / "certificate.pem", folder / "key.pem"
    made = trustme.CA()
    made.cert_pem.write_to_path(str(authority))
    issued = made.issue_cert(LOCALHOST)
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    corpus = fill(make_index, raw)
    with tls_proxy(opensearch.url, username="caller", password=PASSWORD) as cluster:
        options = ("--index", corpus.name, "--patience", "60", "--certificate", str(certificate), "--key", str(key))
        with gateway(
            folder,
            cluster.url,
            *options,
            tls=ssl.create_default_context(cafile=str(authority)),
            HYBRID_OPENSEARCH_USERNAME="caller",
            HYBRID_OPENSEARCH_PASSWORD=PASSWORD,
            HYBRID_OPENSEARCH_CA_FILE=str(cluster.ca_file),
        ) as server:
            yield Secured(server, authority, corpus)


@pytest.mark.parametrize("mode", ["off", "on"])
def test_who_the_cluster_knows_is_served_and_nobody_else(mode: str, secured: Secured) -> None:
    server, name = secured.server, secured.corpus.name
    known = server.search(name, BODY, Authorization=CALLER, X_Search_Mode=mode)
    assert known.status == 200
    assert known.notes[0].startswith(mode)
    for answer in (
        server.search(name, BODY, X_Search_Mode=mode),
        server.search(name, BODY, X_Search_Mode=mode, Authorization="Basic ZXZlOmV2ZQ=="),
    ):
        assert answer.status == 401
        assert "basic" in answer.headers["www-authenticate"].lower()


def test_a_client_in_python_trusts_whom_it_is_told_to(secured: Secured) -> None:
    address = f"gateway+{secured.server.url}/{secured.corpus.name}"
    trusting = Settings(
        opensearch_username="caller", opensearch_password=PASSWORD, opensearch_ca_file=str(secured.authority)
    )
    with open_index(address, settings=trusting) as remote:
        assert remote.search(ASKED, k=3).hits
    with (
        open_index(address, settings=Settings(opensearch_ca_file=str(secured.authority))) as nobody,
        pytest.raises(AccessError),
    ):
        nobody.search(ASKED)
    with pytest.raises(UnreachableError, match="not trusted"):
        open_index(address, settings=Settings())
