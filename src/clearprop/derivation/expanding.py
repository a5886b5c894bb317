"""One gradient multiplied out without δ, as a SymPy expression: what back-propagation saves."""

from __future__ import annotations

from typing import Any

from clearprop.backprop import plan
from clearprop.derivation.derived import Derived
from clearprop.derivation.refusals import refusal
from clearprop.derivation.symbolic import Symbolic
from clearprop.derivation.tree import Call, Node, Over, Times, walk
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
    if derived.target is None:
        raise SettingError(refusal("expand_weight"))
    general = plan(derived.network.graph, fuse=False)
    found = cone(general, plan(derived.network.graph), derived.names, 1, *derived.target)
    if len(found) > LARGEST:
        raise SettingError(refusal("expand_large", count=len(found), most=LARGEST))
    symbolic = Symbolic(found, derived.names)
    sympy = symbolic.sympy
    sym, index = derived.target
    expression = symbolic.entry((f"dJ/d{sym}", tuple(i + 1 for i in index)))
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
