"""The task that answers questions: whatever waits is read together, until nothing waits any more.

The task itself carries nothing; ``hybrid.reader.mail`` says how a question comes here and its answer goes back.
"""

import logging
from collections.abc import Sequence
from functools import cache

from hybrid.errors import HybridError
from hybrid.messages import READ_TASK
from hybrid.queue.broker import Broker
from hybrid.reader import mail
from hybrid.reader.reader import open_reader
from hybrid.settings import read_settings

from .app import app

#: Questions that are read together at most: enough to fill batches, few enough that the first is not kept waiting.
TOGETHER = 8

log = logging.getLogger(__name__)


@app.task(name=READ_TASK, throws=(HybridError,))  # type: ignore[untyped-decorator]
def read_questions() -> int:
    """Answer all questions that wait and say how many they were."""
    broker, answered = open_broker(), 0
    while letters := mail.take(broker, TOGETHER):
        answer(broker, letters)
        answered += len(letters)
    return answered


def answer(broker: Broker, letters: Sequence[mail.Letter]) -> None:
    """Answer questions together; where that fails each by itself, so that nobody suffers from another's."""
    try:
        reader = open_reader(read_settings().reader, bulk=True)
        found = reader.read([letter.request for letter in letters])
    except Exception as error:
        if len(letters) > 1:
            for letter in letters:
                answer(broker, [letter])
            return
        mail.refuse(broker, letters[0], explain(error))
        return
    for letter, answers in zip(letters, found, strict=True):
        mail.reply(broker, letter, reader.name, answers)


def explain(error: Exception) -> str:
    """Say why a question cannot be answered; what nobody expected goes into the log with all that is known."""
    if isinstance(error, HybridError):
        return str(error)
    log.exception("A question cannot be answered.")
    return f"{type(error).__name__}, see the worker's log"


@cache
def open_broker() -> Broker:
    """Give the connection of this process."""
    return Broker(read_settings())
