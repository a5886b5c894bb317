"""One gradient multiplied out without δ, as a SymPy expression: what back-propagation saves."""

from __future__ import annotations

from typing import Any

from clearprop.backprop import plan
from clearprop.derivation.derived import Derived
from clearprop.derivation.tree import (
    Call,
    Minus,
    Node,
    Number,
    Over,
    Piecewise,
    Plus,
    Quantity,
    Raise,
    Times,
    walk,
)
from clearprop.derivation.weight import cone
from clearprop.errors import SettingError

LARGEST = 60
"""The most equations that are put into one another."""


def multiplied_out(derived: Derived) -> tuple[Any, int, int]:
    """Return (SymPy expression, its multiplications, those of back-propagation).

    Raises
    ------
    SettingError
        If no weight was asked for, or the network is too large.
    """
    import sympy  # optional, and slow to load

    if derived.target is None:
        raise SettingError("say which weight to multiply out, such as weight='W1[1,1]'")
    general = plan(derived.network.graph, fuse=False)
    found = cone(general, plan(derived.network.graph), derived.names, 1, *derived.target)
    if len(found) > LARGEST:
        raise SettingError(
            f"the network is too large to multiply out: {len(found)} equations, {LARGEST} at most"
        )
    known: dict[tuple[str, tuple[int, ...]], Any] = {}

    def of(node: Node) -> Any:
        match node:
            case Quantity(sym, index):
                places = derived.names.ordered(sym, index)
                key = (sym, tuple(p for p in places if isinstance(p, int)))
                if key not in found:
                    return sympy.Symbol(derived.printer_text(node), real=True)
                if key not in known:
                    known[key] = of(found[key].members[-1])
                return known[key]
            case Number(x):
                return sympy.nsimplify(x) if x == round(x, 3) else sympy.Float(x)
            case Plus(terms):
                return sympy.Add(*map(of, terms))
            case Minus(body):
                return -of(body)
            case Times(factors):
                return sympy.Mul(*map(of, factors))
            case Over(top, bottom):
                return of(top) / of(bottom)
            case Raise(base, exponent):
                return of(base) ** of(exponent)
            case Call(meaning=Node() as meaning):
                return of(meaning)
            case Call(name, args):
                return getattr(sympy, {"abs": "Abs"}.get(name, name))(of(args[0]))
            case Piecewise(left, right, or_equal, then, otherwise):
                a, b = of(left), of(right)
                return sympy.Piecewise(
                    (of(then), a <= b if or_equal else a < b), (of(otherwise), True)
                )
        raise SettingError(f"{type(node).__name__} cannot be multiplied out")

    sym, index = derived.target
    expression = of(found[f"dJ/d{sym}", tuple(i + 1 for i in index)].members[-1])
    counts = sympy.count_ops(expression, visual=True)
    names = [sympy.Symbol(name) for name in ("MUL", "DIV")]
    without = sum(int(counts.coeff(name)) for name in names)
    with_delta = sum(_products(equation.members[-1]) for equation in found.values())
    return expression, without, with_delta


def _products(node: Node) -> int:
    """Multiplications and divisions of one equation, functions' own included once."""
    count = 0
    for one in walk(node):
        if isinstance(one, Times):
            count += len(one.factors) - 1
        elif isinstance(one, Over):
            count += 1
        elif isinstance(one, Call) and one.meaning is not None:
            count += _products(one.meaning)
    return count
