"""Addresses of indexes behind a gateway, and what may not be asked there."""

import inspect

import pytest

from hybrid import create_index, delete_index
from hybrid.address import GatewayAddress, parse_address, parse_cluster_address
from hybrid.engines.contract import AsyncIndex, Index
from hybrid.engines.remote import AsyncRemoteIndex, RemoteIndex
from hybrid.errors import AddressError, UsageError
from hybrid.index import examine_index
from hybrid.settings import Settings
from tests.conftest import small_profile

HERE = "gateway+http://127.0.0.1:8080/wiki"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (HERE, "http://127.0.0.1:8080"),
        ("gateway+https://search.example.org/behind/wiki/", "https://search.example.org/behind"),
        ("Gateway+HTTPS://h/wiki", "https://h"),
    ],
)
def test_gateway_address_has_a_url_and_an_index(text: str, url: str) -> None:
    assert parse_address(text, Settings()) == GatewayAddress(url, "wiki")


def test_gateway_address_prints_as_it_was_typed() -> None:
    assert str(parse_address(HERE, Settings())) == HERE


@pytest.mark.parametrize(
    "text",
    [
        "gateway+ftp://h/wiki",
        "gateway+://h/wiki",
        "gateway+http://h",
        "gateway+http://eve:secret@h/wiki",
        "gateway+gateway+http://h/wiki",
        "gateway+http://h/Wiki",
    ],
)
def test_bad_gateway_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError) as raised:
        parse_address(text, Settings())
    assert "secret" not in str(raised.value)


def test_what_needs_the_cluster_itself_says_so() -> None:
    for act in (
        lambda: parse_cluster_address(HERE, Settings(), "hybrid repair"),
        lambda: create_index(HERE, small_profile()),
        lambda: delete_index(HERE),
        lambda: examine_index(HERE),
    ):
        with pytest.raises(UsageError, match="is a gateway, which only answers questions"):
            act()


@pytest.mark.parametrize(("index", "contract"), [(RemoteIndex, Index), (AsyncRemoteIndex, AsyncIndex)])
def test_everything_that_an_index_does_is_done_or_refused(index: type, contract: type) -> None:
    wanted = {name for name, _ in inspect.getmembers(contract) if not name.startswith("_")}
    assert wanted <= {name for name, _ in inspect.getmembers(index)}
