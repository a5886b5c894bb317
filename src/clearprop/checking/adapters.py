"""Gradients in other frameworks' objects: PyTorch, Keras, JAX, scikit-learn.

None of them is imported: an object is known by what it has. Each says which orientation it is
taken to have (ours is target × source); where the shapes leave it open, both are tried by the
check before it calls anything wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clearprop.checking.calling import AnswerError
from clearprop.errors import DataError
from clearprop.graph import Graph


def read(graph: Graph, given: Any, notes: list[str]) -> dict[str, Any] | None:
    """Return another framework's gradients by our names, or None if it is no such object."""
    if isinstance(given, type):
        raise AnswerError(f"the gradient is the class {given.__name__}; give an object or arrays")
    if hasattr(given, "named_parameters"):
        return _torch(graph, given, notes)
    if hasattr(given, "coefs_") and hasattr(given, "intercepts_"):
        if hasattr(given, "predict"):
            raise AnswerError(
                f"the coefs_ of a {type(given).__name__} are its weights; give the gradient's as "
                "{'coefs_': [...], 'intercepts_': [...]}"
            )
        return _sklearn(graph, given.coefs_, given.intercepts_, notes)
    if isinstance(given, Mapping) and {"coefs_", "intercepts_"} <= set(given):
        return _sklearn(graph, given["coefs_"], given["intercepts_"], notes)
    leaves = _leaves(given)
    if isinstance(given, list | tuple) and leaves and not _nested(given) and _turned(graph, leaves):
        return _by_layer(graph, leaves, notes, "a list as Keras has it", transposed=True)
    if leaves is not None and _nested(given) and not _named(graph, given):
        return _by_layer(graph, leaves, notes, "a tree of arrays", transposed=True)
    if _in_other_words(graph, given):
        what = f"{', '.join(map(str, given))} in this order"
        return _by_layer(graph, list(given.values()), notes, what, transposed=False)
    return None


def plain(value: Any) -> np.ndarray[Any, Any]:
    """Return a NumPy array of an array of any framework: of a tensor that tracks gradients too.

    Raises
    ------
    AnswerError
        If it is of bfloat16, whose two digits tell no right gradient from a wrong one.
    """
    if "bfloat16" in str(getattr(value, "dtype", "")):
        raise AnswerError(
            "an array is of bfloat16, which has two digits, too few to tell right from wrong; "
            "compute in float32 or float64"
        )
    if hasattr(value, "detach"):  # PyTorch
        value = value.detach().cpu()
        value = value.to_dense() if getattr(value, "is_sparse", False) else value
        return np.asarray(value.numpy())
    return np.asarray(value)


def _torch(graph: Graph, module: Any, notes: list[str]) -> dict[str, Any]:
    """A PyTorch module after backward(): the .grad of its parameters, (out, in) as ours."""
    held = [parameter for _, parameter in module.named_parameters()]
    if all(parameter.grad is None for parameter in held):
        raise AnswerError("no parameter of the module has a .grad; call loss.backward() before")
    arrays = [
        np.zeros(tuple(parameter.shape)) if parameter.grad is None else plain(parameter.grad)
        for parameter in held
    ]
    return _by_layer(graph, arrays, notes, "a PyTorch module", transposed=False)


def _sklearn(graph: Graph, coefs: Any, intercepts: Any, notes: list[str]) -> dict[str, Any]:
    """scikit-learn's MLP: coefs_ are (in, out)."""
    if not all(isinstance(one, list | tuple) for one in (coefs, intercepts)):
        raise DataError("coefs_ and intercepts_ are lists of arrays, one each a layer")
    if len(coefs) != len(intercepts):
        raise DataError(
            f"got {len(coefs)} coefs_ and {len(intercepts)} intercepts_; give one each a layer"
        )
    arrays = [array for pair in zip(coefs, intercepts, strict=True) for array in pair]
    return _by_layer(graph, arrays, notes, "scikit-learn's coefs_ and intercepts_", transposed=True)


def _by_layer(
    graph: Graph, arrays: Sequence[Any], notes: list[str], what: str, *, transposed: bool
) -> dict[str, Any]:
    """Match arrays with parameters in order, matrices with matrices and vectors with vectors."""
    arrays = [plain(array) for array in arrays]
    matrices = sum(len(p.spec.type.shape) == 2 for p in graph.parameters.values())
    if sum(a.ndim == 2 for a in arrays) > matrices:  # biases are columns, or rows
        arrays = [a.ravel() if a.ndim == 2 and 1 in a.shape else a for a in arrays]
    left = {1: [a for a in arrays if a.ndim < 2], 2: [a for a in arrays if a.ndim == 2]}
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
    rest = len(left[1]) + len(left[2])
    if rest:
        notes.append(f"{what}: {rest} of its {len(arrays)} arrays belong to no parameter")
    ours = "target × source" if not turned else "source × target, and turned"
    notes.append(f"{what}: matrices were taken to be {ours}")
    return found


def _turned(graph: Graph, arrays: Sequence[Any]) -> bool:
    """Whether a list in the network's order has matrices that fit only when transposed."""
    pairs = list(zip(graph.parameters.values(), arrays, strict=False))
    return len(arrays) == len(graph.parameters) and any(
        _shape(a) != p.shape and _shape(a) == p.shape[::-1] and len(p.shape) == 2 for p, a in pairs
    )


def _shape(array: Any) -> tuple[int, ...]:
    shape = getattr(array, "shape", None)
    return np.shape(array) if shape is None else tuple(shape)


def _in_other_words(graph: Graph, given: Any) -> bool:
    """Whether it is a dict of as many arrays, of the ranks in their order, by foreign names."""
    if (
        not isinstance(given, Mapping)
        or _named(graph, given)
        or len(given) != len(graph.parameters)
    ):
        return False
    wanted = [len(parameter.shape) for parameter in graph.parameters.values()]
    return [len(_shape(array)) for array in given.values()] == wanted


def _nested(given: Any) -> bool:
    """Whether it is a tree: containers in a container, as JAX's parameters are."""
    items = given.values() if isinstance(given, Mapping) else given
    return any(isinstance(item, Mapping | list | tuple) and not _numbers(item) for item in items)


def _numbers(value: Any) -> bool:
    """Whether it is an array written as lists of numbers."""
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(one, float | int) for one in value) or (
        all(_numbers(one) for one in value) and len({len(one) for one in value}) == 1
    )


def _named(graph: Graph, given: Any) -> bool:
    return isinstance(given, Mapping) and any(our_name(graph, key) for key in given)


def our_name(graph: Graph, key: Any) -> str:
    """Return the parameter that ``W1``, ``dW1``, ``dJ/dW1`` or ``grad_W1`` means; "" if none."""
    name = str(key)
    for prefix in ("dJ/d", "dJd", "d", "grad_", ""):
        if name.startswith(prefix) and name.removeprefix(prefix) in graph.parameters:
            return name.removeprefix(prefix)
    return ""


def _leaves(given: Any) -> list[Any] | None:
    if isinstance(given, Mapping):
        # kernel before bias, as layers hold them; their order among themselves is the tree's
        items = sorted(given.items(), key=lambda item: _numbered(item[0]))
        values = [value for _, value in items]
    elif isinstance(given, list | tuple) and not _numbers(given):
        values = list(given)
    else:
        return None
    found: list[Any] = []
    for value in values:
        inner = _leaves(value)
        found += [value] if inner is None else inner
    return found


def _numbered(key: Any) -> list[tuple[bool, int, str]]:
    """As people count: ``Dense_10`` comes behind ``Dense_2``."""
    parts = re.findall(r"\d+|\D+", str(key))
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
