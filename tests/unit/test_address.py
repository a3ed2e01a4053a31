"""Addresses: what people type, and what is refused without repeating a secret."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hybrid.address import ClusterAddress, LocalAddress, check_index_name, parse_address
from hybrid.errors import AddressError
from hybrid.settings import Settings
from tests.messages import assert_one_clear_line

SECRET = "hunter2"
HOME = Settings(opensearch_url="http://127.0.0.1:9200")


@pytest.mark.parametrize(
    ("text", "url", "index"),
    [
        ("http://127.0.0.1:9200/wiki", "http://127.0.0.1:9200", "wiki"),
        ("https://search.example.org/wiki", "https://search.example.org", "wiki"),
        ("https://search.example.org:443/wiki/", "https://search.example.org:443", "wiki"),
        ("http://[::1]:9200/wiki", "http://[::1]:9200", "wiki"),
        ("https://proxy/behind/a/path/wiki", "https://proxy/behind/a/path", "wiki"),
        ("http://h/wiki--v1--1a2b3c4d", "http://h", "wiki--v1--1a2b3c4d"),
        ("http://h/.hidden", "http://h", ".hidden"),
        ("os:wiki", "http://127.0.0.1:9200", "wiki"),
    ],
)
def test_cluster_address_has_a_url_and_an_index(text: str, url: str, index: str) -> None:
    assert parse_address(text, HOME) == ClusterAddress(url, index)


@pytest.mark.parametrize(
    "text", ["wiki", "./wiki", "/var/lib/wiki", "~/wiki", "a b", "Wiki", "C:\\wiki", Path("wiki"), Path("os:wiki")]
)
def test_anything_else_is_a_folder(text: str | Path) -> None:
    assert parse_address(text, HOME) == LocalAddress(Path(text))


@pytest.mark.parametrize("text", ["http://h:9200/wiki", "wiki"])
def test_address_prints_as_it_was_typed(text: str) -> None:
    assert str(parse_address(text, HOME)) == text


def test_slash_after_the_cluster_of_the_environment_does_no_harm() -> None:
    home = Settings(opensearch_url="https://h/prefix/")
    assert parse_address("os:wiki", home) == ClusterAddress("https://h/prefix", "wiki")


def test_shorthand_without_a_cluster_names_the_variable() -> None:
    with pytest.raises(AddressError, match="needs HYBRID_OPENSEARCH_URL") as raised:
        parse_address("os:wiki", Settings())
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ftp://h/wiki", "ftp:// is not known"),
        ("http://h:9200", "names no index"),
        ("http://h:9200/", "names no index"),
        ("http:///wiki", "names no host"),
        ("http://:9200/wiki", "names no host"),
        ("http://h:0/wiki", "names no host"),
        ("http://h:99999/wiki", "cannot be read"),
        ("http://h:port/wiki", "cannot be read"),
        ("http://[::1/wiki", "cannot be read"),
        ("http://h/wiki?pretty", r"\? or #"),
        ("http://h/wiki#top", r"\? or #"),
        ("http://h/Wiki", "upper.case"),
        ("os:", "no index name"),
        ("os:a/b", "not allowed"),
    ],
)
def test_bad_address_is_refused_with_what_to_say_instead(text: str, complaint: str) -> None:
    with pytest.raises(AddressError, match=complaint) as raised:
        parse_address(text, HOME)
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "-a", "_a", "+a", "aB", "É", "a b", "a\tb", "a*", "a?b", "a/b", "a\\b", "a,b", "a:b", "a#b",
     "a%b", 'a"b', "a<b", "a>b", "a|b", "x" * 256, "é" * 128],
)  # fmt: skip
def test_name_that_the_cluster_would_refuse_is_refused_here(name: str) -> None:
    with pytest.raises(AddressError, match="no index name") as raised:
        check_index_name(name)
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize("name", ["a", "0", "a-b_c+d.e", "..a", "x" * 255, "ö", "日本"])
def test_name_that_the_cluster_takes_comes_back(name: str) -> None:
    assert check_index_name(name) == name


@pytest.mark.parametrize(
    "text",
    [
        f"http://admin:{SECRET}@h:9200/wiki",
        f"https://{SECRET}@h/wiki",
        f"https://:{SECRET}@h/wiki",
        f"http://admin:{SECRET}@h:port/wiki",
        f"http://admin:{SECRET}@h:9200/wiki?pretty",
        f"http://admin:{SECRET}/@h:9200/wiki",
        f"http://admin:{SECRET}#@h:9200/wiki",
        f"http://admin:{SECRET}?@h:9200/wiki",
        f"ftp://admin:{SECRET}@h/wiki",
        f"HTTP://admin:{SECRET}@h/wiki",
    ],
)
def test_password_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(AddressError) as raised:
        parse_address(text, Settings())
    assert SECRET not in assert_one_clear_line(raised.value)


@pytest.mark.parametrize("url", [f"http://admin:{SECRET}@h:9200", f"admin:{SECRET}@h:9200"])
def test_password_in_the_environments_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(AddressError) as raised:
        parse_address("os:wiki", Settings(opensearch_url=url))
    assert SECRET not in assert_one_clear_line(raised.value)


def test_refused_password_comes_with_where_to_put_it() -> None:
    with pytest.raises(AddressError, match="HYBRID_OPENSEARCH_PASSWORD"):
        parse_address(f"http://admin:{SECRET}@h/wiki", Settings())


@given(
    st.text() | st.text().map("http://h/{}".format) | st.text().map("https://{}/wiki".format) | st.from_regex("os:.*")
)
@example("http://h\n/wiki")
def test_any_text_is_an_address_or_one_clear_error(text: str) -> None:
    try:
        address = parse_address(text, HOME)
    except AddressError as error:
        assert_one_clear_line(error)
    else:
        if isinstance(address, ClusterAddress):
            assert check_index_name(address.index) == address.index
            assert address.url.startswith(("http://", "https://"))


@pytest.mark.parametrize("url", ["localhost:9200", "127.0.0.1:9200", "ftp://host:9200", "host"])
def test_variable_without_a_scheme_is_named_with_the_way_to_write_it(url: str) -> None:
    with pytest.raises(AddressError, match="HYBRID_OPENSEARCH_URL is to begin with http:// or https://"):
        parse_address("os:wiki", Settings(opensearch_url=url))
