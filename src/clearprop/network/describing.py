"""A network as text: the table that `Network.describe` gives, and its short name."""

from __future__ import annotations

from collections.abc import Sequence

from clearprop.graph import Graph
from clearprop.words import number

__all__ = ["HEAD", "is_chain", "layers", "short", "table", "totals", "values"]

Row = tuple[str, str, str, str, str]
HEAD: Row = ("value", "operation", "from", "shape", "parameters")
MOST_SHOWN = 10  # sizes in a network's short name
MOST_NAMED = 3  # inputs of an operation in the table


def table(graph: Graph) -> str:
    """Return values, operations, shapes and parameters, a line each, then costs and totals."""
    rows = [HEAD, *values(graph)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("─" * w for w in widths))
    return "\n".join([*lines, *totals(graph)])


def values(graph: Graph) -> list[Row]:
    """Return a row for each value: what it is called, what makes it of what, with which shape."""
    rows = []
    for given in graph.inputs:
        kind = f"index {given.key} of {given.levels}" if given.levels else f"input {given.key}"
        rows.append((given.value, kind, "", str(given.type), ""))
    for node in graph.nodes:
        own = ", ".join(f"{n} {_size(graph.parameters[n].shape)}" for _, n in node.params)
        shape = str(graph.values[node.output].type)
        rows.append((node.output, node.op, _listed(node.inputs), shape, own))
    return rows


def totals(graph: Graph) -> list[str]:
    """Return what holds for a whole network, a line each: costs, penalty, members, parameters."""
    lines = []
    for cost in graph.costs:
        link = cost.row.link
        with_link = f", with its link {link}" if link != "identity" else ""
        lines.append(f"cost: {cost.op} of {cost.value}{with_link}")
    if graph.l2:
        lines.append(f"penalty: λ/2 Σ W², λ = {number(graph.l2)}")
    if graph.members:
        lines.append(f"members: {graph.members}")
    lines.append(f"parameters: {graph.size:,}")
    return lines


def layers(graph: Graph) -> list[str]:
    """Return the values that the layers with weights or tables make, in order."""
    return [
        node.output for node in graph.nodes if any(role in ("W", "E") for role, _ in node.params)
    ]


def is_chain(graph: Graph) -> bool:
    """Return whether one layer follows the other: no value is read twice, no node reads two."""
    read = [name for node in graph.nodes for name in node.inputs]
    single = len(graph.inputs) == 1 and all(len(node.inputs) == 1 for node in graph.nodes)
    return single and len(set(read)) == len(read)


def short(graph: Graph) -> str:
    """Return a network's sizes and how many parameters it has: ``2-3-1, 13 parameters``.

    What is no chain has no row of sizes: ``graph of 5 layers, 2 → 2, 44 parameters``.
    """
    made = layers(graph)
    if not is_chain(graph):
        ends = [
            " + ".join(_width(graph, name) for name in names)
            for names in ([given.value for given in graph.inputs], graph.outputs)
        ]
        count = f"{len(made)} layer{'' if len(made) == 1 else 's'}"
        return f"graph of {count}, {' → '.join(ends)}, {graph.size:,} parameters"
    sizes = [_width(graph, name) for name in (graph.inputs[0].value, *made)]
    if len(sizes) > MOST_SHOWN:
        sizes[MOST_SHOWN - 1 : -1] = ["…"]
    return f"{'-'.join(sizes)}, {graph.size:,} parameters"


def _listed(names: Sequence[str]) -> str:
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: MOST_NAMED - 1])}, … of {len(names)}"


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"


def _width(graph: Graph, value: str) -> str:
    shape = graph.values[value].type.shape
    return str(shape[0]) if shape else "index"
