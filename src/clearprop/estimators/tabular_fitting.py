"""From a table and its targets to a model: encoder, network, training, temperature.

Owns the order of these things for the tabular estimators; knows nothing of scikit-learn. Proved by
``tests/test_tabular_fitting.py``.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop import philox
from clearprop.engine import Precision
from clearprop.errors import SettingError
from clearprop.estimators.rare_values import mean_something
from clearprop.estimators.tabular_figures import cost_of, watched
from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.estimators.tabular_network import HEAD, build, side_by_side
from clearprop.estimators.tabular_temperature import temperature, tempered
from clearprop.membership import VALIDATION, deal, split
from clearprop.model import Interrupted, Model
from clearprop.model.arrays import Watcher, carry_out
from clearprop.model.dividing import naming
from clearprop.model.file import checkpoint_of
from clearprop.model.model import input_arrays
from clearprop.network import Network
from clearprop.optimizers import AdamW
from clearprop.settings import Attr
from clearprop.tables import Table
from clearprop.tables.cells import Role, read_numbers
from clearprop.tables.encoder import Encoded, Encoder, fit_encoder
from clearprop.tables.target import Target
from clearprop.training import History, Training
from clearprop.training.checkpoint import destination

__all__ = ["Fitted", "Rows", "fit", "steps_of"]

#: Rows of a larger table that are asked whether rare values mean something each, about.
MOST_TO_TELL_RARE = 1 << 18

#: Fewest rows of which some are held back to choose the epoch.
LEAST_TO_VALIDATE = 10

_STEPS = Attr("max_steps", int, 1, bounds="[1, inf)")

#: Between the seeds of two bags: 2⁶⁴ over the golden ratio, so that no two seeds a user would take
#: have bags in common.
_STRIDE = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Rows:
    """What is learned from.

    Parameters
    ----------
    table : Table
    roles : {column: role}
    y : (n,) int64 places of classes, or float64 standardised numbers
    target : Target
    weights : (n,) float64 or None
    groups : (n,) array of str or None
        Rows of one name are held back together.
    judges : Rows or None
        Rows of their own that choose the epoch of every run: then none are held back.
    """

    table: Table
    roles: Mapping[str, Role]
    y: NDArray[Any]
    target: Target
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.object_] | None = None
    judges: Rows | None = None


@dataclass(frozen=True)
class Fitted:
    """What came of it.

    Attributes
    ----------
    model : Model
    epochs : tuple of int
        The chosen epoch of each run that was done, from 1.
    steps : tuple of int
        Steps done in each run, 0 of those that there was no time for, which come last: as
        ``max_steps``, with the same seed, they give the same bits.
    interrupted : bool
        Whether Ctrl-C ended it.
    histories : tuple of History
        Of each run that was done.
    held : (n,) bool
        The rows that were held back by a run.
    outputs : (n, width) float64
        What that run's network gives for them; 0 elsewhere.
    judge : Model or None
        The mean of those runs, where others on all rows stand in the model, alone or beside them.
    """

    model: Model
    epochs: tuple[int, ...]
    steps: tuple[int, ...]
    interrupted: bool
    histories: tuple[History, ...]
    held: NDArray[np.bool_]
    outputs: NDArray[np.float64]
    judge: Model | None


def fit(
    rows: Rows,
    made_of: Ingredients,
    *,
    metric: str,
    seed: int,
    progress: Watcher | None = None,
    time_limit: float | None = None,
    max_steps: Sequence[int] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    precision: Precision = "float32",
    announce: Callable[[Encoder, Network, int], object] | None = None,
) -> Fitted:
    """Learn from the rows; predicted numbers stay within theirs, if so asked.

    Parameters
    ----------
    rows : Rows
    made_of : Ingredients
    metric : str
        A name in `clearprop.metrics.METRICS`.
    seed : int
    progress : callable, optional
        Called with a `clearprop.training.Progress` a few times a second.
    time_limit : float, seconds, optional
        Of all runs, from here on. Where it is too short for all, the first are done as if there
        were none, and one begins only if, by the pace of those before, it comes to its end: few
        networks that have learned predict better than many that have not.
        One that is cut short keeps its rates: coslog4's are near 0 at 1/15, 1/5 and 7/15 of a run
        too, and as many steps of a run of fewer epochs had no less log-loss where it was measured.
    max_steps : sequence of int, optional
        Of each run; 0 leaves it and those behind it out.
    checkpoint : path, optional
        Each run has its own file, that of the first this one; those that are there are gone on
        from. See `clearprop.model.file.checkpoints`.
    threads : int, optional
    precision : {"float32", "float64", "bfloat16"}
        What products are done in; in bfloat16 sums and weights are float32.
    announce : callable, optional
        Called once, when the first run is known to begin or to go on, with the encoder, the
        network of one run, and how many of it will predict together.

    Raises
    ------
    Interrupted
        After Ctrl-C before the first step; behind it, what there is comes back.
    SettingError
        For more numbers in max_steps than runs.
    FileError
        If a checkpoint cannot be written, or a file that is none stands in its place.
    """
    deadline = None if time_limit is None else time.monotonic() + time_limit
    if made_of.clip and rows.target.task == "regression" and rows.target.bounds is None:
        least, most = rows.target.decode(np.array([rows.y.min(), rows.y.max()])).tolist()
        rows = replace(rows, target=replace(rows.target, bounds=(least, most)))
    encoder = fit_encoder(
        rows.table,
        rows.roles,
        recipes=_recipes(rows, made_of),
        one_hot_up_to=made_of.one_hot_up_to,
    )
    network = build(encoder, rows.target, made_of, cost_of(rows.target.task, metric))
    work = _Work(
        rows, made_of, encoder, network, encoder.encode(rows.table), metric, seed,
        progress, checkpoint, threads, precision, deadline, max_steps,
    )  # fmt: skip
    if rows.judges is not None:
        work.judges = _judges(rows.judges, encoder, network)
    parts = _parts(rows, made_of, seed)
    runs = sum(1 if part is None else 1 + made_of.refit for part in parts)
    if max_steps is not None and len(max_steps) > runs:
        raise SettingError(
            f"max_steps has {len(max_steps)} numbers, and this training has {runs} "
            f"{'run' if runs == 1 else 'runs'}: give one number for each, or one for all"
        )
    if checkpoint is not None:  # a later run's place is seen now, not after those before it
        for number in range(runs):
            destination(checkpoint_of(checkpoint, number + 1), resume=False)
    if announce is not None:
        work.announce = lambda: announce(encoder, network, _together(parts, made_of))
    models: list[Model] = []
    judges: list[Model] = []
    try:
        for bag, part in enumerate(parts):
            work.seed = (seed + bag * _STRIDE) % 2**64
            if not work.fits(part, made_of.epochs):
                break
            judge = work.run(part, runs)
            if work.interrupted and models:
                break  # half a network beside whole ones would be worse than none
            judges.append(judge)
            models.append(judge)
            if made_of.refit and part is not None and not work.interrupted:
                if not work.fits(None, work.epochs[-1]):
                    break
                again = work.refit(judge, runs)
                if not work.interrupted:
                    models[-1:] = [judge, again] if made_of.beside else [again]
            if work.interrupted:
                break
    except KeyboardInterrupt:  # between two runs, or before a step of the next
        if not models:
            raise
        work.interrupted = True
    together = [ones[0] if len(ones) == 1 else side_by_side(ones) for ones in (models, judges)]
    together[0].history, *later = work.histories
    together[0].later = tuple(later)
    others = len(models) > len(judges) or models[0] is not judges[0]
    left_out = 0 if work.interrupted else runs - len(work.steps)
    return Fitted(
        together[0], tuple(work.epochs), (*work.steps, *[0] * left_out), work.interrupted,
        tuple(work.histories), work.held, work.outputs, together[1] if others else None,
    )  # fmt: skip


def steps_of(max_steps: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """Return the most steps of each run: one number is for all of them, the last for those behind.

    Raises
    ------
    SettingError
        For a number that is no whole one or below 1; 0 may stand behind the first, if no other
        number stands behind it.
    """
    if max_steps is None:
        return None
    each = tuple(max_steps) if isinstance(max_steps, list | tuple) else (max_steps,)
    done = len(each)
    while done > 1 and each[done - 1] == 0:  # runs that are left out
        done -= 1
    for steps in each[:done] or (0,):
        _STEPS.check(steps)
    return each


@dataclass
class _Work:
    """What all runs of one fit have in common, and what they did."""

    rows: Rows
    made_of: Ingredients
    encoder: Encoder
    network: Network
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
    histories: list[History] = field(default_factory=list)
    interrupted: bool = False
    announce: Callable[[], object] | None = None
    judges: tuple[Any, ...] | None = None
    #: Seconds that a row of a step took in the last run.
    pace: float = 0.0

    def __post_init__(self) -> None:
        n = len(self.rows.y)
        self.held = np.zeros(n, np.bool_)
        self.outputs = np.zeros((n, max(len(self.rows.target.classes), 1)))

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
        seconds = self.pace * steps * size
        late = self.deadline is not None and time.monotonic() + seconds > self.deadline
        return steps > 0 and not late

    def _told(self, number: int) -> int:
        """The most steps of a run."""
        assert self.max_steps is not None
        return self.max_steps[min(number, len(self.max_steps) - 1)]

    def run(self, held: NDArray[np.bool_] | None, runs: int) -> Model:
        """Train on the rows that are not held back, and choose the epoch by those that are."""
        chosen = np.ones(len(self.rows.y), np.bool_) if held is None else ~held
        own = self.judges if held is None else self._taken(held)
        if own is None:
            return self._train(chosen, {}, runs)
        figure = watched(self.rows.target, self.metric, own[2] if len(own) == 3 else None)
        model = self._train(
            chosen,
            {
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

    def refit(self, model: Model, runs: int) -> Model:
        """Train anew on all rows, up to the epoch that was chosen; the temperature stays."""
        n = len(self.rows.y)
        an_epoch = -(-n // self.made_of.batch(n))
        again = self._train(np.ones(n, np.bool_), {}, runs, most=self.epochs[-1] * an_epoch)
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
        X, y, *own = self._taken(chosen)
        limit = None
        began = time.monotonic()
        if self.deadline is not None:
            limit = max(self.deadline - began, 1e-3)
        if self.max_steps is not None:
            told = self._told(number)
            most = told if most is None else min(told, most)
        where = None if self.checkpoint is None else checkpoint_of(self.checkpoint, number + 1)
        with Training(
            self.network, X, y,
            sample_weight=own[0] if own else None,
            optimizer=AdamW(
                made_of.learning_rate, beta2=made_of.beta2, weight_decay=made_of.weight_decay
            ),
            schedule=made_of.schedule, dropout_schedule=made_of.dropout_schedule,
            decay_schedule=made_of.decay_schedule, epochs=made_of.epochs,
            batch_size=made_of.batch(len(y)), early_stopping=False, seed=self.seed,
            time_limit=limit, max_steps=most, checkpoint=where, resume=where is not None,
            threads=self.threads, precision=self.precision, **watching,
        ) as training:  # fmt: skip
            if self.announce is not None and not number:
                self.announce()
            before = training.step  # of a run that is gone on with
            try:
                model = carry_out(training, self.rows.target, self._watcher(runs))
            except Interrupted as error:
                if error.model is None:
                    raise
                model, self.interrupted = error.model, True
            if training.step > before:
                rows = (training.step - before) * training.batches.size
                self.pace = (time.monotonic() - began) / rows
            self.steps.append(training.step)
            self.histories.append(model.history)
            self.epochs.append(training.progress.best_epoch or max(training.epoch, 1))
        model.encoder = self.encoder
        return model

    def _watcher(self, runs: int) -> Watcher | None:
        """The caller's, told which of the runs it is."""
        watch, run = self.progress, len(self.steps) + 1
        if watch is None:
            return None
        return lambda progress: watch(replace(progress, run=run, runs=runs))

    def _taken(self, chosen: NDArray[np.bool_]) -> tuple[Any, ...]:
        """Inputs, targets and weights of some rows."""
        encoded = Encoded(self.encoded.X[chosen], self.encoded.indices[chosen])
        own = () if self.rows.weights is None else (self.rows.weights[chosen],)
        return (input_arrays(self.network, encoded), self.rows.y[chosen], *own)


def _judges(rows: Rows, encoder: Encoder, network: Network) -> tuple[Any, ...]:
    """Inputs, targets and weights of rows that judge and never train."""
    own = () if rows.weights is None else (rows.weights,)
    with naming(rows.table):
        encoder.check(rows.table)
        return (input_arrays(network, encoder.encode(rows.table)), rows.y, *own)


def _together(parts: Sequence[NDArray[np.bool_] | None], made_of: Ingredients) -> int:
    """How many networks predict: of each part one, or that which its rows judge and another."""
    both = made_of.refit and made_of.beside
    return sum(1 if part is None else 1 + both for part in parts)


def _recipes(rows: Rows, made_of: Ingredients) -> dict[str, str]:
    """The recipe of each column of numbers."""
    numbers = [name for name, role in rows.roles.items() if role == "number"]
    recipe = made_of.numbers
    if recipe in ("pieces", "periodic") and len(numbers) > made_of.pieces_up_to:
        recipe = "robust"
    found: dict[str, str] = dict.fromkeys(numbers, recipe)
    if recipe == "pieces" and made_of.rare and numbers:
        found |= dict.fromkeys(_rare(rows, numbers), "rare")
    return found


def _rare(rows: Rows, numbers: Sequence[str]) -> list[str]:
    """The columns whose rare values mean something each, by some rows as far apart as can be."""
    apart = math.ceil(rows.table.rows / MOST_TO_TELL_RARE)
    shown = np.zeros(rows.table.rows, np.bool_)
    shown[::apart] = True
    if rows.weights is not None:
        shown &= rows.weights > 0
    read: dict[str, list[tuple[NDArray[Any], NDArray[Any]]]] = {name: [] for name in numbers}
    for chunk in rows.table.chunks(65536, numbers):
        here = shown[chunk.start : chunk.start + chunk.rows]
        y = rows.y[chunk.start : chunk.start + chunk.rows]
        for name in numbers:
            cells = read_numbers(chunk[name], name, chunk.start)
            known = cells.valid & here
            read[name].append((cells.values[known], y[known]))
    columns = {name: map(np.concatenate, zip(*read[name], strict=True)) for name in numbers}
    return [name for name, (x, y) in columns.items() if mean_something(x, y)]


def _parts(rows: Rows, made_of: Ingredients, seed: int) -> list[NDArray[np.bool_] | None]:
    """The rows that each run holds back; None for none, where others judge or the rows are few.

    One run holds back a share, in proportion of classes. Several hold back a part each, so that
    every row is held back once: the rows of each class are dealt out in the order of their draws.
    A part of rows of no weight judges nothing, and behind one of all others nothing trains.
    """
    n, counts = len(rows.y), rows.weights
    if rows.judges is not None or not made_of.validation:
        return [None] * made_of.bags
    if n < LEAST_TO_VALIDATE:
        return [None]
    parts = [part for part in _dealt(rows, made_of, seed) if part.any()]  # of more than n, n
    if counts is not None:
        parts = [part for part in parts if counts[part].any() and counts[~part].any()]
    return [*parts] or [None]


def _dealt(rows: Rows, made_of: Ingredients, seed: int) -> list[NDArray[np.bool_]]:
    """The parts by the draws of the rows."""
    n = len(rows.y)
    labels = rows.y if rows.target.task == "classification" else None
    if made_of.bags == 1:
        share = made_of.validation
        own = split(seed, n, validation=share, labels=labels, groups=rows.groups)
        return [own == VALIDATION]
    if rows.groups is not None:
        hand = deal(seed, rows.groups, made_of.bags)
        return [hand == bag for bag in range(hand.max() + 1)]
    u = philox.uniform(seed, philox.VALIDATION, 0, n)
    weightless = np.zeros(n, np.bool_) if rows.weights is None else rows.weights == 0
    order = np.lexsort((u, np.zeros(n) if labels is None else labels, weightless))
    hand = np.empty(n, np.int64)
    hand[order] = np.arange(n) % made_of.bags
    return [hand == bag for bag in range(made_of.bags)]


def _temper(model: Model, held: tuple[Any, ...]) -> None:
    """Divide the last layer by the temperature that the held rows ask for.

    softmax(z / T), with z = W a + b of the last layer, is softmax of (W / T) a + b / T: the network
    stays a network. One pass over the rows tells of every T. With members, each one's z is divided
    before the mean, and each T takes a pass.
    """
    X, y, *own = held
    before = {name: model.parameters[name].copy() for name in (f"W_{HEAD}", f"b_{HEAD}")}

    def passed(inverse: float) -> NDArray[Any]:
        for name, array in before.items():
            model.parameters[name][...] = array * inverse
        return model._one(X)

    T = 1.0
    try:
        several = model.network.graph.members > 1
        probabilities = passed if several else tempered(model._one(X))
        T = temperature(probabilities, y, own[0] if own else None)
    finally:  # Ctrl-C leaves no factor of the search behind
        for name, array in before.items():
            model.parameters[name][...] = array * (1 / T)
        model.provenance["temperature"] = T
