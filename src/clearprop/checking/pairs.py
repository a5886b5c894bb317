"""Two mistakes at once, without asking every two.

What is right must stay right, and the first tensor that is wrong, from the output back, is
explained by one mistake alone or changed by both. Proved by ``tests/test_mistakes.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clearprop.backprop import gradient_name
from clearprop.checking.candidate import Candidate, Found
from clearprop.checking.mistake import Mistake, Place
from clearprop.checking.mistakes_indices import OFF_BY_ONE
from clearprop.checking.replay import Loop
from clearprop.checking.search import Search
from clearprop.errors import ShapeError

#: Which gradients a rewriting with a free scalar touches.
Touched = dict[tuple[str, Place], frozenset[str]]


@dataclass(frozen=True)
class _Kinds:
    """Single mistakes by what they do to the first wrong tensor, those that harm nothing right."""

    explaining: list[Candidate]
    changing: list[Candidate]
    rest: list[Candidate]
    touched: Touched


def find_pairs(
    search: Search,
    singles: tuple[Candidate, ...],
    seconds: float,
    progress: Callable[[int, int], None] | None = None,
) -> Found:
    """Return the pairs of mistakes that give the gradient.

    Parameters
    ----------
    search : Search
    singles : tuple of Candidate
        Every single mistake of the plan.
    seconds : float
        When to stop looking.
    progress : callable (done, total), optional
    """
    until = time.monotonic() + seconds
    kinds = _by_kind(search, singles)
    total = len(kinds.explaining) + len(kinds.changing)
    found: Found = []
    for count, one in enumerate(kinds.explaining):
        for both in _with(one, kinds.rest):
            if time.monotonic() > until:
                return found
            _ask(search, both, search.order, found, kinds.touched)
        if progress:
            progress(count, total)
    if found:
        return found
    first = search.wrong[0]
    names = [first, *(n for n in search.order if n != first)]
    for count, one in enumerate(kinds.changing):
        # of two that change different steps the order is nothing
        for both in _with(one, kinds.changing, kinds.changing[count + 1 :]):
            if time.monotonic() > until:
                return found
            _ask(search, both, names, found, kinds.touched)
        if progress:
            progress(len(kinds.explaining) + count, total)
    return found


def _by_kind(search: Search, singles: tuple[Candidate, ...]) -> _Kinds:
    right = [name for name in search.order if name not in search.wrong]
    first = search.wrong[0]
    kinds = _Kinds([], [], [], {})
    for candidate in singles:
        try:
            if candidate.free:
                replay = search.replay(candidate, (0.5,))
                touched = {n for n in search.order if replay.touches(gradient_name(n))}
                if touched & set(right):
                    continue
                kinds.touched[candidate.key[0]] = frozenset(touched)
                changes = first in touched
                explains = changes and search.matches(candidate, [first])[0]
            else:
                kept, _, kept_replay = search.matches(candidate, right)
                if not kept or kept_replay is None:
                    continue
                now = kept_replay.gradient(first)
                changes = search.apart(first, now, search.right[first]) > 1
                explains = changes and search.off(first, now) <= 1
        except (Loop, ShapeError):
            continue
        (kinds.changing if changes else kinds.rest).append(candidate)
        if explains:
            kinds.explaining.append(candidate)
    # what changes most is run once, and the others on top of it
    for kind in (kinds.explaining, kinds.changing):
        kind.sort(key=lambda c: -search.replay(c, (0.5,) if c.free else ()).reach)
    return kinds


def _with(
    one: Candidate, others: list[Candidate], apart: list[Candidate] | None = None
) -> Iterator[Candidate]:
    """Yield ``one`` with each second mistake made on top of it.

    Edits of different steps stand side by side, and only those with the ``apart`` are asked; where
    the second rewrites, or has copied from, what the first has rewritten, it is made anew. What was
    copied may also be as it was: Δ for δ = −Δ ⊙ f′ is −Δ, or Δ. What changes all gradients is made
    on top of the other: its −Σ δ aᵀ or 2 Σ δ aᵀ is no place for a second mistake.
    """
    if one.steps.keys() >= {gradient_name(name) for name in one.right.graph.parameters}:
        ((mistake, whole),) = one.edits
        for second in others:
            if second is not one and second.steps.keys() & one.steps.keys():
                for edit in second.edits_on_top(mistake):
                    if edit.place == whole.place:
                        yield second.with_second(mistake, edit)
    anew: dict[str, tuple[Mistake, set[Place]]] = {}
    beside = {id(c) for c in (others if apart is None else apart)}
    for second in others:
        ((mistake, edit),) = second.edits
        if second is one:
            continue
        clash = one.steps.keys() & second.steps.keys()
        if clash or one.steps.keys() & set(edit.copies):
            anew.setdefault(mistake.id, (mistake, set()))[1].add(edit.place)
        if not clash and id(second) in beside:
            yield one.with_second(mistake, edit)
    for mistake, places in anew.values():
        for edit in one.edits_on_top(mistake):
            if edit.place in places:
                yield one.with_second(mistake, edit)


def _overlapping(both: Candidate) -> bool:
    """Whether it is one mistake made twice in one term: the first sample of the last one is none.

    An index may slip at each factor of a product.
    """
    (one, first), (other, second) = both.edits
    if one is not other or one.id == OFF_BY_ONE:
        return False
    under = {step.id: step for step in first.steps}
    for step in second.steps:
        if step.id not in under:
            continue
        right, once = both.right.step(step.id).terms, under[step.id].terms
        if not len(right) == len(once) == len(step.terms):
            return True
        if any(a is not b and b is not c for a, b, c in zip(right, once, step.terms, strict=True)):
            return True
    return False


def _ask(search: Search, both: Candidate, names: list[str], found: Found, touched: Touched) -> None:
    if _overlapping(both):
        return
    if both.free == 2 and not touched[both.key[0]] | touched[both.key[1]] >= set(search.wrong):
        return  # something is wrong that neither touches
    good, c, replay = search.matches(both, names)
    if good and replay is not None:
        keys = {frozenset(candidate.key) for candidate, _, _ in found}
        if frozenset(both.key) not in keys:
            found.append((both, c, search.residual(replay.gradient)))
