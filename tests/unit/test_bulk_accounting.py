"""Every item of a batch has one verdict, whatever the cluster answers and in whatever order."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.opensearch import patience
from hybrid.engines.opensearch.bulk import Action, write_batch
from hybrid.engines.opensearch.calls import Answer, Call, Conversation, Pause, encode_lines
from hybrid.errors import BusyError, HybridError, UnreachableError
from hybrid.records import BulkReport
from tests.messages import assert_one_clear_line

OVERLOADED = {"type": "rejected_execution_exception", "reason": "queue is full"}
#: As k-NN words it: its memory limit looks like a malformed passage.
BREAKER = {
    "type": "mapper_parsing_exception",
    "reason": "failed to parse field [vec_01234567] of type [knn_vector] in document with id '1'.",
    "caused_by": {
        "type": "knn_circuit_breaker_exception",
        "reason": "Parsing the created knn vector fields has failed as the circuit breaker triggered.",
    },
}
MALFORMED = {"type": "mapper_parsing_exception", "reason": "failed to parse field [meta.year] of type [long]"}
#: What an item may be told, and what that counts as.
WRITTEN: Mapping[str, Mapping[str, Any]] = {
    "created": {"status": 201, "result": "created"},
    "updated": {"status": 200, "result": "updated"},
    "unchanged": {"status": 200, "result": "noop"},
    "deleted": {"status": 200, "result": "deleted"},
    "missing": {"status": 404, "result": "not_found"},
    "failures": {"status": 400, "error": MALFORMED},
}
PASSING: Mapping[str, Mapping[str, Any]] = {
    "429": {"status": 429, "error": OVERLOADED},
    "503": {"status": 503, "error": {"type": "unavailable_shards_exception", "reason": "primary is not active"}},
    "breaker": {"status": 400, "error": BREAKER},
    "block": {"status": 403, "error": {"type": "cluster_block_exception", "reason": "disk usage exceeded"}},
    "memory": {"status": 429, "error": {"type": "circuit_breaking_exception", "reason": "Data too large"}},
}
WHOLE = {
    429: Answer(429, {"error": OVERLOADED, "status": 429}),
    502: Answer(502, "<html>\n<h1>Bad Gateway</h1>\n</html>"),
    503: Answer(503, {"error": {"type": "cluster_block_exception", "reason": "no manager"}, "status": 503}),
    413: Answer(413, ""),
}


def items_of(call: Call) -> list[str]:
    return [orjson.loads(line)["index"]["_id"] for line in (call.body or b"").splitlines()[::2]]


def answer_items(call: Call, verdicts: Mapping[str, Iterator[Mapping[str, Any]]]) -> Answer:
    return Answer(200, {"items": [{"index": {"_id": one, **next(verdicts[one])}} for one in items_of(call)]})


def carry_out(conversation: Conversation[BulkReport], answers: Iterator[Any]) -> BulkReport:
    """Run a conversation on scripted answers: an ``Answer``, an error to throw in, or a function of the call."""
    step: Call | Pause = next(conversation)
    while True:
        try:
            if isinstance(step, Pause):
                step = conversation.send(Answer(200, None))
                continue
            given = next(answers, None)
            assert given is not None, "the batch was sent again"
            if isinstance(given, Exception):
                step = conversation.throw(given)
            else:
                step = conversation.send(given if isinstance(given, Answer) else given(step))
        except StopIteration as stop:
            report: BulkReport = stop.value
            return report


def make(ids: list[str]) -> list[Action]:
    return [Action(one, encode_lines({"index": {"_id": one}}, {"text": one})) for one in ids]


scripts = st.lists(
    st.tuples(st.lists(st.sampled_from(sorted(PASSING)), max_size=3), st.sampled_from(sorted(WRITTEN))), max_size=8
)
bad_luck = st.lists(st.sampled_from([429, 502, 503, "lost"]), max_size=4)


@given(scripts, bad_luck)
def test_report_adds_up_to_the_items_that_were_given(
    script: list[tuple[list[str], str]], luck: list[int | str]
) -> None:
    ids = [str(number) for number in range(len(script))]
    verdicts = {
        one: iter([*(PASSING[kind] for kind in passing), WRITTEN[last]])
        for one, (passing, last) in zip(ids, script, strict=True)
    }

    def answers() -> Iterator[Any]:
        yield from (UnreachableError("gone") if one == "lost" else WHOLE[int(one)] for one in luck)
        while True:
            yield lambda call: answer_items(call, verdicts)

    if not ids:
        return
    report = carry_out(write_batch("wiki", make(ids), alias=True), answers())
    counted = {name: getattr(report, name) for name in WRITTEN if name != "failures"}
    expected = Counter(last for _, last in script)
    assert report.total == len(ids)
    assert counted == {name: expected[name] for name in counted}
    failed = {one for one, (_, last) in zip(ids, script, strict=True) if last == "failures"}
    assert {failure.id for failure in report.failures} == failed
    assert len(report.failures) == len(failed)
    assert report.retried == len(luck) * len(ids) + sum(len(passing) for passing, _ in script)


@given(st.sets(st.integers(0, 15)), st.integers(1, 16))
def test_split_on_413_leaves_out_only_items_that_are_too_large_alone(large: set[int], limit: int) -> None:
    ids = [f"{number:02}" for number in range(16)]
    verdicts = {one: iter([WRITTEN["created"]]) for one in ids}

    def answer(call: Call) -> Answer:
        sent = items_of(call)
        if len(sent) > limit or any(int(one) in large for one in sent):
            return WHOLE[413]
        return answer_items(call, verdicts)

    report = carry_out(write_batch("wiki", make(ids), alias=False), iter(lambda: answer, None))
    assert {int(failure.id) for failure in report.failures} == large
    assert all(failure.status == 413 and "bytes" in failure.reason for failure in report.failures)
    assert report.created == 16 - len(large)
    assert report.total == 16


def test_what_was_written_before_a_413_is_reported_with_what_came_after() -> None:
    verdicts = {
        "a": iter([WRITTEN["created"]]),
        "b": iter([PASSING["429"], WRITTEN["updated"]]),
        "c": iter([PASSING["429"], WRITTEN["failures"]]),
    }
    answer = partial(answer_items, verdicts=verdicts)
    report = carry_out(
        write_batch("wiki", make(["a", "b", "c"]), alias=True), iter([answer, WHOLE[413], answer, answer])
    )
    assert (report.created, report.updated, report.retried, report.total) == (1, 1, 2, 3)
    assert [failure.id for failure in report.failures] == ["c"]


@pytest.mark.parametrize("kind", PASSING)
def test_refusal_that_passes_is_given_up_after_all_attempts_with_the_count(kind: str) -> None:
    verdicts = {"good": iter([WRITTEN["created"]]), "bad": iter([PASSING[kind]] * patience.ATTEMPTS)}
    answers = iter([lambda call: answer_items(call, verdicts)] * patience.ATTEMPTS)
    with pytest.raises(
        BusyError, match=f"1 of 2 items were still refused by wiki after {patience.ATTEMPTS}"
    ) as raised:
        carry_out(write_batch("wiki", make(["good", "bad"]), alias=True), answers)
    assert_one_clear_line(raised.value)
    assert next(answers, None) is None


@pytest.mark.parametrize("answer", [WHOLE[429], WHOLE[502], WHOLE[503], UnreachableError("gone")], ids=str)
def test_cluster_that_never_takes_a_batch_is_one_clear_error(answer: Answer | Exception) -> None:
    with pytest.raises(HybridError) as raised:
        carry_out(write_batch("wiki", make(["1"]), alias=True), iter([answer] * patience.ATTEMPTS))
    assert isinstance(raised.value, BusyError | UnreachableError)
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    "verdict",
    [
        {"status": 400, "error": {**MALFORMED, "reason": f"Preview of field's value: '{BREAKER['caused_by']}'"}},
        {"status": 404, "result": "not_found", "_id": "the circuit breaker triggered"},
    ],
    ids=["quoted value", "missing id"],
)
def test_words_of_a_passage_are_not_taken_for_the_clusters_own(verdict: dict[str, Any]) -> None:
    answers = iter([Answer(200, {"items": [{"index": verdict}]})])
    assert carry_out(write_batch("wiki", make(["1"]), alias=True), answers).total == 1


def test_alias_is_required_to_stay_one() -> None:
    for alias in (True, False):
        call = next(write_batch("wiki", make(["1"]), alias=alias))
        assert isinstance(call, Call)
        assert (call.params.get("require_alias") == "true") is alias
