"""Mistakes of the index: the z, a, δ or W of another layer where this layer's was meant.

An array of one column fits too, where NumPy and PyTorch stretch it over the units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from clearprop.backprop import Plan, Step, adjoint_name
from clearprop.checking.edits import with_term
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.patterns import (
    Back,
    BiasUse,
    Slope,
    WeightUse,
    backs,
    before_derivative,
    bias_uses,
    slopes,
    weight_uses,
)
from clearprop.checking.replay import ones
from clearprop.checking.together import and_everywhere
from clearprop.expressions import Concat, Expr, Hadamard, Slice, Sum, Sym, Transpose
from clearprop.operations import Function

OFF_BY_ONE = "layers-off-by-one"


def _stretched(expr: Expr, of: Expr) -> Expr | None:
    """What stands where ``of`` should: itself, one column for each unit, or nothing that fits."""
    if expr.type == of.type:
        return expr
    if len(of.shape) == 1 and expr.type == replace(of.type, shape=(1,)):
        return Hadamard(ones(of.shape[0]), Sum(("unit",), expr))
    return None


def _values(plan: Plan, *kinds: str) -> list[Sym]:
    return [Sym(v.name, v.type) for v in plan.graph.values.values() if v.kind in kinds]


def _deltas(plan: Plan) -> list[Sym]:
    return [step.target for step in plan.steps if step.kind == "adjoint"]


def _what(other: Sym, own: Sym) -> str:
    return f"{other.name} for {own.name}"


def _off_by_one(plan: Plan) -> Iterator[Edit]:
    yield from _of_another_z(plan)
    for use in weight_uses(plan):
        yield from _in_a_weight(plan, use)
    for back in backs(plan):  # another layer's W
        for name, parameter in plan.graph.parameters.items():
            W = Sym(name, parameter.spec.type)
            if W == back.W or len(W.shape) != 2 or W.shape[0] != back.W.shape[0]:
                continue
            other, own = Transpose(W) @ back.delta, Transpose(back.W) @ back.delta
            passed = _stretched(other, own) or _cut_later(plan, back, other)
            if passed is not None:
                what = _what(W, back.W)
                yield Edit(replace(back.place, what=what), (back.instead(passed),))
    yield from _in_a_loop(plan)


def _cut_later(plan: Plan, back: Back, other: Expr) -> Expr | None:
    """What is too wide fits too where it is only cut into the parts of a concat."""
    units = back.W.shape[1]
    joins = (n for n in plan.graph.nodes if adjoint_name(n.output) == back.step.target.name)
    if len(back.step.terms) > 1 or other.shape[0] < units:
        return None
    cut = any(isinstance(plan.step(n.output).terms[0].expr, Concat) for n in joins)
    return Slice(other, 0, units) if cut else None


def _of_another_z(plan: Plan) -> Iterator[Edit]:
    """f′ of another layer's z."""
    found = list(slopes(plan))
    zs = {z.name: z for z in _values(plan, "preactivation")}
    zs |= {slope.z.name: slope.z for slope in found if isinstance(slope.z, Sym)}
    for slope in found:
        for z in zs.values():
            if z != slope.z and (step := _with_z(slope, z)) is not None:
                assert isinstance(slope.z, Sym)
                yield Edit(replace(slope.place, what=_what(z, slope.z)), (step,))


def _with_z(slope: Slope, z: Sym) -> Step | None:
    if not isinstance(slope.z, Sym):
        return None
    prime = _stretched(replace(slope.node, args=(z,)), slope.node)
    return None if prime is None else slope.instead(prime)


def _in_a_weight(plan: Plan, use: WeightUse) -> Iterator[Edit]:
    """δ times another layer's a, and another layer's δ times a, or in b too."""
    stretches = len(use.step.terms) > 1  # over another summand, the penalty or a tied use
    if isinstance(use.x, Sym):
        for a in _values(plan, "input", "activation"):
            x = _stretched(a, use.x)
            if a != use.x and x is not None and (x == a or stretches):
                yield Edit(replace(use.place, what=_what(a, use.x)), (use.instead(x=x),))
    if not isinstance(use.delta, Sym):
        return
    biases = [bias for bias in bias_uses(plan) if bias.via == use.via]
    for other in _deltas(plan):
        delta = _stretched(other, use.delta)
        if other == use.delta or delta is None or not (delta == other or stretches):
            continue
        what = _what(other, use.delta)
        weight = use.instead(delta=delta)
        yield Edit(replace(use.place, what=what), (weight,))
        for bias in biases:
            if (step := _with_delta(bias, other)) is not None:
                place = Place(use.step.id, use.place.layer, what=what)
                yield Edit(place, (weight, step))


def _in_a_loop(plan: Plan) -> Iterator[Edit]:
    """At every layer at once: f′ of the next layer's z, or the a that a layer makes for its x."""
    zs = [z.name for z in _values(plan, "preactivation")]
    above = dict(pairwise(zs))
    steps: dict[str, Step | None] = {}
    for slope in slopes(plan):
        z = slope.z
        if slope.step.kind == "adjoint" and isinstance(z, Sym) and z.name in above:
            if slope.fused:
                continue
            value = plan.graph.values[above[z.name]]
            steps[slope.step.id] = _with_z(slope, Sym(value.name, value.type))
    yield from _at_once(steps, "z of the next layer")
    made = {n.inputs[0]: n.output for n in plan.graph.nodes if isinstance(n.row, Function)}
    steps = {}
    for use in weight_uses(plan):
        if use.via not in made or use.step.id in steps:
            steps[use.step.id] = None
            continue
        value = plan.graph.values[made[use.via]]
        x = _stretched(Sym(value.name, value.type), use.x)
        fits = x is not None and (x == Sym(value.name, value.type) or len(use.step.terms) > 1)
        steps[use.step.id] = use.instead(x=x) if fits else None
    yield from _at_once(steps, "the a that the layer makes")


def _at_once(steps: dict[str, Step | None], what: str) -> Iterator[Edit]:
    changed = tuple(step for step in steps.values() if step is not None)
    if 1 < len(changed) == len(steps):
        yield Edit(Place(changed[0].id, what=what), changed)


def _bias_wrong_delta(plan: Plan) -> Iterator[Edit]:
    arrives = before_derivative(plan)
    for bias in bias_uses(plan):
        if bias.delta.name in arrives:
            made, before = arrives[bias.delta.name]
            edit = bias.instead(before)
            yield Edit(replace(bias.place, what="Δ for δ"), (edit,), (made.id,))
        for other in _deltas(plan):
            if other != bias.delta and (step := _with_delta(bias, other)) is not None:
                yield Edit(replace(bias.place, what=_what(other, bias.delta)), (step,))


def _with_delta(bias: BiasUse, other: Sym) -> Step | None:
    if bias.shared:
        return bias.instead(other)
    delta = _stretched(other, bias.delta)
    if delta is None or not (delta == other or len(bias.step.terms) > 1):
        return None
    return with_term(bias.step, bias.index, Sum(bias.over, delta))  # type: ignore[arg-type]


MISTAKES = (
    Mistake(
        OFF_BY_ONE,
        "a quantity of another layer stands here",
        "layers are counted from 0, from 1, or from the input, and the index slipped",
        "δ of layer l+1 goes with W and a of layer l, and with f′ of its own z",
        ("S1:24", "axeldomingues.dev"),
        _off_by_one,
    ),
    Mistake(
        "bias-from-wrong-delta",
        "the bias's gradient is made from another δ",
        "Δ before f′, or another layer's δ, has the same shape",
        "sum the δ of the bias's own layer",
        ("arthurdouillard/deepcourse PR#9",),
        and_everywhere(_bias_wrong_delta),
    ),
)
