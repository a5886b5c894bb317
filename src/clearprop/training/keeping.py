"""The run's own checkpoint: where it stands, when the next is due, and a disk that takes none.

Proved by ``tests/test_resume.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from clearprop.errors import FileError
from clearprop.training.books import Books
from clearprop.training.checkpoint import Checkpoint, destination

__all__ = ["Keeper"]


class Keeper:
    """Writes checkpoints of a run, whole or not at all, and reads them.

    Parameters
    ----------
    path : path, optional
        Of the run's own checkpoint.
    every : float, seconds
        Between two of them.
    resume : bool
        Whether the run is to go on from what stands there.
    fingerprint : callable
        What the run was given, by name; asked once, when it is first needed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        every: float,
        resume: bool,
        fingerprint: Callable[[], Mapping[str, str]],
    ) -> None:
        self.path: Path | None = None if path is None else destination(path, resume=resume)
        self.every = every
        self._saved_at = time.monotonic()
        self._make = fingerprint
        self._made: Mapping[str, str] | None = None

    @property
    def due(self) -> float:
        """When the next is due, on the clock of `time.monotonic`; never without a path."""
        return np.inf if self.path is None else self._saved_at + self.every

    def save(self, books: Books, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint anywhere; see `clearprop.training.checkpoint`."""
        books.checkpoint(self._fingerprint()).write(path)

    def restore(self, books: Books, path: str | os.PathLike[str]) -> None:
        """Go on from a checkpoint that a run of the same data and settings wrote."""
        found = Checkpoint.read(path)
        found.require(self._fingerprint(), path)
        books.go_on_from(found)

    def keep(self, books: Books) -> None:
        """Write the run's own checkpoint, if it has one.

        A disk that takes none costs the checkpoint, not the run: that is told, once.
        """
        if self.path is None:
            return
        try:
            self.save(books, self.path)
        except FileError as error:
            if not any(event.kind == "checkpoint" for event in books.history.events):
                books.tell("checkpoint", f"no checkpoint: {error}; the run goes on without")
        self._saved_at = time.monotonic()  # after a failure too: tried again when the next is due

    def _fingerprint(self) -> Mapping[str, str]:
        if self._made is None:
            self._made = self._make()
        return self._made
