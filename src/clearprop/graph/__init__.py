"""The network as data (`Graph`) and how it is written down (inputs, layers, ``+``)."""

from clearprop.graph.description import L2, MOST_UNITS, CostNode, Graph, Node, Parameter, Value
from clearprop.graph.layers import (
    Activation,
    Dense,
    Dropout,
    Embedding,
    Input,
    Layer,
    Scale,
    Wire,
    assemble,
    concat,
)

__all__ = [
    "L2", "MOST_UNITS",
    "Activation", "CostNode", "Dense", "Dropout", "Embedding", "Graph", "Input", "Layer", "Node",
    "Parameter", "Scale", "Value", "Wire", "assemble", "concat",
]  # fmt: skip
