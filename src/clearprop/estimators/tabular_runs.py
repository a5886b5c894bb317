"""The runs of one fit: each trains a network on rows, and rows that are held back judge it.

Owns what the runs have in common, their pace and the time that is left; knows nothing of why there
are several (`clearprop.estimators.tabular_fitting`). Proved by ``tests/test_tabular_fitting.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.engine import Precision
from clearprop.estimators.tabular_figures import watched
from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.estimators.tabular_network import HEAD
from clearprop.estimators.tabular_rows import Rows
from clearprop.estimators.tabular_temperature import temperature, tempered
from clearprop.estimators.tabular_views import View
from clearprop.model import Interrupted, Model
from clearprop.model.arrays import Watcher, carry_out
from clearprop.model.file import checkpoint_of
from clearprop.model.forwarding import Forward
from clearprop.model.interval import Residuals
from clearprop.model.model import input_arrays
from clearprop.optimizers import AdamW
from clearprop.tables.encoder import Encoded
from clearprop.training import History, Training
from clearprop.training.checkpoint import NETWORK, Checkpoint, digest_of
from clearprop.training.schedules import SCHEDULES

__all__ = ["Runs"]

#: Passes over the rows that judge a run behind its last step: their figure, the temperature, and
#: what the kept network gives for them.
_LOOKS = 3

#: Searches for the best temperature there: of their figure, and the one that is kept.
_SEARCHES = 2

#: Fewest rows that judge a run before its end: whether it goes on.
LEAST_TO_STOP = 1500

#: Standard errors from which one of two kinds of networks is taken for better: chance may leave
#: one behind that is as good, which costs little.
_CLEAR = 1.0

#: Fewest rows of each by which that is told.
_LEAST_TO_TELL = 30

#: Of a run that goes on to its end.
_WHOLE: Mapping[str, Any] = {"early_stopping": False}

#: Rows that a pass is timed by.
_LOOKED_AT = 2048


@dataclass
class Runs:
    """What all runs of one fit have in common, and what they did."""

    rows: Rows
    made_of: Ingredients
    views: tuple[View, ...]
    encoded: Encoded
    metric: str
    seed: int
    progress: Watcher | None
    checkpoint: str | os.PathLike[str] | None
    threads: int | None
    precision: Precision
    deadline: float | None
    max_steps: Sequence[int] | None
    epochs: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    histories: list[History] = field(default_factory=list)
    interrupted: bool = False
    announce: Callable[[], object] | None = None
    #: Of rows that judge every run, where there are such.
    judges: Encoded | None = None
    #: Seconds that the last run's rows took to be taken, and a row of a step by inputs.
    taking: float = 0.0
    paces: dict[int, float] = field(default_factory=dict)
    #: Seconds that the rows which judge the last run take behind its last step.
    tail: float = 0.0

    def __post_init__(self) -> None:
        n = len(self.rows.y)
        self.held = np.zeros(n, np.bool_)
        self.outputs = np.zeros((n, max(len(self.rows.target.classes), 1)))
        self.see(self.views[0])

    def see(self, view: View) -> None:
        """Train and judge by this one of the views from now on."""
        if view is not getattr(self, "view", None):
            self.view = view
            self._seen, self._judges = view.of(self.encoded), self._judging()

    def _judging(self) -> tuple[Any, ...] | None:
        """Inputs, targets and weights of the rows that judge every run."""
        judges = self.rows.judges
        if self.judges is None or judges is None:
            return None
        own = () if judges.weights is None else (judges.weights,)
        return (input_arrays(self.view.network, self.view.of(self.judges)), judges.y, *own)

    def fits(self, held: NDArray[np.bool_] | None, epochs: int) -> bool:
        """Whether there are steps, and time for all of them, for a run; the first has both."""
        number = len(self.steps)
        if not number:
            return True
        n = len(self.rows.y) - (0 if held is None else int(held.sum()))
        size = self.made_of.batch(n)
        steps = epochs * -(-n // size)
        if self.max_steps is not None:
            steps = min(steps, self._told(number))
        pace = self.paces.get(self.view.encoder.width, max(self.paces.values(), default=0.0))
        seconds = self.taking + pace * steps * size + self.tail
        late = self.deadline is not None and time.monotonic() + seconds > self.deadline
        return steps > 0 and not late

    def _told(self, number: int) -> int:
        """The most steps of a run."""
        assert self.max_steps is not None
        return self.max_steps[min(number, len(self.max_steps) - 1)]

    def run(self, held: NDArray[np.bool_] | None, runs: int) -> Model:
        """Train on the rows that are not held back, and choose the epoch by those that are."""
        chosen = np.ones(len(self.rows.y), np.bool_) if held is None else ~held
        own = self._judges if held is None else self._taken(held)
        if own is None:
            return self._train(chosen, _WHOLE, runs)
        if self.deadline is not None:
            self.tail = self._behind(*own[:2])
        weights = own[2] if len(own) == 3 else None
        figure = watched(self.rows.target, self.metric, weights, self.made_of.quantile)
        counted = len(own[1]) if len(own) == 2 else np.count_nonzero(own[2])
        cycles = self.made_of.by_cycles and SCHEDULES[self.made_of.schedule].cycles
        stops = {"patience": "cycle"} if cycles and counted >= LEAST_TO_STOP else _WHOLE
        model = self._train(
            chosen,
            {
                **stops,
                "validation": own,
                "metric": figure,
                "monitor": "metric",
                "greater_is_better": False,
            },
            runs,
        )
        try:
            if self.made_of.temperature and self.rows.target.task == "classification":
                _temper(model, own)
            if held is not None:
                self.outputs[held] = model._one(own[0])
                self.held |= held
        except KeyboardInterrupt:  # the network is whole all the same
            self.interrupted = True
        return model

    def _behind(self, X: Mapping[str, NDArray[Any]], y: NDArray[Any]) -> float:
        """Seconds that these rows take behind the last step, by some; of few 0, near enough."""
        if len(y) < 4 * _LOOKED_AT:
            return 0.0
        network = self.view.network
        forward = Forward(network, np.float64 if self.precision == "float64" else np.float32)
        parameters = network.initial(self.seed)
        some = {name: array[:_LOOKED_AT] for name, array in X.items()}
        forward(some, parameters)  # made ready
        began = time.monotonic()
        found = forward.members(some, parameters)[network.graph.outputs[0]]
        seconds = _LOOKS * (time.monotonic() - began)
        if self.rows.target.task == "classification":  # of many classes, longer than a pass
            began = time.monotonic()
            temperature(tempered(found), y[:_LOOKED_AT])
            seconds += _SEARCHES * (time.monotonic() - began)
        return seconds * len(y) / _LOOKED_AT

    def better(self, parts: Sequence[NDArray[np.bool_] | None]) -> int | None:
        """Which of two runs predicted the rows that it held back better; None: neither.

        c is −log p of a row's class, or the squared error, whatever the metric, c̄ the mean over
        the rows of a run, and z = (c̄₁ − c̄₀) / √(Var c̄₀ + Var c̄₁) of the two; within ±1, or where
        a run was judged by a few rows, neither is said to be better.
        """
        means, variances = [], []
        for part in parts:
            if part is None:
                return None
            w = np.ones(int(part.sum())) if self.rows.weights is None else self.rows.weights[part]
            counted = np.count_nonzero(w)
            if counted < _LEAST_TO_TELL:
                return None
            cost = self._costs(part)
            means.append(np.average(cost, weights=w))
            spread = np.square(w * (cost - means[-1])).sum() / w.sum() ** 2
            variances.append(spread * counted / (counted - 1))
        apart = means[1] - means[0]
        return int(apart < 0) if apart**2 > _CLEAR**2 * sum(variances) else None

    def _costs(self, part: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the prediction of each of some rows that were held back costs."""
        y, outputs, target = self.rows.y[part], self.outputs[part], self.rows.target
        if target.task == "classification":
            p = outputs[np.arange(len(y)), y]
            return np.asarray(-np.log(np.maximum(p, 1e-12)), np.float64)
        off = target.predicted(outputs[:, 0]) - target.decode(y)
        return np.square(np.asarray(off, np.float64))

    def residuals(self, model: Model) -> Residuals | None:
        """What the rows that were held back were off by, or those that judge and never train."""
        held, judges = self.held, self.rows.judges
        own = self.rows.weights
        if judges is None or self.judges is None:
            weights = None if own is None else own[held]
            return Residuals.of(self.rows.target, self.rows.y[held], self.outputs[held], weights)
        view = next(view for view in self.views if view.encoder is model.encoder)
        outputs = model._one(input_arrays(model.network, view.of(self.judges)))
        return Residuals.of(self.rows.target, judges.y, outputs, judges.weights)

    def forget(self, held: NDArray[np.bool_]) -> None:
        """Let rows that a run held back be judged by none, for its network predicts no more."""
        self.held &= ~held
        self.outputs[held] = 0

    def refit(self, model: Model, runs: int) -> Model:
        """Train anew on all rows, up to the epoch that was chosen; the temperature stays."""
        n = len(self.rows.y)
        an_epoch = -(-n // self.made_of.batch(n))
        again = self._train(np.ones(n, np.bool_), _WHOLE, runs, most=self.epochs[-1] * an_epoch)
        inverse = 1 / model.provenance.get("temperature", 1.0)
        for name in (f"W_{HEAD}", f"b_{HEAD}"):
            again.parameters[name][...] *= inverse
        again.provenance["temperature"] = 1 / inverse
        again.provenance["rows"] = model.provenance["rows"]
        return again

    def _train(
        self,
        chosen: NDArray[np.bool_],
        watching: Mapping[str, Any],
        runs: int,
        most: int | None = None,
    ) -> Model:
        made_of, number = self.made_of, len(self.steps)
        before = time.monotonic()
        X, y, *own = self._taken(chosen)
        began = time.monotonic()
        self.taking = began - before
        limit = None
        if self.deadline is not None:  # the training takes the rows once more
            tail = self.tail if "validation" in watching else 0.0
            limit = max(self.deadline - began - self.taking - tail, 1e-3)
        if self.max_steps is not None:
            told = self._told(number)
            most = told if most is None else min(told, most)
        where = None if self.checkpoint is None else checkpoint_of(self.checkpoint, number + 1)
        with Training(
            self.view.network, X, y,
            sample_weight=own[0] if own else None,
            optimizer=AdamW(
                made_of.learning_rate, beta2=made_of.beta2, weight_decay=made_of.weight_decay
            ),
            schedule=made_of.schedule, dropout_schedule=made_of.dropout_schedule,
            decay_schedule=made_of.decay_schedule, epochs=made_of.epochs,
            batch_size=made_of.batch(len(y)), seed=self.seed,
            time_limit=limit, max_steps=most, checkpoint=where, resume=self._goes_on(where),
            threads=self.threads, precision=self.precision, **watching,
        ) as training:  # fmt: skip
            if self.announce is not None and not number:
                self.announce()
            earlier = training.step  # of a run that is gone on with
            try:
                model = carry_out(training, self.rows.target, self._watcher(runs))
            except Interrupted as error:
                if error.model is None:
                    raise
                model, self.interrupted = error.model, True
            if training.step > earlier:
                rows = (training.step - earlier) * training.batches.size
                self.paces[self.view.encoder.width] = (time.monotonic() - began) / rows
            self.steps.append(training.step)
            self.inputs.append(self.view.encoder.width)
            self.histories.append(model.history)
            self.epochs.append(training.progress.best_epoch or max(training.epoch, 1))
        model.encoder = self.view.encoder
        return model

    def _goes_on(self, where: Path | None) -> bool:
        """Whether to go on from what stands there.

        A shorter fit may have told the better view otherwise: what it left of a run of another
        view is begun anew.
        """
        if where is None or len(self.views) == 1 or not where.exists():
            return where is not None
        others = {digest_of(one.network) for one in self.views if one is not self.view}
        return Checkpoint.read(where).fingerprint.get(NETWORK) not in others

    def _watcher(self, runs: int) -> Watcher | None:
        """The caller's, told which of the runs it is."""
        watch, run = self.progress, len(self.steps) + 1
        if watch is None:
            return None
        return lambda progress: watch(replace(progress, run=run, runs=runs))

    def _taken(self, chosen: NDArray[np.bool_]) -> tuple[Any, ...]:
        """Inputs, targets and weights of some rows."""
        encoded = Encoded(self._seen.X[chosen], self._seen.indices[chosen])
        own = () if self.rows.weights is None else (self.rows.weights[chosen],)
        return (input_arrays(self.view.network, encoded), self.rows.y[chosen], *own)


def _temper(model: Model, held: tuple[Any, ...]) -> None:
    """Divide the last layer by the temperature that the held rows ask for.

    softmax(z / T), with z = W a + b of the last layer, is softmax of (W / T) a + b / T: the network
    stays a network. One pass over the rows tells of every T, with members too: each one's z is
    divided before the mean.
    """
    X, y, *own = held
    T = 1.0
    try:
        T = temperature(tempered(model._each(X)), y, own[0] if own else None)
    finally:  # after Ctrl-C too, a network tells its temperature
        for name in (f"W_{HEAD}", f"b_{HEAD}"):
            model.parameters[name][...] *= 1 / T
        model.provenance["temperature"] = T
