"""The batch a derivation stands beside: what its plan gives, all that is given checked.

Proved by ``tests/test_derivation_limits.py`` and ``tests/test_derivation_rows.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

from clearprop.backprop import Asked, Plan, plan
from clearprop.derivation.notations.names import Names
from clearprop.derivation.verifying.numbers import TraceNumbers
from clearprop.derivation.wording.refusals import refusal
from clearprop.errors import DataError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network, check_known
from clearprop.network.reading import read_inputs
from clearprop.words import number
from clearprop.words import shown as shown_value

__all__ = ["check_parameters", "numbers_of", "row_of"]


def numbers_of(
    network: Network,
    names: Names,
    parameters: Mapping[str, Array],
    X: Inputs,
    Y: Any,
    learning_rate: float,
    general: Plan | None = None,
) -> TraceNumbers:
    """Return what the network's plan gives, and its general form beside it: Δ at the output.

    All that is given is checked here; a quantity is computed when it is first asked for.
    """
    if isinstance(parameters, Mapping):  # what is none is refused below
        check_known("parameters", parameters, network.graph.parameters)
    general = general or plan(network.graph, fuse=False)
    inputs, targets = read_inputs(network.graph, X), network.targets(Y)
    found = Asked(network.plan, parameters, inputs, targets, general)
    return TraceNumbers(names, general, found, learning_rate)


def check_parameters(numbers: TraceNumbers) -> None:
    """Refuse parameters that are ∞ or no numbers: nothing can be told of a step beside them."""
    names = numbers.names
    for name in names.graph.parameters:
        if not (finite := np.isfinite(numbers.found[name])).all():
            place = tuple(map(int, np.argwhere(~finite)[0]))
            entry = place[len(place) - names.rank(name) :]  # members have one each
            said = {"name": names.name(name, entry), "given": number(numbers.found[name][place])}
            raise DataError(refusal("endless_parameter", **said))


def row_of(row: object, count: int) -> int:
    """Return the sample that is asked for, from 1; refuse one that there is not."""
    if isinstance(row, bool) or not isinstance(row, Integral) or not 1 <= int(row) <= count:
        raise DataError(refusal("no_row", row=shown_value(row), where="X", count=count))
    return int(row)
