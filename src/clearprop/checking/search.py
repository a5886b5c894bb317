"""Asks a rewriting of the plan whether it gives the gradient in question.

A rewriting is taken only if it gives *every* entry to rounding; the few that have a free scalar
must still explain more numbers than they fit. What was computed for one question is kept for the
next about the same batch. Proved by ``tests/test_mistakes.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np

from clearprop.backprop import Plan, Step, gradient_name
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.places import Same, order_back
from clearprop.checking.replay import FREE, Base, Loop, Replay
from clearprop.errors import ShapeError
from clearprop.expressions import Array

#: A fitted rewriting must explain at least this many wrong numbers that the fit did not choose:
#: one that is met to rounding by chance is a case in 10⁸.
EXPLAINED = 1

#: By at most so much a wrong gradient's rounding is taken to exceed the right one's.
LARGER = 1e3

#: A fit on one tensor that misses it by more than this multiple of what is allowed is none.
AFFINE = 1e3

#: Factors that are named as counts are whole numbers, or one over one, up to this.
LARGEST_COUNT = 10**6

#: So many numbers of rewritings are kept for the next question about the same batch.
KEPT = 2e7


@dataclass(frozen=True, eq=False)
class Candidate:
    """A rewriting to be asked: one edit, or two, the second on top of the first."""

    right: Plan
    edits: tuple[tuple[Mistake, Edit], ...]
    on: Candidate | None = None

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The rewritten steps by id; of two edits of one step the later counts."""
        return {step.id: step for _, edit in self.edits for step in edit.steps}

    @cached_property
    def plan(self) -> Plan:
        """The whole plan with the mistakes in it."""
        plan = self.right
        for step in self.steps.values():
            plan = plan.with_step(step)
        return plan

    @cached_property
    def again(self) -> dict[str, tuple[Edit, ...]]:
        """Edits of this rewritten plan by mistake, as far as they were asked for."""
        return {}

    def edits_on_top(self, mistake: Mistake) -> tuple[Edit, ...]:
        """Return the places where a second mistake can stand on top of this one."""
        if mistake.id not in self.again:
            self.again[mistake.id] = tuple(mistake.edits(self.plan))
        return self.again[mistake.id]

    def with_second(self, mistake: Mistake, edit: Edit) -> Candidate:
        """Return this rewriting with a second one on top."""
        return Candidate(self.right, (*self.edits, (mistake, edit)), self)

    @property
    def key(self) -> tuple[tuple[str, Place], ...]:
        return tuple((mistake.id, edit.place) for mistake, edit in self.edits)

    @cached_property
    def free(self) -> int:
        """How many scalars it leaves open."""
        return sum(bool(mistake.fits) for mistake, _ in self.edits)

    @property
    def fits(self) -> Mistake:
        """The mistake that leaves a scalar open."""
        return next(mistake for mistake, _ in self.edits if mistake.fits)


def candidates(plan: Plan, catalogue: Iterable[Mistake]) -> Iterator[Candidate]:
    """Yield every rewriting of the catalogue at every place of a plan."""
    for mistake in catalogue:
        for edit in mistake.edits(plan):
            yield Candidate(plan, ((mistake, edit),))


@lru_cache(maxsize=4)
def singles(known: Same[Plan], catalogue: tuple[Mistake, ...]) -> tuple[Candidate, ...]:
    """Every rewriting of a plan, kept: a check is often asked of one network many times."""
    return tuple(candidates(known.thing, catalogue))


def run_on(
    base: Base,
    candidate: Candidate,
    c: float | None,
    below: Callable[[Candidate, float | None], Replay] | None = None,
) -> Replay:
    """Return a rewriting's run on top of a right run, its free scalar set to c."""
    one = candidate.on
    if one is None:
        given = None if c is None else {FREE.name: np.asarray(c)}
        return Replay(base, candidate.steps.values(), given)
    find = below or partial(run_on, base)
    given = {} if c is None or one.free else {FREE.name: np.asarray(c)}
    on = find(one, c if one.free else None)
    return Replay(base, candidate.edits[-1][1].steps, given, on)


class Search:
    """Asks rewritings whether they give a gradient.

    Parameters
    ----------
    base : Base
        The right run.
    given : mapping of str to array
        The gradient in question, by parameter.
    rounding : mapping of str to float
        How far rounding alone can put each gradient off, absolutely.
    rtol : float
        And relative to the tensor's scale.
    wrong : iterable of str
        Parameters whose gradient is known to be wrong.
    """

    def __init__(
        self,
        base: Base,
        given: Mapping[str, Array],
        rounding: Mapping[str, float],
        rtol: float,
        wrong: Iterable[str] = (),
    ) -> None:
        self.base, self.given, self.rounding, self.rtol = base, given, rounding, rtol
        self.order = order_back(base.plan)
        self.right = {name: base.values[gradient_name(name)] for name in self.order}
        self._size = {n: float(np.abs(given[n]).max(initial=0)) for n in self.order}
        self._scale = {n: float(np.abs(self.right[n]).max(initial=0)) for n in self.order}
        known = set(wrong)
        self.wrong = [n for n in self.order if n in known or self.off(n, self.right[n]) > 1]
        #: Nothing was computed: what is wrong is zero, which many rewritings can give by chance.
        self.only_zeros = bool(self.wrong) and all(
            self.off(n, np.zeros_like(self.given[n])) <= 1 for n in self.wrong
        )

    def off(self, name: str, array: Array) -> float:
        """Return the difference to the given gradient as a multiple of what is allowed."""
        return self.apart(name, array, self.given[name], self._size[name])

    def apart(self, name: str, array: Array, other: Array, size: float | None = None) -> float:
        """Return the difference of two gradients as a multiple of what is allowed."""
        if array.shape != other.shape:
            return np.inf
        if not array.size:
            return 0.0
        difference = float(np.abs(array - other).max())
        if not np.isfinite(difference):
            return np.inf
        if not difference:
            return 0.0
        size = max(float(np.abs(array).max()), float(np.abs(other).max()) if size is None else size)
        scale = self._scale[name]
        # a gradient larger than the right one rounds more, by as much; but where the right one
        # is what cancellation left of nothing, its size is no measure
        larger = min(size / scale, LARGER) if scale else LARGER
        allowed = self.rtol * size + self.rounding[name] * max(1.0, larger)
        return difference / allowed if allowed else np.inf

    def residual(self, gradient: Callable[[str], Array]) -> float:
        """Return the largest relative difference over all tensors that are more than rounding."""
        worst = 0.0
        for name in self.order:
            given, array = self.given[name], gradient(name)
            size = max(float(np.abs(array).max(initial=0)), self._size[name])
            if size > 10 * self.rounding[name]:
                worst = max(worst, float(np.abs(array - given).max()) / size)
        return worst

    def replay(self, candidate: Candidate, c: float | None = None, keep: bool = True) -> Replay:
        """Return the run of a rewriting, with its free scalar set to c."""
        kept = self.base.kept
        found = kept.get((candidate, c))
        if found is None:
            found = run_on(self.base, candidate, c, self.replay)
            if keep and len(kept) * self.base.size < KEPT:
                kept[candidate, c] = found
        return found

    def matches(
        self, candidate: Candidate, names: Iterable[str] | None = None
    ) -> tuple[bool, dict[str, float], Replay | None]:
        """Return whether a rewriting gives the gradient, with what was fitted for it."""
        names = self.order if names is None else list(names)
        if candidate.free > 1:
            return False, {}, None
        try:
            if candidate.free:
                return self._fitted(candidate, names)
            replay = self.replay(candidate)
            good = all(self.off(n, replay.gradient(n)) <= 1 for n in names)
            return good, {}, replay
        except (Loop, ShapeError):
            return False, {}, None

    def _fitted(
        self, candidate: Candidate, names: list[str]
    ) -> tuple[bool, dict[str, float], Replay | None]:
        """Fit c on the first tensor that c moves, then on all: Gauss–Newton in one unknown."""
        start, there = self.replay(candidate, 0.0), self.replay(candidate, 1.0)
        moved = None
        for name in names:  # tensors behind the mistake must agree already
            if start.touches(gradient_name(name)) and self._moves(start, there, name):
                moved = name
                break
            if self.off(name, start.gradient(name)) > 1:
                return False, {}, None
        if moved is None:
            return False, {}, None
        c = self._step(start, there, 1.0, [moved])
        if np.isfinite(c):  # this tensor is affine in c, or c could not be told from it
            fit = self.replay(candidate, c, keep=False)
            if self.off(moved, fit.gradient(moved)) > AFFINE:
                return False, {}, None
        for _ in range(3):  # where c enters a tensor more than once the first fit is a start
            if not np.isfinite(c):
                return False, {}, None
            replay = self.replay(candidate, c, keep=False)
            if all(self.off(n, replay.gradient(n)) <= 1 for n in names):
                break
            h = 1e-3 * (abs(c) or 1.0)
            c += self._step(replay, self.replay(candidate, c + h, keep=False), h, names)
        else:
            return False, {}, None
        if not self._plausible(candidate.fits, c, replay, self.replay(candidate, c + 1.0)):
            return False, {}, None
        return True, {candidate.fits.fits: c}, replay

    def _moves(self, here: Replay, there: Replay, name: str) -> bool:
        a, b = here.gradient(name), there.gradient(name)
        return a.shape != b.shape or not np.array_equal(a, b, equal_nan=True)

    def _step(self, here: Replay, there: Replay, h: float, names: list[str]) -> float:
        across = along = 0.0
        for name in names:
            scale = self._size[name] or 1.0
            now = here.gradient(name)
            if now.shape != self.given[name].shape:
                return np.nan
            slope = (there.gradient(name) - now) / (h * scale)
            across += float((slope * (self.given[name] - now)).sum()) / scale
            along += float((slope * slope).sum())
        return across / along if along else np.nan

    def _plausible(self, mistake: Mistake, c: float, here: Replay, there: Replay) -> bool:
        """A fit explains more numbers than it chooses, and a count is a count."""
        explained = 0
        for name in self.order:
            now = here.gradient(name)
            size = float(np.abs(now).max(initial=0))
            explained += int((np.abs(there.gradient(name) - now) > 1e-6 * size).sum())
        plain = abs(c - 1.0) <= 1e-7 and mistake.fits != "factor"  # λ left out: nothing was chosen
        if explained < EXPLAINED + 1 and not plain:
            return False
        if mistake.fits == "factor":
            m = float(self.base.rows)
            return any(_whole(x) for x in (c, 1 / c if c else 0.0, c * m, m / c if c else 0.0))
        return True


def _whole(x: float) -> bool:
    return 2 <= round(x) <= LARGEST_COUNT and abs(x - round(x)) <= 1e-6 * abs(x)
