"""Is this gradient right, and if not, which mistake is it: `check_gradient`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop.backprop import gradient_name
from clearprop.checking.answer import Answer
from clearprop.checking.diagnosis import Diagnosis, diagnose
from clearprop.checking.judging import judge, right_gradient, turn_biases
from clearprop.checking.lines import Lines
from clearprop.checking.looks import ALONE, first_sample, looks_like, units_alike
from clearprop.checking.mistake import Mistake, Place
from clearprop.checking.mistakes import CATALOGUE, ROUNDING
from clearprop.checking.naming import in_one_line
from clearprop.checking.places import parameter_layer
from clearprop.checking.question import Question, read_arrays, read_point
from clearprop.checking.repeats import UNSTEADY, Repeats, compare_calls
from clearprop.checking.replay import Base
from clearprop.checking.report import GradientCheck, ParameterCheck
from clearprop.checking.rounding import RTOL, precision, sensitivity, tolerances
from clearprop.checking.search import Search
from clearprop.derivation.notations.notation import Notation
from clearprop.errors import ClearPropError, UsageError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network, check_network
from clearprop.settings import Attr, check_all
from clearprop.words import number, shown

#: How near a rewriting must come to a gradient to be its name, relative to each tensor's scale.
MATCH = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 5e-5, np.dtype(np.float16): 2e-2}

NOT_FINITE = "a mistake is looked for once all numbers are finite"

SINGLE = "right to single precision: computed in float32, or by differences"

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
    asked = _asked(catalogue)
    lines = Lines(network.plan, notation, weighted=sample_weight is not None)
    question = Question(
        network, read_point(parameters), read_arrays(X), read_arrays(Y), sample_weight, masks,
        gradient,
    )  # fmt: skip
    base = question.base
    answer = question.answer()
    dtype = precision(answer.arrays)
    right = right_gradient(base)
    repeats = compare_calls(base, answer, right, dtype, nondet_tol)
    turn_biases(answer, right, base.rows)
    judged = judge(base, answer, right, lines, dtype, rtol, atol)
    checks, wrong = judged.checks, judged.wrong
    notes = [*answer.notes, *(one for one in (repeats.note, judged.kinks) if one)]
    if dtype != np.float64:
        share = number(RTOL[dtype] if rtol is None else rtol)
        notes.append(f"given in {dtype}: judged to {share} of each tensor's largest entry")
    notes += units_alike(network.graph, question.point, judged.right)
    found = _Found()
    finite = all(np.isfinite(a).all() for a in answer.arrays.values())
    steady = repeats.grows or not repeats.differing
    if wrong and finite and steady and not answer.missing and diagnose_mistakes:
        search = _search(base, answer, dtype, wrong)
        ask = partial(
            diagnose, search, lines=lines, fresh=question.right_elsewhere,
            elsewhere=None if question.function is None or repeats.differing
            else question.answers_elsewhere,
            progress=progress, catalogue=asked,
        )  # fmt: skip
        found = _look(ask, search, judged.right, atol, seconds, pairs=pairs)
        notes += found.notes
        if found.seen and _alone_passes(question, rtol, atol):
            notes.append(ALONE)
    if found.rounded:
        checks, wrong = {name: _passed(check) for name, check in checks.items()}, []
    diagnosis, seen, unknown = found.diagnosis, found.seen, bool(found.seen)
    if wrong and not finite:
        seen = NOT_FINITE
    if wrong and finite and answer.missing:
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


@dataclass(frozen=True)
class _Found:
    """What came of looking: mistakes, or how the gradient looks."""

    diagnosis: tuple[Diagnosis, ...] = ()
    seen: str = ""
    rounded: bool = False
    notes: tuple[str, ...] = ()


def _asked(catalogue: Iterable[Mistake] | None) -> tuple[Mistake, ...]:
    """The mistakes to ask."""
    asked = tuple(CATALOGUE.values()) if catalogue is None else tuple(catalogue)
    for one in asked:
        if not isinstance(one, Mistake):
            raise UsageError(
                f"the catalogue holds mistakes, such as CATALOGUE[id]; got {shown(one)}"
            )
    return asked


def _search(base: Base, answer: Answer, dtype: np.dtype[np.floating], wrong: list[str]) -> Search:
    eps, moves = float(np.finfo(dtype).eps), sensitivity(base)
    rounding = {n: moves.rounding(gradient_name(n), eps) for n in base.plan.graph.parameters}
    given = {name: array.astype(np.float64) for name, array in answer.arrays.items()}
    return Search(base, given, rounding, MATCH[dtype], wrong)


def _look(
    ask: Callable[..., tuple[Diagnosis, ...]],
    search: Search,
    right: Mapping[str, Array],
    atol: float,
    seconds: float,
    *,
    pairs: bool,
) -> _Found:
    """Ask single mistakes, then float32, then pairs; else say how the gradient looks."""
    started = time.monotonic()
    diagnosis = ask()
    if not diagnosis and _rounded(search, atol):
        worst = search.residual(lambda name: right[name])
        rounding = Diagnosis(ROUNDING, Place(""), residual=worst)
        return _Found((rounding,), rounded=True, notes=(SINGLE,))
    if not diagnosis and pairs:
        diagnosis = ask(seconds=max(0.0, seconds - (time.monotonic() - started)))
    return _Found(diagnosis, "" if diagnosis else looks_like(search, right))


def _rounded(search: Search, atol: float) -> bool:
    """Whether the gradient is right to single precision, though it came as float64."""
    base = search.base
    coarse = tolerances(base, sensitivity(base), np.dtype(np.float32), 1e-5, atol)
    return all(
        search.given[name].shape == array.shape
        and np.abs(search.given[name] - array).max(initial=0) <= coarse[name]
        for name, array in search.right.items()
    )


def _alone_passes(question: Question, rtol: float | None, atol: float) -> bool:
    """Whether a function that is wrong for several samples is right for the first alone."""
    if question.function is None or question.base.rows <= 1:
        return False
    row = {name: first_sample(value) for name, value in question.extra.items()}
    with contextlib.suppress(ClearPropError):  # it is a hint, no more
        return check_gradient(
            question.network, question.point, first_sample(question.X), first_sample(question.Y),
            question.function, rtol=rtol, atol=atol, diagnose_mistakes=False, **row,
        ).passed  # fmt: skip
    return False


def _unsteady(check: ParameterCheck, repeats: Repeats) -> ParameterCheck:
    if check.name not in repeats.differing:
        return check
    return replace(check, passed=False, problem=check.problem or repeats.problem)


def _passed(check: ParameterCheck) -> ParameterCheck:
    return ParameterCheck(check.name, True, check.error, check.absolute, check.scale, (), "")
