"""The network as data (`Graph`) and how it is written down (inputs, layers, ``+``)."""

from clearprop.graph.assembling import assemble
from clearprop.graph.description import L2, MOST_UNITS, Graph
from clearprop.graph.layers import Activation, Dense, Dropout, Embedding, Layer, Scale
from clearprop.graph.parts import CostNode, Node, Parameter, Value
from clearprop.graph.wires import Input, Wire, concat

__all__ = [
    "L2", "MOST_UNITS",
    "Activation", "CostNode", "Dense", "Dropout", "Embedding", "Graph", "Input", "Layer", "Node",
    "Parameter", "Scale", "Value", "Wire", "assemble", "concat",
]  # fmt: skip
