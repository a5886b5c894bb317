"""Several networks in a loop, as their members would be trained by hand, right and wrong.

Knows nothing of how ClearProp writes or finds mistakes: this file may import neither the catalogue
nor the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from wrong_editor import Wrong


def loop_over_members(
    layers: int, l2: float, *, prime: bool = True, mean: bool = True, alone: bool = False
) -> str:
    """A chain of tanh layers for each member, then an output without a function.

    ``prime``: with f′. ``mean``: the cost is the members' mean, not their sum. ``alone``: each
    member has the whole penalty.
    """
    share = " / members" if mean else ""
    penalty = f" + {l2} * W{{0}}" + ("" if alone else " / members")
    slope = " * (1 - a{0} ** 2)" if prime else ""
    body = []
    for i in range(1, layers + 1):
        body += [f"W{i}, b{i} = parameters['W{i}'][k], parameters['b{i}'][k]"]
        last = f"a{i} @ W{i}.T + b{i}"
        body += [f"a{i + 1} = {last if i == layers else f'np.tanh({last})'}"]
    body += [f"delta{layers + 1} = (a{layers + 1} - Y) / m{share}"]
    for i in range(layers, 1, -1):
        body += [f"delta{i} = delta{i + 1} @ W{i}{slope.format(i)}"]
    for i in range(1, layers + 1):
        body += [f"found['W{i}'][k] = delta{i + 1}.T @ a{i}{penalty.format(i)}"]
        body += [f"found['b{i}'][k] = delta{i + 1}.sum(axis=0)"]
    lines = [
        "import numpy as np",
        "def gradient(parameters, X, Y):",
        "    found = {name: np.zeros_like(array) for name, array in parameters.items()}",
        "    members, m, a1 = len(parameters['W1']), len(X), X",
        "    for k in range(members):",
        *(f"        {line}" for line in body),
        "    return found",
    ]
    return "\n".join(lines) + "\n"


def wrong_loops(layers: int, l2: float) -> Iterator[Wrong]:
    """The members' costs added, with their penalties' mean and without."""
    at = (f"Delta{layers + 1}", f"delta{layers + 1}")  # the last layer has no f′ between them
    yield Wrong("members-added", at, partial(loop_over_members, layers, l2, mean=False))
    weights = tuple(f"dW{i}" for i in range(1, layers + 1))
    write = partial(loop_over_members, layers, l2, mean=False, alone=True)
    yield Wrong("members-added", weights, write)
