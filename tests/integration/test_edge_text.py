"""Text at its limits: endless questions, every script, titles, and ids of any shape."""

from typing import Literal

import numpy as np
import pytest

from hybrid import Passage
from tests.conftest import small_profile
from tests.exactness import QUESTION_TERMS, Asked, Bench, Benches, make_benches

VECTOR = np.linspace(-1, 1, 8, dtype=np.float32)
MODES: list[Literal["hybrid", "lexical", "dense"]] = ["hybrid", "lexical", "dense"]
ANALYZERS = ["english", "standard", "cjk"]

#: Texts of many scripts, and questions that meet some of them.
TEXTS = [
    "The quick foxes ran home.",
    "東京都は日本の首都です。",
    "北京是中华人民共和国的首都。",
    "서울은 대한민국의 수도이다.",
    "القاهرة هي عاصمة مصر وأكبر مدنها",
    "ירושלים היא עיר בישראל",
    "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย",
    "Москва — столица России",
    "Fun 😀😀 party 🎉 with 👩‍👩‍👧 and 🇯🇵",
    "mixed 東京 foxes مصر 😀 naïve café",
    "e\u0301 decomposed, \u200bzero\u200bwidth, \u202eright to left\u202c",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 beyond the basic plane 𠜎𠜱",
]
QUESTIONS = [
    "東京 首都",
    "日本の首都",
    "مصر",
    "עיר",
    "😀",
    "🎉🎉 party",
    "столица",
    "𠜎",
    "café",
    "수도이다",
    "👩‍👩‍👧",
    "ไทย",
]
STRANGE_IDS = [
    "with space",
    " leading and trailing ",
    "slash/in/it",
    "..",
    "per%20cent%",
    "question?and#hash&amp;",
    'quote"and\\backslash',
    "comma,semicolon;",
    "_underscore",
    "-1",
    "0",
    "null",
    "tab\tand\nnewline",
    "é日本😀",
    "*",
    "x" * 512,
    "日" * 170,
]

benches = pytest.fixture(scope="module")(make_benches)


@pytest.fixture(scope="module")
def words(benches: Benches) -> Bench:
    """Give 500 passages of one word each, w0 to w499, with a title that none of them shares."""
    return benches([Passage(f"p{number}", f"w{number}", title=f"t{number}", vector=VECTOR) for number in range(500)])


@pytest.mark.parametrize("mode", MODES)
def test_question_of_50_000_words_is_cut_and_answered(
    mode: Literal["hybrid", "lexical", "dense"], words: Bench
) -> None:
    question = " ".join(f"w{number}" for number in range(50_000))
    result = words.index.search(question, vector=VECTOR, mode=mode, k=500)
    assert result.question_cut
    assert {hit.id for hit in result.hits if hit.bm25 > 0} == {f"p{number}" for number in range(QUESTION_TERMS)}
    assert len(result.hits) == (QUESTION_TERMS if mode == "lexical" else 500)


@pytest.mark.parametrize("terms", [399, 400, 401, 450])
def test_only_the_first_400_terms_of_a_question_count(terms: int, words: Bench) -> None:
    names = [f"w{number}" for number in range(terms)]
    for mode in MODES:
        asked = Asked(" ".join(names), VECTOR, mode, k=500)
        hits = words.check(asked)
        assert sum(hit.bm25 > 0 for hit in hits) == min(terms, QUESTION_TERMS)
        result = words.index.search(asked.question, vector=VECTOR, mode=mode)
        assert result.question_cut == (terms > QUESTION_TERMS)
        assert result.question == asked.question
        beginning = words.index.search(" ".join(names[:QUESTION_TERMS]), vector=VECTOR, mode=mode, k=500)
        assert [(hit.id, hit.bm25) for hit in beginning.hits] == [(hit.id, hit.bm25) for hit in hits]


def test_terms_that_are_asked_again_and_again_count_each_time(words: Bench) -> None:
    for times in (2, 7, 399):
        hits = words.check(Asked("w3 " * times + "w4", VECTOR, k=5))
        assert [hit.id for hit in hits[:2]] == ["p3", "p4"]
        assert hits[0].bm25 == pytest.approx(times * hits[1].bm25, rel=1e-5)


def test_stop_words_do_not_use_up_the_terms_of_a_question(words: Bench) -> None:
    question = "the of and " * 300 + "w7"
    assert [hit.id for hit in words.check(Asked(question, VECTOR, "lexical"))] == ["p7"]
    assert not words.index.search(question, mode="lexical").question_cut


@pytest.mark.parametrize("filler", ["😀 ", "日", "𠜎", "שלום ", "e\u0301a\u0301 "])
def test_long_question_of_any_script_is_cut_at_the_right_place(filler: str, words: Bench) -> None:
    # One term before the 400th counts, one behind it does not, whatever UTF-16 makes of the filler.
    question = filler * (QUESTION_TERMS - 1) + " w1 w2"
    assert [hit.id for hit in words.check(Asked(question, VECTOR, "lexical"))] == ["p1"]
    assert words.index.search(question, mode="lexical").question_cut


def test_emoji_without_end_are_no_error(words: Bench) -> None:
    for question in ("😀" * 50_000, "👩‍👩‍👧" * 20_000, "日本" * 30_000, "\u202e" * 12_000, "a" * 100_000):
        for mode in MODES:
            words.index.search(question, vector=VECTOR, mode=mode)


@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_text_of_every_script_is_scored_as_the_analyzer_reads_it(analyzer: str, benches: Benches) -> None:
    rng = np.random.default_rng(1)
    passages = [
        Passage(f"p{number}", text, title=TEXTS[(number + 5) % len(TEXTS)], vector=rng.normal(size=8))
        for number, text in enumerate(TEXTS)
    ]
    bench = benches(passages, small_profile(analyzer=analyzer))
    matched = 0
    for question in QUESTIONS:
        for mode in MODES:
            hits = bench.check(Asked(question, VECTOR, mode))
            matched += sum(hit.bm25 > 0 for hit in hits)
    assert matched > 3 * len(QUESTIONS)


def test_title_counts_into_bm25_as_the_beginning_of_the_contents(benches: Benches) -> None:
    passages = [
        Passage("title", "nothing to see", title="foxes"),
        Passage("text", "nothing to see foxes"),
        Passage("both", "nothing to see foxes", title="foxes"),
        Passage("none", "nothing to see"),
    ]
    hits = {hit.id: hit for hit in benches(passages).check(Asked("fox", VECTOR, "lexical"))}
    assert set(hits) == {"title", "text", "both"}
    assert hits["title"].bm25 == hits["text"].bm25 < hits["both"].bm25


def test_ids_of_any_shape_come_back_and_can_be_deleted(benches: Benches) -> None:
    bench = benches([Passage(name, "fox", vector=VECTOR) for name in STRANGE_IDS])
    for mode in MODES:
        hits = bench.check(Asked("fox", VECTOR, mode))
        assert [hit.id for hit in hits] == sorted(STRANGE_IDS, key=str.encode)
        with_text = bench.index.search("fox", vector=VECTOR, mode=mode, k=100).hits
        assert [(hit.id, hit.text) for hit in with_text] == [(hit.id, "fox") for hit in hits]
    assert bench.index.delete(STRANGE_IDS, refresh=True).deleted == len(STRANGE_IDS)
    assert list(bench.index.search("fox", vector=VECTOR).hits) == []


@pytest.mark.parametrize("bad", ["x" * 513, "日" * 171, ""])
def test_id_that_opensearch_does_not_take_is_refused_alone(bad: str, benches: Benches) -> None:
    bench = benches([Passage("before", "fox", vector=VECTOR)])
    report = bench.index.add(
        [Passage("good", "fox", vector=VECTOR), Passage(bad, "fox", vector=VECTOR)], refresh=True
    )
    assert report.created == 1
    assert [failure.id for failure in report.failures] == [bad]
    assert report.failures[0].reason
    assert {hit.id for hit in bench.index.search("fox", vector=VECTOR).hits} == {"before", "good"}
