"""Who may talk to a cluster and how: TLS, credentials, tokens, passed-on headers."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from hybrid.errors import AccessError, SettingsError, UnreachableError
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.integration.asking import PASSWORD, Ask, behind, credentials, either, refused
from tests.integration.faults import bulk_requests, index_behind, is_bulk, name_of, passages, upstream_of
from tests.services.http_server import error_reply
from tests.services.recorder import Answer, Recorder, always, forwarding, recorder, when
from tests.services.tls_proxy import TlsProxy, tls_proxy


@pytest.fixture(scope="module")
def address(make_index: MakeIndex) -> str:
    return make_index()


@pytest.fixture
def proxy(address: str) -> Iterator[TlsProxy]:
    with tls_proxy(upstream_of(address), username="admin", password=PASSWORD) as running:
        yield running


@either
def test_right_credentials_over_trusted_tls_are_let_in(ask: Ask, proxy: TlsProxy, address: str) -> None:
    assert [hit.id for hit in ask(behind(proxy, address), credentials(proxy)).hits] == ["1"]
    assert proxy.passed > 3
    assert proxy.refused == 0


@either
def test_certificate_of_an_unknown_authority_is_refused_before_anything_is_said(
    ask: Ask, proxy: TlsProxy, address: str
) -> None:
    text = refused(ask, behind(proxy, address), credentials(proxy, opensearch_ca_file=None), UnreachableError)
    assert "certificate is not trusted; name its authority in HYBRID_OPENSEARCH_CA_FILE" in text
    assert proxy.requests == 0


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@either
def test_certificate_is_not_looked_at_where_that_is_switched_off(ask: Ask, proxy: TlsProxy, address: str) -> None:
    careless = credentials(proxy, opensearch_ca_file=None, opensearch_insecure=True)
    assert ask(behind(proxy, address), careless).hits


@either
def test_certificate_of_another_host_is_refused(
    ask: Ask, proxy: TlsProxy, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **options: resolve("127.0.0.1", *rest, **options))
    elsewhere = behind(proxy, address).replace("127.0.0.1", "search.example.org")
    assert "certificate" in refused(ask, elsewhere, credentials(proxy), UnreachableError)
    assert proxy.requests == 0


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "text"])
@either
def test_file_that_holds_no_authority_is_named(ask: Ask, content: str | None, proxy: TlsProxy, address: str) -> None:
    path = proxy.ca_file.with_name("other.pem")
    if content is not None:
        path.write_text(content, encoding="utf-8")
    text = refused(ask, behind(proxy, address), credentials(proxy, opensearch_ca_file=str(path)), SettingsError)
    assert str(path) in text


@pytest.mark.parametrize(
    "changes",
    [{"opensearch_password": f"{PASSWORD}x"}, {"opensearch_username": None}, {"opensearch_password": None}],
    ids=["wrong", "none", "no password"],
)
@either
def test_wrong_or_missing_credentials_are_one_clear_error(
    ask: Ask, changes: dict[str, Any], proxy: TlsProxy, address: str
) -> None:
    text = refused(ask, behind(proxy, address), credentials(proxy, **changes), AccessError)
    assert "401" in text
    assert "HYBRID_OPENSEARCH_USERNAME" in text
    assert (proxy.passed, proxy.refused) == (0, 1)


def test_refused_credentials_in_the_middle_of_writing_are_not_tried_again(address: str) -> None:
    reply = error_reply(401, "security_exception", "expired")
    with index_behind(address, lambda _: always(reply)) as (index, server), pytest.raises(AccessError, match="401"):
        index.add(passages(3))
    assert bulk_requests(server) == 1


@either
def test_what_is_forbidden_is_one_clear_error_with_the_clusters_reason(ask: Ask, address: str) -> None:
    reply = error_reply(403, "security_exception", "no permissions for [indices:data/write/bulk]")
    honest = forwarding(upstream_of(address))
    with recorder(when(is_bulk, always(reply), otherwise=honest)) as server:
        text = refused(ask, behind(server, address), Settings(), AccessError)
    assert "403" in text
    assert "no permissions for [indices:data/write/bulk]" in text


def sent(server: Recorder, name: str) -> set[tuple[str, ...]]:
    """Give what the requests carried under a header's name: one set member if all carried the same."""
    return {tuple(v for key, v in request.headers if key.lower() == name) for request in server.requests}


@pytest.fixture
def honest(address: str) -> Answer:
    return forwarding(upstream_of(address))


@either
def test_token_goes_with_every_request(ask: Ask, honest: Answer, address: str) -> None:
    with recorder(honest) as server:
        assert ask(behind(server, address), Settings(opensearch_token="abc.def")).hits
    assert sent(server, "authorization") == {("Bearer abc.def",)}
    assert len(server.requests) > 3


@either
def test_headers_are_passed_on_with_every_request(ask: Ask, honest: Answer, address: str) -> None:
    with recorder(honest) as server:
        ask(behind(server, address), Settings(), {"X-Tenant": "blue", "securitytenant": "b"})
    assert sent(server, "x-tenant") == {("blue",)}
    assert sent(server, "securitytenant") == {("b",)}
    assert sent(server, "authorization") == {()}


@pytest.mark.parametrize(
    "own",
    [Settings(), Settings(opensearch_token="own"), Settings(opensearch_username="own", opensearch_password="own")],
    ids=["none", "token", "basic"],
)
@pytest.mark.parametrize("name", ["Authorization", "authorization"])
@either
def test_passed_on_credentials_go_before_our_own(
    ask: Ask, name: str, own: Settings, honest: Answer, address: str
) -> None:
    with recorder(honest) as server:
        ask(behind(server, address), own, {name: "Basic dXNlcjpwYXNz"})
    assert sent(server, "authorization") == {("Basic dXNlcjpwYXNz",)}


@either
def test_address_may_have_a_path_before_the_name(ask: Ask, honest: Answer, address: str) -> None:
    def stripped(request: Any) -> Any:
        path = request.path.removeprefix("/behind/a/proxy")
        assert path != request.path
        return honest(type(request)(request.method, path, request.headers, request.body))

    with recorder(stripped) as server:
        assert ask(f"{server.url}/behind/a/proxy/{name_of(address)}", Settings()).hits
