"""Mistakes about f and f′: missing, doubled, of the wrong argument, of the wrong function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from clearprop.backprop import Plan, Step
from clearprop.checking.edits import all_terms, with_term
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.patterns import (
    Slope,
    backs,
    before_derivative,
    bias_uses,
    slopes,
    weight_uses,
)
from clearprop.checking.places import layer_of
from clearprop.checking.together import and_everywhere
from clearprop.expressions import (
    Apply,
    Expr,
    Hadamard,
    Neg,
    Num,
    Sym,
    Transpose,
    primitive,
    substitute,
)
from clearprop.operations import TABLE, Function
from clearprop.operations.functions import SELU_ALPHA, SELU_SCALE, piecewise_at_zero

#: f′(z) = g(f(z)): what code that keeps a in place of z computes. Of relu it is no other formula.
_FROM_VALUE: dict[str, Callable[[Expr, Mapping[str, Any]], Expr]] = {
    "sigmoid": lambda a, attrs: a * (1 - a),
    "tanh": lambda a, attrs: 1 - a**2,
    "exp": lambda a, attrs: a,
    "softplus": lambda a, attrs: 1 - primitive("exp", -a),
    "softsign": lambda a, attrs: (1 - primitive("abs", a)) ** 2,
    "elu": lambda a, attrs: piecewise_at_zero(a, Num(1.0), a + attrs["alpha"]),
    "selu": lambda a, attrs: piecewise_at_zero(a, Num(SELU_SCALE), a + SELU_SCALE * SELU_ALPHA),
}

Change = Callable[[Slope, Plan], Iterator[tuple[str, Expr]]]


def _each_slope(change: Change, hidden_only: bool = False) -> Callable[[Plan], Iterator[Edit]]:
    """Edits of f′ at each layer, at all layers of one function (a wrong helper), and at all."""

    def edits(plan: Plan) -> Iterator[Edit]:
        together: dict[tuple[str, str], list[Slope]] = {}
        forms: dict[tuple[str, str, int], Expr] = {}
        for slope in slopes(plan):
            if hidden_only and slope.is_output:
                continue
            for what, expr in change(slope, plan):
                yield Edit(replace(slope.place, what=what), (slope.instead(expr),))
                for name in (slope.node.function.name, ""):
                    key = (name, what)
                    forms[*key, len(together.setdefault(key, []))] = expr
                    together[key].append(slope)
        for (name, what), found in together.items():
            if len(found) > 1 and (name or len({s.node.function.name for s in found}) > 1):
                first = found[0].place.step
                every = f"every {name}" if name else ""
                place = Place(first, what=", ".join(filter(None, [every, what])))
                changes = [(s, forms[name, what, i]) for i, s in enumerate(found)]
                yield Edit(place, _merged(changes))
                apart = [change for change in changes if not change[0].fused]
                if 1 < len(apart) < len(changes):  # where cost and link are one, no f′ is written
                    yield Edit(replace(place, what=f"{place.what} but the output"), _merged(apart))

    return edits


def _merged(changes: list[tuple[Slope, Expr]]) -> tuple[Step, ...]:
    """One new step for each step, though several of its terms may change."""
    steps: dict[str, Step] = {}
    for slope, expr in changes:
        step = steps.get(slope.step.id, slope.step)
        changed = substitute(slope.expr, {slope.node: expr})
        steps[step.id] = with_term(step, slope.index, changed)
    return tuple(steps.values())


def _missing(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    yield "", Num(1.0)


def _of_activation(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    yield "", replace(slope.node, args=(slope.out,))


def _of_preactivation(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    form = _FROM_VALUE.get(slope.node.function.name)
    if form is not None:
        yield "", form(slope.z, dict(slope.node.attrs))


def _value(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    yield "", replace(slope.node, form="value")


def _squared(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    yield "", slope.node * slope.node


def _sign(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    yield "", Neg(slope.node)


def _other_function(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    a = slope.out
    name = slope.node.function.name
    if name != "sigmoid":
        yield "a(1 − a), sigmoid's", a * (1 - a)
    if name != "tanh":
        yield "1 − a², tanh's", 1 - a * a
    for other in ("relu", "sigmoid", "tanh"):
        row = TABLE.activation(other)
        if other != name and isinstance(row, Function):
            yield f"{other}′(z)", Apply(row, slope.node.args, form="derivative")


def _misremembered(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    a, name = slope.out, slope.node.function.name
    if name == "tanh":
        yield "1 − a", 1 - a
        yield "1 + a²", 1 + a * a
    if name == "sigmoid":
        yield "1 − a", 1 - a
        yield "a (1 + a)", a * (1 + a)


def _of_arriving(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    # the sign of Δ, which decides for relu, is the same with 1/m in it and without
    if slope.node.function.name == "relu" and isinstance(slope.expr, Hadamard):
        other = slope.expr.left if slope.expr.right == slope.node else slope.expr.right
        if other.type == slope.node.type:
            yield "", replace(slope.node, args=(other,))


def _mask_inverted(slope: Slope, plan: Plan) -> Iterator[tuple[str, Expr]]:
    if slope.node.function.name == "relu":
        yield "", 1 - slope.node


def _wrong_delta(plan: Plan) -> Iterator[Edit]:
    """The gradients of a layer take Δ, what arrives, in place of δ = Δ ⊙ f′(z)."""
    arrives = before_derivative(plan)
    for use in weight_uses(plan):
        if not isinstance(use.delta, Sym) or use.delta.name not in arrives:
            continue
        made, before = arrives[use.delta.name]
        steps = [use.instead(delta=before)]
        copies = (made.id,)
        yield Edit(replace(use.place, what="W alone"), tuple(steps), copies)
        for bias in bias_uses(plan):
            if bias.via == use.via:
                steps.append(bias.instead(before))
        if len(steps) > 1:
            yield Edit(Place(use.step.id, use.place.layer), tuple(steps), copies)


def _passed_without(plan: Plan) -> Iterator[Edit]:
    """Wᵀ Δ is passed down in place of Wᵀ δ, while the layer's own gradients are right."""
    arrives = before_derivative(plan)
    for back in backs(plan):
        if back.delta.name in arrives:
            made, before = arrives[back.delta.name]
            edit = back.instead(Transpose(back.W) @ before)
            yield Edit(back.place, (edit,), (made.id,))


def _preactivation(plan: Plan) -> Iterator[Edit]:
    for use in weight_uses(plan):
        z = _input_of(plan, use.x)
        if z is not None:
            yield Edit(use.place, (use.instead(x=z),))
        for other in _summed_inputs(plan, use.x):  # a residual's sum: the z of its branch
            what = f"{other.name} for {use.x.name}"  # type: ignore[attr-defined]  # a sum's name
            yield Edit(replace(use.place, what=what), (use.instead(x=other),))


def _input_of(plan: Plan, x: Expr) -> Sym | None:
    """The z of an a = f(z), if f is not the identity."""
    maker = plan.graph.maker(x.name) if isinstance(x, Sym) and x.name in plan.graph.values else None
    if maker is None or not isinstance(maker.row, Function) or maker.row.name == "identity":
        return None
    return Sym(maker.inputs[0], plan.graph.values[maker.inputs[0]].type)


def _summed_inputs(plan: Plan, x: Expr) -> Iterator[Sym]:
    """The z of each summand that is a function's value."""
    maker = plan.graph.maker(x.name) if isinstance(x, Sym) and x.name in plan.graph.values else None
    if maker is None or maker.params or len(maker.inputs) < 2:
        return
    for name in maker.inputs:
        value = plan.graph.values[name].type
        z = _input_of(plan, Sym(name, value))
        if z is not None and isinstance(x, Sym) and z.type == x.type:
            yield z


def _overwritten(plan: Plan) -> Iterator[Edit]:
    for use in weight_uses(plan):
        z = _input_of(plan, use.x)
        if z is None:
            continue
        maker = plan.graph.maker(use.x.name)  # type: ignore[attr-defined]  # z is known
        assert maker is not None
        row = TABLE.activation(maker.op)
        yield Edit(use.place, (use.instead(x=row(z, maker.attrs, "derivative")),))


def _forward_of_input(plan: Plan) -> Iterator[Edit]:
    # z = W f(x) + b: f acts on the input
    names = dict.fromkeys(n.op for n in plan.graph.nodes if isinstance(n.row, Function))
    for name in names:
        row = TABLE.activation(name)
        if name == "identity":
            continue
        for given in plan.graph.inputs:
            if given.levels:
                continue
            x = Sym(given.value, given.type)
            fx = row(x, row.settings({}))
            steps = [_with_each(s, x, fx) for s in plan.steps if x in s.reads]
            forward = tuple(s for s in steps if s.kind == "forward")
            gradients = tuple(s for s in steps if s.kind == "gradient")
            for what, found in [
                ("", forward + gradients),
                ("forward alone", forward if gradients else ()),
                ("in the gradient alone", gradients),
            ]:
                if found:
                    place = Place(found[0].id, layer_of(given.value))
                    what = ", ".join(filter(None, [name, what]))
                    yield Edit(replace(place, what=what), found)


def _with_each(step: Step, old: Sym, new: Expr) -> Step:
    """The step with an expression for each use of a symbol."""
    return all_terms(step, lambda x: substitute(x, {old: new}))


def _no_function(plan: Plan) -> Iterator[Edit]:
    for node in plan.graph.nodes:
        if isinstance(node.row, Function) and node.op != "identity" and node.output in plan:
            step = plan.step(node.output)
            z = Sym(node.inputs[0], plan.graph.values[node.inputs[0]].type)
            yield Edit(Place(step.id, layer_of(node.output)), (with_term(step, 0, z),))


MISTAKES = (
    Mistake(
        "derivative-missing",
        "f′ is missing",
        "Wᵀ δ is taken for δ; it is Δ, the derivative with respect to a",
        "multiply element-wise by f′(z)",
        ("S2:68 in words", "SO 59399842"),
        _each_slope(_missing, hidden_only=True),
    ),
    Mistake(
        "derivative-of-activation",
        "f′ is taken of a, not of z",
        "the helper expects z and was given a; or it is written in terms of a and applied f again",
        "give f′ the pre-activation z (for sigmoid, f′(z) = a (1 − a))",
        ("Debugging BP Algorithm for XOR", "mql5.com forum 443762"),
        _each_slope(_of_activation),
    ),
    Mistake(
        "preactivation-in-derivative",
        "f′ is written in terms of a and was given z",
        "the helper is a (1 − a), as if its argument were a = f(z) already, and z was handed to it",
        "hand it a, or write f′ in terms of z: f(z) (1 − f(z)) for sigmoid",
        ("iamtrask, A Neural Network in 11 lines: nonlin(x, deriv=True)",),
        _each_slope(_of_preactivation),
    ),
    Mistake(
        "function-for-derivative",
        "f stands in place of f′",
        "the function was called where its derivative was meant",
        "call the derivative",
        ("mql5.com forum 443762",),
        _each_slope(_value),
    ),
    Mistake(
        "derivative-twice",
        "f′ is multiplied in twice",
        "δ, which holds f′ already, is multiplied by it once more",
        "multiply by f′(z) once for each layer",
        ("ours",),
        _each_slope(_squared),
    ),
    Mistake(
        "derivative-sign",
        "f′ has the wrong sign",
        "a minus was lost in the quotient rule for 1 / (1 + e^(−z))",
        "σ′ = σ (1 − σ), positive",
        ("extraproxies.com, missing sign in the derivative of the sigmoid",),
        _each_slope(_sign),
    ),
    Mistake(
        "derivative-of-another-function",
        "the derivative of another function stands in place of f′",
        "the layer's function was changed and the backward pass was not",
        "use the derivative of the layer's own function",
        ("scikit-learn PR#14589, hard-coded derivatives",),
        _each_slope(_other_function),
    ),
    Mistake(
        "derivative-misremembered",
        "the formula of f′ is not quite the one it should be",
        "a square or a sign was lost: tanh′ = 1 − a² and σ′ = a (1 − a) look alike",
        "for tanh write 1 − a², for sigmoid a (1 − a)",
        ("ours",),
        _each_slope(_misremembered),
    ),
    Mistake(
        "derivative-of-arriving",
        "f′ is taken of what arrives, not of z",
        "dA is set to zero where dA is negative; but it is z that opened or shut relu",
        "keep Δ where z > 0, whatever the sign of Δ",
        ("ours",),
        _each_slope(_of_arriving, hidden_only=True),
    ),
    Mistake(
        "relu-mask-inverted",
        "relu's mask is inverted: what was cut off passes back",
        "the condition is that of the entries to set to zero, or its > is a <",
        "keep Δ where z > 0, and set it to zero elsewhere",
        ("prachub 3244, an incorrect ReLU mask",),
        _each_slope(_mask_inverted),
    ),
    Mistake(
        "gradients-from-wrong-delta",
        "the layer's gradients are made from Δ, before f′",
        "the error is used for ∂J/∂W, and f′ only for what is passed down",
        "make both from δ = Δ ⊙ f′(z)",
        ("SO 59399842: dW1 = dey0 * h0",),
        and_everywhere(_wrong_delta),
    ),
    Mistake(
        "error-passed-without-derivative",
        "what is passed down is Wᵀ Δ, without f′",
        "the error, not δ, is handed to the layer below",
        "pass Wᵀ δ",
        ("whosebug 2948401",),
        and_everywhere(_passed_without),
    ),
    Mistake(
        "preactivation-in-gradient",
        "the weight's gradient takes z in place of a",
        "the wrong one of the two stored arrays was used",
        "∂J/∂W = Σ δ aᵀ with the activation that went into the layer",
        ("nn-zero-to-hero#52, the wrong cached quantity",),
        and_everywhere(_preactivation),
    ),
    Mistake(
        "activation-overwritten",
        "the weight's gradient takes f′(z) in place of a",
        "the derivative was computed in place and overwrote the stored activation",
        "keep a; put the derivative into an array of its own",
        ("SO 50121887",),
        and_everywhere(_overwritten),
    ),
    Mistake(
        "function-on-input",
        "f is applied to the input",
        "z = W f(z) + b is used for the first layer too, whose input is no pre-activation",
        "the first layer is z = W x + b",
        ("S0:31",),
        _forward_of_input,
    ),
    Mistake(
        "function-missing-in-forward",
        "f is left out in the forward pass",
        "a = z is stored, and the backward pass is that of a = f(z)",
        "store a = f(z)",
        ("community.deeplearning.ai t/66727: A1 is not tanh(Z1)",),
        and_everywhere(_no_function),
    ),
)
