"""The first Ctrl-C stops; those behind it wait until what there is so far is saved."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

__all__ = ["Asked", "only_once"]


class Asked:
    """Whether Ctrl-C counts: the first, and none once `save` was called."""

    def __init__(self) -> None:
        self.saving = False

    def save(self) -> None:
        """From now on nothing is interrupted: what comes is short, and half of it is nothing."""
        self.saving = True

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt for the first; say of the others that they are heard."""
        if not self.saving:
            self.saving = True
            raise KeyboardInterrupt
        with suppress(OSError, ValueError, RuntimeError):
            print("clearprop: saving; this takes a moment", file=sys.stderr)


@contextmanager
def only_once() -> Iterator[Asked]:
    """Heed one Ctrl-C for the length of the block."""
    asked = Asked()
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or before is not signal.default_int_handler:  # ignored, or somebody else's
        yield asked
        return
    signal.signal(signal.SIGINT, asked.handle)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
