"""The lines of a plan in a reader's notation: the one place where a check writes equations.

Without a notation they stand in ClearProp's own letters, which are those of the template's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from clearprop.backprop import SAMPLE_WEIGHT, Plan, Step
from clearprop.checking.edits import all_terms, data_terms
from clearprop.checking.equations import line
from clearprop.checking.mistake import Place
from clearprop.checking.replay import BELOW, FIRST, FREE, LAST, ROWS, WEIGHT_SUM
from clearprop.derivation.derived import equation_text
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import Notation, find_notation
from clearprop.derivation.steps.author import Author
from clearprop.derivation.steps.writing import Writing
from clearprop.derivation.trees.tree import Index, Node, Number, Quantity
from clearprop.expressions import (
    Divide,
    Expr,
    Hadamard,
    MatMul,
    Num,
    OneHot,
    Power,
    Slice,
    Sum,
    Sym,
    Transpose,
    Type,
    rewrite,
    substitute,
    symbols,
)

#: Of a step that is written entry by entry, so many entries are shown.
SHOWN = 2

_ONE_WEIGHT = Sym("wₛ", Type((), sample=True))
_MEAN = {ROWS.name, WEIGHT_SUM.name}
_MARKS = {FIRST.name: "[s = 1]", LAST.name: "[s = m]"}


class _Writing(Writing):
    """Writes what only rewritings have: a mark of a sample, a vector of ones, one unit's share."""

    def quantity(self, sym: Sym, index: tuple[Index, ...] = ()) -> Node:
        if sym.name in _MARKS:
            return Quantity(_MARKS[sym.name])
        if sym.name.startswith("ones "):
            return Number(1.0)
        return super().quantity(sym, index)

    def whole(self, expr: Expr) -> Node:
        match expr:
            case Sum(("unit",), Slice(body, start, stop)) if stop == start + 1:
                return self.entry(body, (stop,))
            case MatMul(Transpose(Sym(W)), OneHot(Num(unit), _)):
                return Quantity(W, (int(unit) + 1,))
        return super().whole(expr)

    def entry(self, expr: Expr, idx: tuple[Index, ...]) -> Node:
        match expr:
            case Sum(("unit",), Slice(body, start, stop)) if stop == start + 1:
                return self.entry(body, (stop,))
            case MatMul(Transpose(Sym() as W), OneHot(Num(unit), _)):
                return self.entry(W, (int(unit) + 1, *idx))
        return super().entry(expr, idx)


def _plainly(expr: Expr) -> Expr:
    """Without weights Σ w is m, and m · 1/m is not written."""
    match expr:
        case Hadamard(left, Hadamard(right, body)) if {left, right} == {ROWS, SAMPLE_WEIGHT}:
            return body
    return ROWS if expr == WEIGHT_SUM else expr


def _shared(expr: Expr) -> Expr:
    """Without weights each sample's share of the mean is 1/m."""
    match expr:
        case Hadamard(left, right) if left == SAMPLE_WEIGHT:
            return Divide(right, ROWS)
    return expr


def _without_powers(expr: Expr) -> Expr:
    """Whose δ holds no 1/m writes no m where δ's are multiplied."""
    match expr:
        case Hadamard(Power(base, _), body) if base == WEIGHT_SUM:
            return body
    return expr


def _undivided(wrong: Step, right: Step) -> tuple[Step, Step] | None:
    """Σ δ aᵀ and (1/m) Σ δ aᵀ, for a gradient m times too large: its δ holds no 1/m."""
    if right.kind != "gradient":
        return None
    stripped = all_terms(wrong, _without_count)
    if all(new.expr is old.expr for new, old in zip(stripped.terms, wrong.terms, strict=True)):
        return None
    return stripped, data_terms(right, lambda x: (1 / WEIGHT_SUM) * x)


def _without_count(expr: Expr) -> Expr:
    match expr:
        case Hadamard(factor, body) if factor == WEIGHT_SUM:
            return body
    return expr


@dataclass(frozen=True)
class _Style:
    """What is written out beside what the notation itself writes."""

    mean: bool = False
    weights: bool = False
    connection: bool = True


class Lines:
    """Writes the steps of one plan, right or rewritten.

    Parameters
    ----------
    plan : Plan
        The right one.
    notation : str or Notation, optional
        As `clearprop.derive` takes it.
    weighted : bool
        Samples have weights, so wₛ / Σw is written where 1/m would be.

    Examples
    --------
    >>> from clearprop.network import Network
    >>> plan = Network([2, 3, 2], "sigmoid", output="sigmoid").plan
    >>> Lines(plan).write("delta2")
    'δ2 = Δ2 ⊙ sigmoid′(z2)'
    >>> Lines(plan, "graph").write("delta2")
    'δ²₃₁ = Δ³₃₁ ⊙ σ′(z²₃₁)'
    """

    def __init__(
        self, plan: Plan, notation: str | Notation | None = None, weighted: bool = False
    ) -> None:
        self.plan, self.weighted = plan, weighted
        self.notation = None if notation is None else find_notation(notation)
        self._authors: dict[_Style, Author] = {}

    def write(self, step_id: str, new: Mapping[str, Step] | None = None) -> str:
        """Return a step as one line of text or more, as it stands among the ``new`` steps."""
        return self._write(step_id, new or {}, _Style(mean=self.weighted, weights=self.weighted))

    def both(
        self,
        step_id: str,
        new: Mapping[str, Step],
        c: float | None = None,
        below: float | None = None,
    ) -> tuple[str, str]:
        """Return a step with the mistake in it, and as it should be, written alike.

        The mistake's free scalar is written as the number ``c``, and that of one on which it
        stands as ``below``.

        Where the notation leaves out what the mistake is about (the mean, the sum over samples,
        which value a connection brings), it is written out.
        """
        if c is not None:
            value: dict[Expr, Expr] = {
                symbol: Num(float(f"{x:.4g}"))
                for symbol, x in ((FREE, c), (BELOW, below))
                if x is not None
            }
            new = {key: all_terms(one, lambda x: substitute(x, value)) for key, one in new.items()}
        new = {k: all_terms(one, lambda x: rewrite(x, _without_powers)) for k, one in new.items()}
        about = {s.name for one in new.values() for s in one.reads}
        one_sample = self.notation is not None and self.notation.batch == "one"
        mean = self.weighted or bool(about & _MEAN) or (one_sample and bool(about & _MARKS.keys()))
        true: dict[str, Step] = {}
        if step_id in new and (apart := _undivided(new[step_id], self.plan.step(step_id))):
            new, true = {**new, step_id: apart[0]}, {step_id: apart[1]}
        styles = (
            _Style(mean, self.weighted),
            _Style(True, self.weighted),
            _Style(True, True),
            _Style(True, self.weighted, connection=False),
        )
        wrong = right = ""
        for style in styles if self.notation else styles[:1]:
            wrong, right = self._write(step_id, new, style), self._write(step_id, true, style)
            if wrong != right:
                return wrong, right
        step = self.plan.step(step_id)
        return line(new.get(step_id, step)), line(true.get(step_id, step))

    @property
    def function(self) -> str:
        """What the notation calls f."""
        return "f" if self.notation is None else self.notation.symbols["f"]

    @property
    def names(self) -> Names | None:
        """The notation at work on the plan's graph; None without a notation."""
        return None if self.notation is None else self._author(_Style()).names

    def name(self, symbol: str) -> str:
        """Return what the notation calls a quantity of the plan; "" without a notation."""
        return "" if self.names is None else self.names.name(symbol)

    def entry(self, parameter: str, index: tuple[int, ...]) -> str:
        """Return the name of a parameter's entry, ``index`` from 0; "" without a notation."""
        if self.names is None or parameter not in self.plan.graph.parameters:
            return ""
        return self.names.name(parameter, index)

    def parameter(self, name: str) -> str:
        """Return a parameter as the function's dict has it, and as the notation calls it."""
        called = self.entry(name, ())
        return f"{name}, {called}" if called and called != name else name

    def layer(self, label: str) -> str:
        """Return a layer's number, or its name, as the notation counts it."""
        return label if self.names is None or not label else self.names.layer_text("a", label)

    def place(self, place: Place) -> str:
        """Return a mistake's place in the reader's words."""
        return place.told(self.layer(place.layer), self.parameter(place.parameter))

    def _write(self, step_id: str, new: Mapping[str, Step], style: _Style) -> str:
        step = new.get(step_id, self.plan.step(step_id))
        if self.notation is None:
            return self._line(step)
        author, shown, expr = self._author(style), step, step.expr
        if step_id in author.inlined:  # the text has no letter for it: it stands in its reader
            reader = self.plan.readers(step_id)[0]
            shown = new.get(reader.id, reader)
            expr = substitute(shown.expr, {self.plan.step(step_id).target: step.expr})
        known: dict[Expr, Expr] = {
            s: author.inlined[s.name] for s in symbols(expr) if s.name in author.inlined
        }
        expr = substitute(expr, {**known, **author.penalty_factors})
        if style.weights:
            expr = substitute(expr, {SAMPLE_WEIGHT: Divide(_ONE_WEIGHT, WEIGHT_SUM)})
        else:
            expr = rewrite(expr, _plainly)
        try:
            equations = author.equations(shown.target, expr, shown.kind)
        except TypeError:  # a rewriting that no text would write
            return self._line(step)
        lines = [equation_text(author.printer, one) for one in equations[:SHOWN]]
        if len(equations) > SHOWN:
            lines.append(f"… and {len(equations) - SHOWN} more like it")
        return "\n".join(lines)

    def _line(self, step: Step) -> str:
        """The step in our own letters."""
        if self.weighted or not step.terms:
            return line(step)
        return line(step, rewrite(rewrite(step.expr, _plainly), _shared))

    def _author(self, style: _Style) -> Author:
        if style not in self._authors:
            assert self.notation is not None
            notation = self.notation
            if style.mean:  # shown where the code has it: in δ
                notation = replace(notation, mean_at="delta", batch="mean")
            if not style.connection:
                notation = replace(notation, connection="")
            samples = 1 if notation.batch == "one" else None
            names = Names(notation, self.plan.graph)
            author = Author(self.plan, self.plan, names, samples)
            author.writing = _Writing(names, samples, author.writing.functions)
            self._authors[style] = author
        return self._authors[style]
