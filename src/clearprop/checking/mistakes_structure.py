"""Mistakes where values join, split, are used twice, scaled or dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate, pairwise

from clearprop.backprop import Plan, Step, Term, adjoint_name, gradient_name
from clearprop.checking.edits import with_term, without_term
from clearprop.checking.mistake import Edit, Mistake, Place
from clearprop.checking.places import layer_of, leads_on, parameter_layer, with_mean_outside
from clearprop.checking.replay import WEIGHT_SUM
from clearprop.checking.together import and_everywhere
from clearprop.expressions import Concat, Expr, Hadamard, Num, Slice, Sym, substitute


def _joins(plan: Plan) -> Iterator[tuple[Step, Place]]:
    """Every ⊕ that adds what several wires bring."""
    for step in plan.steps:
        if step.kind in ("arrive", "adjoint") and len(step.terms) > 1 and leads_on(plan, step):
            name = step.target.name.removeprefix("Delta").removeprefix("delta").lstrip("_")
            yield step, Place(step.id, name)


def _last_path(plan: Plan) -> Iterator[Edit]:
    for step, place in _joins(plan):
        for term in step.terms:
            if len(step.terms) == 2 and _is_identity(_other(step, term)):
                continue  # then it is the identity that is missing
            what = f"only the wire from {term.via}"
            yield Edit(replace(place, what=what), (replace(step, terms=(term,)),))


def _other(step: Step, term: Term) -> Term:
    return next(t for t in step.terms if t is not term)


def _is_identity(term: Term) -> bool:
    return isinstance(term.expr, Sym)


def _identity_missing(plan: Plan) -> Iterator[Edit]:
    for step, place in _joins(plan):
        for index, term in enumerate(step.terms):
            if _is_identity(term):
                yield Edit(place, (without_term(step, index),))


def _wires_multiplied(plan: Plan) -> Iterator[Edit]:
    for step, place in _joins(plan):
        product: Expr = step.terms[0].expr
        for term in step.terms[1:]:
            product = Hadamard(product, term.expr)
        yield Edit(place, (replace(step, terms=(Term("", product),)),))
        undivided = WEIGHT_SUM ** (len(step.terms) - 1.0) * product  # each δ lacks its 1/m
        edit = replace(step, terms=(Term("", undivided),))
        yield Edit(with_mean_outside(place), (edit,))


def _tied_once(plan: Plan) -> Iterator[Edit]:
    """One use of a parameter, and of a layer's W and b together."""
    together: dict[tuple[tuple[int, ...], str], list[tuple[str, Step]]] = {}
    for name, parameter in plan.graph.parameters.items():
        if len(parameter.users) < 2:
            continue
        step = plan.step(gradient_name(name))
        data = [term for term in step.terms if term.via != "penalty"]
        rest = tuple(term for term in step.terms if term.via == "penalty")
        for term in data:
            what = f"only its use in {term.via}"
            place = Place(step.id, parameter_layer(plan, name), name, what)
            edit = replace(step, terms=(term, *rest))
            yield Edit(place, (edit,))
            together.setdefault((parameter.users, term.via), []).append((name, edit))
    for (_, via), found in together.items():
        names = [name for name, _ in found]
        if len(names) > 1:
            layer, what = parameter_layer(plan, names[0]), f"only their use in {via}"
            place = Place(found[0][1].id, layer, " and ".join(names), what)
            yield Edit(place, tuple(step for _, step in found))


def _halved(plan: Plan) -> Iterator[Edit]:
    """A sum passes back a share to each summand."""
    for node in plan.graph.nodes:
        if len(node.inputs) < 2:
            continue
        share = Num(1.0 / len(node.inputs))
        arrives = adjoint_name(node.output)
        steps: dict[str, Step] = {}
        for step in plan.steps:
            for index, term in enumerate(step.terms):
                if term.via == node.output and term.expr == _sym(plan, arrives):
                    known = steps.get(step.id, step)
                    steps[step.id] = with_term(known, index, share * term.expr)
        if steps:
            place = Place(next(iter(steps)), layer_of(node.output))
            yield Edit(place, tuple(steps.values()))


def _sym(plan: Plan, name: str) -> Sym | None:
    return plan.step(name).target if name in plan else None


def _swapped(plan: Plan) -> Iterator[Edit]:
    """Two neighbours in a concat change places, in the cuts of Δ or in the forward pass."""
    for node in plan.graph.nodes:
        step = plan.step(node.output)
        (joined,) = (term.expr for term in step.terms)
        if not isinstance(joined, Concat):
            continue
        starts = [0, *accumulate(part.shape[0] for part in joined.parts)]
        layer = layer_of(node.output)
        for i, (one, other) in enumerate(pairwise(joined.parts)):
            if one == other:
                continue
            parts = (*joined.parts[:i], other, one, *joined.parts[i + 2 :])
            cut = starts[i] + other.shape[0]
            moved = {
                (starts[i], starts[i + 1]): (cut, starts[i + 2]),
                (starts[i + 1], starts[i + 2]): (starts[i], cut),
            }
            steps = _cut_elsewhere(plan, node.output, moved)
            if steps:
                yield Edit(Place(steps[0].id, layer), steps)
            forward = with_term(step, 0, Concat(parts))
            yield Edit(Place(step.id, layer, what="in the forward pass"), (forward,))


def _cut_elsewhere(
    plan: Plan, via: str, moved: dict[tuple[int, int], tuple[int, int]]
) -> tuple[Step, ...]:
    """Steps that lead on, in which the parts of what comes over a concat are others."""
    steps: dict[str, Step] = {}
    for step in plan.steps:
        if step.kind not in ("arrive", "adjoint") or not leads_on(plan, step):
            continue
        for index, term in enumerate(step.terms):
            if term.via == via and isinstance(term.expr, Slice):
                place = (term.expr.start, term.expr.stop)
                if place in moved:
                    known = steps.get(step.id, step)
                    expr = Slice(term.expr.body, *moved[place])
                    steps[step.id] = with_term(known, index, expr)
    return tuple(steps.values())


def _scale_missing(plan: Plan) -> Iterator[Edit]:
    """s ⊙ δ is passed back as δ."""
    for step in plan.steps:
        if step.kind not in ("arrive", "adjoint") or not leads_on(plan, step):
            continue
        for index, term in enumerate(step.terms):
            match term.expr:
                case Hadamard(Sym(name), delta) if name in plan.graph.parameters:
                    edit = with_term(step, index, delta)
                    yield Edit(Place(step.id, layer_of(term.via), name), (edit,))


def _masks(change: Callable[[Sym, float], Expr]) -> Callable[[Plan], Iterator[Edit]]:
    """Edits of dropout's factor in what passes back, one mask at a time and all at once."""

    def edits(plan: Plan) -> Iterator[Edit]:
        every: dict[str, Step] = {}
        for name, (mask, rate) in plan.masks.items():
            for step in plan.steps:
                if step.kind not in ("arrive", "adjoint") or not leads_on(plan, step):
                    continue
                for index, term in enumerate(step.terms):
                    if mask not in (child for child in term.expr.children()):
                        continue
                    expr = substitute(term.expr, {mask: change(mask, rate)})
                    known = every.get(step.id, step)
                    every[step.id] = with_term(known, index, expr)
                    edit = with_term(step, index, expr)
                    yield Edit(Place(step.id, layer_of(name)), (edit,))
        if len(every) > 1:
            yield Edit(Place(next(iter(every))), tuple(every.values()))

    return edits


def _unscaled(mask: Sym, rate: float) -> Expr:
    return Num(1.0 - rate) * mask  # 0 and 1, not 0 and 1/(1 − p)


def _inverted(mask: Sym, rate: float) -> Expr:
    return 1 - Num(1.0 - rate) * mask  # 1 where the mask is 0


def _inverted_mask(plan: Plan) -> Iterator[Edit]:
    """As 0 and 1, and with dropout's 1/(1 − p)."""
    yield from _masks(_inverted)(plan)
    for edit in _masks(lambda mask, rate: _inverted(mask, rate) / Num(1.0 - rate))(plan):
        yield replace(edit, place=replace(edit.place, what="with 1/(1 − p)"))


MISTAKES = (
    Mistake(
        "residual-identity-missing",
        "the residual's identity is missing: what arrives is not added to what the branch brings",
        "the derivative of x + σ(x) is 1 + σ′, and the 1 was forgotten",
        "add the Δ that arrives at the sum",
        ("S1, Y = X + σ(X)", "DL-from-scratch-3, step 14"),
        and_everywhere(_identity_missing),
    ),
    Mistake(
        "last-path-only",
        "only one of the wires that leave this value comes back",
        "= is written for += where a value is used twice",
        "add what comes back over every wire (⊕)",
        ("dev.to/shrsv, fixing a bug in micrograd", "nn-zero-to-hero#52"),
        _last_path,
    ),
    Mistake(
        "wires-multiplied",
        "what comes back over several wires is multiplied, not added",
        "factors along a path and sums over paths are mixed up",
        "add over the wires (⊕)",
        ("S3 (35)",),
        and_everywhere(_wires_multiplied),
    ),
    Mistake(
        "tied-counted-once",
        "only one use of the tied parameter is counted",
        "= is written for += where a layer is used twice",
        "add the gradients of all uses",
        ("KevinTheRainmaker DL-from-scratch-3, step 14",),
        _tied_once,
    ),
    Mistake(
        "join-halved",
        "the sum shares out what arrives",
        "a sum passes to each summand the whole derivative, not a part of it",
        "pass Δ to every summand",
        ("ours",),
        and_everywhere(_halved),
    ),
    Mistake(
        "concat-slices-swapped",
        "the parts of a concat get each other's derivative",
        "the order of the parts differs between forward and backward pass",
        "cut Δ in the order of the parts",
        ("ours",),
        _swapped,
    ),
    Mistake(
        "scale-missing",
        "the layer's factor is missing in what passes back",
        "a = s ⊙ x passes back s ⊙ Δ",
        "multiply by s",
        ("ours",),
        and_everywhere(_scale_missing),
    ),
    Mistake(
        "dropout-mask-missing",
        "dropout's mask is missing in the backward pass",
        "the mask was applied to the activations only",
        "multiply Δ by the same mask",
        ("stats.SE 207481",),
        _masks(lambda mask, rate: Num(1.0)),
    ),
    Mistake(
        "dropout-scale-missing",
        "dropout's 1/(1 − p) is missing in the backward pass",
        "the mask is applied as 0 and 1",
        "multiply by the mask as it was used forward, 0 or 1/(1 − p)",
        ("devhide 77220003",),
        _masks(_unscaled),
    ),
    Mistake(
        "dropout-mask-twice",
        "dropout's mask is applied twice",
        "δ was masked and what came back is masked again",
        "apply it once",
        ("ours",),
        _masks(lambda mask, rate: mask * mask),
    ),
    Mistake(
        "dropout-mask-inverted",
        "dropout's mask is inverted: what was dropped passes back",
        "the mask marks what is dropped, not what is kept",
        "use the mask of what is kept",
        ("ours",),
        _inverted_mask,
    ),
)
