"""The catalogue: every mistake that a diagnosis knows, by its id.

The order matters where two mistakes give the same numbers and nothing tells them apart: the first
one is named first. The ids are public; they never change meaning.
"""

from __future__ import annotations

from collections.abc import Iterator

from clearprop.backprop import Plan
from clearprop.checking import (
    mistakes_axes,
    mistakes_functions,
    mistakes_indices,
    mistakes_mean,
    mistakes_output,
    mistakes_penalty,
    mistakes_structure,
    mistakes_weights,
    mistakes_whole,
)
from clearprop.checking.mistake import Edit, Mistake


def _no_edits(plan: Plan) -> Iterator[Edit]:
    return iter(())


ROUNDING = Mistake(
    "rounding",
    "the gradient is right to the precision it was computed in",
    "it was computed in float32 or float16, or by differences",
    "nothing; give float32 arrays, or a larger rtol, and the check passes",
    ("torch-dwt#2", "DCNv2#13"),
    _no_edits,
)

_ROWS = (
    *mistakes_output.MISTAKES,
    *mistakes_mean.MISTAKES,
    *mistakes_functions.MISTAKES,
    *mistakes_indices.MISTAKES,
    *mistakes_structure.MISTAKES,
    *mistakes_weights.MISTAKES,
    *mistakes_axes.MISTAKES,
    *mistakes_penalty.MISTAKES,
    *mistakes_whole.MISTAKES,
    ROUNDING,
)

#: Every mistake by id, in the order in which a diagnosis prefers them.
CATALOGUE: dict[str, Mistake] = {row.id: row for row in _ROWS}
assert len(CATALOGUE) == len(_ROWS), "two mistakes have one id"
