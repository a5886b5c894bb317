"""How much each column matters: by permutation, and by the cost's gradient.

Proved by ``tests/test_tabular_importance.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop import notebook, philox
from clearprop.errors import SettingError
from clearprop.metrics import METRICS, mean_pinball
from clearprop.model import Model
from clearprop.model.model import input_arrays
from clearprop.settings import Attr, check_all
from clearprop.tables import MemoryTable, Table
from clearprop.tables.table import Cells
from clearprop.words import number, shown, visible, width

__all__ = ["Importances", "importances"]

_ATTRS = (
    Attr("repeats", int, 5, bounds="[1, inf)", help="permutations of each column"),
    Attr("random_state", int, 0, bounds="[0, 18446744073709551615]"),
)


@dataclass(frozen=True, repr=False)
class Importances:
    """A figure for each column; as text a table, the largest first.

    Attributes
    ----------
    names : tuple of str
    mean, deviation : (columns,) float64
        Over the repeats; the deviation of a gradient is 0.
    metric : str
        What gets worse by ``mean`` where a column is shuffled; "" for a gradient.

    Examples
    --------
    >>> print(Importances(("age", "fare"), np.array([0.01, 0.2]), np.array([0.02, 0.05]), "auc"))
    column  importance  spread
    fare           0.2    0.05
    age           0.01    0.02
    importance: how much worse auc gets where the column is shuffled, the mean of the repeats
    """

    names: tuple[str, ...]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    metric: str = ""

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the table as columns, largest first: ``pd.DataFrame(found.to_dict())``."""
        order = np.argsort(-self.mean, kind="stable")
        return {
            "column": [self.names[place] for place in order],
            "mean": self.mean[order].tolist(),
            "deviation": self.deviation[order].tolist(),
        }

    def __str__(self) -> str:
        names, *figures = self.to_dict().values()
        columns = [
            ["column", *map(visible, names)],
            ["importance", *map(number, figures[0])],
            ["spread", *map(number, figures[1])],
        ]
        name, mean, spread = (max(map(width, column)) for column in columns)
        lines = [
            f"{a}{' ' * (name - width(a))}  {b:>{mean}}  {c:>{spread}}"
            for a, b, c in zip(*columns, strict=True)
        ]
        return "\n".join([*lines, f"importance: {self._meaning()}"])

    def __repr__(self) -> str:
        names, figures, _ = self.to_dict().values()
        first = [f"{shown(a)} {number(b)}" for a, b in zip(names[:3], figures[:3], strict=True)]
        more = ", …" if len(names) > len(first) else ""
        return f"<Importances of {len(names)} columns: {', '.join(first)}{more}>"

    def _repr_html_(self) -> str:
        rows = zip(*self.to_dict().values(), strict=True)
        told = notebook.table(("column", "importance", "spread"), rows)
        return notebook.headed(f"Importance: {self._meaning()}", told)

    def _meaning(self) -> str:
        if not self.metric:
            return "the mean of ‖∂J/∂x‖ over the rows, x the column's inputs"
        return (
            f"how much worse {self.metric} gets where the column is shuffled, "
            "the mean of the repeats"
        )


def importances(
    model: Model,
    table: Table,
    y: NDArray[Any],
    metric: str,
    *,
    method: str,
    repeats: int,
    seed: int,
    level: float = 0.5,
) -> Importances:
    """Return the importances of the columns that the model reads; see `TabularClassifier`.

    Raises
    ------
    SettingError
        For another method, no repeats, or a seed that is no whole number.
    """
    if method not in ("permutation", "gradient"):
        raise SettingError(f"method must be 'permutation' or 'gradient', got {method!r}")
    told: dict[str, Any] = check_all(_ATTRS, {"repeats": repeats, "random_state": seed})
    repeats, seed = told["repeats"], told["random_state"]
    assert model.encoder is not None
    model.encoder.check(table)
    names = model.encoder.names
    if method == "gradient":
        slopes = _slopes(model, table, y)
        return Importances(names, slopes, np.zeros(len(names)))
    cells = table.read(names)
    columns = [table.column(name) for name in names]
    whole = _figure(model, MemoryTable(cells, columns), y, metric, level)
    found = np.zeros((repeats, len(names)))
    for place, name in enumerate(names):
        for repeat in range(repeats):
            u = philox.uniform(seed, philox.VALIDATION, 0, table.rows, word2=repeat, within=place)
            order = np.argsort(u, kind="stable")
            moved = {**cells, name: Cells(cells[name].values[order], cells[name].valid[order])}
            figure = _figure(model, MemoryTable(moved, columns), y, metric, level)
            found[repeat, place] = figure - whole
    return Importances(names, found.mean(axis=0), found.std(axis=0), metric)


def _figure(model: Model, table: Table, y: NDArray[Any], metric: str, level: float) -> float:
    """The metric, less being better."""
    row = METRICS[metric]
    if metric == "pinball":
        return mean_pinball(model.target.decode(y), model.predict(table), level=level)
    if model.task == "classification":
        figure = row.function(y, model.predict_probabilities(table), None)
    else:
        figure = row.function(model.target.decode(y), model.predict(table), None)
    return -figure if row.higher_is_better else figure


def _slopes(model: Model, table: Table, y: NDArray[Any]) -> NDArray[np.float64]:
    """The mean over the rows of ‖∂J_i/∂x_i‖, over the inputs x that a column became.

    The trace has ∂J/∂(s ⊙ x) behind the factors s in front; ∂J/∂x is s times that, summed over the
    members.
    """
    assert model.encoder is not None
    network = model.network
    encoded = model.encoder.encode(table, np.float64)
    trace = network.trace(model.parameters, input_arrays(network, encoded), y)
    first = next((node for node in network.graph.nodes if node.row.name == "scale"), None)
    if first is None:
        raise SettingError(
            "the network has no factors in front, which gradients of its inputs are read from; "
            "method='permutation' needs none"
        )
    s = trace[first.params[0][1]]  # ([K,] inputs)
    Delta = trace["Delta" + first.output[1:]]  # ([K,] m, inputs)
    slope = Delta * (s[:, None, :] if Delta.ndim == 3 else s) * len(y)  # J is a mean over rows
    slope = slope.sum(axis=0) if slope.ndim == 3 else slope
    found: dict[str, float] = {}
    at = 0
    dense = [(c.name, len(c.labels)) for c in model.encoder.columns if c.row.levels is None]
    units = [node.attrs["units"] for node in network.graph.nodes if node.row.name == "gather"]
    for name, inputs in [*dense, *zip(model.encoder.index_levels, units, strict=True)]:
        found[name] = float(np.sqrt(np.square(slope[:, at : at + inputs]).sum(axis=1)).mean())
        at += inputs
    return np.array([found[name] for name in model.encoder.names])
