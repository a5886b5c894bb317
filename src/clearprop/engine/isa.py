"""Which instruction set the engine runs with: the widest the processor has, or the one asked for.

``CLEARPROP_ISA`` (baseline, avx2, avx512, neon) forces one, so that tests cover each. Those of the
family ``"fma"`` give the same bits; baseline, without a fused multiply-add, is a family of its own.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from clearprop import _native
from clearprop.errors import NativeError

__all__ = ["InstructionSet", "choose", "instruction_sets"]

__all__ = ["InstructionSet", "choose", "instruction_sets"]


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
