"""The lines of a plan as text: the one place where a check writes equations.

A plain form for now, of our own symbols; a notation's printer takes its place through `line`.
"""

from __future__ import annotations

from clearprop import expressions as trees
from clearprop.backprop import Step
from clearprop.words import number

_GREEK = (("delta", "δ"), ("Delta", "Δ"), ("dJ/d", "∂J/∂"))


def line(step: Step, expr: trees.Expr | None = None) -> str:
    """Return a step as one line of text, its right-hand side rewritten as ``expr`` if given.

    >>> from clearprop.network import Network
    >>> line(Network([2, 3, 2], "sigmoid").plan.step("delta2"))
    'δ2 = Δ2 ⊙ sigmoid′(z2)'
    """
    right = text(step.expr if expr is None else expr) if step.terms else "0"
    return f"{_name(step.target.name)} = {right}"


def _name(name: str) -> str:
    for plain, sign in _GREEK:
        if name.startswith(plain):
            return sign + name.removeprefix(plain)
    return name


def text(expr: trees.Expr, within: int = 0) -> str:
    """Return a tree as text; ``within`` is how tightly what stands around it binds."""
    level, written = _write(expr)
    return f"({written})" if level < within else written


def _write(expr: trees.Expr) -> tuple[int, str]:
    match expr:
        case trees.Sym(name):
            return 9, _name(name)
        case trees.Num(value):
            return 9 if value >= 0 else 1, number(value)
        case trees.Add(terms):
            parts = [text(terms[0], 1)]
            for term in terms[1:]:
                minus = isinstance(term, trees.Neg)
                body = term.body if isinstance(term, trees.Neg) else term
                parts.append(("− " if minus else "+ ") + text(body, 2))
            return 1, " ".join(parts)
        case trees.Neg(body):
            return 1, "−" + text(body, 2)
        case (
            trees.Hadamard(left, trees.Num(1.0))
            | trees.Hadamard(trees.Num(1.0), left)
            | trees.MatMul(trees.Num(1.0), left)
        ):
            return _write(left)
        case trees.Hadamard(trees.Divide(trees.Num(1.0), below), right) if not below.shape:
            return _write(trees.Divide(right, below))
        case trees.Hadamard(trees.Num(-1.0), body):
            return 1, "−" + text(body, 2)
        case trees.Hadamard(left, right):
            sign = " " if not (left.shape and right.shape) else " ⊙ "
            return 3, text(left, 3) + sign + text(right, 3 if sign == " ⊙ " else 4)
        case trees.MatMul(left, right):
            return 3, f"{text(left, 4)} {text(right, 4)}"
        case trees.Outer(left, right):
            return 3, f"{text(left, 4)} {text(right, 9)}ᵀ"
        case trees.Divide(above, below):
            return 3, f"{text(above, 3)} / {text(below, 5)}"
        case trees.Power(base, exponent):
            return 5, f"{text(base, 6)}^{text(exponent, 6)}"
        case trees.Transpose(body):
            return 6, f"{text(body, 6)}ᵀ"
        case trees.Apply(function, args, _, form):
            prime = "′" if form == "derivative" else ""
            return 9, f"{function.name}{prime}({', '.join(text(arg) for arg in args)})"
        case trees.Sum(over, body):
            return 2, f"Σ[{', '.join(over)}] {text(body, 3)}"
        case trees.Concat(parts):
            return 9, "(" + "; ".join(text(part) for part in parts) + ")"
        case trees.Slice(body, start, stop):
            return 9, f"{text(body, 9)}[{start + 1}…{stop}]"
        case trees.OneHot(index, _):
            return 9, f"1[{text(index)}]"
        case trees.Less(left, right, or_equal):
            return 0, f"{text(left)} {'≤' if or_equal else '<'} {text(right)}"
        case trees.Cases(condition, then, otherwise):
            return 9, f"{{{text(then)} if {text(condition)} else {text(otherwise)}}}"
    return 9, type(expr).__name__
