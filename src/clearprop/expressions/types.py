"""What an expression's value is: the textbook shape of one sample, and the axes beside it.

Arrays carry the axes ``[member][sample] + shape`` in that order, each only if the type says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Axis", "Form", "Type", "spread", "spread_leading"]

Array = NDArray[np.float64]
Axis = Literal["sample", "member", "unit"]
Form = Literal["value", "derivative", "linked"]


@dataclass(frozen=True)
class Type:
    """The shape of one sample's value, and along which further axes the value differs.

    Parameters
    ----------
    shape : tuple of int
        ``()`` scalar, ``(s,)`` column vector, ``(r, c)`` matrix.
    sample : bool
        One value for each sample of the batch.
    member : bool
        One value for each member of an ensemble.
    """

    shape: tuple[int, ...] = ()
    sample: bool = False
    member: bool = False

    def __str__(self) -> str:
        axes = [*(["K"] if self.member else []), *(["m"] if self.sample else [])]
        return "(" + ", ".join([*axes, *map(str, self.shape)]) + ")"


def spread(array: Array, of: Type, to: Type) -> Array:
    """Give ``array`` of type ``of`` length-1 axes wherever ``to`` has an axis that it lacks."""
    array = spread_leading(array, of, to)
    for _ in range(len(to.shape) - len(of.shape)):
        array = array[..., None]
    return array


def spread_leading(array: Array, of: Type, to: Type) -> Array:
    """Do so for the axes of members and samples alone: the shape of a sample stays."""
    if to.sample and not of.sample:
        array = array[:, None] if of.member else array[None]
    if to.member and not of.member:
        array = array[None]
    return array
