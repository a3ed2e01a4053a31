"""Twenty passages, what filters find among them, and filters that are refused; for a local index and a real node."""

from collections.abc import Callable
from typing import Any

from hybrid import Passage

Clause = dict[str, Any]
Wanted = Callable[[dict[str, Any]], object]
LANGS = ("de", "en", "enm", "fr")
#: Metadata of passage ``pN``: some values are missing, some are many.
METAS: list[dict[str, Any]] = [
    {
        "lang": LANGS[number % 4],
        "year": [1990 + number, 2000 - number] if number % 5 == 0 else 1990 + number,
        "by": {"age": number / 4} if number % 3 else {},
        "draft": number % 2 == 0,
        "day": f"2020-01-{number + 1:02}T12:00",
    }
    for number in range(20)
]


PASSAGES = [
    Passage(
        f"p{number}",
        "t",
        meta=meta,
        document_id=f"d{number // 5}",
        number=number % 5,
        passages_total=5,
        vector=None if number < 7 else [1.0] * 8,
    )
    for number, meta in enumerate(METAS)
]


def ids(wanted: Wanted) -> list[str]:
    return sorted(f"p{number}" for number, meta in enumerate(METAS) if wanted(meta | {"row": number}))


def everything(_meta: dict[str, Any]) -> bool:
    return True


def nothing(_meta: dict[str, Any]) -> bool:
    return False


def years(meta: dict[str, Any]) -> list[int]:
    found: Any = meta["year"]
    return found if isinstance(found, list) else [found]


LEAVES: list[tuple[Clause, Wanted]] = [
    ({"term": {"meta.lang": "en"}}, lambda meta: meta["lang"] == "en"),
    ({"term": {"meta.lang": {"value": "en", "boost": 2, "_name": "x"}}}, lambda meta: meta["lang"] == "en"),
    ({"terms": {"meta.lang": ["en", "fr", "xx"], "boost": 0}}, lambda meta: meta["lang"] in ("en", "fr")),
    ({"terms": {"meta.lang": []}}, nothing),
    ({"prefix": {"meta.lang": "en"}}, lambda meta: meta["lang"].startswith("en")),
    ({"range": {"meta.lang": {"gt": "en"}}}, lambda meta: meta["lang"] > "en"),
    ({"term": {"meta.year": 1995}}, lambda meta: 1995 in years(meta)),
    ({"term": {"meta.year": "1995"}}, lambda meta: 1995 in years(meta)),
    ({"term": {"meta.year": 1995.5}}, nothing),
    ({"range": {"meta.year": {"gte": 1993, "lt": 1996}}}, lambda meta: {1993, 1994, 1995} & {*years(meta)}),
    ({"range": {"meta.year": {"gt": 1992.5, "lte": 1995.5}}}, lambda meta: {1993, 1994, 1995} & {*years(meta)}),
    ({"range": {"meta.year": {"gt": 2015}}}, nothing),
    ({"range": {"meta.year": {"gte": None}}}, everything),
    ({"range": {"meta.by.age": {"gte": 1, "lt": 2.5}}}, lambda meta: 1 <= meta["by"].get("age", -1) < 2.5),
    ({"term": {"meta.draft": True}}, lambda meta: meta["draft"]),
    ({"range": {"meta.draft": {"gt": False}}}, lambda meta: meta["draft"]),
    ({"term": {"meta.day": "2020-01-05"}}, lambda meta: meta["row"] == 4),
    ({"range": {"meta.day": {"gt": "2020-01-05", "lte": "2020-01-07"}}}, lambda meta: meta["row"] in (5, 6)),
    ({"range": {"meta.day": {"gte": "2020-01-05", "lt": "2020-01-07"}}}, lambda meta: meta["row"] in (4, 5)),
    ({"exists": {"field": "meta.by"}}, lambda meta: meta["by"]),
    ({"exists": {"field": "meta.by.age"}}, lambda meta: meta["by"]),
    ({"exists": {"field": "meta"}}, everything),
    ({"exists": {"field": "meta.nowhere"}}, nothing),
    ({"exists": {"field": "title"}}, everything),
    ({"term": {"id": "p3"}}, lambda meta: meta["row"] == 3),
    ({"ids": {"values": ["p3", "p5", "x"]}}, lambda meta: meta["row"] in (3, 5)),
    ({"ids": {"values": "p3"}}, lambda meta: meta["row"] == 3),
    ({"ids": {}}, nothing),
    ({"prefix": {"document_id": "d"}}, everything),
    ({"term": {"document_id": "d1"}}, lambda meta: meta["row"] // 5 == 1),
    ({"range": {"number": {"gte": 3}}}, lambda meta: meta["row"] % 5 >= 3),
    ({"term": {"passages_total": " 5d "}}, everything),
    ({"range": {"number": {"gt": -0.5, "lt": 0.5}}}, lambda meta: meta["row"] % 5 == 0),
    ({"range": {"meta.year": {"gte": -0.5, "lt": 1994.5}}}, lambda meta: any(one < 1995 for one in years(meta))),
    ({"range": {"meta.year": {"gt": 9, "gte": 1995, "lt": 1, "lte": None}}}, lambda meta: max(years(meta)) >= 1995),
    ({"term": {"pending": True}}, lambda meta: meta["row"] < 7),
    ({"terms": {"pending": ["false"]}}, lambda meta: meta["row"] >= 7),
    ({"range": {"pending": {}}}, everything),
    ({"range": {"pending": {"gt": True}}}, nothing),
    ({"term": {"meta.by": "x"}}, nothing),
    ({"term": {"lang": "en"}}, nothing),
    ({"match_all": {}}, everything),
    ({"match_none": {"boost": 1.5}}, nothing),
]  # fmt: skip

_LANG = {"terms": {"meta.lang": ["en", "de"]}}
_EARLY, _LATE = {"range": {"meta.year": {"lt": 1999}}}, {"range": {"meta.year": {"gte": 1995}}}
_SHOULD = [_LANG, _EARLY, _LATE]
_ALL: Clause = {"filter": {"match_all": {}}}


def votes(meta: dict[str, Any]) -> int:
    """Count the clauses of ``_SHOULD`` that match."""
    early, late = any(year < 1999 for year in years(meta)), any(year >= 1995 for year in years(meta))
    return (meta["lang"] in ("en", "de")) + early + late


#: What stands beside ``_SHOULD``, ``minimum_should_match``, and how many must match then.
_VOTES: list[tuple[Clause, Any, int]] = [
    ({}, 0, 1), ({}, -1, 2), ({}, -3, 1), ({}, -9, 1), ({}, "2", 2), ({}, 3, 3), ({}, 4, 4),
    ({"filter": []}, " -2 ", 1), (_ALL, 0, 0), (_ALL, None, 0), (_ALL, -1, 2), (_ALL, -9, 0), (_ALL, 3, 3),
]  # fmt: skip
#: Combinations, by how many of three clauses must match.
BOOLS: list[tuple[Clause, Wanted]] = [
    ({"bool": {}}, everything),
    ({"bool": {"must": [], "should": None}}, everything),
    ({"bool": {"minimum_should_match": 1}}, everything),
    ({"bool": {"must": _LANG, "minimum_should_match": 1}}, nothing),
    ({"bool": {"must_not": _LANG, "minimum_should_match": 1}}, lambda meta: meta["lang"] not in ("en", "de")),
    ({"bool": {"must_not": [_EARLY, _LATE]}}, nothing),
    ({"bool": {"should": [_LANG]}}, lambda meta: meta["lang"] in ("en", "de")),
    ({"bool": {"should": _LANG, "minimum_should_match": 0}}, lambda meta: meta["lang"] in ("en", "de")),
    ({"bool": {"filter": {"match_all": {}}, "should": _LANG}}, everything),
    *(
        (
            {"bool": {"should": _SHOULD, "minimum_should_match": given} | more},
            lambda meta, least=least: votes(meta) >= least,
        )
        for more, given, least in _VOTES
    ),
]  # fmt: skip
#: What only the cluster takes → words of its refusal: the clause, field or option by name, and what there is instead.
UNSUPPORTED: list[tuple[Clause, str]] = [
    ({"wildcard": {"meta.lang": "e*"}}, "the clause 'wildcard'; it knows term, terms, range, exists"),
    ({"constant_score": {"filter": {"match_all": {}}}}, "the clause 'constant_score'; it knows"),
    ({"term": {"title": "x"}}, r"'title'; it can by meta\.\*, id, document_id, number, passages_total, pending"),
    ({"prefix": {"text": "x"}}, "'text'; it can by"),
    ({"exists": {"field": "encode_error.reason"}}, "'encode_error.reason'; it can by"),
    ({"exists": {"field": "vec_01234567"}}, "'vec_01234567'; it can by"),
    ({"term": {"_id": "p1"}}, "'_id'; it can by"),
    ({"exists": {"field": "meta.l*"}}, r"patterns such as 'meta.l\*'"),
    ({"term": {"meta.lang": {"value": "en", "case_insensitive": True}}}, "'case_insensitive': true in term"),
    ({"prefix": {"meta.lang": {"value": "e", "case_insensitive": True}}}, "'case_insensitive': true in prefix"),
    ({"prefix": {"meta.lang": {"value": "e", "rewrite": "constant_score"}}}, "'rewrite': .constant_score. in prefix"),
    ({"range": {"meta.day": {"gte": "2020", "format": "yyyy"}}}, "'format': .yyyy. in range; it knows _name"),
    ({"range": {"meta.day": {"gte": "2020", "time_zone": "+01:00"}}}, "'time_zone'"),
    ({"range": {"meta.year": {"from": 1990}}}, "'from': 1990 in range"),
    ({"range": {"meta.day": {"gte": "now-1d"}}}, "does not calculate with dates"),
    ({"term": {"meta.day": "2020||/y"}}, "does not calculate with dates"),
    ({"range": {"meta.day": {"gte": "2020-01-01T10:00Europe/Berlin"}}}, "write the offset"),
    ({"range": {"meta.by.age": {"lte": "NaN"}}}, "not a number"),
    ({"bool": {"should": [], "minimum_should_match": "75%"}}, "minimum_should_match '75%'; write a whole number"),
    ({"bool": {"must_not": [], "adjust_pure_negative": False}}, "'adjust_pure_negative': false in bool"),
    ({"bool": {"mustNot": []}}, "'mustNot'"),
]  # fmt: skip
#: Values that no side can compare with what the field holds → words of the refusal.
MISFITS: list[tuple[Clause, str]] = [
    ({"term": {"meta.year": "x"}}, "'meta.year', which is of the type long: it is not a number"),
    ({"term": {"meta.year": True}}, "'meta.year', which is of the type long: it is a truth value"),
    ({"term": {"meta.year": 2**63}}, "long: it is not between -9223372036854775808 and"),
    ({"terms": {"meta.year": [5, ""]}}, "long"),
    ({"range": {"meta.year": {"gte": 1e30}}}, "long"),
    ({"range": {"number": {"lte": 2**31 - 0.5}}}, "integer: it is not between"),
    ({"range": {"number": {"gte": 2**31}}}, "integer: it is not between -2147483648 and 2147483647"),
    ({"term": {"meta.by.age": "x"}}, "double"),
    ({"term": {"meta.by.age": "Infinity"}}, "double: it is not a finite number"),
    ({"term": {"meta.draft": 1}}, "boolean: it is neither true nor false"),
    ({"range": {"pending": {"gt": "yes"}}}, "'pending', which is of the type boolean"),
    ({"term": {"meta.day": "x"}}, "date: it is not a date such as 2020"),
    ({"range": {"meta.day": {"lte": "2020/01/01"}}}, "date: it is not a date such as 2020"),
    ({"prefix": {"meta.year": "19"}}, "long: only strings have a prefix"),
]
#: Clauses that no side can read.
MALFORMED: list[Any] = [
    {}, {"term": {}, "range": {}}, [], None, 5, "term", {"term": None}, {"term": []}, {"term": {}},
    {"term": {"": 5}}, {"term": {"meta.a": 5, "meta.b": 5}}, {"term": {"meta.a": None}}, {"term": {"meta.a": [5]}},
    {"term": {"meta.a": {}}}, {"term": {"meta.a": {"value": None}}}, {"term": {"meta.a": {"value": {}}}},
    {"terms": {}}, {"terms": {"boost": 1}}, {"terms": {"meta.a": 5}}, {"terms": {"meta.a": [None]}},
    {"terms": {"meta.a": [[5]]}}, {"terms": {"meta.a": {}}}, {"terms": {"meta.a": [5], "meta.b": [5]}},
    {"range": {}}, {"range": {"meta.a": 5}}, {"range": {"meta.a": None}},
    {"range": {"meta.a": {}, "meta.b": {}}}, {"exists": {}}, {"exists": {"field": ""}},
    {"prefix": {"meta.a": None}}, {"prefix": {"meta.a": ["x"]}}, {"prefix": {"meta.a": {}}},
    {"ids": {"values": None}}, {"ids": {"values": 5}}, {"ids": {"values": [None]}}, {"bool": []},
    {"bool": {"must": 5}}, {"bool": {"must": [None]}}, {"bool": {"must": [{}]}},
    {"bool": {"must": [[{"match_all": {}}]]}}, {"match_all": []}, {"term": {"meta.a": {"value": 5, "boost": -1}}},
    {"match_all": {"boost": True}}, {"match_none": {"x": 1}},

]  # fmt: skip
#: What the cluster overlooks.
SLOPPY: list[Any] = [
    {"range": {"meta.a": {"gte": [5]}}},
    {"exists": {"field": 5}},
    {"match_all": {"boost": "2"}},
    {"bool": {"minimum_should_match": 1.5}},
    {"terms": {"meta.lang": ["en"], "value_type": "default"}},
    {"bool": {"must": [{"term": {"nowhere": 1}}, {"term": {"meta.year": "x"}}]}},
    {"range": {"meta.year": {"gt": 2**63 - 1, "lte": "x"}}},
]
