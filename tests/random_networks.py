"""Random networks of every kind there is, the same for a seed on every machine.

One generator for the reference's tests and the engine's: residuals, concat, tied layers, biases of
all kinds, index inputs, members, several inputs and outputs, mixes, scales, dropout, all functions,
all costs. Values stay moderate, so that rounding errors do too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearprop.backprop import Trace
from clearprop.graph import Activation, Dense, Dropout, Embedding, Input, Scale, Wire, concat
from clearprop.network import Network
from clearprop.operations import TABLE, Cost, Function

FUNCTIONS = [row.name for row in TABLE.rows() if isinstance(row, Function)]
COSTS = [row.name for row in TABLE.rows() if isinstance(row, Cost)]
STEEP = ("exp",)  # two of them in a chain leave the moderate numbers


@dataclass(frozen=True)
class Case:
    """A network and what to run it on.

    ``X`` and ``Y`` are what users give: an array, or a dict where there are several.
    """

    network: Network
    parameters: dict[str, np.ndarray]
    X: Any
    Y: Any
    weights: np.ndarray | None
    seed: int

    def trace(self, **changes: Any) -> Trace:
        """The reference's run of it."""
        given = replace(self, **changes)
        return given.network.trace(given.parameters, given.X, given.Y, given.weights)


def random_case(seed: int, *, rows: int | None = None, members: int | None = None) -> Case:
    """Return the network of this seed, with parameters, data and (for odd seeds) weights.

    Parameters
    ----------
    seed : int
    rows : int, optional
        m; by default 1 to 6.
    members : int, optional
        K, 0 for none; by default sometimes 2 or 3.
    """
    rng = np.random.default_rng([seed, 2026])
    k = int(rng.choice([0, 0, 0, 2, 3])) if members is None else members
    network = _Builder(rng, k).network()
    parameters = {
        name: rng.normal(size=parameter.shape) * _size(parameter.spec.type.shape)
        for name, parameter in network.graph.parameters.items()
    }
    m = int(rng.integers(1, 7)) if rows is None else rows
    X, Y = random_data(network, m, rng)
    weights = rng.uniform(0.0, 2.0, size=m) * (rng.random(m) < 0.8) if seed % 2 else None
    if weights is not None:
        weights[int(rng.integers(m))] = 1.0
    return Case(network, parameters, X, Y, weights, seed)


def random_data(network: Network, m: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return m rows of inputs, and of targets that the costs are defined for."""
    graph = network.graph
    inputs = {
        i.key: rng.integers(i.levels, size=m) if i.levels else rng.normal(size=(m, i.width))
        for i in graph.inputs
    }
    targets = {c.value: _target(c.row, graph.values[c.value].type.shape[0], m, rng)
               for c in graph.costs}  # fmt: skip
    X = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    return X, targets if len(targets) > 1 else next(iter(targets.values()))


def chain_case(
    function: str, cost: str, outputs: int, weighted: bool, seed: int, hidden: int = 3, m: int = 4
) -> Case:
    """Return a chain 2-hidden-outputs: ``function`` hidden, and at the output where it may be."""
    rng = np.random.default_rng([seed, outputs, weighted])
    output = function if TABLE.cost(cost).link == "identity" else TABLE.cost(cost).link
    network = Network([2, hidden, outputs], function, output=output, cost=cost, l2=0.01)
    parameters = {n: rng.normal(size=p.shape) * 0.7 for n, p in network.graph.parameters.items()}
    X, Y = random_data(network, m, rng)
    weights = rng.uniform(0.2, 2.0, size=m) if weighted else None
    return Case(network, parameters, X, Y, weights, seed)


def near_kink(case: Case, margin: float) -> bool:
    """Whether a value stands so near a declared kink that differences would reach across it."""
    trace, graph = case.trace(), case.network.graph
    for node in graph.nodes:
        row, attrs = node.row, node.attrs
        if node.op == "mix":
            row = TABLE.activation(node.attrs["function"])
            attrs = row.settings({})
        for kink in row.kinks(attrs) if isinstance(row, Function) else ():
            if _near(trace[node.inputs[0]] - kink, margin):
                return True
    for cost in graph.costs:
        target = "y" if len(graph.costs) == 1 else "y" + cost.value[1:]
        for kink in cost.row.kinks(cost.attrs):
            if _near(trace[cost.value] - trace[target] - kink, margin):
                return True
    return False


def _near(distance: np.ndarray, margin: float) -> bool:
    # exactly at a kink stands only what a flat piece before it holds there, whatever is changed
    return bool(((np.abs(distance) < margin) & (distance != 0)).any())


def redrawn(case: Case, margin: float) -> Case:
    """The case itself, or the first redrawing of its parameters and data that is clear of kinks."""
    rng, attempt = np.random.default_rng([case.seed, 7]), case
    for _ in range(300):
        if not near_kink(attempt, margin):
            return attempt
        parameters = {n: w + rng.normal(size=w.shape) * 0.1 for n, w in case.parameters.items()}
        m = len(next(iter(attempt.X.values())) if isinstance(attempt.X, dict) else attempt.X)
        X, Y = random_data(case.network, m, rng)
        attempt = replace(case, parameters=parameters, X=X, Y=Y)
    raise AssertionError(f"no draw of network {case.seed} is clear of its kinks")


def _size(shape: tuple[int, ...]) -> float:
    return 0.9 / np.sqrt(shape[1]) if len(shape) == 2 else 0.6


def _target(cost: Cost, width: int, m: int, rng: np.random.Generator) -> np.ndarray:
    match cost.target:
        case "count":
            return rng.poisson(2.0, size=(m, width)).astype(float)
        case "probability":
            return rng.choice([0.0, 1.0, 0.25], size=(m, width))
        case "class":
            classes = rng.integers(width, size=m)
            kind = int(rng.integers(3))
            return (classes, np.eye(width)[classes], rng.dirichlet(np.ones(width), size=m))[kind]
    return rng.normal(size=(m, width)) * 1.5


class _Builder:
    def __init__(self, rng: np.random.Generator, members: int) -> None:
        self.rng, self.members = rng, members
        self.values: list[Wire] = []
        self.layers: list[tuple[int, Dense]] = []  # (width it takes, layer)

    def pick(self, *options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def network(self) -> Network:
        widths = [int(w) for w in self.rng.integers(1, 5, size=self.pick(1, 1, 2))]
        inputs = [Input(width, name=self.pick("", f"in{i}")) for i, width in enumerate(widths)]
        indices = [Input(levels=int(self.rng.integers(1, 5))) for _ in range(self.pick(0, 0, 1))]
        self.values += inputs
        for index in indices:
            self.values.append(Embedding(self.pick(1, 3), members=self.own(), name="e")(index))
        for _ in range(int(self.rng.integers(2, 8))):
            self.values.append(self.step())
        used = {id(wire) for value in self.values for wire in value.inputs}
        loose = [v for v in self.values if id(v) not in used or v.op is None]
        self.values.append(concat(*loose) if len(loose) > 1 else loose[0])
        outputs, costs, settings = [], [], {}
        for _ in range(self.pick(1, 1, 1, 2)):
            wire, cost = self.output()
            outputs.append(wire)
            costs.append(cost)
        for name in costs:
            settings |= {
                attr.name: {"limit": 0.7, "quantile": 0.3, "label_smoothing": 0.1}[attr.name]
                for attr in TABLE.cost(name).attrs
                if self.rng.random() < 0.7
            }
        l2 = self.pick(0.0, 0.02)
        return Network(inputs=[*inputs, *indices], outputs=outputs, cost=costs, l2=l2, **settings)

    def own(self) -> int:
        return self.members if self.rng.random() < 0.6 else 0

    def any_value(self) -> Wire:
        return self.values[int(self.rng.integers(len(self.values)))]

    def function(self) -> str:
        return self.pick(*[name for name in FUNCTIONS if name not in STEEP])

    def dense(self, x: Wire, width: int) -> Wire:
        function = self.function()
        settings = {"elu": {"alpha": 0.7}, "leaky_relu": {"slope": 0.2}}.get(function, {})
        parametric = self.rng.random() < 0.15
        layer = Dense(
            width,
            function,
            parametric=parametric,
            bias=self.pick("unit", "unit", "shared", "none"),
            members=self.own(),
            penalised=self.pick(True, True, False),
            **({} if parametric else settings),
        )
        self.layers.append((x.type.shape[0], layer))
        return layer(x)

    def step(self) -> Wire:
        x = self.any_value()
        width = x.type.shape[0]
        match self.pick("dense", "dense", "dense", "residual", "add", "concat", "scale", "dropout",
                        "activation", "softmax", "mix", "tied", "twice", "steep"):  # fmt: skip
            case "residual":
                return x + self.dense(x, width)
            case "add":
                same = [v for v in self.values if v.type.shape == x.type.shape]
                return x + same[int(self.rng.integers(len(same)))]
            case "concat":
                return concat(x, self.any_value())
            case "scale":
                return Scale(members=self.own())(x)
            case "dropout":
                return Dropout(0.3)(x)
            case "activation":
                return Activation(self.function())(x)
            case "softmax":
                return Activation("softmax")(x)
            case "steep":
                return Activation("tanh")(Activation("exp")(Activation("softsign")(x)))
            case "mix":
                return Activation(self.function(), parametric=True, members=self.own())(x)
            case "tied":
                fit = [layer for takes, layer in self.layers if takes == width]
                return self.pick(*fit)(x) if fit else self.dense(x, self.pick(1, 2, 3))
            case "twice":
                return x + x
        return self.dense(x, self.pick(1, 2, 3))

    def output(self) -> tuple[Wire, str]:
        cost = self.pick(*COSTS)
        row = TABLE.cost(cost)
        width = self.pick(2, 3) if row.target == "class" else self.pick(1, 3)
        h = self.values[-1]
        output = self.pick("identity", row.link) if row.link != "identity" else self.function()
        return Dense(width, output, members=self.members, bias=self.pick("unit", "shared"))(h), cost
