"""The steps of a derivation, written in a notation: structure apart from numbers.

`write_steps` reads a plan and returns what is printed, step by step: equations as written trees, a
title, a sentence of why, and what the step uses. It states no formula of its own. Proved by
``tests/test_derivation.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clearprop.backprop import Plan, Step
from clearprop.derivation.notations.names import FULL, Names, split
from clearprop.derivation.notations.roles import behind
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.printing import Printer
from clearprop.derivation.steps.columns import (
    column_gradient,
    column_update,
    gathered_bias,
    with_column,
)
from clearprop.derivation.steps.defining import Definitions
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.steps.functions import function_names
from clearprop.derivation.steps.general import generalised, referred
from clearprop.derivation.steps.levels import Level
from clearprop.derivation.steps.reasons import (
    delta_words,
    forward_words,
    gradient_words,
    wire_words,
)
from clearprop.derivation.steps.writing import Writing
from clearprop.derivation.trees.tree import Index, Node, Quantity, Var
from clearprop.derivation.wording.said import Said
from clearprop.expressions import (
    Add,
    Apply,
    Expr,
    Hadamard,
    Num,
    Sym,
    substitute,
    symbols,
    walk,
)

__all__ = ["Author", "write_steps"]

ADJOINTS = ("delta", "Delta")
"""What goes back: by a pre-activation, by an activation."""


def write_steps(
    plan: Plan, fused: Plan, names: Names, samples: int | None
) -> tuple[DerivedStep, ...]:
    """Write all steps of a plan in a notation.

    Parameters
    ----------
    plan : Plan
        Made with ``fuse=False``: general output δ.
    fused : Plan
        The one that is run: where it differs, the shortcut is derived too.
    names : Names
    samples : int or None
    """
    return Author(plan, fused, names, samples).write()


class Author(Level):
    """Writes the steps of one plan."""

    def __init__(self, plan: Plan, fused: Plan, names: Names, samples: int | None) -> None:
        functions = function_names(plan, names.notation.symbols["f"])
        super().__init__(names, Writing(names, samples, functions))
        self.plan, self.fused, self.samples = plan, fused, samples
        self.printer = Printer(names, TEXT)
        self.penalty_factors = self._penalty_factors()
        self.read_by: dict[str, int] = {}
        self.inlined = self._inlined()

    def write(self) -> tuple[DerivedStep, ...]:
        written = [*self.definitions(), *self._inputs(), *self._plan_steps()]
        steps = list(generalised(written, self.names, self.label))
        known = {step.id for step in steps}
        numbered = (
            replace(step, number=n, uses=tuple(u for u in step.uses if u in known and u != step.id))
            for n, step in enumerate(steps, 1)
        )
        return tuple(referred(numbered, self.names.letter))

    def definitions(self) -> Iterator[DerivedStep]:
        """Yield the functions of the plan."""
        yield from Definitions(self.writing, self.label).of(self.plan)

    def whole_steps(self) -> Iterator[DerivedStep]:
        """Yield every step of the plan, for its words and links."""
        yield from self._plan_steps()

    def target(self, name: str) -> Sym:
        """Return the symbol a step computes."""
        return next(step.target for step in self.plan.steps if step.target.name == name)

    def expression(self, name: str) -> Expr | None:
        """Return what computes a symbol, as `write` prints it; None for what is given."""
        if name in ("J", "C") and self._merged_cost():
            return self._textbook_cost(self.plan.step("C"))[1]
        if name not in self.plan:
            return None
        step = self.plan.step(name)
        if step.kind == "cost" and step.id != "J":
            return self._textbook_cost(step)[1]
        if step.kind == "gradient":
            return self._gradient_expr(step)
        return self._put_in(self._with_lambda(step.expr))

    def label(self, node: Node) -> str:
        """Return a short written tree as plain text, for titles and ids."""
        return self.printer.render(node)

    # -- functions and inputs ---------------------------------------------------------------------
    def _inputs(self) -> Iterator[DerivedStep]:
        if self.notation.level == "scalar":
            return
        for given in self.plan.graph.inputs:
            label = given.value[1:]
            one = "" if len(self.plan.graph.inputs) == 1 else label
            sym = Sym(given.value, given.type)
            idx: tuple[Index, ...] = ()
            free: tuple[tuple[str, int], ...] = ()
            if not self.notation.whole and given.type.shape:
                letter = min(self.notation.target_index, self.notation.source_index)
                idx, free = (Var(letter),), ((letter, given.width),)
            yield DerivedStep(
                given.value,
                "forward",
                Said("input", n=self._layer(given.value)),
                Said("input_why"),
                (Equation(Quantity(given.value, idx), (Quantity("x" + one, idx),), free),),
                given.value,
                sym.type,
            )

    # -- the plan ---------------------------------------------------------------------------------
    def _plan_steps(self) -> Iterator[DerivedStep]:
        merged = self._merged_cost()
        for step in self.plan.steps:
            if step.kind == "forward":
                yield self._forward(step)
            elif step.kind == "cost":
                if step.id == "J" and merged:
                    continue
                yield self._cost(step)
            elif step.kind == "penalty":
                yield self._penalty(step)
            elif step.kind in ("arrive", "adjoint"):
                yield from self._back(step)
            elif step.kind == "gradient":
                yield from self._gradient(step)
            else:
                yield from self._update(step)

    def _forward(self, step: Step) -> DerivedStep:
        expr = step.terms[0].expr
        key = forward_words(expr, self.plan)
        column = key == "weighted" and any(self.names.column(sym.name) for sym in step.reads)
        return DerivedStep(
            step.id,
            "forward",
            Said(key.removesuffix("_plain"), n=self._layer(step.id)),
            Said("weighted_column_why" if column else f"{key}_why"),
            self.equations(step.target, expr, "forward"),
            step.id,
            step.target.type,
            self._uses(step),
        )

    def _merged_cost(self) -> bool:
        """One sample, one cost, no penalty, no members: C is J."""
        step = self.plan.step("J")
        return self.samples == 1 and len(step.terms) == 1 and not self.plan.graph.members

    def _cost(self, step: Step) -> DerivedStep:
        if step.id == "J":
            why = "total_cost_members_why" if self.plan.graph.members else "total_cost_why"
            return DerivedStep(
                "J", "cost", Said("total_cost"), Said(why),
                self.equations(step.target, step.expr, "cost"), "J", step.target.type,
                self._uses(step),
            )  # fmt: skip
        value, textbook = self._textbook_cost(step)
        target = self.plan.step("J").target if self._merged_cost() else step.target
        return DerivedStep(
            target.name, "cost", Said("sample_cost"), Said("sample_cost_why"),
            self.equations(target, textbook, "cost"), target.name, step.target.type,
            (value,),
        )  # fmt: skip

    def _textbook_cost(self, step: Step) -> tuple[str, Expr]:
        """A cost as a function of the output a, even where it is computed from z."""
        apply = step.terms[0].expr
        assert isinstance(apply, Apply)
        cost = next(c for c in self.plan.graph.costs if self._cost_symbol(c.value) == step.id)
        out = Sym(cost.value, self.plan.graph.values[cost.value].type)
        return cost.value, cost.row.definition(out, apply.args[1], dict(apply.attrs))

    def _cost_symbol(self, value: str) -> str:
        return "C" if len(self.plan.graph.costs) == 1 else "C" + value[1:]

    def _penalty(self, step: Step) -> DerivedStep:
        return DerivedStep(
            "penalty", "cost", Said("penalty"), Said("penalty_why"),
            self.equations(step.target, self._with_lambda(step.expr), "cost"), "penalty",
            step.target.type, self._uses(step),
        )  # fmt: skip

    def _penalty_factors(self) -> dict[Expr, Expr]:
        graph = self.plan.graph
        if not graph.l2:
            return {}
        rate = Sym("l2")
        found: dict[Expr, Expr] = {Num(graph.l2 / 2): rate / 2.0, Num(graph.l2): rate}
        if graph.members:
            found[Num(graph.l2 / graph.members)] = rate / Sym("K")
        return found

    def _with_lambda(self, expr: Expr) -> Expr:
        """λ by its name where the plan has its number."""
        return substitute(expr, self.penalty_factors)

    # -- backward ---------------------------------------------------------------------------------
    def _inlined(self) -> dict[str, Expr]:
        """Δ that the notation gives no step of its own, and that one place reads: put in there."""
        count: dict[str, int] = {}
        for step in self.plan.steps:
            for node in walk(step.expr):
                if isinstance(node, Sym):
                    count[node.name] = count.get(node.name, 0) + 1
        self.read_by = count
        if self.notation.gathers:
            return {}
        found: dict[str, Expr] = {}
        for step in self.plan.steps:
            if step.kind == "arrive" and count.get(step.id, 0) == 1:
                reader = self.plan.readers(step.id)[0]
                if reader.kind == "adjoint":
                    found[step.id] = step.expr
        return found

    def _back(self, step: Step) -> Iterator[DerivedStep]:
        if step.id in self.inlined:
            return
        if step.kind == "arrive" and step.id not in self.read_by:
            return  # ∂J/∂x: no parameter needs it
        expr = self._put_in(step.expr)
        arrived = [s for s in symbols(step.expr) if s.name in self.inlined]
        sources = [self.plan.step(s.name) for s in arrived] or [step]
        terms = [term for source in sources for term in source.terms]
        from_cost = any(term.via == "cost" for term in terms)
        layer = self._layer(behind(*split(step.id)))
        if step.kind == "adjoint":
            key = "output_delta" if self._is_final(step.id) else "delta"
            title = Said(key, n=layer, delta=self.delta(step))
            why = delta_words(step, terms, self._is_final(step.id))
        else:
            title = Said("arrives_cost") if from_cost else Said("arrives", n=layer)
            why = Said("arrives_cost_why" if from_cost else wire_words(terms[0].expr))
            if len(terms) > 1:
                why = Said("arrives_sum_why", count=len(terms))
        yield DerivedStep(
            step.id, "backward", title, why,
            self._equations_back(step.target, expr), step.id, step.target.type,
            tuple(dict.fromkeys(u for s in (step, *sources) for u in self._uses(s))),
        )  # fmt: skip
        if step.id in self.fused and self.fused.step(step.id).terms != step.terms:
            short = self.fused.step(step.id)
            if any(term.via == "cost" for term in short.terms):
                yield DerivedStep(
                    f"{step.id}:link", "backward", Said("shortcut"), Said("shortcut_why"),
                    self.equations(step.target, short.expr, "backward"), step.id,
                    step.target.type, (step.id,),
                )  # fmt: skip

    def _equations_back(self, target: Sym, expr: Expr) -> tuple[Equation, ...]:
        """Write a derivative on its way back; what its terms share once more in front: 1 + σ′."""
        found = self.equations(target, expr, "backward")
        if (shared := self._in_front(expr)) is None:
            return found
        more = self.equations(target, shared, "backward")
        both = zip(found, more, strict=True)
        return tuple(replace(one, members=(*one.members, *other.members)) for one, other in both)

    def _in_front(self, expr: Expr) -> Expr | None:
        """A sum whose terms all begin with one Δ, as Δ times the rest; None for any other."""
        if isinstance(expr, Hadamard) and (inner := self._in_front(expr.left)) is not None:
            return Hadamard(inner, expr.right)
        if not isinstance(expr, Add):
            return None
        parts = [_first_factor(self._unchanged(term)) for term in expr.terms]
        if len({front for front, _ in parts}) > 1:
            return None
        return Hadamard(parts[0][0], Add(tuple(rest for _, rest in parts)))

    def _unchanged(self, expr: Expr) -> Expr:
        """Δ that came over wires without weights, by the name it set out with."""
        known: dict[Expr, Expr] = {
            s: self._unchanged(self.plan.step(s.name).expr)
            for s in symbols(expr)
            if s.name in self.plan and self.plan.step(s.name).kind == "arrive"
            and isinstance(self.plan.step(s.name).expr, Sym)
        }  # fmt: skip
        return substitute(expr, known)

    def _put_in(self, expr: Expr) -> Expr:
        known: dict[Expr, Expr] = {
            s: self.inlined[s.name] for s in symbols(expr) if s.name in self.inlined
        }
        return substitute(expr, known)

    def _is_final(self, adjoint: str) -> bool:
        return any(cost.value[1:] == adjoint[5:] for cost in self.plan.graph.costs)

    # -- gradients --------------------------------------------------------------------------------
    def _gradient(self, step: Step) -> Iterator[DerivedStep]:
        parameter = step.id.removeprefix("dJ/d")
        weight = next((w for w, b in self.names.biases.items() if b == parameter), None)
        if self.names.column(parameter):
            exprs = [self._with_lambda(term.expr) for term in step.terms]
            shared = self.names.shared(self.names.biases[parameter])
            bias = () if shared else (self.names.biases[parameter],)
            yield DerivedStep(
                step.id, "gradient", Said("gradient", n=self._full_name(parameter)),
                gradient_words(step, self.delta(step)),
                (column_gradient(exprs, parameter, self.writing),),
                step.id + FULL, with_column(step.target.type), self._uses(step),
                covers=(parameter, *bias),
            )  # fmt: skip
        elif weight is not None and self.notation.bias_view == "column":
            if self.names.shared(parameter):
                yield DerivedStep(
                    step.id, "gradient", Said("gradient", n=self.names.name(parameter)),
                    Said("gradient_shared_why", delta=self.delta(step)),
                    (gathered_bias(weight, parameter, self.names),),
                    step.id, step.target.type, (f"dJ/d{weight}",), covers=(parameter,),
                )  # fmt: skip
        else:
            expr = self._gradient_expr(step)
            yield DerivedStep(
                step.id, "gradient", Said("gradient", n=self.names.name(parameter)),
                gradient_words(step, self.delta(step)),
                self.equations(step.target, expr, "gradient"),
                step.id, step.target.type, self._uses(step), covers=(parameter,),
            )  # fmt: skip

    def _gradient_expr(self, step: Step) -> Expr:
        terms = [self._with_lambda(t.expr) if t.via == "penalty" else t.expr for t in step.terms]
        return terms[0] if len(terms) == 1 else Add(tuple(terms))

    # -- update -----------------------------------------------------------------------------------
    def _update(self, step: Step) -> Iterator[DerivedStep]:
        parameter = step.target.name
        if self.names.column(parameter) and not self.names.shared(self.names.biases[parameter]):
            equation = column_update(step.terms[0].expr, parameter, self.writing)
            yield DerivedStep(
                step.id, "update", Said("update", n=self._full_name(parameter)),
                Said("update_why"), (equation,), parameter + FULL,
                with_column(step.target.type), (f"dJ/d{parameter}",),
            )  # fmt: skip
            return
        weight = next((w for w, b in self.names.biases.items() if b == parameter), None)
        if weight and self.notation.bias_view == "column" and not self.names.shared(parameter):
            return
        yield DerivedStep(
            step.id, "update", Said("update", n=self.names.name(parameter)), Said("update_why"),
            self.equations(step.target, step.terms[0].expr, "update", None, "←"), parameter,
            step.target.type, (f"dJ/d{parameter}",),
        )  # fmt: skip

    # -- words ------------------------------------------------------------------------------------
    def delta(self, step: Step) -> str:
        """Return what the text calls the δ that a step computes or reads: δ, or S3's ∂E/∂H."""
        named = (sym.name for sym in (step.target, *step.reads))
        return self.names.letter_of(next(one for one in named if split(one)[0] in ADJOINTS))

    def _full_name(self, weight: str) -> str:
        """The name of a weight with the constant's column."""
        return self.names.glyph(weight + FULL).text()

    def _layer(self, sym: str) -> str:
        role, label = split(sym)
        return self.names.layer_text(role, label)

    def _uses(self, step: Step) -> tuple[str, ...]:
        found: list[str] = []
        for sym in step.reads:
            if sym.name in self.plan.graph.values:
                found.append(sym.name)
            elif (writer := self.plan.writer(sym)) is not None:
                found.append("J" if writer.id == "C" and self._merged_cost() else writer.id)
        return tuple(dict.fromkeys(found))


def _first_factor(term: Expr) -> tuple[Expr, Expr]:
    """A term as its first factor and the rest."""
    match term:
        case Hadamard(left, right):
            return left, right
    return term, Num(1.0)
