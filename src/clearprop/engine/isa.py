"""Which instruction set the engine runs with: the widest the processor has, or the one asked for.

``CLEARPROP_ISA`` (baseline, avx2, avx512, neon) forces one, so that tests cover each. Those of the
family ``"fma"`` give the same bits; baseline, without a fused multiply-add, is a family of its own.
Products of bfloat16 numbers take the processor's own: its tiles (AMX, ``avx512amx``), else its
vectors (AVX512-BF16, ``avx512bf16``); ``CLEARPROP_BFLOAT16`` forces one. They are refused where
there is none, unless ``CLEARPROP_BFLOAT16=emulated`` asks for the same with others: slowly.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from clearprop import _native
from clearprop.errors import NativeError

__all__ = ["InstructionSet", "choose", "choose_bfloat16", "instruction_sets"]


class InstructionSet(NamedTuple):
    """A set of kernels that was built, and whether this processor can run it."""

    name: str
    family: str
    supported: bool


def instruction_sets() -> tuple[InstructionSet, ...]:
    """Return the sets that were built, widest first.

    Examples
    --------
    >>> instruction_sets()[-1].name
    'baseline'
    """
    return tuple(InstructionSet(*found) for found in _native.instruction_sets())


def choose(asked: str | None = None) -> InstructionSet:
    """Return the instruction set called ``asked``, or by ``CLEARPROP_ISA``, or the widest.

    Raises
    ------
    NativeError
        If it was not built, or this processor does not have it.

    Examples
    --------
    >>> choose("baseline").family
    'baseline'
    """
    built = instruction_sets()
    asked = asked or os.environ.get("CLEARPROP_ISA") or None
    if asked is None:
        return next(found for found in built if found.supported)
    for found in built:
        if found.name == asked:
            if found.supported:
                return found
            able = ", ".join(one.name for one in built if one.supported)
            raise NativeError(f"CLEARPROP_ISA={asked}: this processor does not have it; use {able}")
    names = ", ".join(one.name for one in built)
    raise NativeError(f"CLEARPROP_ISA={asked}: there is no such instruction set; built are {names}")


def choose_bfloat16(asked: str | None = None) -> InstructionSet:
    """Return the kernels of ``precision="bfloat16"``, as `choose` does those of the others.

    Raises
    ------
    NativeError
        If this processor, or the set asked for, has no such products and nobody asks to emulate.
    """
    chosen = choose(asked)
    forced = os.environ.get("CLEARPROP_BFLOAT16") or None
    if forced == "emulated":
        return InstructionSet(f"{chosen.name}+bfloat16", f"{chosen.family}+bfloat16", True)
    here = _native.bfloat16_sets()
    if not here:
        why = "this processor has no products of bfloat16 numbers (AMX, AVX512-BF16)"
    elif chosen.name != "avx512":
        why = f"the instruction set {chosen.name} has no products of bfloat16 numbers"
    elif forced and forced not in here:
        raise NativeError(
            f"CLEARPROP_BFLOAT16={forced}: this processor does not have it; "
            f"use {', '.join(here)} or emulated"
        )
    else:
        return InstructionSet(forced or here[0], forced or here[0], True)
    raise NativeError(
        f"precision='bfloat16': {why}; take float32, or set CLEARPROP_BFLOAT16=emulated, which is "
        "slower than float32"
    )
