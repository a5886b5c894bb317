"""Why a step is what it is: which sentence fits, told by the shape of its expression.

Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from clearprop.backprop import Plan, Step, Term
from clearprop.derivation.wording.said import Said
from clearprop.expressions import (
    Add,
    Apply,
    Concat,
    Expr,
    Hadamard,
    MatMul,
    Num,
    OneHot,
    Outer,
    Slice,
    Sum,
    Sym,
    Transpose,
    walk,
)
from clearprop.operations import Function


def forward_words(expr: Expr, plan: Plan) -> str:
    """Which sentence fits a forward step: told by the shape of its expression."""
    nodes = list(walk(expr))
    parameters = set(plan.graph.parameters)
    if any(isinstance(node, OneHot) for node in nodes):
        return "looked_up"
    if any(isinstance(node, Sym) and node.name in plan.masks for node in nodes):
        return "dropped"
    match expr:
        case Add((MatMul(), Sym())):
            return "weighted"
        case MatMul():
            return "weighted_plain"
        case Apply():
            return "activated"
        case Concat():
            return "stacked"
        case Add(terms) if all(
            isinstance(term, Sym) and term.name not in parameters for term in terms
        ):
            return "joined"
        case Hadamard():
            return "scaled"
    return "computed"


def wire_words(expr: Expr) -> str:
    """Which sentence fits what comes back over one wire: told by the shape of its term."""
    match expr:
        case MatMul(Transpose(Sym())):
            return "arrives_why"
        case Sym():
            return "arrives_unchanged_why"
        case Slice():
            return "arrives_part_why"
        case Hadamard(Sym(), Apply(form="derivative")):
            return "arrives_unchanged_why" if slope_is_one(expr) else "arrives_slope_why"
        case Hadamard(Sym(), Sym()):
            return "arrives_factor_why"
        case Sum():
            return "arrives_members_why"
    return "arrives_coupled_why"


def slope_is_one(expr: Expr) -> bool:
    """Whether the last factor is the derivative of the identity."""
    match expr:
        case Hadamard(_, Apply(Function() as row, args, attrs, "derivative")):
            return row.slope(args[0], dict(attrs)) == Num(1.0)
    return False


def delta_words(step: Step, arriving: Sequence[Term], final: bool) -> Said:
    """Why a δ is what it is; ``arriving``: what is put in for Δ, else the step's own terms.

    ``final``: a δ of the output layer.
    """
    if wire_words(step.expr) == "arrives_coupled_why" and not _has_slope(step.expr):
        return Said("arrives_coupled_why")
    unit = slope_is_one(step.expr)
    if len(arriving) > 1:
        return Said("arrives_sum_why" if unit else "delta_sum_why", count=len(arriving))
    if final:
        return Said("output_delta_identity_why" if unit else "output_delta_why")
    wire = wire_words(arriving[0].expr)
    if unit:  # what is put in for Δ is all that the equation shows
        plain = wire in ("arrives_why", "arrives_unchanged_why")
        return Said("delta_identity_why" if plain else wire)
    return Said("delta_why" if wire == "arrives_why" else "delta_arrived_why")


def _has_slope(expr: Expr) -> bool:
    """Whether a derivative unit by unit stands in it; softmax has none."""
    return any(isinstance(node, Apply) and node.form == "derivative" for node in walk(expr))


def gradient_words(step: Step, delta: str) -> Said:
    """Why a gradient is what it is: told by what is summed over the samples.

    ``delta``: what the text calls δ.
    """
    uses = [term for term in step.terms if isinstance(term.expr, Sum)]
    if len(uses) > 1:
        return Said("gradient_tied_why", count=len(uses))
    body = uses[0].expr.body if uses and isinstance(uses[0].expr, Sum) else None
    match body:
        case Outer(OneHot()):
            return Said("gradient_table_why")
        case Outer():
            return Said("gradient_why", delta=delta)
        case Sum():
            return Said("gradient_shared_why", delta=delta)
        case Sym():
            return Said("gradient_bias_why", delta=delta)
    return Said("gradient_other_why")
