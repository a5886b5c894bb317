"""NumPy's products and solutions on one thread: with more, their last bits are anyone's.

Proved by ``tests/test_optimizers_whole.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import threadpoolctl  # type: ignore[import-untyped]

__all__ = ["one_thread"]

_LOCK = Lock()
_INSIDE: list[Any] = [0, None]  # how many threads of ours are inside, and what to put back


@cache
def _libraries() -> Any:
    """What threadpoolctl found: looking takes milliseconds, and NumPy's library is there by now."""
    return threadpoolctl.ThreadpoolController().select(user_api="blas")


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the linear algebra under NumPy to one thread; runs side by side may be inside at once.

    The limit is the process's, so the first that enters sets it and the last that leaves lifts it.
    """
    with _LOCK:
        if not _INSIDE[0]:
            _INSIDE[1] = _libraries().limit(limits=1)
        _INSIDE[0] += 1
    try:
        yield
    finally:
        with _LOCK:
            _INSIDE[0] -= 1
            if not _INSIDE[0]:
                _INSIDE[1].restore_original_limits()
