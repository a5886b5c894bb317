"""Working in place: element-wise instructions write where they read, and copies fall away.

A rewriting of a program's instructions that changes no bits; `clearprop.engine.lowering` calls it.
Proved by ``tests/test_engine_agrees.py``: fused or not, the same bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from clearprop.engine.program import Instruction, Kind, Op, Slot


def work_in_place(
    instructions: Sequence[Instruction], slots: Sequence[Slot], kept: Collection[int], identity: int
) -> tuple[list[Instruction], Callable[[int], int]]:
    """Let z and f(z), and Δ and Δ ⊙ f′(z), share a slot wherever nothing else reads the first.

    Parameters
    ----------
    instructions : sequence of Instruction
    slots : sequence of Slot
    kept : collection of int
        Slots that are read after the instructions: outputs, and what gradients are summed of.
    identity : int
        The number of the function that returns its argument: in place it is nothing to do.

    Returns
    -------
    list of Instruction
    callable (slot) -> slot
        Where a slot went.
    """
    readers = Counter(slot for one in instructions for slot in _read(one))
    renamed: dict[int, int] = {}
    for one in instructions:
        source = one.c if one.op == Op.MAP_VJP else one.a
        if one.op not in (Op.MAP, Op.MAP_VJP) or one.accumulate or source in kept:
            continue
        if readers[source] == 1 and _alike(source, one.out, slots):
            renamed[source] = one.out

    def place(slot: int) -> int:
        while slot in renamed:
            slot = renamed[slot]
        return slot

    moved = (
        replace(one, out=place(one.out), a=place(one.a), b=place(one.b), c=place(one.c))
        for one in instructions
    )
    return [one for one in moved if not _does_nothing(one, identity)], place


def _read(one: Instruction) -> set[int]:
    return {*one.reads, one.out} if one.accumulate else set(one.reads)


def _alike(source: int, out: int, slots: Sequence[Slot]) -> bool:
    a, b = slots[source], slots[out]
    same = (a.width, a.members) == (b.width, b.members)
    return source != out and a.kind == b.kind == Kind.VALUE and same


def _does_nothing(one: Instruction, identity: int) -> bool:
    """Tell whether it is a function that returns its argument, working in place."""
    if one.accumulate or one.function != identity:
        return False
    return one.out == {Op.MAP: one.a, Op.MAP_VJP: one.c}.get(one.op, -1)
