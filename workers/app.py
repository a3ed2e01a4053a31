"""The Celery application: ``celery -A workers.app worker -Q encode``.

The broker is a hint and the index is the truth, so every setting prefers doing a task twice to losing it.
"""

from typing import Any

from celery import Celery

from hybrid.messages import ENCODE_QUEUE, KEY_PREFIX, READ_QUEUE, VISIBILITY_TIMEOUT
from hybrid.queue.broker import PATIENCE, tls_options
from hybrid.settings import Settings, read_settings

from .attending import Attendance

#: Seconds that a task may take; many times what a message of the slowest encoder needs.
TIME_LIMIT = VISIBILITY_TIMEOUT // 2
#: Seconds that a process may take to start: importing torch takes several on a busy machine.
START_LIMIT = 180
#: Seconds that a task may take to its end after the worker was told to stop.
STOP_LIMIT = 30


def make_app(settings: Settings) -> Celery:
    """Build the application for a broker."""
    made = Celery("hybrid", broker=settings.redis_url, backend=settings.redis_url)
    made.conf.update(build_configuration(settings))
    made.steps["worker"].add(Attendance)
    return made


def build_configuration(settings: Settings) -> dict[str, Any]:
    """Give Celery's settings."""
    transport = {
        "visibility_timeout": VISIBILITY_TIMEOUT,
        # Messages of workers that died are looked for every ten seconds.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 2,
        "global_keyprefix": KEY_PREFIX,
        "socket_timeout": 3 * PATIENCE,
        "socket_connect_timeout": PATIENCE,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    tls = tls_options(settings)
    return {
        "include": ["workers.encode", "workers.read"],
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "task_default_queue": ENCODE_QUEUE,
        "task_routes": {"read.*": {"queue": READ_QUEUE}, "encode.*": {"queue": ENCODE_QUEUE}},
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # A task that takes too long is given to another worker, which remembers what its texts did to the first.
        "task_acks_on_timeout": False,
        "task_ignore_result": True,
        # There is no soft limit: its exception would be taken for the fault of the text that is being encoded.
        "task_time_limit": TIME_LIMIT,
        "result_expires": VISIBILITY_TIMEOUT,
        "worker_prefetch_multiplier": 1,
        # One process uses all processors; a second one would need a copy of the model.
        "worker_concurrency": 1,
        # Torch and CUDA do not survive a fork.
        "worker_pool_start_method": "spawn",
        "worker_proc_alive_timeout": START_LIMIT,
        "worker_soft_shutdown_timeout": STOP_LIMIT,
        "worker_hijack_root_logger": False,
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "broker_transport_options": transport,
        "broker_use_ssl": tls,
        "redis_backend_use_ssl": tls,
        "result_backend_transport_options": {**transport, "retry_policy": {"timeout": 5.0}},
        "broker_connection_retry_on_startup": True,
        # A broker that is away for a day is waited for.
        "broker_connection_max_retries": None,
    }


app = make_app(read_settings())
