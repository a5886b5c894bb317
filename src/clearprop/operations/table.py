"""The table of rows: what a name in a graph stands for, a user's own rows among them.

Proved by ``tests/test_operations.py``.
"""

from __future__ import annotations

from typing import TypeVar

from clearprop.errors import RowError, SettingError
from clearprop.operations.row import Activation, Cost, Op
from clearprop.words import did_you_mean, shown

__all__ = ["TABLE", "Table", "register"]

Kind = TypeVar("Kind", bound=Op)


class Table:
    """The table of rows: what a name in a graph stands for."""

    def __init__(self) -> None:
        self._rows: dict[str, Op] = {}

    def register(self, row: Op) -> Op:
        """Add a row, so that graphs can name it; refuse a name that is taken."""
        if not isinstance(row, Op):
            raise SettingError(
                f"register takes a row: a Function, a Cost or another Op, got {shown(row)}"
            )
        if row.name in self._rows:
            raise SettingError(f"an operation named {row.name!r} is registered already")
        self._rows[row.name] = row
        return row

    def row(self, name: str) -> Op:
        """Return the row called ``name``; raise RowError with the nearest name otherwise."""
        return self._find(name, "operation", Op)

    def activation(self, name: str) -> Activation:
        """Return the function called ``name``; raise RowError with the nearest name otherwise."""
        return self._find(name, "function", Activation)

    def cost(self, name: str) -> Cost:
        """Return the cost called ``name``; raise RowError with the nearest name otherwise."""
        return self._find(name, "cost", Cost)

    def _find(self, name: str, noun: str, kind: type[Kind]) -> Kind:
        row = self._rows.get(name) if isinstance(name, str) else None  # a list has no hash
        if not isinstance(row, kind):
            names = [n for n, known in self._rows.items() if isinstance(known, kind)]
            raise RowError(f"there is no {noun} {shown(name)}; {did_you_mean(name, names)}")
        return row

    def activations(self) -> tuple[str, ...]:
        """Return the names of all functions, in the order of registration."""
        return tuple(n for n, row in self._rows.items() if isinstance(row, Activation))

    def costs(self) -> tuple[str, ...]:
        """Return the names of all costs, in the order of registration."""
        return tuple(n for n, row in self._rows.items() if isinstance(row, Cost))

    def rows(self) -> tuple[Op, ...]:
        """Return all rows, in the order of registration."""
        return tuple(self._rows.values())


TABLE = Table()


def register(row: Op) -> Op:
    """Add a row of your own to the table, so that networks can name it.

    It works everywhere: graphs, JSON, plan, reference, derivation, checking. The native engine
    runs the rows it was compiled with, says so by name, and offers ``engine="reference"``.

    Parameters
    ----------
    row : Function, Cost or another Op

    Returns
    -------
    Op
        The row itself.

    Raises
    ------
    SettingError
        If the name is taken, or it is no row.

    Examples
    --------
    >>> import numpy as np
    >>> from clearprop.network import Network
    >>> from clearprop.operations import Function
    >>> _ = register(Function(
    ...     "square",
    ...     definition=lambda x, attrs: x**2,
    ...     slope=lambda x, attrs: 2 * x,
    ...     value=lambda x, attrs: x * x,
    ...     derivative=lambda x, attrs: 2 * x,
    ... ))
    >>> net = Network([2, 3, 1], "square")
    >>> net.gradient(net.initial(seed=0), np.ones((4, 2)), np.zeros(4))["W1"].shape
    (3, 2)
    """
    return TABLE.register(row)
