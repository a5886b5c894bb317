"""Mistakes with the mean in the cost: over samples and their weights, outputs, members."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from clearprop.backprop import SAMPLE_WEIGHT, Plan
from clearprop.checking.edits import all_terms, data_terms, with_term
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.patterns import CostTerm, cost_terms
from clearprop.checking.places import gradients, groups
from clearprop.checking.replay import ROWS, WEIGHT_SUM
from clearprop.expressions import Expr, Num, substitute

WHOLE = "the whole gradient"


def each_cost(change: Callable[[CostTerm], Expr | None]) -> Callable[[Plan], Iterator[Edit]]:
    """Edits that put a factor on a cost's term: at each cost, and at all of several at once."""

    def edits(plan: Plan) -> Iterator[Edit]:
        found = [(term, factor) for term in cost_terms(plan) if (factor := change(term))]
        for term, factor in found:
            yield Edit(term.place, (term.times(factor),))
        if len(found) > 1:
            steps = tuple(term.times(factor) for term, factor in found)
            yield Edit(Place(found[0][0].place.step, what="every output"), steps)

    return edits


def _mean_missing(plan: Plan) -> Iterator[Edit]:
    yield from each_cost(lambda term: WEIGHT_SUM)(plan)
    for place, names in groups(plan):
        steps = dict(gradients(plan))
        yield Edit(place, tuple(data_terms(steps[n], lambda x: WEIGHT_SUM * x) for n in names))


def _mean_twice(plan: Plan) -> Iterator[Edit]:
    yield from each_cost(lambda term: 1 / WEIGHT_SUM)(plan)
    for step in plan.steps:
        if step.kind == "adjoint" and all(term.via != "cost" for term in step.terms):
            place = Place(step.id, step.target.name.removeprefix("delta").lstrip("_"))
            yield Edit(place, (all_terms(step, lambda x: x / WEIGHT_SUM),))
    steps = dict(gradients(plan))
    for place, names in groups(plan):
        if any(plan.graph.parameters[n].spec.role != "b" for n in names):
            yield Edit(place, tuple(data_terms(steps[n], lambda x: x / WEIGHT_SUM) for n in names))


def _squared(term: CostTerm) -> bool:
    return term.cost.row.name in ("squared_error", "huber")


def _width(term: CostTerm) -> Expr | None:
    width = term.out.shape[0]
    return Num(float(width)) if width > 1 else None


def _over_outputs(term: CostTerm) -> Expr | None:
    width = _width(term)
    return None if width is None else 1 / width


def _weights_ignored(plan: Plan) -> Iterator[Edit]:
    # wᵢ / Σ w becomes 1 / m
    steps = []
    for term in cost_terms(plan):
        expr = substitute(term.step.terms[term.index].expr, {SAMPLE_WEIGHT: 1 / ROWS})
        # keep one value for each sample: the share alone had the sample axis
        steps.append(with_term(term.step, term.index, expr))
        yield Edit(term.place, (steps[-1],))
    if len(steps) > 1:
        yield Edit(Place(steps[0].id, what="every output"), tuple(steps))


def _members_added(plan: Plan) -> Iterator[Edit]:
    if not plan.graph.members:
        return
    K = Num(float(plan.graph.members))
    yield from each_cost(lambda term: K)(plan)
    steps = tuple(all_terms(step, lambda x: K * x) for _, step in gradients(plan))
    yield Edit(Place(steps[0].id, what=f"{WHOLE}, penalty and all"), steps)


MISTAKES = (
    Mistake(
        "mean-missing",
        "the mean over the batch is missing (the sum is there)",
        "1/m is forgotten, or thought to be elsewhere",
        "divide by m (by Σ w with sample weights), once",
        ("prachub 3244", "S0:47, :51 lose 1/m"),
        _mean_missing,
    ),
    Mistake(
        "mean-twice",
        "the mean over the batch is taken twice",
        "1/m stands in δ and again in the gradient",
        "divide by m once: in δ or in the gradients",
        ("community.deeplearning.ai t/63071",),
        _mean_twice,
    ),
    Mistake(
        "factor-two",
        "the gradient is twice too large: the cost has a ½",
        "(a − y)² gives 2 (a − y); the ½ of this cost takes the 2 away",
        "leave the 2 out",
        ("datascience.SE 33172", "stats.SE 479163"),
        each_cost(lambda term: Num(2.0) if _squared(term) else None),
    ),
    Mistake(
        "factor-half",
        "the gradient is half as large as it should be: the ½ is in the cost already",
        "the ½ of the cost was kept in its derivative",
        "½ (a − y)² has the derivative a − y",
        ("stats.SE 479163",),
        each_cost(lambda term: Num(0.5) if _squared(term) else None),
    ),
    Mistake(
        "sum-over-outputs-as-mean",
        "the cost is averaged over the outputs, not summed",
        "a mean over all entries divides by m and by the number of outputs",
        "divide by m alone: this cost sums over the outputs",
        ("stats.SE 479163", "scikit-learn#8349"),
        each_cost(_over_outputs),
    ),
    Mistake(
        "outputs-multiplied",
        "the gradient is larger by the number of outputs",
        "the loss that is reported is a mean over the outputs, the gradient is that of their sum",
        "use one reduction for both",
        ("scikit-learn#8349",),
        each_cost(_width),
    ),
    Mistake(
        "weights-ignored",
        "the sample weights are ignored",
        "the mean is taken with 1/m",
        "weight each sample's δ with wᵢ / Σ w",
        ("ours",),
        _weights_ignored,
    ),
    Mistake(
        "weights-not-normalised",
        "the weighted sum is divided by m, not by Σ w",
        "1/m was kept from the case without weights",
        "divide by Σ w",
        ("ours",),
        each_cost(lambda term: WEIGHT_SUM / ROWS),
    ),
    Mistake(
        "members-added",
        "the members' costs are added, not averaged",
        "each member has the gradient that it would have alone",
        "divide by the number of members K: the cost is the mean of theirs",
        ("ours",),
        _members_added,
    ),
)
