"""A rewriting to be asked: one edit of the plan, or several, the later on top of the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial

import numpy as np

from clearprop.backprop import Plan, Step, Term
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.replay import BELOW, FREE, Base, Replay
from clearprop.checking.same import Same
from clearprop.expressions import Array, Sym, substitute, symbols

#: The values of the scalars that a rewriting leaves open, in the order of its edits.
Scalars = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A rewriting to be asked: one edit, or more, the later on top of the first.

    ``scalar`` is the symbol of what the later edits leave open, or the first without later ones.
    """

    right: Plan
    edits: tuple[tuple[Mistake, Edit], ...]
    on: Candidate | None = None
    scalar: Sym = FREE

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

    @cached_property
    def lower(self) -> Candidate:
        """This rewriting, its scalar called otherwise than that of one on top of it."""
        edits = (
            (mistake, replace(edit, steps=tuple(map(_renamed, edit.steps))))
            for mistake, edit in self.edits
        )
        return Candidate(self.right, tuple(edits), self.on, BELOW)

    def _under(self, mistake: Mistake) -> Candidate:
        return self.lower if self.free and mistake.fits else self

    def edits_on_top(self, mistake: Mistake) -> tuple[Edit, ...]:
        """Return the places where a second mistake can stand on top of this one."""
        if mistake.id not in self.again:
            self.again[mistake.id] = tuple(mistake.edits(self._under(mistake).plan))
        return self.again[mistake.id]

    def with_second(self, mistake: Mistake, edit: Edit) -> Candidate:
        """Return this rewriting with a second one on top."""
        below = self._under(mistake)
        return Candidate(self.right, (*below.edits, (mistake, edit)), below)

    def with_more(self, edits: Iterable[tuple[Mistake, Edit]]) -> Candidate:
        """Return this rewriting with edits on top that leave nothing open and read nothing new."""
        return Candidate(self.right, (*self.edits, *edits), self)

    def given(self, c: Scalars) -> dict[str, Array]:
        """Return the values that the edits on top bring with them."""
        return {self.scalar.name: np.asarray(c[-1])} if self.free > self.free_below else {}

    @property
    def key(self) -> tuple[tuple[str, Place], ...]:
        return tuple((mistake.id, edit.place) for mistake, edit in self.edits)

    @cached_property
    def free(self) -> int:
        """How many scalars it leaves open."""
        return sum(bool(mistake.fits) for mistake, _ in self.edits)

    @property
    def free_below(self) -> int:
        """How many of them what it stands on leaves open."""
        return self.on.free if self.on else 0

    @property
    def fits(self) -> tuple[Mistake, ...]:
        """The mistakes that leave a scalar open, as `Scalars` has their values."""
        return tuple(mistake for mistake, _ in self.edits if mistake.fits)


#: Rewritings that give a gradient, what was fitted for them, and how near they come.
Found = list[tuple[Candidate, Scalars, float]]


def _renamed(step: Step) -> Step:
    """The step with `BELOW` for `FREE`; what has none stays the term it is."""
    terms = (
        Term(term.via, substitute(term.expr, {FREE: BELOW})) if FREE in symbols(term.expr) else term
        for term in step.terms
    )
    return replace(step, terms=tuple(terms))


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
    c: Scalars = (),
    below: Callable[[Candidate, Scalars], Replay] | None = None,
) -> Replay:
    """Return a rewriting's run on top of a right run, its scalars set to c."""
    one = candidate.on
    if one is None:
        return Replay(base, candidate.steps.values(), candidate.given(c))
    find = below or partial(run_on, base)
    top = {step.id: step for _, edit in candidate.edits[len(one.edits) :] for step in edit.steps}
    return Replay(base, top.values(), candidate.given(c), find(one, c[: one.free]))
