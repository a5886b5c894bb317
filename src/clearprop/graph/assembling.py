"""From the values that lead to the outputs to a `Graph`: order, names, links, labels.

Proved by ``tests/test_graph.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clearprop.errors import GraphError
from clearprop.graph.description import Graph
from clearprop.graph.layers import Layer
from clearprop.graph.parts import CostNode, Node
from clearprop.graph.parts import Input as GraphInput
from clearprop.graph.wires import Wire, applied, check_values
from clearprop.operations import TABLE
from clearprop.words import shown

__all__ = ["assemble"]


def assemble(
    inputs: Sequence[Wire],
    outputs: Sequence[Wire],
    costs: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    l2: float = 0.0,
    labels: Mapping[str, Iterable[str]] | None = None,
) -> Graph:
    """Turn the values that lead to the outputs into a `Graph`.

    Layers get their numbers in the order they were called: input 1, then 2, 3, …; the layer that
    makes z₂, a₂ has the weights W₁, b₁. A named layer has its name in place of the number.

    Parameters
    ----------
    inputs, outputs : sequence of values
        What `Input` and layers returned.
    costs : sequence of (str, settings)
        One for each output.
    l2 : float, ≥ 0
        λ of the penalty.
    labels : mapping of str to names, optional
        Of a value's units, by the value's name.

    Returns
    -------
    Graph

    Raises
    ------
    GraphError
        For an input that leads nowhere or is missing, or an output that its cost cannot follow.

    Examples
    --------
    >>> from clearprop.graph import Dense, Input
    >>> x = Input(2)
    >>> assemble([x], [Dense(3)(x)], [("squared_error", {})]).outputs
    ('a2',)
    """
    check_values("Network", (*inputs, *outputs))
    named = _checked_labels({} if labels is None else labels)
    given = [number for number, wire in enumerate(inputs, 1) if wire.op is not None]
    if given:
        raise GraphError(
            f"the input number {given[0]} is {inputs[given[0] - 1].layer}, not an Input"
        )
    outputs = [_with_link(wire, cost) for wire, (cost, _) in zip(outputs, costs, strict=True)]
    wires = _leading_to(outputs)
    strangers = [w for w in wires if w.op is None and w not in inputs]
    if strangers:
        raise GraphError("the outputs depend on an Input that is not among the network's inputs")
    unused = [w for w in inputs if w not in wires]
    if unused:
        raise GraphError(f"the input number {inputs.index(unused[0]) + 1} leads to no output")
    names, params = _name(inputs, [w for w in wires if w.op is not None])
    graph_inputs = tuple(
        GraphInput(
            names[w],
            w.attrs["key"] or ("X" if len(inputs) == 1 else f"X{number}"),
            w.attrs["width"],
            w.attrs["levels"],
        )
        for number, w in enumerate(inputs, 1)
    )
    nodes = tuple(
        Node(w.op.name, tuple(names[i] for i in w.inputs), names[w], params[w], w.attrs)
        for w in wires
        if w.op is not None
    )
    return Graph(
        graph_inputs,
        nodes,
        tuple(names[w] for w in outputs),
        tuple(
            CostNode(cost, names[w], TABLE.cost(cost).settings(attrs))
            for w, (cost, attrs) in zip(outputs, costs, strict=True)
        ),
        l2,
        max(w.members for w in wires),
        named,
    )


def _checked_labels(labels: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(labels, Mapping):
        raise GraphError(
            "labels are a dict with the names of a value's units, such as {'a3': ['no', 'yes']}, "
            f"got {shown(labels)}"
        )
    for name, units in labels.items():
        if not isinstance(units, list | tuple):
            raise GraphError(f"the labels of {name} are a list of texts, got {shown(units)}")
    return {name: tuple(units) for name, units in labels.items()}


def _with_link(wire: Wire, cost: str) -> Wire:
    """Put the cost's link behind an output that has no function of its own."""
    link = TABLE.cost(cost).link
    if link == "identity" or (wire.op is not None and wire.op.name == link):
        return wire
    if wire.op is not None and wire.op.name == "identity":
        return applied(link, wire.inputs, {}, wire.layer)
    if wire.op is not None and wire.op.name in TABLE.activations():
        raise GraphError(
            f"{cost} needs the output function {link} (or identity, which then becomes it), got "
            f"{wire.op.name}; set output={link!r} or another cost"
        )
    return applied(link, (wire,), {}, link)


def _leading_to(outputs: Sequence[Wire]) -> list[Wire]:
    found: set[Wire] = set()
    stack = list(outputs)
    while stack:  # no recursion: networks of thousands of layers are fine
        wire = stack.pop()
        if wire not in found:
            found.add(wire)
            stack.extend(wire.inputs)
    return sorted(found, key=lambda wire: wire.serial)


def _name(
    inputs: Sequence[Wire], wires: Sequence[Wire]
) -> tuple[dict[Wire, str], dict[Wire, tuple[tuple[str, str], ...]]]:
    names: dict[Wire, str] = {}
    taken: set[str] = set()
    params: dict[Wire, tuple[tuple[str, str], ...]] = {}
    owners: dict[tuple[int, str], str] = {}  # (layer, row) -> suffix of its parameters
    suffixes: dict[Wire, str] = {}
    uses: dict[str, int] = {}  # of a tied layer's name
    labelled: dict[str, object] = {}
    number = 0
    for wire in inputs:
        number += 1
        names[wire] = f"a{number}"
    for wire in wires:
        behind = wire.inputs[0]
        own = behind.preactivation and behind.layer is wire.layer
        if own and f"a{suffixes[behind]}" not in taken:
            suffix = suffixes[behind]  # z and a of one layer share its number
        else:
            number += 1
            suffix = str(number)
            label = wire.layer.name if isinstance(wire.layer, Layer) else ""
            if label:
                if labelled.setdefault(label, wire.layer) is not wire.layer:
                    raise GraphError(f"two layers are called {label!r}; names must differ")
                uses[label] = uses.get(label, 0) + 1
                suffix = f"_{label}" if uses[label] == 1 else f"_{label}_{uses[label]}"
        suffixes[wire] = suffix
        names[wire] = ("z" if wire.preactivation else "a") + suffix
        taken.add(names[wire])
        assert wire.op is not None
        needed = wire.op.parameters(tuple(w.type for w in wire.inputs), wire.attrs)
        led = suffix if suffix.startswith("_") else str(int(suffix) - 1)  # W1 leads to z2
        tied = owners.setdefault((id(wire.layer), wire.op.name), led) if needed else led
        params[wire] = tuple((param.role, param.role + tied) for param in needed)
    if len(set(names.values())) < len(names):  # "x_2" beside the second use of a tied "x"
        raise GraphError("two layers have one name; give each layer a name of its own")
    return names, params
