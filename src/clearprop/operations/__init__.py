"""The table of operations: one row an operation, read by every other part of ClearProp.

A new activation, cost or layer is one row here and nothing elsewhere.
"""

from clearprop.operations import costs, functions, linear, softmax, structure
from clearprop.operations.row import Activation, Attrs, Cost, Function, Op, Param, Site
from clearprop.operations.table import TABLE, Table, register

__all__ = [
    "TABLE", "Activation", "Attrs", "Cost", "Function", "Op", "Param", "Site", "Table",
    "costs", "functions", "linear", "register", "softmax", "structure",
]  # fmt: skip
