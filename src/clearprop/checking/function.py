"""Any scalar function and its hand-written gradient: `check_function`.

Central differences with a step chosen for each entry, or, where the function takes complex
numbers, the complex step, which loses no digits. What would make a comparison meaningless is
looked for first: NaN, randomness, changed inputs, kinks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.errors import ClearPropError, DataError, ShapeError
from clearprop.words import number

Arrays = dict[str, np.ndarray[Any, Any]]

#: Entries checked of large inputs; every array keeps at least four.
SAMPLE = 200


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
        "complex step", "central differences" or "one random direction".
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
        lines = [f"{head} ({self.checked} numbers, {self.method}, error {number(self.error)})."]
        if self.factor is not None:
            lines.append(f"It is {number(self.factor, 6)} times that of the function.")
        lines += [
            f"  {name}: given {number(given)}, numerical {number(right)}"
            for name, given, right in self.worst
        ]
        lines += [f"note: a kink at {', '.join(self.kinks)}"] if self.kinks else []
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


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

    Parameters
    ----------
    f : callable (x) -> float
        A scalar function of what ``x`` is: an array, or a mapping of arrays by name.
    gradient : callable (x) -> arrays, or arrays
        The gradient in question, shaped as ``x``.
    x : float64 array or mapping of str to float64 array
        Where to check.
    eps : float, optional
        The step; by default ∛ε · max(1, \\|xᵢ\\|) for each entry, refined by a second step.
    atol, rtol : float
        Largest difference: atol + rtol · the largest entry of the array, and with differences
        what the last digits of f can do to one.
    fast_mode : bool
        One random direction: two evaluations, for very large inputs.
    nondet_tol : float
        How far two evaluations at one point may differ.
    raise_exception : bool
        Raise AssertionError with the report if the gradient is wrong.
    sample : int or None
        Of more entries than this, about so many are checked, at least four of every array (all of
        a smaller one); None checks all.
    seed : int
        Of the sample of entries and of the direction.

    Returns
    -------
    FunctionCheck

    Raises
    ------
    DataError
        If x is float32 (differences would have three digits), or f is random at x, or NaN there
        or a step beside it.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> check_function(lambda x: (x ** 2).sum(), lambda x: 2 * x, x).passed
    True
    >>> check_function(lambda x: (x ** 2).sum() / 2, lambda x: 2 * x, x).factor
    2.0
    """
    point = _arrays(x, "x")
    for name, array in point.items():
        if array.dtype != np.float64:
            raise DataError(
                f"{name or 'x'} is {array.dtype}: differences in it have about three digits; "
                "give float64 (x.astype(float)) and let the function compute in float64"
            )
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            spot = tuple(bad[0])
            raise DataError(f"{_entry(name, spot)} is {number(array[spot])}; give finite numbers")
    if sample is not None and sample < 1:
        raise DataError(f"sample must be 1 or more, or None for all entries; got {sample}")
    for what, tolerance in (("atol", atol), ("rtol", rtol), ("nondet_tol", nondet_tol)):
        if not 0 <= tolerance < np.inf:
            raise DataError(f"{what} must be a number of 0 or more; got {tolerance}")
    if eps is not None and not 0 < eps < np.inf:
        raise DataError(f"eps must be above 0, or None for one by entry; got {eps}")
    notes: list[str] = []
    rng = np.random.default_rng(seed)
    value = _evaluate(f, point, x, notes)
    if not np.isfinite(value):
        raise DataError(f"f(x) is {number(value)}; look there before its gradient")
    again = _evaluate(f, point, x)
    if abs(again - value) > nondet_tol:
        raise DataError(
            f"two evaluations of f at one point gave {value!r} and {again!r}: something in it is "
            "random (dropout? fix its mask) or is kept between calls"
        )
    given = _given(gradient, point, x)
    if callable(gradient):
        second = _given(gradient, point, x)
        if any(
            n not in second or not np.array_equal(given[n], second[n], equal_nan=True)
            for n in given
        ):
            notes.append(
                "a second call gave another gradient: something in it is random, or is kept "
                "between calls"
            )
    for name, array in point.items():
        if name not in given or given[name].shape != array.shape:
            got = f"shape {given[name].shape}" if name in given else "nothing"
            raise ShapeError(f"the gradient of {name or 'x'}: expected {array.shape}, got {got}")
        bad = np.argwhere(~np.isfinite(given[name]))
        if len(bad):
            at = _entry(name, tuple(bad[0]))
            text = f"{at} of the gradient is {number(given[name][tuple(bad[0])])}"
            return _result(False, np.inf, [(at, np.nan, np.nan)], [], 0, None, "none", [text],
                           raise_exception)  # fmt: skip
    complex_step = _takes_complex(f, point, x, value)
    if fast_mode:
        return _direction(f, point, x, given, rng, atol, rtol, notes, raise_exception)
    rows: list[tuple[str, float, float, str]] = []
    kinks = []
    scales = {name: float(np.abs(given[name]).max(initial=0.0)) for name in point}
    for name, index in _entries(point, rng, sample):
        mine = float(given[name][index])
        near = atol + rtol * scales[name]
        if complex_step:
            truth, low, high = _complex_slope(f, point, x, name, index), 0.0, 0.0
        else:
            truth, low, high = _slope(f, point, x, name, index, eps, value, mine, near)
        if not complex_step and low < high:  # between the two one-sided slopes all are right
            kinks.append(_entry(name, index))
            truth = min(max(mine, low), high)
        if not np.isfinite(truth):
            raise DataError(
                f"f is NaN or infinite beside {_entry(name, index)}, where its slope would be "
                "measured; check at another point, or with a smaller eps"
            )
        rows.append((_entry(name, index), mine, truth, name))
    for _, _, truth, name in rows:
        scales[name] = max(scales[name], abs(truth))
    # what differences of f cannot resolve: its own last digits over the step
    unit = float(np.finfo(np.float64).eps)
    least = atol + (0.0 if complex_step else 100 * unit * abs(value) / (eps or np.cbrt(unit)))
    wrong = sorted((row for row in rows if abs(row[1] - row[2]) > least + rtol * scales[row[3]]),
                   key=lambda row: -abs(row[1] - row[2]))  # fmt: skip
    error = max(
        (abs(a - b) / (scales[n] if scales[n] > least else 1.0) for _, a, b, n in rows), default=0.0
    )
    method = "complex step" if complex_step else "central differences"
    worst = [(name, a, b) for name, a, b, _ in wrong[:5]]
    return _result(not wrong, error, worst, kinks, len(rows), _factor(rows) if wrong else None,
                   method, notes, raise_exception)  # fmt: skip


def _result(
    passed: bool,
    error: float,
    worst: list[tuple[str, float, float]],
    kinks: list[str],
    checked: int,
    factor: float | None,
    method: str,
    notes: list[str],
    raise_exception: bool,
) -> FunctionCheck:
    found = FunctionCheck(
        passed, error, tuple(worst), tuple(kinks), checked, factor, method, tuple(notes)
    )
    if raise_exception and not passed:
        raise AssertionError(str(found))
    return found


def _arrays(x: Any, what: str) -> Arrays:
    try:
        if isinstance(x, Mapping):
            return {str(name): np.asarray(array) for name, array in x.items()}
        return {"": np.asarray(x)}
    except (ValueError, TypeError):
        raise DataError(f"{what} is no array and no mapping of arrays") from None


def _given(gradient: Any, point: Arrays, like: Any) -> Arrays:
    """Return the gradient in question as arrays of real numbers."""
    try:
        found = gradient(_rebuild(point, like)) if callable(gradient) else gradient
    except Exception as error:
        raise ClearPropError(f"the gradient raised {type(error).__name__}: {error}") from error
    arrays = _arrays(found, "the gradient")
    for name, array in arrays.items():
        if array.dtype.kind in "biuf":
            continue
        try:
            if array.dtype.kind != "O":
                raise TypeError
            arrays[name] = array.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(
                f"the gradient of {name or 'x'} must be an array of real numbers, "
                f"got {type(found).__name__ if not array.shape else array.dtype}"
            ) from None
    return arrays


def _rebuild(point: Arrays, like: Any) -> Any:
    copies = {name: array.copy() for name, array in point.items()}
    return copies if isinstance(like, Mapping) else copies[""]


def _evaluate(
    f: Callable[..., Any], point: Arrays, like: Any, notes: list[str] | None = None
) -> float:
    given = _rebuild(point, like)
    try:
        value = np.asarray(f(given))
    except Exception as error:
        raise ClearPropError(f"f raised {type(error).__name__}: {error}") from error
    if value.size != 1:
        raise ShapeError(f"f returned shape {value.shape}; it must return one number (sum it?)")
    after = _arrays(given, "x") if notes is not None else {}
    if notes is not None and any(
        n not in after or not np.array_equal(after[n], point[n], equal_nan=True) for n in point
    ):
        text = "f changes its input (an in-place operation)"
        notes += [text] if text not in notes else []
    try:
        return float(value.reshape(()).real)
    except (TypeError, ValueError):
        raise DataError(f"f returned {value.item()!r}; it must return one number") from None


def _takes_complex(f: Callable[..., Any], point: Arrays, like: Any, value: float) -> bool:
    """Whether f is analytic as written: the complex step must agree with a difference."""
    first = next((n for n, a in point.items() if a.size), None)
    if first is None:
        return False
    rng = np.random.default_rng(1)
    direction = {name: rng.standard_normal(array.shape) for name, array in point.items()}
    h = 1e-30
    try:
        with np.errstate(all="ignore"):
            shifted = {n: a + 1j * h * direction[n] for n, a in point.items()}
            result = np.asarray(f(_rebuild(shifted, like)))
            if not np.iscomplexobj(result) or result.size != 1:
                return False
            slope = float(result.reshape(()).imag / h)
            step = 1e-6
            ends = [
                _evaluate(f, {n: a + s * step * direction[n] for n, a in point.items()}, like)
                for s in (-1, 1)
            ]
    except Exception:  # whatever it has against complex numbers, differences remain
        return False
    plain = (ends[1] - ends[0]) / (2 * step)
    return abs(slope - plain) <= 1e-5 * (abs(plain) + abs(value) + 1e-3)


def _entries(
    point: Arrays, rng: np.random.Generator, sample: int | None
) -> list[tuple[str, tuple[int, ...]]]:
    """All entries, or a sample with its share of every array and at least four (biases too)."""
    total = sum(array.size for array in point.values())
    found: list[tuple[str, tuple[int, ...]]] = []
    for name, array in point.items():
        share = array.size
        if sample is not None and total > sample:
            share = min(array.size, max(4, sample * array.size // total))
        chosen = rng.choice(array.size, share, replace=False) if share < array.size else None
        places = range(array.size) if chosen is None else sorted(int(i) for i in chosen)
        found += [(name, tuple(map(int, np.unravel_index(i, array.shape)))) for i in places]
    return found


def _complex_slope(
    f: Callable[..., Any], point: Arrays, like: Any, name: str, index: tuple[int, ...]
) -> float:
    # all complex, not one alone: a buffer made like another array would drop the imaginary part
    shifted = {n: a.astype(complex) for n, a in point.items()}
    shifted[name][index] += 1e-30j
    value = complex(np.asarray(f(_rebuild(shifted, like))).reshape(()))
    return value.imag / 1e-30


def _slope(
    f: Callable[..., Any],
    point: Arrays,
    like: Any,
    name: str,
    index: tuple[int, ...],
    eps: float | None,
    middle: float,
    mine: float,
    near: float,
) -> tuple[float, float, float]:
    """Return ∂f/∂xᵢ, and the two one-sided slopes if they differ as at a kink.

    Two evaluations, and two more where they do not settle it: where the given slope is not ``near``
    theirs, or the two sides differ.
    """
    x = float(point[name][index])

    def at(value: float) -> float:
        moved = dict(point)
        moved[name] = point[name].copy()
        moved[name][index] = value
        return _evaluate(f, moved, like)

    h = eps if eps is not None else float(np.cbrt(np.finfo(np.float64).eps)) * max(1.0, abs(x))
    wide = at(x - h), at(x + h)
    below, above = (middle - wide[0]) / h, (wide[1] - middle) / h
    central = (below + above) / 2
    size = abs(above) + abs(below)
    rounding = 1e3 * np.finfo(np.float64).eps * (abs(middle) + 1) / h
    before = abs(above - below)
    smooth = before <= 1e-4 * size + rounding
    if smooth and (eps is not None or abs(central - mine) <= near):
        return central, 0.0, 0.0
    narrow = at(x - h / 2), at(x + h / 2)
    best = central
    if eps is None:
        best = (4 * (narrow[1] - narrow[0]) / h - central) / 3  # Richardson
    below, above = (middle - narrow[0]) / (h / 2), (narrow[1] - middle) / (h / 2)
    jump = abs(above - below)
    # of a smooth function the difference of the sides halves with the step; at a kink it stays
    if jump > 1e-4 * size + rounding and jump > 0.75 * before:
        return best, min(below, above), max(below, above)
    return best, 0.0, 0.0


def _direction(
    f: Callable[..., Any],
    point: Arrays,
    like: Any,
    given: Arrays,
    rng: np.random.Generator,
    atol: float,
    rtol: float,
    notes: list[str],
    raise_exception: bool,
) -> FunctionCheck:
    u: Arrays = {n: np.asarray(rng.standard_normal(a.shape)) for n, a in point.items()}
    norm = float(np.sqrt(sum(float(np.sum(a * a)) for a in u.values()))) or 1.0
    h = float(np.cbrt(np.finfo(np.float64).eps))
    ends = [
        _evaluate(f, {n: a + s * h * u[n] / norm for n, a in point.items()}, like, notes)
        for s in (-1, 1)
    ]
    truth = (ends[1] - ends[0]) / (2 * h)
    if not np.isfinite(truth):
        raise DataError(
            "f is NaN or infinite a step along a random direction, where its slope would be "
            "measured; check at another point"
        )
    mine = float(sum(np.sum(given[n] * u[n]) for n in point)) / norm
    scale = max(abs(truth), abs(mine))
    good = abs(truth - mine) <= atol + rtol * scale
    worst = [] if good else [("the derivative along a random direction", mine, truth)]
    error = abs(truth - mine) / (scale or 1.0)
    return _result(good, error, worst, [], 1, None, "one random direction", notes, raise_exception)


def _factor(rows: list[tuple[str, float, float, str]]) -> float | None:
    mine = np.array([row[1] for row in rows])
    truth = np.array([row[2] for row in rows])
    if len(rows) < 2 or not truth.any():
        return None
    factor = float((mine * truth).sum() / (truth * truth).sum())
    near = np.abs(mine - factor * truth).max() <= 1e-5 * np.abs(mine).max()
    if not near or factor == 0:
        return None
    whole = round(factor)
    return float(whole) if whole and abs(factor - whole) < 1e-6 * abs(whole) else factor


def _entry(name: str, index: tuple[int, ...]) -> str:
    spot = f"[{', '.join(str(int(i)) for i in index)}]" if index else ""
    return f"{name or 'x'}{spot}"
