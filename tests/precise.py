"""Textbook expressions evaluated with any number of digits: the oracle of the rows' stable forms.

Reads the trees of the rows' `definition` and `slope` and nothing else of them; arithmetic and
elementary functions are mpmath's. A vector is a list of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mpmath import mp, mpf

from clearprop.expressions import (
    Add,
    Apply,
    Cases,
    Divide,
    Expr,
    Hadamard,
    Less,
    MatMul,
    Neg,
    Num,
    Power,
    Primitive,
    Sum,
    Sym,
    Transpose,
)

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": mp.exp,
    "log": lambda x: mp.log(x) if x else mp.ninf,
    "sqrt": mp.sqrt,
    "abs": abs,
    "sign": mp.sign,
    "erf": mp.erf,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
}


def digits_for(x: float) -> int:
    """Digits that keep what is left of 1 − tanh x, 1 + erf x and e^x − 1, however small."""
    size = abs(float(x))
    cancelled = min(max(0.22 * min(size, 1e3) ** 2, 0.9 * size), 400.0)
    return int(60 + cancelled - (math.log10(size) if 0 < size < 1 else 0))


def precise(expr: Expr, values: Mapping[str, Any]) -> Any:
    """Return the value of a tree: a number, or a list of numbers for a vector."""
    see = lambda part: precise(part, values)  # noqa: E731
    match expr:
        case Sym(name):
            return values[name]
        case Num(value):
            return mpf(value)
        case Add(terms):
            total = see(terms[0])
            for term in terms[1:]:
                total = _each(lambda a, b: a + b, total, see(term))
            return total
        case Neg(body):
            return _each(lambda a: -a, see(body))
        case Hadamard(left, right):
            return _each(lambda a, b: a * b, see(left), see(right))
        case Divide(numerator, denominator):
            return _each(lambda a, b: a / b, see(numerator), see(denominator))
        case Power(base, Num(exponent)):
            return _each(lambda a: a ** int(exponent), see(base))
        case Apply(Primitive(name), (argument,)):
            return _each(FUNCTIONS[name], see(argument))
        case Less(left, right, or_equal):
            return _each(lambda a, b: a <= b if or_equal else a < b, see(left), see(right))
        case Cases(condition, then, otherwise):
            chosen = (see(condition), see(then), see(otherwise))
            return _each(lambda c, a, b: a if c else b, *chosen)
        case Sum(("unit",), body):
            return sum(see(body), mpf(0))
        case MatMul(Transpose(left), right):
            return sum((a * b for a, b in zip(see(left), see(right), strict=True)), mpf(0))
    raise AssertionError(f"no precise value for {expr}")


def _each(f: Callable[..., Any], *operands: Any) -> Any:
    sizes = {len(operand) for operand in operands if isinstance(operand, list)}
    if not sizes:
        return f(*operands)
    (size,) = sizes
    spread = [o if isinstance(o, list) else [o] * size for o in operands]
    return [f(*entries) for entries in zip(*spread, strict=True)]
