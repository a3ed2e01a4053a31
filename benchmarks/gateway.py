"""What the gateway adds to a search page's requests: ``python -m benchmarks.gateway --json``.

A page's whole body, with facets and highlights, goes to OpenSearch itself, through the gateway in mode off, and in
mode on with a question that was never asked and with the same one again. Beside them, without a gateway: the very
searches that mode on sends, and the encoding of the question. All of them take turns question by question in an order
that changes; what counts is the difference within each question.

The processor time that the gateway itself takes for a request depends least on what else the machine does. Also
counted: how many of the passages that mode on admits by name a radial clause would find, which admits by score.
"""

import argparse
import http.client
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from benchmarks import passages
from benchmarks.passages import Workload
from hybrid import IndexSpec, open_index
from hybrid.encoders import Encoder, load_encoder
from hybrid.engines.opensearch import lifecycle
from hybrid.engines.opensearch.calls import Call, ask, encode
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.queries import Target
from hybrid.gateway.admitted import build_nearest_body, read_nearest
from hybrid.gateway.plan import Lexical, make_plan, to_hybrid
from hybrid.gateway.rewrite import Question
from hybrid.gateway.served import Known, Served, read_known
from hybrid.gateway.wishes import Wishes
from hybrid.requests import make_request
from hybrid.settings import Settings
from tests.gateway_server import Server, gateway
from tests.services.discover import opensearch_service
from tests.vectors import MODEL, SCALE

WARM_UP = 20
#: Requests over which processor time is counted.
REPEATED = 300
FACETS = {"part": {"terms": {"field": "meta.part"}}, "years": {"stats": {"field": "meta.year"}}}
HIGHLIGHT = {"pre_tags": ["<em>"], "post_tags": ["</em>"], "fields": {"text": {"fragment_size": 200}}}
COLUMNS = ("direct", "off", "engine_new", "on_new", "engine_again", "on_again", "encoding")
#: What the gateway adds, and to what.
ADDED: Mapping[str, tuple[str, ...]] = {
    "off": ("direct",),
    "on_new": ("engine_new", "encoding"),
    "on_again": ("engine_again",),
}


def main() -> None:
    """Measure, and print a table, or JSON."""
    options = _parse_options()
    work = passages.real(options.questions + WARM_UP, options.seed)
    encoder = load_encoder(MODEL, scale=SCALE)
    with (
        opensearch_service(heap="2g") as service,
        _indexed(service.url, work, encoder) as name,
        tempfile.TemporaryDirectory() as folder,
        gateway(Path(folder), service.url, "--index", name, "--patience", "60") as server,
        closing(_Page(service.url, name)) as direct,
        closing(_Page(server.url, name)) as through,
    ):
        engine = _Engine(service.url, name, encoder)
        took = [measure(question, direct, through, engine, encoder) for question in work.questions[WARM_UP:]]
        cpu = {mode: _count_cpu(server, through, work.questions[0], mode) for mode in ("off", "on")}
    found = {**_summarise(len(work.texts), took), "gateway_cpu_ms": cpu}
    print(json.dumps(found, indent=2) if options.json else _table(found))


class _Page:
    """A page with a connection of its own, which it keeps."""

    def __init__(self, url: str, index: str):
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self._path = f"/{index}/_search"

    def ask(self, body: Any, mode: str = "off", options: str = "") -> Any:
        headers = {"content-type": "application/json", "x-search-mode": mode}
        self._connection.request("POST", self._path + options, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        assert response.headers.get("x-hybrid", mode).startswith(mode), response.headers["x-hybrid"]
        return answer

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What mode on would send for a question."""

    nearest: bytes
    hybrid: bytes


class _Engine:
    """The searches of mode on, without the gateway."""

    def __init__(self, url: str, index: str, encoder: Encoder):
        self._page = _Page(url, index)
        self._encoder = encoder
        self._served = Served(shown=index, name=index)
        client = Client(url, Settings())
        self._target: Target = client.run(lifecycle.open_target(index))
        mapping = client.run(ask(Call("GET", f"/{index}/_mapping"), what="read the mapping"))
        self._known: Known = read_known(self._target, mapping)
        client.close()

    def prepare(self, text: str) -> _Prepared:
        plan = make_plan(build_body(text), {}, Wishes(), self._known)
        assert not isinstance(plan, Lexical), plan
        vector = self._encoder.encode_questions([text])[0]
        request = make_request(plan.text.words, self._target.profile, vector=vector)
        nearest = encode(build_nearest_body(request, self._target, self._served))
        ids = read_nearest(json.loads(self._page.ask(nearest)), self._served, self._target.profile)
        rewritten = to_hybrid(build_body(text), plan, Question(request, self._target, ids), self._known)
        return _Prepared(nearest, encode(rewritten.body))

    def count_radial(self, prepared: _Prepared) -> int:
        """Count what a radial clause finds of the nearest passages, of which there are ``admit``."""
        near = json.loads(prepared.nearest)
        whole = json.loads(self._page.ask(encode({**near, "size": self._served.admit + 1})))["hits"]["hits"]
        ((field, clause),) = near["query"]["knn"].items()
        least = (whole[-2]["_score"] + whole[-1]["_score"]) / 2
        radial = {"query": {"knn": {field: {"vector": clause["vector"], "min_score": least}}}, "size": 0}
        return int(json.loads(self._page.ask(encode(radial)))["hits"]["total"]["value"])

    def search(self, *bodies: bytes) -> None:
        for body in bodies:
            self._page.ask(body)


def build_body(text: str) -> dict[str, Any]:
    """Build what Searchkit sends for a page of ten hits with two facets."""
    fields = ["title^3", "text"]
    either = [
        {"multi_match": {"query": text, "fields": fields, "fuzziness": "AUTO:4,8"}},
        {"multi_match": {"query": text, "fields": fields, "type": "bool_prefix"}},
    ]
    phrase = {"multi_match": {"query": text, "type": "phrase", "fields": fields}}
    query = {"bool": {"filter": [], "must": {"bool": {"should": [{"bool": {"should": either}}, phrase]}}}}
    source = {"includes": ["title", "text", "meta"]}
    return {"aggs": FACETS, "query": query, "size": 10, "from": 0, "_source": source, "highlight": HIGHLIGHT}


def measure(text: str, direct: _Page, through: _Page, engine: _Engine, encoder: Encoder) -> dict[str, float]:
    """Time everything for one question, in an order of its own, in ms."""
    body, took = encode(build_body(text)), {}
    prepared = engine.prepare(text)

    def time_it(name: str, act: Callable[[], object]) -> None:
        started = time.perf_counter()
        act()
        took[name] = (time.perf_counter() - started) * 1000

    def ask_engine() -> None:
        time_it("engine_new", lambda: engine.search(prepared.nearest, prepared.hybrid))
        time_it("engine_again", lambda: engine.search(prepared.hybrid))

    def ask_gateway() -> None:
        time_it("on_new", lambda: through.ask(body, "on"))
        time_it("on_again", lambda: through.ask(body, "on"))

    acts = [
        lambda: time_it("direct", lambda: direct.ask(body)),
        lambda: time_it("off", lambda: through.ask(body)),
        lambda: time_it("encoding", lambda: encoder.encode_questions([text])),
        ask_engine,
        ask_gateway,
    ]
    took["radial"] = engine.count_radial(prepared)
    for place in np.random.default_rng(len(text)).permutation(len(acts)):
        acts[place]()
    return took


def _count_cpu(server: Server, through: _Page, question: str, mode: str) -> float:
    """Give the milliseconds of processor time that the gateway needs for a request that it has seen before."""
    body = encode(build_body(question))
    through.ask(body, mode)
    before = server.cpu
    for _ in range(REPEATED):
        through.ask(body, mode)
    return _round((server.cpu - before) * 1000 / REPEATED)


def _summarise(size: int, took: list[dict[str, float]]) -> dict[str, Any]:
    columns = {name: np.array([one[name] for one in took]) for name in COLUMNS}
    radial = np.array([one["radial"] for one in took])
    sums = {name: sum(columns[part] for part in parts) for name, parts in ADDED.items()}
    return {
        "passages": size,
        "questions": len(took),
        "p50_ms": {name: _round(np.median(column)) for name, column in columns.items()},
        "p95_ms": {name: _round(np.percentile(column, 95)) for name, column in columns.items()},
        "added_ms": {name: _spread(columns[name] - np.asarray(sums[name])) for name in ADDED},
        "radial_found": {
            "median": _round(np.median(radial)),
            "below_90": int((radial < 90).sum()),
            "none": int((radial == 0).sum()),
        },
        "ratio": {name: _spread(columns[name] / np.asarray(sums[name])) for name in ADDED},
    }


def _spread(values: NDArray[np.float64]) -> dict[str, float]:
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"p50": _round(middle), "p25": _round(low), "p75": _round(high)}


def _round(value: Any) -> float:
    return round(float(value), 2)


def _table(found: Mapping[str, Any]) -> str:
    lines = [f"{found['passages']:,} passages, {found['questions']} questions; ms"]
    lines += [f"  {name:12} p50 {found['p50_ms'][name]:7.2f}   p95 {found['p95_ms'][name]:7.2f}" for name in COLUMNS]
    for name, parts in ADDED.items():
        added, ratio = found["added_ms"][name], found["ratio"][name]
        lines.append(
            f"  {name} − {' − '.join(parts)}: {added['p50']} ({added['p25']} to {added['p75']}); ratio {ratio['p50']}"
        )
    cpu, radial = found["gateway_cpu_ms"], found["radial_found"]
    lines.append(f"  the gateway's own processor time: off {cpu['off']} ms, on {cpu['on']} ms a request")
    lines.append(
        f"  a radial clause finds {radial['median']:.0f} of 100 passages in the median, fewer than 90 for "
        f"{radial['below_90']} questions, none for {radial['none']}"
    )
    return "\n".join(lines)


@contextmanager
def _indexed(url: str, work: Workload, encoder: Encoder) -> Iterator[str]:
    """Fill an index with something to count by, and give its name."""
    name = f"bench-{secrets.token_hex(4)}"
    client = Client(url, Settings())
    client.run(lifecycle.create_index(name, encoder.make_profile(), IndexSpec(replicas=0)))
    try:
        _say(f"writing {len(work.texts)} passages")
        with open_index(f"{url}/{name}", settings=Settings()) as index:
            index.add(
                replace(one, meta={"part": f"part {row % 7}", "year": 1900 + row % 100})
                for row, one in enumerate(work.passages())
            )
            _say("merging")
            index.settle()
        yield name
    finally:
        client.run(lifecycle.drop_index(name))
        client.close()


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the gateway adds to a search page's requests.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
