"""Secrets: any letters will do, and they stand nowhere but in the request that needs them."""

import base64
import logging
from collections.abc import Iterator

import pytest

from hybrid import open_index
from hybrid.errors import AccessError, HybridError, UnreachableError
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.integration.asking import PASSWORD, Ask, behind, credentials, either, refused, text_of
from tests.integration.faults import upstream_of
from tests.messages import assert_one_clear_line
from tests.services.recorder import Answer, forwarding, recorder
from tests.services.tls_proxy import TlsProxy, tls_proxy


@pytest.fixture(scope="module")
def address(make_index: MakeIndex) -> str:
    return make_index()


@pytest.fixture
def proxy(address: str) -> Iterator[TlsProxy]:
    with tls_proxy(upstream_of(address), username="admin", password=PASSWORD) as running:
        yield running


@pytest.fixture
def honest(address: str) -> Answer:
    return forwarding(upstream_of(address))


@pytest.mark.parametrize("password", ["pässwörd", "…日本", "a:b@c/d", " spaces "])
@either
def test_password_may_hold_any_letters(ask: Ask, password: str, address: str) -> None:
    with tls_proxy(upstream_of(address), username="ädmin", password=password) as proxy:
        assert ask(behind(proxy, address), credentials(proxy)).hits


BROKEN_SECRETS = {
    "token": Settings(opensearch_token=f"{PASSWORD}\nX-Other: 1"),
    "token of other letters": Settings(opensearch_token=f"{PASSWORD}…"),
    "password": Settings(opensearch_username="admin", opensearch_password=f"{PASSWORD}\nX-Other: 1"),
}


@pytest.mark.parametrize("settings", BROKEN_SECRETS.values(), ids=BROKEN_SECRETS)
@either
def test_strange_secret_is_sent_as_it_is_or_refused_without_showing_it(
    ask: Ask, settings: Settings, honest: Answer, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with recorder(honest) as server:
        try:
            ask(behind(server, address), settings)
        except HybridError as error:
            said = assert_one_clear_line(error) + text_of(error)
        else:
            said = ""
    assert not any(request.header("x-other") for request in server.requests)
    assert PASSWORD not in said + caplog.text


@either
def test_secrets_are_neither_logged_nor_shown(
    ask: Ask, proxy: TlsProxy, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = credentials(proxy, redis_url="redis://:hunter3@h/0")
    ask(behind(proxy, address), settings)
    refused(ask, behind(proxy, address), credentials(proxy, opensearch_password="hunter4"), AccessError)
    refused(ask, behind(proxy, address).replace("https", "http"), settings, UnreachableError)
    with open_index(behind(proxy, address), settings=settings) as index:
        shown = f"{settings!r} {settings} {index!r} {vars(index)!r}"
    on_the_wire = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    assert caplog.records
    assert "hunter" not in caplog.text + shown
    assert on_the_wire not in caplog.text + shown
