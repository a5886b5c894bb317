"""A step of the plan written otherwise: terms replaced, left out, changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clearprop.backprop import Step, Term
from clearprop.expressions import Expr


def with_term(step: Step, index: int, expr: Expr) -> Step:
    """Return the step with one term's expression replaced."""
    terms = list(step.terms)
    terms[index] = Term(terms[index].via, expr)
    return replace(step, terms=tuple(terms))


def without_term(step: Step, index: int) -> Step:
    """Return the step without one of its terms."""
    return replace(step, terms=step.terms[:index] + step.terms[index + 1 :])


def data_terms(step: Step, change: Callable[[Expr], Expr]) -> Step:
    """Return a gradient's step with every term but the penalty's changed."""
    terms = (t if t.via == "penalty" else Term(t.via, change(t.expr)) for t in step.terms)
    return replace(step, terms=tuple(terms))


def all_terms(step: Step, change: Callable[[Expr], Expr]) -> Step:
    """Return a step with every term changed."""
    return replace(step, terms=tuple(Term(t.via, change(t.expr)) for t in step.terms))
