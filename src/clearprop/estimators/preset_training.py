"""A preset trained on a table with its target: the runs of a tabular estimator, and one model.

`clearprop.train_table` comes here unless a plain network is asked for. Proved by
``tests/test_cli_preset.py`` and ``tests/test_train_table.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.engine import Precision
from clearprop.errors import DataError, DivergenceError, FileError, NativeError, SettingError
from clearprop.estimators.class_weights import class_weight_told, factors_of_target
from clearprop.estimators.row_weights import product
from clearprop.estimators.tabular_figures import (
    check_metric,
    figure_of,
    metric_of,
    metric_of_quantile,
)
from clearprop.estimators.tabular_files import Opened, columns_of, open_rows
from clearprop.estimators.tabular_fitting import Fitted, fit, steps_of
from clearprop.estimators.tabular_ingredients import PRESETS, Ingredients, chosen
from clearprop.estimators.tabular_rows import Rows
from clearprop.estimators.tabular_told import told_of_runs
from clearprop.membership import TEST, VALIDATION
from clearprop.model import Interrupted, Model
from clearprop.model.arrays import Watcher
from clearprop.model.by_class import keep_figures
from clearprop.model.choices import check_shares, check_together
from clearprop.model.dividing import labelled, naming, open_other
from clearprop.model.file import checkpoints
from clearprop.model.table import Prepared
from clearprop.network import Network
from clearprop.settings import check_all
from clearprop.tables import Table
from clearprop.tables.encoder import Encoder
from clearprop.tables.target import Target, TaskName
from clearprop.tables.weights import read_weights
from clearprop.training import ATTRS
from clearprop.training.checkpoint import Checkpoint
from clearprop.words import number

__all__ = ["train_preset"]


def train_preset(
    data: object,
    target: str,
    *,
    preset: str = "default",
    metric: str | None = None,
    quantile: float | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    task: TaskName | None = None,
    validation: object = None,
    test: float = 0.0,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
    split_by: str | None = None,
    encoding: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    time_limit: float | None = None,
    max_steps: int | Sequence[int] | None = None,
    precision: Precision | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Watcher | None = None,
    announce: Callable[[Prepared], object] | None = None,
) -> Model:
    """Train what `TabularClassifier` or `TabularRegressor` is inside, on a table with its target.

    Parameters
    ----------
    data, target
        And all others: of `clearprop.train_table`, whose preset this is.

    Returns
    -------
    Model
        ``provenance["figures"]["validation"]`` judges each row by the network that held it back
        and predicts.

    Raises
    ------
    Interrupted
        After Ctrl-C; its ``model`` is the best so far.
    ClearPropError
        One sentence: what is wrong with the table or a setting, where, and the fix.
    """
    asked = time.monotonic()
    own = {"threads": threads, "precision": precision, "time_limit": time_limit, "seed": seed}
    check_all(ATTRS, own)
    each = steps_of(max_steps)
    # Where nothing is said, each run holds back rows of its own.
    held = 0.2 if validation is None else validation
    shared = isinstance(held, int | float)  # not a table
    check_shares(held, test=test, task=task)
    check_together(
        hidden=None, activation=None, dropout=0.0, validation=validation, test=test, patience=None,
        split_by=None if validation is None else split_by, checkpoint=checkpoint, resume=resume,
    )  # fmt: skip
    own_level = {} if quantile is None else {"quantile": quantile}
    chosen(preset, "regression", "", own_level)  # a preset of no such name is told before all else,
    if quantile is not None and task == "classification":
        raise SettingError(
            f"quantile={number(quantile)} is of a number, and task=classification asks for "
            "classes: leave one of them out"
        )
    task = task if quantile is None else "regression"
    metric = metric_of_quantile(metric, quantile)
    check_metric(metric, task)  # and a metric
    opened = open_rows(
        data, target, task=task, columns=columns, drop=drop, weight=weight, split_by=split_by,
        validation=validation if isinstance(validation, int | float) else 0.0, test=test,
        divided_again=validation is None, seed=seed, encoding=encoding,
    )  # fmt: skip
    if test:  # found now, not after training
        opened.divided.weights_of(TEST, str(weight))
    measure = metric_of(opened.target.task, metric)
    factors = factors_of_target(class_weight, opened.target, opened.codes, opened.weights)
    changes: dict[str, Any] = {**({"validation": 0.0} if shared and not held else {}), **own_level}
    made_of = chosen(preset, opened.target.task, measure, changes)
    aim, began = opened.target, time.monotonic()
    if aim.task == "regression" and made_of.clip:
        aim = replace(aim, bounds=(float(opened.y.min()), float(opened.y.max())))
    other = None
    if validation is not None and not isinstance(validation, int | float):
        columns_read = [opened.table.column(name) for name in opened.decisions.roles]
        texts = [one.name for one in columns_read if one.kind == "text" or one.form]
        other = open_other(validation, [*texts, target], encoding)
    judges = _judges(opened, aim, other, weight, factors)
    weights = _weighed(opened.weights, opened.codes, factors)
    rows = Rows(opened.X, opened.decisions.roles, opened.codes, aim, weights, opened.groups, judges)
    counts = opened.rows if judges is None else {**opened.rows, "validation": len(judges.y)}
    notes = (*opened.divided.notes, *(() if other is None else other.notes))

    def known(encoder: Encoder, network: Network, together: int) -> None:
        if announce is not None:
            settings = {
                "preset": preset, "metric": measure, "together": together,
                "class_weight": class_weight,
            }  # fmt: skip
            announce(
                Prepared(
                    opened.table, opened.decisions, aim, encoder, network, counts,
                    {**settings, **asdict(made_of)}, notes, figure_of(aim.task, measure),
                )
            )  # fmt: skip

    def finished(model: Model) -> Model:
        opened.told(model)
        _keep_held(found, opened)
        model.provenance |= {"rows": counts, "notes": list(notes)}
        if other is not None:
            every = np.ones(other.rows, np.bool_)
            keep_figures(model, "validation", *model.judged(other, every))
        return model

    if checkpoint is not None and not resume:
        for left in checkpoints(checkpoint):
            left.unlink()
    elif checkpoint is not None:
        same = changes if judges is None else {**changes, "refit": False}  # none is trained anew
        presets = {name: chosen(name, aim.task, measure, same) for name in PRESETS}
        _check_resumed(checkpoint, preset, presets)
    try:
        found = fit(
            rows, made_of, metric=measure, seed=seed, progress=progress, time_limit=time_limit,
            began=asked, max_steps=each, checkpoint=checkpoint, threads=threads,
            precision="float32" if precision is None else precision, announce=known,
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
        **({} if quantile is None else {"quantile": quantile}),
        **({} if not class_weight else {"class_weight": class_weight_told(class_weight)}),
        "seconds": round(time.monotonic() - began, 3),
        **told_of_runs(found, time_limit, each),
    }
    if found.interrupted:
        with suppress(KeyboardInterrupt, NativeError):  # Ctrl-C again: without figures
            finished(model)
        raise Interrupted(model)
    try:
        return finished(model)
    except KeyboardInterrupt:
        raise Interrupted(model) from None


def _check_resumed(
    checkpoint: str | os.PathLike[str], preset: str, presets: Mapping[str, Ingredients]
) -> None:
    """Refuse to go on with another preset than that of the runs there are.

    Raises
    ------
    FileError
        Which names both. What else may differ is told by each run.
    """
    left = [Checkpoint.read(one).fingerprint for one in checkpoints(checkpoint)]
    fit_in = [name for name, made_of in presets.items() if _are_runs_of(made_of, left)]
    if fit_in and preset not in fit_in:
        raise FileError(
            f"cannot resume from {os.fspath(checkpoint)}: its runs are those of preset "
            f"{' or '.join(fit_in)}, and this is preset {preset}; name the preset that they began "
            "with, or start anew without resume"
        )


def _are_runs_of(made_of: Ingredients, left: Sequence[Mapping[str, str]]) -> bool:
    """Whether what runs were given, one after another, is what a preset gives them."""
    rows = [int(run.get("rows of data", 0)) for run in left]
    steps = [made_of.epochs * -(-n // made_of.batch(max(n, 1))) for n in rows]
    if [run.get("steps of the run") for run in left] != [str(count) for count in steps]:
        return False
    judged = ["rows of validation data" in run for run in left]
    # Where the second run trains on all rows, it follows one that held some back.
    anew = len(left) > 1 and judged[0] and not judged[1]
    return len(left) < 2 or not judged[0] or anew == made_of.refit


def _judges(
    opened: Opened,
    target: Target,
    other: Table | None,
    weight: str | None,
    factors: NDArray[np.float64] | None,
) -> Rows | None:
    """The rows that choose the epoch of every run: of another table, or a share of this one."""
    roles = opened.decisions.roles
    if other is None:
        chosen = opened.divided.rows(VALIDATION)
        if not chosen.any():
            return None
        own = opened.divided.weights_of(VALIDATION, str(weight))
        table, y = opened.table, opened.divided.codes(VALIDATION)
    else:
        table = other
        with naming(table):
            codes, chosen = labelled(table, target)
            if not chosen.any():
                raise DataError(f"{table.name}: no row has a value of the target {target.name!r}")
            own, y = None if weight is None else read_weights(table, weight)[chosen], codes[chosen]
    names = [name for name in roles if name in table.names]  # of one that lacks some, `fit` tells
    return Rows(columns_of(table, names, chosen), roles, y, target, _weighed(own, y, factors))


def _weighed(
    own: NDArray[np.float64] | None, codes: NDArray[Any], factors: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """The rows' weights times the factors of their classes."""
    found = product(own, None if factors is None else factors[codes])[0]
    if found is not None and not found.any():
        raise DataError("class_weight leaves no row a weight: at least one must count")
    return found


def _keep_held(found: Fitted, opened: Opened) -> None:
    """Keep the figures of rows that were held back, each judged by the run that did.

    They count as they do in the table, whatever the factors of their classes.
    """
    held = found.held if opened.weights is None else found.held & (opened.weights > 0)
    if held.any():
        own = None if opened.weights is None else opened.weights[held]
        keep_figures(found.model, "validation", opened.codes[held], found.outputs[held], own)
