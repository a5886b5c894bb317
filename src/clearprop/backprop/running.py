"""The reference: runs a plan in float64 NumPy, and keeps every quantity it meets.

What it evaluates are the plan's own trees, so what is printed is what is executed; a rewritten
plan runs as it is rewritten. Slow and exact: the oracle of the engine and the source of every
number that a derivation shows. Proved by ``tests/test_gradients.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from clearprop import notebook, philox
from clearprop.backprop.given import given_arrays, given_targets, shares
from clearprop.backprop.planning import (
    SAMPLE_WEIGHT,
    Plan,
    Step,
    adjoint_name,
    gradient_name,
)
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


@dataclass(frozen=True, repr=False)
class Trace(Mapping[str, Array]):
    """Every quantity of one pass, by symbol: a mapping of float64 arrays ``[K][m] + shape``.

    Parameters
    ----------
    graph : Graph
    arrays : dict of str to array
        z, a, Δ, δ, gradients, parameters, targets, weights: every symbol of the plan.
    terms : dict of (step id, number of the term) to array
        Each summand of the steps that sum over several wires, in the order of ``Step.terms``.
    position : Position or None
        None: no dropout.
    """

    graph: Graph
    arrays: dict[str, Array]
    terms: dict[tuple[str, int], Array] = field(default_factory=dict)
    position: Position | None = None

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in self.items())
        return f"Trace({shapes})"

    def _repr_html_(self) -> str:
        rows = [
            (name, " × ".join(map(str, array.shape)) or "1", *_ends(array))
            for name, array in self.items()
        ]
        return notebook.headed(
            f"Trace of {len(rows)} quantities",
            notebook.table(("quantity", "shape", "smallest", "largest"), rows),
        )

    @property
    def cost(self) -> float:
        """J: the weighted mean over samples (and members) plus the penalty."""
        return float(self["J"])

    @property
    def cost_terms(self) -> dict[str, Array]:
        """C of each sample, by the cost's symbol, ([K,] m)."""
        return {name: array for name, array in self.items() if name.startswith("C")}

    @property
    def penalty(self) -> float:
        """λ/2 Σ W², 0 without one."""
        return float(self.get("penalty", 0.0))

    @property
    def gradient(self) -> dict[str, Array]:
        """∂J/∂W of every parameter, by the parameter's name."""
        return {name: self[gradient_name(name)] for name in self.graph.parameters}

    @property
    def input_gradient(self) -> dict[str, Array]:
        """∂J/∂X of every input that has one, by the input's key, (m, width)."""
        found = {}
        for given in self.graph.inputs:
            name = adjoint_name(given.value)
            if name in self:
                found[given.key] = self[name]
        return found

    def member(self, number: int) -> Trace:
        """Return the trace of one member: the member axis taken off wherever there is one."""
        members = self.graph.members
        if not 0 <= number < members:
            raise ShapeError(f"there is no member {number}; the network has {members} (from 0)")
        own = {name: value.type.member for name, value in self.graph.values.items()}
        for node in self.graph.nodes:
            masks = node.row.masks(self.graph.input_types(node), node.attrs)
            own |= {role + node.output[1:]: own[node.output] for role in masks}
        own |= {adjoint_name(name): own[name] for name in self.graph.values}
        for name, parameter in self.graph.parameters.items():
            own |= dict.fromkeys((name, gradient_name(name)), parameter.spec.type.member)
        own |= {name: array.ndim == 2 for name, array in self.cost_terms.items()}
        chosen = {n: array[number] if own.get(n) else array for n, array in self.items()}
        return replace(self, arrays=chosen, terms={})


def run(
    plan: Plan,
    parameters: Mapping[str, Array],
    inputs: Mapping[str, Array],
    targets: Mapping[str, Array] | None = None,
    *,
    weights: Array | None = None,
    at: Position | None = None,
    member: int | None = None,
    backward: bool = True,
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
    backward : bool
        Without it the steps end at J: a cost by itself needs a third of the products.
    slots, learning_rate, t : optional
        For a plan with an optimizer: its slots, α (the optimizer's own by default), the step's
        number from 1. The updates are run if ``slots`` is given.

    Returns
    -------
    Trace

    Raises
    ------
    ShapeError
        If an array is missing or its shape is not what the graph says.
    DataError
        If an array holds no numbers, an index is out of range, or no row has a weight.
    """
    values, m = given_values(plan, parameters, inputs, targets, weights=weights, at=at)
    if slots is not None and plan.optimizer is not None:
        values |= slots
        alpha = plan.optimizer.learning_rate if learning_rate is None else learning_rate
        values |= {"learning_rate": np.asarray(alpha), "t": np.asarray(float(t))}
    trace = Trace(plan.graph, values, {}, at)
    left_out = {"update"} if slots is None else set()
    if targets is None or not backward:
        left_out |= {"arrive", "adjoint", "gradient", "update"}
    if targets is None:
        left_out |= {"cost", "penalty"}
    for step in plan.steps:
        if step.kind in left_out:
            continue
        values[step.target.name], found = computed(plan, step, values, m)
        if len(found) > 1:  # ⊕
            trace.terms.update(((step.id, place), array) for place, array in enumerate(found))
    return trace if member is None else trace.member(member)


def given_values(
    plan: Plan,
    parameters: Mapping[str, Array],
    inputs: Mapping[str, Array],
    targets: Mapping[str, Array] | None = None,
    *,
    weights: Array | None = None,
    at: Position | None = None,
) -> tuple[dict[str, Array], int]:
    """Return what a plan's steps start from, checked and by symbol; and the number of rows.

    Parameters and exceptions are those of `run`.
    """
    values, m = given_arrays(plan.graph, parameters, inputs)
    if targets is not None:
        values |= given_targets(plan.graph, targets, m)
        values[SAMPLE_WEIGHT.name] = shares(weights, m)
    for place, (name, (sym, rate)) in enumerate(plan.masks.items()):
        values[name] = _mask(plan.graph, place, sym.type, rate, m, at)
    return values, m


def computed(
    plan: Plan, step: Step, values: Mapping[str, Array], m: int
) -> tuple[Array, list[Array]]:
    """Return what a step gives, of values by symbol; and its summands."""
    found = [
        _filled(evaluate(term.expr, values), term.expr, step.target.type, m, plan.graph)
        for term in step.terms
    ]
    with np.errstate(all="ignore"):
        return reduce(np.add, found), found


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


def _axes(of: Type, m: int, graph: Graph) -> tuple[int, ...]:
    return ((graph.members,) if of.member else ()) + ((m,) if of.sample else ())


def _filled(array: Array, expr: Expr, to: Type, m: int, graph: Graph) -> Array:
    """Give the array all axes of the target: a constant f′ = 1, say, becomes one for each unit."""
    shape = _axes(to, m, graph) + to.shape
    if isinstance(expr, Sum) and array.shape == shape and array.flags.owndata:
        return array  # it is new, and a matrix's gradient large
    return np.array(np.broadcast_to(spread(array, expr.type, to), shape))


def _mask(graph: Graph, place: int, of: Type, rate: float, m: int, at: Position | None) -> Array:
    """Return the factors r of the dropout number ``place``: all 1 outside training."""
    shape = _axes(of, m, graph) + of.shape
    if at is None:
        return np.ones(shape)
    keep = philox.keep_mask(
        at.seed,
        at.step,
        np.arange(at.rows, at.rows + m),
        of.shape[0],
        rate,
        node=place,
        members=graph.members if of.member else 1,
    )
    return np.where(keep, 1.0 / (1.0 - rate), 0.0).reshape(shape)


def mean_of_members(values: Array) -> Array:
    """Return the mean over the first axis, added in order: a row has the bits it has alone.

    NumPy's own mean adds eight members of a single number otherwise than those of many rows.
    """
    total: Array = values[0].copy()
    for member in values[1:]:
        total += member
    total /= len(values)
    return total


def _ends(array: Array) -> tuple[float, float]:
    """The smallest and the largest entry; NaN of none."""
    return (float(array.min()), float(array.max())) if array.size else (np.nan, np.nan)
