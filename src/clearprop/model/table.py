"""A plain network trained on a table: the units, the activation and the run that are asked for.

The rows are divided, the encoder fitted to the training rows alone, the network built, trained and
judged. `clearprop.train_table` comes here where something of a plain network is asked for. Proved
by ``tests/test_model_table.py``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError, DivergenceError, NativeError
from clearprop.graph import Dense, Dropout, Embedding, Input, Wire, concat
from clearprop.membership import TEST, TRAIN, VALIDATION
from clearprop.metrics import log_loss, rmse
from clearprop.model.arrays import Interrupted, Watcher, carry_out, keep_residuals
from clearprop.model.by_class import keep_figures
from clearprop.model.choices import (
    DEFAULTS,
    FEW_UNITS,
    WHOLE_ACTIVATION,
    WHOLE_L2_ROWS,
    check_choices,
    check_together,
    run_settings,
)
from clearprop.model.dividing import divide, labelled, naming, open_other
from clearprop.model.model import Model, input_arrays
from clearprop.network import Network
from clearprop.optimizers import Optimizer
from clearprop.optimizers import optimizer as chosen_optimizer
from clearprop.tables import Table
from clearprop.tables.columns import Decisions
from clearprop.tables.encoder import Encoded, Encoder, fit_encoder
from clearprop.tables.fingerprint import fingerprint_as_read
from clearprop.tables.target import Target, TaskName
from clearprop.tables.weights import read_weights
from clearprop.training import Engine, Training

__all__ = ["Prepared", "train_plain"]


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
        Of one run.
    rows : dict of str to int
        ``training``, ``validation``, ``test``, and ``unlabelled`` (left out: no target).
    settings : dict
        Of the training run; of a preset, its ``preset``, ``metric``, how many networks predict
        ``together``, and its ingredients.
    notes : tuple of str
        What else was decided: an encoding, columns that were renamed.
    figure : str
        What the figure of the validation rows is called that chooses the epoch, less being better.
    """

    table: Table
    decisions: Decisions
    target: Target
    encoder: Encoder
    network: Network
    rows: Mapping[str, int]
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    figure: str


def train_plain(
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
    dropout_schedule: Any = None,
    decay_schedule: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    patience: int | None = None,
    validation: object = 0.2,
    test: float = 0.0,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
    split_by: str | None = None,
    encoding: str | None = None,
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
) -> Model:
    """Train a plain network on a table, and keep every decision in the model.

    Parameters
    ----------
    data, target
        And all others: of `clearprop.train_table`, whose plain network this is.

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
    >>> model = train_plain({"x": x, "size": ["big" if v > 30 else "small" for v in x]}, "size")
    >>> model.predict({"x": [5, 55]}).tolist()
    ['small', 'big']
    """
    settings = run_settings(
        optimizer=optimizer, learning_rate=learning_rate, schedule=schedule,
        dropout_schedule=dropout_schedule, decay_schedule=decay_schedule, epochs=epochs,
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
    dtype = _dtype(settings["precision"], engine)
    share = validation if isinstance(validation, int | float) else 0.0
    divided = divide(
        data, target, task=task, columns=columns, drop=drop, weight=weight, split_by=split_by,
        validation=share, test=test, seed=seed, encoding=encoding,
    )  # fmt: skip
    table, decisions, aim = divided.table, divided.decisions, divided.target
    counts, weighed_by = divided.counts, str(weight)
    count = counts["training"]
    encoder = fit_encoder(table, decisions.roles, keep=divided.rows(TRAIN))
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
    print_of_rows = fingerprint_as_read(table, encoder, aim)

    def taken(part: int) -> tuple[Any, ...]:
        own = divided.weights_of(part, weighed_by)
        weights = () if own is None else (own,)
        inputs = _inputs(network, encoded, divided.rows(part))
        return (inputs, divided.codes(part), *weights)

    held: tuple[Any, ...] | None = None
    other: Table | None = None
    if not isinstance(validation, int | float):
        other = open_other(validation, [*encoder.text_columns, target], encoding)
        held = _other(other, encoder, aim, network, weight, dtype)
        counts["validation"] = len(held[1])
    elif share:
        held = taken(VALIDATION)
    else:
        settings["patience"] = None  # nothing is watched
    X, Y, *own = taken(TRAIN)
    if test:  # found now, not after training
        divided.weights_of(TEST, weighed_by)
    notes = (*divided.notes, *(other.notes if other is not None else ()))
    watched: dict[str, Any] = {}
    if held is not None:
        metric = _metric(aim, *held[2:])
        watched = {"metric": metric, "monitor": "metric", "greater_is_better": False}

    def finished(model: Model) -> Model:
        keep_residuals(model, training)
        model.encoder, model.columns = encoder, decisions.to_data()
        told = {"data": table.name, "rows": counts, "notes": list(notes)}
        model.provenance |= {**told, "fingerprint": print_of_rows, "figures": {}}
        if counts["test"]:
            keep_figures(model, "test", *model.judged(table, divided.rows(TEST)))
        if other is not None:
            every = np.ones(other.rows, np.bool_)
            keep_figures(model, "validation", *model.judged(other, every))
        elif held is not None:
            keep_figures(model, "validation", *model.judged(table, divided.rows(VALIDATION)))
        return model

    with Training(
        network, X, Y, validation=held, sample_weight=own[0] if own else None, **settings, **watched
    ) as training:
        if announce is not None:  # not before the run is known to begin, or to go on
            figure = "log_loss" if aim.task == "classification" else "rmse"
            announce(
                Prepared(table, decisions, aim, encoder, network, counts, settings, notes, figure)
            )
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


def _other(
    table: Table,
    encoder: Encoder,
    target: Target,
    network: Network,
    weight: str | None,
    dtype: type[np.floating[Any]],
) -> tuple[Any, ...]:
    """The validation rows of a table of their own."""
    with naming(table):
        encoder.check(table)
        y, known = labelled(table, target)
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
    """What `Prepared` calls its figure, of the members' mean, which is what predicts."""

    def mean_log_loss(y: Any, outputs: Any) -> float:
        return log_loss(y, outputs, weights)

    def target_rmse(y: Any, outputs: Any) -> float:
        # RMSE of (y − mean) / std, times std: in the target's own units.
        return target.std * rmse(y[:, 0], outputs[:, 0], weights)

    return mean_log_loss if target.task == "classification" else target_rmse
