"""Any scalar function and its hand-written gradient: `check_function`.

What would make a comparison meaningless is looked for first: NaN, randomness, changed inputs, too
few digits. Then slopes are measured (`slopes`), entry by entry or along one direction
(`directions`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.checking.calling import random_state_kept
from clearprop.checking.differences import UNIT
from clearprop.checking.directions import along_directions
from clearprop.checking.points import Arrays, Point
from clearprop.checking.repeats import CHANGES, GROWS
from clearprop.checking.rounding import ROUNDINGS
from clearprop.checking.slopes import Measure, Row
from clearprop.errors import DataError
from clearprop.settings import Attr, check_all
from clearprop.words import number

#: Entries checked of large inputs; every array keeps at least four.
SAMPLE = 200

#: So many wrong entries and kinks are named.
WORST, NAMED = 5, 8

LIMITS = (
    Attr("eps", float, None, bounds="(0, inf)", help="the step"),
    Attr("atol", float, 1e-7, bounds="[0, inf)", help="largest difference"),
    Attr("rtol", float, 1e-5, bounds="[0, 1)", help="largest difference as a share"),
    Attr("nondet_tol", float, 0.0, bounds="[0, inf)", help="between two evaluations"),
    Attr("sample", int, None, bounds="[1, inf)", help="entries that are checked"),
    Attr("seed", int, 0, bounds="[0, inf)", help="of the sample and the direction"),
)


@dataclass(frozen=True)
class FunctionCheck:
    """Whether a gradient is that of a function.

    Parameters
    ----------
    passed : bool
    error : float
        Largest difference, relative to its array's largest entry.
    worst : tuple of (name of the entry, given, numerical)
    kinks : tuple of str
        Entries at which the function has a kink: any slope between its two sides passes.
    checked : int
        How many numbers were compared.
    factor : float or None
        The constant factor that the gradient is off by, if it is one.
    method : str
        "complex step", "central differences", or these "along a random direction"; "" if the
        gradient has NaN or infinity, or changes from call to call, and was compared with nothing.
    notes : tuple of str
    """

    passed: bool
    error: float
    worst: tuple[tuple[str, float, float], ...]
    kinks: tuple[str, ...]
    checked: int
    factor: float | None
    method: str
    notes: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        head = "The gradient is right" if self.passed else "The gradient is wrong"
        if self.method:
            some = "1 number" if self.checked == 1 else f"{self.checked} numbers"
            head += f" ({some}, {self.method}, error {number(self.error)})"
        lines = [f"{head}."]
        if self.factor is not None:
            lines.append(f"It is {number(self.factor, 6)} times that of the function.")
        lines += [
            f"  {name}: given {number(given)}, numerical {number(right)}"
            for name, given, right in self.worst
        ]
        if self.kinks:
            left = len(self.kinks) - NAMED
            more = f" and {left} more" if left > 0 else ""
            lines.append(f"note: a kink at {', '.join(self.kinks[:NAMED])}{more}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


@random_state_kept()
def check_function(
    f: Callable[..., Any],
    gradient: Any,
    x: Any,
    *,
    eps: float | None = None,
    atol: float = 1e-7,
    rtol: float = 1e-5,
    fast_mode: bool = False,
    nondet_tol: float = 0.0,
    raise_exception: bool = False,
    sample: int | None = SAMPLE,
    seed: int = 0,
) -> FunctionCheck:
    """Check a hand-written gradient of any scalar function by differences.

    The slope of entry i is (f(x + h eᵢ) − f(x − h eᵢ)) / 2h, its step h chosen by what smaller and
    larger ones show; or, where f takes complex numbers, Im f(x + i h eᵢ) / h, which loses no digit.

    Parameters
    ----------
    f : callable (x) -> float
        A scalar function of what ``x`` is: an array, a mapping of arrays by name, or of several
        arguments, ``f(*x)``.
    gradient : callable (x) -> arrays, or arrays
        The gradient in question, shaped as ``x``; a function may return (value, gradient).
    x : float64 array, mapping of str to float64 array, or tuple of float64 arrays
        Where to check.
    eps : float, optional
        The step of central differences, taken as it is (smaller ones only tell kinks); by default
        ∛ε · max(1, \\|xᵢ\\|) for each entry, or what fits f better, or the complex step.
    atol, rtol : float
        Largest difference: atol + rtol · the largest entry of the array, and with differences
        what f's last digits can do to one. rtol is below 1.
    fast_mode : bool
        All entries of an array at once, along one random direction: a few evaluations, for very
        large inputs. Where that differs or shows a kink, halves of the entries are looked at, until
        it is found in which.
    nondet_tol : float
        How far two evaluations at one point may differ, of the gradient beside rounding.
    raise_exception : bool
        Raise AssertionError with the report if the gradient is wrong.
    sample : int or None
        Of more entries than this, about so many are checked, at least four of every array (all of
        a smaller one); None checks all. Of no meaning in fast mode.
    seed : int
        Of the sample of entries and of the direction.

    Returns
    -------
    FunctionCheck

    Raises
    ------
    DataError
        If x is float32 (differences would have three digits), or f is random at x, or NaN there
        or a step beside it, or jumps there, or has too few digits to tell.
    AnswerError
        If f or the gradient raises.
    SettingError
        For a tolerance, step, sample or seed that cannot be.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> check_function(lambda x: (x ** 2).sum(), lambda x: 2 * x, x).passed
    True
    >>> check_function(lambda x: (x ** 2).sum() / 2, lambda x: 2 * x, x).factor
    2.0
    """
    limits = {"eps": eps, "atol": atol, "rtol": rtol, "nondet_tol": nondet_tol, "sample": sample,
              "seed": seed}  # fmt: skip
    check_all(LIMITS, limits, "check_function")
    if not callable(f):
        raise DataError("f must be a function of x that returns one number")
    point = Point.of(x)
    value = _value(f, point, nondet_tol)
    given = point.gradient(gradient)
    found = _changing(gradient, point, given, nondet_tol)
    if found is None:
        found = _not_finite(point, given)
    if found is None:
        rng = np.random.default_rng(seed)
        measure = Measure(f, point, given, value, eps, atol, rtol)
        if fast_mode:
            rows = along_directions(measure, rng)
        else:
            rows = [measure.entry(*place) for place in _entries(point.arrays, rng, sample)]
        found = _judged(measure, rows, fast_mode)
    if raise_exception and not found.passed:
        raise AssertionError(str(found))
    return found


def _value(f: Callable[..., Any], point: Point, nondet_tol: float) -> float:
    """f(x), which must be a finite number, twice the same."""
    value = point.real(f, point.arrays, watch=True)
    if not np.isfinite(value):
        raise DataError(f"f(x) is {number(value)}; look there before its gradient")
    again = point.real(f, point.arrays)
    if not abs(again - value) <= nondet_tol:
        raise DataError(
            f"two evaluations of f at one point gave {value!r} and {again!r}: something in it is "
            "random (dropout? fix its mask) or is kept between calls"
        )
    return value


def _changing(
    gradient: Any, point: Point, given: Arrays, nondet_tol: float
) -> FunctionCheck | None:
    """A gradient that a second call gives otherwise is none, whatever the first one is."""
    if not callable(gradient):
        return None
    second = point.gradient(gradient)
    if all(np.array_equal(given[key], second[key], equal_nan=True) for key in given):
        return None
    pairs = [(given[key], second[key]) for key in given]
    with np.errstate(all="ignore"):
        off = max(np.abs(b - a).max(initial=0.0) for a, b in pairs)
        size = max(np.abs(a).max(initial=0.0) for a, _ in pairs)
        grown = max(np.abs(b - 2.0 * a).max(initial=0.0) for a, b in pairs)
    if off <= nondet_tol + ROUNDINGS * UNIT * size:
        point.notes.append("a second call gave the gradient a little differently")
        return None
    text = f"a second call gave another gradient: {GROWS if grown <= 1e-6 * size else CHANGES}"
    return FunctionCheck(False, np.inf, (), (), 0, None, "", (text, *point.notes))


def _not_finite(point: Point, given: Arrays) -> FunctionCheck | None:
    for key, array in given.items():
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            text = f"{point.entry(key, bad[0])} of the gradient is {number(array[tuple(bad[0])])}"
            return FunctionCheck(False, np.inf, (), (), 0, None, "", (text, *point.notes))
    return None


def _entries(
    arrays: Arrays, rng: np.random.Generator, sample: int | None
) -> list[tuple[Hashable, int]]:
    """All entries, or a sample with its share of every array and at least four (biases too)."""
    total = sum(array.size for array in arrays.values())
    found: list[tuple[Hashable, int]] = []
    for key, array in arrays.items():
        share = array.size
        if sample is not None and total > sample:
            share = min(array.size, max(4, sample * array.size // total))
        chosen = rng.choice(array.size, share, replace=False) if share < array.size else None
        places = range(array.size) if chosen is None else sorted(int(i) for i in chosen)
        found += [(key, place) for place in places]
    return found


def _judged(measure: Measure, rows: list[Row], fast_mode: bool) -> FunctionCheck:
    measure.rescale(rows)
    wrong = [row for row in rows if measure.wrong(row)]
    if not wrong:
        _check_digits(measure, rows)
        _note_leniency(measure, rows)
    wrong.sort(key=lambda row: -row.difference)
    told = [row for row in wrong if row.entries == 1] or wrong or rows
    error = max(row.difference / measure.scale_of(row) for row in told)
    method = "complex step" if measure.complex_step else "central differences"
    notes = list(dict.fromkeys([*measure.point.notes, *measure.notes]))
    return FunctionCheck(
        passed=not wrong,
        error=error,
        worst=tuple((row.name, row.given, row.right) for row in told[:WORST] if wrong),
        kinks=tuple(row.name for row in rows if row.slope.kink),
        checked=len(rows),
        factor=_factor(rows) if wrong else None,
        method=f"{method} along a random direction" if fast_mode else method,
        notes=tuple(notes),
    )


def _check_digits(measure: Measure, rows: list[Row]) -> None:
    """Refuse to say "right" where a gradient of zero would pass too, for want of digits."""
    for row in rows:
        if measure.blind(row):
            raise DataError(
                f"f is {number(measure.value)}, and its differences tell the slope at {row.name} "
                f"to {number(row.slope.noise, 1)} only, so any gradient of that size would pass; "
                "leave a constant out of f, compute it in float64, or take a larger eps"
            )


def _note_leniency(measure: Measure, rows: list[Row]) -> None:
    """Say which number only atol lets pass: slopes as small as atol may be anything."""
    least = ROUNDINGS * UNIT * abs(measure.value)
    for row in rows:
        share = measure.allowed(row) - measure.atol
        if row.difference > max(share, least) + row.slope.noise and not row.slope.kink:
            measure.notes.append(
                f"{row.name} passes for being within atol ({number(measure.atol)}): given "
                f"{number(row.given)}, numerical {number(row.right)}; slopes so small need a "
                "smaller atol"
            )
            return


def _factor(rows: list[Row]) -> float | None:
    mine = np.array([row.given for row in rows])
    truth = np.array([row.right for row in rows])
    size = np.abs(truth).max(initial=0.0)
    if len(rows) < 2 or not size:
        return None
    mine, truth = mine / size, truth / size  # so that no square overflows
    factor = float((mine * truth).sum() / (truth * truth).sum())
    near = np.abs(mine - factor * truth).max() <= 1e-5 * np.abs(mine).max()
    if not near or abs(factor) <= UNIT:
        return None
    whole = round(factor)
    return float(whole) if whole and abs(factor - whole) < 1e-6 * abs(whole) else factor
