"""Dates of metadata: what a real node made of each text, and the calendar of Python as a second opinion."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.local.dates import DATE_KINDS, DateKind, guess_date, read_date
from tests.meta_facts import DASHED, MILLIS, NAMED_ZONES, NO_DATES, NO_SUCH_DAY, SLASHED


@pytest.mark.parametrize("round_up", [False, True])
@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        *(("date", *one) for one in (DASHED | MILLIS).items()),
        *(("slash_date", *one) for one in (MILLIS | SLASHED).items()),
    ],
)
def test_date_is_the_moment_that_the_cluster_takes_it_for(
    kind: DateKind, text: str, expected: tuple[int, int], round_up: bool
) -> None:
    assert read_date(text, kind, round_up=round_up) == expected[round_up]


@pytest.mark.parametrize(("kind", "texts"), [("date", DASHED), ("slash_date", SLASHED)])
def test_first_date_makes_a_date_field_unless_it_is_a_bare_number(kind: DateKind, texts: dict[str, object]) -> None:
    bare = {"2020", "-2020", "-292275056"}
    assert {text: guess_date(text) for text in texts} == {text: None if text in bare else kind for text in texts}


@pytest.mark.parametrize("text", NO_DATES)
def test_anything_else_is_a_string(text: str) -> None:
    assert guess_date(text) is None


@pytest.mark.parametrize("text", NO_SUCH_DAY)
def test_day_that_does_not_exist_is_a_date_that_is_refused(text: str) -> None:
    kind = guess_date(text)
    assert kind is not None
    with pytest.raises(ValueError, match="no such day"):
        read_date(text, kind)


@pytest.mark.parametrize("zone", NAMED_ZONES)
def test_zone_is_not_known_by_name(zone: str) -> None:
    text = f"2020-01-01T10:00:00{zone}"
    assert guess_date(text) == "date"
    with pytest.raises(ValueError, match="write the offset"):
        read_date(text, "date")


@pytest.mark.parametrize("text", ["2020-02-30", "2020-02-31", "2020/02/30", "2020-02-30T23:59:59.999"])
def test_upper_end_of_a_range_stops_at_the_end_of_the_month(text: str) -> None:
    kind: DateKind = "slash_date" if "/" in text else "date"
    assert read_date(text, kind, round_up=True) == 1583020799999
    with pytest.raises(ValueError, match=r"not a date|no such day"):
        read_date(text, kind)


def test_upper_end_of_a_range_may_be_midnight_at_the_end_of_the_day() -> None:
    assert read_date("2020-05-06T24:00:00.000", "date", round_up=True) == 1588809600000
    for text in ("2020-05-06T24:00:00", "2020-05-06T24:00:00.001"):
        with pytest.raises(ValueError, match="not a date"):
            read_date(text, "date", round_up=True)


@pytest.mark.parametrize("kind", DATE_KINDS)
@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "true", "1e5", "1.0E12", "+5", "- 5", "5 ", "1,5", "NaN", "9223372036854775808", "1.1234567"],
)
def test_what_is_no_date_is_refused_with_an_example(text: str, kind: DateKind) -> None:
    with pytest.raises(ValueError, match="not a date such as 2020"):
        read_date(text, kind)


@given(st.datetimes(min_value=dt.datetime(1, 1, 2), max_value=dt.datetime(9999, 12, 30)), st.integers(-1080, 1080))
def test_whole_dates_are_those_of_the_calendar(moment: dt.datetime, minutes_ahead: int) -> None:
    moment = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=minutes_ahead)))
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert read_date(moment.isoformat(), "date") == since // dt.timedelta(milliseconds=1)


@given(st.text() | st.from_regex(r"[+-]?\d{4,5}[-/]\d\d([-/]\d\d([T ]\d\d(:\d\d(:\d\d)?)?)?)?(Z|\+\d\d)?"))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    for kind in DATE_KINDS:
        try:
            first = read_date(text, kind)
        except ValueError:
            continue
        assert -(2**63) <= first < 2**63
        assert -(2**63) <= read_date(text, kind, round_up=True) < 2**63
