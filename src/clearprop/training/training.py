"""What a run is made from, and how it is put together.

Rows and their order, a runner, a loop, its books, their checkpoints; how it then goes on is
`clearprop.training.run`'s. Proved by ``tests/test_training*.py``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from clearprop.engine import Precision, State
from clearprop.errors import SettingError
from clearprop.network import Inputs, Network, check_network, require_memory, within_memory
from clearprop.optimizers import Optimizer
from clearprop.optimizers import optimizer as optimizer_of
from clearprop.settings import check_all
from clearprop.training.books import Books
from clearprop.training.checkpoint import STEPS, fingerprint
from clearprop.training.choices import (
    ATTRS,
    PATIENCE,
    Engine,
    Metric,
    check_patience,
    check_suited,
    divided,
    opened,
    several,
)
from clearprop.training.divergence import advice
from clearprop.training.history import Event
from clearprop.training.judging import Judge
from clearprop.training.keeping import Keeper
from clearprop.training.loop import Ends, Loop
from clearprop.training.progress import Callback
from clearprop.training.rates import Rates
from clearprop.training.run import KEPT, Run
from clearprop.training.scales import Planned, planned
from clearprop.training.schedules import Horizon, Schedule
from clearprop.training.schedules import schedule as schedule_of
from clearprop.training.starting import begun, drawn
from clearprop.words import shown

__all__ = ["DEFAULT_EPOCHS", "Training"]

DEFAULT_EPOCHS = 100


class Training(Run):
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
    dropout_schedule, decay_schedule : str, Schedule, (steps,) array or callable
        What the network's rates of dropout, and the optimizer's weight decay, are multiplied by in
        each step: ``"flat_cos"`` leaves them as they are for half of the run and takes them to 0
        by its end.
    clip : float > 0, optional
        Greatest 2-norm of the gradient: g ← g · min(1, clip / ‖g‖).
    early_stopping : bool, optional
        By default on if there are validation rows; without any it watches the training cost.
    patience : int (epochs) or "cycle", optional
        How long the watched figure may go without a fall before the run stops; by default 16
        epochs. Refused where nothing is watched. With a schedule of cycles (``coslog4``),
        ``"cycle"``: the run stops behind a cycle in which the watched figure has not fallen.
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
        schedule: Planned = "constant",
        dropout_schedule: Planned = "constant",
        decay_schedule: Planned = "constant",
        clip: float | None = None,
        early_stopping: bool | None = None,
        patience: int | Literal["cycle"] | None = None,
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
        by_cycle = isinstance(patience, str) and patience == "cycle"
        given = {
            "epochs": epochs, "steps": steps, "seed": seed, "clip": clip,
            "patience": PATIENCE if by_cycle or patience is None else patience,
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
        self.optimizer = optimizer_of(optimizer, **rate)
        self.schedule: Schedule = schedule_of(schedule)
        if by_cycle and not self.schedule.cycles:
            raise SettingError(
                f"patience='cycle' is for a schedule of cycles, and {self.schedule.name} has none: "
                "give a number of epochs, or schedule='coslog4'"
            )
        check_patience(patience, validation, early_stopping)
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
        require_memory(network.graph.size, self._each, KEPT)
        rows = divided(network, X, Y, sample_weight, validation, size, self.seed, chosen)
        self.data = rows.data
        self.validation = rows.validation
        self.batches = rows.batches
        self.validation_rows = rows.validation_rows
        self.steps = told["steps"] or (told["epochs"] or DEFAULT_EPOCHS) * self.batches.epoch
        self.scales = planned(
            network.graph, self.optimizer, dropout_schedule, decay_schedule,
            steps=self.steps, epoch=self.batches.epoch,
        )  # fmt: skip
        early = told["early_stopping"]
        whole = -(-self.steps // self.batches.epoch)
        shares = self.schedule.cycles if by_cycle else ()
        cycles = tuple(sorted({round(whole * share) for share in shares} - {0}))
        ends = Ends(
            self.steps,
            self.validation is not None if early is None else bool(early),
            told["patience"],
            cycles,
            told["min_delta"],
            told["time_limit"] or np.inf,
            told["max_steps"],
        )
        with within_memory(network.graph.size, self._each, KEPT):
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
            self.scales,
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

    @property
    def precision(self) -> Precision:
        """What products are done in; in bfloat16 parameters and sums are float32."""
        return self._runner.precision

    def _initial(self, parameters: Mapping[str, ArrayLike] | None) -> State:
        """Return the state before the first step: its initial values given, or drawn."""
        flat = (
            drawn(self.network, self.seed, self.data, self.batches)
            if parameters is None
            else begun(self.network, parameters)
        )
        runner = self._runner
        return State.initial(flat, self.optimizer, self.seed, runner.precision, runner.family)

    def _own(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that a run's bits depend on."""
        own: dict[str, Any] = {"optimizer": self.optimizer.name, **self.optimizer.settings}
        own |= {name: told[name] for name in ("seed", "clip", "patience", "min_delta")}
        own |= {
            **{name: json.dumps(one, sort_keys=True) for name, one in self.schedules.items()},
            STEPS: self.steps,
            "batch_size": self.batches.size,
            "order": type(self.batches).__name__,
            "early_stopping": self._ends.early,
            **({"cycles": list(self._ends.cycles)} if self._ends.cycles else {}),
            "monitor": told["monitor"],
            "precision": self.precision,
            "engine": self._runner.family,
        }
        if (metric := self._judge.metric) is not None:
            own["metric"] = getattr(metric, "__name__", type(metric).__name__)
        if self._judge.watches_metric:
            own["greater_is_better"] = told["greater_is_better"]
        return own
