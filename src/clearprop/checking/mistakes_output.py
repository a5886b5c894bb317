"""Mistakes at the output's δ: the cost's slope, its link, the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from clearprop.backprop import Plan, adjoint_name
from clearprop.checking.edits import with_term
from clearprop.checking.mistake import Edit, Mistake
from clearprop.checking.mistakes_mean import each_cost
from clearprop.checking.patterns import CostTerm, cost_terms, mixings, slopes
from clearprop.checking.replay import ones
from clearprop.checking.together import and_everywhere
from clearprop.expressions import Expr, Hadamard, Num, Sum, Sym, primitive, rewrite, substitute
from clearprop.operations import TABLE, Function


def _sloped(change: Callable[[CostTerm, Plan], Expr | None]) -> Callable[[Plan], Iterator[Edit]]:
    """Edits that put another slope in a cost's place."""

    def edits(plan: Plan) -> Iterator[Edit]:
        for term in cost_terms(plan):
            slope = change(term, plan)
            if slope is not None and slope != term.slope:
                yield Edit(term.place, (term.sloped(slope),))

    return edits


def _plain_difference(term: CostTerm, plan: Plan) -> Expr | None:
    return term.out - term.y


def _with_z(term: CostTerm, plan: Plan) -> Expr | None:
    maker = plan.graph.maker(term.cost.value)
    if maker is None or maker.row.name == "identity" or maker.params or len(maker.inputs) > 1:
        return None
    z = plan.graph.values[maker.inputs[0]]
    if z.type.shape != term.out.shape:
        return None
    return substitute(term.slope, {term.out: Sym(z.name, z.type)})


def _fused(term: CostTerm) -> bool:
    return term.step.target.name != adjoint_name(term.cost.value)


def _link_again(term: CostTerm, plan: Plan) -> Expr | None:
    if not _fused(term):
        return None
    maker = plan.graph.maker(term.cost.value)
    assert maker is not None
    link = TABLE.activation(maker.op)
    return substitute(term.slope, {term.out: link(term.out, maker.attrs)})


def _link_twice(softmax: bool) -> Callable[[Plan], Iterator[Edit]]:
    """The link of a for a, taken for ∂C/∂z; or differentiated too, as autograd does it."""

    def edits(plan: Plan) -> Iterator[Edit]:
        for term in cost_terms(plan):
            mixes = not isinstance(TABLE.activation(term.cost.row.link), Function)
            slope = _link_again(term, plan)
            if slope is None or mixes != softmax:
                continue
            yield Edit(term.place, (term.sloped(slope),))
            through = replace(term.place, what="differentiated twice too")
            yield Edit(through, (term.sloped(_through_link(term, plan, slope)),))

    return edits


def _through_link(term: CostTerm, plan: Plan, slope: Expr) -> Expr:
    maker = plan.graph.maker(term.cost.value)
    assert maker is not None
    link, a = TABLE.activation(maker.op), term.out
    if isinstance(link, Function):
        z = Sym(maker.inputs[0], plan.graph.values[maker.inputs[0]].type)
        return slope * link(z, maker.attrs, "derivative")
    every = Hadamard(ones(a.shape[0]), Sum(("unit",), a * slope))
    return a * (slope - every)  # δ = a ⊙ (Δ − aᵀΔ)


def _derivative_again(plan: Plan) -> Iterator[Edit]:
    # δ = (a − y) ⊙ f′(z), although a − y is ∂C/∂z already; of softmax, a ⊙ (1 − a) is taken for f′
    for term in cost_terms(plan):
        maker = plan.graph.maker(term.cost.value)
        if not _fused(term) or maker is None:
            continue
        link = TABLE.activation(maker.op)
        z = Sym(maker.inputs[0], plan.graph.values[maker.inputs[0]].type)
        a = term.out
        elementwise = isinstance(link, Function)
        slope = link(z, maker.attrs, "derivative") if elementwise else a * (1 - a)
        yield Edit(term.place, (term.sloped(term.slope * slope),))


def _elementwise_softmax(plan: Plan) -> Iterator[Edit]:
    # only the diagonal of the Jacobian: δ = Δ ⊙ a ⊙ (1 − a)
    for mixing in mixings(plan):
        a = mixing.out
        expr = mixing.arriving * (a * (1 - a))
        yield Edit(mixing.place, (with_term(mixing.step, mixing.index, expr),))


def _jacobian_missing(plan: Plan) -> Iterator[Edit]:
    for mixing in mixings(plan):
        yield Edit(mixing.place, (with_term(mixing.step, mixing.index, mixing.arriving),))


def _target_class(term: CostTerm, plan: Plan) -> Expr | None:
    return term.y * term.slope if term.cost.row.target == "class" else None


def _target_missing(plan: Plan) -> Iterator[Edit]:
    for term in cost_terms(plan):
        yield Edit(term.place, (term.sloped(term.out),))
        without = substitute(term.slope, {term.y: Num(0.0)})
        if term.slope != term.out - term.y:  # f(a) for f(a − y), or without its smoothed target
            yield Edit(replace(term.place, what="y is 0"), (term.sloped(without),))


def _not_differentiated(plan: Plan) -> Iterator[Edit]:
    """Each unit's share of the cost for its slope, or the size of the error without its sign."""
    for term in cost_terms(plan):
        attrs = dict(term.cost.attrs)
        share = rewrite(term.cost.row.definition(term.out, term.y, attrs), _each_unit)
        error = term.out - term.y
        forms = {"": share, "|a − y|": primitive("abs", error)}
        if term.cost.row.name == "squared_error":
            forms["(a − y)²"] = error * error
        for what, form in forms.items():
            if form.type == term.slope.type:
                yield Edit(replace(term.place, what=what), (term.sloped(form),))


def _each_unit(expr: Expr) -> Expr:
    match expr:
        case Sum(("unit",), body):
            return body
    return expr


def _thresholded(term: CostTerm, plan: Plan) -> Expr | None:
    # the class that is told, 1 where a > ½ and else 0, stands for a
    if term.slope != term.out - term.y:
        return None
    return (1 + primitive("sign", term.out - 0.5)) / 2 - term.y


def _no_smoothing(term: CostTerm, plan: Plan) -> Expr | None:
    attrs = dict(term.cost.attrs)
    if not attrs.get("label_smoothing"):
        return None
    slope = term.cost.row.linked_slope if _fused(term) else term.cost.row.slope
    assert slope is not None
    return slope(term.out, term.y, attrs | {"label_smoothing": 0.0})


def _output_derivative(plan: Plan) -> Iterator[Edit]:
    for slope in slopes(plan):
        if slope.is_output:
            yield Edit(slope.place, (slope.instead(Num(1.0)),))


MISTAKES = (
    Mistake(
        "sign-of-delta",
        "the output's δ has the wrong sign",
        "y − a is written where the derivative of the cost is a − y; it is the sign of the update "
        "that was thought of",
        "write a − y in δ, and subtract the gradient in the update",
        ("SO 59399842, whosebug 2948401", "S1:120 prints δ³ = y − a³"),
        each_cost(lambda term: Num(-1.0)),
    ),
    Mistake(
        "output-derivative-missing",
        "f′ is missing at the output",
        "the error a − y is taken for δ, as the cross-entropy shortcut has it",
        "multiply by f′(z) at the output, unless the cost and its link are one step",
        ("SO 59399842",),
        _output_derivative,
    ),
    Mistake(
        "link-derivative-twice",
        "the output's derivative is multiplied in although a − y holds it already",
        "δ = Δ ⊙ f′(z) is applied to the shortcut δ = a − y, which is ∂C/∂z",
        "leave f′ out at the output: with this cost and its link δ = a − y",
        ("S1, the cross-entropy shortcut", "Nielsen, Neural Networks and Deep Learning, ch. 3"),
        _derivative_again,
    ),
    Mistake(
        "softmax-elementwise",
        "softmax is differentiated as if it were element-wise",
        "a ⊙ (1 − a) is only the diagonal of softmax's Jacobian; the other outputs move too",
        "use δ = a ⊙ (Δ − aᵀΔ), or with cross-entropy δ = a − y",
        ("ai.SE 35741", "Backpropagation with CrossEntropy and Softmax, HOW?"),
        and_everywhere(_elementwise_softmax),
    ),
    Mistake(
        "softmax-derivative-missing",
        "softmax's derivative is missing",
        "the derivative with respect to a is passed on as if it were that with respect to z",
        "use δ = a ⊙ (Δ − aᵀΔ)",
        ("ai.SE 35741",),
        and_everywhere(_jacobian_missing),
    ),
    Mistake(
        "softmax-twice",
        "softmax is applied twice",
        "the network's output is a probability already and is put through softmax once more",
        "use the output as it is, δ = a − y; PyTorch's CrossEntropyLoss takes z, not a",
        ("arthurdouillard/deepcourse PR#9",),
        _link_twice(True),
    ),
    Mistake(
        "link-twice",
        "the output's function is applied twice",
        'the cost\'s function takes z ("with logits") and was given a, or the other way round',
        "apply the link once",
        ("arthurdouillard/deepcourse PR#9, for sigmoid",),
        _link_twice(False),
    ),
    Mistake(
        "squared-error-derivative",
        "the derivative of the squared error stands in place of this cost's",
        "a − y is the derivative for ½(a − y)², or for a cost with its link; here it is another",
        "use this cost's own derivative",
        ("scikit-learn PR#14589",),
        _sloped(_plain_difference),
    ),
    Mistake(
        "preactivation-in-cost",
        "the cost's derivative takes z in place of a",
        "the output's function is left out where output and target are compared",
        "compare a with y",
        ("nn-zero-to-hero#52, the wrong cached quantity",),
        _sloped(_with_z),
    ),
    Mistake(
        "target-class-only",
        "only the target's class gets a gradient",
        "the cost of a class y is −log a_y, so only a_y seems to matter; but all z move a_y",
        "take a − y for all classes",
        ("Backpropagation with CrossEntropy and Softmax, HOW?",),
        _sloped(_target_class),
    ),
    Mistake(
        "target-missing",
        "the target is missing from the output's δ",
        "a stands where a − y was meant",
        "subtract y",
        ("ours",),
        _target_missing,
    ),
    Mistake(
        "cost-for-derivative",
        "the cost stands in place of its derivative",
        "the error that is reported, squared or without its sign, is passed back",
        "differentiate the cost: ½ (a − y)² gives a − y, with its sign",
        ("ours",),
        _not_differentiated,
    ),
    Mistake(
        "thresholded-output",
        "the output's δ takes the class, 0 or 1, in place of a",
        "the outputs are rounded to classes to be counted, and the error is taken of those",
        "compare a itself with y; round it only to count hits",
        ("ours",),
        _sloped(_thresholded),
    ),
    Mistake(
        "label-smoothing-ignored",
        "the gradient uses the hard targets, the cost the smoothed ones",
        "label smoothing was put into the cost only",
        "use the smoothed target (1 − ε) y + ε / K in δ",
        ("Szegedy et al. 2016, section 7",),
        _sloped(_no_smoothing),
    ),
)
