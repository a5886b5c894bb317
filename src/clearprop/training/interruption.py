"""Ctrl-C as a question that is answered between whole steps. Proved by ``tests/test_training.py``.

While a run listens, the interrupt signal sets a flag and asks the runner to stop; the run keeps its
books and only then raises KeyboardInterrupt. A second Ctrl-C raises at once. Only the main thread
gets signals, and a handler that the caller has set is left alone.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Asked", "listening"]


class Asked:
    """Whether somebody asked to stop: true once Ctrl-C was pressed, or `ask` called."""

    def __init__(self) -> None:
        self.by_signal = False
        self.by_call = False

    def __bool__(self) -> bool:
        return self.by_signal or self.by_call


@contextmanager
def listening(asked: Asked, interrupt: Callable[[], None]) -> Iterator[None]:
    """Turn Ctrl-C into ``asked`` and a call of ``interrupt`` for the length of the block."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if asked.by_signal:
            raise KeyboardInterrupt
        asked.by_signal = True
        interrupt()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
