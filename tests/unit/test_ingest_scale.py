"""Questions that are made of passages."""

from hypothesis import given
from hypothesis import strategies as st

from hybrid.passages import Passage
from ingest.scale import WORDS, make_questions


@given(st.lists(st.text(min_size=1, max_size=300).filter(str.strip), max_size=5))
def test_question_is_the_beginning_of_a_sentence_of_its_own_passage(texts: list[str]) -> None:
    made = make_questions([Passage(f"p{number}", text) for number, text in enumerate(texts)])
    assert [own for _, own in made] == [f"p{number}" for number in range(len(texts))]
    for (question, _), text in zip(made, texts, strict=True):
        assert len(question.split()) <= WORDS
        assert question in " ".join(text.split())


def test_question_stays_inside_its_sentence() -> None:
    passage = Passage("p", "The moon pulls. The ocean rises! 月が引く。海が上がる。")
    sentences = {"The moon pulls.", "The ocean rises!", "月が引く。", "海が上がる。"}
    assert make_questions([passage])[0][0] in sentences


def test_same_passages_give_the_same_questions() -> None:
    passages = [Passage(f"p{number}", "One. Two. Three. Four.") for number in range(20)]
    assert make_questions(passages) == make_questions(passages)
    assert len({question for question, _ in make_questions(passages)}) > 1


def test_long_word_is_cut() -> None:
    assert make_questions([Passage("p", "x" * 10_000)]) == [("x" * 100, "p")]
