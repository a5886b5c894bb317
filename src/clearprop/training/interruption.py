"""Ctrl-C as a question that is answered between whole steps.

While a run listens, the interrupt signal sets a flag and asks the runner to stop; the run keeps its
books and only then does what the signal would have done: KeyboardInterrupt, or the handler that the
caller has set. A second Ctrl-C does it at once. Only the main thread gets signals. Proved by
``tests/test_training_interrupted.py``.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Asked", "Handler", "listening"]


Handler = Callable[[int, FrameType | None], Any]


class Asked:
    """Whether somebody asked to stop: true once Ctrl-C was pressed, or `interrupt` called.

    ``handler`` is what the signal would have run; None until there was one.
    """

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.by_call = False

    def __bool__(self) -> bool:
        return self.handler is not None or self.by_call


@contextmanager
def listening(asked: Asked, interrupt: Callable[[], None]) -> Iterator[None]:
    """Turn Ctrl-C into ``asked`` and a call of ``interrupt`` for the length of the block."""
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or not callable(before):
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if asked.handler is not None:
            before(number, frame)
        asked.handler = before
        interrupt()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
