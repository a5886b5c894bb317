"""Which mistake gives this gradient: all rewritings are asked, then pairs of them.

What gives the same gradient on other data too is one function, and one diagnosis; what is no known
mistake gets no name. Proved by ``tests/test_mistakes.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from clearprop.checking.lines import Lines
from clearprop.checking.mistake import Mistake, Place
from clearprop.checking.mistakes import CATALOGUE
from clearprop.checking.mistakes_weights import FORGOTTEN
from clearprop.checking.pairs import Found, find_pairs
from clearprop.checking.places import Same
from clearprop.checking.replay import Base, Loop
from clearprop.checking.search import Candidate, Search, run_on, singles
from clearprop.errors import ShapeError
from clearprop.expressions import Array
from clearprop.words import number


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
        else:
            found = find_pairs(search, known, seconds, progress)
        if search.only_zeros and elsewhere is None:  # nothing tells chance from zero
            found = [entry for entry in found if _is_forgotten(entry[0])]
        found.sort(key=lambda entry: _rank(entry[0]))
        return _grouped(search, lines, found, fresh, elsewhere) if found else ()


def _find_singles(
    search: Search,
    known: tuple[Candidate, ...],
    progress: Callable[[int, int], None] | None,
) -> Found:
    found: Found = []
    for count, candidate in enumerate(known):
        good, fitted, replay = search.matches(candidate)
        if good and replay is not None:
            found.append((candidate, fitted, search.residual(replay.gradient)))
        if progress and count % 16 == 0:
            progress(count, len(known))
    return found


def _rank(candidate: Candidate) -> tuple[int, ...]:
    """What was never computed comes first: zero is given by many a rewriting, on one batch."""
    ids = list(CATALOGUE)
    ranks = [ids.index(m.id) if m.id in CATALOGUE else len(ids) for m, _ in candidate.edits]
    never = sum(mistake.id == FORGOTTEN for mistake, _ in candidate.edits)
    return (-never, candidate.free, sum(ranks), *ranks)


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
    for number_, (candidate, fitted, _) in enumerate(found):
        for group in groups:
            leader, leader_fitted, _ = found[group[0]]
            if all(_same(base, leader, leader_fitted, candidate, fitted) for base in bases):
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


def _same(
    base: Base, a: Candidate, fa: dict[str, float], b: Candidate, fb: dict[str, float]
) -> bool:
    replays = [run_on(base, one, _free(fitted)) for one, fitted in ((a, fa), (b, fb))]
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


def _free(fitted: Mapping[str, float]) -> float | None:
    return next(iter(fitted.values()), None)


def _gives(
    base: Base,
    candidate: Candidate,
    fitted: dict[str, float],
    gradient: Mapping[str, Array],
    rtol: float,
) -> bool:
    replay = run_on(base, candidate, _free(fitted))
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
    candidate, fitted, residual = found[group[0]]
    order = {step.id: place for place, step in enumerate(search.base.plan.steps)}
    # the one that is met first: forward, then from the output back
    (mistake, edit), *others = sorted(candidate.edits, key=lambda e: order[e[1].steps[0].id])
    equivalent = []
    for index in group[1:]:
        other = found[index][0]
        equivalent += [(m, e.place) for m, e in other.edits]
    written = [
        lines.both(e.steps[0].id, {step.id: step for step in e.steps}, _free(fitted))
        for e in (edit, *(e for _, e in others))
    ]
    return Diagnosis(
        mistake,
        edit.place,
        fitted,
        residual,
        "\n".join(wrong for wrong, _ in written),
        "\n".join(right for _, right in written),
        tuple((m, e.place) for m, e in others),
        tuple(equivalent),
    )
