"""Trees looked through and rebuilt: every node, every symbol, subtrees replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from clearprop.expressions.tree import Expr, Sym

__all__ = ["rewrite", "substitute", "symbols", "walk"]


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield every node of the tree once per occurrence, parents first, without recursion.

    Examples
    --------
    >>> [type(node).__name__ for node in walk(Sym("x") * 2 + 1)]
    ['Add', 'Hadamard', 'Sym', 'Num', 'Num']
    """
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children()))


def symbols(expr: Expr) -> tuple[Sym, ...]:
    """Return the distinct symbols of the tree in order of first occurrence.

    Examples
    --------
    >>> [sym.name for sym in symbols(Sym("a") * Sym("b") + Sym("a"))]
    ['a', 'b']
    """
    return tuple(dict.fromkeys(node for node in walk(expr) if isinstance(node, Sym)))


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return the tree rebuilt bottom-up, each node replaced by ``change(node)``.

    Examples
    --------
    >>> from clearprop.expressions import Num
    >>> doubled = rewrite(Sym("x") + 1, lambda node: Num(2.0) if node == Num(1.0) else node)
    >>> doubled == Sym("x") + 2
    True
    """
    updates: dict[str, Any] = {}
    for name in expr.__match_args__:
        value = getattr(expr, name)
        if isinstance(value, Expr):
            new: Any = rewrite(value, change)
        elif isinstance(value, tuple) and any(isinstance(item, Expr) for item in value):
            new = tuple(rewrite(i, change) if isinstance(i, Expr) else i for i in value)
        else:
            continue
        if new is not value:
            updates[name] = new
    return change(replace(expr, **updates) if updates else expr)  # type: ignore[type-var]


def substitute(expr: Expr, mapping: Mapping[Expr, Expr]) -> Expr:
    """Return the tree with each subtree that is a key of ``mapping`` replaced by its value.

    Examples
    --------
    >>> substitute(Sym("x") ** 2, {Sym("x"): Sym("y")}) == Sym("y") ** 2
    True
    """
    return rewrite(expr, lambda node: mapping.get(node, node))
