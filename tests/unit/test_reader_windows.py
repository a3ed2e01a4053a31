"""Text to tokens and back: places in characters, whole words, windows that leave nothing out."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from hybrid.reader.spans import Span
from hybrid.reader.texts import Text, read_texts
from hybrid.reader.windows import OVERLAP, Window, cut_windows, read_frame
from tests.tiny_models import save_bert

CLS, SEP = 2, 3


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = save_bert(tmp_path_factory.mktemp("models") / "bert")
    opened = Tokenizer.from_file(str(folder / "tokenizer.json"))
    opened.no_padding()
    opened.no_truncation()
    opened.encode_special_tokens = True
    return opened


def read(tokenizer: Tokenizer, *texts: str) -> list[Text]:
    return list(read_texts(tokenizer, texts))


def piece(text: Text, first: int, last: int) -> str:
    start, end = text.locate(Span(first, last, 0.0))
    return text.text[start:end]


def windows(tokenizer: Tokenizer, question: str, title: str, text: str, length: int = 64) -> list[Window]:
    frame = read_frame(tokenizer, reads_title=True)
    asked, headed, told = read(tokenizer, question, title, text)
    return list(cut_windows(frame, asked, headed, told, 7, length))


def test_span_grows_to_whole_words(tokenizer: Tokenizer) -> None:
    (text,) = read(tokenizer, "the moonlit tides")
    assert len(text.ids) > 3
    inside = int(np.argmax(text.words == 1)) + 1
    assert piece(text, inside, inside) == "moonlit"
    assert piece(text, 0, inside) == "the moonlit"


@pytest.mark.parametrize("text", ["café and cafe\u0301", "naïve 😀 Zürich’s 👩‍👩‍👧 é", "東京 est à l’Est", "ǅ ﬁne ẞ"])
def test_every_token_knows_its_place(text: str, tokenizer: Tokenizer) -> None:
    (read_text,) = read(tokenizer, text)
    for place in range(len(read_text.ids)):
        said = piece(read_text, place, place)
        assert said
        assert said == said.strip()
        assert said in text


def test_mark_stays_with_its_letter(tokenizer: Tokenizer) -> None:
    (text,) = read(tokenizer, "a cafe\u0301 b")
    last = int(np.nonzero(text.words == 1)[0][-1])
    assert piece(text, last, last) == "cafe\u0301"


def test_half_of_a_surrogate_pair_moves_nothing(tokenizer: Tokenizer) -> None:
    (text,) = read(tokenizer, "a \ud800 tide")
    start, end = text.locate(Span(len(text.ids) - 1, len(text.ids) - 1, 0.0))
    assert "a \ud800 tide"[start:end] == "tide"


def test_names_of_special_tokens_are_plain_text(tokenizer: Tokenizer) -> None:
    question, text = read(tokenizer, "who [SEP] [CLS]", "the [SEP] moon")
    assert not {CLS, SEP} & {*question.ids.tolist(), *text.ids.tolist()}


def test_input_is_question_title_and_text_without_a_last_mark(tokenizer: Tokenizer) -> None:
    (window,) = windows(tokenizer, "who", "moon", "the tide")
    who, moon, the, tide = (int(text.ids[0]) for text in read(tokenizer, "who", "moon", "the", "tide"))
    assert window.ids.tolist() == [CLS, who, SEP, moon, SEP, the, tide]
    assert (window.passage, window.begin, window.size, window.first) == (7, 5, 2, 0)


def test_without_a_title_both_marks_stay(tokenizer: Tokenizer) -> None:
    (window,) = windows(tokenizer, "who", "", "tide")
    assert window.ids.tolist()[2:4] == [SEP, SEP]


def test_model_for_question_answering_reads_what_its_tokenizer_makes(tokenizer: Tokenizer) -> None:
    frame = read_frame(tokenizer, reads_title=False)
    question, title, text = read(tokenizer, "who wrote", "moon", "the tide")
    (window,) = cut_windows(frame, question, title, text, 0, 64)
    assert window.ids.tolist() == tokenizer.encode("who wrote", "the tide").ids
    assert frame.has_types


@given(st.integers(0, 400), st.integers(0, 80), st.integers(0, 80), st.integers(40, 90))
def test_windows_leave_nothing_out_and_none_is_too_long(
    tokenizer: Tokenizer, size: int, question: int, title: int, length: int
) -> None:
    text = "a " * size
    found = windows(tokenizer, "b " * question, "c " * title, text, length)
    assert bool(found) == bool(size)
    seen: set[int] = set()
    for window in found:
        assert len(window.ids) <= length
        assert len(window.ids) == window.begin + window.size
        seen |= set(range(window.first, window.first + window.size))
    assert seen == set(range(size))


def test_windows_overlap_so_that_no_answer_is_cut(tokenizer: Tokenizer) -> None:
    found = windows(tokenizer, "who", "", "a " * 1000, 350)
    pairs = list(itertools.pairwise(found))
    assert pairs
    assert all(one.first + one.size - other.first == OVERLAP for one, other in pairs)
