"""What a network is, as data: nodes in topological order, their values and parameters.

Owns `Graph`, its shape inference and its JSON form (format version 1; files of every version load
for ever, held by ``tests/golden/``). Knows no layer objects: those make graphs in
`clearprop.graph.layers`. Proved by ``tests/test_graph.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from clearprop.errors import GraphError, RowError, SettingError, ShapeError
from clearprop.expressions import Type
from clearprop.graph.parts import CostNode, Input, Kind, Node, Parameter, Value
from clearprop.graph.reading import Record, writable
from clearprop.operations import TABLE, Cost, Param
from clearprop.settings import Attr
from clearprop.words import shown

FORMAT_VERSION = 1

MOST_UNITS = 2**31 - 1
LONGEST_LABEL = 2**20  # characters of the name of a column, level or class
MOST_MEMBERS = 2**16
MOST_NUMBERS = 2**40  # trained numbers of a network: 8 TiB in float64

_SUFFIX = r"(\d+|_\w+)"
_VALUE_NAME = re.compile(f"[az]{_SUFFIX}")
_RESERVED = ("J", "w", "t", "penalty", "learning_rate", "y", "C")

L2 = Attr("l2", float, 0.0, bounds="[0, inf)", help="λ of the penalty λ/2 Σ W² in the cost")


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

    FIELDS: ClassVar[tuple[str, ...]] = (
        "format", "version", "inputs", "nodes", "outputs", "costs", "l2", "members", "labels",
    )  # fmt: skip

    def __post_init__(self) -> None:
        self._check()

    @cached_property
    def values(self) -> dict[str, Value]:
        """Every value by name, inputs first, then in topological order."""
        found: dict[str, Value] = {}
        for given in self.inputs:
            kind: Kind = "index" if given.levels else "input"
            if given.value in found:
                raise GraphError(f"two inputs make the value {given.value!r}; names must differ")
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
            row = node.row
            if isinstance(row, Cost):
                raise GraphError(f"{node.output}: {row.name} is a cost and makes no value")
            low, high = row.arity
            if len(types) < low or (high is not None and len(types) > high):
                wanted = f"{low} or more" if high is None else str(high)
                raise GraphError(
                    f"{node.output}: {row.name} takes {wanted} inputs, not {len(types)}"
                )
            try:
                made = row.result(types, node.attrs)
            except ShapeError as error:
                raise ShapeError(
                    f"{node.output} (from {', '.join(node.inputs)}): {error}"
                ) from None
            if any(size > MOST_UNITS for size in made.shape):
                raise GraphError(f"{node.output}: {made} is wider than {MOST_UNITS} units")
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

    @property
    def size(self) -> int:
        """The number of trained numbers."""
        return sum(parameter.size for parameter in self.parameters.values())

    def input_types(self, node: Node) -> tuple[Type, ...]:
        """Return the types of the values that a node reads, in order."""
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
        if not isinstance(text, str | bytes | bytearray):
            raise GraphError(f"{where} is JSON text, got {shown(text)}")
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
        if type(version) is not int or version < 1:
            said = "no format version" if version is None else f"format version {shown(version)}"
            raise GraphError(f'{where} has {said}; write "version": {FORMAT_VERSION}')
        if version > FORMAT_VERSION:
            raise GraphError(
                f"{where} has format version {shown(version)}; this ClearProp reads up to "
                f"{FORMAT_VERSION}: install a newer one"
            )
        try:
            return _read(cls, data, where)
        except RowError as error:
            raise RowError(
                f"{where} needs a row of your own: register it with clearprop.register before "
                f"loading ({error})"
            ) from None
        except SettingError as error:
            raise GraphError(f"{where} is damaged: {error}") from None

    # -- checks -------------------------------------------------------------------------------
    def _check(self) -> None:
        if not self.inputs:
            raise GraphError("a network needs an input")
        for given in self.inputs:
            if not writable(given.key):
                raise GraphError(f"an input's name must be a text, got {shown(given.key)}")
            if (given.width < 1) == (given.levels < 1):
                raise GraphError(f"input {shown(given.key)}: give it a width or levels, 1 at least")
        if len({given.key for given in self.inputs}) < len(self.inputs):
            raise GraphError("two inputs have one name; names must differ")
        if not self.outputs:
            raise GraphError("a network needs an output")
        for what, names in (("outputs", self.outputs), ("costs", [c.value for c in self.costs])):
            if len(set(names)) < len(names):
                raise GraphError(f"two {what} have one value; give each a value of its own")
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
            levels = max((i.levels for i in self.inputs if i.value in node.inputs), default=0)
            if levels > node.attrs.get("levels", levels):
                raise GraphError(
                    f"{node.output}: has {node.attrs['levels']} rows, the index {levels} levels"
                )
            own = node.attrs.get("members", 0)
            if own and own != self.members:
                raise GraphError(
                    f"{node.output}: has parameters for {own} members, the network has "
                    f"{self.members}; use one number everywhere"
                )
        if self.members == 0 and any(v.type.member for v in self.values.values()):
            raise GraphError("values have a member axis, but the network has no members")
        L2.check(self.l2)
        for name, units in self.labels.items():
            if name not in self.values:
                raise GraphError(f"labels are given for {name!r}, which is no value of the network")
            wrong = [unit for unit in units if not writable(unit)]
            if wrong:
                raise GraphError(f"the labels of {name} are texts, got {shown(wrong[0])}")
        if self.size > MOST_NUMBERS:
            raise GraphError(f"the network has {self.size:,} parameters; no memory holds them")
        self._check_names()

    def _check_names(self) -> None:
        """Every quantity has a symbol of its own: a2 and z2, W1, and what the plan adds to them."""
        for name in self.values:
            if not _VALUE_NAME.fullmatch(name):
                raise GraphError(f"a value's name is a or z and a number or _name, got {name!r}")
        taken = {*_RESERVED, *self.values}
        taken |= {sign + name[1:] for name in self.values for sign in ("Delta", "delta", "y", "C")}
        for node in self.nodes:
            for role in node.row.masks(self.input_types(node), node.attrs):
                mask = role + node.output[1:]
                if mask in taken:
                    raise GraphError(f"{node.output}: two quantities are called {mask}")
                taken.add(mask)
        for name, parameter in self.parameters.items():
            role = parameter.spec.role
            if not re.fullmatch(re.escape(role) + _SUFFIX, name):
                raise GraphError(
                    f"a parameter's name is {role} and a number or _name, got {name!r}"
                )
            if name in taken:
                raise GraphError(f"the parameter {name} has the name of another quantity")

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


def _read(kind: type[Graph], data: Mapping[str, Any], where: str) -> Graph:
    """The network of format version 1."""
    whole = Record(data, where, kind.FIELDS)
    inputs, nodes, costs = [], [], []
    for i, entry in enumerate(whole.items("inputs")):
        given = Record(entry, f"{where}, inputs[{i}]", ("value", "key", "width", "levels"))
        width, levels = (
            given.whole(size, 1, MOST_UNITS) if size in given.data else 0
            for size in ("width", "levels")
        )
        inputs.append(Input(given.text("value"), given.text("key", LONGEST_LABEL), width, levels))
    for i, entry in enumerate(whole.items("nodes")):
        at = Record(entry, f"{where}, nodes[{i}]", ("op", "inputs", "output", "params", "attrs"))
        params = Record(at.mapping("params"), f"{at.where}, params", at.mapping("params"))
        row = TABLE.row(at.text("op"))
        nodes.append(
            Node(
                row.name,
                at.texts("inputs"),
                at.text("output"),
                tuple((role, params.text(role)) for role in params.data),
                row.settings(at.mapping("attrs")),
            )
        )
    for i, entry in enumerate(whole.items("costs")):
        at = Record(entry, f"{where}, costs[{i}]", ("op", "value", "attrs"))
        cost = TABLE.cost(at.text("op"))
        costs.append(CostNode(cost.name, at.text("value"), cost.settings(at.mapping("attrs"))))
    names = whole.mapping("labels")
    labels = Record(names, f"{where}, labels", names)
    return kind(
        tuple(inputs),
        tuple(nodes),
        whole.texts("outputs"),
        tuple(costs),
        whole.real("l2"),
        whole.whole("members", 0, MOST_MEMBERS),
        {name: labels.texts(name, LONGEST_LABEL) for name in names},
    )
