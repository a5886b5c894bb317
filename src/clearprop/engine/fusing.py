"""Working in place: element-wise instructions write where they read, and copies fall away.

Rewritings of a program's instructions that change no bits; `clearprop.engine.lowering` calls them.
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


def keep_slopes(
    instructions: Sequence[Instruction],
    slots: Sequence[Slot],
    kept: Collection[int],
    functions: Collection[int],
) -> list[Instruction]:
    """Let f leave f′(z) where z stood, and Δ ⊙ f′(z) be a product, where nothing else reads z.

    A function and its slope share what is dear in them, such as an exponential, so both are made in
    one pass and the way back is a multiplication.

    Parameters
    ----------
    instructions : sequence of Instruction
    slots : sequence of Slot
    kept : collection of int
        Slots that are read after the instructions.
    functions : collection of int
        Numbers of the functions worth it: of z alone, without settings, whose vjp is Δ times the
        slope to the bit.

    Returns
    -------
    list of Instruction
    """
    found = list(instructions)
    for place, one in enumerate(instructions):
        z = one.a
        if one.op != Op.MAP or one.function not in functions or one.accumulate or z == one.out:
            continue
        if z in kept or slots[z].kind != Kind.VALUE:
            continue
        later = [
            number
            for number, other in enumerate(instructions)
            if number != place and (z in _read(other) or (z == other.out and number > place))
        ]
        back = instructions[later[0]] if len(later) == 1 else one
        if back.op != Op.MAP_VJP or back.function != one.function or back.c < 0 or back.out == z:
            continue
        if later[0] > place and back.a == z and back.width == one.width:
            found[place] = replace(one, b=z)
            found[later[0]] = replace(back, op=Op.MULTIPLY, a=back.c, b=z, c=-1)
    return found


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
