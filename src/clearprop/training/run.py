"""The steppable run as it is looked at and driven: steps, epochs or seconds at a time, checkpoints.

What it is made of is `clearprop.training.training`'s to put together. Borders of slices never
change bits. Proved by ``tests/test_training*.py`` and ``tests/test_resume.py``.
"""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Any, Self

import numpy as np

from clearprop.engine import Data, Runner, State
from clearprop.errors import DivergenceError, SettingError
from clearprop.network import Network, Parameters, within_memory
from clearprop.optimizers import Optimizer
from clearprop.settings import Attr, check_all
from clearprop.training.batches import Batches
from clearprop.training.books import Books
from clearprop.training.history import History
from clearprop.training.judging import Judge
from clearprop.training.keeping import Keeper
from clearprop.training.loop import Ends, Loop
from clearprop.training.progress import Progress
from clearprop.training.scales import Scales
from clearprop.training.schedules import Schedule

__all__ = ["KEPT", "Run"]

KEPT = "what training keeps of them"


class Run:
    """A run that was put together: see `Training`, whose attributes and methods these are."""

    network: Network
    optimizer: Optimizer
    data: Data
    validation: Data | None
    batches: Batches
    steps: int
    """Length of the run, which schedules know; limits cut it short and change no rate."""

    schedule: Schedule
    """Of the learning rate."""

    scales: Scales
    """Of dropout and of weight decay."""

    _runner: Runner
    _books: Books
    _judge: Judge
    _keeper: Keeper
    _loop: Loop
    _ends: Ends
    _each: int
    """Bytes that it keeps of each parameter."""

    # -- looking ----------------------------------------------------------------------------------
    @property
    def state(self) -> State:
        """All that the next step depends on, besides the data."""
        return self._books.state

    @property
    def history(self) -> History:
        """A row of figures for each epoch, and events."""
        return self._books.history

    @property
    def schedules(self) -> dict[str, dict[str, Any]]:
        """The schedules as plain data, by setting; of dropout and decay what is not constant."""
        scales = self.scales
        found = {"dropout_schedule": scales.dropout, "decay_schedule": scales.decay}
        others = {name: one.describe() for name, one in found.items() if one is not None}
        return {"schedule": self.schedule.describe(), **others}

    @property
    def why(self) -> str:
        """Why the run ended; empty if it has not."""
        return self._books.why

    @property
    def step(self) -> int:
        """Steps done."""
        return self._books.step

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self._books.epoch

    @property
    def epochs(self) -> int:
        """Epochs of the whole run, the last of them perhaps in part."""
        return self._loop.epochs

    @property
    def finished(self) -> bool:
        """Whether the run has ended; ``why`` says how."""
        return self.why != ""

    @property
    def parameters(self) -> Parameters:
        """The parameters now, a copy: those that the optimizer would have kept."""
        return Parameters(self.network.graph, self._books.kept())

    @property
    def best(self) -> Parameters:
        """The parameters to use, a copy.

        With validation rows or early stopping, those of the epoch whose watched figure is best; if
        the run diverged, those of the epoch of the least training cost; else, and as long as no
        epoch has been judged, the present ones.
        """
        judged = self.validation is not None or self._ends.early
        return Parameters(self.network.graph, self._books.best(judged))

    @property
    def nbytes(self) -> int:
        """Bytes of its state, its best parameters, and a gradient."""
        return self._books.nbytes

    @property
    def progress(self) -> Progress:
        """Where the run stands."""
        books = self._books
        last, watch = books.history.last, books.watch
        return Progress(
            epoch=self.epoch,
            epochs=self.epochs,
            step=self.step,
            steps=self.steps,
            step_cost=books.sums.cost,
            best_epoch=watch.epoch,
            best=self._judge.sign * watch.best if watch.epoch else np.nan,
            learning_rate=books.sums.rate,
            seconds=books.seconds,
            why=self.why,
            cost=last("cost"),
            validation_cost=last("validation_cost"),
            validation_metric=last("validation_metric"),
            training=self,
        )

    # -- going on ---------------------------------------------------------------------------------
    def advance(
        self,
        *,
        steps: int | None = None,
        epochs: int | None = None,
        seconds: float | None = None,
    ) -> Progress:
        """Go on for some steps, up to the end of some epochs, or for some seconds.

        Parameters
        ----------
        steps, epochs : int, at least 1
        seconds : float > 0
            Give one of the three. Time ends after a whole step, one at least.

        Returns
        -------
        Progress

        Raises
        ------
        DivergenceError
            If the cost is no longer finite. `best` and `history` are kept.
        KeyboardInterrupt
            After Ctrl-C: the step under way is discarded whole, and the run can go on.

        Examples
        --------
        >>> from clearprop.training import Training
        >>> X = np.linspace(-1, 1, 64)[:, None]
        >>> training = Training(Network([1, 4, 1]), X, X**2, batch_size=16, epochs=2)
        >>> training.advance(steps=3).step, training.advance(epochs=1).step
        (3, 4)
        """
        given = {"steps": steps, "epochs": epochs, "seconds": seconds}
        one = {name: value for name, value in given.items() if value is not None}
        if len(one) != 1:
            raise SettingError("advance: give steps, epochs or seconds, one of the three")
        check_all(_ADVANCE, one, "advance")
        target = self.steps
        if steps is not None:
            target = self.step + int(steps)
        elif epochs is not None:
            target = (self.step // self.batches.epoch + int(epochs)) * self.batches.epoch
        self._drive(target, np.inf if seconds is None else time.monotonic() + float(seconds))
        return self.progress

    def run(self) -> Progress:
        """Go on to the end; raises what `advance` does."""
        self._drive(self.steps, np.inf)
        return self.progress

    def interrupt(self) -> None:
        """Ask `advance` or `run` to return after the last whole step; safe from any thread."""
        self._loop.asked.by_call = True
        self._runner.interrupt()

    def close(self) -> None:
        """Give back the engine's memory; figures and parameters stay."""
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _drive(self, target: int, deadline: float) -> None:
        with within_memory(self.network.graph.size, self._each, KEPT):
            try:
                self._loop.drive(target, deadline, lambda: self.progress)
            except DivergenceError as error:
                error.training = self
                raise

    # -- checkpoints ------------------------------------------------------------------------------
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint, whole or not at all; see `clearprop.training.checkpoint`.

        Not while another thread advances the run.

        Parameters
        ----------
        path : str or path

        Raises
        ------
        FileError
            If it cannot be written; what stood there stands.

        Examples
        --------
        >>> import tempfile
        >>> from clearprop.training import Training
        >>> X = np.linspace(-1, 1, 64)[:, None]
        >>> first = Training(Network([1, 4, 1]), X, X**2, epochs=2)
        >>> second = Training(Network([1, 4, 1]), X, X**2, epochs=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = first.advance(epochs=1)
        ...     first.save(f"{folder}/run")
        ...     second.restore(f"{folder}/run")
        >>> first.run().cost == second.run().cost
        True
        """
        self._keeper.save(self._books, path)

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a checkpoint that a run of the same data and settings wrote.

        Raises
        ------
        FileError
            If it is no checkpoint, is damaged, the run diverged, or it began with something else,
            which is named.
        """
        self._keeper.restore(self._books, path)


_ADVANCE = (
    Attr("steps", int, None, bounds="[1, inf)"),
    Attr("epochs", int, None, bounds="[1, inf)"),
    Attr("seconds", float, None, bounds="(0, inf)"),
)
