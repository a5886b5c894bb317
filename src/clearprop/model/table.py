"""Training from a table: what the command line calls, and nothing it decides is hidden.

The table is opened, each column decided, the rows divided, the encoder fitted to the training rows
alone, the network built, trained and judged. Proved by ``tests/test_model_table.py`` and
``tests/test_accuracy.py``.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError, DivergenceError, NativeError, SettingError
from clearprop.graph import Dense, Dropout, Embedding, Input, Wire, concat
from clearprop.membership import TEST, TRAIN, VALIDATION, split
from clearprop.metrics import log_loss, rmse
from clearprop.model.arrays import Interrupted, Watcher, carry_out
from clearprop.model.choices import (
    DEFAULTS,
    FEW_UNITS,
    WHOLE_ACTIVATION,
    WHOLE_L2_ROWS,
    check_choices,
    check_together,
    check_types,
    run_settings,
)
from clearprop.model.model import Model, input_arrays
from clearprop.network import Network
from clearprop.optimizers import Optimizer
from clearprop.optimizers import optimizer as chosen_optimizer
from clearprop.tables import Table, open_table
from clearprop.tables.columns import Decisions, check_uses, decide, read_weights
from clearprop.tables.encoder import Encoded, Encoder, fit_encoder
from clearprop.tables.fingerprint import fingerprint
from clearprop.tables.split import read_groups
from clearprop.tables.task import Target, TaskName, fit_target
from clearprop.training import Engine, Training
from clearprop.words import did_you_mean

__all__ = ["Prepared", "train_table"]


@dataclass(frozen=True)
class Prepared:
    """What was decided about a table before training.

    Attributes
    ----------
    table : Table
    decisions : Decisions
        Of each column, with the reason.
    target : Target
    encoder : Encoder
    network : Network
    rows : dict of str to int
        ``training``, ``validation``, ``test``, and ``unlabelled`` (left out: no target).
    settings : dict
        Of the training run.
    notes : tuple of str
        What else was decided: an encoding, columns that were renamed.
    """

    table: Table
    decisions: Decisions
    target: Target
    encoder: Encoder
    network: Network
    rows: Mapping[str, int]
    settings: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def figure(self) -> str:
        """The figure of the validation rows that chooses the epoch, as `METRICS` calls it."""
        return "log_loss" if self.target.task == "classification" else "rmse"


def train_table(
    data: object,
    target: str,
    *,
    task: TaskName | None = None,
    hidden: Sequence[int] | None = None,
    activation: str | None = None,
    members: int | None = None,
    dropout: float = 0.0,
    l2: float | None = None,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    schedule: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    patience: int | None = None,
    validation: object = 0.2,
    test: float = 0.0,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
    split_by: str | None = None,
    seed: int = 0,
    precision: Any = None,
    threads: int | None = None,
    engine: Engine = "native",
    time_limit: float | None = None,
    max_steps: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Watcher | None = None,
    announce: Callable[[Prepared], object] | None = None,
    **unknown: Never,
) -> Model:
    """Train a model on a table: one call, good defaults, every decision kept in the model.

    Parameters
    ----------
    data : str, path, frame, dict of columns, list of dicts
        A CSV, TSV, JSON lines or Parquet file, a pattern of names, an SQL query over files, a frame
        of any kind.
    target : str
        The column to predict. Rows without a value there are left out.
    task : {"classification", "regression"}, optional
        By default found from the target's values.
    hidden : sequence of int, optional
        Units of the hidden layers; by default two layers, wider for more rows.
    activation : str
        ``"relu"``, ``"tanh"``, ``"selu"``, ``"mish"``, …
    members : int
        So many networks, which differ in their initial values alone, are trained side by side; the
        prediction is their mean, which is better than any one of them.
    dropout : float in [0, 1)
    l2 : float, 0 or more
        λ of the penalty λ/2 Σ W².
    optimizer, learning_rate, schedule, epochs, batch_size, patience, seed, precision, threads, \
time_limit, max_steps, checkpoint, resume
        As in `train`.
    engine : {"native", "reference", "auto"}
        The reference is float64 NumPy: slow, and able to run a row of your own without a kernel.
        ``"auto"`` takes it where the native engine cannot run the network.
    validation : float in [0, 1), or a table
        The rows that tell which epoch is best; 0 for none.
    test : float in [0, 1)
        Share of the rows that are kept aside to judge the model by.
    columns : {name: "number", "category", "boolean" or "date"}
        What is known better than it looks: ``{"zip": "category"}``.
    drop : sequence of str
        Columns to leave out.
    weight, split_by : str
        The column of sample weights; the column whose equal values stay together when rows are
        divided (a patient, a household).
    progress : callable, optional
        Called with a `clearprop.training.Progress` a few times a second.
    announce : callable, optional
        Called with a `Prepared` once, before training.

    Returns
    -------
    Model
        ``provenance["figures"]`` has the figures of the test and the validation rows.

    Raises
    ------
    Interrupted
        After Ctrl-C; its ``model`` is the best so far.
    ClearPropError
        One sentence: what is wrong with the table or a setting, where, and the fix.

    Examples
    --------
    >>> x = list(range(60))
    >>> model = train_table({"x": x, "size": ["big" if v > 30 else "small" for v in x]}, "size")
    >>> model.predict({"x": [5, 55]}).tolist()
    ['small', 'big']
    """
    for name in unknown:
        own_names = [one for one in inspect.signature(train_table).parameters if one != "unknown"]
        raise SettingError(f"train_table has no setting {name!r}; {did_you_mean(name, own_names)}")
    check_types(
        hidden=hidden, columns=columns, drop=drop,
        names={"target": target, "weight": weight, "split_by": split_by},
        functions={"progress": progress, "announce": announce},
    )  # fmt: skip
    settings = run_settings(
        optimizer=optimizer, learning_rate=learning_rate, schedule=schedule, epochs=epochs,
        batch_size=batch_size, patience=patience, seed=seed, precision=precision, threads=threads,
        engine=engine, time_limit=time_limit, max_steps=max_steps, checkpoint=checkpoint,
        resume=resume,
    )  # fmt: skip
    rule = chosen_optimizer(settings["optimizer"])
    usual = WHOLE_ACTIVATION if rule.whole else DEFAULTS["activation"]
    function = usual if activation is None else activation
    check_choices(
        settings, hidden=hidden, activation=function, l2=l2, validation=validation,
        members=members, dropout=dropout, test=test, task=task,
    )  # fmt: skip
    check_together(
        hidden=hidden, activation=activation, dropout=dropout, validation=validation, test=test,
        patience=patience, split_by=split_by, checkpoint=checkpoint, resume=resume,
    )  # fmt: skip
    roles = dict(columns or {})
    check_uses(target=target, columns=roles, drop=drop, weight=weight, split_by=split_by)
    dtype = _dtype(settings["precision"], engine)
    texts = [name for name, role in roles.items() if role == "category"]
    table = open_table(data, as_text=[*texts, *([split_by] if split_by else [])])
    decisions = decide(
        table, target=target, columns=roles, drop=drop, weight=weight, split_by=split_by
    )
    share = validation if isinstance(validation, int | float) else 0.0
    divided = _divide(table, target, decisions, task, share, test, split_by, seed)
    parts, known, aim = divided.parts, divided.known, divided.target
    encoder = fit_encoder(table, decisions.roles, keep=known & (parts == TRAIN))
    count = int((parts[known] == TRAIN).sum())
    network = _network(
        encoder,
        aim,
        _hidden(count, rule) if hidden is None else hidden,
        function,
        _members(count, rule) if members is None else members,
        dropout,
        (WHOLE_L2_ROWS if rule.whole else DEFAULTS["l2_rows"]) / count if l2 is None else l2,
    )
    encoded = encoder.encode(table, dtype)
    print_of_rows = fingerprint(table, [*encoder.names, target])
    weights = None if weight is None else read_weights(table, weight)

    def taken(part: int) -> tuple[Any, ...]:
        chosen = known & (parts == part)
        own = () if weights is None else (_counting(weights[chosen], part, str(weight)),)
        return (_inputs(network, encoded, chosen), divided.y[chosen], *own)

    held: tuple[Any, ...] | None = None
    other: Table | None = None
    if not isinstance(validation, int | float):
        other = open_table(validation, as_text=[*encoder.text_columns, target])
        held = _other(other, encoder, aim, network, weight, dtype)
    elif share:
        held = taken(VALIDATION)
    X, Y, *own = taken(TRAIN)
    if weights is not None and test:  # found now, not after training
        _counting(weights[known & (parts == TEST)], TEST, str(weight))
    counts = {
        "training": count,
        "validation": 0 if held is None else len(held[1]),
        "test": int((parts[known] == TEST).sum()),
        "unlabelled": int((~known).sum()),
    }
    notes = (*table.notes, *(other.notes if other is not None else ()))
    watched: dict[str, Any] = {}
    if held is not None:
        metric = _metric(aim, *held[2:])
        watched = {"metric": metric, "monitor": "metric", "greater_is_better": False}

    def finished(model: Model) -> Model:
        model.encoder, model.columns = encoder, decisions.to_data()
        told = {"data": table.name, "rows": counts, "notes": list(notes)}
        figures: dict[str, dict[str, float]] = {}
        model.provenance |= {**told, "fingerprint": print_of_rows, "figures": figures}
        if counts["test"]:
            figures["test"] = _defined(model.judge(table, parts == TEST))
        if other is not None:
            figures["validation"] = _defined(model.judge(other, np.ones(other.rows, np.bool_)))
        elif held is not None:
            figures["validation"] = _defined(model.judge(table, parts == VALIDATION))
        return model

    with Training(
        network, X, Y, validation=held, sample_weight=own[0] if own else None, **settings, **watched
    ) as training:
        if announce is not None:  # not before the run is known to begin, or to go on
            announce(Prepared(table, decisions, aim, encoder, network, counts, settings, notes))
        try:
            model = carry_out(training, aim, progress)
        except Interrupted as error:
            if error.model is not None:
                with suppress(KeyboardInterrupt, NativeError):  # Ctrl-C again: without figures
                    finished(error.model)
            raise
        except DivergenceError:
            if checkpoint is not None:  # to go on from there would diverge again
                with suppress(OSError):
                    os.unlink(checkpoint)
            raise
        try:
            return finished(model)
        except KeyboardInterrupt:
            raise Interrupted(model) from None


def _defined(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures that are numbers: rows of one class have no area under the ROC curve."""
    return {name: value for name, value in figures.items() if math.isfinite(value)}


def _counting(weights: NDArray[np.float64], part: int, name: str) -> NDArray[np.float64]:
    """The weights of a part of the rows, of which one at least must count."""
    if not weights.any():
        what = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}[part]
        raise DataError(
            f"weight {name!r} is 0 in all {len(weights)} {what} rows: give more rows a weight, or "
            "divide them with another seed"
        )
    return weights


@dataclass(frozen=True)
class _Divided:
    """The target of every row, whether it is there, and what the row is for."""

    target: Target
    y: NDArray[Any]
    known: NDArray[np.bool_]
    parts: NDArray[np.uint8]


def _divide(
    table: Table,
    name: str,
    decisions: Decisions,
    task: TaskName | None,
    validation: float,
    test: float,
    split_by: str | None,
    seed: int,
) -> _Divided:
    facts = decisions.facts[name]
    target = fit_target(table, name, facts, task)
    y, known = _targets(table, target)
    labels = y if target.task == "classification" else None
    groups = None if split_by is None else read_groups(table, split_by)
    least = 2 + (validation > 0) + (test > 0)
    if known.sum() < least:
        raise DataError(
            f"{table.name} has {int(known.sum())} rows with a target {name!r}: training needs "
            f"{least} at least"
        )
    parts = split(
        seed, table.rows, validation=validation, test=test, labels=labels, groups=groups,
        usable=known,
    )  # fmt: skip
    if target.task == "regression":  # its mean and deviation are those of the training rows
        target = fit_target(table, name, facts, task, keep=known & (parts == TRAIN))
        y, known = _targets(table, target)
    return _Divided(target, y, known, parts)


def _targets(table: Table, target: Target) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    found = [target.encode(chunk) for chunk in table.chunks(names=[target.name])]
    return np.concatenate([y for y, _ in found]), np.concatenate([known for _, known in found])


def _other(
    table: Table,
    encoder: Encoder,
    target: Target,
    network: Network,
    weight: str | None,
    dtype: type[np.floating[Any]],
) -> tuple[Any, ...]:
    """The validation rows of a table of their own."""
    encoder.check(table)
    y, known = _targets(table, target)
    if not known.any():
        raise DataError(f"{table.name}: no row has a value of the target {target.name!r}")
    own = () if weight is None else (read_weights(table, weight)[known],)
    return (_inputs(network, encoder.encode(table, dtype), known), y[known], *own)


def _inputs(network: Network, encoded: Encoded, rows: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return input_arrays(network, Encoded(encoded.X[rows], encoded.indices[rows]))


def _network(
    encoder: Encoder,
    target: Target,
    hidden: Sequence[int],
    activation: str,
    members: int,
    dropout: float,
    l2: float,
) -> Network:
    """Inputs side by side, hidden layers, and an output for each class or one number."""
    own = members if members > 1 else 0
    inputs: list[Wire] = [Input(encoder.width)] if encoder.width else []
    values = list(inputs)
    for levels in encoder.index_levels.values():
        index = Input(levels=levels)
        inputs.append(index)
        values.append(Embedding(_units(levels), members=own)(index))
    h = values[0] if len(values) == 1 else concat(*values)
    for units in hidden:
        h = Dense(units, activation, members=own)(h)
        if dropout:
            h = Dropout(dropout)(h)
    classes = target.task == "classification"
    out = Dense(len(target.classes) if classes else 1, members=own)(h)
    cost = "cross_entropy" if classes else "squared_error"
    network = Network(inputs=inputs, outputs=out, cost=cost, l2=l2)
    graph = network.graph
    labels = {graph.outputs[0]: target.classes or (target.name,)}
    if encoder.width:
        labels[graph.inputs[0].value] = encoder.labels
    return Network(graph=replace(graph, labels=labels))


def _units(levels: int) -> int:
    # Between √levels and levels/2 for most columns; fastai's rule of thumb, cut at 50.
    return min(50, math.ceil(1.6 * math.pow(levels, 0.56)))


def _members(rows: int, rule: Optimizer) -> int:
    """The mean of eight networks errs less than one; half as many where rows make up for it."""
    if not rule.side_by_side:
        return 1
    return 8 if rows < 10_000 else 4


def _hidden(rows: int, rule: Optimizer) -> tuple[int, ...]:
    """Two layers: enough for any table's bends, and wider where there are rows to pay for it."""
    if rule.whole:
        return FEW_UNITS
    units = 128 if rows < 20_000 else 256
    return units, units


def _dtype(precision: str | None, engine: Engine) -> type[np.floating[Any]]:
    exact = precision == "float64" or (precision is None and engine == "reference")
    return np.float64 if exact else np.float32


def _metric(
    target: Target, weights: NDArray[np.float64] | None = None
) -> Callable[[Any, Any], float]:
    """`Prepared.figure`, of the members' mean, which is what predicts."""

    def mean_log_loss(y: Any, outputs: Any) -> float:
        return log_loss(y, outputs, weights)

    def target_rmse(y: Any, outputs: Any) -> float:
        # RMSE of (y − mean) / std, times std: in the target's own units.
        return target.std * rmse(y[:, 0], outputs[:, 0], weights)

    return mean_log_loss if target.task == "classification" else target_rmse
