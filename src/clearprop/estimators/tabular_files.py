"""A table with its target among the columns, as a tabular estimator takes it, and the model back.

What `clearprop.estimators.preset_training` and the search begin with: rows without a target left
out, some kept aside to judge by, and a model that knows the target's column and what was decided
about the others. Proved by ``tests/test_tabular_files.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.membership import TEST, TRAIN, VALIDATION
from clearprop.model import Model
from clearprop.model.by_class import keep_figures
from clearprop.model.dividing import Divided, divide
from clearprop.tables import MemoryTable, Table
from clearprop.tables.columns import Decisions
from clearprop.tables.fingerprint import fingerprint_as_read
from clearprop.tables.target import Target

__all__ = ["Opened", "columns_of", "open_rows"]


@dataclass(frozen=True)
class Opened:
    """A table, divided.

    Attributes
    ----------
    divided : Divided
        The whole table, the target in it.
    X : Table
        The columns to learn from, of the training rows.
    y : (n,) labels or numbers
    weights : (n,) float64 or None
    codes : (n,) places of classes, or numbers less their mean over their deviation
    groups : (n,) names or None
        Rows of one name stay together.
    """

    divided: Divided
    X: Table
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    codes: NDArray[Any]
    groups: NDArray[np.object_] | None

    @property
    def table(self) -> Table:
        """The table as it was read."""
        return self.divided.table

    @property
    def target(self) -> Target:
        """What is predicted."""
        return self.divided.target

    @property
    def decisions(self) -> Decisions:
        """What was decided about each column."""
        return self.divided.decisions

    @property
    def rows(self) -> dict[str, int]:
        """How many rows train, validate, test, and have no target."""
        return self.divided.counts

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
        return self.told(model)

    def told(self, model: Model) -> Model:
        """Tell a model of this table, and judge it by the rows that did not train."""
        model.columns = self.decisions.to_data()
        assert model.encoder is not None
        model.provenance |= {
            "data": self.table.name,
            "rows": self.rows,
            "notes": list(self.divided.notes),
            "fingerprint": fingerprint_as_read(self.table, model.encoder, model.target),
            "figures": {},
        }
        for name, part in (("test", TEST), ("validation", VALIDATION)):
            if self.rows[name]:
                keep_figures(model, name, *model.judged(self.table, self.divided.rows(part)))
        return model


def open_rows(data: object, target: str, *, weight: str | None = None, **opening: Any) -> Opened:
    """Open a table and decide what its columns and its target are.

    Parameters
    ----------
    data, target, weight
        And ``task``, ``columns``, ``drop``, ``split_by``, ``validation``, ``test``,
        ``divided_again``, ``seed``: of `clearprop.model.dividing.divide`.

    Raises
    ------
    DataError, SettingError, FileError
        One sentence: what is wrong, where, and the fix.
    """
    divided = divide(data, target, weight=weight, **opening)
    chosen, aim = divided.rows(TRAIN), divided.target
    X = columns_of(divided.table, list(divided.decisions.roles), chosen)
    weights = divided.weights_of(TRAIN, str(weight))
    y = divided.y[chosen]
    if aim.task == "classification":
        y = np.array([_given(aim, k) for k in range(len(aim.classes))])[y]
    groups = None if divided.groups is None else divided.groups[chosen]
    return Opened(divided, X, y, weights, divided.codes(TRAIN), groups)


def columns_of(table: Table, names: Sequence[str], rows: NDArray[np.bool_]) -> Table:
    """Return some rows of some columns of a table, in memory."""
    cells = {name: type(c)(c.values[rows], c.valid[rows]) for name, c in table.read(names).items()}
    return MemoryTable(cells, [table.column(n) for n in cells], name=table.name)


def _given(target: Target, place: int) -> Any:
    """A class as scikit-learn takes it: of 1.5 the text, as such numbers are no labels there."""
    return target.classes[place] if target.kind == "real" else target.labels[place]
