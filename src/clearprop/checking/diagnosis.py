"""Which mistake gives this gradient: all rewritings are asked, then pairs of them.

A rewriting is taken only if it gives *every* entry of the given gradient to rounding; the few
that have a free scalar must still explain many more numbers than they fit. What is no known
mistake therefore gets no name. Proved by ``tests/test_mistakes.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from clearprop.backprop import Plan, gradient_name
from clearprop.checking.equations import line
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.mistakes import CATALOGUE
from clearprop.checking.places import order_back
from clearprop.checking.replay import FREE, Base, Loop, Replay
from clearprop.errors import ShapeError
from clearprop.expressions import Array
from clearprop.words import number

#: A fitted rewriting must explain at least this many wrong numbers that the fit did not choose:
#: one that is met to rounding by chance is a case in 10⁸.
EXPLAINED = 1

#: Factors that are named as counts are whole numbers, or one over one, up to this.
LARGEST_COUNT = 10**6


@dataclass(frozen=True)
class Diagnosis:
    """A mistake that gives the gradient in question.

    Parameters
    ----------
    mistake : Mistake
    where : Place
    fitted : dict of str to float
        What was fitted: ``{"learning rate": 0.5}``; empty for most.
    residual : float
        Largest difference to the given gradient, relative to each tensor's scale.
    wrong, right : str
        The line with the mistake, and as it should be.
    also : tuple of (Mistake, Place)
        The second mistake of a pair.
    equivalent : tuple of (Mistake, Place)
        What gives the same gradient on any data here, and so cannot be told apart.
    """

    mistake: Mistake
    where: Place
    fitted: Mapping[str, float] = field(default_factory=dict)
    residual: float = 0.0
    wrong: str = ""
    right: str = ""
    also: tuple[tuple[Mistake, Place], ...] = ()
    equivalent: tuple[tuple[Mistake, Place], ...] = ()

    def __str__(self) -> str:
        text = _sentence(self.mistake, self.where)
        for mistake, place in self.also:
            text += "; and " + _sentence(mistake, place)
        for what, value in self.fitted.items():
            text += f", {what} {number(value)}"
        return f"{text} (matches to {number(self.residual, 1)})"


def _sentence(mistake: Mistake, place: Place) -> str:
    return f"{mistake.title}: {place}"


@dataclass(frozen=True)
class Candidate:
    """A rewriting to be asked: one edit, or two."""

    edits: tuple[tuple[Mistake, Edit], ...]
    plan: Plan

    @property
    def key(self) -> tuple[tuple[str, Place], ...]:
        return tuple((mistake.id, edit.place) for mistake, edit in self.edits)

    @property
    def fits(self) -> str:
        return next((mistake.fits for mistake, _ in self.edits if mistake.fits), "")

    @property
    def free(self) -> int:
        return sum(bool(mistake.fits) for mistake, _ in self.edits)


def candidates(plan: Plan, catalogue: Iterable[Mistake]) -> Iterator[Candidate]:
    """Yield every rewriting of the catalogue at every place of a plan."""
    for mistake in catalogue:
        for edit in mistake.edits(plan):
            yield Candidate(((mistake, edit),), edit.of(plan))


@dataclass(frozen=True, eq=False)
class _Known:
    """A plan, told from another by being it: hashing all of its trees would cost more."""

    plan: Plan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other.plan is self.plan

    def __hash__(self) -> int:
        return id(self.plan)


@lru_cache(maxsize=4)
def _singles(known: _Known, catalogue: tuple[Mistake, ...]) -> tuple[Candidate, ...]:
    """Every rewriting of a plan, kept: a check is often asked of one network many times."""
    return tuple(candidates(known.plan, catalogue))


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
    """

    def __init__(
        self,
        base: Base,
        given: Mapping[str, Array],
        rounding: Mapping[str, float],
        rtol: float,
    ) -> None:
        self.base, self.given, self.rounding, self.rtol = base, given, rounding, rtol
        self.order = order_back(base.plan)
        self.right = {name: base.values[gradient_name(name)] for name in self.order}
        self.wrong = [n for n in self.order if self.off(n, self.right[n]) > 1]

    def off(self, name: str, array: Array, given: Array | None = None) -> float:
        """Return the difference to the given gradient as a multiple of what is allowed."""
        given = self.given[name] if given is None else given
        if array.shape != given.shape:
            return np.inf
        if not array.size:
            return 0.0
        difference = float(np.abs(array - given).max())
        if not np.isfinite(difference):
            return np.inf
        size = max(float(np.abs(array).max()), float(np.abs(given).max()))
        scale = float(np.abs(self.right[name]).max()) or 1.0
        allowed = self.rtol * size + self.rounding[name] * max(1.0, size / scale)
        return difference / allowed if allowed else (np.inf if difference else 0.0)

    def residual(self, gradient: Callable[[str], Array]) -> float:
        """Return the largest relative difference over all tensors."""
        worst = 0.0
        for name in self.order:
            given, array = self.given[name], gradient(name)
            size = max(float(np.abs(array).max(initial=0)), float(np.abs(given).max(initial=0)))
            if size:
                worst = max(worst, float(np.abs(array - given).max()) / size)
        return worst

    def matches(
        self, candidate: Candidate, names: Iterable[str] | None = None
    ) -> tuple[bool, dict[str, float], Replay | None]:
        """Return whether a rewriting gives the gradient, with what was fitted for it."""
        names = self.order if names is None else list(names)
        try:
            with np.errstate(all="ignore"):
                if candidate.free > 1:
                    return False, {}, None
                if candidate.free:
                    return self._fitted(candidate, names)
                replay = Replay(self.base, candidate.plan)
                good = all(self.off(n, replay.gradient(n)) <= 1 for n in names)
                return good, {}, replay
        except (Loop, ShapeError):
            return False, {}, None

    def _at(self, candidate: Candidate, c: float) -> Replay:
        return Replay(self.base, candidate.plan, {FREE.name: np.asarray(c)})

    def _fitted(
        self, candidate: Candidate, names: list[str]
    ) -> tuple[bool, dict[str, float], Replay | None]:
        """Fit c on the first tensor that c moves, then on all: Gauss–Newton in one unknown."""
        start = self._at(candidate, 0.0)
        moved = None
        for name in names:  # tensors behind the mistake must agree already
            if start.touches(gradient_name(name)):
                moved = name
                break
            if self.off(name, start.gradient(name)) > 1:
                return False, {}, None
        if moved is None:
            return False, {}, None
        c = self._step(candidate, 0.0, 1.0, [moved])
        for _ in range(3):  # where c enters a tensor more than once the first fit is a start
            if not np.isfinite(c):
                return False, {}, None
            replay = self._at(candidate, c)
            if all(self.off(n, replay.gradient(n)) <= 1 for n in names):
                break
            c += self._step(candidate, c, 1e-3 * (abs(c) or 1.0), names)
        else:
            return False, {}, None
        mistake = next(m for m, _ in candidate.edits if m.fits)
        if not self._plausible(mistake, c, candidate):
            return False, {}, None
        return True, {mistake.fits: c}, replay

    def _step(self, candidate: Candidate, c: float, h: float, names: list[str]) -> float:
        here, there = self._at(candidate, c), self._at(candidate, c + h)
        across = along = 0.0
        for name in names:
            scale = float(np.abs(self.given[name]).max(initial=0)) or 1.0
            now = here.gradient(name)
            if now.shape != self.given[name].shape:
                return np.nan
            slope = (there.gradient(name) - now) / (h * scale)
            across += float((slope * (self.given[name] - now)).sum()) / scale
            along += float((slope * slope).sum())
        return across / along if along else np.nan

    def _plausible(self, mistake: Mistake, c: float, candidate: Candidate) -> bool:
        """A fit explains more numbers than it chooses, and a count is a count."""
        here, there = self._at(candidate, c), self._at(candidate, c + 1.0)
        explained = 0
        for name in self.order:
            now = here.gradient(name)
            size = float(np.abs(now).max(initial=0))
            explained += int((np.abs(there.gradient(name) - now) > 1e-6 * size).sum())
        if explained < EXPLAINED + 1:
            return False
        if mistake.fits == "factor":
            m = float(self.base.rows)
            return any(_whole(x) for x in (c, 1 / c if c else 0.0, c * m, m / c if c else 0.0))
        return True


def _whole(x: float) -> bool:
    return 2 <= round(x) <= LARGEST_COUNT and abs(x - round(x)) <= 1e-6 * abs(x)


def diagnose(
    search: Search,
    *,
    fresh: Callable[[], list[Base]],
    elsewhere: Callable[[], list[Mapping[str, Array]]] | None = None,
    pairs: bool = True,
    seconds: float = 10.0,
    progress: Callable[[int, int], None] | None = None,
    catalogue: Iterable[Mistake] = tuple(CATALOGUE.values()),
) -> tuple[Diagnosis, ...]:
    """Return the mistakes, or pairs of them, that give the gradient, best first.

    Parameters
    ----------
    search : Search
    fresh : callable () -> list of Base
        Right runs on other data, which decide whether two mistakes are one function here.
    elsewhere : callable () -> list of gradients, optional
        The gradient in question on the data of ``fresh``: it tells apart what agrees by chance.
    pairs : bool
        Ask pairs too, if no single mistake fits.
    seconds : float
        When to stop looking for pairs.
    progress : callable (done, total), optional
    """
    catalogue = tuple(catalogue)
    if not search.wrong:
        return ()
    singles = _singles(_Known(search.base.plan), catalogue)
    found = []
    for count, candidate in enumerate(singles):
        good, fitted, replay = search.matches(candidate)
        if good and replay is not None:
            found.append((candidate, fitted, search.residual(replay.gradient)))
        if progress and count % 16 == 0:
            progress(count, len(singles))
    if not found and pairs:
        found = _pairs(search, singles, catalogue, time.monotonic() + seconds, progress)
    found.sort(key=lambda entry: (entry[0].free, _rank(entry[0])))
    return _grouped(search, found, fresh, elsewhere) if found else ()


def _rank(candidate: Candidate) -> tuple[int, ...]:
    ids = list(CATALOGUE)
    ranks = [ids.index(m.id) if m.id in CATALOGUE else len(ids) for m, _ in candidate.edits]
    return (sum(ranks), *ranks)


_Found = list[tuple[Candidate, dict[str, float], float]]


def _pairs(
    search: Search,
    singles: tuple[Candidate, ...],
    catalogue: tuple[Mistake, ...],
    until: float,
    progress: Callable[[int, int], None] | None,
) -> _Found:
    """Ask pairs, without asking all: what is right must stay right, and the first tensor that is
    wrong, from the output back, is explained by the first mistake alone or changed by both."""
    right = [name for name in search.order if name not in search.wrong]
    first = search.wrong[0]
    possible, explaining, changing, rest = [], [], [], []
    for candidate in singles:
        if candidate.free:
            replay = search._at(candidate, 0.5)
            kept = all(not replay.touches(gradient_name(n)) for n in right)
            changes = replay.touches(gradient_name(first))
            fits_first = kept and changes and search.matches(candidate, [first])[0]
        else:
            kept, _, kept_replay = search.matches(candidate, right)
            if not kept or kept_replay is None:
                continue
            try:
                with np.errstate(all="ignore"):
                    now = kept_replay.gradient(first)
            except (Loop, ShapeError):
                continue
            changes = search.off(first, now, search.right[first]) > 1
            fits_first = changes and search.off(first, now) <= 1
        if not kept:
            continue
        possible.append(candidate)
        if changes:
            changing.append(candidate)
        else:
            rest.append(candidate)
        if fits_first:
            explaining.append(candidate)
    found: _Found = []
    late = {c.key[0] for c in rest}
    total = len(explaining) + len(changing)
    for count, one in enumerate(explaining):
        found += _seconds(search, one, catalogue, late, until)
        if progress:
            progress(count, total)
    if found:
        return found
    early = {c.key[0] for c in changing}
    seen: set[frozenset[tuple[str, Place]]] = set()
    for count, one in enumerate(changing):
        if time.monotonic() > until:
            break
        pairs = _seconds(search, one, catalogue, early, until, first)
        for pair in pairs:
            if frozenset(pair[0].key) not in seen:
                seen.add(frozenset(pair[0].key))
                found.append(pair)
        if progress:
            progress(len(explaining) + count, total)
    return found


def _seconds(
    search: Search,
    one: Candidate,
    catalogue: tuple[Mistake, ...],
    allowed: set[tuple[str, Place]],
    until: float,
    check_first: str | None = None,
) -> _Found:
    """Return every second mistake that, made on top of ``one``, gives the gradient."""
    found: _Found = []
    for second in candidates(one.plan, catalogue):
        if second.key[0] not in allowed or second.key[0] == one.key[0]:
            continue
        if time.monotonic() > until:
            break
        both = Candidate(one.edits + second.edits, second.plan)
        names = search.order if check_first is None else [check_first, *search.order]
        good, fitted, replay = search.matches(both, names)
        if good and replay is not None:
            found.append((both, fitted, search.residual(replay.gradient)))
    return found


def _grouped(
    search: Search,
    found: _Found,
    fresh: Callable[[], list[Base]],
    elsewhere: Callable[[], list[Mapping[str, Array]]] | None,
) -> tuple[Diagnosis, ...]:
    """Join what is the same function on other data too; the first of each group speaks."""
    bases = fresh() if len(found) > 1 else []
    groups: list[list[int]] = []
    for number_, (candidate, fitted, _) in enumerate(found):
        for group in groups:
            leader, leader_fitted, _ = found[group[0]]
            if all(_same(base, leader, leader_fitted, candidate, fitted) for base in bases):
                group.append(number_)
                break
        else:
            groups.append([number_])
    if len(groups) > 1 and elsewhere is not None:
        others = list(zip(bases, elsewhere(), strict=False))
        agreeing = [g for g in groups if all(_gives(base, *found[g[0]][:2], there, search.rtol)
                                             for base, there in others)]  # fmt: skip
        groups = agreeing or groups
    return tuple(_diagnosis(search, found, group) for group in groups)


def _same(
    base: Base, a: Candidate, fa: dict[str, float], b: Candidate, fb: dict[str, float]
) -> bool:
    replays = []
    for candidate, fitted in ((a, fa), (b, fb)):
        replays.append(Replay(base, candidate.plan, _free(fitted)))
    try:
        with np.errstate(all="ignore"):
            for name in base.plan.graph.parameters:
                x, y = (replay.gradient(name) for replay in replays)
                size = max(float(np.abs(x).max(initial=0)), float(np.abs(y).max(initial=0)))
                if x.shape != y.shape or not np.abs(x - y).max(initial=0) <= 1e-7 * size + 1e-13:
                    return False
    except (Loop, ShapeError):
        return False
    return True


def _free(fitted: Mapping[str, float]) -> dict[str, Array]:
    return {FREE.name: np.asarray(next(iter(fitted.values())))} if fitted else {}


def _gives(
    base: Base,
    candidate: Candidate,
    fitted: dict[str, float],
    gradient: Mapping[str, Array],
    rtol: float,
) -> bool:
    replay = Replay(base, candidate.plan, _free(fitted))
    with np.errstate(all="ignore"):
        for name, given in gradient.items():
            found = replay.gradient(name)
            size = max(float(np.abs(found).max(initial=0)), float(np.abs(given).max(initial=0)))
            if found.shape != given.shape:
                return False
            if not np.abs(found - given).max(initial=0) <= 10 * rtol * size + 1e-13:
                return False
    return True


def _diagnosis(search: Search, found: _Found, group: list[int]) -> Diagnosis:
    candidate, fitted, residual = found[group[0]]
    (mistake, edit), *others = candidate.edits
    equivalent = []
    for index in group[1:]:
        other = found[index][0]
        equivalent += [(m, e.place) for m, e in other.edits]
    step = edit.steps[0]
    return Diagnosis(
        mistake,
        edit.place,
        fitted,
        residual,
        line(step),
        line(search.base.plan.step(step.id)),
        tuple((m, e.place) for m, e in others),
        tuple(equivalent),
    )
