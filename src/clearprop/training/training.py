"""The steppable run: as many steps, epochs or seconds at a time as the caller wants.

Owns the loop over windows of steps, its books, and when it ends; the steps themselves are a
runner's, their order a source's, their rates a schedule's. Borders of slices never change bits.
Proved by ``tests/test_training*.py`` and ``tests/test_resume.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from clearprop.engine import Data, Flat, Precision, Runner, State, Window
from clearprop.errors import DivergenceError, FileError, SettingError
from clearprop.initializers import DATA_DRIVEN
from clearprop.network import (
    Inputs,
    Network,
    Parameters,
    check_network,
    require_memory,
    within_memory,
)
from clearprop.optimizers import Optimizer, optimizer
from clearprop.settings import Attr, check_all
from clearprop.training.arrays import taken
from clearprop.training.checkpoint import Checkpoint, destination, fingerprint
from clearprop.training.choices import (
    ATTRS,
    Engine,
    Metric,
    begun,
    check_suited,
    divided,
    opened,
    several,
)
from clearprop.training.divergence import advice
from clearprop.training.history import Event, History
from clearprop.training.interruption import Asked, Handler, listening
from clearprop.training.judging import Judge
from clearprop.training.progress import Callback, Progress
from clearprop.training.rates import Rates
from clearprop.training.schedules import Horizon, Schedule, schedule
from clearprop.training.stopping import Watch
from clearprop.training.sums import Sums
from clearprop.words import number, shown

__all__ = ["DEFAULT_EPOCHS", "Training"]

DEFAULT_EPOCHS = 100
KEPT = "what training keeps of them"
WINDOW_ROWS = 1 << 22
"""Most rows of one window: 32 MB of row numbers."""


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
        self.optimizer: Optimizer = _optimizer(optimizer, learning_rate)
        self.schedule: Schedule = _schedule(schedule)
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
        self._epoch_steps = self.batches.epoch
        # The length of the run, which schedules know; limits cut it short and change no rate.
        self.steps: int = told["steps"] or (told["epochs"] or DEFAULT_EPOCHS) * self._epoch_steps
        self.epochs: int = -(-self.steps // self._epoch_steps)
        self._horizon = Horizon(self.optimizer.learning_rate, self.steps, self._epoch_steps)
        self._stops: bool = (
            self.validation is not None
            if told["early_stopping"] is None
            else bool(told["early_stopping"])
        )
        self._patience: int = told["patience"]
        self._min_delta: float = told["min_delta"]
        self._callbacks = several(callbacks)
        self._time_limit: float = told["time_limit"] or np.inf
        self._max_steps: int | None = told["max_steps"]
        self._told = told
        self._began_with = parameters
        self._runner: Runner
        with within_memory(network.graph, self._each, KEPT):
            self._runner, note = opened(
                told["engine"], network.graph, self.optimizer, self.data, chosen, told["threads"],
                told["clip"],
            )  # fmt: skip
        self._asked = Asked()
        self._judge = Judge(
            self._runner, self.validation, metric, told["monitor"] == "metric",
            told["greater_is_better"],
        )  # fmt: skip
        self._start(note)
        self._print: dict[str, str] | None = None
        self._path: Path | None = (
            None if checkpoint is None else destination(checkpoint, resume=told["resume"])
        )
        self._every: float = told["checkpoint_seconds"]
        self._saved_at = time.monotonic()
        if self._path is not None and resume and self._path.exists():
            self.restore(self._path)

    def _start(self, note: str) -> None:
        """Set up the state before the first step."""
        self.state = State.initial(
            self._initial(),
            self.optimizer,
            self.seed,
            self._runner.precision,
            self._runner.family,
        )
        self.history = History()
        if note:
            self.history.events.append(Event("engine", 0, 0, note))
        self.why = ""
        self._watch = Watch()
        self._best: Flat = self.state.parameters.copy()
        self._sums = Sums()
        self._rates = Rates(self.schedule, self._horizon)
        self._seconds = 0.0
        self._found = ""
        self._uncut: tuple[Watch, Sums, int, int] | None = None

    def _initial(self) -> Flat:
        network = self.network
        if self._began_with is None:
            looks = any(p.spec.initial in DATA_DRIVEN for p in network.graph.parameters.values())
            X: Inputs | None = None
            if looks:
                rows, _ = self.batches.window(self.seed, 0, self._epoch_steps)
                X = dict(taken(Data(self.data.inputs, {}), np.sort(rows)).inputs)
            return network.initial(self.seed, X).flat
        return begun(network, self._began_with)

    # -- looking ----------------------------------------------------------------------------------
    @property
    def step(self) -> int:
        """Steps done."""
        return self.state.step

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return len(self.history)

    @property
    def finished(self) -> bool:
        """Whether the run has ended; ``why`` says how."""
        return self.why != ""

    @property
    def parameters(self) -> Parameters:
        """The parameters now, a copy: those that the optimizer would have kept."""
        return Parameters(self.network.graph, self._kept().copy())

    def _kept(self) -> Flat:
        """What is judged and kept: of a rule that averages, the average."""
        state = self.state
        return self.optimizer.kept(state.parameters, state.slots, state.step)

    @property
    def best(self) -> Parameters:
        """The parameters to use, a copy.

        With validation rows or early stopping, those of the epoch whose watched figure is best; if
        the run diverged, those of the epoch of the least training cost; else, and as long as no
        epoch has been judged, the present ones.
        """
        judged = self._watch.epoch > 0 and (self.validation is not None or self._stops)
        watched = judged or self.why == "diverged"
        last = self._uncut is not None and self._watch.epoch == self.epoch  # the part of an epoch
        flat = self._best if watched and not last else self._kept()
        return Parameters(self.network.graph, flat.copy())

    @property
    def progress(self) -> Progress:
        """Where the run stands."""
        last = self.history.last
        return Progress(
            epoch=self.epoch,
            epochs=self.epochs,
            step=self.step,
            steps=self.steps,
            step_cost=self._sums.cost,
            best_epoch=self._watch.epoch,
            best=self._judge.sign * self._watch.best if self._watch.epoch else np.nan,
            learning_rate=self._sums.rate,
            seconds=self._seconds,
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
            target = (self.step // self._epoch_steps + int(epochs)) * self._epoch_steps
        self._drive(target, np.inf if seconds is None else time.monotonic() + float(seconds))
        return self.progress

    def run(self) -> Progress:
        """Go on to the end; raises what `advance` does."""
        self._drive(self.steps, np.inf)
        return self.progress

    def interrupt(self) -> None:
        """Ask `advance` or `run` to return after the last whole step; safe from any thread."""
        self._asked.by_call = True
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
        """Run to the target, at whole steps only doing what Ctrl-C would have done at once."""
        with within_memory(self.network.graph, self._each, KEPT):
            try:
                while (handler := self._drive_on(target, deadline)) is not None:
                    handler(signal.SIGINT, None)  # raises, or lets the run go on
            except KeyboardInterrupt:
                self._tell("interrupted", f"interrupted after step {self.step}")
                raise

    def _drive_on(self, target: int, deadline: float) -> Handler | None:
        """Run to the target or until asked to stop; return what the signal would have run."""
        entered, began, before = self.step, time.monotonic(), self._seconds
        try:
            with listening(self._asked, self._runner.interrupt):
                while True:
                    self._settle()
                    self._seconds = before + time.monotonic() - began
                    if self.finished or self._asked or self.step >= target:
                        break
                    if time.monotonic() >= deadline and self.step > entered:
                        break
                    ends = min(deadline, began + self._time_limit - before)
                    self._slice(min(target, self.steps), ends)
                    self._seconds = before + time.monotonic() - began
                    if time.monotonic() >= self._saved_at + self._every:
                        self._keep()
        finally:
            handler, self._asked = self._asked.handler, Asked()
            if handler is not None or self.finished:
                self._keep()
        return handler

    def _slice(self, target: int, deadline: float) -> None:
        """Do steps, one at least, up to ``target``, the end of the epoch or the deadline."""
        start = self.step
        stop = min(
            target,
            (start // self._epoch_steps + 1) * self._epoch_steps,
            start + max(1, WINDOW_ROWS // self.batches.size),
            self._max_steps or target,
        )
        if self._path is not None:
            deadline = min(deadline, self._saved_at + self._every)
        rows, borders = self.batches.window(self.seed, start, stop)
        window = Window(rows, borders, self._rates.of(start, stop))

        def over() -> bool:
            late = self.state.step > start and time.monotonic() >= deadline
            return bool(self._asked) or late

        try:
            report = self._runner.run(self.state, window, over)
        except BaseException:  # a signal handler's: the whole steps done count all the same
            self._sums.count(window, self._runner.broken_off(), self.data.weights)
            raise
        self._sums.count(window, report, self.data.weights)
        if report.why == "diverged":
            self._diverge("cost", float(report.costs[-1]))
        self._found = report.text

    # -- ends of epochs and of the run ------------------------------------------------------------
    def _settle(self) -> None:
        """Do what is due at this border: the end of an epoch, the end of the run."""
        if self.finished:
            return
        at_border = self.step == (self.epoch + 1) * self._epoch_steps
        last_part = self.step >= self.steps and self.epoch < self.epochs
        if (at_border or last_part) and not self._end_epoch():
            return  # interrupted: done again when the run goes on
        if self.finished:
            return
        if self.step >= self.steps:
            self.why = "complete"
        elif self._max_steps is not None and self.step >= self._max_steps:
            self._cut("max_steps", f"stopped after {self.step} steps (max_steps)")
        elif self._seconds >= self._time_limit and self.step:
            self._cut(
                "time_limit",
                f"stopped after {self.step} steps (time_limit={number(self._time_limit)} s); "
                f"max_steps={self.step} gives the same parameters",
            )

    def _end_epoch(self) -> bool:
        """Close the books of the epoch under way; return False if that was interrupted."""
        figures = self._judge.figures(self._kept(), self._asked)
        if figures is None:
            return False
        if not np.isfinite(self.state.parameters).all():
            self._diverge("a parameter", np.nan)
        if not np.isfinite(figures.get("validation_cost", 0.0)):
            self._diverge("validation cost", figures["validation_cost"])
        if np.isinf(self._sums.mean_cost):
            self._diverge("cost", self._sums.mean_cost)
        self._append(figures)
        cost = self.history.last("cost")
        figure = self._judge.watched(cost, figures)
        if self._watch.observe(figure, self.epoch, self._min_delta):
            self._best[...] = self._kept()
        before = self._rates.memory
        self._rates.observe(figure)
        if self.step < self.steps:
            self._tell_rate(before)
        if self._stops and self._watch.waited >= self._patience and self.step < self.steps:
            self.why = "early_stopping"
            best = f"best epoch {self._watch.epoch}"
            self._tell(
                "early_stopping",
                f"stopped after epoch {self.epoch}: no progress for {self._patience} epochs, "
                f"{best if self._watch.epoch else 'as the watched figure was no number in any'}",
            )
        elif self.step >= self.steps:
            self.why = "complete"
        if self._found:
            self.why = "converged"
            self._tell("converged", f"converged in step {self.step}: {self._found}")
        progress = self.progress
        if [
            callback for callback in self._callbacks if callback(progress) is True
        ] and not self.why:
            self.why = "callback"
            self._tell("callback", f"stopped by a callback after epoch {self.epoch}")
        return True

    def _append(self, figures: Mapping[str, float]) -> None:
        """Add the row of the epoch under way to the history, and begin the sums anew."""
        seen = int(self.history.last("skipped")) if len(self.history) else 0
        self.history.append(
            epoch=self.epoch + 1,
            steps=self.step,
            cost=self._sums.mean_cost,
            learning_rate=self._sums.rate,
            norm=np.nan if self._told["clip"] is None else self._sums.mean_norm,
            skipped=self.state.skipped,
            seconds=self._seconds,
            **figures,
        )
        self._sums.begin()
        if self.state.skipped > seen:
            count = self.state.skipped - seen
            self._tell("skipped", f"{count} batches whose weights are all 0 were skipped")

    def _cut(self, kind: str, text: str) -> None:
        """End the run at a limit, if in mid-epoch with a last look at the validation rows.

        A checkpoint does not know of that look: with a later limit the run goes on as if there had
        been none.
        """
        part = self.step > self.epoch * self._epoch_steps  # of an epoch
        figures = self._judge.figures(self._kept(), self._asked) if part else {}
        if figures is None:
            return  # interrupted: comes here again when the run goes on
        rows, events = len(self.history), len(self.history.events)
        self._uncut = replace(self._watch), replace(self._sums), rows, events
        if part:
            self._append(figures)
            figure = self._judge.watched(self.history.last("cost"), figures)
            self._watch.observe(figure, self.epoch, self._min_delta)
        self.why = kind
        self._tell(kind, text)

    def _diverge(self, what: str, value: float) -> None:
        self.why = "diverged"
        epoch = (max(self.step, 1) - 1) // self._epoch_steps + 1
        text = (
            f"{what} became {number(value)} in epoch {epoch}, step {self.step}, "
            f"{advice(self.network.graph, self.optimizer, self.data, self.validation)}"
        )
        self._tell("diverged", text)
        error = DivergenceError(text)
        error.training = self
        raise error

    def _tell(self, kind: str, text: str) -> None:
        event = Event(kind, -(-self.step // self._epoch_steps), self.step, text)
        if event not in self.history.events:
            self.history.events.append(event)

    def _tell_rate(self, before: Mapping[str, float]) -> None:
        """Tell of a rate that changes between epochs, or because of what an epoch ended with."""
        if self.schedule.by_epoch:
            old = self._sums.rate
        elif self._rates.memory != before:
            old = self._rates.with_memory(before, self.step)
        else:
            return
        rate = float(self._rates.of(self.step, self.step + 1)[0])
        if rate != old:
            text = f"learning rate changed from {number(old)} to {number(rate)}"
            self._tell("learning_rate", text)

    # -- checkpoints ------------------------------------------------------------------------------
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint, whole or not at all; see `clearprop.training.checkpoint`."""
        watch, sums, history, why = self._watch, self._sums, self.history, self.why
        if self._uncut is not None:
            watch, sums, rows, events = self._uncut
            history, why = History(history.rows[:rows], history.events[:events]), ""
        Checkpoint(
            self.state, self._best, watch, sums, self._rates.memory, history, self._seconds, why,
            self._fingerprint(),
        ).write(path)  # fmt: skip
        self._saved_at = time.monotonic()

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a checkpoint that a run of the same data and settings wrote.

        Raises
        ------
        FileError
            If it is no checkpoint, is damaged, the run diverged, or it began with something else,
            which is named.
        """
        found = Checkpoint.read(path)
        found.require(self._fingerprint(), path)
        self.state, self._best, self._watch = found.state, found.best, found.watch
        self._sums, self.history = found.sums, found.history
        self._rates.remember(found.memory)
        self._seconds, self.why, self._uncut = found.seconds, found.why, None

    def _keep(self) -> None:
        """Write the run's own checkpoint, if it has one.

        A disk that takes none costs the checkpoint, not the run: that is told, once.
        """
        if self._path is None:
            return
        try:
            self.save(self._path)
        except FileError as error:
            self._saved_at = time.monotonic()  # tried again when the next is due
            if not any(event.kind == "checkpoint" for event in self.history.events):
                self._tell("checkpoint", f"no checkpoint: {error}; the run goes on without")

    def _fingerprint(self) -> dict[str, str]:
        if self._print is None:
            own: dict[str, Any] = {"optimizer": self.optimizer.name, **self.optimizer.settings}
            own |= {name: self._told[name] for name in ("seed", "clip", "patience", "min_delta")}
            own |= {
                "schedule": json.dumps(self.schedule.describe(), sort_keys=True),
                "steps of the run": self.steps,
                "batch_size": self.batches.size,
                "order": type(self.batches).__name__,
                "early_stopping": self._stops,
                "monitor": self._told["monitor"],
                "precision": self._runner.precision,
                "engine": self._runner.family,
            }
            if (metric := self._judge.metric) is not None:
                own["metric"] = getattr(metric, "__name__", type(metric).__name__)
            if self._judge.watches_metric:
                own["greater_is_better"] = self._told["greater_is_better"]
            if self._began_with is not None:
                given = begun(self.network, self._began_with)
                own["digest of the parameters given"] = hashlib.sha256(given.tobytes()).hexdigest()
            self._print = fingerprint(own, self.network, self.data, self.validation)
        return self._print


_ADVANCE = (
    Attr("steps", int, None, bounds="[1, inf)"),
    Attr("epochs", int, None, bounds="[1, inf)"),
    Attr("seconds", float, None, bounds="(0, inf)"),
)


def _optimizer(given: str | Optimizer, learning_rate: float | None) -> Optimizer:
    return optimizer(given, **({} if learning_rate is None else {"learning_rate": learning_rate}))


def _schedule(given: str | Schedule | ArrayLike | Callable[[int], float]) -> Schedule:
    return schedule(given)
