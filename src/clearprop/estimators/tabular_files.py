"""A table with its target among the columns, as a tabular estimator takes it, and the model back.

What the command line needs: rows without a target left out, some kept aside to judge by, and a
model that knows the target's column and what was decided about the others. Proved by
``tests/test_tabular_files.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError, DivergenceError, NativeError
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.estimators.tabular_figures import metric_of
from clearprop.estimators.tabular_fitting import Fitted, Rows, checkpoints, fit
from clearprop.estimators.tabular_ingredients import Ingredients, chosen
from clearprop.membership import TEST, TRAIN, split
from clearprop.model import Interrupted, Model
from clearprop.model.arrays import Watcher
from clearprop.network import Network
from clearprop.settings import check_all
from clearprop.storage import is_kind
from clearprop.tables import MemoryTable, Table, open_table
from clearprop.tables.columns import Decisions, check_uses, decide, read_weights
from clearprop.tables.fingerprint import fingerprint
from clearprop.tables.split import read_groups
from clearprop.tables.task import Target, TaskName, fit_target
from clearprop.training import ATTRS, CHECKPOINT

__all__ = ["Announce", "Opened", "open_rows", "train_preset"]


@dataclass(frozen=True)
class Opened:
    """A table, divided.

    Attributes
    ----------
    table : Table
        As it was read, the target in it.
    X : Table
        The columns to learn from, of the training rows.
    y : (n,) labels or numbers
    weights : (n,) float64 or None
    target : Target
    decisions : Decisions
    parts : (table.rows,) uint8
        What each row is for, as `clearprop.membership` says it.
    known : (table.rows,) bool
        Which rows have a target.
    codes : (n,) places of classes, or numbers less their mean over their deviation
    groups : (n,) names or None
        Rows of one name stay together.
    """

    table: Table
    X: Table
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    target: Target
    decisions: Decisions
    parts: NDArray[np.uint8]
    known: NDArray[np.bool_]
    codes: NDArray[Any]
    groups: NDArray[np.object_] | None

    @property
    def rows(self) -> dict[str, int]:
        """How many rows train, test, and have no target."""
        return {
            "training": len(self.y),
            "validation": 0,
            "test": int((self.parts[self.known] == TEST).sum()),
            "unlabelled": int((~self.known).sum()),
        }

    def estimator(self, **settings: Any) -> Any:
        """Return the estimator for the task, told what each column is."""
        kind = TabularClassifier if self.target.task == "classification" else TabularRegressor
        return kind(columns=dict(self.decisions.roles), **settings)

    def model(self, fitted: Any) -> Model:
        """Return the model of a fitted estimator: of this table's target, judged by the test rows.

        Its provenance has the table's name, rows and fingerprint, and the figures.
        """
        model: Model = fitted.model_
        own = model.target
        if own.task == "classification":
            names = {_given(self.target, k): name for k, name in enumerate(self.target.classes)}
            classes = tuple(names[label] for label in fitted.classes_.tolist())
            model.target = replace(self.target, classes=classes)
        else:
            model.target = replace(self.target, mean=own.mean, std=own.std, bounds=own.bounds)
        graph = model.network.graph
        labels = {**graph.labels, graph.outputs[0]: model.target.classes or (model.target.name,)}
        model.network = type(model.network)(graph=replace(graph, labels=labels))
        return self.told(model, {})

    def told(self, model: Model, figures: dict[str, dict[str, float]]) -> Model:
        """Tell a model of this table, and judge it by the test rows beside other figures."""
        model.columns = self.decisions.to_data()
        assert model.encoder is not None
        model.provenance |= {
            "data": self.table.name,
            "rows": self.rows,
            "notes": list(self.table.notes),
            "fingerprint": fingerprint(self.table, [*model.encoder.names, self.target.name]),
            "figures": figures,
        }
        if self.rows["test"]:
            figures["test"] = _defined(model.judge(self.table, self.parts == TEST))
        return model


def open_rows(
    data: object,
    target: str,
    *,
    task: TaskName | None = None,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
    split_by: str | None = None,
    test: float = 0.0,
    seed: int = 0,
) -> Opened:
    """Open a table and decide what its columns and its target are.

    Parameters
    ----------
    data : anything that holds a table
    target : str
        The column to predict.
    task : {"classification", "regression"}, optional
    columns : {name: "number", "category", "boolean" or "date"}, optional
    drop : sequence of str
    weight : str, optional
        The column of the rows' weights.
    split_by : str, optional
        The column whose equal values stay together.
    test : float in [0, 1)
        Share of the rows that are kept aside.
    seed : int

    Raises
    ------
    DataError, SettingError, FileError
        One sentence: what is wrong, where, and the fix.
    """
    roles = dict(columns or {})
    check_uses(target=target, columns=roles, drop=drop, weight=weight, split_by=split_by)
    texts = [name for name, role in roles.items() if role == "category"]
    table = open_table(data, as_text=[*texts, *([split_by] if split_by else [])])
    decisions = decide(
        table, target=target, columns=roles, drop=drop, weight=weight, split_by=split_by
    )
    aim = fit_target(table, target, decisions.facts[target], task)
    # Numbers as they are: (y - 0) / 1.
    plain = replace(aim, mean=0.0, std=1.0)
    found = [plain.encode(chunk) for chunk in table.chunks(names=[target])]
    y, known = (np.concatenate([pair[place] for pair in found]) for place in (0, 1))
    if known.sum() < 2 + (test > 0):
        raise DataError(
            f"{table.name} has {int(known.sum())} rows with a target {target!r}: training needs "
            f"{2 + (test > 0)} at least"
        )
    labels = y if aim.task == "classification" else None
    names = None if split_by is None else read_groups(table, split_by)
    parts = split(seed, table.rows, test=test, labels=labels, groups=names, usable=known)
    chosen = known & (parts == TRAIN)
    cells = {
        name: type(c)(c.values[chosen], c.valid[chosen])
        for name, c in table.read(list(decisions.roles)).items()
    }
    kinds = {name: table.column(name).kind for name in cells}
    X = MemoryTable(cells, kinds, name=table.name)
    weights = None if weight is None else _counting(read_weights(table, weight), chosen, weight)
    targets = codes = y[chosen]
    if aim.task == "regression":
        aim = fit_target(table, target, decisions.facts[target], task, keep=chosen)
        codes = (targets - aim.mean) / aim.std
    else:
        targets = np.array([_given(aim, k) for k in range(len(aim.classes))])[targets]
    groups = None if names is None else names[chosen]
    return Opened(table, X, targets, weights, aim, decisions, parts, known, codes, groups)


Announce = Callable[[Opened, Network, int, Ingredients], object]
"""Called with what was decided: the rows, the network of one run, how many predict together."""


def train_preset(
    data: object,
    target: str,
    *,
    preset: str = "default",
    metric: str | None = None,
    threads: int | None = None,
    time_limit: float | None = None,
    max_steps: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Watcher | None = None,
    announce: Announce | None = None,
    seed: int = 0,
    task: TaskName | None = None,
    **opening: Any,
) -> Model:
    """Train what `TabularClassifier` or `TabularRegressor` is inside, on a table with its target.

    Parameters
    ----------
    data, target, task, seed
        And ``columns``, ``drop``, ``weight``, ``split_by``, ``test``: of `open_rows`.
    preset, metric, threads, time_limit, max_steps, progress
        Of the estimators, ``threads`` being their ``n_jobs``.
    checkpoint : path, optional
        Of the first run; the others' have a number behind.
    resume : bool
        Go on from them; else what an earlier fit has left there is removed.
    announce : callable, optional

    Returns
    -------
    Model
        ``provenance["figures"]["validation"]`` judges each row by the network that held it back.

    Raises
    ------
    Interrupted
        After Ctrl-C; its ``model`` is the best so far.
    ClearPropError
        One sentence: what is wrong with the table or a setting, where, and the fix.
    """
    told: dict[str, Any] = {
        "threads": threads, "time_limit": time_limit, "max_steps": max_steps, "seed": seed,
    }  # fmt: skip
    check_all(ATTRS, told)
    chosen(preset, "regression", "", {})  # a preset of no such name is told before all else
    opened = open_rows(data, target, seed=seed, task=task, **opening)
    measure = metric_of(opened.target.task, metric)
    made_of = chosen(preset, opened.target.task, measure, {})
    if checkpoint is not None and not resume:
        for left in checkpoints(checkpoint):
            if is_kind(left, CHECKPOINT):
                left.unlink()
    aim, began = opened.target, time.monotonic()
    if aim.task == "regression" and made_of.clip:
        aim = replace(aim, bounds=(float(opened.y.min()), float(opened.y.max())))
    rows = Rows(opened.X, opened.decisions.roles, opened.codes, aim, opened.weights, opened.groups)

    def known(network: Network, together: int) -> None:
        if announce is not None:
            announce(opened, network, together, made_of)

    try:
        found = fit(
            rows, made_of, metric=measure, seed=seed, progress=progress, time_limit=time_limit,
            max_steps=None if max_steps is None else (max_steps,), checkpoint=checkpoint,
            threads=threads, announce=known,
        )  # fmt: skip
    except DivergenceError:  # to go on from there would diverge again
        for left in [] if checkpoint is None else checkpoints(checkpoint):
            with suppress(OSError):
                left.unlink()
        raise
    model = found.model
    model.provenance |= {
        "preset": preset,
        "metric": measure,
        "seconds": round(time.monotonic() - began, 3),
        "stopped": _why(found, time_limit, max_steps),
        "runs": [
            {"steps": s, "best_epoch": e} for s, e in zip(found.steps, found.epochs, strict=True)
        ],
    }
    if found.interrupted:
        with suppress(KeyboardInterrupt, NativeError):  # Ctrl-C again: without figures
            opened.told(model, _held(found, rows))
        raise Interrupted(model)
    try:
        return opened.told(model, _held(found, rows))
    except KeyboardInterrupt:
        raise Interrupted(model) from None


def _why(found: Fitted, time_limit: float | None, max_steps: int | None) -> str:
    """How the runs ended, in one word of a run's."""
    if found.interrupted:
        return "interrupted"
    kinds = {event.kind for history in found.histories for event in history.events}
    if time_limit is not None and "time_limit" in kinds:
        return "time_limit"
    return "max_steps" if max_steps is not None and max_steps in found.steps else "complete"


def _held(found: Fitted, rows: Rows) -> dict[str, dict[str, float]]:
    """Figures of the rows that were held back, each judged by the run that did."""
    held = found.held if rows.weights is None else found.held & (rows.weights > 0)
    if not held.any():
        return {}
    own = None if rows.weights is None else rows.weights[held]
    y = rows.y[held]
    return {"validation": _defined(found.model._figures(y, found.outputs[held], own))}


def _defined(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _counting(
    weights: NDArray[np.float64], chosen: NDArray[np.bool_], name: str
) -> NDArray[np.float64]:
    """The weights of the training rows, of which one at least must count."""
    if not weights[chosen].any():
        raise DataError(
            f"weight {name!r} is 0 in all {int(chosen.sum())} training rows: give more rows a "
            "weight, or divide them with another seed"
        )
    return weights[chosen]


def _given(target: Target, place: int) -> Any:
    """A class as scikit-learn takes it: of 1.5 the text, as such numbers are no labels there."""
    return target.classes[place] if target.kind == "real" else target.labels[place]
