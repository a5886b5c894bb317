"""What somebody hands in as a gradient, read as arrays by our names.

A mapping by name (``W1``, ``dW1`` or ``dJ/dW1``), a flat vector, a sequence in the network's order,
a function that is called (on copies, twice), or another framework's object (`adapters`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clearprop.checking import adapters
from clearprop.checking.calling import AnswerError, call_user, random_state_kept, told
from clearprop.errors import ClearPropError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.words import did_you_mean


@dataclass
class Answer:
    """A gradient as it was handed in: arrays by parameter, and what was noticed on the way."""

    arrays: dict[str, np.ndarray[Any, Any]]
    notes: list[str] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    foreign: bool = False  # of another framework: its square matrices may be either way round
    again: dict[str, np.ndarray[Any, Any]] | None = None  # of a second call, if there was one


@dataclass(frozen=True)
class Calls:
    """What two calls of a function with the same arguments returned."""

    first: Any
    second: Any


def read(graph: Graph, given: Any) -> Answer:
    """Return a gradient that is not a function as arrays by parameter; or two calls' gradients.

    Raises
    ------
    AnswerError
        If it is nothing that holds one array a parameter.
    """
    if isinstance(given, Calls):
        answer = read(graph, given.first)
        answer.again = read(graph, given.second).arrays
        return answer
    try:
        return _read(graph, given)
    except ClearPropError:
        raise
    except Exception as error:  # of an object's own code
        raise AnswerError(f"the gradient cannot be read: {told(error)}") from error


def _read(graph: Graph, given: Any) -> Answer:
    if given is None:
        raise AnswerError(
            "the gradient is None; return a dict of arrays by parameter: "
            f"{', '.join(graph.parameters)} (does the function end without a return?)"
        )
    if isinstance(given, tuple):  # (cost, gradient), or with more beside it
        named = [one for one in given if isinstance(one, Mapping)]
        given = named[0] if len(named) == 1 else given
    if isinstance(given, tuple) and len(given) == 2 and getattr(given[0], "ndim", 0) == 0:
        given = given[1] if not isinstance(given[0], list | tuple) else given
    notes: list[str] = []
    found = adapters.read(graph, given, notes)
    foreign = found is not None
    if found is None and isinstance(given, Mapping):
        found = _by_name(graph, given, notes)
    elif found is None:
        found = _in_order(graph, given, notes)
    arrays = {}
    for name, value in found.items():
        arrays[name] = _array(graph, name, value, notes)
    missing = tuple(name for name in graph.parameters if name not in arrays)
    return Answer(arrays, notes, missing, foreign)


def _by_name(graph: Graph, given: Mapping[Any, Any], notes: list[str]) -> dict[str, Any]:
    found = {}
    for key, value in given.items():
        name = adapters.our_name(graph, key)
        if name:
            found[name] = value
        else:
            hint = did_you_mean(str(key), list(graph.parameters))
            notes.append(f"{str(key)!r} is no parameter; {hint}")
    if not found:
        raise AnswerError(
            f"none of the names {sorted(map(str, given))} is a parameter of the network; it has "
            f"{', '.join(graph.parameters)}"
        )
    return found


def _in_order(graph: Graph, given: Any, notes: list[str]) -> dict[str, Any]:
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        if len(given) == graph.size and all(isinstance(one, float) for one in given):
            return _in_order(graph, np.array(given), notes)
        if len(given) != len(graph.parameters):
            raise AnswerError(
                f"got {len(given)} arrays, the network has {len(graph.parameters)} parameters: "
                f"{', '.join(graph.parameters)}"
            )
        return dict(zip(graph.parameters, given, strict=True))
    try:
        flat = adapters.plain(given)
    except (ValueError, TypeError) as error:
        raise AnswerError(f"the gradient is no array: {error}") from None
    if flat.ndim == 1 and flat.shape == (graph.size,) and flat.dtype.kind in "fiu":
        return {
            name: flat[part].reshape(graph.parameters[name].shape)
            for name, part in graph.sections()
        }
    raise AnswerError(
        f"cannot read a gradient from {type(given).__name__}; give a dict of arrays by parameter "
        f"({', '.join(graph.parameters)}), or one flat vector of {graph.size} numbers"
    )


def _array(graph: Graph, name: str, value: Any, notes: list[str]) -> np.ndarray[Any, Any]:
    wanted = graph.parameters[name].shape
    if value is None:
        raise AnswerError(f"the gradient of {name} is None; expected an array of shape {wanted}")
    try:
        array = adapters.plain(value)
        if array.dtype.kind == "c":
            raise AnswerError(f"the gradient of {name} is complex; give real numbers")
        if array.dtype.kind in "mM":
            raise TypeError
        if array.dtype.kind not in "fiub":
            array = array.astype(np.float64)
    except (ValueError, TypeError):
        of = f" of {value.dtype}" if hasattr(value, "dtype") else ""
        raise AnswerError(
            f"the gradient of {name} is no array of numbers but {type(value).__name__}{of}; "
            f"expected shape {wanted}"
        ) from None
    if array.shape != wanted and array.size == int(np.prod(wanted)):
        squeezed = tuple(size for size in array.shape if size != 1)
        if squeezed == tuple(size for size in wanted if size != 1):
            notes.append(f"{name}: shape {array.shape} was read as {wanted}")
            array = array.reshape(wanted)
    return array


def call(
    graph: Graph,
    function: Callable[..., Any],
    parameters: Mapping[str, Array],
    X: Any,
    Y: Any,
    extra: Mapping[str, Any],
    *,
    twice: bool = True,
) -> Answer:
    """Call a user's function on copies and read what it returns.

    Notices inputs that it changes, and keeps what a second call gives.
    """
    with random_state_kept():
        answer, changed = _once(graph, function, parameters, X, Y, extra)
        answer.notes += changed
        if twice:
            answer.again = _once(graph, function, parameters, X, Y, extra)[0].arrays
    return answer


def _once(
    graph: Graph,
    function: Callable[..., Any],
    parameters: Mapping[str, Array],
    X: Any,
    Y: Any,
    extra: Mapping[str, Any],
) -> tuple[Answer, list[str]]:
    own = {name: np.array(array) for name, array in parameters.items()}
    x, y = _copy(X), _copy(Y)
    names = _accepted(function)
    keywords = {k: _copy(v) for k, v in extra.items() if v is not None and k in names}
    result = call_user(function, own, x, y, **keywords)
    changed = [
        name for name, array in parameters.items() if name not in own or not _same(own[name], array)
    ]
    changed += [name for name, now, was in (("X", x, X), ("Y", y, Y)) if not _same(now, was)]
    notes = []
    if changed:
        notes.append(
            f"the function changes its inputs {', '.join(changed)} (an in-place operation); "
            "what it computes afterwards may use the changed values"
        )
    answer = read(graph, result)
    # copies: what the function keeps, and adds to in its next call, must not change under us
    answer.arrays = {name: np.array(array) for name, array in answer.arrays.items()}
    return answer, notes


def _accepted(function: Callable[..., Any]) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return set()


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return np.array(value) if isinstance(value, np.ndarray | list | tuple) else value


def _same(now: Any, was: Any) -> bool:
    if isinstance(was, Mapping):
        return all(key in now and _same(now[key], item) for key, item in was.items())
    a, b = np.asarray(now), np.asarray(was)
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())
