"""Dates as the cluster reads them: ``2020``, ``2020-05-06T10:20:30+02:00``, ``2020/05/06``, milliseconds since 1970.

A field keeps the format of its first date, hence two kinds of date fields. What a date leaves out is the least;
``round_up``, for the upper end of a range, takes the last hour, minute and so on, but still the first month and day.
"""

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from typing import Literal

DateKind = Literal["date", "slash_date"]
DATE_KINDS: tuple[DateKind, ...] = ("date", "slash_date")

_MILLIS_MAX = 2**63 - 1
_LARGEST_YEAR = 999_999_999
_LARGEST_OFFSET = 18 * 3600
_DAY = 86_400
_FIRST_DAY = dt.date(1970, 1, 1).toordinal()
#: The calendar repeats itself after so many years, and so many days.
_CYCLE, _CYCLE_DAYS = 400, 146_097

_DATE = r"(?P<year>\d{4}|\+\d{5,10}|-\d{4,10})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?"
_TIME = (
    r"(?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?(?:,(?P<comma>\d{1,9}))?)?)?"
)
# Java tries two ways of writing an offset, one after the other, and is content with both at once.
_OFFSETS = r"(?P<offset>Z|[+-]\d\d:\d\d(?::\d\d)?)?(?P<offset2>Z|[+-]\d\d(?:\d\d)?)?"
_DASHED = re.compile(rf"{_DATE}(?:T(?:{_TIME}{_OFFSETS})?)?", re.ASCII)
_SLASHED = re.compile(
    r"(?P<year>\d{4}|\+\d{5,10})/(?P<month>\d\d)/(?P<day>\d\d)"
    r"(?: (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d))?",
    re.ASCII,
)
_MILLIS = re.compile(r"(?P<minus>-)?(?P<whole>\d{1,19})(?:\.(?P<fraction>\d{0,6}))?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
#: Java also knows zones by name; what a name means depends on the machine, so it is not read here.
_NAMED_ZONE = re.compile(
    rf"{_DATE}T{_TIME}(?:(?:UTC?|GMT)(?:[+-].*|0)?|[A-Z]\w+/.+|"
    "CET|CST6CDT|Cuba|EET|EST5EDT|Egypt|Eire|GB|GB-Eire|Greenwich|Hongkong|Iceland|Iran|Israel|Jamaica|Japan|Kwajalein|"
    "Libya|MET|MST7MDT|NZ|NZ-CHAT|Navajo|PRC|PST8PDT|Poland|Portugal|ROK|Singapore|Turkey|UCT|Universal|W-SU|WET|Zulu)",
    re.ASCII,
)

Parts = Mapping[str, str | None]


def guess_date(text: str) -> DateKind | None:
    """Tell which kind of date field a first value makes; None where it makes none. A bare number is no date."""
    if _WHOLE.fullmatch(text):
        return None
    return next((kind for kind in DATE_KINDS if _looks_like(text, kind)), None)


def read_date(text: str, kind: DateKind, *, round_up: bool = False) -> int:
    """Give milliseconds since 1970; ValueError for what is no date of this kind."""
    found = _read(text, kind, round_up)
    if found is None:
        found = _read_millis(text, round_up)
    if found is None:
        example = "2020-05-06T10:20:30Z" if kind == "date" else "2020/05/06 10:20:30"
        raise ValueError(f"it is not a date such as {example}, nor milliseconds since 1970")
    return found


def _looks_like(text: str, kind: DateKind) -> bool:
    try:
        return _read(text, kind, False) is not None
    except ValueError:
        return True


def _read(text: str, kind: DateKind, round_up: bool) -> int | None:
    """Read one format; None where the text is none of it, ValueError where it is but there is no such day."""
    found = (_DASHED if kind == "date" else _SLASHED).fullmatch(text)
    if found is None:
        if kind == "date" and _NAMED_ZONE.fullmatch(text):
            raise ValueError("a local index does not know time zones by name; write the offset, such as +01:00")
        return None
    parts = found.groupdict()
    day, millis, offset = _read_day(parts, kind, round_up), _read_time(parts, round_up), _read_offset(parts)
    if day is None or millis is None or offset is None:
        return None
    return max(-_MILLIS_MAX - 1, min((day * _DAY - offset) * 1000 + millis, _MILLIS_MAX))


def _read_day(parts: Parts, kind: DateKind, round_up: bool) -> int | None:
    """Give days since 1970.

    The cluster checks a whole dashed day as it reads it, and any other when it uses it: of days that do not exist the
    first is no date at all, the second a date that is refused.
    """
    year, month, day = int(parts["year"] or 0), int(parts["month"] or 1), int(parts["day"] or 1)
    if year == 0 and (kind == "slash_date" or str(parts["year"]).startswith("-")):
        return None
    if not round_up and parts["month"] is None and parts["hour"] is not None:
        year = 1970  # The cluster forgets a year that a time follows.
    if abs(year) <= _LARGEST_YEAR and 1 <= month <= 12 and 1 <= day <= 31:
        like_year = year % _CYCLE + _CYCLE
        last = calendar.monthrange(like_year, month)[1]
        if day <= last or round_up:
            found = dt.date(like_year, month, min(day, last)).toordinal() - _FIRST_DAY
            return found + (year - like_year) // _CYCLE * _CYCLE_DAYS
    if kind == "date" and parts["day"] is not None:
        return None
    raise ValueError("there is no such day")


def _read_time(parts: Parts, round_up: bool) -> int | None:
    """Give milliseconds since midnight; what is left out is the least, or the most."""
    hour, minute, second = (
        int(parts[name] or (most if round_up else 0)) for name, most in (("hour", 23), ("minute", 59), ("second", 59))
    )
    fractions = {given.ljust(9, "0") for name in ("fraction", "comma") if (given := parts.get(name))}
    nanos = int(next(iter(fractions), "9" * 9 if round_up else "0"))
    midnight = round_up and (hour, minute, second, nanos) == (24, 0, 0, 0)
    if len(fractions) > 1 or minute > 59 or second > 59 or (hour > 23 and not midnight):
        return None
    return ((hour * 60 + minute) * 60 + second) * 1000 + nanos // 10**6


def _read_offset(parts: Parts) -> int | None:
    """Give the seconds that the clock is ahead; of two offsets the first counts, but both must exist."""
    found = []
    for text in (parts.get("offset"), parts.get("offset2")):
        if text:
            digits = text[1:].replace(":", "").ljust(6, "0")
            hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
            ahead = (hours * 60 + minutes) * 60 + seconds
            if minutes > 59 or seconds > 59 or ahead > _LARGEST_OFFSET:
                return None
            found.append(-ahead if text[0] == "-" else ahead)
    return found[0] if found else 0


def _read_millis(text: str, round_up: bool) -> int | None:
    found = _MILLIS.fullmatch(text)
    if found is None or int(found["whole"]) > _MILLIS_MAX:
        return None
    whole, fraction = int(found["whole"]), found["fraction"]
    if found["minus"] is None:
        return whole
    # To round up, the cluster takes −5 for −5.999999; fractions are cut off towards the past.
    broken = int(fraction or 0) > 0 or (fraction is None and round_up)
    return -whole - broken
