"""Gradients in other frameworks' objects: PyTorch, Keras, JAX, scikit-learn.

None of them is imported: an object is known by what it has. Each says which orientation it is
taken to have (ours is target × source); where the shapes leave it open, both are tried by the
check before it calls anything wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clearprop.errors import DataError
from clearprop.graph import Graph


def read(graph: Graph, given: Any, notes: list[str]) -> dict[str, Any] | None:
    """Return another framework's gradients by our names, or None if it is no such object."""
    if hasattr(given, "named_parameters"):
        return _torch(graph, given, notes)
    if hasattr(given, "coefs_") and hasattr(given, "intercepts_"):
        return _sklearn(graph, given.coefs_, given.intercepts_, notes)
    if isinstance(given, Mapping) and {"coefs_", "intercepts_"} <= set(given):
        return _sklearn(graph, given["coefs_"], given["intercepts_"], notes)
    leaves = _leaves(given)
    if isinstance(given, list | tuple) and leaves and not _nested(given) and _turned(graph, leaves):
        return _by_layer(graph, leaves, notes, "a list as Keras has it", transposed=True)
    if leaves is not None and _nested(given) and not _named(graph, given):
        return _by_layer(graph, leaves, notes, "a tree of arrays", transposed=True)
    return None


def _torch(graph: Graph, module: Any, notes: list[str]) -> dict[str, Any]:
    """A PyTorch module after backward(): the .grad of its parameters, (out, in) as ours."""
    arrays = []
    for _, parameter in module.named_parameters():
        grad = parameter.grad
        if grad is None:
            arrays.append(np.zeros(tuple(parameter.shape)))
        else:
            arrays.append(np.asarray(grad.detach().cpu().numpy()))
    return _by_layer(graph, arrays, notes, "a PyTorch module", transposed=False)


def _sklearn(graph: Graph, coefs: Any, intercepts: Any, notes: list[str]) -> dict[str, Any]:
    """scikit-learn's MLP: coefs_ are (in, out)."""
    if not all(isinstance(one, list | tuple) for one in (coefs, intercepts)):
        raise DataError("coefs_ and intercepts_ are lists of arrays, one each a layer")
    if len(coefs) != len(intercepts):
        raise DataError(
            f"got {len(coefs)} coefs_ and {len(intercepts)} intercepts_; give one each a layer"
        )
    arrays = []
    for W, b in zip(coefs, intercepts, strict=True):
        arrays += [np.asarray(W), np.asarray(b)]
    return _by_layer(graph, arrays, notes, "scikit-learn's coefs_ and intercepts_", transposed=True)


def _by_layer(
    graph: Graph, arrays: Sequence[Any], notes: list[str], what: str, *, transposed: bool
) -> dict[str, Any]:
    """Match arrays with parameters in order, matrices with matrices and vectors with vectors."""
    left = {1: [a for a in arrays if np.ndim(a) < 2], 2: [a for a in arrays if np.ndim(a) == 2]}
    found: dict[str, Any] = {}
    turned = False
    for name, parameter in graph.parameters.items():
        rank = 2 if len(parameter.spec.type.shape) == 2 else 1
        if not left[rank]:
            continue
        array = left[rank].pop(0)
        if rank == 2:
            fits, other = array.shape == parameter.shape, array.shape == parameter.shape[::-1]
            if (transposed and other) or (not fits and other):
                array, turned = array.T, True
        found[name] = array
    ours = "target × source" if not turned else "source × target, and turned"
    notes.append(f"{what}: matrices were taken to be {ours}")
    return found


def _turned(graph: Graph, arrays: Sequence[Any]) -> bool:
    """Whether a list in the network's order has matrices that fit only when transposed."""
    pairs = list(zip(graph.parameters.values(), arrays, strict=False))
    return len(arrays) == len(graph.parameters) and any(
        np.shape(a) != p.shape and np.shape(a) == p.shape[::-1] and len(p.shape) == 2
        for p, a in pairs
    )


def _nested(given: Any) -> bool:
    """Whether it is a tree: containers in a container, as JAX's parameters are."""
    items = given.values() if isinstance(given, Mapping) else given
    return any(isinstance(item, Mapping | list | tuple) for item in items)


def _named(graph: Graph, given: Any) -> bool:
    return isinstance(given, Mapping) and any(str(key) in graph.parameters for key in given)


def _leaves(given: Any) -> list[Any] | None:
    if isinstance(given, Mapping):
        # kernel before bias, as layers hold them; their order among themselves is the tree's
        items = sorted(given.items(), key=lambda item: str(item[0])) if given else []
        values = [value for _, value in items]
    elif isinstance(given, list | tuple):
        values = list(given)
    else:
        return None
    found: list[Any] = []
    for value in values:
        inner = _leaves(value)
        found += [value] if inner is None else inner
    return found
