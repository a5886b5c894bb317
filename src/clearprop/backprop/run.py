"""The reference: runs a plan in float64 NumPy, and keeps every quantity it meets.

What it evaluates are the plan's own trees, so what is printed is what is executed; a rewritten
plan runs as it is rewritten. Slow and exact: the oracle of the engine and the source of every
number that a derivation shows. Proved by ``tests/test_gradients.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from clearprop import philox
from clearprop.backprop.plan import SAMPLE_WEIGHT, Plan, gradient_name, target_name
from clearprop.errors import ShapeError
from clearprop.expressions import Array, Expr, Sum, Type, evaluate, spread
from clearprop.graph import Graph


@dataclass(frozen=True)
class Position:
    """Where in a training run a batch stands: what dropout's masks depend on.

    ``rows`` is the place of the batch's first row in the whole batch (for pieces of one).
    """

    seed: int = 0
    epoch: int = 0
    step: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Trace(Mapping[str, Array]):
    """Every quantity of one pass, by symbol: a mapping of float64 arrays ``[K][m] + shape``.

    Parameters
    ----------
    graph : Graph
    values : dict of str to array
        z, a, Δ, δ, gradients, parameters, targets, weights: every symbol of the plan.
    terms : dict of (step id, via) to array
        Each summand of the steps that sum over several wires.
    position : Position or None
        None: no dropout.
    """

    graph: Graph
    values: dict[str, Array]
    terms: dict[tuple[str, str], Array] = field(default_factory=dict)
    position: Position | None = None

    def __getitem__(self, name: str) -> Array:
        return self.values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def cost(self) -> float:
        """J: the weighted mean over samples (and members) plus the penalty."""
        return float(self.values["J"])

    @property
    def cost_terms(self) -> dict[str, Array]:
        """C of each sample, by the cost's symbol, ([K,] m)."""
        return {n: v for n, v in self.values.items() if n.startswith("C")}

    @property
    def penalty(self) -> float:
        """λ/2 Σ W², 0 without one."""
        return float(self.values.get("penalty", 0.0))

    @property
    def gradient(self) -> dict[str, Array]:
        """∂J/∂W of every parameter, by the parameter's name."""
        return {name: self.values[gradient_name(name)] for name in self.graph.parameters}

    @property
    def input_gradient(self) -> dict[str, Array]:
        """∂J/∂X of every input that has one, by the input's key, (m, width)."""
        found = {}
        for given in self.graph.inputs:
            name = "Delta" + given.value[1:]
            if name in self.values:
                found[given.key] = self.values[name]
        return found

    def member(self, number: int) -> Trace:
        """Return the trace of one member: the member axis taken off wherever there is one."""
        own = {name: value.type.member for name, value in self.graph.values.items()}
        own |= {name: p.spec.type.member for name, p in self.graph.parameters.items()}
        own |= {"Delta" + n[1:]: flag for n, flag in own.items() if n in self.graph.values}
        own |= {"delta" + n[1:]: flag for n, flag in own.items() if n.startswith("z")}
        own |= {gradient_name(n): p.spec.type.member for n, p in self.graph.parameters.items()}
        own |= {name: array.ndim == 2 for name, array in self.cost_terms.items()}
        chosen = {n: v[number] if own.get(n) else v for n, v in self.values.items()}
        return replace(self, values=chosen, terms={})


def run(
    plan: Plan,
    parameters: Mapping[str, Array],
    inputs: Mapping[str, Array],
    targets: Mapping[str, Array] | None = None,
    *,
    weights: Array | None = None,
    at: Position | None = None,
    member: int | None = None,
    slots: Mapping[str, Array] | None = None,
    learning_rate: float | None = None,
    t: int = 1,
) -> Trace:
    """Run a plan's steps in float64 and return every quantity.

    Parameters
    ----------
    plan : Plan
    parameters : mapping of str to array
        By parameter name.
    inputs : mapping of str to array
        By the input's key: (m, width) float64, or (m,) indices.
    targets : mapping of str to array, optional
        By the target's symbol, (m, width); without them only the forward steps are run.
    weights : (m,) array, optional
        Sample weights w ≥ 0; the cost is Σ w C / Σ w.
    at : Position, optional
        Draw dropout's masks for this place; without it nothing is dropped.
    member : int, optional
        Return one member's trace.
    slots, learning_rate, t : optional
        For a plan with an optimizer: its slots, α (the optimizer's own by default), the step's
        number from 1. The updates are run if ``slots`` is given.

    Returns
    -------
    Trace

    Raises
    ------
    ShapeError
        If an array's shape is not what the graph says.
    """
    values, m = _given(plan.graph, parameters, inputs)
    if targets is not None:
        for cost in plan.graph.costs:
            name = target_name(plan.graph, cost)
            values[name] = _shaped(name, targets[name], (m, *plan.graph.values[cost.value].type.shape))
        w = np.ones(m) if weights is None else _shaped("the sample weights", weights, (m,))
        total = w.sum()
        if not total > 0:
            raise ShapeError("the sample weights sum to 0; the cost of such a batch is not defined")
        values[SAMPLE_WEIGHT.name] = w / total
    for name, (sym, rate) in plan.masks.items():
        values[name] = _mask(plan, name, sym.type, rate, m, at)
    if slots is not None and plan.optimizer is not None:
        values |= slots
        rate = plan.optimizer.learning_rate if learning_rate is None else learning_rate
        values |= {"learning_rate": np.asarray(rate), "t": np.asarray(float(t))}
    trace = Trace(plan.graph, values, {}, at)
    for step in plan.steps:
        if (targets is None and step.kind != "forward") or (slots is None and step.kind == "update"):
            continue
        total_value: Array | None = None
        for term in step.terms:
            array = _filled(evaluate(term.expr, values), term.expr, step.target.type, m, plan.graph)
            if len(step.terms) > 1:
                trace.terms[step.id, term.via] = array
            total_value = array if total_value is None else total_value + array
        assert total_value is not None
        values[step.target.name] = total_value
    return trace if member is None else trace.member(member)


def sample_gradients(plan: Plan, trace: Trace) -> dict[str, Array]:
    """Return what each sample contributes to each parameter's gradient.

    Parameters
    ----------
    plan : Plan
    trace : Trace
        Of a run with targets.

    Returns
    -------
    dict of str to (m,) + shape array
        By parameter name. The contributions, wᵢ / Σ w and so 1/m included, sum over samples to
        the gradient without the penalty's λ W.
    """
    found = {}
    for name, parameter in plan.graph.parameters.items():
        to = replace(parameter.spec.type, sample=True)
        m = len(trace[SAMPLE_WEIGHT.name])
        total = np.zeros(_axes(to, m, plan.graph) + to.shape)
        for term in plan.step(gradient_name(name)).terms:
            match term.expr:
                case Sum(over, body) if "sample" in over:
                    array = evaluate(body, trace)
                    if "member" in over:
                        array = array.sum(axis=0)
                    total = total + array
        found[name] = np.moveaxis(total, 1, 0) if to.member else total
    return found


def _given(
    graph: Graph, parameters: Mapping[str, Array], inputs: Mapping[str, Array]
) -> tuple[dict[str, Array], int]:
    values: dict[str, Array] = {}
    for name, parameter in graph.parameters.items():
        if name not in parameters:
            raise ShapeError(f"the parameter {name} {parameter.shape} is missing")
        values[name] = _shaped(f"the parameter {name}", parameters[name], parameter.shape)
    m = -1
    for given in graph.inputs:
        if given.key not in inputs:
            raise ShapeError(f"the input {given.key!r} is missing")
        array = np.asarray(inputs[given.key])
        wanted = (len(array) if array.ndim else 0, *given.type.shape)
        if array.ndim == 0 or array.shape != wanted or (m >= 0 and len(array) != m):
            rows = "m" if m < 0 else str(m)
            size = f"({rows}, {given.width})" if given.width else f"({rows},)"
            raise ShapeError(f"the input {given.key!r}: expected shape {size}, got {array.shape}")
        m = len(array)
        values[given.value] = array if given.levels else array.astype(np.float64)
    return values, m


def _shaped(what: str, array: Array, shape: tuple[int, ...]) -> Array:
    array = np.asarray(array, dtype=np.float64)
    if array.shape != shape:
        raise ShapeError(f"{what}: expected shape {shape}, got {array.shape}")
    return array


def _axes(of: Type, m: int, graph: Graph) -> tuple[int, ...]:
    return ((graph.members,) if of.member else ()) + ((m,) if of.sample else ())


def _filled(array: Array, expr: Expr, to: Type, m: int, graph: Graph) -> Array:
    """Give the array all axes of the target: a constant f′ = 1, say, becomes one for each unit."""
    full = spread(array, expr.type, to)
    return np.array(np.broadcast_to(full, _axes(to, m, graph) + to.shape))


def _mask(
    plan: Plan, name: str, of: Type, rate: float, m: int, at: Position | None
) -> Array:
    """Return dropout's factors r: all 1 outside training."""
    shape = _axes(of, m, plan.graph) + of.shape
    if at is None:
        return np.ones(shape)
    number = list(plan.masks).index(name)
    keep = philox.keep_mask(
        at.seed,
        at.step,
        np.arange(at.rows, at.rows + m),
        of.shape[0],
        rate,
        node=number,
        members=plan.graph.members if of.member else 1,
    )
    return np.where(keep, 1.0 / (1.0 - rate), 0.0).reshape(shape)
