"""A message made by us is the one that Celery makes, field by field, and is read back."""

import base64
import json
from typing import Any

import pytest
from celery import Celery

from hybrid.messages import ENCODE_QUEUE, ENCODE_TASK, MESSAGE_SIZE, EncodeMessage, split_ids
from hybrid.queue.envelope import name_task, pack, unpack
from hybrid.settings import Settings
from workers.app import build_configuration

MESSAGE = EncodeMessage("wiki--v1--1a2b3c4d", "vec_01234567", ("a", "ü\u2028", 'quote"'))
#: What differs from message to message, or only tells people where it came from.
NAMES = ("id", "root_id", "argsrepr", "kwargsrepr", "origin", "correlation_id", "reply_to", "delivery_tag")


@pytest.fixture(scope="module")
def of_celery() -> dict[str, Any]:
    """Give the message that Celery itself sends with the workers' settings, as a transport of its own keeps it."""
    app = Celery("rival", broker="memory://")
    app.conf.update(build_configuration(Settings()), broker_transport_options={})
    app.send_task(ENCODE_TASK, kwargs=MESSAGE.to_json(), queue=ENCODE_QUEUE, ignore_result=True)
    with app.connection_for_read() as connection:
        message: dict[str, Any] = connection.default_channel._get(ENCODE_QUEUE)
    return message


def without_names(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in NAMES}


def test_envelope_is_celerys_own(of_celery: dict[str, Any]) -> None:
    ours = json.loads(pack(ENCODE_TASK, ENCODE_QUEUE, MESSAGE.to_json()))
    assert ours.keys() == of_celery.keys()
    for part in ("headers", "properties"):
        assert ours[part].keys() == of_celery[part].keys()
        assert without_names(ours[part]) == without_names(json.loads(json.dumps(of_celery[part])))
    for part in ("content-type", "content-encoding"):
        assert ours[part] == of_celery[part]
    assert json.loads(base64.b64decode(ours["body"])) == json.loads(base64.b64decode(of_celery["body"]))


def test_message_is_read_back_whether_it_waits_or_was_taken() -> None:
    packed = pack(ENCODE_TASK, ENCODE_QUEUE, MESSAGE.to_json())
    taken = json.dumps([json.loads(packed), "", ENCODE_QUEUE]).encode()
    for kept in (packed, taken):
        assert EncodeMessage.from_json(unpack(kept)) == MESSAGE
        assert name_task(kept) == ENCODE_TASK


def test_messages_are_told_apart() -> None:
    one, other = (json.loads(pack(ENCODE_TASK, ENCODE_QUEUE, MESSAGE.to_json())) for _ in range(2))
    assert one["headers"]["id"] != other["headers"]["id"]
    assert one["properties"]["delivery_tag"] != other["properties"]["delivery_tag"]


def test_ids_are_cut_into_messages_without_losing_one() -> None:
    ids = [f"p{number}" for number in range(2 * MESSAGE_SIZE + 1)]
    parts = list(split_ids(ids))
    assert [len(part) for part in parts] == [MESSAGE_SIZE, MESSAGE_SIZE, 1]
    assert [one for part in parts for one in part] == ids
    assert list(split_ids([])) == []
