"""Mistakes with W and its gradient, biases, and the sum over samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from clearprop.backprop import Plan, Step, gradient_name
from clearprop.checking.edits import all_terms, data_terms, with_term
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.patterns import Back, backs, bias_uses, weight_uses
from clearprop.checking.places import gradients, groups, parameter_layer, with_mean_outside
from clearprop.checking.replay import FIRST, FREE, LAST, ROWS, WEIGHT_SUM, last_of_level, ones
from clearprop.checking.together import and_everywhere
from clearprop.expressions import (
    Divide,
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
)

#: Above this many units a product over paths is no formula that anyone writes or reads.
MOST_PATHS = 32

FORGOTTEN = "parameter-forgotten"


def _each_back(change: Callable[[Back], Expr | None]) -> Callable[[Plan], Iterator[Edit]]:
    """Edits of Wᵀ δ at each layer, and at all layers at once."""

    def edits(plan: Plan) -> Iterator[Edit]:
        found = [(back, expr) for back in backs(plan) if (expr := change(back)) is not None]
        for back, expr in found:
            yield Edit(replace(back.place, what=_wire(back)), (back.instead(expr),))
        if len(found) > 1:
            steps: dict[str, Step] = {}
            for back, expr in found:
                step = steps.get(back.step.id, back.step)
                steps[step.id] = with_term(step, back.index, expr)
            yield Edit(Place(found[0][0].step.id), tuple(steps.values()))

    return edits


def _wire(back: Back) -> str:
    return f"the wire from {back.via}" if len(back.step.terms) > 1 else ""


def _untransposed(back: Back) -> Expr | None:
    rows, columns = back.W.shape
    return MatMul(back.W, back.delta) if rows == columns > 1 else None


def _updated(back: Back) -> Expr:
    # W is W − α ∂J/∂W already when δ is passed through it
    W = back.W - FREE * Sym(gradient_name(back.W.name), back.W.type)
    return MatMul(Transpose(W), back.delta)


def _gradient_for(back: Back) -> Expr:
    return MatMul(Transpose(Sym(gradient_name(back.W.name), back.W.type)), back.delta)


def _no_weights(back: Back) -> Expr:
    return Hadamard(ones(back.W.shape[1]), Sum(("unit",), back.delta))  # Δ_i = Σ_j δ_j


def _paths(back: Back) -> list[Expr]:
    """One W_ji δ_j for each unit j that the value leads to."""
    units = back.W.shape[0]
    return [
        Hadamard(
            MatMul(Transpose(back.W), OneHot(Num(float(j)), units)),
            Sum(("unit",), Slice(back.delta, j, j + 1)),
        )
        for j in range(units)
    ]


def _product(back: Back) -> Expr | None:
    if not 1 < back.W.shape[0] <= MOST_PATHS:
        return None
    first, *others = _paths(back)
    for other in others:
        first = Hadamard(first, other)
    return first


def _products(plan: Plan) -> Iterator[Edit]:
    """Where 1/m stands in the gradients, each δ of a product lacks it."""
    yield from _each_back(_product)(plan)
    for edit in _each_back(_undivided)(plan):
        yield replace(edit, place=with_mean_outside(edit.place))


def _undivided(back: Back) -> Expr | None:
    product = _product(back)
    return None if product is None else WEIGHT_SUM ** (back.W.shape[0] - 1.0) * product


def _last_unit(back: Back) -> Expr | None:
    return _paths(back)[-1] if 1 < back.W.shape[0] <= MOST_PATHS else None


def _wrong_index(back: Back) -> Expr | None:
    # Δ_i = Σ_j δ_i W_ji: the δ of the unit itself stands under the sum
    rows, columns = back.W.shape
    if rows != columns or rows == 1:
        return None
    return Hadamard(back.delta, MatMul(Transpose(back.W), ones(rows)))


def _transposed(plan: Plan) -> Iterator[Edit]:
    every: dict[str, Step] = {}
    for use in weight_uses(plan):
        rows, columns = use.W.shape
        if (rows, columns) == (1, 1):
            continue
        turned = all_terms(use.step, _turned)
        if rows == columns:
            data = with_term(use.step, use.index, _turned(use.step.terms[use.index].expr))
            yield Edit(use.place, (data,))
            if len(use.step.terms) > 1:
                yield Edit(replace(use.place, what="the whole"), (turned,))
        else:  # the gradient then has the shape of Wᵀ
            target = replace(use.step.target, of=replace(use.W.of, shape=(columns, rows)))
            place = replace(use.place, what="in the shape of Wᵀ")
            turned = replace(turned, target=target)
            yield Edit(place, (turned,))
        if 1 not in (rows, columns):  # one row that is given as a column is read as a row
            every[turned.id] = turned
    if len(every) > 1:
        yield Edit(Place(next(iter(every))), tuple(every.values()))


def _turned(expr: Expr) -> Expr:
    match expr:
        case Sum(over, Outer(left, right)):
            return Sum(over, Outer(right, left))
        case Hadamard(factor, W):
            return Hadamard(factor, Transpose(W))
    return Transpose(expr)


def _one_sample(plan: Plan) -> Iterator[Edit]:
    """A loop over samples that sets what it should add to."""
    for name, mark in (("first", FIRST), ("last", LAST)):
        yield from _one_of_the_batch(plan, f"the {name} sample only", mark)


def _one_of_the_batch(plan: Plan, what: str, mark: Sym) -> Iterator[Edit]:
    steps = dict(gradients(plan))

    def one(step: Step, factor: Expr | None = None) -> Step:
        return data_terms(step, lambda x: _only(x, mark) if not factor else factor * _only(x, mark))

    for place, names in groups(plan, "W"):
        yield Edit(replace(place, what=what), tuple(one(steps[n]) for n in names))
    if steps:
        first = next(iter(steps.values())).id
        yield Edit(Place(first, what=what), tuple(map(one, steps.values())))
        undivided = tuple(one(step, WEIGHT_SUM) for step in steps.values())
        yield Edit(Place(first, what=f"{what}, not divided"), undivided)


def _only(expr: Expr, mark: Sym) -> Expr:
    match expr:
        case Sum(over, Outer(left, right)) if "sample" in over:
            if isinstance(left, OneHot):
                return Sum(over, Outer(left, mark * right))
            return Sum(over, Outer(mark * left, right))
        case Sum(over, body) if "sample" in over:
            return Sum(over, mark * body)
    return expr


def _forgotten(plan: Plan) -> Iterator[Edit]:
    zeros = {name: replace(step, terms=()) for name, step in gradients(plan)}

    def edit(place: Place, names: Iterable[str]) -> Edit:
        return Edit(place, tuple(zeros[name] for name in names))

    layers: dict[str, list[str]] = {}
    for name in zeros:
        layers.setdefault(parameter_layer(plan, name), []).append(name)
    if len(layers) > 1 or len(zeros) > 2:
        yield edit(Place(gradient_name(next(iter(zeros))), parameter="every parameter"), zeros)
    seen: set[tuple[str, ...]] = set()
    for kinds in ("W", "b", "Wb"):
        for place, names in groups(plan, kinds):
            if names not in seen:
                seen.add(names)
                yield edit(place, names)
    below: list[str] = []
    for own in list(layers.values())[:-1]:  # what is below the layer that is written already
        below += own
        if len(below) > len(own):
            yield edit(Place(gradient_name(below[0]), parameter=", ".join(below)), below)


def _bias_not_summed(plan: Plan) -> Iterator[Edit]:
    for bias in bias_uses(plan):
        for name, mark in (("first", FIRST), ("last", LAST)):
            edit = bias.instead(mark * bias.delta)
            yield Edit(replace(bias.place, what=f"the {name} sample only"), (edit,))
        if len(bias.step.terms) == 1 and not bias.delta.type.member:
            # δ itself is returned, one row a sample
            target = replace(bias.step.target, of=bias.delta.type)
            step = replace(with_term(bias.step, bias.index, bias.delta), target=target)
            yield Edit(replace(bias.place, what="one row a sample"), (step,))


def _bias_averaged(plan: Plan) -> Iterator[Edit]:
    steps = dict(gradients(plan))
    for place, names in groups(plan, "b"):
        # a mean counts the rows, whatever they weigh
        edited = tuple(data_terms(steps[n], lambda x: x / ROWS) for n in names)
        yield Edit(place, edited)


def _shared_not_summed(plan: Plan) -> Iterator[Edit]:
    for bias in bias_uses(plan):
        if not bias.shared:
            continue
        units = bias.delta.shape[0]
        if units == 1:
            continue
        over: Any = bias.over
        for what, start in (("the first unit only", 0), ("the last unit only", units - 1)):
            one = Sum(("unit",), Slice(bias.delta, start, start + 1))
            edit = with_term(bias.step, bias.index, Sum(over, one))
            yield Edit(replace(bias.place, what=what), (edit,))
        mean = Divide(Sum(over, Sum(("unit",), bias.delta)), Num(float(units)))
        edit = with_term(bias.step, bias.index, mean)
        yield Edit(replace(bias.place, what="the mean over the units"), (edit,))
        if len(bias.step.terms) == 1:
            each = Sum(over, bias.delta)
            target = replace(bias.step.target, of=each.type)
            step = replace(with_term(bias.step, bias.index, each), target=target)
            yield Edit(replace(bias.place, what="one entry a unit"), (step,))


def _bias_missing_forward(plan: Plan) -> Iterator[Edit]:
    for bias in bias_uses(plan):
        step = plan.step(bias.via)
        children = step.terms[0].expr.children()
        if bias.b in children:
            yield Edit(Place(step.id, bias.place.layer, bias.b.name),
                       (with_term(step, 0, children[0]),))  # fmt: skip


def _not_accumulated(plan: Plan) -> Iterator[Edit]:
    # E[k] = δ (or a buffered E[k] += δ): of samples with one level only the last one stays
    for name, step in gradients(plan):
        for index, term in enumerate(step.terms):
            match term.expr:
                case Sum(over, Outer(OneHot(Sym() as k, levels), delta)):
                    kept = Sum(over, Outer(OneHot(k, levels), last_of_level(k.name) * delta))
                    place = Place(step.id, parameter_layer(plan, name), name)
                    yield Edit(place, (with_term(step, index, kept),))


MISTAKES = (
    Mistake(
        "transposed-weights",
        "δ is passed through W in place of Wᵀ",
        "W is square, so both products fit",
        "pass Wᵀ δ (with one sample a row: delta @ W, where z = a @ W.T)",
        ("answerofmath.com", "community.deeplearning.ai t/555868"),
        _each_back(_untransposed),
    ),
    Mistake(
        "gradient-transposed",
        "the weight's gradient is transposed",
        "a δᵀ is written for δ aᵀ",
        "∂J/∂W = Σ δ aᵀ (delta.T @ a), in the shape of W",
        ("S0:96", "answerofmath.com"),
        _transposed,
    ),
    Mistake(
        "gradient-for-weights",
        "∂J/∂W stands where W should: δ is passed through the gradient",
        "the accumulator of the gradient has the name and the shape of the weights",
        "pass Wᵀ δ with the weights themselves",
        ("S1:111", "community.deeplearning.ai t/402919"),
        _each_back(_gradient_for),
    ),
    Mistake(
        "updated-weights-in-backward",
        "δ is passed through weights that are updated already",
        "the update of a layer stands before the pass to the layer below",
        "compute all gradients first, then update",
        ("S3 (15) before (24)", "Mazur, a step by step back-propagation example"),
        _each_back(_updated),
        fits="learning rate",
    ),
    Mistake(
        "product-of-paths",
        "what comes back over several units is multiplied, not added",
        "factors of the chain rule along a path and sums over paths are mixed up",
        "add over the units that a value leads to: Δ_i = Σ_j W_ji δ_j",
        ("S3 (35)",),
        _products,
    ),
    Mistake(
        "last-unit-only",
        "only the last unit's δ comes back",
        "a loop over units sets what it should add to",
        "add over the units: Δ_i = Σ_j W_ji δ_j",
        ("nn-zero-to-hero#52: = instead of +=",),
        _each_back(_last_unit),
    ),
    Mistake(
        "wrong-index-under-sum",
        "the sum over successors has the unit's own δ in it",
        "δ_i stands where δ_j should, under a sum over j",
        "Δ_i = Σ_j δ_j W_ji: the δ of the successor j",
        ("S4, the recursion", "S2:53"),
        _each_back(_wrong_index),
    ),
    Mistake(
        "weights-missing",
        "δ is passed down without the weights",
        "the δ of the layer above are only added up",
        "weight each with W: Δ_i = Σ_j W_ji δ_j",
        ("ours",),
        _each_back(_no_weights),
    ),
    Mistake(
        "one-sample-only",
        "the gradient is that of one sample of the batch",
        "a loop over samples sets the gradient where it should add to it",
        "add up over the samples",
        ("nn-zero-to-hero#52: = instead of +=",),
        _one_sample,
    ),
    Mistake(
        "bias-not-summed",
        "the bias's gradient is not summed over the batch",
        "δ itself is returned, or one row of it",
        "sum δ over the samples",
        ("proxieslive.com/tag/checking: dB = dZ",),
        and_everywhere(_bias_not_summed),
    ),
    Mistake(
        "bias-averaged",
        "the bias's gradient is averaged over the batch once more",
        "mean is written for sum, and δ holds 1/m already",
        "sum δ over the samples",
        ("community.deeplearning.ai t/63071",),
        _bias_averaged,
    ),
    Mistake(
        "shared-bias-not-summed",
        "the shared bias's gradient is not summed over the layer's units",
        "one scalar bias serves all units, so each of them moves it",
        "sum δ over the units too",
        ("S3, the shared biases",),
        and_everywhere(_shared_not_summed),
    ),
    Mistake(
        "bias-missing-in-forward",
        "the bias is left out in the forward pass",
        "z = W a is written for z = W a + b",
        "add b",
        ("ours",),
        and_everywhere(_bias_missing_forward),
    ),
    Mistake(
        "embedding-not-accumulated",
        "of samples with the same level only the last one counts",
        "E[k] += δ with repeated k keeps one of them in NumPy",
        "use np.add.at(dE, k, delta)",
        ("numpy.ufunc.at, its documentation",),
        _not_accumulated,
    ),
    Mistake(
        FORGOTTEN,
        "the gradient is zero: it is never computed",
        "the array was made and not filled",
        "compute it",
        ("ours",),
        _forgotten,
    ),
)
