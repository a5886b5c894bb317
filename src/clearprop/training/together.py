"""Runs side by side in one process: as many at a time as there are cores, a slice of each in turn.

Every run keeps a thread of its own for the length of a slice and does what it would do alone, so
its bits are those of the run alone; the engine gives up the interpreter's lock while it computes.
Slices in turn keep the runs level, so that no core is left over at the end. Proved by
``tests/test_train_many.py``.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from clearprop.errors import DivergenceError
from clearprop.training.interruption import Asked, Handler, listening
from clearprop.training.progress import Progress
from clearprop.training.training import Training

__all__ = ["Together"]

SLICE = 0.1
"""Seconds of a run before another has its turn: long beside a switch, short beside a look."""
OPEN_BYTES = 1 << 30
"""What open runs may hold together; past that one is opened when another ends."""

Ended = Callable[[int, Training], None]
Watch = Callable[[Sequence[Progress | None]], object]


class Together:
    """Takes runs to their ends, each opened when its turn first comes and closed when it ends.

    Parameters
    ----------
    openers : sequence of callables () -> Training
    copied : sequence of int
        Bytes of data that each holds for itself.
    workers : int, at least 1
        Runs that compute at the same time.
    ended : callable (number, Training)
        Told of each run that has ended, on the thread that called `run`, before it is closed.
    keep : bool
        Whether one that diverged has ended like another, instead of ending all.
    """

    def __init__(
        self,
        openers: Sequence[Callable[[], Training]],
        copied: Sequence[int],
        workers: int,
        ended: Ended,
        keep: bool = False,
    ) -> None:
        self._openers, self._copied = openers, copied
        self._workers, self._ended, self._keep = workers, ended, keep
        self._waiting = deque(range(len(openers)))
        self._ready: deque[int] = deque()
        self._at_work: dict[Future[Progress], int] = {}
        self.open: dict[int, Training] = {}
        """The runs that have begun and not ended, by number."""
        self.progress: list[Progress | None] = [None] * len(openers)
        """Where each stood after its last slice; None before its first."""
        self._asked = Asked()

    def run(self, watch: Watch | None = None) -> Handler | None:
        """Go on to the end of all, or until Ctrl-C: then return what the signal would have run.

        Parameters
        ----------
        watch : callable (list of Progress or None), optional
            Called a few times a second, on this thread.

        Raises
        ------
        Exception
            The first that a run raised; the others are stopped at a whole step and stay open. It
            has the note ``run`` with the run's number.
        """
        told = 0.0
        with ThreadPoolExecutor(self._workers) as pool, listening(self._asked, self._interrupt):
            try:
                while not self._asked and self._hand_out(pool):
                    done, _ = wait(self._at_work, SLICE, FIRST_COMPLETED)
                    for one in done:
                        self._take_back(one)
                    last = not (self._waiting or self._ready or self._at_work)
                    if watch is not None and (last or time.monotonic() >= told + SLICE):
                        watch(self.progress)
                        told = time.monotonic()
            finally:  # whatever ends it, no run is left computing
                while self._at_work:
                    self._interrupt()
                    done, _ = wait(self._at_work, SLICE, FIRST_COMPLETED)
                    for one in done:
                        self._put_back(one)
        handler, self._asked = self._asked.handler, Asked()
        return handler

    def close(self) -> None:
        """Give back the memory of the runs that are open."""
        for training in self.open.values():
            training.close()

    def _interrupt(self) -> None:
        for number in self._at_work.values():
            if number in self.open:
                self.open[number].interrupt()

    def _hand_out(self, pool: ThreadPoolExecutor) -> bool:
        """Give every free worker a run, new ones first; return False if none is left at all."""
        while len(self._at_work) < self._workers:
            if self._waiting and (not self._ready or self._room()):
                number = self._waiting.popleft()
            elif self._ready:
                number = self._ready.popleft()
            else:
                break
            self._at_work[pool.submit(self._slice, number)] = number
        return bool(self._at_work)

    def _room(self) -> bool:
        """Whether one more run like the largest open one fits."""
        held = [_held(training) + self._copied[number] for number, training in self.open.items()]
        return sum(held) + max(held, default=0) <= OPEN_BYTES

    def _slice(self, number: int) -> Progress:
        if number not in self.open:
            self.open[number] = self._openers[number]()
        return self.open[number].advance(seconds=SLICE)

    def _take_back(self, one: Future[Progress]) -> None:
        number = self._at_work.pop(one)
        try:
            progress = self.progress[number] = one.result()
        except Exception as error:
            if not (self._keep and isinstance(error, DivergenceError)):
                error.run = number  # type: ignore[attr-defined]
                raise
            progress = self.progress[number] = self.open[number].progress
        if progress.finished:
            with self.open.pop(number) as training:
                self._ended(number, training)
            self.progress[number] = replace(progress, training=None)  # gives its memory back
        else:
            self._ready.append(number)

    def _put_back(self, one: Future[Progress]) -> None:
        """Take a run's place in the queue back; what it raised beside the first is left."""
        number = self._at_work.pop(one)
        self._ready.appendleft(number)
        if one.exception() is None:
            self.progress[number] = one.result()


def _held(training: Training) -> int:
    """Bytes of a run's state, its best parameters, a gradient, and of its validation rows."""
    rows = training.validation
    found = training.nbytes
    if rows is not None:
        found += sum(array.nbytes for array in (*rows.inputs.values(), *rows.targets.values()))
    return found
