"""What a gradient looks like where no known mistake gives it, and where units start alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from clearprop.checking.mistakes import CATALOGUE
from clearprop.checking.mistakes_weights import FORGOTTEN
from clearprop.checking.places import parameter_layer
from clearprop.checking.search import Search
from clearprop.checking.zeros import never_computed
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.words import number

#: A length is a round number to so much: PyTorch divides by the norm and 1e-6.
NEAR = 3e-5

ALONE = (
    "of the first sample alone the gradient is right, so look at what joins the samples: weights "
    "updated in the loop over them, a sum that is not set to zero, a division inside the loop"
)


def first_sample(given: Any) -> Any:
    """Return the first row of an array, or of arrays by name; nothing of nothing."""
    if isinstance(given, Mapping):
        return {key: first_sample(item) for key, item in given.items()}
    return given if given is None else np.asarray(given)[:1]


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
    if cut := _clipped(search, right):
        return f"{start}: every wrong entry is ±{number(cut)}, as if the gradient were clipped"
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
        return f"{start}, and {on} looks like a constant factor {scale:.4g}{_norm(search, first)}"
    return start


def _clipped(search: Search, right: Mapping[str, Array]) -> float:
    """The bound that all wrong entries have, each where the right one is beyond it; 0 if none."""
    if any(search.given[n].shape != right[n].shape for n in search.order):
        return 0.0
    given, truth = (np.concatenate([np.ravel(part[n]) for n in search.order])
                    for part in (search.given, right))  # fmt: skip
    cut = float(np.abs(given).max(initial=0.0))
    beyond = np.abs(truth) > cut * (1 + 1e-9)
    if beyond.sum() < 2 or not np.array_equal(given[beyond], cut * np.sign(truth[beyond])):
        return 0.0
    inside = {n: np.clip(right[n], -cut, cut) for n in search.order}
    return cut if all(search.off(n, inside[n]) <= 1 for n in search.order) else 0.0


def _norm(search: Search, first: str) -> str:
    """What a gradient has been scaled to, if its length is a number that one would choose."""
    whole = float(np.sqrt(sum(float((g**2).sum()) for g in search.given.values())))
    alone = float(np.linalg.norm(search.given[first]))
    for what, length in (("the whole gradient", whole), (first, alone)):
        if abs(length - 1.0) <= NEAR:
            return f"; √Σg² of {what} is 1, as if it were normalised"
    if whole and abs(whole - float(f"{whole:.1g}")) <= NEAR * whole:
        return f"; √Σg² of the whole gradient is {number(whole)}, as if it were clipped to a norm"
    return ""


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
