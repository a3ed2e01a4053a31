"""The Celery application: ``celery -A workers.app worker -Q encode``.

The broker is a hint and the index is the truth, so every setting prefers doing a task twice to losing it.
"""

from typing import Any

from celery import Celery

from hybrid.messages import ENCODE_QUEUE, READ_QUEUE
from hybrid.settings import Settings, read_settings

#: Seconds after which an unacknowledged message goes to another worker; no task may take longer.
VISIBILITY_TIMEOUT = 600
TIME_LIMIT = VISIBILITY_TIMEOUT // 2
SOFT_TIME_LIMIT = TIME_LIMIT - 30


def make_app(settings: Settings) -> Celery:
    """Build the application for a broker."""
    made = Celery("hybrid", broker=settings.redis_url, backend=settings.redis_url)
    made.conf.update(build_configuration())
    return made


def build_configuration() -> dict[str, Any]:
    """Give Celery's settings."""
    transport = {
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "global_keyprefix": "hybrid:",
        "socket_timeout": 30,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    return {
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "task_default_queue": ENCODE_QUEUE,
        "task_routes": {"read.*": {"queue": READ_QUEUE}, "encode.*": {"queue": ENCODE_QUEUE}},
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_ignore_result": True,
        "task_time_limit": TIME_LIMIT,
        "task_soft_time_limit": SOFT_TIME_LIMIT,
        "result_expires": VISIBILITY_TIMEOUT,
        "worker_prefetch_multiplier": 1,
        "worker_soft_shutdown_timeout": 30,
        "worker_hijack_root_logger": False,
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "broker_transport_options": transport,
        "result_backend_transport_options": {**transport, "retry_policy": {"timeout": 5.0}},
        "broker_connection_retry_on_startup": True,
    }


app = make_app(read_settings())
