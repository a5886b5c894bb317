"""From a table and its targets to a model: encoder, network, training, temperature.

Owns the order of these things for the tabular estimators, and which rows each run holds back; knows
nothing of scikit-learn. Proved by ``tests/test_tabular_fitting.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clearprop import philox
from clearprop.engine import Precision
from clearprop.errors import SettingError
from clearprop.estimators.tabular_figures import cost_of
from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.estimators.tabular_network import side_by_side
from clearprop.estimators.tabular_rows import Rows
from clearprop.estimators.tabular_runs import Runs
from clearprop.estimators.tabular_views import View, views_of
from clearprop.membership import VALIDATION, deal, split
from clearprop.model import Model
from clearprop.model.arrays import Watcher
from clearprop.model.dividing import naming
from clearprop.model.file import checkpoint_of
from clearprop.network import Network
from clearprop.settings import Attr
from clearprop.tables.encoder import Encoded, Encoder
from clearprop.training import History
from clearprop.training.checkpoint import destination

__all__ = ["Fitted", "fit", "held_back_at_random", "steps_of"]

#: Fewest rows of which some are held back to choose the epoch.
LEAST_TO_VALIDATE = 10

_STEPS = Attr("max_steps", int, 1, bounds="[1, inf)")

#: Between the seeds of two bags: 2⁶⁴ over the golden ratio, so that no two seeds a user would take
#: have bags in common.
_STRIDE = 0x9E3779B97F4A7C15


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
    behind : tuple of int
        The runs, from 0, whose networks saw what made them predict worse, and do not.
    inputs : tuple of int
        How many inputs the network of each run that was done reads.
    interrupted : bool
        Whether Ctrl-C ended it.
    histories : tuple of History
        Of each run that was done.
    held : (n,) bool
        The rows that were held back by a run.
    outputs : (n, width) float64
        What that run's network gives for them; 0 elsewhere.
    """

    model: Model
    epochs: tuple[int, ...]
    steps: tuple[int, ...]
    inputs: tuple[int, ...]
    behind: tuple[int, ...]
    interrupted: bool
    histories: tuple[History, ...]
    held: NDArray[np.bool_]
    outputs: NDArray[np.float64]


def fit(
    rows: Rows,
    made_of: Ingredients,
    *,
    metric: str,
    seed: int,
    progress: Watcher | None = None,
    time_limit: float | None = None,
    began: float | None = None,
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
        Of everything: steps end as much earlier as the held rows' part behind them takes. Where it
        is too short for all runs, the first are done as if there were none, and one begins only
        if, by the pace of those before, it comes to its end: few networks that have learned
        predict better than many that have not.
        One that is cut short keeps its rates: coslog4's are near 0 at 1/15, 1/5 and 7/15 of a run
        too, and as many steps of a run of fewer epochs had no less log-loss where it was measured.
    began : float, optional
        When the time limit began, by `time.monotonic`; by default now.
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
    deadline = None
    if time_limit is not None:
        deadline = (time.monotonic() if began is None else began) + time_limit
    if made_of.clip and rows.target.task == "regression" and rows.target.bounds is None:
        least, most = rows.target.decode(np.array([rows.y.min(), rows.y.max()])).tolist()
        rows = replace(rows, target=replace(rows.target, bounds=(least, most)))
    parts = _parts(rows, made_of, seed)
    views = views_of(rows, made_of, cost_of(rows.target.task, metric), len(parts))
    whole = views[0]
    encoder, network = whole.encoder, whole.network
    work = Runs(
        rows, made_of, views, encoder.encode(rows.table), metric, seed, progress, checkpoint,
        threads, precision, deadline, max_steps, judges=_judges(rows.judges, encoder),
    )  # fmt: skip
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
    bags: list[tuple[View, list[Model]]] = []  # what each sees, and what predicts
    behind: tuple[int, ...] = ()
    try:
        for bag, part in enumerate(parts):
            work.seed = (seed + bag * _STRIDE) % 2**64
            work.see(views[bag % len(views)])
            if not work.fits(part, made_of.epochs):
                break
            judge = work.run(part, runs)
            if work.interrupted and bags:
                if part is not None:  # half a network beside whole ones would be worse than none
                    work.forget(part)
                break
            bags.append((work.view, [judge]))
            if made_of.refit and part is not None and not work.interrupted:
                if not work.fits(None, work.epochs[-1]):
                    break
                again = work.refit(judge, runs)
                if not work.interrupted:
                    bags[-1][1][:] = [judge, again] if made_of.beside else [again]
            if work.interrupted:
                break
            if not bag:
                first = len(work.steps)
            told = made_of.leave_worse and bag == 1 and len(views) == 2
            if told and (better := work.better(parts[:2])) is not None:
                left, done = parts[1 - better], len(work.steps)
                assert left is not None
                work.forget(left)
                behind = tuple(range(first, done) if better == 0 else range(first))
                views, bags = (views[better],), [bags[better]]
    except KeyboardInterrupt:  # between two runs, or before a step of the next
        if not bags:
            raise
        work.interrupted = True
    alike = all(view is bags[0][0] for view, _ in bags)  # else with the inputs that all read
    models = [
        model if alike else view.widened(model, whole) for view, ones in bags for model in ones
    ]
    together = models[0] if len(models) == 1 else side_by_side(models)
    together.history, *later = work.histories
    together.later = tuple(later)
    together.residuals = work.residuals(together)
    left_out = 0 if work.interrupted else runs - len(work.steps)
    return Fitted(
        together, tuple(work.epochs), (*work.steps, *[0] * left_out), tuple(work.inputs), behind,
        work.interrupted, tuple(work.histories), work.held, work.outputs,
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
    several = isinstance(max_steps, list | tuple | np.ndarray)
    each = tuple(np.ravel(max_steps).tolist()) if several else (max_steps,)
    if not each:
        raise SettingError("max_steps is empty: give one number for each run, or one for all")
    done = len(each)
    while done > 1 and each[done - 1] == 0:  # runs that are left out
        done -= 1
    for steps in each[:done] or (0,):
        _STEPS.check(steps)
    return each


def _judges(rows: Rows | None, encoder: Encoder) -> Encoded | None:
    """The inputs of rows that judge and never train."""
    if rows is None:
        return None
    with naming(rows.table):
        return encoder.encode(rows.table)


def _together(parts: Sequence[NDArray[np.bool_] | None], made_of: Ingredients) -> int:
    """How many networks predict: of each part one, or that which its rows judge and another."""
    both = made_of.refit and made_of.beside
    return sum(1 if part is None else 1 + both for part in parts)


def held_back_at_random(rows: Rows, made_of: Ingredients) -> bool:
    """Return whether some of these rows, drawn one by one, judge what the others teach."""
    return rows.groups is None and _holds_back(rows, made_of)


def _holds_back(rows: Rows, made_of: Ingredients) -> bool:
    return rows.judges is None and bool(made_of.validation)


def _parts(rows: Rows, made_of: Ingredients, seed: int) -> list[NDArray[np.bool_] | None]:
    """The rows that each run holds back; None for none, where others judge or the rows are few.

    One run holds back a share, in proportion of classes. Several hold back a part each, so that
    every row is held back once: the rows of each class are dealt out in the order of their draws.
    A part of rows of no weight judges nothing, and behind one of all others nothing trains.
    """
    n, counts = len(rows.y), rows.weights
    if not _holds_back(rows, made_of):
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
