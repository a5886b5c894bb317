"""What S3 prints wrongly, as equations: beside a step stands the printed form and the right one.

Both are written trees, so every page prints them and every derivation gives them its own numbers.
They belong to a step by its id, and only on S3's own network (`clearprop.derivation.weight.chain`).
Proved by ``tests/test_derivation_marks.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clearprop.derivation.errata.wrong import printed_wrongly
from clearprop.derivation.steps.equations import DerivedStep, Equation, Mark
from clearprop.derivation.trees.tree import (
    Call,
    Letter,
    Minus,
    Node,
    Number,
    Over,
    Plus,
    Quantity,
    Raise,
    Ratio,
    Times,
    Total,
    Var,
    rebuild,
)

Place = Callable[..., Quantity]
"""(symbol, entry in our order, from 1) → the quantity as the notation indexes it."""

OUTPUTS = 2
COUNT = Letter("N", (), Number(float(OUTPUTS)))
"""S3's N, which no list defines: the number of outputs."""
TOTAL = Letter("E", ("total",), Quantity("J"))
"""What S3 calls the E of its (1) from (10) on."""
STRAY = Letter("y", ("o",), Quantity("a3", (1,)))
"""S3's output without an index, which can only be read as one output: the first."""
NUMBERS = {
    "J:letters": "1", "J": "10", "∂E/∂O1": "12", "W11:=": "15", "E1": "18", "E2": "19",
    "∂E1/∂O1:1": "21", "∂Q1/∂P1:1": "23", "∂E1/∂P1:in": "24", "∂E2/∂O2:2": "26",
    "∂Q2/∂P1:2": "28", "∂E/∂V11:in": "35",
}  # fmt: skip
"""The text's number of each equation that it prints wrongly, by the id of the step."""


def with_marks(step: DerivedStep, place: Place) -> DerivedStep:
    """Return a step of S3's own derivation, with what S3 prints wrongly in its place.

    Parameters
    ----------
    step : DerivedStep
    place : callable
        (symbol, entry in our order, from 1) → the quantity as the notation indexes it.
    """
    if step.id not in NUMBERS:
        return step
    number = NUMBERS[step.id]
    printed, right = _forms(number, step.equations[0], place)
    marks = (Mark(erratum, printed, right) for erratum in printed_wrongly("S3", number))
    return replace(step, marked=tuple(marks))


def _forms(number: str, own: Equation, place: Place) -> tuple[Equation, Equation]:
    """An equation as the text prints it, and the right form: often the step's own."""
    left, last = own.left, own.members[-1]
    match number:
        case "1" | "10":
            y = Letter("y", ("i",), Quantity("y", (Var("i"),)))
            own_output = Quantity("a3", (Var("i"),))
            target = Quantity("y", (Var("i"),))
            called = TOTAL if number == "10" else left
            return _equals(called, _mean(y, STRAY)), _equals(called, _mean(target, own_output))
        case "12" | "21" | "26":  # −(Y − O), and −(2/N)(Y − O)
            k = 2 if number == "26" else 1
            error = Plus((place("y", k), Minus(place("a3", k))))
            right = Minus(Times((Over(Number(2.0), COUNT), error)))
            slope = Ratio(TOTAL, place("a3", 1)) if number == "12" else left
            return _equals(slope, Minus(error)), _equals(slope, right)
        case "15":  # W11 = …, and a name of its own for the new one
            new = Letter("W", ("1", "1"), place("W2", 1, 1), prime=True)
            slope = Ratio(TOTAL, left)
            step = Plus((left, Minus(Times((Quantity("learning_rate"), slope)))))
            return _equals(left, step, last), _equals(new, step, last)
        case "18" | "19":  # without ½
            k = 1 if number == "18" else 2
            error = Plus((place("y", k), Minus(place("a3", k))))
            square = Raise(error, Number(2.0))
            mean = Times((Over(Number(1.0), COUNT), square))
            return _equals(left, square), _equals(left, mean)
        case "23" | "24":  # the same letters, but (15) has overwritten W11
            w11 = place("W2", 1, 1)
            by = place("dJ/dW2", 1, 1)
            after = Plus((w11, Minus(Times((Quantity("learning_rate"), by)))))
            over = Letter("W", ("1", "1"), after)
            read = rebuild(last, lambda node: over if node == w11 else node)
            return _equals(left, read), _equals(left, last)
        case "28":  # ∂ is missing below the line
            p = place("a2", 1)
            small = Letter("w", ("3", "2"), place("W2", 2, 3))
            return (
                _equals(left, _quotient(_sum(place, small), p)),
                _equals(left, Ratio(_sum(place, place("W2", 2, 3)), p), last),
            )
        case _:  # (35): a product of the two parts, the second with ∂P1/∂V11 inside its bracket
            assert isinstance(last, Times)
            both, inner = last.factors
            assert isinstance(both, Plus)
            first, second = both.terms
            assert isinstance(second, Minus)
            assert isinstance(second.body, Times)
            inside = Minus(Times((*second.body.factors, inner)))
            slope = Ratio(TOTAL, place("W1", 1, 1))
            return _equals(slope, Times((first, inside))), _equals(slope, last)


def _equals(left: Node, *members: Node) -> Equation:
    return Equation(left, members)


def _mean(target: Node, output: Node) -> Node:
    """(1/N) Σᵢ (target − output)²."""
    square = Raise(Plus((target, Minus(output))), Number(2.0))
    return Times((Over(Number(1.0), COUNT), Total("i", OUTPUTS, square, COUNT)))


def _sum(place: Place, third: Node) -> Node:
    """W12 · P1 + W22 · P2 + W32 · P3 + b2, with the third weight as it is written."""
    weights = (place("W2", 2, 1), place("W2", 2, 2), third)
    products = (Times((w, place("a2", j))) for j, w in enumerate(weights, 1))
    return Plus((*products, Quantity("b2")))


def _quotient(top: Node, bottom: Node) -> Node:
    """∂(top)/bottom: with no ∂ below, a quotient."""
    return Over(Call("∂", (top,), meaning=top), bottom)
