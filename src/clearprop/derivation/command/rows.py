"""Rows of a table as a network reads them: its own encoding's, or numbers in order.

Proved by ``tests/test_derivation_command.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop import target_name
from clearprop.derivation.wording.refusals import refusal
from clearprop.errors import DataError, UsageError
from clearprop.graph import Graph
from clearprop.model import Model
from clearprop.model.model import input_arrays
from clearprop.model.targets import encode_target, find_target
from clearprop.network import Inputs, Network
from clearprop.tables import Cells, Table
from clearprop.tables.cells import read_names, read_numbers
from clearprop.tables.opening import open_table
from clearprop.words import Sentence, shown

Columns = dict[str, tuple[str, ...]]
"""By value (and ``"y"``): the name of what stands in each of its units."""
MOST = 1_000
"""A batch of more rows is no example to read; one of them is asked for."""


def read_rows(
    path: str, source: Network | Model, target: str = "", row: int | None = None
) -> tuple[Inputs, Any, Columns]:
    """Read X and Y of a table, and the names of what stands in their columns.

    Parameters
    ----------
    path : str
        Any file or query that `train` reads.
    source : Network or Model
        A model trained on a table encodes rows as in training. Else the columns are the network's
        inputs and then its targets, all numbers (or one column of classes).
    target : str
        The column to predict, wherever it stands; the others are the inputs.
    row : int, optional
        One sample alone, from 1; all of them without.

    Raises
    ------
    DataError, FileError
        In one sentence, for a table that does not fit.
    """
    if isinstance(source, Model) and source.encoder is not None:
        if target and target != source.target.name:
            raise UsageError(refusal("model_target", target=repr(source.target.name)))
        X, Y = _encoded(path, source, row)
        columns = encoded_columns(source)
    else:
        network = source.network if isinstance(source, Model) else source
        X, Y, columns = _in_order(path, network, target, row)
    if len(Y) > MOST:
        count, most = f"{len(Y):,}", f"{MOST:,}"
        raise DataError(refusal("too_many_rows", path=path, count=count, most=most))
    return X, Y, columns


def encoded_columns(model: Model) -> Columns:
    """Return what a model's encoder puts into each unit of its inputs and targets, by value."""
    assert model.encoder is not None
    graph = model.network.graph
    dense = [given.value for given in graph.inputs if not given.levels]
    indexed = [given.value for given in graph.inputs if given.levels]
    found = dict.fromkeys(dense, model.encoder.labels)
    found |= {
        value: (name,) for value, name in zip(indexed, model.encoder.index_levels, strict=True)
    }
    return found | _targets(graph, model.target.name, list(model.labels))


def _targets(graph: Graph, name: str, labels: list[Any]) -> Columns:
    """The units of the target: the column, or one unit for each of its classes."""
    cost = graph.costs[0]
    width = graph.values[cost.value].type.shape[0]
    units = (name,) if width == 1 else tuple(f"{name}={label}" for label in labels)
    return {target_name(graph, cost): units}


def _encoded(path: str, model: Model, row: int | None) -> tuple[Inputs, Any]:
    assert model.encoder is not None
    table = model.open(path, judged=True)
    encoded = model.encoder.encode(table, np.float64)
    parts = [model.target.encode(chunk) for chunk in table.chunks(names=[model.target.name])]
    y = np.concatenate([values for values, _ in parts])
    known = np.concatenate([there for _, there in parts])
    kept = _chosen(table, row)
    if not known[kept].all():
        first = int(np.flatnonzero(~known[kept])[0]) + (row or 1)
        missing = shown(model.target.name)
        raise DataError(refusal("no_target", table=_called(table), row=first, target=missing))
    arrays = input_arrays(model.network, encoded)
    X = {key: array[kept] for key, array in arrays.items()}
    return (X if len(X) > 1 else next(iter(X.values()))), y[kept]


def _chosen(table: Table, row: int | None) -> slice:
    if row is None:
        return slice(None)
    if row > table.rows:
        raise DataError(refusal("no_row", row=row, where=_called(table), count=table.rows))
    return slice(row - 1, row)


def _in_order(
    path: str, network: Network, target: str, row: int | None
) -> tuple[Inputs, Any, Columns]:
    graph = network.graph
    if len(graph.inputs) > 1 or len(graph.costs) > 1:
        raise DataError(refusal("one_input"))
    cost, given = graph.costs[0], graph.inputs[0]
    width = graph.values[cost.value].type.shape[0]
    inputs = given.width or 1
    table = open_table(path, asked=[target] if target else [])
    kept = _chosen(table, row)
    names = [name for name in table.names if name != target] if target else list(table.names)
    targets = [table.column(target).name] if target else names[inputs:]
    classes = cost.row.target == "class"
    fitting = len(targets) == width or (classes and len(targets) == 1)
    if target and not fitting:
        raise DataError(refusal("one_target", target=shown(target), targets=width))
    if len(names) < inputs or (target and len(names) != inputs) or not fitting:
        key = "columns_inputs" if target else "columns_classes" if classes else "columns_targets"
        has = refusal("column_one" if len(names) == 1 else "column_many", count=len(names))
        said = {"inputs": inputs, "targets": width, "target": shown(target), "columns": has}
        raise DataError(refusal(key, table=_called(table), **said))
    X = _numbers(table, names[:inputs], kept)
    one_class = classes and len(targets) == 1 and width > 1
    if one_class:
        y = _labels(table, targets[0])
        found = find_target(network, y)
        Y = encode_target(found, y)
        columns = _targets(graph, targets[0], list(found.labels))
    else:
        Y = _numbers(table, targets, kept)
        columns = {target_name(graph, cost): tuple(targets)}
    columns = {given.value: tuple(names[:inputs])} | columns
    return (X[kept] if given.width else X[kept, 0].astype(np.int64)), Y[kept], columns


def _numbers(table: Table, names: list[str], kept: slice) -> NDArray[np.float64]:
    """All rows of some columns; those that are kept have values."""
    cells = table.read(names)
    columns = []
    for name in names:
        if _holds_text(cells[name]):  # one wrong cell among numbers is told by its row
            raise DataError(refusal("text_column", table=_called(table), column=shown(name)))
        found = read_numbers(cells[name], name, 0)
        if not found.valid[kept].all():
            place = int(np.flatnonzero(~found.valid[kept])[0]) + 1
            raise _no_value(table, place + (kept.start or 0), name)
        columns.append(np.asarray(found.values, np.float64))
    return np.stack(columns, axis=1)


def _holds_text(cells: Cells) -> bool:
    """Whether a column begins with a word, so that it is no column of numbers."""
    first = next(iter(cells.values[cells.valid]), 0.0)
    try:
        float(first)
    except (TypeError, ValueError):
        return True
    return False


def _no_value(table: Table, row: int, column: str) -> DataError:
    return DataError(refusal("no_value", table=_called(table), row=row, column=shown(column)))


def _labels(table: Table, name: str) -> NDArray[Any]:
    """Classes as they stand: whole numbers, or names."""
    cells = table.read([name])[name]
    if not cells.valid.all():
        place = int(np.flatnonzero(~cells.valid)[0]) + 1
        raise _no_value(table, place, name)
    if table.column(name).kind == "integer":
        return cells.values
    return np.asarray([str(one) for one in read_names(cells, name, 0).values])


def _called(table: Table) -> Sentence | str:
    """A table's name; what was asked in SQL has none."""
    return refusal("query") if table.name == "the query" else table.name
