"""Names on the cluster: what is built is parsed back, and nobody else's name is taken for ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.opensearch.names import IndexName, build_index_name, build_jobs_name, parse_index_name
from hybrid.errors import AddressError
from tests.messages import assert_one_clear_line

aliases = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,40}", fullmatch=True).filter(lambda name: "--" not in name)
names = st.builds(
    IndexName, alias=aliases, version=st.integers(1, 10**6), checksum=st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
)


@given(names)
def test_built_name_is_parsed_back(name: IndexName) -> None:
    assert parse_index_name(build_index_name(name)) == name


@given(names, names)
def test_different_indexes_have_different_names(left: IndexName, right: IndexName) -> None:
    assert (build_index_name(left) == build_index_name(right)) == (left == right)


@given(st.text())
def test_parsed_name_is_built_back(text: str) -> None:
    parsed = parse_index_name(text)
    if parsed is not None and "--" not in parsed.alias:
        assert f"{parsed.alias}--v{parsed.version}--{parsed.checksum}" == text


def test_name_reads_as_alias_version_and_checksum() -> None:
    assert build_index_name(IndexName("wiki", 3, "1a2b3c4d")) == "wiki--v3--1a2b3c4d"


@pytest.mark.parametrize(
    "text",
    ["", "wiki", "wiki-jobs", "wiki--v1", "wiki--v0--1a2b3c4d", "wiki--v01--1a2b3c4d", "wiki--v1--1a2b3c4",
     "wiki--v1--1A2B3C4D", "wiki--v1--1a2b3c4d-jobs", "--v1--1a2b3c4d", "wiki-v1-1a2b3c4d", "wiki--v1--1a2b3c4d\n"],
)  # fmt: skip
def test_name_of_somebody_elses_making_is_not_parsed(text: str) -> None:
    assert parse_index_name(text) is None


@pytest.mark.parametrize("alias", ["a--b", "wiki--v1--1a2b3c4d", "a--"])
def test_alias_that_would_be_parsed_differently_is_refused(alias: str) -> None:
    with pytest.raises(AddressError, match="-- is kept for versions") as raised:
        build_index_name(IndexName(alias, 1, "1a2b3c4d"))
    assert_one_clear_line(raised.value)


def test_alias_that_is_too_long_with_its_version_is_refused() -> None:
    with pytest.raises(AddressError, match="255 bytes"):
        build_index_name(IndexName("x" * 250, 1, "1a2b3c4d"))


@given(names)
def test_versions_of_an_index_share_one_jobs_index(name: IndexName) -> None:
    assert build_jobs_name(build_index_name(name)) == f"{name.alias}-jobs"


def test_index_of_somebody_elses_making_has_a_jobs_index_of_its_own() -> None:
    assert build_jobs_name("articles") == "articles-jobs"
