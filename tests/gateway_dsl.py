"""OpenSearch's query DSL a second time: random queries, and what a query finds and scores in a handful of documents.

The scores are small; what counts is how clauses combine, and that is Lucene's way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Score = float | None
#: What the user asks in every generated query.
ASKED = "red fox"
#: What they do not ask, and what filters are made of.
COLOURS = ("red", "blue", "green")
YEARS = (1990, 2000, 2010)
TEXT_FIELDS = frozenset({"title", "text", "contents"})


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its similarity to the question."""

    id: str
    words: Mapping[str, tuple[str, ...]]
    colour: str
    year: int
    sim: int | None


def make_documents() -> list[Document]:
    """Give documents in which words, colours, years and similarities are combined in every way."""
    texts = (("red", "fox"), ("red",), ("lazy", "dog"))
    titles = (("red", "fox", "fox"), ("quiet",))
    combined = [
        ({"text": text, "title": title, "contents": title + text}, colour, year, sim)
        for text in texts
        for title in titles
        for colour in COLOURS[:2]
        for year, sim in zip((1990, 2000, 1990, 2000), (None, -2, 3, 8), strict=True)
    ]
    return [Document(str(number), *parts) for number, parts in enumerate(combined)]


def evaluate(query: Mapping[str, Any], document: Document) -> Score:
    """Give the score of a document, None if the query does not find it."""
    ((kind, body),) = query.items()
    score: Score = _KINDS[kind](body, document)
    return score


def _match(body: Mapping[str, Any], document: Document) -> Score:
    ((field, value),) = ((name, value) for name, value in body.items() if name != "boost")
    options = value if isinstance(value, dict) else {"query": value}
    boost = float(options.get("boost", 1)) * float(body.get("boost", 1))
    if field == "meta.colour":
        return boost if document.colour == options["query"] else None
    counts = [document.words[field].count(word) for word in options["query"].split()]
    found = all(counts) if options.get("operator") == "and" else any(counts)
    return boost * sum(counts) if found else None


def _multi_match(body: Mapping[str, Any], document: Document) -> Score:
    options = {name: value for name, value in body.items() if name in ("query", "operator")}
    found = [_match({field: options}, document) for field in body["fields"]]
    return max((score for score in found if score is not None), default=None)


def _bool(body: Mapping[str, Any], document: Document) -> Score:
    must, should, only, never = (
        _scores(body.get(name), document) for name in ("must", "should", "filter", "must_not")
    )
    if None in must or None in only or any(score is not None for score in never):
        return None
    matched = [score for score in should if score is not None]
    required = bool(must or only)
    least = body.get("minimum_should_match", 0 if required else 1)
    if should and len(matched) < max(least, 0 if required else 1):
        return None
    return float(body.get("boost", 1)) * sum((score for score in [*must, *matched] if score), 0.0)


def _scores(clauses: Any, document: Document) -> list[Score]:
    listed: Sequence[Any] = clauses if isinstance(clauses, list) else [] if clauses is None else [clauses]
    return [evaluate(clause, document) for clause in listed]


def _dis_max(body: Mapping[str, Any], document: Document) -> Score:
    found = [score for score in _scores(body["queries"], document) if score is not None]
    if not found:
        return None
    best = max(found)
    return float(body.get("boost", 1)) * (best + float(body.get("tie_breaker", 0)) * (sum(found) - best))


def _constant(body: Mapping[str, Any], document: Document) -> Score:
    return None if evaluate(body["filter"], document) is None else float(body.get("boost", 1))


def _boosting(body: Mapping[str, Any], document: Document) -> Score:
    score = evaluate(body["positive"], document)
    demoted = evaluate(body["negative"], document) is not None
    return None if score is None else score * (float(body["negative_boost"]) if demoted else 1)


def _function(body: Mapping[str, Any], document: Document) -> Score:
    score = evaluate(body["query"], document)
    if score is None:
        return None
    weights = [
        float(one["weight"]) for one in body["functions"] if evaluate(one["filter"], document) is not None
    ] or [1.0]
    factor = sum(weights) if body.get("score_mode") == "sum" else float(1)
    if body.get("score_mode") != "sum":
        for weight in weights:
            factor *= weight
    score *= float(body.get("boost", 1))
    combined: dict[str, float] = {
        "multiply": score * factor,
        "sum": score + factor,
        "avg": (score + factor) / 2,
        "max": max(score, factor),
        "min": min(score, factor),
        "replace": factor,
    }
    return combined[body.get("boost_mode", "multiply")]


def _range(body: Mapping[str, Any], document: Document) -> Score:
    bounds = body["meta.year"]
    inside = bounds.get("gte", -1) <= document.year <= bounds.get("lte", 9999)
    return float(1) if inside else None


def _ids(body: Mapping[str, Any], document: Document) -> Score:
    return float(body.get("boost", 1)) if document.id in body["id"] else None


def knn_score(document: Document) -> float:
    """Give k-NN's score of a document's similarity, 0 without one."""
    if document.sim is None:
        return 0.0
    return float(1 + document.sim) if document.sim >= 0 else 1 / (1 - document.sim)


def _script(body: Mapping[str, Any], document: Document) -> Score:
    """Evaluate the two scripts that rewritten bodies hold, k-NN's own and the one around it, or a given score."""
    if "fixed" in body:
        return float(body["fixed"])
    script, params = body["script"], body["script"]["params"]
    if evaluate(body["query"], document) is None:
        return None
    if script.get("lang") == "knn":
        return knn_score(document)
    sim = float(params["a"]) if document.sim is None else float(document.sim)
    shifted = "c" in params
    product = float(params["lambda"]) * (sim + float(params.get("c", 0)))
    return int(shifted) + max(0.0, product)


_KINDS: dict[str, Any] = {
    "match": _match,
    "match_phrase": _match,
    "multi_match": _multi_match,
    "bool": _bool,
    "dis_max": _dis_max,
    "constant_score": _constant,
    "boosting": _boosting,
    "function_score": _function,
    "range": _range,
    "term": lambda body, document: float(1) if document.colour == body["meta.colour"] else None,
    "exists": lambda _body, document: None if document.sim is None else float(1),
    "match_all": lambda body, _document: float(body.get("boost", 1)),
    "terms": _ids,
    "script_score": _script,
}

Clauses = st.SearchStrategy[Any]


def text_clauses() -> Clauses:
    """Give clauses that search for what the user asks."""
    field = st.sampled_from(sorted(TEXT_FIELDS))
    return st.one_of(
        st.builds(lambda name: {"match": {name: ASKED}}, field),
        st.builds(lambda name: {"match": {name: {"query": ASKED, "operator": "and", "boost": 2}}}, field),
        st.just({"multi_match": {"query": ASKED, "fields": ["title", "text"]}}),
        st.just({"match_phrase": {"text": {"query": f" {ASKED} "}}}),
        st.just({"constant_score": {"filter": {"match": {"text": ASKED}}, "boost": 3}}),
    )


def conditions() -> Clauses:
    """Give clauses that are no text: what filters, siblings and functions are made of."""
    simple = st.one_of(
        st.builds(lambda colour: {"term": {"meta.colour": colour}}, st.sampled_from(COLOURS)),
        st.builds(lambda colour: {"match": {"meta.colour": {"query": colour, "boost": 2}}}, st.sampled_from(COLOURS)),
        st.builds(lambda year: {"range": {"meta.year": {"gte": year}}}, st.sampled_from(YEARS)),
        st.just({"match_all": {}}),
    )
    return st.one_of(simple, st.builds(lambda one: {"bool": {"must_not": [one]}}, simple))


def queries() -> Clauses:
    """Give queries that ask for ``ASKED``, under every kind of parent, at up to three levels."""
    found = text_clauses()
    for _ in range(3):
        found = text_clauses() | _parents(found)
    return found


def _parents(inside: Clauses) -> Clauses:
    boost = st.sampled_from([1, 2])
    return st.one_of(_bools(inside), _disjunctions(inside, boost), _functions(inside), _demotions(inside))


#: How many of the optional clauses must match; mostly nothing is said.
_LEAST: list[dict[str, Any]] = [{}, {}, *({"minimum_should_match": least} for least in (0, 1, 2))]


@st.composite
def _bools(draw: st.DrawFn, inside: Clauses) -> Any:
    body: dict[str, Any] = {}
    places = draw(st.sampled_from([("must",), ("should",), ("must", "should")]))
    for name in ("must", "should"):
        text = draw(st.lists(inside, min_size=1, max_size=2)) if name in places else []
        mixed = [*text, *draw(st.lists(conditions(), max_size=1))]
        if mixed:
            shapes = [st.permutations(mixed), *([st.just(mixed[0])] if len(mixed) == 1 else [])]
            body[name] = draw(st.one_of(shapes))
    for name in ("filter", "must_not"):
        found = draw(st.lists(conditions(), max_size=1))
        if draw(st.booleans()) or found:
            body[name] = found
    if "should" in body:
        body |= draw(st.sampled_from(_LEAST))
    return {"bool": body | draw(st.sampled_from([{}, {"boost": 2}]))}


def _disjunctions(inside: Clauses, boost: st.SearchStrategy[int]) -> Clauses:
    return st.builds(
        lambda one, others, by: {"dis_max": {"queries": [one, *others], "tie_breaker": 0.5, "boost": by}},
        inside,
        st.lists(inside | conditions(), max_size=2),
        boost,
    )


def _functions(inside: Clauses) -> Clauses:
    function = st.builds(lambda one, weight: {"filter": one, "weight": weight}, conditions(), st.sampled_from([1, 3]))
    return st.builds(
        lambda query, functions, mode: {
            "function_score": {"query": query, "functions": functions, "boost_mode": mode, "score_mode": "sum"}
        },
        inside,
        st.lists(function, min_size=1, max_size=2),
        st.sampled_from(["multiply", "sum", "avg", "max", "min", "replace"]),
    )


def _demotions(inside: Clauses) -> Clauses:
    return st.builds(
        lambda query, other: {"boosting": {"positive": query, "negative": other, "negative_boost": 0.5}},
        inside,
        conditions(),
    )
