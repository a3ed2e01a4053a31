"""One set of field names: the mapping, the writer and the queries."""

import ast
from pathlib import Path
from typing import Any

import numpy as np

import mappings
from hybrid import Passage, passages
from hybrid.passages import to_document

VECTOR_FIELD = "vec_01234567"
PROPERTIES: dict[str, Any] = mappings.load("passages")["mappings"]["properties"]


def field_constants() -> set[str]:
    """Give the upper-case strings assigned at the top of the module."""
    body = ast.parse(Path(passages.__file__).read_text("utf-8")).body
    names = [node.targets[0] for node in body if isinstance(node, ast.Assign)]
    upper = [node.id for node in names if isinstance(node, ast.Name) and node.id.isupper()]
    return {value for name in upper if isinstance(value := getattr(passages, name), str)}


def test_field_constants_are_the_properties_of_the_mapping() -> None:
    assert field_constants() == set(PROPERTIES)


def test_document_holds_only_fields_that_the_mapping_knows() -> None:
    document = to_document(Passage(id="1", text="t"), VECTOR_FIELD, np.ones(2, np.float32))
    assert set(document) <= set(PROPERTIES) | {VECTOR_FIELD}


def test_text_and_title_are_copied_into_the_field_that_is_searched() -> None:
    copied = {name for name, body in PROPERTIES.items() if body.get("copy_to") == passages.CONTENTS}
    assert copied == {passages.TITLE, passages.TEXT}


def test_passage_with_a_vector_is_not_pending_and_its_hashes_agree() -> None:
    document = to_document(Passage(id="1", text="t"), VECTOR_FIELD, np.ones(2, np.float32))
    assert document[passages.PENDING] is False
    assert document[passages.ENCODED_HASH] == document[passages.TEXT_HASH]


def test_passage_without_a_vector_is_pending_and_has_no_encoded_hash() -> None:
    document = to_document(Passage(id="1", text="t"), VECTOR_FIELD, None)
    assert document[passages.PENDING] is True
    assert passages.ENCODED_HASH not in document
    assert VECTOR_FIELD not in document


def test_text_hash_tells_title_and_text_apart() -> None:
    hashes = {passages.hash_text(*pair) for pair in (("a", "b"), ("", "ab"), ("ab", ""), ("b", "a"))}
    assert len(hashes) == 4
