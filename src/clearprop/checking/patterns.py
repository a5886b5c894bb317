"""The patterns in a plan that mistakes are about: slopes, products with Wᵀ, gradients, costs.

Each finder walks the steps and yields what it found with its place, so that a row of the catalogue
says only what is written instead. They match the shapes of the trees, not the names of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from clearprop.backprop import (
    SAMPLE_WEIGHT,
    Plan,
    Step,
    adjoint_name,
    gradient_name,
    target_name,
)
from clearprop.backprop import plan as make_plan
from clearprop.checking.edits import with_term
from clearprop.checking.mistake import Place
from clearprop.checking.places import layer_of, leads_on
from clearprop.checking.same import Same
from clearprop.expressions import (
    Apply,
    Expr,
    MatMul,
    Num,
    OneHot,
    Outer,
    Sum,
    Sym,
    Transpose,
    Type,
    substitute,
    walk,
)
from clearprop.graph import CostNode, Graph
from clearprop.operations import Activation, Function


@dataclass(frozen=True)
class CostTerm:
    """Where the cost's derivative enters: (wᵢ / Σ w) ⊙ slope."""

    step: Step
    index: int
    cost: CostNode
    share: Expr
    slope: Expr
    out: Sym
    y: Sym
    place: Place

    def times(self, factor: Expr) -> Step:
        """Return the step with the term multiplied by a scalar."""
        return with_term(self.step, self.index, factor * self.step.terms[self.index].expr)

    def sloped(self, slope: Expr) -> Step:
        """Return the step with another slope at the same share of the batch."""
        return with_term(self.step, self.index, self.share * slope)


def cost_terms(plan: Plan) -> Iterator[CostTerm]:
    """Yield the term of each cost in the Δ or δ that it reaches."""
    graph = plan.graph
    for cost in graph.costs:
        maker = graph.maker(cost.value)
        names = [cost.value] + ([maker.inputs[0]] if maker else [])
        y = target_name(graph, cost)
        for name in names:
            step_id = adjoint_name(name)
            if step_id not in plan:
                continue
            step = plan.step(step_id)
            for index, term in enumerate(step.terms):
                reads = {node.name for node in walk(term.expr) if isinstance(node, Sym)}
                if term.via != "cost" or y not in reads | {y}:
                    continue
                share, slope = _share_and_slope(term.expr)
                out = Sym(cost.value, graph.values[cost.value].type)
                target = Sym(y, Type(out.shape, sample=True))
                place = Place(step.id, layer_of(cost.value))
                yield CostTerm(step, index, cost, share, slope, out, target, place)


def _share_and_slope(expr: Expr) -> tuple[Expr, Expr]:
    """Split (wᵢ / Σ w) ⊙ slope; what is no such product has the share 1."""
    children = expr.children()
    if len(children) == 2 and any(node == SAMPLE_WEIGHT for node in walk(children[0])):
        return children[0], children[1]
    return Num(1.0), expr


@dataclass(frozen=True)
class Slope:
    """An f′(z) in what passes back: the term it stands in, and the function's output."""

    step: Step
    index: int
    expr: Expr  # the whole term
    node: Apply  # f′(z)
    out: Sym  # f(z)
    is_output: bool
    fused: bool  # the cost and its link are one step in the plan
    place: Place

    def instead(self, expr: Expr) -> Step:
        """Return the step with something else in place of f′(z)."""
        return with_term(self.step, self.index, substitute(self.expr, {self.node: expr}))

    @property
    def z(self) -> Expr:
        return self.node.args[0]


def slopes(plan: Plan) -> Iterator[Slope]:
    """Yield each derivative of an element-wise function that is not constant.

    Where a cost and its link are one step (δ = a − y), the two are taken apart first: people who
    write them apart make the same mistakes.
    """
    outputs = {cost.value for cost in plan.graph.costs}
    for step in plan.steps:
        if step.kind not in ("arrive", "adjoint"):
            continue
        for index, term in enumerate(step.terms):
            yield from _slope(plan, step, index, term.expr, term.via, outputs)
    for step, index, expr, via in apart(plan):
        yield from _slope(plan, step, index, expr, via, outputs, fused=True)


def _slope(
    plan: Plan,
    step: Step,
    index: int,
    expr: Expr,
    via: str,
    outputs: set[str],
    fused: bool = False,
) -> Iterator[Slope]:
    if via not in plan.graph.values:
        return
    for node in dict.fromkeys(walk(expr)):
        if not (isinstance(node, Apply) and node.form == "derivative"):
            continue
        row = node.function
        if isinstance(row, Function) and isinstance(row.slope(node.args[0], dict(node.attrs)), Num):
            continue
        out = Sym(via, plan.graph.values[via].type)
        place = Place(step.id, layer_of(via))
        yield Slope(step, index, expr, node, out, via in outputs, fused, place)


def apart(plan: Plan) -> Iterator[tuple[Step, int, Expr, str]]:
    """Yield each fused cost-and-link term with the expression it has when taken apart."""
    for found in cost_terms(plan):
        if found.step.target.name == adjoint_name(found.cost.value):
            continue  # not fused
        loose = _loose(Same(plan.graph))
        arrives = loose.step(adjoint_name(found.cost.value))
        for term in loose.step(found.step.id).terms:
            if term.via == found.cost.value:
                expr = substitute(term.expr, {arrives.target: arrives.expr})
                yield found.step, found.index, expr, found.cost.value


@lru_cache(maxsize=8)
def _loose(graph: Same[Graph]) -> Plan:
    """The plan in which cost and link are two steps."""
    return make_plan(graph.thing, fuse=False)


@dataclass(frozen=True)
class Mixing:
    """Where a function that mixes the units (softmax) passes back its full Jacobian."""

    step: Step
    index: int
    arriving: Expr
    out: Sym
    place: Place


def mixings(plan: Plan) -> Iterator[Mixing]:
    """Yield each function whose outputs depend on all units of its input."""
    for node in plan.graph.nodes:
        row = node.row
        if not isinstance(row, Activation) or isinstance(row, Function):
            continue
        out = Sym(node.output, plan.graph.values[node.output].type)
        arrives = Sym(adjoint_name(node.output), out.of)
        step_id = adjoint_name(node.inputs[0])
        if step_id not in plan:
            continue
        step = plan.step(step_id)
        place = Place(step_id, layer_of(node.output))
        for index, term in enumerate(step.terms):
            if term.via == node.output:
                yield Mixing(step, index, arrives, out, place)
        for found in cost_terms(plan):
            if found.step is step and found.cost.value == node.output:
                slope = found.cost.row.slope(found.out, found.y, found.cost.attrs)
                yield Mixing(step, found.index, found.share * slope, out, place)


@dataclass(frozen=True)
class Back:
    """A product Wᵀ δ on its way back."""

    step: Step
    index: int
    W: Sym
    delta: Sym
    via: str
    place: Place

    def instead(self, expr: Expr) -> Step:
        """Return the step with something else in place of Wᵀ δ."""
        return with_term(self.step, self.index, expr)


def backs(plan: Plan) -> Iterator[Back]:
    """Yield every Wᵀ δ."""
    for step in plan.steps:
        if step.kind not in ("arrive", "adjoint") or not leads_on(plan, step):
            continue
        for index, term in enumerate(step.terms):
            match term.expr:
                case MatMul(Transpose(Sym() as W), Sym() as delta) if (
                    W.name in plan.graph.parameters
                ):
                    place = Place(step.id, _value_layer(step))
                    yield Back(step, index, W, delta, term.via, place)


def _value_layer(step: Step) -> str:
    name = step.target.name
    return (name.removeprefix("Delta").removeprefix("delta")).lstrip("_")


@dataclass(frozen=True)
class WeightUse:
    """A use of a weight matrix: Σ over samples of δ xᵀ in its gradient."""

    step: Step
    index: int
    over: tuple[str, ...]
    W: Sym
    delta: Expr
    x: Expr
    via: str
    place: Place

    def instead(self, delta: Expr | None = None, x: Expr | None = None) -> Step:
        """Return the step with another δ or another x."""
        outer = Outer(delta or self.delta, x or self.x)
        return with_term(self.step, self.index, Sum(self.over, outer))  # type: ignore[arg-type]


def weight_uses(plan: Plan) -> Iterator[WeightUse]:
    """Yield every δ xᵀ of a weight matrix (a table's gradient 1ₖ δᵀ is another thing)."""
    for name in plan.graph.parameters:
        step = plan.step(gradient_name(name))
        for index, term in enumerate(step.terms):
            match term.expr:
                case Sum(over, Outer(delta, x)) if not isinstance(delta, OneHot):
                    W = Sym(name, plan.graph.parameters[name].spec.type)
                    place = Place(step.id, layer_of(term.via), name)
                    yield WeightUse(step, index, over, W, delta, x, term.via, place)


@dataclass(frozen=True)
class BiasUse:
    """A use of a bias: Σ over samples (and units, if the layer shares it) of δ."""

    step: Step
    index: int
    over: tuple[str, ...]
    b: Sym
    delta: Sym
    shared: bool
    via: str
    place: Place

    def instead(self, delta: Expr) -> Step:
        """Return the step with another δ."""
        body = Sum(("unit",), delta) if self.shared else delta
        return with_term(self.step, self.index, Sum(self.over, body))  # type: ignore[arg-type]


def bias_uses(plan: Plan) -> Iterator[BiasUse]:
    """Yield every Σ δ of a bias."""
    for name in plan.graph.parameters:
        step = plan.step(gradient_name(name))
        b = Sym(name, plan.graph.parameters[name].spec.type)
        for index, term in enumerate(step.terms):
            place = Place(step.id, layer_of(term.via), name)
            match term.expr:
                case Sum(over, Sym() as delta):
                    yield BiasUse(step, index, over, b, delta, False, term.via, place)
                case Sum(over, Sum(("unit",), Sym() as delta)):
                    yield BiasUse(step, index, over, b, delta, True, term.via, place)


def before_derivative(plan: Plan) -> dict[str, tuple[Step, Expr]]:
    """Return, for each δ that is made over one wire, its step and what arrives before f′."""
    found: dict[str, tuple[Step, Expr]] = {}
    for slope in slopes(plan):
        found[slope.step.target.name] = slope.step, substitute(slope.expr, {slope.node: Num(1.0)})
    for mixing in mixings(plan):
        found[mixing.step.target.name] = mixing.step, mixing.arriving
    return {name: (step, expr) for name, (step, expr) in found.items() if len(step.terms) == 1}
