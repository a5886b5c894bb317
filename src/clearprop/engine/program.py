"""The program: what the native engine runs, as flat tables of instructions and operands.

Owns the tables and their binary form, field for field that of ``native/program.hpp``; knows no
plan. `clearprop.engine.lowering` writes programs. Proved by ``tests/test_engine_lowering.py``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

from clearprop import _native
from clearprop.errors import NativeError


class Kind(IntEnum):
    """What an operand stands for."""

    VALUE = 0  # a row a sample, computed
    PARAMETER = 1
    CONSTANT = 2
    INPUT = 3
    INDICES = 4
    TARGET = 5


class Op(IntEnum):
    """What an instruction does; the equations stand in ``native/program.hpp``."""

    PRODUCT = 0
    BACK_PRODUCT = 1
    MAP = 2
    MAP_VJP = 3
    SOFTMAX = 4
    SOFTMAX_VJP = 5
    ADD = 6
    SUBTRACT = 7
    MULTIPLY = 8
    DIVIDE = 9
    COPY = 10
    GATHER = 11
    MASK = 12
    SUM_MEMBERS = 13
    COST = 14
    COST_VJP = 15


class UseKind(IntEnum):
    """The shape of a summand of ∂J/∂parameter."""

    OUTER = 0
    COLUMNS = 1
    SHARED_COLUMNS = 2
    SCATTER = 3


class Layout(IntEnum):
    """How a parameter is held."""

    PANELS = 0
    ROWS = 1
    SPREAD = 2


@dataclass(frozen=True)
class Slot:
    """An operand: what it stands for, its columns, its members, and its number among its kind."""

    kind: Kind
    width: int
    members: int = 1
    index: int = 0
    name: str = ""

    def pack(self) -> bytes:
        return struct.pack("4i", self.kind, self.width, self.members, self.index)


@dataclass(frozen=True)
class Instruction:
    """One row of the program; ``steps`` are the ids of the plan's steps it carries out."""

    op: Op
    out: int = -1
    a: int = -1
    b: int = -1
    c: int = -1
    function: int = 0
    attr: int = 0
    accumulate: bool = False
    start_out: int = 0
    start_a: int = 0
    width: int = 0
    needs_batch: bool = False
    steps: tuple[str, ...] = ()

    def pack(self) -> bytes:
        return struct.pack(
            "12i", self.op, self.out, self.a, self.b, self.c, self.function, self.attr,
            self.accumulate, self.start_out, self.start_a, self.width, self.needs_batch,
        )  # fmt: skip

    @property
    def reads(self) -> tuple[int, ...]:
        """The slots it reads, besides ``out`` where it accumulates."""
        return tuple(slot for slot in (self.a, self.b, self.c) if slot >= 0)


@dataclass(frozen=True)
class Use:
    """One node's summand in a parameter's gradient."""

    kind: UseKind
    delta: int
    a: int = 0
    members: int = 1

    def pack(self) -> bytes:
        return struct.pack("4i", self.kind, self.delta, self.a, self.members)


@dataclass(frozen=True)
class Parameter:
    """A trained array: its layout, place in the flat vector, factors, and uses."""

    name: str
    layout: Layout
    rows: int
    columns: int
    members: int
    flat: int
    uses: tuple[Use, ...]
    penalty: float = 0.0
    lr_factor: float = 1.0
    decay_factor: float = 1.0
    transposed: bool = False
    width: int = 0

    def pack(self, first_use: int) -> bytes:
        return struct.pack(
            "6iq3d2i", self.layout, self.rows, self.columns, self.members, first_use,
            len(self.uses), self.flat, self.penalty, self.lr_factor, self.decay_factor,
            self.transposed, self.width,
        )  # fmt: skip


@dataclass(frozen=True)
class Program:
    """Everything the native engine is given about a network and its optimizer.

    Parameters
    ----------
    instructions : tuple of Instruction
        Forward, cost and backward, in order, for any rows of a batch.
    slots : tuple of Slot
    parameters : tuple of Parameter
    attrs, constants : tuple of float
        Settings of functions, by place; numbers written out in expressions.
    members : int
        K, at least 1.
    size : int
        Of the flat vector.
    outputs : dict of str to int
        The slot of each output.
    inputs, targets : tuple of str
        Keys and symbols in the order of their arrays.
    gradient_steps : dict of str to str
        For each parameter, the plan's step that its uses carry out.
    """

    instructions: tuple[Instruction, ...]
    slots: tuple[Slot, ...]
    parameters: tuple[Parameter, ...]
    attrs: tuple[float, ...]
    constants: tuple[float, ...]
    members: int
    size: int
    outputs: dict[str, int]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    gradient_steps: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> float:
        """Multiplications of one sample, forward and back."""
        return 3.0 * sum(p.rows * p.columns * p.members for p in self.parameters)

    @property
    def weights(self) -> int:
        """Numbers of the matrices that products read."""
        matrices = [p for p in self.parameters if p.layout == Layout.PANELS]
        return sum(p.rows * p.columns * p.members for p in matrices)

    def seeds(self, costs: Sequence[str]) -> list[int]:
        """The instructions that give ∂C/∂a of the costs of these values, one for each."""
        left = [i for i, one in enumerate(self.instructions) if one.op == Op.COST_VJP]
        found = []
        for value in costs:
            own = [i for i in left if self.instructions[i].a == self.outputs[value]]
            if not own:
                raise NativeError(f"the cost of {value} gives no derivative of {value} alone")
            found.append(own[0])
            left.remove(own[0])
        return found

    @property
    def values(self) -> int:
        """Numbers that are computed of one sample, forward and back."""
        return sum(slot.width * slot.members for slot in self.slots if slot.kind == Kind.VALUE)

    @property
    def steps(self) -> dict[int, tuple[str, ...]]:
        """The plan's steps by the number of the instruction that carries them out."""
        return {number: one.steps for number, one in enumerate(self.instructions)}

    @cached_property
    def tables(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Instructions, slots, parameters and uses as the native structures."""
        uses = [use for parameter in self.parameters for use in parameter.uses]
        firsts, first = [], 0
        for parameter in self.parameters:
            firsts.append(first)
            first += len(parameter.uses)
        found = (
            b"".join(one.pack() for one in self.instructions),
            b"".join(slot.pack() for slot in self.slots),
            b"".join(p.pack(f) for p, f in zip(self.parameters, firsts, strict=True)),
            b"".join(use.pack() for use in uses),
        )
        counts = (len(self.instructions), len(self.slots), len(self.parameters), len(uses))
        for table, count, size in zip(found, counts, _native.structure_sizes(), strict=True):
            assert len(table) == count * size, "the native tables have another layout"
        return found
