"""Right or wrong: a gradient beside the right one, tensor by tensor, and by how much.

Which mistake a wrong one comes of is another question: ``gradient`` asks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop.backprop import gradient_name
from clearprop.checking.answer import Answer
from clearprop.checking.kinks import Kinks
from clearprop.checking.lines import Lines
from clearprop.checking.places import order_back
from clearprop.checking.replay import Base
from clearprop.checking.report import Entry, ParameterCheck
from clearprop.checking.rounding import Sensitivity, sensitivity, shares, tolerances
from clearprop.errors import DataError
from clearprop.expressions import Array
from clearprop.graph import Graph

#: Entries of a tensor that are shown: those that are farthest off.
WORST = 3


@dataclass(frozen=True)
class Judged:
    """Each tensor's check, beside the right gradient: at kinks the subgradient that was meant."""

    checks: Mapping[str, ParameterCheck]
    right: Mapping[str, Array]
    kinks: str

    @property
    def wrong(self) -> list[str]:
        """The parameters whose gradient does not pass, from the output back."""
        return [name for name, check in self.checks.items() if not check.passed]


def right_gradient(base: Base) -> dict[str, Array]:
    """Return the right gradient of each parameter, if all of it is finite.

    Raises
    ------
    DataError
        If it is not: then nothing can be held against it.
    """
    names = base.plan.graph.parameters
    right = {name: base.values[gradient_name(name)] for name in names}
    for name, array in right.items():
        if not np.isfinite(array).all():
            raise DataError(
                f"the right gradient of {name} is NaN or infinite at this point, so nothing can be "
                "held against it; take smaller parameters or data"
            )
    return right


def judge(
    base: Base,
    answer: Answer,
    right: dict[str, Array],
    lines: Lines,
    dtype: np.dtype[np.floating],
    rtol: float | None,
    atol: float,
) -> Judged:
    """Hold each tensor of an answer against the right one.

    Parameters
    ----------
    base : Base
    answer : Answer
        Its biases may be turned: see `turn_biases`. Noted is what is read another way here.
    right : dict of str to array
        As `right_gradient` gives it.
    lines : Lines
        How layers and entries are called.
    dtype : float type of the answer
    rtol, atol : float
    """
    allowed, kinks = shares(base, dtype, rtol, atol), ""
    if not _close(answer, right, allowed):  # then measure what rounding and kinks can do
        moves = sensitivity(base)
        allowed = tolerances(base, moves, dtype, rtol, atol)
        right, kinks = _nearest_right(base, moves, answer, right, allowed, dtype)
    graph = base.plan.graph

    def compared(one: Answer) -> dict[str, ParameterCheck]:
        return {
            name: _compare(graph, lines, name, one, right[name], allowed[name])
            for name in order_back(base.plan)
        }

    checks = compared(answer)
    if answer.foreign and not all(check.passed for check in checks.values()):
        turned = {n: _squares_turned(a) for n, a in answer.arrays.items()}
        again = compared(replace(answer, arrays=turned))
        if all(check.passed for check in again.values()):
            checks = again
            answer.notes.append("square matrices were source × target too, and turned")
    return Judged(checks, right, kinks)


def turn_biases(answer: Answer, right: Mapping[str, Array], m: int) -> None:
    """A bias's gradient that was not summed may have one column a sample; ours are rows."""
    for name, array in answer.arrays.items():
        truth = right[name]
        if truth.ndim != 1 or array.shape != (truth.size, m):
            continue
        rows, columns = (np.abs(array.sum(axis=axis) - truth).sum() if array.shape[1 - axis]
                         == truth.size else np.inf for axis in (0, 1))  # fmt: skip
        if columns < rows:
            answer.arrays[name] = array.T
            answer.notes.append(f"{name}: one column a sample was read as one row a sample")


def _nearest_right(
    base: Base,
    moves: Sensitivity,
    answer: Answer,
    right: dict[str, Array],
    allowed: Mapping[str, float],
    dtype: np.dtype[np.floating],
) -> tuple[dict[str, Array], str]:
    """At kinks, return the subgradient that the answer is, if it is one."""
    if not _whole(answer, right) or _close(answer, right, allowed):
        return right, ""
    kinks = Kinks(base, moves, float(np.finfo(dtype).eps))
    if not kinks.count:
        return right, ""
    scales = {n: float(np.abs(a).max(initial=0)) or 1.0 for n, a in right.items()}
    for candidate in kinks.nearest(answer.arrays, scales):
        if _close(answer, candidate, allowed):
            return candidate, (
                f"at a kink any subgradient is right, and this gradient takes another one than "
                f"ours: {kinks}"
            )
    return right, ""


def _whole(answer: Answer, right: Mapping[str, Array]) -> bool:
    return all(
        name in answer.arrays
        and answer.arrays[name].shape == array.shape
        and bool(np.isfinite(answer.arrays[name]).all())
        for name, array in right.items()
    )


def _close(answer: Answer, right: Mapping[str, Array], allowed: Mapping[str, float]) -> bool:
    return _whole(answer, right) and all(
        np.abs(answer.arrays[n] - right[n]).max(initial=0) <= allowed[n] for n in right
    )


def _compare(
    graph: Graph, lines: Lines, name: str, answer: Answer, right: Array, allowed: float
) -> ParameterCheck:
    shape, said = graph.parameters[name].shape, lines.parameter(name)
    if name in answer.missing:
        text = f"missing; expected {shape}"
        return ParameterCheck(name, False, np.inf, np.inf, 0.0, (), text, said)
    given = answer.arrays[name]
    scale = float(np.abs(right).max(initial=0))
    if given.shape != shape:
        text = f"shape {given.shape}, expected {shape}"
        return ParameterCheck(name, False, np.inf, np.inf, scale, (), text, said)
    bad = np.argwhere(~np.isfinite(given))
    if len(bad):
        at = tuple(int(i) for i in bad[0])
        entry = Entry(at, float(given[at]), float(right[at]), lines.entry(name, at))
        text = f"{len(bad)} of {given.size} entries are NaN or infinite"
        return ParameterCheck(name, False, np.inf, np.inf, scale, (entry,), text, said)
    difference = np.abs(given - right)
    largest = float(difference.max(initial=0))
    size = max(scale, float(np.abs(given).max(initial=0)))
    order = np.argsort(-difference, axis=None, kind="stable")[:WORST]
    entries = []
    for spot in order:
        at = tuple(int(i) for i in np.unravel_index(spot, shape))
        if difference[at] > allowed:
            called = lines.entry(name, at)
            entries.append(Entry(at, float(given[at]), float(right[at]), called))
    error = largest / size if size else 0.0
    passed, worst = largest <= allowed, tuple(entries)
    return ParameterCheck(name, passed, error, largest, scale, worst, "", said)


def _squares_turned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    return array.T if square else array
