"""From what `Network` is called with to a graph: sizes of a chain, values, costs, settings.

Every argument of the wrong type ends here in one sentence. Proved by ``tests/test_network.py`` and
``tests/test_wrong_types.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clearprop.errors import GraphError, SettingError
from clearprop.graph import L2, MOST_UNITS, Dense, Dropout, Graph, Input, Wire, assemble
from clearprop.operations import TABLE
from clearprop.settings import Attr
from clearprop.words import did_you_mean, shown

__all__ = ["chain", "described"]

_SETTINGS = ("activation", "output", "cost", "l2", "bias", "dropout", "inputs", "outputs", "labels")
_DROPOUT = Attr("dropout", float, 0.0, bounds="[0, 1)", help="share of hidden units left out")


def described(
    inputs: object,
    outputs: object,
    cost: object,
    l2: object,
    labels: Any,
    settings: Mapping[str, Any],
) -> Graph:
    """Return the graph of the values from ``inputs`` to ``outputs``, with its costs.

    Raises
    ------
    GraphError, ShapeError, SettingError
        As for `Network`.
    """
    ins, outs = _values("inputs", inputs), _values("outputs", outputs)
    names = _names("cost", cost, len(outs), "a cost", "output")
    L2.check(l2, "Network")
    return assemble(ins, outs, _with_settings(names, settings), l2=float(l2), labels=labels)  # type: ignore[arg-type]  # L2 has seen it


def chain(
    layers: object, activation: object, output: str, bias: str, dropout: object
) -> tuple[Wire, Wire]:
    """Return the first and the last value of a chain of dense layers."""
    sizes = _sizes(layers)
    functions = _names("activation", activation, len(sizes) - 2, "a function", "hidden layer")
    if isinstance(activation, str):
        TABLE.activation(activation)  # a slip is told where no hidden layer would look it up too
    rate = _DROPOUT.check(dropout, "Network")
    first = x = Input(sizes[0])
    for units, function in zip(sizes[1:-1], functions, strict=True):
        x = Dense(units, function, bias=bias)(x)
        if rate:
            x = Dropout(float(rate))(x)
    return first, Dense(sizes[-1], output, bias=bias)(x)


def _values(what: str, given: object) -> list[Wire]:
    if isinstance(given, Wire):
        return [given]
    if not isinstance(given, list | tuple):
        raise GraphError(
            f"Network: {what} is a value, made by Input or a layer, or a list of values, "
            f"got {shown(given)}"
        )
    return list(given)


def _names(what: str, given: object, count: int, noun: str, place: str) -> list[str]:
    """One name for each place, of a name for all or a list with one for each."""
    if isinstance(given, str):
        return [given] * count
    if not isinstance(given, list | tuple):
        raise GraphError(
            f"Network: {what} is the name of {noun}, or a list with one for each {place}, "
            f"got {shown(given)}"
        )
    if len(given) != count:
        places = f"{count} {place}{'' if count == 1 else 's'}"
        raise GraphError(f"Network: {what} has {len(given)} names for {places}; give one each")
    return list(given)


def _with_settings(
    names: Sequence[str], settings: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """Give each cost those of the settings that it has; refuse one that no cost has."""
    known = {name: [attr.name for attr in TABLE.cost(name).attrs] for name in names}
    every = [setting for own in known.values() for setting in own]
    for setting in settings:
        if setting not in every:
            hint = did_you_mean(setting, [*every, *_SETTINGS])
            raise SettingError(f"Network has no setting {setting!r}; {hint}")
    return [(name, {s: settings[s] for s in known[name] if s in settings}) for name in names]


def _sizes(layers: object) -> list[int]:
    if isinstance(layers, str):
        if not re.fullmatch(r"[0-9]+(-[0-9]+)+", layers):
            raise GraphError(f"a chain is written like 2-3-2, got {shown(layers)}")
        layers = [_whole(size) for size in layers.split("-")]
    sizes: list[Any] = list(layers) if isinstance(layers, Sequence | np.ndarray) else []
    if len(sizes) < 2:
        raise GraphError(f"a chain is two sizes or more, such as [2, 3, 2], got {shown(layers)}")
    for size in sizes:
        whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if not whole or size < 1:
            raise GraphError(
                f"the sizes of a chain are whole numbers of 1 or more, got {shown(size)}"
            )
        if size > MOST_UNITS:
            raise GraphError(f"a layer has at most {MOST_UNITS} units, got {shown(size)}")
    return [int(size) for size in sizes]


def _whole(digits: str) -> int:
    """A size; of thousands of digits, which Python refuses to read, any that is too large."""
    return int(digits) if len(digits) < 100 else 10**100
