"""The steps of a derivation, written in a notation: structure apart from numbers.

`write_steps` reads a plan and returns what is printed, step by step: equations as written trees, a
title, a sentence of why, and what the step uses. It states no formula of its own. Proved by
``tests/test_derivation.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from clearprop.backprop import Plan, Step, Term
from clearprop.derivation.equations import DerivedStep, Equation
from clearprop.derivation.functions import function_names, functions_of, kind_of
from clearprop.derivation.general import generalised, referred
from clearprop.derivation.layouts import TEXT
from clearprop.derivation.messages import Said
from clearprop.derivation.names import FULL, Names, split
from clearprop.derivation.printing import Printer
from clearprop.derivation.tree import (
    Beside,
    Call,
    Index,
    Node,
    Number,
    Quantity,
    Total,
    Var,
    plus,
    rebuild,
    times,
)
from clearprop.derivation.writing import CONSTANT, Writing
from clearprop.expressions import (
    Add,
    Apply,
    Concat,
    Expr,
    Hadamard,
    MatMul,
    Num,
    OneHot,
    Outer,
    Power,
    Slice,
    Sum,
    Sym,
    Transpose,
    Type,
    substitute,
    symbols,
    walk,
)
from clearprop.operations import Activation, Function

__all__ = ["Author"]

ENTRIES_WRITTEN_OUT = 48
"""The scalar level writes a step out up to so many equations, then with indices."""
TERMS_WRITTEN_OUT = 12
"""… and a sum up to so many terms."""


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


class Author:
    """Writes the steps of one plan."""

    def __init__(self, plan: Plan, fused: Plan, names: Names, samples: int | None) -> None:
        self.plan, self.fused, self.names = plan, fused, names
        self.notation = names.notation
        functions = function_names(plan, self.notation.symbols["f"])
        self.writing = Writing(names, samples, functions)
        self.samples = samples
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

    # -- what every step goes through -------------------------------------------------------------
    def equations(
        self, target: Sym, expr: Expr, kind: str, left: Node | None = None, relation: str = "="
    ) -> tuple[Equation, ...]:
        """Write ``target = expr`` at the notation's level."""
        level = self.notation.level
        if level == "matrix":
            return (self._matrix_equation(target, expr, left, relation),)
        shape = target.shape
        out = level == "scalar" and self._written_out(target, expr)
        if not out:
            return (self._index_equation(target, expr, kind, relation),)
        return tuple(self.entry_equation(target, expr, idx, (), relation) for idx in _places(shape))

    def _matrix_equation(
        self, target: Sym, expr: Expr, left: Node | None, relation: str
    ) -> Equation:
        if left is None:
            left = Quantity(target.name)
        member = self.writing.whole(
            _transposed(expr) if self.names.transposed(target.name) else expr
        )
        return Equation(left, (member,), (), relation)

    def _index_equation(self, target: Sym, expr: Expr, kind: str, relation: str) -> Equation:
        letters = self._letters(target, kind)
        free = tuple(zip(letters, target.shape, strict=True))
        self.writing.used = list(letters)
        self.writing.expand = False
        idx = tuple(Var(name) for name in letters)
        equation = self.entry_equation(target, expr, idx, free, relation)
        self.writing.used = []
        self.writing.expand = self.notation.level == "scalar"
        return equation

    def entry_equation(
        self,
        target: Sym,
        expr: Expr,
        idx: tuple[Index, ...],
        free: tuple[tuple[str, int], ...] = (),
        relation: str = "=",
    ) -> Equation:
        """Write one entry of a step; ``idx`` in our order, from 1."""
        left = Quantity(target.name, self.names.ordered(target.name, idx))
        self.writing.making = split(target.name)[1]
        return Equation(left, (self.writing.entry(expr, idx),), free, relation)

    def _letters(self, target: Sym, kind: str) -> tuple[str, ...]:
        n = self.notation
        if len(target.shape) == 2:
            return (n.target_index, n.source_index)
        if len(target.shape) == 0:
            return ()
        forward = kind in ("forward", "cost")
        return (n.target_index,) if forward else (min(n.target_index, n.source_index),)

    def _written_out(self, target: Sym, expr: Expr) -> bool:
        entries = 1
        for size in target.shape:
            entries *= size
        widest = 0
        for node in walk(expr):
            if isinstance(node, MatMul):
                widest = max(widest, node.right.shape[0])
            elif isinstance(node, Sum) and "unit" in node.over:
                count = 1
                for size in node.body.shape:
                    count *= size
                widest = max(widest, count)
        return entries <= ENTRIES_WRITTEN_OUT and widest <= TERMS_WRITTEN_OUT

    # -- functions and inputs ---------------------------------------------------------------------
    def definitions(self) -> Iterator[DerivedStep]:
        for name, apply in functions_of(self.plan).items():
            yield from self._function(name, apply)

    def _function(self, key: str, apply: Apply) -> Iterator[DerivedStep]:
        row, attrs = apply.function, dict(apply.attrs)
        assert isinstance(row, Activation)
        name = self.writing.functions.get(kind_of(apply), key)
        shown = name if name == key else f"{name} = {key}"
        if isinstance(row, Function):
            x = Sym("x")
            arg = Quantity("x")
            definition, slope = row.definition(x, attrs), row.slope(x, attrs)
            folded = substitute(slope, {definition: Apply(row, (x,), apply.attrs)})
            equations = (
                self._defined(Call(name, (arg,)), definition),
                self._defined(Call(name, (arg,), True), folded, slope),
            )
            yield DerivedStep(
                key,
                "definition",
                Said("function", f=shown),
                Said("function_why", f=name),
                tuple(one for one in equations if one.members),
                "",
            )
        else:
            vector = Sym("x", apply.args[0].type)
            idx = (Var("i"),)
            self.writing.used, expand = ["i"], self.writing.expand
            self.writing.expand = False
            body = self.writing.entry(row.definition(vector, attrs), idx)
            self.writing.used, self.writing.expand = [], expand
            size = vector.shape[0]
            left = Call(name, (Quantity("x"),), False, idx)
            yield DerivedStep(
                key,
                "definition",
                Said("link", f=name),
                Said("link_why"),
                (Equation(left, (body,), (("i", size),)),),
                "",
            )

    def _defined(self, left: Call, *exprs: Expr) -> Equation:
        """left = member = …, without members that read like what stands before them."""
        read = {self.label(left)}
        members: list[Node] = []
        for expr in exprs:
            member = self.writing.entry(expr, ())
            if (text := self.label(member)) not in read:
                read.add(text)
                members.append(member)
        return Equation(left, tuple(members))

    def _inputs(self) -> Iterator[DerivedStep]:
        if self.notation.level == "scalar":
            return
        for given in self.plan.graph.inputs:
            label = given.value[1:]
            one = "" if len(self.plan.graph.inputs) == 1 else label
            sym = Sym(given.value, given.type)
            idx: tuple[Index, ...] = ()
            free: tuple[tuple[str, int], ...] = ()
            if self.notation.level == "index" and given.type.shape:
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
        key = _forward_words(expr, self.plan)
        return DerivedStep(
            step.id,
            "forward",
            Said(key.removesuffix("_plain"), n=self._layer(step.id)),
            Said(f"{key}_why"),
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
            return DerivedStep(
                "J", "cost", Said("total_cost"), Said("total_cost_why"),
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
        """Δ that the notation has no letter for, and that one place reads: put in there."""
        count: dict[str, int] = {}
        for step in self.plan.steps:
            for node in walk(step.expr):
                if isinstance(node, Sym):
                    count[node.name] = count.get(node.name, 0) + 1
        self.read_by = count
        if self.notation.symbols["Delta"] or not self.notation.symbols["delta"]:
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
        layer = self._layer(step.target.name)
        if step.kind == "adjoint":
            title = Said("output_delta") if self._is_final(step.id) else Said("delta", n=layer)
            why = self._delta_words(step, terms)
        else:
            title = Said("arrives_cost") if from_cost else Said("arrives", n=layer)
            why = Said("arrives_cost_why" if from_cost else _wire_words(terms[0].expr))
            if len(terms) > 1:
                why = Said("arrives_sum_why", count=len(terms))
        yield DerivedStep(
            step.id, "backward", title, why,
            self.equations(step.target, expr, "backward"), step.id, step.target.type,
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

    def _delta_words(self, step: Step, arriving: Sequence[Term]) -> Said:
        """Why a δ is what it is; ``arriving``: what is put in for Δ, else the step's own terms."""
        if len(arriving) > 1:
            return Said("delta_sum_why", count=len(arriving))
        unit = _slope_is_one(step.expr)
        if self._is_final(step.id):
            return Said("output_delta_identity_why" if unit else "output_delta_why")
        if unit:
            return Said("delta_identity_why")
        weighted = _wire_words(arriving[0].expr) == "arrives_why"
        return Said("delta_why" if weighted else "delta_arrived_why")

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
            yield self._column_gradient(step, parameter)
        elif weight is not None and self.notation.bias_view == "column":
            if self.names.shared(parameter):
                yield self._gathered_bias(step, weight, parameter)
        else:
            expr = self._gradient_expr(step)
            yield DerivedStep(
                step.id, "gradient", Said("gradient", n=self.names.name(parameter)),
                self._gradient_words(step), self.equations(step.target, expr, "gradient"),
                step.id, step.target.type, self._uses(step), covers=(parameter,),
            )  # fmt: skip

    def _gradient_expr(self, step: Step) -> Expr:
        terms = [self._with_lambda(t.expr) if t.via == "penalty" else t.expr for t in step.terms]
        return terms[0] if len(terms) == 1 else Add(tuple(terms))

    def _gradient_words(self, step: Step) -> Said:
        uses = [term for term in step.terms if isinstance(term.expr, Sum)]
        if len(uses) > 1:
            return Said("gradient_tied_why", count=len(uses))
        body = uses[0].expr.body if uses and isinstance(uses[0].expr, Sum) else None
        match body:
            case Outer(OneHot()):
                return Said("gradient_table_why")
            case Outer():
                return Said("gradient_why")
            case Sum():
                return Said("gradient_shared_why")
            case Sym():
                return Said("gradient_bias_why")
        return Said("gradient_other_why")

    def _column_gradient(self, step: Step, weight: str) -> DerivedStep:
        bias = self.names.biases[weight]
        parts: list[Node] = []
        for term in step.terms:
            match term.expr:
                case Sum(over, Outer(delta, x)):
                    constant = Concat((x, _one()))
                    parts.append(self.writing.whole(Sum(over, Outer(delta, constant))))
                case other:
                    factor, _ = _product_parts(self._with_lambda(other))
                    parts.append(times(self.writing.whole(factor), Beside(Quantity(weight))))
        shared = self.names.shared(bias)
        name = self.names.glyph(weight + FULL).text()
        return DerivedStep(
            step.id, "gradient", Said("gradient", n=name), self._gradient_words(step),
            (Equation(Quantity(step.id + FULL), (plus(*parts),)),), step.id + FULL,
            replace(step.target.type, shape=(step.target.shape[0], step.target.shape[1] + 1)),
            self._uses(step), covers=(weight,) if shared else (weight, bias),
        )  # fmt: skip

    def _gathered_bias(self, step: Step, weight: str, bias: str) -> DerivedStep:
        rows, columns = self.names.shapes[weight]
        body = Quantity(f"dJ/d{weight}{FULL}", (Var("i"), columns + 1))
        total = Total("i", rows, body, Number(float(rows)))
        return DerivedStep(
            step.id, "gradient", Said("gradient", n=self.names.name(bias)),
            Said("gradient_shared_why"), (Equation(Quantity(step.id), (total,)),), step.id,
            step.target.type, (f"dJ/d{weight}",), covers=(bias,),
        )  # fmt: skip

    # -- update -----------------------------------------------------------------------------------
    def _update(self, step: Step) -> Iterator[DerivedStep]:
        parameter = step.target.name
        if self.names.column(parameter) and not self.names.shared(self.names.biases[parameter]):
            expr = step.terms[0].expr
            node = _with_column(self.writing.whole(expr), parameter)
            yield DerivedStep(
                step.id, "update", Said("update", n=self.names.glyph(parameter + FULL).text()),
                Said("update_why"),
                (Equation(Quantity(parameter + FULL), (node,), (), "←"),), parameter + FULL,
                replace(step.target.type,
                        shape=(step.target.shape[0], step.target.shape[1] + 1)),
                (f"dJ/d{parameter}",),
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


def _forward_words(expr: Expr, plan: Plan) -> str:
    """Which sentence fits a forward step: told by the shape of its expression."""
    nodes = list(walk(expr))
    parameters = set(plan.graph.parameters)
    if any(isinstance(node, OneHot) for node in nodes):
        return "looked_up"
    match expr:
        case Add((MatMul(), Sym())):
            return "weighted"
        case MatMul():
            return "weighted_plain"
        case Apply():
            return "activated"
        case Concat():
            return "stacked"
        case Add(terms) if all(
            isinstance(term, Sym) and term.name not in parameters for term in terms
        ):
            return "joined"
        case Hadamard():
            return "scaled"
    return "computed"


def _wire_words(expr: Expr) -> str:
    """Which sentence fits what comes back over one wire: told by the shape of its term."""
    match expr:
        case MatMul(Transpose(Sym())):
            return "arrives_why"
        case Sym():
            return "arrives_unchanged_why"
        case Slice():
            return "arrives_part_why"
        case Hadamard(Sym(), Apply(form="derivative")):
            return "arrives_unchanged_why" if _slope_is_one(expr) else "arrives_slope_why"
        case Hadamard(Sym(), Sym()):
            return "arrives_factor_why"
    return "arrives_coupled_why"


def _slope_is_one(expr: Expr) -> bool:
    """Whether the last factor is the derivative of the identity."""
    match expr:
        case Hadamard(_, Apply(Function() as row, args, attrs, "derivative")):
            return row.slope(args[0], dict(attrs)) == Num(1.0)
    return False


def _places(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield all entries of a shape, from 1, the last index fastest."""
    if not shape:
        yield ()
        return
    for first in range(1, shape[0] + 1):
        for rest in _places(shape[1:]):
            yield (first, *rest)


def _transposed(expr: Expr) -> Expr:
    """(…)ᵀ pushed inward: sums, products with numbers, and outer products."""
    match expr:
        case Add(terms):
            return Add(tuple(_transposed(term) for term in terms))
        case Sum(over, body):
            return Sum(over, _transposed(body))
        case Outer(left, right):
            return Outer(right, left)
        case Hadamard(left, right):
            return Hadamard(_transposed(left), _transposed(right))
    if not expr.shape:
        return expr
    if isinstance(expr, (Power, Apply)):
        raise TypeError(f"the transpose of {type(expr).__name__} is not written")
    return (
        -_transposed(expr.body) if hasattr(expr, "body") and not isinstance(expr, Sym) else expr.T
    )


def _one() -> Expr:
    """The constant input 1 as a vector of one entry, for stacking."""
    return Sym(CONSTANT, Type((1,)))


def _product_parts(expr: Expr) -> tuple[Expr, Expr]:
    assert isinstance(expr, Hadamard)
    return expr.left, expr.right


def _with_column(node: Node, weight: str) -> Node:
    full = {weight: weight + FULL, f"dJ/d{weight}": f"dJ/d{weight}{FULL}"}
    return rebuild(
        node,
        lambda n: replace(n, sym=full[n.sym]) if isinstance(n, Quantity) and n.sym in full else n,
    )
