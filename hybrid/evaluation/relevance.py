"""Which of the ranked passages are right by their id? Judgements name passages, or the documents they are cut from.

``hybrid ingest`` names the passages of document ``d`` ``d#0``, ``d#1`` and so on, or ``d`` where a document is one
passage. Where documents are named, a document stands where its best passage stands.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

_NUMBER = re.compile(r"#\d+\Z")


def document_of(passage_id: str) -> str:
    """Give the id of the document that a passage is cut from."""
    return _NUMBER.sub("", passage_id)


def names_documents(judged: Iterable[str], retrieved: Iterable[str]) -> bool:
    """Tell whether judgements name documents: unless they name a passage that is not a whole document."""
    named = set(judged)
    return not any(passage_id in named and document_of(passage_id) != passage_id for passage_id in retrieved)


def rank_documents(passage_ids: Iterable[str]) -> list[str]:
    """Give the documents in the order of their best passages."""
    return list(dict.fromkeys(map(document_of, passage_ids)))


def leave_out(ranking: Iterable[str], own: str) -> list[str]:
    """Drop what is the question itself, for sets in which questions are documents, as BEIR does."""
    return [one for one in ranking if one != own]


def is_relevant(ranking: Sequence[str], relevant: Mapping[str, int]) -> list[bool]:
    """Tell for each rank whether what stands there is relevant: graded above 0."""
    return [relevant.get(one, 0) > 0 for one in ranking]
