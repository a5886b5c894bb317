"""Values of a network that is being written down: inputs, ``+``, concat.

A row applied to values gives a new value (`Wire`); shapes are inferred and checked at once. Proved
by ``tests/test_graph.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from clearprop.errors import GraphError, ShapeError
from clearprop.expressions import Type
from clearprop.graph.description import MOST_UNITS
from clearprop.operations import TABLE, Op
from clearprop.settings import Attr
from clearprop.words import shown

__all__ = ["Input", "Wire", "applied", "check_values", "concat"]

_serial = itertools.count()
WIDTH = Attr("width", int, 1, bounds=f"[1, {MOST_UNITS}]", help="numbers a sample")
LEVELS = Attr("levels", int, 1, bounds=f"[1, {MOST_UNITS}]", help="how many levels an index has")


class Wire:
    """A value of a network that is being written down: add it, or call layers on it."""

    __array_ufunc__ = None  # an array + a value is the value's to answer, not NumPy's

    def __init__(
        self,
        op: Op | None,
        inputs: tuple[Wire, ...],
        attrs: Mapping[str, Any],
        layer: object,
        of: Type | None = None,
        preactivation: bool = False,
    ) -> None:
        self.serial = next(_serial)  # creation order is a topological order
        self.op, self.inputs, self.layer, self.preactivation = op, inputs, layer, preactivation
        self.attrs = dict(attrs)
        own: int = self.attrs.get("members", 0)
        self.members: int = max([own, *(wire.members for wire in inputs)])
        if op is not None:
            try:
                of = op.result(tuple(wire.type for wire in inputs), self.attrs)
            except ShapeError as error:
                told = str(error)  # begins with the row's name, which may be the layer's
                raise ShapeError(told if str(layer) == op.name else f"{layer}: {told}") from None
        assert of is not None
        self.type: Type = of

    def __add__(self, other: Wire) -> Wire:
        """Join two values of one width: a skip or a residual connection."""
        return applied("add", (self, other), {}, "add")

    __radd__ = __add__  # only of what is no value, and so refused

    def __repr__(self) -> str:
        return f"<value of {self.layer}, {self.type} a sample>"


def applied(op: str, inputs: tuple[Wire, ...], attrs: Mapping[str, Any], layer: object) -> Wire:
    row = TABLE.row(op)
    check_values(layer, inputs)
    return Wire(row, inputs, row.settings(attrs), layer)


def check_values(layer: object, inputs: Iterable[object]) -> None:
    for wire in inputs:
        if not isinstance(wire, Wire):
            raise GraphError(
                f"{layer} was called on {type(wire).__name__}; call it on an Input or on what a "
                "layer returned"
            )


def Input(width: int | None = None, *, levels: int | None = None, name: str = "") -> Wire:
    """Return an input of a network.

    Parameters
    ----------
    width : int, at least 1
        Numbers a sample.
    levels : int, at least 1
        Instead of ``width``: one index a sample, from 0 to ``levels`` − 1, for an `Embedding`.
    name : str
        The key of the input where a network has several.

    Examples
    --------
    >>> Input(54)
    <value of Input, (m, 54) a sample>
    """
    if (width is None) == (levels is None):
        raise GraphError("Input: give either a width or levels")
    if not isinstance(name, str):
        raise GraphError(f"Input: name must be a text, got {shown(name)}")
    attrs: dict[str, Any] = {"width": 0, "levels": 0, "key": name}
    if levels is not None:
        attrs["levels"] = LEVELS.check(levels, "Input")
        return Wire(None, (), attrs, "Input", Type((), sample=True))
    attrs["width"] = WIDTH.check(width, "Input")
    return Wire(None, (), attrs, "Input", Type((attrs["width"],), sample=True))


def concat(*values: Wire) -> Wire:
    """Stack values into one.

    Examples
    --------
    >>> concat(Input(2), Input(3))
    <value of concat, (m, 5) a sample>
    """
    if not values:
        raise GraphError("concat: give at least one value")
    return applied("concat", values, {}, "concat")
