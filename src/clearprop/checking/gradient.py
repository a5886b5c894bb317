"""Is this gradient right, and if not, which mistake is it: `check_gradient`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop.backprop import gradient_name
from clearprop.checking import answer as answers
from clearprop.checking.adapters import plain
from clearprop.checking.answer import Answer
from clearprop.checking.batches import random_batch, right_run
from clearprop.checking.calling import AnswerError
from clearprop.checking.compare import (
    RTOL,
    Kinks,
    Sensitivity,
    precision,
    sensitivity,
    shares,
    tolerances,
)
from clearprop.checking.diagnosis import Diagnosis, diagnose
from clearprop.checking.lines import Lines
from clearprop.checking.looks import ALONE, first_sample, looks_like, units_alike
from clearprop.checking.mistake import Mistake, Place
from clearprop.checking.mistakes import CATALOGUE, ROUNDING
from clearprop.checking.naming import in_one_line
from clearprop.checking.places import order_back, parameter_layer
from clearprop.checking.repeats import UNSTEADY, Repeats, compare_calls
from clearprop.checking.replay import Base
from clearprop.checking.report import Entry, GradientCheck, ParameterCheck
from clearprop.checking.search import Search
from clearprop.derivation.notations.notation import Notation
from clearprop.errors import ClearPropError, DataError, ShapeError, UsageError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.network import Inputs, Network, check_network
from clearprop.settings import Attr, check_all
from clearprop.words import number, shown

#: How near a rewriting must come to a gradient to be its name, relative to each tensor's scale.
MATCH = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 5e-5, np.dtype(np.float16): 2e-2}

WORST = 3

NOT_FINITE = "a mistake is looked for once all numbers are finite"

LIMITS = (
    Attr("rtol", float, None, bounds="[0, 1)", help="share of a tensor's largest entry"),
    Attr("atol", float, 0.0, bounds="[0, inf)", help="beside that share"),
    Attr("nondet_tol", float, 0.0, bounds="[0, inf)", help="between two calls"),
    Attr("seconds", float, 10.0, bounds="[0, inf)", unit="s", help="how long to look"),
)


def check_gradient(
    network: Network,
    parameters: Mapping[str, ArrayLike],
    X: Inputs,
    Y: Any,
    gradient: Any,
    *,
    sample_weight: ArrayLike | None = None,
    masks: Mapping[str, ArrayLike] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    nondet_tol: float = 0.0,
    diagnose_mistakes: bool = True,
    pairs: bool = True,
    seconds: float = 10.0,
    raise_exception: bool = False,
    progress: Callable[[int, int], None] | None = None,
    catalogue: Iterable[Mistake] | None = None,
    notation: str | Notation | None = None,
) -> GradientCheck:
    """Check a gradient against the exact one, and name the mistake if it is wrong.

    The right gradient is ∂J/∂W of every parameter, computed by the plan in float64. A gradient
    passes if each tensor differs by no more than ``rtol`` of its largest entry and what rounding
    can do; at a kink of f or of the cost, any subgradient passes.

    Parameters
    ----------
    network : Network
    parameters : mapping of str to array
        The point at which the gradient was taken, by name.
    X, Y : arrays
        The batch, as `Network.gradient` takes it.
    gradient : mapping, array, sequence, function or another framework's object
        Arrays by name (``W1`` or ``dW1``), one flat vector, arrays in the network's order, a
        function ``f(parameters, X, Y)`` that returns one of these, a PyTorch module after
        ``backward()``, a tree of arrays as JAX has it, a Keras model's gradients, or scikit-learn's
        ``coefs_`` and ``intercepts_``.
    sample_weight : (m,) array, optional
        The cost is then Σ w C / Σ w. A function that has this argument is given it.
    masks : mapping of str to array, optional
        Dropout's factors (0 or 1/(1 − p)) by symbol: ``{"r3": …}``.
    rtol, atol : float
        By default rtol is 1e-6 in float64, 1e-4 in float32, 2e-2 in float16.
    nondet_tol : float
        How far two calls of a function with the same arguments may differ, beside rounding; one
        that differs by more does not pass.
    diagnose_mistakes, pairs : bool
        Whether to look for the mistake, and for pairs of mistakes.
    seconds : float
        When to stop looking, single mistakes included.
    raise_exception : bool
        Raise AssertionError with the report if the gradient is wrong.
    progress : callable (done, total), optional
    catalogue : iterable of Mistake, optional
        The mistakes to ask, in place of all.
    notation : str or Notation, optional
        In which the lines with the mistake, and as they should be, are written, as for `derive`;
        without it in ClearProp's own letters.

    Returns
    -------
    GradientCheck

    Raises
    ------
    ClearPropError
        If there is nothing to compare: the function raised, or returned no arrays.

    Examples
    --------
    >>> import numpy as np
    >>> net = Network([2, 3, 2], "sigmoid", output="sigmoid")
    >>> p, X, Y = net.initial(seed=0), [[0.5, -1.0]], [[0.0, 1.0]]
    >>> g = net.gradient(p, X, Y)
    >>> check_gradient(net, p, X, Y, g).passed
    True
    >>> wrong = {name: -array for name, array in g.items()}
    >>> check_gradient(net, p, X, Y, wrong).diagnosis[0].mistake.id
    'sign-of-delta'
    """
    check_network("check_gradient", network)
    if not network.graph.costs:
        raise UsageError("the network has no cost, so it has no gradient; give it one")
    limits = {"rtol": rtol, "atol": atol, "nondet_tol": nondet_tol, "seconds": seconds}
    rtol, atol, nondet_tol, seconds = check_all(LIMITS, limits, "check_gradient").values()  # type: ignore[assignment]
    if progress is not None and not callable(progress):
        raise UsageError(f"progress is called with (done, total); got {shown(progress)}")
    if masks is not None and not isinstance(masks, Mapping):
        raise UsageError(f"masks is a mapping of symbols to arrays, got {shown(masks)}")
    asked = tuple(CATALOGUE.values()) if catalogue is None else tuple(catalogue)
    for one in asked:
        if not isinstance(one, Mistake):
            raise UsageError(
                f"the catalogue holds mistakes, such as CATALOGUE[id]; got {shown(one)}"
            )
    lines = Lines(network.plan, notation, weighted=sample_weight is not None)
    point, X, Y = _point(parameters), _arrays(X), _arrays(Y)
    base = right_run(network, point, X, Y, sample_weight, masks)
    function = gradient if callable(gradient) and not hasattr(gradient, "parameters") else None
    extra = {"sample_weight": sample_weight, "masks": masks}
    if function is not None:
        answer = answers.call(network.graph, function, point, X, Y, extra)
    else:
        answer = answers.read(network.graph, gradient)
        answer.foreign |= isinstance(gradient, list | tuple)  # as Keras has it, perhaps
    dtype = precision(answer.arrays)
    right = {name: base.values[gradient_name(name)] for name in network.graph.parameters}
    for name, array in right.items():
        if not np.isfinite(array).all():
            raise DataError(
                f"the right gradient of {name} is NaN or infinite at this point, so nothing can be "
                "held against it; take smaller parameters or data"
            )
    repeats = compare_calls(base, answer, right, dtype, nondet_tol)
    _turn_biases(answer, right, base.rows)
    allowed, kinks = shares(base, dtype, rtol, atol), ""
    if not _close(answer, right, allowed):  # then measure what rounding and kinks can do
        moves = sensitivity(base)
        allowed = tolerances(base, moves, dtype, rtol, atol)
        right, kinks = _nearest_right(base, moves, answer, right, allowed, dtype)
    checks = {
        name: _compare(network.graph, lines, name, answer, right[name], allowed[name])
        for name in order_back(base.plan)
    }
    if answer.foreign and not all(check.passed for check in checks.values()):
        other = replace(answer, arrays={n: _squares_turned(a) for n, a in answer.arrays.items()})
        turned = {n: _compare(network.graph, lines, n, other, right[n], allowed[n]) for n in checks}
        if all(check.passed for check in turned.values()):
            checks = turned
            answer.notes.append("square matrices were source × target too, and turned")
    notes = list(answer.notes)
    notes += [one for one in (repeats.note, kinks) if one]
    if dtype != np.float64:
        share = number(RTOL[dtype] if rtol is None else rtol)
        notes.append(f"given in {dtype}: judged to {share} of each tensor's largest entry")
    notes += units_alike(network.graph, point, right)
    wrong = [name for name, check in checks.items() if not check.passed]
    diagnosis: tuple[Diagnosis, ...] = ()
    seen = ""
    comparable = wrong and all(np.isfinite(a).all() for a in answer.arrays.values())
    steady = repeats.grows or not repeats.differing
    if comparable and steady and not answer.missing and diagnose_mistakes:
        search = _search(base, moves, answer, dtype, wrong)

        batches = [random_batch(network, base.rows, np.random.default_rng(s)) for s in range(3)]

        def fresh() -> list[Base]:
            return [right_run(network, point, *batch, sample_weight, masks) for batch in batches]

        def elsewhere() -> list[Mapping[str, Array]]:
            found: list[Mapping[str, Array]] = []
            for x, y in batches:
                x_in = x if isinstance(X, Mapping) else next(iter(x.values()))
                y_in = y if isinstance(Y, Mapping) else next(iter(y.values()))
                with contextlib.suppress(AnswerError):
                    assert function is not None
                    one = answers.call(
                        network.graph, function, point, x_in, y_in, extra, twice=False
                    )
                    found.append(one.arrays)
            return found

        ask = partial(
            diagnose,
            search,
            lines=lines,
            fresh=fresh,
            elsewhere=None if function is None or repeats.differing else elsewhere,
            progress=progress,
            catalogue=asked,
        )
        started = time.monotonic()
        diagnosis = ask()
        if not diagnosis and _rounded(base, moves, search, atol):
            notes.append("right to single precision: computed in float32, or by differences")
            worst = search.residual(lambda name: right[name])
            diagnosis = (Diagnosis(ROUNDING, Place(""), residual=worst),)
            checks = {name: _passed(check) for name, check in checks.items()}
            wrong = []
        elif not diagnosis:
            left = max(0.0, seconds - (time.monotonic() - started))
            diagnosis = ask(seconds=left) if pairs else ()
            seen = "" if diagnosis else looks_like(search, right)
            if seen and function is not None and base.rows > 1:
                row = {k: first_sample(v) for k, v in extra.items()}
                with contextlib.suppress(ClearPropError):  # it is a hint, no more
                    alone = check_gradient(
                        network, point, first_sample(X), first_sample(Y), function,
                        rtol=rtol, atol=atol, diagnose_mistakes=False, **row,
                    )  # fmt: skip
                    notes += [ALONE] * alone.passed
    unknown = bool(seen)
    if wrong and not comparable:
        seen = NOT_FINITE
    if comparable and answer.missing:
        unknown, seen = True, f"the gradient of {', '.join(answer.missing)} is missing"
    if repeats.differing:
        checks = {name: _unsteady(check, repeats) for name, check in checks.items()}
        wrong = [name for name, check in checks.items() if not check.passed]
        if repeats.grows and seen:
            notes.append(f"the first call is wrong too: {seen}")
        diagnosis = repeats.named(diagnosis)
        seen = "" if diagnosis else UNSTEADY
        unknown = False
    first = wrong[0] if wrong else ""
    result = GradientCheck(
        passed=not wrong,
        parameters=checks,
        first_wrong=first,
        layer=lines.layer(parameter_layer(base.plan, first)) if first else "",
        diagnosis=diagnosis,
        seen=seen,
        unknown=unknown,
        notes=tuple(notes),
        known=len(CATALOGUE),
        precision=str(dtype),
        network=in_one_line(network),
    )
    if raise_exception and not result.passed:
        raise AssertionError(str(result))
    return result


def _point(parameters: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The parameters as float64 arrays, of another framework's tensors too."""
    if not isinstance(parameters, Mapping):
        raise ShapeError("give the parameters as a mapping of names to arrays")
    point = {}
    for name, given in parameters.items():
        try:
            array = plain(given)
            if array.dtype.kind not in "fiub":
                raise TypeError
            point[name] = array.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(
                f"the parameter {name} is no array of real numbers but {shown(given)}"
            ) from None
        bad = np.argwhere(~np.isfinite(point[name]))
        if len(bad):
            at = tuple(int(i) for i in bad[0])
            entry = f"{name}[{', '.join(map(str, at))}]" if at else name
            raise DataError(f"{entry} is {number(point[name][at])}; check at finite parameters")
    return point


def _arrays(given: Any) -> Any:
    """Inputs or targets; tensors that track gradients are taken for what they hold."""
    if isinstance(given, Mapping):
        return {key: _arrays(item) for key, item in given.items()}
    return plain(given) if hasattr(given, "detach") else given


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


def _turn_biases(answer: Answer, right: Mapping[str, Array], m: int) -> None:
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


def _rounded(base: Base, moves: Sensitivity, search: Search, atol: float) -> bool:
    """Whether the gradient is right to single precision, though it came as float64."""
    coarse = tolerances(base, moves, np.dtype(np.float32), 1e-5, atol)
    return all(
        search.given[name].shape == array.shape
        and np.abs(search.given[name] - array).max(initial=0) <= coarse[name]
        for name, array in search.right.items()
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


def _unsteady(check: ParameterCheck, repeats: Repeats) -> ParameterCheck:
    if check.name not in repeats.differing:
        return check
    return replace(check, passed=False, problem=check.problem or repeats.problem)


def _passed(check: ParameterCheck) -> ParameterCheck:
    return ParameterCheck(check.name, True, check.error, check.absolute, check.scale, (), "")


def _search(
    base: Base,
    moves: Sensitivity,
    answer: Answer,
    dtype: np.dtype[np.floating],
    wrong: Iterable[str],
) -> Search:
    eps = float(np.finfo(dtype).eps)
    rounding = {n: moves.rounding(gradient_name(n), eps) for n in base.plan.graph.parameters}
    given = {name: array.astype(np.float64) for name, array in answer.arrays.items()}
    return Search(base, given, rounding, MATCH[dtype], wrong)
