"""What crosses the queue is named here and nowhere else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

#: Passages to encode.
ENCODE_QUEUE = "encode"
#: Questions to answer.
READ_QUEUE = "read"
#: The task that encodes passages.
ENCODE_TASK = "encode.passages"
#: The task that answers all questions that wait.
READ_TASK = "read.questions"
#: What every key in Redis begins with.
KEY_PREFIX = "hybrid:"
#: Seconds after which a message that nobody confirmed goes to another worker; no task may take longer.
VISIBILITY_TIMEOUT = 600

#: Passages of one message: seconds of work for a processor, a fraction of one for a GPU.
MESSAGE_SIZE = 256


@dataclass(frozen=True, slots=True)
class EncodeMessage:
    """Passages that may want a vector: a hint, never text or vectors."""

    #: The index by its own name, never an alias: what an alias means may change while the message waits.
    index: str
    #: The field that holds the vectors, which names the encoder.
    field: str
    ids: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Write the arguments of the task."""
        return {"index": self.index, "field": self.field, "ids": list(self.ids)}

    @classmethod
    def from_json(cls, arguments: Mapping[str, Any]) -> Self:
        """Read the arguments of the task."""
        return cls(arguments["index"], arguments["field"], tuple(arguments["ids"]))


def split_ids(ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Cut ids into what one message holds."""
    return (tuple(ids[start : start + MESSAGE_SIZE]) for start in range(0, len(ids), MESSAGE_SIZE))
