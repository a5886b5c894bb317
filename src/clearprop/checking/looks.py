"""What a gradient looks like where no known mistake gives it, and where units start alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from clearprop.checking.mistakes import CATALOGUE
from clearprop.checking.mistakes_weights import FORGOTTEN
from clearprop.checking.places import parameter_layer
from clearprop.checking.search import Search
from clearprop.checking.zeros import never_computed
from clearprop.expressions import Array
from clearprop.graph import Graph


@np.errstate(all="ignore")  # of numbers near the largest there are, products are infinite
def looks_like(search: Search, right: Mapping[str, Array]) -> str:
    """Say what a gradient that no known mistake gives looks like."""
    zeros = [] if search.only_zeros else never_computed(search)
    first = next(name for name in search.wrong if name not in zeros)
    layer = parameter_layer(search.base.plan, first)
    said = ""
    if zeros:  # what is wrong beside them is another matter
        said = f"{' and '.join(zeros)} {'is' if len(zeros) == 1 else 'are'} zero, as if never "
        said += f"computed ({FORGOTTEN}), and beside that "
    given, truth = search.given[first], right[first]
    start = f"none of the {len(CATALOGUE)} mistakes I know gives this gradient; {said}"
    start += f"the error starts at {first} (layer {layer})"
    if given.shape != truth.shape:
        return f"{start}: its shape is {given.shape}, expected {truth.shape}"
    if not given.any():
        return f"{start}, which is zero"
    off = (
        np.abs(given - truth) > search.rtol * np.abs(truth).max(initial=0) + search.rounding[first]
    )
    if off.sum() < off.size / 2:
        return f"{start}: {int(off.sum())} of its {off.size} entries are wrong"
    scale = float((given * truth).sum() / (truth * truth).sum()) if truth.any() else 0.0
    if off.size > 1 and np.abs(given - scale * truth).max() <= 1e-6 * np.abs(given).max():
        from_there = [n for n in search.order[search.order.index(first) :] if n not in zeros]
        same = all(
            search.given[n].shape == right[n].shape
            and np.abs(search.given[n] - scale * right[n]).max(initial=0)
            <= 1e-6 * np.abs(search.given[n]).max(initial=0) + search.rounding[n]
            for n in from_there
        )
        on = "everything from there down" if same else first
        return f"{start}, and {on} looks like a constant factor {scale:.4g}"
    return start


def units_alike(graph: Graph, point: Mapping[str, Array], right: Mapping[str, Array]) -> list[str]:
    """Units that start alike stay alike: the gradient is right, and training gets nowhere."""
    finals = {cost.value[1:] for cost in graph.costs}
    found = []
    for name, parameter in graph.parameters.items():
        W, g = point[name], right[name]
        layer = graph.nodes[parameter.users[0]].output[1:]
        if parameter.spec.role != "W" or W.ndim != 2 or len(W) < 2 or layer in finals:
            continue
        if not np.ptp(W, axis=0).any() and np.allclose(g, g[0], rtol=1e-12, atol=0.0):
            found.append(
                f"all units of {name} have the same weights and the same gradient, so they stay "
                "alike; start from random weights"
            )
    return found
