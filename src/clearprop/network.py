"""The public network: a graph and its methods, exact in float64.

`Network` is what users hold: it describes itself, gives initial parameters, and computes forward
pass, cost, gradients and the whole trace through the reference. Training is elsewhere
(`clearprop.training`). Proved by ``tests/test_network.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop import initializers
from clearprop.backprop import Plan, Position, Trace, plan, run, sample_gradients, target_name
from clearprop.errors import DataError, GraphError, ShapeError
from clearprop.expressions import Array
from clearprop.graph import Dense, Dropout, Graph, Input, Wire, assemble
from clearprop.words import number

__all__ = [
    "Inputs",
    "Network",
    "Parameters",
    "as_target",
]

Inputs = ArrayLike | Mapping[str, ArrayLike]


class Parameters(Mapping[str, Array]):
    """Named arrays over one flat buffer, in the graph's order.

    Parameters
    ----------
    graph : Graph
    flat : (size,) float array
        The buffer; the arrays are views into it.

    Examples
    --------
    >>> p = Network([2, 3, 2]).initial(seed=0)
    >>> p["W1"].shape, p.flat.shape
    ((3, 2), (17,))
    """

    def __init__(self, graph: Graph, flat: np.ndarray[Any, Any]) -> None:
        if flat.shape != (graph.size,):
            raise ShapeError(
                f"the flat parameters have shape {flat.shape}, the network needs ({graph.size},)"
            )
        self.flat = flat
        self._arrays = {
            name: flat[section].reshape(graph.parameters[name].shape)
            for name, section in graph.sections()
        }

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self.items())
        return f"Parameters({shapes})"


class Network:
    """A feed-forward network: any graph of operations, with its cost.

    Parameters
    ----------
    layers : sequence of int, or str such as "2-3-2"
        Sizes of a chain of dense layers, the input first. Or give ``inputs`` and ``outputs``.
    activation : str or sequence of str
        The function of the hidden layers, or one for each.
    output : str
        The function of the output layer; ``"identity"`` becomes the cost's link.
    cost : str
        ``"squared_error"``, ``"cross_entropy"``, …; settings of the cost by keyword.
    l2 : float, ≥ 0
        λ of the penalty λ/2 Σ W² (weights only) in the cost.
    bias : {"unit", "shared", "none"}
    dropout : float, 0 ≤ dropout < 1
        Behind every hidden layer of a chain.
    inputs, outputs : value or sequence of values
        A graph built from `Input`, layers called on values, and ``+``.

    Raises
    ------
    GraphError, ShapeError, SettingError
        Naming the layer, what it got, what it expected, and the fix.

    Examples
    --------
    >>> net = Network([2, 3, 2], "sigmoid", output="sigmoid", l2=1e-4, bias="shared")
    >>> p = net.initial(seed=0)
    >>> net.forward(p, [[0.5, -1.0]]).shape
    (1, 2)
    """

    def __init__(
        self,
        layers: Sequence[int] | str | None = None,
        activation: str | Sequence[str] = "relu",
        *,
        output: str = "identity",
        cost: str | Sequence[str] = "squared_error",
        l2: float = 0.0,
        bias: str = "unit",
        dropout: float = 0.0,
        inputs: Wire | Sequence[Wire] | None = None,
        outputs: Wire | Sequence[Wire] | None = None,
        labels: Mapping[str, Sequence[str]] | None = None,
        graph: Graph | None = None,
        **settings: Any,
    ) -> None:
        if graph is None:
            if layers is not None and (inputs is not None or outputs is not None):
                raise GraphError("Network: give layer sizes, or inputs and outputs, not both")
            if layers is not None:
                x = chain = Input(_sizes(layers)[0])
                chain = _chain(chain, _sizes(layers)[1:], activation, output, bias, dropout)
                inputs, outputs = x, chain
            elif inputs is None or outputs is None:
                raise GraphError("Network: give layer sizes such as [2, 3, 2], or inputs and outputs")
            ins = [inputs] if isinstance(inputs, Wire) else list(inputs)
            outs = [outputs] if isinstance(outputs, Wire) else list(outputs)
            names = [cost] * len(outs) if isinstance(cost, str) else list(cost)
            if len(names) != len(outs):
                raise GraphError(f"Network: {len(outs)} outputs, but {len(names)} costs")
            costs = [(name, settings) for name in names]
            graph = assemble(ins, outs, costs, l2=l2, labels=labels)
        self.graph: Graph = graph
        for parameter in graph.parameters.values():
            initializers.check(parameter.spec.initial)

    # -- exact computation ----------------------------------------------------------------------
    @cached_property
    def plan(self) -> Plan:
        """The steps of forward pass, cost and back-propagation."""
        return plan(self.graph)

    def initial(self, seed: int = 0, X: Inputs | None = None) -> Parameters:
        """Return initial parameters, a mapping of named arrays over one flat float64 buffer.

        Parameters
        ----------
        seed : int
            0 to 2⁶⁴ − 1; the same seed gives the same bits.
        X : array (m, width), optional
            Training rows, for initialisers that look at data.
        """
        flat = np.zeros(self.graph.size)
        parameters = Parameters(self.graph, flat)
        for name, parameter in self.graph.parameters.items():
            reaching = None
            if parameter.spec.initial in initializers.DATA_DRIVEN and X is not None:
                reaching = self._reaching(parameters, name, X)
            parameters[name][...] = initializers.initial(parameter, seed, reaching)
        return parameters

    def _reaching(self, parameters: Parameters, name: str, X: Inputs) -> Array:
        """What reaches a parameter's layer under the values given so far: a, or z for a bias."""
        node = self.graph.nodes[self.graph.parameters[name].users[0]]
        trace = run(self.plan, parameters, self._inputs(X))
        role = self.graph.parameters[name].spec.role
        return trace[node.output if role == "b" else node.inputs[0]]

    def forward(self, parameters: Mapping[str, Array], X: Inputs) -> Any:
        """Return what is compared with Y: the output ([m, width]), the mean of the members'.

        With several outputs, a dict by the output's value name.
        """
        trace = run(self.plan, parameters, self._inputs(X))
        found = {name: self._mean(name, trace[name]) for name in self.graph.outputs}
        return found if len(found) > 1 else next(iter(found.values()))

    def cost(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return J: the weighted mean of the samples' costs plus the penalty."""
        return self.trace(parameters, X, Y, sample_weight).cost

    def gradient(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None = None,
        at: Position | None = None,
    ) -> Parameters:
        """Return ∂J/∂W of every parameter by name, over one flat buffer."""
        trace = self.trace(parameters, X, Y, sample_weight, at)
        flat = np.concatenate([g.reshape(-1) for g in trace.gradient.values()] or [np.zeros(0)])
        return Parameters(self.graph, flat)

    def trace(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None = None,
        at: Position | None = None,
    ) -> Trace:
        """Return every quantity of one pass: z, a, Δ, δ, gradients, cost, by symbol."""
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        return run(
            self.plan, parameters, self._inputs(X), self.targets(Y), weights=weights, at=at
        )

    def sample_gradients(
        self,
        parameters: Mapping[str, Array],
        X: Inputs,
        Y: Any,
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, Array]:
        """Return what each sample contributes to each gradient, (m,) + shape; see the plan."""
        return sample_gradients(self.plan, self.trace(parameters, X, Y, sample_weight))

    def _mean(self, name: str, array: Array) -> Array:
        return array.mean(axis=0) if self.graph.values[name].type.member else array

    def _inputs(self, X: Inputs) -> dict[str, Array]:
        keys = [given.key for given in self.graph.inputs]
        if isinstance(X, Mapping):
            return {key: np.asarray(value) for key, value in X.items()}
        if len(keys) > 1:
            raise DataError(f"the network has the inputs {keys}; give X as a dict with these keys")
        return {keys[0]: np.asarray(X)}

    def targets(self, Y: Any) -> dict[str, Array]:
        """Return Y as the plan reads it: by symbol, (m, width) float64, classes one-hot."""
        costs = self.graph.costs
        given = Y if isinstance(Y, Mapping) else None
        if len(costs) > 1 and given is None:
            raise DataError(
                f"the network has the outputs {list(self.graph.outputs)}; give Y as a dict of them"
            )
        found = {}
        for cost in costs:
            y = np.asarray(Y if given is None else given[cost.value])
            width = self.graph.values[cost.value].type.shape[0]
            found[target_name(self.graph, cost)] = as_target(y, width, cost.row.target)
        return found

    # -- description ----------------------------------------------------------------------------
    def describe(self) -> str:
        """Return a table of layers, shapes, parameters and operations as text."""
        graph = self.graph
        rows = [("value", "operation", "from", "shape", "parameters")]
        for given in graph.inputs:
            kind = f"index of {given.levels}" if given.levels else "input"
            rows.append((given.value, kind, given.key, str(given.type), ""))
        for node in graph.nodes:
            own = ", ".join(f"{n} {_size(graph.parameters[n].shape)}" for _, n in node.params)
            rows.append(
                (node.output, node.op, ", ".join(node.inputs),
                 str(graph.values[node.output].type), own)
            )  # fmt: skip
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines.insert(1, "  ".join("─" * w for w in widths))
        for cost in graph.costs:
            link = cost.row.link
            with_link = f", with its link {link}" if link != "identity" else ""
            lines.append(f"cost: {cost.op} of {cost.value}{with_link}")
        if graph.l2:
            lines.append(f"penalty: λ/2 Σ W², λ = {number(graph.l2)}")
        if graph.members:
            lines.append(f"members: {graph.members}")
        lines.append(f"parameters: {graph.size:,}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return the network as JSON text."""
        return self.graph.to_json()

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "the network") -> Network:
        """Read a network from JSON text; raise GraphError saying what is wrong with it."""
        return cls(graph=Graph.from_json(text, where))

    def __repr__(self) -> str:
        graph = self.graph
        sizes = "-".join(
            [_width(graph, given.value) for given in graph.inputs[:1]]
            + [_width(graph, node.output) for node in graph.nodes if node.op in ("affine", "gather")]
        )
        return f"<Network {sizes}, {graph.size:,} parameters>"


def as_target(y: np.ndarray[Any, Any], width: int, kind: str) -> Array:
    """Return a target as (m, width) float64, checked: classes become one-hot.

    Raises
    ------
    DataError
        For a wrong shape or values that the cost is not defined for.
    """
    if kind == "class" and y.ndim == 1:
        if y.dtype.kind not in "iub":
            raise DataError("the classes of Y must be whole numbers from 0, or rows of probabilities")
        if y.size and (y.min() < 0 or y.max() >= width):
            raise DataError(f"Y has the class {y.max() if y.max() >= width else y.min()}; the "
                            f"network's output has the classes 0 to {width - 1}")  # fmt: skip
        return np.eye(width)[y.astype(np.int64)]
    found = np.asarray(y, dtype=np.float64)
    if found.ndim == 1 and width == 1:
        found = found[:, None]
    if found.ndim != 2 or found.shape[1] != width:
        raise ShapeError(f"Y: expected shape (m, {width}), got {y.shape}")
    if not np.isfinite(found).all():
        raise DataError("Y has NaN or infinite entries; leave these rows out")
    if kind == "count" and (found < 0).any():
        raise DataError("the poisson cost needs Y of 0 or more")
    if kind in ("probability", "class") and ((found < 0) | (found > 1)).any():
        raise DataError("Y must lie between 0 and 1 for a cross-entropy")
    if kind == "class" and not np.allclose(found.sum(axis=1), 1.0, atol=1e-6):
        raise DataError("each row of Y must sum to 1 for cross_entropy")
    return found


def _sizes(layers: Sequence[int] | str) -> list[int]:
    if isinstance(layers, str):
        if not re.fullmatch(r"\d+(-\d+)+", layers):
            raise GraphError(f"a chain is written like 2-3-2, got {layers!r}")
        layers = [int(size) for size in layers.split("-")]
    sizes = list(layers)
    if len(sizes) < 2 or any(
        isinstance(s, bool) or not isinstance(s, int | np.integer) or s < 1 for s in sizes
    ):
        raise GraphError(f"a chain needs two sizes or more, each 1 or more, got {layers!r}")
    return [int(size) for size in sizes]


def _chain(
    x: Wire,
    sizes: list[int],
    activation: str | Sequence[str],
    output: str,
    bias: str,
    dropout: float,
) -> Wire:
    hidden = len(sizes) - 1
    functions = [activation] * hidden if isinstance(activation, str) else list(activation)
    if len(functions) != hidden:
        raise GraphError(f"{hidden} hidden layers, but {len(functions)} activations; give one each")
    for units, function in zip(sizes[:-1], functions, strict=True):
        x = Dense(units, function, bias=bias)(x)
        if dropout:
            x = Dropout(dropout)(x)
    return Dense(sizes[-1], output, bias=bias)(x)


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"


def _width(graph: Graph, value: str) -> str:
    shape = graph.values[value].type.shape
    return str(shape[0]) if shape else "index"
