"""One thread for BLAS while vectors are computed; whoever has more processors computes several batches side by side.

The threads that BLAS starts by itself wait for each other dozens of times a text: on a machine where others work too,
that took a question from 0.03 s to 0.3 s.
"""

import contextlib
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController


class _Room:
    """Holds the limit while anybody is inside: it is the whole process's, so the last to leave lifts it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit: Any = None

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        with self._lock:
            if self._inside == 0:
                self._limit = _find_blas().limit(limits=1)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    # The library lets only the thread that set a limit lift it, unless it is told otherwise.
                    OpenBLASController.clear_controlling_thread(force=True)
                    self._limit.restore_original_limits()
                    OpenBLASController.clear_controlling_thread(force=True)


@cache
def _find_blas() -> Any:
    return ThreadpoolController().select(user_api="blas")


one_blas_thread = _Room().enter
