"""Asks a rewriting of the plan whether it gives the gradient in question.

A rewriting is taken only if it gives *every* entry to rounding; the few that have a free scalar,
and pairs that have two, must still explain more numbers than they fit. What was computed for one
question is kept for the next about the same batch. Proved by ``tests/test_mistakes.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

import numpy as np

from clearprop.backprop import gradient_name
from clearprop.checking.candidate import Candidate, Scalars, run_on
from clearprop.checking.places import order_back
from clearprop.checking.replay import Base, Loop, Replay
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

    @cached_property
    def proportional(self) -> float:
        """The factor c > 0 if the gradient is c times the right one, every tensor of it; else 0."""
        if any(self.given[n].shape != self.right[n].shape for n in self.order):
            return 0.0
        pairs = [(self.given[n] / (self._largest or 1.0), self.right[n] / (self._largest or 1.0))
                 for n in self.order]  # fmt: skip
        size = sum(float((r * r).sum()) for _, r in pairs)
        c = sum(float((g * r).sum()) for g, r in pairs) / size if size else 0.0
        return c if c > 0 and all(self.off(n, c * self.right[n]) <= 1 for n in self.order) else 0.0

    @property
    def _largest(self) -> float:
        return max(self._scale.values(), default=0.0)

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

    def replay(self, candidate: Candidate, c: Scalars = (), keep: bool = True) -> Replay:
        """Return the run of a rewriting, with its scalars set to c."""
        kept = self.base.kept
        found = kept.get((candidate, c))
        if found is None:
            found = run_on(self.base, candidate, c, self.replay)
            if keep and len(kept) * self.base.size < KEPT:
                kept[candidate, c] = found
        return found

    def matches(
        self, candidate: Candidate, names: Iterable[str] | None = None
    ) -> tuple[bool, Scalars, Replay | None]:
        """Return whether a rewriting gives the gradient, with what was fitted for it."""
        names = self.order if names is None else list(names)
        try:
            if candidate.free:
                fit = self._fitted if candidate.free == 1 else self._fitted_two
                return fit(candidate, names)
            replay = self.replay(candidate)
            good = all(self.off(n, replay.gradient(n)) <= 1 for n in names)
            return good, (), replay
        except (Loop, ShapeError):
            return False, (), None

    def _fitted(
        self, candidate: Candidate, names: list[str]
    ) -> tuple[bool, Scalars, Replay | None]:
        """Fit c on the first tensor that c moves, then on all: Gauss–Newton in one unknown."""
        start, there = self.replay(candidate, (0.0,)), self.replay(candidate, (1.0,))
        moved = None
        for name in names:  # tensors behind the mistake must agree already
            if start.touches(gradient_name(name)) and self._moves(start, there, name):
                moved = name
                break
            if self.off(name, start.gradient(name)) > 1:
                return False, (), None
        if moved is None:
            return False, (), None
        c = self._step(start, there, 1.0, [moved])
        if np.isfinite(c):  # this tensor is affine in c, or c could not be told from it
            fit = self.replay(candidate, (c,), keep=False)
            if self.off(moved, fit.gradient(moved)) > AFFINE:
                return False, (), None
        for _ in range(3):  # where c enters a tensor more than once the first fit is a start
            if not np.isfinite(c):
                return False, (), None
            replay = self.replay(candidate, (c,), keep=False)
            if all(self.off(n, replay.gradient(n)) <= 1 for n in names):
                break
            h = 1e-3 * (abs(c) or 1.0)
            c += self._step(replay, self.replay(candidate, (c + h,), keep=False), h, names)
        else:
            return False, (), None
        if not self._plausible(candidate, (c,), replay):
            return False, (), None
        return True, (c,), replay

    def _fitted_two(
        self, candidate: Candidate, names: list[str]
    ) -> tuple[bool, Scalars, Replay | None]:
        """Fit c and d on the first tensors they move, in which they are x + c u + d v + c d w."""
        corners = {c: self.replay(candidate, c) for c in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0),
                                                          (1.0, 1.0))}  # fmt: skip
        x, u, v, w = corners.values()
        by_c = [n for n in names if self._moves(x, u, n) or self._moves(v, w, n)]
        by_d = [n for n in names if self._moves(x, v, n) or self._moves(u, w, n)]
        chosen = {next((n for n in own if n not in other), own[0])  # by one alone, if there is one
                  for own, other in ((by_c, by_d), (by_d, by_c)) if own}  # fmt: skip
        for name in names:  # tensors behind both mistakes must agree already
            if name in chosen:
                break
            if self.off(name, x.gradient(name)) > 1:
                return False, (), None
        c = self._bilinear((x, u, v, w), [n for n in names if n in chosen])
        if c is None:
            return False, (), None
        for _ in range(3):
            replay = self.replay(candidate, c, keep=False)
            if all(self.off(n, replay.gradient(n)) <= 1 for n in names):
                break
            if any(self.off(n, replay.gradient(n)) > AFFINE for n in chosen):
                return False, (), None
            c = self._two_steps(candidate, c, replay, names)
        else:
            return False, (), None
        if not self._plausible(candidate, c, replay):
            return False, (), None
        return True, c, replay

    def _bilinear(self, corners: tuple[Replay, ...], names: list[str]) -> Scalars | None:
        """Least squares for c, d and c d; nothing if they could not be told from these tensors."""
        rows: list[Array] = []
        for name in names:
            if any(replay.gradient(name).shape != self.given[name].shape for replay in corners):
                return None
            x, u, v, w = (replay.gradient(name).ravel() for replay in corners)
            scale = self._size[name] or 1.0
            columns = (u - x, v - x, w - u - v + x, self.given[name].ravel() - x)
            rows.append(np.stack(columns, axis=1) / scale)
        whole = np.concatenate([np.zeros((0, 4)), *rows])
        if not np.isfinite(whole).all():
            return None
        norms = np.linalg.norm(whole[:, :3], axis=0)
        used = norms > 1e-9 * norms.max(initial=0)  # of tensors apart there is no product
        solved, _, rank, _ = np.linalg.lstsq(whole[:, :3][:, used] / norms[used], whole[:, 3])
        if used.sum() < 2 or rank < used.sum():
            return None
        monomials = np.full(3, np.nan)
        monomials[used] = solved / norms[used]
        c, d, both = monomials  # NumPy's numbers: what is divided by zero is infinite, and no fit
        with np.errstate(all="ignore"):
            c, d = (c if used[0] else both / d), (d if used[1] else both / c)
        return (float(c), float(d)) if np.isfinite((c, d)).all() else None

    def _two_steps(
        self, candidate: Candidate, c: Scalars, now: Replay, names: list[str]
    ) -> Scalars:
        """One step of Gauss–Newton in two unknowns."""
        columns = []
        for place in (0, 1):
            h = 1e-3 * (abs(c[place]) or 1.0)
            moved = tuple(x + h * (place == i) for i, x in enumerate(c))
            there = self.replay(candidate, moved, keep=False)
            columns.append([(there.gradient(n) - now.gradient(n)) / h for n in names])
        left = [self.given[n] - now.gradient(n) for n in names]

        def flat(arrays: list[Array]) -> Array:
            sizes = [self._size[n] or 1.0 for n in names]
            return np.concatenate([np.ravel(a) / s for a, s in zip(arrays, sizes, strict=True)])

        jacobian = np.stack([flat(column) for column in columns], axis=1)
        step = np.linalg.lstsq(jacobian, flat(left))[0]
        return c[0] + float(step[0]), c[1] + float(step[1])

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

    def _plausible(self, candidate: Candidate, c: Scalars, here: Replay) -> bool:
        """A fit explains more numbers than it chooses, a count is a count, a rate a rate."""
        every = np.zeros(0, dtype=bool)
        for place, (mistake, value) in enumerate(zip(candidate.fits, c, strict=True)):
            if not mistake.within[0] < value < mistake.within[1] * (1 - 1e-7):
                return False
            if mistake.fits == "factor" and not self._is_count(value):
                return False
            other = (*c[:place], value + 1.0, *c[place + 1 :])
            there = self.replay(candidate, other, keep=False)
            moved = np.concatenate([self._moved(here, there, name) for name in self.order])
            # λ left out: nothing was chosen
            plain = abs(value - 1.0) <= 1e-7 and mistake.fits != "factor"
            if moved.sum() < EXPLAINED + 1 and not plain:
                return False
            every = moved if not place else every | moved
        return len(c) == 1 or int(every.sum()) >= len(c) * (EXPLAINED + 1)

    def _moved(self, here: Replay, there: Replay, name: str) -> Array:
        now = here.gradient(name)
        size = float(np.abs(now).max(initial=0))
        return np.ravel(np.abs(there.gradient(name) - now) > 1e-6 * size)

    def _is_count(self, c: float) -> bool:
        m, over = float(self.base.rows), 1 / c if c else 0.0
        return any(_whole(x) for x in (c, over, c * m, m * over))


def _whole(x: float) -> bool:
    return 2 <= round(x) <= LARGEST_COUNT and abs(x - round(x)) <= 1e-6 * abs(x)
