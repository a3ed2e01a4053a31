"""A task's arguments to the bytes that Celery's workers take from Redis (task protocol 2), and back.

Written here so that whoever feeds the queue needs no Celery, and a whole batch can be pushed in one step by Redis.
Messages name their queue instead of an exchange, so they can be given back although Redis forgot its bindings.
"""

import base64
import uuid
from collections.abc import Mapping
from typing import Any

import orjson

ORIGIN = "hybrid"


def pack(task: str, queue: str, arguments: Mapping[str, Any]) -> bytes:
    """Write a message for ``queue`` that runs ``task`` with these arguments."""
    task_id = str(uuid.uuid4())
    after = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    body = orjson.dumps([[], arguments, after])
    return orjson.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": _headers(task, task_id),
            "properties": {
                "correlation_id": task_id,
                "reply_to": "",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": str(uuid.uuid4()),
            },
        }
    )


def unpack(message: bytes) -> dict[str, Any]:
    """Read the arguments of a message, also of one that a worker has taken and not confirmed yet."""
    _, arguments, _ = orjson.loads(base64.b64decode(_open(message)["body"]))
    read: dict[str, Any] = arguments
    return read


def name_task(message: bytes) -> str:
    """Name the task that a message wants to be run."""
    return str(_open(message)["headers"]["task"])


def _open(message: bytes) -> dict[str, Any]:
    read = orjson.loads(message)
    # A worker keeps a taken message together with where it came from.
    envelope: dict[str, Any] = read[0] if isinstance(read, list) else read
    return envelope


def _headers(task: str, task_id: str) -> dict[str, Any]:
    return {
        "lang": "py",
        "task": task,
        "id": task_id,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": task_id,
        "parent_id": None,
        "argsrepr": "()",
        "kwargsrepr": "{}",
        "origin": ORIGIN,
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
