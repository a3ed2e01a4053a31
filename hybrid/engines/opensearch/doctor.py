"""Is this cluster fit for exact hybrid queries? A list of checks, each with what to do where it fails."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ...errors import AccessError, HybridError, RefusedError
from ...fusion import fuse
from ...passages import CONTENTS, TEXT
from ...records import Check
from ...requests import make_request
from .calls import Call, Conversation, ask, encode
from .lifecycle import open_target
from .queries import Target
from .search import search
from .settle import read_share
from .status import read_status

#: The first version whose k-NN scores an inner product alike everywhere.
OLDEST = (2, 13)
_CLOSE = 1e-3


def examine(name: str) -> Conversation[list[Check]]:
    """Look at the cluster and the index behind ``name``; what one check finds out the next builds on."""
    checks: list[Check] = []
    try:
        checks.append((yield from _check_version()))
        checks.append((yield from _check_plugin()))
        target = yield from open_target(name)
        checks.append(Check("profile", True, f"{target.profile.pair_id}, {target.profile.vector_field}, one for "
                            f"{len(target.indexes)} index(es)"))  # fmt: skip
        checks.append((yield from _check_similarity(target)))
        checks.append((yield from _check_scripts(target)))
        checks.append((yield from _check_coverage(target)))
        checks.append((yield from _check_settled(target)))
    except HybridError as error:
        checks.append(Check(_STEPS[len(checks)], False, str(error)))
    checks += [Check(step, None, "not reached") for step in _STEPS[len(checks) :]]
    return checks


_STEPS = ("cluster", "k-NN plugin", "profile", "similarity", "inline scripts", "coverage", "settled")


def _check_version() -> Conversation[Check]:
    cluster = yield from ask(Call("GET", "/"), what="reach the cluster")
    version = cluster["version"]
    number = str(version["number"])
    new_enough = tuple(int(part) for part in number.split(".")[:2]) >= OLDEST
    is_ours = version.get("distribution") == "opensearch"
    advice = "" if new_enough and is_ours else f"; OpenSearch {OLDEST[0]}.{OLDEST[1]} or newer is needed"
    return Check(_STEPS[0], new_enough and is_ours, f"{version.get('distribution', 'unknown')} {number}{advice}")


def _check_plugin() -> Conversation[Check]:
    call = Call("GET", "/_cat/plugins", params={"format": "json", "h": "name,component,version"})
    try:
        plugins = yield from ask(call, what="list plugins")
    except (AccessError, RefusedError) as error:
        return Check(_STEPS[1], None, f"cannot be listed here ({error})")
    nodes = {plugin["name"] for plugin in plugins}
    having = {plugin["name"] for plugin in plugins if plugin["component"] == "opensearch-knn"}
    if having and having == nodes:
        return Check(_STEPS[1], True, f"on {len(having)} node(s)")
    return Check(_STEPS[1], False, f"on {len(having)} of {len(nodes)} node(s); install opensearch-knn on all")


def _check_similarity(target: Target) -> Conversation[Check]:
    """Hold the factor that the settings promise against a score that the cluster explains."""
    sample = yield from _sample(target)
    if sample is None:
        return Check(_STEPS[3], None, "the index is empty, so no score can be looked at")
    index, passage_id, term = sample
    body = encode({"query": {"match": {CONTENTS: term}}})
    call = Call("POST", f"/{index}/_explain/{quote(passage_id, safe='')}", body)
    explained = yield from ask(call, what="explain a score")
    seen = read_factor(explained["explanation"])
    fits = seen is not None and abs(seen - target.bm25_factor) < _CLOSE
    said = "cannot be read" if seen is None else f"BM25 × {seen:g}"
    advice = "" if fits else f"; the settings say × {target.bm25_factor:g}, so scores would be wrong: report this"
    return Check(_STEPS[3], fits, f"{said}{advice}")


def read_factor(explanation: Mapping[str, Any]) -> float | None:
    """Give what a similarity multiplies ``idf · tf`` by, from the explanation of one term's score."""
    details = {part["description"].split(",")[0].split("(")[0].strip(): part for part in explanation["details"]}
    if "idf" in details and "tf" in details:
        product = float(details["idf"]["value"]) * float(details["tf"]["value"])
        return float(explanation["value"]) / product if product else None
    for part in explanation["details"]:
        found = read_factor(part)
        if found is not None:
            return found
    return None


def _sample(target: Target) -> Conversation[tuple[str, str, str] | None]:
    """Give an index, a passage's id and one of its terms as typed."""
    body = encode({"size": 1, "query": {"exists": {"field": CONTENTS}}, "_source": [TEXT], "track_total_hits": False})
    hits = (yield from ask(Call("POST", f"/{target.name}/_search", body), what="look at a passage"))["hits"]["hits"]
    if not hits:
        return None
    text = hits[0]["_source"].get(TEXT, "")
    analyze = Call("POST", f"/{hits[0]['_index']}/_analyze", encode({"field": CONTENTS, "text": text[:1000]}))
    tokens = (yield from ask(analyze, what="analyse a passage"))["tokens"]
    if not tokens:
        return None
    units = text.encode("utf-16-le")[2 * tokens[0]["start_offset"] : 2 * tokens[0]["end_offset"]]
    return hits[0]["_index"], hits[0]["_id"], units.decode("utf-16-le", "ignore")


def _check_scripts(target: Target) -> Conversation[Check]:
    """Ask a real hybrid question: it holds every script that searches use."""
    probe = [1.0] * target.profile.dimension
    request = make_request("hybrid", target.profile, vector=probe, k=1)
    try:
        result = yield from search(target, request, "doctor")
    except HybridError as error:
        advice = "inline scripts of painless and knn must be allowed (script.allowed_types, script.allowed_contexts)"
        return Check(_STEPS[4], False, f"{advice}: {error}")
    hit = next(iter(result.hits), None)
    sums = hit is None or hit.sim is None or abs(hit.score - fuse(hit.bm25, hit.sim, result.lam)) < _CLOSE
    return Check(_STEPS[4], sums, f"a hybrid query answers in {result.took_ms:.0f} ms")


def _check_coverage(target: Target) -> Conversation[Check]:
    status = yield from read_status(target)
    whole = status.encoded == status.passages
    advice = (
        "" if whole else f"; {status.pending} pending, {status.failed} failed: hybrid ingest encodes what is pending"
    )
    return Check(_STEPS[5], whole, f"{status.coverage:.1%} of {status.passages} passages have a vector{advice}")


def _check_settled(target: Target) -> Conversation[Check]:
    share = yield from read_share(target.name)
    whole = share.passages + share.deleted
    part = share.deleted / whole if whole else 0.0
    advice = "" if share.settled else f"; they count in BM25: hybrid settle {target.name}"
    return Check(_STEPS[6], share.settled, f"{share.deleted} of {whole} documents are deleted ({part:.1%}){advice}")
