"""The textbook functions that formulas are written in: exp, log, √, |·|, sign, erf, cosh, tanh."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clearprop.expressions.tree import Apply, Expr
from clearprop.expressions.types import Array, Form, Type

__all__ = ["PRIMITIVES", "Primitive", "primitive"]


@dataclass(frozen=True)
class Primitive:
    """A textbook function that formulas are written in, with its NumPy value."""

    name: str
    compute: Callable[[Array], Array] = field(compare=False)

    def evaluate(self, form: Form, args: tuple[Array, ...], attrs: Mapping[str, Any]) -> Array:
        return self.compute(*args)

    def shape_of(self, form: Form, args: tuple[Type, ...]) -> tuple[int, ...]:
        return args[0].shape


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(x) if x.size else x.copy()


PRIMITIVES = {
    primitive.name: primitive
    for primitive in (
        Primitive("exp", np.exp),
        Primitive("log", np.log),
        Primitive("sqrt", np.sqrt),
        Primitive("abs", np.abs),
        Primitive("sign", np.sign),
        Primitive("erf", _erf),
        Primitive("cosh", np.cosh),
        Primitive("tanh", np.tanh),
    )
}


def primitive(name: str, x: Expr) -> Expr:
    """Return the textbook function ``name`` (a key of `PRIMITIVES`) of ``x``.

    Examples
    --------
    >>> from clearprop.expressions import Num, evaluate
    >>> float(evaluate(primitive("sqrt", Num(2.25)), {}))
    1.5
    """
    return Apply(PRIMITIVES[name], (x,))
