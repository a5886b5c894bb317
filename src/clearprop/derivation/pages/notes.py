"""What the signs of a step mean, said below the first step that each stands in.

A note is a sentence and the signs it explains: `NOTES`. Proved by
``tests/test_derivation_given.py`` and ``tests/test_derivation_general.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

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

Show = Callable[[Node], str]
Signs = Callable[[Derived, DerivedStep], Iterator[Node]]
"""The signs in a step that a note explains."""
Note = Callable[[Derived, Node, Show], str]
"""The note about such a sign."""


def notes_of(derived: Derived, step: DerivedStep, show: Show) -> Iterator[str]:
    """Yield what the signs of a step mean, below the first step each stands in."""
    for signs, note in NOTES:
        sign = next(signs(derived, step), None)
        if sign is not None and step.id == _first(derived, signs).id:
            yield note(derived, sign, show)


def _first(derived: Derived, signs: Signs) -> DerivedStep:
    return next(one for one in derived.steps if any(True for _ in signs(derived, one)))


def _nodes(step: DerivedStep) -> Iterator[Node]:
    return (node for one in step.equations for member in one.members for node in walk(member))


# -- the size of a layer ------------------------------------------------------------------------
def _widths(derived: Derived, step: DerivedStep) -> Iterator[Node]:
    sides = (s for one in step.equations for s in (*one.widths, *one.members) if s is not None)
    return (node for side in sides for node in walk(side) if isinstance(node, Width))


def _of_width(derived: Derived, sign: Node, show: Show) -> str:
    letter = show(Place(Var(derived.names.letter)))
    return derived.say("units_of", width=show(Width("", 0)), letter=letter)


# -- a wire's own letter, in a step of one layer ------------------------------------------------
def _wires(derived: Derived, step: DerivedStep) -> Iterator[Node]:
    members = (member for one in step.equations if not one.layers for member in one.members)
    nodes = (node for member in members for node in walk(member))
    return (node for node in nodes if isinstance(node, Quantity) and node.via)


def _of_wire(derived: Derived, sign: Node, show: Show) -> str:
    assert isinstance(sign, Quantity)
    value = replace(sign, via="", to=None)
    return derived.say("connection", wire=show(sign), value=show(value))


# -- ‖W‖² of a matrix ---------------------------------------------------------------------------
def _squares(derived: Derived, step: DerivedStep) -> Iterator[Node]:
    return (
        node for node in _nodes(step)
        if isinstance(node, Square) and isinstance(node.body, Quantity)
        and derived.names.rank(node.body.sym) == 2
    )  # fmt: skip


def _of_square(derived: Derived, sign: Node, show: Show) -> str:
    return derived.say("squares", square=show(sign))


# -- δ and Δ, where a text has the letter -------------------------------------------------------
def _derivatives(role: str, derived: Derived, step: DerivedStep) -> Iterator[Node]:
    named = derived.notation.symbols[role] != ""
    if named and step.kind == "backward" and split(step.target)[0] == role:
        yield step.equations[0].left


def _of_derivative(derived: Derived, sign: Node, show: Show) -> str:
    assert isinstance(sign, Quantity)  # a derivative is what its step computes
    role, label = split(sign.sym)
    of = _differentiated(derived)
    ratio = Ratio(of, replace(sign, sym=behind(role, label)))
    key = "derivative_in" if role == "delta" else "derivative_out"
    return derived.say(key, derivative=show(sign), ratio=show(ratio))


# -- Jₛ, where several costs or members make up what is one sample's ------------------------------
def _parts(derived: Derived, step: DerivedStep) -> Iterator[Node]:
    if step.kind == "backward" and derived.names.differentiated == ("J", ("s",)):
        yield _differentiated(derived)


def _of_part(derived: Derived, sign: Node, show: Show) -> str:
    return derived.say("sample_part", part=show(sign), cost=show(Quantity("J")))


def _differentiated(derived: Derived) -> Quantity:
    sym, below = derived.names.differentiated
    return Quantity(sym, tuple(map(Var, below)))


# -- a weight without the constant's column -----------------------------------------------------
def _barred(derived: Derived, step: DerivedStep) -> Iterator[Node]:
    return (
        node for node in _nodes(step)
        if step.kind == "backward"
        and isinstance(node, Quantity) and not node.index and derived.names.column(node.sym)
    )  # fmt: skip


def _of_barred(derived: Derived, sign: Node, show: Show) -> str:
    assert isinstance(sign, Quantity)
    full = replace(sign, sym=sign.sym + FULL)
    return derived.say("barred", weight=show(sign), full=show(full))


# -- a quotient entry by entry ------------------------------------------------------------------
def _quotients(derived: Derived, step: DerivedStep) -> Iterator[Node]:
    every = (node for node in _nodes(step) if isinstance(node, Over))
    return (node for node in every if ENTRYWISE in derived.printer_text(node))


def _of_quotient(derived: Derived, sign: Node, show: Show) -> str:
    return derived.say("quotient", quotient=show(sign))


NOTES: tuple[tuple[Signs, Note], ...] = (
    (_widths, _of_width),
    (_wires, _of_wire),
    (_squares, _of_square),
    (partial(_derivatives, "delta"), _of_derivative),
    (partial(_derivatives, "Delta"), _of_derivative),
    (_parts, _of_part),
    (_barred, _of_barred),
    (_quotients, _of_quotient),
)
"""The signs that need a note, and the note, in the order they stand below a step."""
