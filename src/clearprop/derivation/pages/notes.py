"""What the signs of a step mean, said below the first step that each stands in.

Proved by ``tests/test_derivation_given.py`` and ``tests/test_derivation_general.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from clearprop.derivation.derived import Derived
from clearprop.derivation.notations.names import FULL, split
from clearprop.derivation.notations.roles import behind
from clearprop.derivation.steps.equations import DerivedStep
from clearprop.derivation.trees.tree import (
    Node,
    Over,
    Place,
    Quantity,
    Ratio,
    Square,
    Var,
    Width,
    walk,
)

__all__ = ["notes_of"]

ENTRYWISE = "⊘"
"""The sign of a quotient entry by entry."""


def notes_of(derived: Derived, step: DerivedStep, show: Callable[[Node], str]) -> Iterator[str]:
    """Yield what the signs of a step mean, below the first step each stands in."""
    notes = (units_of, connection, squares, derivative, barred, quotient)
    yield from filter(None, (note(derived, step, show) for note in notes))


def barred(derived: Derived, step: DerivedStep, show: Callable[[Node], str]) -> str:
    """Return what a weight without the constant's column is, below the first that has none."""
    found = _barred(derived, step)
    if not found or step is not next(one for one in derived.steps if _barred(derived, one)):
        return ""
    weight = found[0]
    full = replace(weight, sym=weight.sym + FULL)
    return derived.say("barred", weight=show(weight), full=show(full))


def _barred(derived: Derived, step: DerivedStep) -> list[Quantity]:
    if step.kind != "backward":
        return []
    return [
        node
        for equation in step.equations
        for member in equation.members
        for node in walk(member)
        if isinstance(node, Quantity) and not node.index and derived.names.column(node.sym)
    ]


def derivative(derived: Derived, step: DerivedStep, show: Callable[[Node], str]) -> str:
    """Return what a text's δ and Δ are, below the first step that computes one."""
    role, label = split(step.target)
    graph, notation = derived.network.graph, derived.notation
    if step.kind != "backward" or role not in ("delta", "Delta") or not notation.symbols[role]:
        return ""
    first = next(
        one for one in derived.steps if one.kind == step.kind and split(one.target)[0] == role
    )
    if step is not first or len(graph.costs) > 1 or graph.members:
        return ""
    left = step.equations[0].left
    assert isinstance(left, Quantity)  # a derivative is what it computes
    rows = 1 if notation.batch == "one" else 0 if derived.numbers is None else derived.numbers.m
    whole = rows == 1 or notation.mean_at == "delta"  # else of one sample's cost
    ratio = Ratio(Quantity("J" if whole else "C"), replace(left, sym=behind(role, label)))
    key = "derivative_in" if role == "delta" else "derivative_out"
    return derived.say(key, derivative=show(left), ratio=show(ratio))


def connection(derived: Derived, step: DerivedStep, show: Callable[[Node], str]) -> str:
    """Return what a wire's own letter is, below the first step of one layer that has it."""
    found = _wires(step)
    if not found or step is not next(one for one in derived.steps if _wires(one)):
        return ""
    return derived.say(
        "connection", wire=show(found[0]), value=show(replace(found[0], via="", to=None))
    )


def _wires(step: DerivedStep) -> list[Quantity]:
    members = (member for one in step.equations if not one.layers for member in one.members)
    nodes = (node for member in members for node in walk(member))
    return [node for node in nodes if isinstance(node, Quantity) and node.via]


def squares(derived: Derived, step: DerivedStep, show: Callable[[Node], str]) -> str:
    """Return what ‖W‖² is, below the first step that a matrix stands so in."""
    found = _squared(derived, step)
    if not found or step is not next(one for one in derived.steps if _squared(derived, one)):
        return ""
    return derived.say("squares", square=show(found[0]))


def _squared(derived: Derived, step: DerivedStep) -> list[Node]:
    nodes = (node for one in step.equations for member in one.members for node in walk(member))
    every = (node for node in nodes if isinstance(node, Square))
    return [
        node for node in every
        if isinstance(node.body, Quantity) and derived.names.rank(node.body.sym) == 2
    ]  # fmt: skip


def quotient(derived: Derived, step: DerivedStep, show: Callable[[Node], str]) -> str:
    """Return what ⊘ is, below the first step that it stands in."""
    found = _divided(derived, step)
    if not found or step is not next(one for one in derived.steps if _divided(derived, one)):
        return ""
    return derived.say("quotient", quotient=show(found[0]))


def _divided(derived: Derived, step: DerivedStep) -> list[Node]:
    nodes = (node for one in step.equations for member in one.members for node in walk(member))
    every = (node for node in nodes if isinstance(node, Over))
    return [node for node in every if ENTRYWISE in derived.printer_text(node)]


def units_of(derived: Derived, step: DerivedStep, show: Callable[[Node], str]) -> str:
    """Return what the sign of a layer's size means, below the first step it stands in."""
    if not _sized(step) or step.id != next(one for one in derived.steps if _sized(one)).id:
        return ""
    letter = show(Place(Var(derived.names.letter)))
    return derived.say("units_of", width=show(Width("", 0)), letter=letter)


def _sized(step: DerivedStep) -> bool:
    sides = (s for one in step.equations for s in (*one.widths, *one.members) if s is not None)
    return any(isinstance(node, Width) for side in sides for node in walk(side))
