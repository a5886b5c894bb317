"""What a network is, as data: nodes in topological order, their values and parameters.

Owns `Graph`, its shape inference and its JSON form (format version 1; files of every version load
for ever, held by ``tests/golden/``). Knows no layer objects: those make graphs in
`clearprop.graph.layers`. Proved by ``tests/test_graph.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from clearprop.errors import GraphError, ShapeError
from clearprop.expressions import Type
from clearprop.operations import TABLE, Cost, Op, Param

FORMAT_VERSION = 1

Kind = Literal["input", "index", "preactivation", "activation"]


@dataclass(frozen=True)
class Input:
    """An input: ``width`` numbers a sample, or one index below ``levels``."""

    value: str
    key: str
    width: int = 0
    levels: int = 0

    @property
    def type(self) -> Type:
        return Type(() if self.levels else (self.width,), sample=True)


@dataclass(frozen=True)
class Node:
    """One operation at its place: which row, which values go in, which comes out."""

    op: str
    inputs: tuple[str, ...]
    output: str
    params: tuple[tuple[str, str], ...] = ()  # (role, name of the parameter)
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> Op:
        return TABLE.row(self.op)


@dataclass(frozen=True)
class CostNode:
    """A cost, the value it compares with the target, and that value's z where its link made it."""

    op: str
    value: str
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> Cost:
        return TABLE.cost(self.op)


@dataclass(frozen=True)
class Value:
    """A quantity of the network: its symbol, its type, and the node that makes it."""

    name: str
    type: Type
    kind: Kind
    node: int | None  # None: an input


@dataclass(frozen=True)
class Parameter:
    """A trained array: its symbol, how it is trained, and the nodes that use it (tied: several)."""

    name: str
    spec: Param
    users: tuple[int, ...]
    members: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape, the member axis first where each member has its own."""
        own = (self.members,) if self.spec.type.member else ()
        return own + self.spec.type.shape

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Graph:
    """A feed-forward network as data.

    Parameters
    ----------
    inputs : tuple of Input
    nodes : tuple of Node
        In topological order.
    outputs : tuple of str
        The values that ``forward`` returns.
    costs : tuple of CostNode
        The cost is their sum; each compares one output with its target.
    l2 : float
        λ of the penalty λ/2 Σ W² over the penalised parameters.
    members : int
        K networks in one; 0 for a plain network.
    labels : mapping of str to sequence of str
        Names of a value's units: columns of an input, classes of an output.
    """

    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    costs: tuple[CostNode, ...] = ()
    l2: float = 0.0
    members: int = 0
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check()

    @cached_property
    def values(self) -> dict[str, Value]:
        """Every value by name, inputs first, then in topological order."""
        found: dict[str, Value] = {}
        for given in self.inputs:
            kind: Kind = "index" if given.levels else "input"
            found[given.value] = Value(given.value, given.type, kind, None)
        for number, node in enumerate(self.nodes):
            if node.output in found:
                raise GraphError(f"two nodes make the value {node.output!r}; names must differ")
            missing = [name for name in node.inputs if name not in found]
            if missing:
                raise GraphError(
                    f"{node.output}: its input {missing[0]!r} is made by no node before it"
                )
            types = tuple(found[name].type for name in node.inputs)
            try:
                made = node.row.result(types, node.attrs)
            except ShapeError as error:
                raise ShapeError(f"{node.output} (from {', '.join(node.inputs)}): {error}") from None
            kind = "preactivation" if node.output.startswith("z") else "activation"
            found[node.output] = Value(node.output, made, kind, number)
        return found

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by name, in the order of first use: the canonical layout."""
        specs: dict[str, Param] = {}
        users: dict[str, list[int]] = {}
        for number, node in enumerate(self.nodes):
            names = dict(node.params)
            needed = node.row.parameters(self.input_types(node), node.attrs)
            if set(names) != {param.role for param in needed}:
                raise GraphError(
                    f"{node.output}: {node.op} needs parameters "
                    f"{[param.role for param in needed]}, the graph names {list(names)}"
                )
            for param in needed:
                name = names[param.role]
                first = specs.setdefault(name, param)
                if first.type != param.type:
                    raise ShapeError(
                        f"{node.output}: the tied parameter {name} has shape {first.type} at its "
                        f"first use and {param.type} here; tie only layers of one size"
                    )
                users.setdefault(name, []).append(number)
        return {
            name: Parameter(name, spec, tuple(users[name]), self.members)
            for name, spec in specs.items()
        }

    @cached_property
    def consumers(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """For each value, the (node, place among its inputs) pairs that read it."""
        found: dict[str, list[tuple[int, int]]] = {name: [] for name in self.values}
        for number, node in enumerate(self.nodes):
            for place, name in enumerate(node.inputs):
                found[name].append((number, place))
        return {name: tuple(readers) for name, readers in found.items()}

    @property
    def size(self) -> int:
        """The number of trained numbers."""
        return sum(parameter.size for parameter in self.parameters.values())

    def input_types(self, node: Node) -> tuple[Type, ...]:
        return tuple(self.values[name].type for name in node.inputs)

    def maker(self, value: str) -> Node | None:
        """Return the node that makes ``value``, None for an input."""
        number = self.values[value].node
        return None if number is None else self.nodes[number]

    def sections(self) -> Iterator[tuple[str, slice]]:
        """Yield each parameter's name and its place in the flat vector of all parameters."""
        start = 0
        for name, parameter in self.parameters.items():
            yield name, slice(start, start + parameter.size)
            start += parameter.size

    # -- JSON ---------------------------------------------------------------------------------
    def to_json(self) -> str:
        """Return the graph as JSON text, the same text for the same graph."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1)

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as plain data, as the JSON form holds it."""
        return {
            "format": "clearprop-network",
            "version": FORMAT_VERSION,
            "inputs": [
                {"value": i.value, "key": i.key}
                | ({"levels": i.levels} if i.levels else {"width": i.width})
                for i in self.inputs
            ],
            "nodes": [
                {
                    "op": node.op,
                    "inputs": list(node.inputs),
                    "output": node.output,
                    "params": dict(node.params),
                    "attrs": dict(node.attrs),
                }
                for node in self.nodes
            ],
            "outputs": list(self.outputs),
            "costs": [{"op": c.op, "value": c.value, "attrs": dict(c.attrs)} for c in self.costs],
            "l2": self.l2,
            "members": self.members,
            "labels": {name: list(units) for name, units in self.labels.items()},
        }

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "the network") -> Graph:
        """Read a graph from JSON text; raise GraphError saying what is wrong with it."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise GraphError(f"{where} is no JSON: {error}") from None
        return cls.from_dict(data, where)

    @classmethod
    def from_dict(cls, data: Any, where: str = "the network") -> Graph:
        """Read a graph from plain data; raise GraphError saying what is wrong with it."""
        if not isinstance(data, dict) or data.get("format") != "clearprop-network":
            raise GraphError(f"{where} does not describe a ClearProp network")
        version = data.get("version")
        if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
            raise GraphError(
                f"{where} has format version {version!r}; this ClearProp reads up to "
                f"{FORMAT_VERSION}: install a newer one"
            )
        try:
            graph = cls(
                tuple(Input(i["value"], i["key"], i.get("width", 0), i.get("levels", 0))
                      for i in data["inputs"]),
                tuple(_node(entry) for entry in data["nodes"]),
                tuple(data["outputs"]),
                tuple(CostNode(c["op"], c["value"], TABLE.cost(c["op"]).settings(c["attrs"]))
                      for c in data["costs"]),
                float(data["l2"]),
                int(data["members"]),
                {name: tuple(units) for name, units in data["labels"].items()},
            )  # fmt: skip
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, GraphError):
                raise
            what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            raise GraphError(f"{where} is damaged: {what}") from None
        return graph

    # -- checks -------------------------------------------------------------------------------
    def _check(self) -> None:
        if not self.inputs:
            raise GraphError("a network needs an input")
        for given in self.inputs:
            if (given.width < 1) == (given.levels < 1):
                raise GraphError(f"input {given.key!r}: give it a width or levels, 1 at least")
        if len({given.key for given in self.inputs}) < len(self.inputs):
            raise GraphError("two inputs have one name; names must differ")
        if not self.outputs:
            raise GraphError("a network needs an output")
        for name in (*self.outputs, *(cost.value for cost in self.costs)):
            if name not in self.values:
                raise GraphError(f"the output {name!r} is made by no node")
            if self.values[name].type.shape == ():
                raise GraphError(f"the output {name!r} is an index; put a layer behind it")
        for cost in self.costs:
            if cost.value not in self.outputs:
                raise GraphError(f"the cost {cost.op} compares {cost.value!r}, which is no output")
            self._check_link(cost)
        for node in self.nodes:
            own = node.attrs.get("members", 0)
            if own and own != self.members:
                raise GraphError(
                    f"{node.output}: has parameters for {own} members, the network has "
                    f"{self.members}; use one number everywhere"
                )
        if self.members == 0 and any(v.type.member for v in self.values.values()):
            raise GraphError("values have a member axis, but the network has no members")
        if not (math.isfinite(self.l2) and self.l2 >= 0):
            raise GraphError(f"l2 must be a number of 0 or more, got {self.l2}")
        assert self.parameters is not None  # inferred now, so that errors come when it is built

    def _check_link(self, cost: CostNode) -> None:
        if cost.row.link == "identity":
            return
        maker = self.maker(cost.value)
        if maker is None or maker.op != cost.row.link:
            last = maker.op if maker else "an input"
            raise GraphError(
                f"{cost.op} needs the output function {cost.row.link} (or identity, which then "
                f"becomes it), got {last}; set output={cost.row.link!r} or another cost"
            )


def _node(entry: Mapping[str, Any]) -> Node:
    row = TABLE.row(entry["op"])
    names: Sequence[str] = entry["inputs"]
    low, high = row.arity
    if len(names) < low or (high is not None and len(names) > high):
        raise GraphError(f"{entry['output']}: {row.name} got {len(names)} inputs")
    params = tuple((str(role), str(name)) for role, name in entry["params"].items())
    attrs = row.settings(entry["attrs"])
    return Node(row.name, tuple(map(str, names)), str(entry["output"]), params, attrs)
