"""A table with its target among the columns, as a tabular estimator takes it, and the model back.

What the command line needs: rows without a target left out, some kept aside to judge by, and a
model that knows the target's column and what was decided about the others. Proved by
``tests/test_tabular_files.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.membership import TEST, TRAIN, split
from clearprop.model import Model
from clearprop.tables import MemoryTable, Table, open_table
from clearprop.tables.columns import Decisions, check_uses, decide, read_weights
from clearprop.tables.fingerprint import fingerprint
from clearprop.tables.task import Target, TaskName, fit_target

__all__ = ["Opened", "open_rows"]


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
    """

    table: Table
    X: Table
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    target: Target
    decisions: Decisions
    parts: NDArray[np.uint8]
    known: NDArray[np.bool_]

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
            model.target = replace(self.target, mean=own.mean, std=own.std)
        graph = model.network.graph
        labels = {**graph.labels, graph.outputs[0]: model.target.classes or (model.target.name,)}
        model.network = type(model.network)(graph=replace(graph, labels=labels))
        model.columns = self.decisions.to_data()
        assert model.encoder is not None
        figures: dict[str, dict[str, float]] = {}
        if self.rows["test"]:
            found = model.judge(self.table, self.parts == TEST)
            figures["test"] = {name: x for name, x in found.items() if np.isfinite(x)}
        model.provenance |= {
            "data": self.table.name,
            "rows": self.rows,
            "notes": list(self.table.notes),
            "fingerprint": fingerprint(self.table, [*model.encoder.names, self.target.name]),
            "figures": figures,
        }
        return model


def open_rows(
    data: object,
    target: str,
    *,
    task: TaskName | None = None,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
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
    test : float in [0, 1)
        Share of the rows that are kept aside.
    seed : int

    Raises
    ------
    DataError, SettingError, FileError
        One sentence: what is wrong, where, and the fix.
    """
    roles = dict(columns or {})
    check_uses(target=target, columns=roles, drop=drop, weight=weight, split_by=None)
    texts = [name for name, role in roles.items() if role == "category"]
    table = open_table(data, as_text=texts)
    decisions = decide(table, target=target, columns=roles, drop=drop, weight=weight)
    aim = fit_target(table, target, decisions.facts[target], task)
    found = [aim.encode(chunk) for chunk in table.chunks(names=[target])]
    y, known = (np.concatenate([pair[place] for pair in found]) for place in (0, 1))
    if known.sum() < 2 + (test > 0):
        raise DataError(
            f"{table.name} has {int(known.sum())} rows with a target {target!r}: training needs "
            f"{2 + (test > 0)} at least"
        )
    labels = y if aim.task == "classification" else None
    parts = split(seed, table.rows, test=test, labels=labels, usable=known)
    chosen = known & (parts == TRAIN)
    cells = {
        name: type(c)(c.values[chosen], c.valid[chosen])
        for name, c in table.read(list(decisions.roles)).items()
    }
    kinds = {name: table.column(name).kind for name in cells}
    X = MemoryTable(cells, kinds, name=table.name)
    weights = None if weight is None else read_weights(table, weight)[chosen]
    targets = y[chosen]
    if aim.task == "regression":
        targets = aim.decode(targets)
    else:
        targets = np.array([_given(aim, k) for k in range(len(aim.classes))])[targets]
    return Opened(table, X, targets, weights, aim, decisions, parts, known)


def _given(target: Target, place: int) -> Any:
    """A class as scikit-learn takes it: of 1.5 the text, as such numbers are no labels there."""
    return target.classes[place] if target.kind == "real" else target.labels[place]
