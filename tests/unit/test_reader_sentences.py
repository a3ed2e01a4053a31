"""Without a reader whole sentences are the answers: where they stand, which one is chosen, in which order."""

import pytest

from hybrid.errors import UsageError
from hybrid.reader import reader
from hybrid.reader.answers import ReadOptions, ReadPassage, ReadRequest
from hybrid.reader.reader import open_reader
from hybrid.reader.sentences import SentenceReader, split_sentences
from tests import corpora

TEXT = 'The Moon pulls the sea. "It pulls twice," he said! 3 tides… came? Über e.g. that\n\nlast one 日本。東京'


def test_sentences_end_where_a_new_one_may_begin() -> None:
    assert [TEXT[start:end] for start, end in split_sentences(TEXT)] == [
        "The Moon pulls the sea.",
        '"It pulls twice," he said!',
        "3 tides… came?",
        "Über e.g. that",
        "last one 日本。",
        "東京",
    ]


@pytest.mark.parametrize("text", ["", "   ", "\n\n \n"])
def test_blank_text_has_no_sentence(text: str) -> None:
    assert list(split_sentences(text)) == []


def read(question: str, *texts: str, **options: object) -> list[tuple[str, str]]:
    passages = tuple(ReadPassage(str(place), "", text, 9.0 - place) for place, text in enumerate(texts))
    request = ReadRequest(question, passages, ReadOptions(**options))  # type: ignore[arg-type]
    (answers,) = SentenceReader().read([request])
    for one in answers:
        assert texts[int(one.passage_id)][one.start : one.end] == one.text
    return [(one.passage_id, one.text) for one in answers]


def test_sentence_with_the_rarer_words_is_chosen() -> None:
    text = "The sea is wide. The sea is salty here. Gravity moves it. The sea is deep."
    assert read("does gravity move the sea?", text) == [("0", "Gravity moves it.")]


def test_first_sentence_counts_where_nothing_matches() -> None:
    assert read("zebra", "One thing. Another thing.") == [("0", "One thing.")]


def test_passages_keep_the_order_of_the_search_and_equal_sentences_are_one() -> None:
    texts = ("A zebra.", "Nothing. Here.", "a Zebra!", "The zebra runs.")
    assert read("zebra", *texts) == [("0", "A zebra."), ("1", "Nothing."), ("3", "The zebra runs.")]


def test_sentence_of_marks_or_function_words_is_no_answer() -> None:
    assert read("zebra", "...", "— ! 7 of them.", "It is. Zebras run.") == [("1", "7 of them."), ("2", "Zebras run.")]


def test_no_hits_no_answers() -> None:
    assert read("zebra") == []


def test_threshold_is_refused_for_there_is_no_confidence() -> None:
    with pytest.raises(UsageError, match="not calibrated"):
        read("zebra", "A zebra.", threshold=0.5)


def test_it_answers_where_it_is_named_or_the_shipped_reader_lacks_its_encoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(open_reader("sentences"), SentenceReader)
    monkeypatch.setattr(reader, "find_packaged", lambda _: None)
    assert isinstance(open_reader.__wrapped__(None), SentenceReader)


@pytest.mark.skipif(not corpora.have("xquad.en.json"), reason="xquad.en.json is not there")
def test_sentences_of_real_text_stand_where_they_say() -> None:
    corpus = corpora.squad_json("xquad.en.json")
    requests = [
        ReadRequest(question, (ReadPassage("", "", corpus.passages[gold]),))
        for question, gold in list(zip(corpus.questions, corpus.gold, strict=True))[:60]
    ]
    for request, (answer, *_) in zip(requests, SentenceReader().read(requests), strict=True):
        assert request.passages[0].text[answer.start : answer.end] == answer.text
