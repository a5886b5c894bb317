"""Mistakes of the gradient as a whole: its sign, a factor, the update in its place.

They are asked last: what a mistake in one line gives too is that line's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clearprop.backprop import Plan, Term
from clearprop.checking.edits import all_terms, data_terms
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.mistakes_mean import WHOLE, each_cost
from clearprop.checking.places import gradients, groups
from clearprop.checking.replay import FREE
from clearprop.expressions import Neg, Num, Sym

UPDATE = "update-for-gradient"

#: What the place of an update without its minus says.
UPHILL = "the step α ∂J/∂W, without its minus"


def _negated(plan: Plan) -> Iterator[Edit]:
    steps = tuple(all_terms(step, Neg) for _, step in gradients(plan))
    if steps:
        yield Edit(Place(steps[0].id, what=WHOLE), steps)


def _twice(plan: Plan) -> Iterator[Edit]:
    steps = dict(gradients(plan))
    if steps:
        first = next(iter(steps.values()))
        doubled = tuple(all_terms(step, lambda x: Num(2.0) * x) for step in steps.values())
        yield Edit(Place(first.id, what=WHOLE), doubled)
    for place, names in groups(plan):
        yield Edit(place, tuple(all_terms(steps[n], lambda x: Num(2.0) * x) for n in names))


def _another_count(plan: Plan) -> Iterator[Edit]:
    yield from each_cost(lambda term: FREE)(plan)
    steps = dict(gradients(plan))
    for place, names in groups(plan):
        yield Edit(place, tuple(data_terms(steps[n], lambda x: FREE * x) for n in names))


def _updated(plan: Plan) -> Iterator[Edit]:
    """−α ∂J/∂W, penalty and all; or W − α ∂J/∂W; or α ∂J/∂W, which is subtracted later."""
    steps = [step for _, step in gradients(plan)]
    if not steps:
        return
    first = steps[0].id
    moves = tuple(all_terms(step, lambda x: Neg(FREE * x)) for step in steps)
    yield Edit(Place(first, what="the step −α ∂J/∂W"), moves)
    moved = []
    for (name, _), move in zip(gradients(plan), moves, strict=True):
        W = Sym(name, plan.graph.parameters[name].spec.type)
        moved.append(replace(move, terms=(Term("", W), *move.terms)))
    yield Edit(Place(first, what="the new parameters W − α ∂J/∂W"), tuple(moved))
    scaled = tuple(all_terms(step, lambda x: FREE * x) for step in steps)
    yield Edit(Place(first, what=UPHILL), scaled)


MISTAKES = (
    Mistake(
        "gradient-negated",
        "the whole gradient has the wrong sign, penalty and all",
        "the direction of descent −∂J/∂W is returned in place of the gradient",
        "return ∂J/∂W; the update subtracts it",
        ("SO 59399842",),
        _negated,
    ),
    Mistake(
        "accumulated-twice",
        "the gradient is counted twice",
        "backward ran twice and the gradients were not set to zero in between",
        "set the gradients to zero before each backward pass",
        ("micrograd PR#102",),
        _twice,
    ),
    Mistake(
        UPDATE,
        "the update is returned in place of the gradient",
        "the learning rate, and the minus of gradient descent, were put into the function",
        "return ∂J/∂W; the update multiplies it by α and subtracts it",
        ("ours",),
        _updated,
        fits="learning rate",
        within=(0.0, 1.0),  # with α = 1 the step is −∂J/∂W, a mistake of its own
    ),
    Mistake(
        "another-count",
        "the gradient is divided by another count",
        "micro-batches were added up and not averaged, or time steps, units or all entries counted",
        "divide by the number of samples of the whole batch",
        ("openai/guided-diffusion#111", "GradientChecking, can I blame float precision?"),
        _another_count,
        fits="factor",
    ),
)
