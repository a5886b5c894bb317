"""Mistakes with the penalty λ/2 Σ W², whose derivative is λ W."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from clearprop.backprop import Plan, Step
from clearprop.checking.edits import with_term, without_term
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.patterns import bias_uses
from clearprop.checking.places import gradients, parameter_layer
from clearprop.checking.replay import FREE, ROWS, WEIGHT_SUM
from clearprop.expressions import Expr, Hadamard, Num, primitive


def _penalty(
    change: Callable[[Expr, Expr], Expr | None],
) -> Callable[[Plan], Iterator[Edit]]:
    """Edits of λ W: of each weight, and of all. ``change`` is given λ and W; None drops it."""

    def edits(plan: Plan) -> Iterator[Edit]:
        every: list[Step] = []
        for name, step in gradients(plan):
            for index, term in enumerate(step.terms):
                if term.via != "penalty" or not isinstance(term.expr, Hadamard):
                    continue
                expr = change(term.expr.left, term.expr.right)
                edit = without_term(step, index) if expr is None else with_term(step, index, expr)
                every.append(edit)
                yield Edit(Place(step.id, parameter_layer(plan, name), name), (edit,))
        if len(every) > 1:
            yield Edit(Place(every[0].id, parameter="every weight"), tuple(every))

    return edits


def _dropped(factor: Expr, W: Expr) -> Expr | None:
    return None


def _over_batch(plan: Plan) -> Iterator[Edit]:
    """By m, and by what the mean is divided by where samples have weights."""
    yield from _penalty(lambda factor, W: (factor / ROWS) * W)(plan)
    yield from _penalty(lambda factor, W: (factor / WEIGHT_SUM) * W)(plan)


def _l2_on_biases(plan: Plan) -> Iterator[Edit]:
    if not plan.graph.l2:
        return
    found: list[Step] = []
    for bias in bias_uses(plan):
        term = replace(bias.step.terms[0], via="penalty", expr=Num(plan.graph.l2) * bias.b)
        step = replace(bias.step, terms=(*bias.step.terms, term))
        found.append(step)
        yield Edit(bias.place, (step,))
    if len(found) > 1:
        yield Edit(Place(found[0].id, parameter="every bias"), tuple(found))


MISTAKES = (
    Mistake(
        "l2-missing",
        "the penalty's λ W is missing",
        "λ/2 Σ W² is in the cost and not in the gradient",
        "add λ W",
        ("community.deeplearning.ai t/16505",),
        _penalty(_dropped),
    ),
    Mistake(
        "l2-factor-two",
        "the penalty's derivative is 2 λ W: its ½ was forgotten",
        "λ Σ W² was differentiated in place of λ/2 Σ W²",
        "λ/2 Σ W² has the derivative λ W",
        ("stats.SE 479163",),
        _penalty(lambda factor, W: Num(2.0) * (factor * W)),
    ),
    Mistake(
        "l2-over-batch",
        "the penalty's derivative is divided by m",
        "the cost is taken for a mean of everything",
        "add λ W as it is: the penalty is not part of the mean",
        ("community.deeplearning.ai t/16505: λ/m W",),
        _over_batch,
    ),
    Mistake(
        "l2-sign",
        "the penalty's derivative has the wrong sign",
        "the weight decay of the update was put into the gradient",
        "add λ W",
        ("S0:47",),
        _penalty(lambda factor, W: -(factor * W)),
    ),
    Mistake(
        "l2-not-scaled",
        "the penalty's λ W has another factor",
        "λ is left out, or belongs to an update and is not multiplied by α",
        "add λ W",
        ("S0:47",),
        _penalty(lambda factor, W: FREE * W),
        fits="factor of W",
    ),
    Mistake(
        "l1-for-l2",
        "the penalty's derivative is λ sign(W), that of Σ |W|",
        "the derivative is that of the other penalty",
        "add λ W: the penalty is λ/2 Σ W²",
        ("ours",),
        _penalty(lambda factor, W: factor * primitive("sign", W)),
    ),
    Mistake(
        "l2-not-differentiated",
        "the penalty itself, λ/2 W², stands in place of its derivative",
        "what is added to the cost is added to the gradient too",
        "add λ W, the derivative of λ/2 W²",
        ("ours",),
        _penalty(lambda factor, W: (factor * Num(0.5)) * (W * W)),
    ),
    Mistake(
        "l2-on-biases",
        "the penalty counts the biases too",
        "λ is applied to all parameters",
        "penalise weights only",
        ("Coursera ex4: bias should not be regularized",),
        _l2_on_biases,
    ),
)
