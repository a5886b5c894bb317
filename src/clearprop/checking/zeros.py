"""Gradients that were never computed, and one other mistake beside them.

Arrays that were made and not filled are how one begins, so of them any number may stand in a
gradient. Proved by ``tests/test_mistakes_together.py``.
"""

from __future__ import annotations

import numpy as np

from clearprop.backprop import gradient_name
from clearprop.checking.candidate import Candidate, Found
from clearprop.checking.mistake import Edit, Mistake
from clearprop.checking.mistakes_weights import FORGOTTEN
from clearprop.checking.search import Search


def never_computed(search: Search) -> list[str]:
    """Return the wrong gradients that are zero."""
    return [n for n in search.wrong if search.off(n, np.zeros_like(search.given[n])) <= 1]


def beside_zeros(search: Search, singles: tuple[Candidate, ...]) -> Found:
    """Return what gives the gradient once those that are zero are called never computed.

    Parameters
    ----------
    search : Search
    singles : tuple of Candidate
        Every single mistake of the plan.
    """
    zeros = never_computed(search)
    forgotten = _cover(zeros, singles)
    if not forgotten:
        return []
    if search.only_zeros:
        every = Candidate(search.base.plan, forgotten)
        return [(every, (), search.residual(search.replay(every).gradient))]
    left = [name for name in search.order if name not in zeros]
    found: Found = []
    for one in singles:
        if one.edits[0][0].id == FORGOTTEN:
            continue
        good, c, replay = search.matches(both := one.with_more(forgotten), left)
        if good and replay is not None:
            found.append((both, c, search.residual(replay.gradient)))
    return found


def _cover(zeros: list[str], singles: tuple[Candidate, ...]) -> tuple[tuple[Mistake, Edit], ...]:
    """The fewest places that are these gradients: a layer's, if all of it is zero."""
    left = {gradient_name(name) for name in zeros}
    known = [c for c in singles if c.edits[0][0].id == FORGOTTEN]
    chosen: list[tuple[Mistake, Edit]] = []
    for one in sorted(known, key=lambda c: -len(c.steps)):
        if one.steps.keys() <= left:
            chosen += one.edits
            left -= one.steps.keys()
    return () if left else tuple(chosen)
