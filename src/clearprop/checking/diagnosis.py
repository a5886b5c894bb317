"""Which mistake gives this gradient: all rewritings are asked, then pairs of them.

What gives the same gradient on other data too is one function, and one diagnosis; what is no known
mistake gets no name. Proved by ``tests/test_mistakes.py``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from clearprop.checking import mistakes_mean, mistakes_output
from clearprop.checking.candidate import Candidate, Found, Scalars, run_on, singles
from clearprop.checking.lines import Lines
from clearprop.checking.mistake import Mistake, Place
from clearprop.checking.mistakes import CATALOGUE
from clearprop.checking.mistakes_weights import FORGOTTEN
from clearprop.checking.mistakes_whole import UPDATE, UPHILL
from clearprop.checking.pairs import find_pairs
from clearprop.checking.replay import Base, Loop
from clearprop.checking.same import Same
from clearprop.checking.search import Search
from clearprop.checking.zeros import beside_zeros
from clearprop.errors import ShapeError
from clearprop.expressions import Array
from clearprop.words import number

#: So many seconds are spent on what else than an update's step a gradient may be.
AT_COST = 2.0


@dataclass(frozen=True)
class Diagnosis:
    """A mistake that gives the gradient in question.

    Parameters
    ----------
    mistake : Mistake
    where : Place
    fitted : dict of str to float
        What was fitted: ``{"learning rate": 0.5}``; empty for most. Two of one name have their
        places in their keys.
    residual : float
        Largest difference to the given gradient, relative to each tensor's scale.
    wrong, right : str
        The line with the mistake, and as it should be.
    also : tuple of (Mistake, Place)
        The second mistake of a pair.
    equivalent : tuple of (Mistake, Place)
        What gives the same gradient on any data here, and so cannot be told apart.
    function : str
        What the reader's notation calls f.
    said : mapping of Place to str
        The places in the reader's notation; without one as they are.
    """

    mistake: Mistake
    where: Place
    fitted: Mapping[str, float] = field(default_factory=dict)
    residual: float = 0.0
    wrong: str = ""
    right: str = ""
    also: tuple[tuple[Mistake, Place], ...] = ()
    equivalent: tuple[tuple[Mistake, Place], ...] = ()
    function: str = "f"
    said: Mapping[Place, str] = field(default_factory=dict)

    def at(self, place: Place) -> str:
        """Return one of the places as the reader's notation counts layers and calls parameters."""
        return self.said.get(place, str(place))

    def words(self, text: str) -> str:
        """Return a sentence of the catalogue with the reader's letter for f."""
        return re.sub(r"\bf\b", self.function, text)

    def __str__(self) -> str:
        parts = [self._sentence(*part) for part in [(self.mistake, self.where), *self.also]]
        return f"{'; and '.join(parts)} (matches to {number(self.residual, 1)})"

    def _sentence(self, mistake: Mistake, place: Place) -> str:
        text = f"{self.words(mistake.title)}: {self.at(place)}"
        for key in (mistake.fits, _at(mistake, place)):
            if mistake.fits and key in self.fitted:
                text += f", {mistake.fits} {number(self.fitted[key])}"
        return text


def _at(mistake: Mistake, place: Place) -> str:
    """What is fitted, where two of one name are."""
    return f"{mistake.fits} at {place}"


def diagnose(
    search: Search,
    *,
    lines: Lines,
    fresh: Callable[[], list[Base]],
    elsewhere: Callable[[], list[Mapping[str, Array]]] | None = None,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    catalogue: Iterable[Mistake] = tuple(CATALOGUE.values()),
) -> tuple[Diagnosis, ...]:
    """Return the mistakes that give the gradient, or the pairs of them, best first.

    Parameters
    ----------
    search : Search
    lines : Lines
        Writes the line with the mistake, and as it should be.
    fresh : callable () -> list of Base
        Right runs on other data, which decide whether two mistakes are one function here.
    elsewhere : callable () -> list of gradients, optional
        The gradient in question on the data of ``fresh``: it tells apart what agrees by chance.
    seconds : float, optional
        Ask pairs in place of single mistakes, so long.
    progress : callable (done, total), optional
    """
    catalogue = tuple(catalogue)
    if not search.wrong:
        return ()
    with np.errstate(all="ignore"):
        known = singles(Same(search.base.plan), catalogue)
        if seconds is None:
            found = _find_singles(search, known, progress)
            if found and all(candidate.edits[0][0].id == UPDATE for candidate, _, _ in found):
                found += find_pairs(search, _at_cost(known), AT_COST)
        else:
            found = beside_zeros(search, known)
            if not found and not search.only_zeros:
                found = find_pairs(search, known, seconds, progress)
                if search.proportional:  # a factor > 0 is no minus times a fitted minus
                    found = [one for one in found if UPDATE not in {m.id for m, _ in one[0].edits}]
        found = [entry for entry in found if not _is_any_factor(*entry[:2])]
        if search.only_zeros and elsewhere is None:  # nothing tells chance from zero
            found = [entry for entry in found if _is_forgotten(entry[0])]
        found.sort(key=_rank)
        return _grouped(search, lines, found, fresh, elsewhere) if found else ()


def _find_singles(
    search: Search,
    known: tuple[Candidate, ...],
    progress: Callable[[int, int], None] | None,
) -> Found:
    found: Found = []
    for count, candidate in enumerate(known):
        good, c, replay = search.matches(candidate)
        if good and replay is not None:
            found.append((candidate, c, search.residual(replay.gradient)))
        if progress and count % 16 == 0:
            progress(count, len(known))
    return found


def _at_cost(known: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """What a minus and a factor at the output are, if they are no −α."""
    at_cost = (*mistakes_output.MISTAKES, *mistakes_mean.MISTAKES)
    return tuple(c for c in known if c.edits[0][0] in at_cost and not c.free)


def _rank(entry: tuple[Candidate, Scalars, float]) -> tuple[int, ...]:
    """What was never computed comes first: zero is given by many a rewriting, on one batch.

    A factor −0.1 is a learning rate's before it is a minus and a mean over ten outputs; −1/6 not.
    """
    candidate, c, _ = entry
    ids = list(CATALOGUE)
    ranks = [
        ids.index(m.id) if m.id in CATALOGUE and e.place.what != UPHILL else len(ids)
        for m, e in candidate.edits
    ]  # 0.1 without a minus is a count's before it is a learning rate's
    never = sum(mistake.id == FORGOTTEN for mistake, _ in candidate.edits)
    update = any(m.id == UPDATE and e.place.what != UPHILL for m, e in candidate.edits)
    a_rate = update and all(_has_digits(x, 2) for x in c)
    return (-never, -a_rate, candidate.free, sum(ranks), *ranks)


def _has_digits(x: float, digits: int) -> bool:
    return abs(x - float(f"{x:.{digits}g}")) <= 1e-6 * abs(x)


def _is_any_factor(candidate: Candidate, c: Scalars) -> bool:
    """Whether a learning rate is fitted that nobody would choose: what is clipped has any."""
    fitting = [edit for mistake, edit in candidate.edits if mistake.fits]
    return any(
        edit.place.what == UPHILL and not _has_digits(x, 1)
        for edit, x in zip(fitting, c, strict=True)
    )


def _is_forgotten(candidate: Candidate) -> bool:
    return all(mistake.id == FORGOTTEN for mistake, _ in candidate.edits)


def _grouped(
    search: Search,
    lines: Lines,
    found: Found,
    fresh: Callable[[], list[Base]],
    elsewhere: Callable[[], list[Mapping[str, Array]]] | None,
) -> tuple[Diagnosis, ...]:
    """Join what is the same function on other data too; the first of each group speaks."""
    bases = fresh() if len(found) > 1 or search.only_zeros else []
    groups: list[list[int]] = []
    for number_, (candidate, c, _) in enumerate(found):
        for group in groups:
            leader, leader_c, _ = found[group[0]]
            if all(_same(base, leader, leader_c, candidate, c) for base in bases):
                group.append(number_)
                break
        else:
            groups.append([number_])
    if (len(groups) > 1 or search.only_zeros) and elsewhere is not None:
        others = list(zip(bases, elsewhere(), strict=False))
        agreeing = [g for g in groups if all(_gives(base, *found[g[0]][:2], there, search.rtol)
                                             for base, there in others)]  # fmt: skip
        if search.only_zeros and not agreeing:
            groups = [g for g in groups if _is_forgotten(found[g[0]][0])]
        groups = agreeing or groups
    return tuple(_diagnosis(search, lines, found, group) for group in groups)


def _same(base: Base, a: Candidate, ca: Scalars, b: Candidate, cb: Scalars) -> bool:
    replays = [run_on(base, one, c) for one, c in ((a, ca), (b, cb))]
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


def _gives(
    base: Base,
    candidate: Candidate,
    c: Scalars,
    gradient: Mapping[str, Array],
    rtol: float,
) -> bool:
    replay = run_on(base, candidate, c)
    with np.errstate(all="ignore"):
        for name, given in gradient.items():
            found = replay.gradient(name)
            size = max(float(np.abs(found).max(initial=0)), float(np.abs(given).max(initial=0)))
            if found.shape != given.shape:
                return False
            if not np.abs(found - given).max(initial=0) <= 10 * rtol * size + 1e-13:
                return False
    return True


def _diagnosis(search: Search, lines: Lines, found: Found, group: list[int]) -> Diagnosis:
    candidate, c, residual = found[group[0]]
    order = {step.id: place for place, step in enumerate(search.base.plan.steps)}
    scalars = iter(c)
    chosen = [(m, e, next(scalars) if m.fits else None) for m, e in candidate.edits]
    # the one that is met first: forward, then from the output back
    (mistake, edit, _), *others = chosen = sorted(chosen, key=lambda e: order[e[1].steps[0].id])
    named = [(m, e.place) for m, e in candidate.edits]
    others_here = [(m, e.place) for i in group[1:] for m, e in found[i][0].edits]
    equivalent = {(m.id, place): (m, place) for m, place in others_here if (m, place) not in named}
    below = c[0] if len(c) > 1 else None
    written = [
        lines.both(e.steps[0].id, {step.id: step for step in e.steps}, c[-1] if c else None, below)
        for _, e, _ in chosen
    ]
    names = Counter(m.fits for m, _, _ in chosen)
    return Diagnosis(
        mistake,
        edit.place,
        {m.fits if names[m.fits] == 1 else _at(m, e.place): value
         for m, e, value in chosen if value is not None},
        residual,
        "\n".join(wrong for wrong, _ in written),
        "\n".join(right for _, right in written),
        tuple((m, e.place) for m, e, _ in others),
        tuple(equivalent.values()),
        lines.function,
        {place: lines.place(place) for _, place in (*named, *equivalent.values())},
    )  # fmt: skip
