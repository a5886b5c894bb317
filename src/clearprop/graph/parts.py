"""What a graph is made of, as data: inputs, nodes, costs, and the values and parameters they make.

Proved by ``tests/test_graph.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clearprop.expressions import Type
from clearprop.operations import TABLE, Cost, Op, Param

__all__ = ["CostNode", "Input", "Kind", "Node", "Parameter", "Value"]

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
        """One vector a sample, or one index."""
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
        """The row of the table that the node's ``op`` names."""
        return TABLE.row(self.op)


@dataclass(frozen=True)
class CostNode:
    """A cost, the value it compares with the target, and that value's z where its link made it."""

    op: str
    value: str
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> Cost:
        """The row of the table that ``op`` names."""
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
        """How many numbers it holds, all members' together."""
        return math.prod(self.shape)
