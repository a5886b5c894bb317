"""A network in one line: what a gradient was held against, so that another network is noticed."""

from __future__ import annotations

from clearprop.graph import Graph
from clearprop.network import Network
from clearprop.operations import TABLE
from clearprop.words import number


def in_one_line(network: Network) -> str:
    """Return the sizes, functions, costs and penalty of a network.

    Examples
    --------
    >>> in_one_line(Network([2, 3, 2], "sigmoid", l2=0.1))
    '2-3-2, hidden sigmoid, output identity, cost squared_error, λ 0.1'
    """
    graph = network.graph
    size = repr(network).removeprefix("<Network ").rpartition(", ")[0]
    outputs = {cost.value for cost in graph.costs}
    known = TABLE.activations()
    functions = [node for node in graph.nodes if node.op in known]
    hidden = dict.fromkeys(node.op for node in functions if node.output not in outputs)
    last = dict.fromkeys(_outputs(graph))
    costs = dict.fromkeys(cost.op for cost in graph.costs)
    said = [size]
    if hidden:
        said.append(f"hidden {' and '.join(hidden)}")
    if last:
        said.append(f"output {' and '.join(last)}")
    said.append(f"cost {' and '.join(costs)}")
    if graph.l2:
        said.append(f"λ {number(graph.l2)}")
    return ", ".join(said)


def _outputs(graph: Graph) -> list[str]:
    """The functions that the costs' values come from."""
    made = {node.output: node.op for node in graph.nodes}
    known = TABLE.activations()
    return [made[c.value] for c in graph.costs if made.get(c.value) in known]
