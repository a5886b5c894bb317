"""The steppable run: as many steps, epochs or seconds at a time as the caller wants.

Puts together what a run is made of: rows and their order, a runner, a loop, its books, their
checkpoints. Borders of slices never change bits. Proved by ``tests/test_training*.py`` and
``tests/test_resume.py``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from clearprop.engine import Data, Precision, Runner, State
from clearprop.errors import DivergenceError, SettingError
from clearprop.network import (
    Inputs,
    Network,
    Parameters,
    check_network,
    require_memory,
    within_memory,
)
from clearprop.optimizers import Optimizer
from clearprop.optimizers import optimizer as optimizer_of
from clearprop.settings import Attr, check_all
from clearprop.training.books import Books
from clearprop.training.checkpoint import fingerprint
from clearprop.training.choices import (
    ATTRS,
    Engine,
    Metric,
    check_suited,
    divided,
    opened,
    several,
)
from clearprop.training.divergence import advice
from clearprop.training.history import Event, History
from clearprop.training.judging import Judge
from clearprop.training.keeping import Keeper
from clearprop.training.loop import Ends, Loop
from clearprop.training.progress import Callback, Progress
from clearprop.training.rates import Rates
from clearprop.training.schedules import Horizon, Schedule
from clearprop.training.schedules import schedule as schedule_of
from clearprop.training.starting import begun, drawn
from clearprop.words import shown

__all__ = ["DEFAULT_EPOCHS", "Training"]

DEFAULT_EPOCHS = 100
KEPT = "what training keeps of them"


class Training:
    """A training run, taken as many steps, epochs or seconds at a time as wanted.

    With X and Y alone it takes 100 epochs of Adam over batches of about a 32nd of the rows (32 to
    256), in float32. With validation rows it stops when their cost has not fallen for ``patience``
    epochs, and `best` holds the parameters of the best epoch.

    Parameters
    ----------
    network : Network
    X : array (n, width) float32 or float64, or mapping by input
        May be read-only or not contiguous. An index input takes (n,) whole numbers.
    Y : array (n, width), (n,) for one output, (n,) classes from 0, or mapping by output
    optimizer : str or Optimizer
    learning_rate : float > 0, optional
        α; by default the optimizer's.
    epochs : int, optional
        Times through the training rows, 100 by default.
    steps : int, optional
        Length of the run in steps, in place of epochs.
    batch_size : int or "full", optional
        Rows of a step; the last batch of an epoch takes what is left. ``"full"`` takes all rows,
        in their order: the default of rprop, lbfgs and lm, whose epoch is one step.
    validation : float in (0, 1), (X, Y) or (X, Y, sample_weight), optional
        Rows that do not train but tell when to stop: a share (classes in proportion; which rows is
        a function of the seed and the row), or the caller's own.
    sample_weight : (n,) array, optional
        w ≥ 0. J is Σ w C / Σ w; a batch whose weights are all 0 is skipped and counted.
    seed : int
        Of initial values, order, dropout and validation rows: same seed, same bits.
    schedule : str, Schedule, (steps,) array or callable
        The learning rate of each step; see `clearprop.training.schedules`.
    clip : float > 0, optional
        Greatest 2-norm of the gradient: g ← g · min(1, clip / ‖g‖).
    early_stopping : bool, optional
        By default on if there are validation rows; without any it watches the training cost.
    patience : int, epochs
    min_delta : float
        A fall of the watched figure by no more than this is no progress.
    metric : callable (Y, output) -> float, optional
        A figure of the validation rows, for the history; Y as the network is trained with it.
    monitor : {"cost", "metric"}
        The figure that early stopping and plateaus watch.
    greater_is_better : bool
        Of the metric.
    precision : {"float32", "float64", "bfloat16"}, optional
    threads : int, optional
        Changes no bits.
    engine : {"native", "reference", "auto"}
        ``"auto"`` falls back to the float64 reference where the native engine lacks a row.
    parameters : mapping of str to array, optional
        To start from, in place of initial values drawn with the seed.
    callbacks : callable or sequence of callables
        Each is called with a `Progress` after every epoch; True ends the run.
    time_limit : float, seconds, optional
        The run ends at the first whole step after it; the event names the steps done.
    max_steps : int, optional
        The run ends after so many steps: with a time limit's count, with the same bits.
    checkpoint : path, optional
        Written every ``checkpoint_seconds``, when interrupted, and at the end. One that cannot be
        written later on is an event of the history, not the end of the run.
    resume : bool
        Go on from the checkpoint if there is one, to the bits of a run never stopped.

    Raises
    ------
    SettingError, DataError, ShapeError, NativeError, FileError
        Saying what was wrong, where, and the fix.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> training = Training(Network([1, 8, 1], "tanh"), X, X**2, learning_rate=0.01, epochs=200)
    >>> training.advance(epochs=1).epoch
    1
    >>> training.run().cost < 0.01
    True
    """

    def __init__(
        self,
        network: Network,
        X: Inputs,
        Y: Any,
        *,
        optimizer: str | Optimizer = "adam",
        learning_rate: float | None = None,
        epochs: int | None = None,
        steps: int | None = None,
        batch_size: int | Literal["full"] | None = None,
        validation: float | Sequence[Any] | None = None,
        sample_weight: ArrayLike | None = None,
        seed: int = 0,
        schedule: str | Schedule | ArrayLike | Callable[[int], float] = "constant",
        clip: float | None = None,
        early_stopping: bool | None = None,
        patience: int = 16,
        min_delta: float = 0.0,
        metric: Metric | None = None,
        monitor: Literal["cost", "metric"] = "cost",
        greater_is_better: bool = True,
        precision: Precision | None = None,
        threads: int | None = None,
        engine: Engine = "native",
        parameters: Mapping[str, ArrayLike] | None = None,
        callbacks: Callback | Sequence[Callback] = (),
        time_limit: float | None = None,
        max_steps: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_seconds: float = 30.0,
        resume: bool = False,
    ) -> None:
        check_network("Training", network)
        full = isinstance(batch_size, str) and batch_size == "full"
        given = {
            "epochs": epochs, "steps": steps, "seed": seed, "clip": clip, "patience": patience,
            "early_stopping": early_stopping, "min_delta": min_delta, "precision": precision,
            "threads": threads, "engine": engine, "time_limit": time_limit, "max_steps": max_steps,
            "checkpoint_seconds": checkpoint_seconds,
            "monitor": monitor, "greater_is_better": greater_is_better, "resume": resume,
            "batch_size": None if full else batch_size,
        }  # fmt: skip
        told: dict[str, Any] = check_all(ATTRS, given)
        if epochs is not None and steps is not None:
            raise SettingError(f"give epochs={epochs} or steps={steps}, not both")
        if monitor == "metric" and (metric is None or validation is None):
            raise SettingError("monitor='metric' needs a metric and validation rows")
        if metric is not None and not callable(metric):
            raise SettingError(f"metric is a function of Y and the output, got {shown(metric)}")
        if told["resume"] and checkpoint is None:
            raise SettingError("resume=True needs the checkpoint to go on from: give its path")
        self.network = network
        rate: dict[str, float] = {}
        if learning_rate is not None:
            rate["learning_rate"] = learning_rate
        self.optimizer: Optimizer = optimizer_of(optimizer, **rate)
        self.schedule: Schedule = schedule_of(schedule)
        self.optimizer.check(network.graph)
        check_suited(
            self.optimizer, self.schedule, batch_size, full, told["clip"], told["precision"]
        )
        self.seed: int = told["seed"]
        exact = told["engine"] == "reference" or self.optimizer.whole
        usual: Precision = "float64" if exact else "float32"
        chosen: Precision = told["precision"] or usual
        full = full or (batch_size is None and self.optimizer.full_batch)
        size: int | Literal["full"] | None = "full" if full else told["batch_size"]
        # The parameters, the best, a gradient and the slots, beside the initial values in float64.
        width = 8 if chosen == "float64" else 4
        self._each = 8 + int(width * (3 + self.optimizer.vectors(network.graph.size)))
        require_memory(network.graph, self._each, KEPT)
        rows = divided(network, X, Y, sample_weight, validation, size, self.seed, chosen)
        self.data: Data = rows.data
        self.validation: Data | None = rows.validation
        self.batches = rows.batches
        self.validation_rows = rows.validation_rows
        # The length of the run, which schedules know; limits cut it short and change no rate.
        self.steps: int = told["steps"] or (told["epochs"] or DEFAULT_EPOCHS) * self.batches.epoch
        early = told["early_stopping"]
        ends = Ends(
            self.steps,
            self.validation is not None if early is None else bool(early),
            told["patience"],
            told["min_delta"],
            told["time_limit"] or np.inf,
            told["max_steps"],
        )
        self._runner: Runner
        with within_memory(network.graph, self._each, KEPT):
            self._runner, note = opened(
                told["engine"], network.graph, self.optimizer, self.data, chosen, told["threads"],
                told["clip"],
            )  # fmt: skip
        self._judge = Judge(
            self._runner, self.validation, metric, told["monitor"] == "metric",
            told["greater_is_better"],
        )  # fmt: skip
        horizon = Horizon(self.optimizer.learning_rate, self.steps, self.batches.epoch)
        self._books = Books(
            self._runner,
            self._initial(parameters),
            self.optimizer,
            Rates(self.schedule, horizon),
        )
        if note:
            self.history.events.append(Event("engine", 0, 0, note))
        self._ends = ends
        self._keeper = Keeper(
            checkpoint, told["checkpoint_seconds"], told["resume"],
            partial(fingerprint, self._own(told), network, self.data, self.validation, parameters),
        )  # fmt: skip
        self._loop = Loop(
            self._runner, self.data, self.batches, self._books, self._judge, self._keeper, ends,
            seed=self.seed, norms=told["clip"] is not None, callbacks=several(callbacks),
            advice=partial(advice, network.graph, self.optimizer, self.data, self.validation),
        )  # fmt: skip
        if self._keeper.path is not None and resume and self._keeper.path.exists():
            self.restore(self._keeper.path)

    def _initial(self, parameters: Mapping[str, ArrayLike] | None) -> State:
        """Return the state before the first step: its initial values given, or drawn."""
        flat = (
            drawn(self.network, self.seed, self.data, self.batches)
            if parameters is None
            else begun(self.network, parameters)
        )
        runner = self._runner
        return State.initial(flat, self.optimizer, self.seed, runner.precision, runner.family)

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

    def __enter__(self) -> Training:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _drive(self, target: int, deadline: float) -> None:
        with within_memory(self.network.graph, self._each, KEPT):
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

    def _own(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that a run's bits depend on."""
        own: dict[str, Any] = {"optimizer": self.optimizer.name, **self.optimizer.settings}
        own |= {name: told[name] for name in ("seed", "clip", "patience", "min_delta")}
        own |= {
            "schedule": json.dumps(self.schedule.describe(), sort_keys=True),
            "steps of the run": self.steps,
            "batch_size": self.batches.size,
            "order": type(self.batches).__name__,
            "early_stopping": self._ends.early,
            "monitor": told["monitor"],
            "precision": self._runner.precision,
            "engine": self._runner.family,
        }
        if (metric := self._judge.metric) is not None:
            own["metric"] = getattr(metric, "__name__", type(metric).__name__)
        if self._judge.watches_metric:
            own["greater_is_better"] = told["greater_is_better"]
        return own


_ADVANCE = (
    Attr("steps", int, None, bounds="[1, inf)"),
    Attr("epochs", int, None, bounds="[1, inf)"),
    Attr("seconds", float, None, bounds="(0, inf)"),
)
