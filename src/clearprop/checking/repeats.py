"""Whether a function gives the same gradient when it is called again with the same arguments.

One that adds to what an earlier call left gives k times its gradient at the k-th call; one that
draws random numbers gives another each time. Neither is a gradient, right as one call may look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from clearprop.backprop import gradient_name
from clearprop.checking.answer import Answer
from clearprop.checking.diagnosis import Diagnosis
from clearprop.checking.mistake import Place
from clearprop.checking.mistakes import CATALOGUE, ROUNDING
from clearprop.checking.replay import Base
from clearprop.checking.rounding import RTOL, sensitivity
from clearprop.expressions import Array

GROWS = "grows from call to call: it is not set to zero before"
CHANGES = "not the same from call to call: random numbers or state"

UNSTEADY = f"the gradient is {CHANGES}; make it the same first, then a mistake is looked for"

_ACCUMULATED = replace(
    CATALOGUE["accumulated-twice"],
    title="the gradient grows from call to call, as it is not set to zero before",
)


@dataclass(frozen=True)
class Repeats:
    """What a second call showed: the parameters that differ, and whether all of them grow.

    ``right``: what is added each time is the right gradient, so growing is all that is wrong.
    """

    differing: tuple[str, ...] = ()
    grows: bool = False
    right: bool = False
    note: str = ""

    @property
    def problem(self) -> str:
        """What is said of each parameter that differs."""
        return GROWS if self.grows else CHANGES

    def named(self, found: tuple[Diagnosis, ...]) -> tuple[Diagnosis, ...]:
        """Return the diagnosis of one call with the growth beside it, if it grows."""
        if not self.grows:
            return ()
        place = Place("")
        if self.right or not found or found[0].mistake == ROUNDING:
            return (Diagnosis(_ACCUMULATED, place),)
        return tuple(replace(one, also=(*one.also, (_ACCUMULATED, place))) for one in found)


def compare_calls(
    base: Base,
    answer: Answer,
    right: Mapping[str, Array],
    dtype: np.dtype[np.floating],
    nondet_tol: float,
) -> Repeats:
    """Hold the second call against the first.

    Parameters
    ----------
    base : Base
    answer : Answer
        As it was read, no array turned.
    right : mapping of str to array
    dtype : float type of the answer
    nondet_tol : float
        How far the two may differ beside what rounding can do.
    """
    if answer.again is None:
        return Repeats()
    first, second = answer.arrays, answer.again
    names = tuple(
        name
        for name in (*first, *(name for name in second if name not in first))
        if name not in first or name not in second or not _same(first[name], second[name])
    )
    if not names:
        return Repeats()
    moves, eps = sensitivity(base), float(np.finfo(dtype).eps)
    beyond = tuple(
        name
        for name in names
        if not _near(first.get(name), second.get(name),
                     nondet_tol + moves.rounding(gradient_name(name), eps))
    )  # fmt: skip
    if not beyond:
        return Repeats(note=f"a second call gave {', '.join(names)} a little differently")
    added = {n: _added(first.get(n), second.get(n)) for n in beyond}
    share = RTOL[dtype]
    by_right = all(_alike(added[n], right[n], share) for n in beyond)
    by_first = all(_alike(added[n], first.get(n), share) for n in beyond)
    return Repeats(beyond, by_right or by_first, by_right)


def _same(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f" and b.dtype.kind == "f")


def _near(a: Array | None, b: Array | None, tolerance: float) -> bool:
    """Whether two arrays are alike to a tolerance, NaN at the same places."""
    if a is None or b is None or a.shape != b.shape:
        return False
    a, b = np.asarray(a, float), np.asarray(b, float)
    with np.errstate(all="ignore"):
        return bool(((a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance)).all())


def _added(a: Array | None, b: Array | None) -> Array | None:
    """What the second call has added to the first."""
    if a is None or b is None or a.shape != b.shape:
        return None
    with np.errstate(all="ignore"):
        return np.subtract(b, a, dtype=np.float64)


def _alike(added: Array | None, one: Array | None, share: float) -> bool:
    if added is None or one is None or added.shape != one.shape:
        return False
    size = float(np.abs(added).max(initial=0.0))
    if not np.isfinite(size) or not size:
        return False
    with np.errstate(all="ignore"):
        return bool(np.abs(added - one).max(initial=0.0) <= share * size)
