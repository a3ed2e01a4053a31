"""A passage as the database keeps it: columns in, ``Passage`` out."""

from collections.abc import Sequence
from typing import Any

import orjson

from ...passages import Passage, Vector

#: What ``to_passage`` reads, in this order.
COLUMNS = 'id, text, title, document_id, number, passages_total, "start", "end", meta'


def to_passage(values: Sequence[Any], vector: Vector | None = None) -> Passage:
    """Give the passage of a row."""
    passage_id, text, title, document_id, number, total, start, end, meta = values
    return Passage(
        id=passage_id,
        text=text,
        title=title,
        document_id=document_id,
        number=number,
        passages_total=total,
        start=start,
        end=end,
        meta=orjson.loads(meta),
        vector=vector,
    )
