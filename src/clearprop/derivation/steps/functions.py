"""Which functions a plan applies, and how each is called on the page.

Proved by ``tests/test_derivation.py`` and ``tests/test_derivation_latex.py``.
"""

from __future__ import annotations

from typing import Any

from clearprop.backprop import Plan
from clearprop.expressions import Apply, Sym, walk
from clearprop.operations import Activation, Function

__all__ = ["Kind", "function_names", "functions_of", "kind_of"]

Kind = tuple[str, tuple[tuple[str, Any], ...], tuple[int, ...]]
"""A row's name, its settings and, where it takes a whole layer, its size: an elu of α = 1 and one
of α = 0.7 are two functions, and so are a softmax of two units and one of three."""


def kind_of(apply: Apply) -> Kind:
    """Return which function is applied."""
    assert isinstance(apply.function, Activation)
    layer = () if isinstance(apply.function, Function) else apply.args[0].shape
    return apply.function.name, apply.attrs, layer


def functions_of(plan: Plan) -> dict[str, Apply]:
    """Return the functions but the identity, in their order, by their row's name.

    The second of one row with other settings is called ``elu2``, of another size ``softmax2``.
    """
    found: dict[Kind, Apply] = {}
    for step in plan.steps:
        for node in walk(step.expr):
            if isinstance(node, Apply) and isinstance(node.function, Activation):
                x = Sym("x")
                if node.function.definition(x, dict(node.attrs)) != x:
                    found.setdefault(kind_of(node), node)
    named: dict[str, Apply] = {}
    for (name, *_), apply in found.items():
        earlier = sum(other.function is apply.function for other in named.values())
        named[f"{name}{earlier + 1}" if earlier else name] = apply
    return named


def function_names(plan: Plan, symbol: str) -> dict[Kind, str]:
    """Return how each is called: the notation's f if one alone acts unit by unit, else its name."""
    found = functions_of(plan)
    alone = [name for name, apply in found.items() if isinstance(apply.function, Function)]
    return {kind_of(apply): symbol if alone == [name] else name for name, apply in found.items()}
