"""What happened in a run: a row of figures for each epoch, and events.

Proved by ``tests/test_training.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from clearprop import notebook
from clearprop.errors import DataError
from clearprop.expressions import Array
from clearprop.words import did_you_mean

__all__ = ["COLUMNS", "Event", "History"]

COLUMNS = (
    "epoch",
    "steps",
    "cost",
    "validation_cost",
    "validation_metric",
    "learning_rate",
    "norm",
    "skipped",
    "seconds",
)
"""One row an epoch.

epoch, steps : done at the row's end, in the whole run (an epoch cut short counts as one)
cost : mean of J over the epoch's batches, each weighted by its Σ w
validation_cost, validation_metric : of the validation rows at the row's end; NaN without
learning_rate : of the epoch's last step
norm : mean 2-norm of the gradient before clipping; NaN without clipping
skipped : batches of zero total weight, in the whole run
seconds : time of training up to here (unlike all others, not the same in every run)
"""


@dataclass(frozen=True)
class Event:
    """Something that happened once.

    Parameters
    ----------
    kind : str
        ``"learning_rate"`` (changed between epochs), ``"skipped"``, ``"interrupted"``,
        ``"diverged"``, ``"checkpoint"`` (could not be written), or why the run ended:
        ``"early_stopping"``, ``"time_limit"``, ``"max_steps"``, ``"callback"``, ``"stopped"``.
    epoch, step : int
        When: the epoch, from 1, and the steps done.
    text : str
        One sentence for people.
    """

    kind: str
    epoch: int
    step: int
    text: str


@dataclass(repr=False)
class History:
    """Columns of figures, a row an epoch, and events in order.

    Examples
    --------
    >>> history = History()
    >>> history.append(epoch=1, steps=10, cost=0.5)
    >>> history["cost"].tolist(), history["norm"].tolist()
    ([0.5], [nan])
    """

    rows: list[tuple[float, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def append(self, **figures: float) -> None:
        """Add a row; a column without a figure gets NaN."""
        self.rows.append(tuple([float(figures.get(name, np.nan)) for name in COLUMNS]))

    def __getitem__(self, column: str) -> Array:
        """One column, (epochs,) float64; raise KeyError with the nearest name for another."""
        if column not in COLUMNS:
            raise KeyError(
                f"the history has no column {column!r}; {did_you_mean(str(column), COLUMNS)}"
            )
        return np.array([row[COLUMNS.index(column)] for row in self.rows], dtype=np.float64)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<History of {len(self.rows)} epochs: {', '.join(COLUMNS)}>"

    def _repr_html_(self) -> str:
        """The columns that say something: neither all NaN, nor batches skipped where none was."""
        told = {n: c for n, c in self.columns.items() if np.nan_to_num(c).any()}
        figures = notebook.table(list(told), zip(*told.values(), strict=True))
        events = [(event.epoch, event.kind, event.text) for event in self.events]
        happened = notebook.table(("epoch", "event", ""), events) if events else ""
        return notebook.headed(f"History of {len(self)} epochs", figures, happened)

    def last(self, column: str) -> float:
        """One figure of the last row; NaN before there is one."""
        return self.rows[-1][COLUMNS.index(column)] if self.rows else np.nan

    @property
    def columns(self) -> dict[str, Array]:
        """All columns by name."""
        return {name: self[name] for name in COLUMNS}

    def to_array(self) -> Array:
        """Return all rows, (epochs, columns) float64."""
        return np.array(self.rows, dtype=np.float64).reshape(-1, len(COLUMNS))

    @classmethod
    def from_array(cls, rows: Array, events: list[Mapping[str, Any]]) -> History:
        """Make a history of what `to_array` and ``events`` as plain data held."""
        if rows.ndim != 2 or rows.shape[1] != len(COLUMNS):
            raise DataError(f"a history has {len(COLUMNS)} columns, got shape {rows.shape}")
        return cls([tuple(row) for row in rows.tolist()], [Event(**event) for event in events])

    def to_dict(self) -> dict[str, Any]:
        """Return the history as plain data for JSON: columns (None for NaN) and events."""
        columns = {
            name: [None if np.isnan(x) else x for x in column.tolist()]
            for name, column in self.columns.items()
        }
        return {"columns": columns, "events": [asdict(event) for event in self.events]}

    def copy(self) -> History:
        """Return a history that shares nothing with this one."""
        return History(list(self.rows), list(self.events))
