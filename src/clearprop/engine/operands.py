"""The tables a program is written into: slots by name, settings, constants, instructions.

`clearprop.engine.lowering` fills them; nothing here looks at an expression but a symbol. Proved by
``tests/test_engine_lowering.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clearprop import _native
from clearprop.backprop import Plan, Step, target_name
from clearprop.engine.program import Instruction, Kind, Layout, Op, Slot
from clearprop.errors import NativeError
from clearprop.expressions import Expr, Sym, Type

__all__ = ["Operands"]


class Operands:
    """What a program has so far, and the plan's step that is being written."""

    def __init__(self, plan: Plan, fuse: bool) -> None:
        self.plan, self.graph, self.fuse = plan, plan.graph, fuse
        self.members = max(1, plan.graph.members)
        self.slots: list[Slot] = []
        self.named: dict[str, int] = {}
        self.known: dict[Expr, int] = {}  # a function's value -> the slot that holds it
        self.instructions: list[Instruction] = []
        self.attrs: list[float] = []
        self.constants: dict[float, int] = {}
        self.layouts: dict[str, Layout] = {}
        self.widths: dict[str, int] = {}
        self.transposed: set[str] = set()
        self.step: Step | None = None
        self.functions = {name: i for i, name in enumerate(_native.kernel_names("function"))}
        self.costs = {name: i for i, name in enumerate(_native.kernel_names("cost"))}

    def _given(self) -> None:
        for number, given in enumerate(self.graph.inputs):
            kind = Kind.INDICES if given.levels else Kind.INPUT
            self._new(Slot(kind, given.levels or given.width, 1, number, given.value))
        for number, cost in enumerate(self.graph.costs):
            width = self.graph.values[cost.value].type.shape[0]
            self._new(Slot(Kind.TARGET, width, 1, number, target_name(self.graph, cost)))
        for number, (name, parameter) in enumerate(self.graph.parameters.items()):
            shape = parameter.spec.type.shape
            members = self.members if parameter.spec.type.member else 1
            self._new(Slot(Kind.PARAMETER, shape[-1] if shape else 1, members, number, name))

    def _new(self, slot: Slot) -> int:
        self.slots.append(slot)
        if slot.name:
            self.named[slot.name] = len(self.slots) - 1
        return len(self.slots) - 1

    def _slot(self, sym: Sym) -> int:
        if sym.name not in self.named:
            self._new(self._value(sym.type, sym.name))
        return self.named[sym.name]

    def _value(self, of: Type, name: str = "") -> Slot:
        if len(of.shape) != 1 or not of.sample:
            raise self._refusal(f"a value of type {of}")
        return Slot(Kind.VALUE, of.shape[0], self.members if of.member else 1, 0, name)

    def _settings(self, values: Iterable[Any]) -> int:
        start = len(self.attrs)
        self.attrs.extend(float(value) for value in values)
        return start

    def _emit(self, op: Op, out: int, **fields: Any) -> None:
        step = self.step
        batch = step is not None and step.kind != "forward"
        fields.setdefault("width", self.slots[out].width)
        steps = () if step is None else (step.id,)
        self.instructions.append(Instruction(op, out, needs_batch=batch, steps=steps, **fields))

    def _refusal(self, what: str) -> NativeError:
        where = "" if self.step is None else f" (step {self.step.id})"
        return NativeError(
            f"the native engine has no kernel for {what}{where}; give the row a kernel, or train "
            "with the float64 reference (engine='reference')"
        )
