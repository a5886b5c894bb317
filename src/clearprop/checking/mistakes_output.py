"""Mistakes at the cost and at the output's δ: slope, mean, weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from clearprop.backprop import SAMPLE_WEIGHT, Plan, adjoint_name
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.places import (
    CostTerm,
    all_terms,
    cost_terms,
    data_terms,
    gradients,
    groups,
    mixings,
    slopes,
    with_term,
)
from clearprop.checking.replay import ROWS, WEIGHT_SUM, ones
from clearprop.checking.together import and_everywhere
from clearprop.expressions import Expr, Hadamard, Num, Sum, Sym, primitive, rewrite, substitute
from clearprop.operations import TABLE, Function

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


def _sloped(change: Callable[[CostTerm, Plan], Expr | None]) -> Callable[[Plan], Iterator[Edit]]:
    """Edits that put another slope in a cost's place."""

    def edits(plan: Plan) -> Iterator[Edit]:
        for term in cost_terms(plan):
            slope = change(term, plan)
            if slope is not None and slope != term.slope:
                yield Edit(term.place, (term.sloped(slope),))

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


def _rescaled_weights(factor: Expr) -> Callable[[Plan], Iterator[Edit]]:
    return each_cost(lambda term: factor)


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
        _rescaled_weights(WEIGHT_SUM / ROWS),
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
