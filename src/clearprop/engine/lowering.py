"""Lowering: from the plan's expression trees to the native program.

Matches the shapes of the plan's expressions (a product, a function's value, Δ ⊙ f′(z), a sum over
samples), never the names of nodes, so a new function, cost or optimizer needs no change here.
What the tables have no kernel for is refused by name, with the reference as the way out. Proved by
``tests/test_engine_lowering.py``: the program equals the plan on random graphs, fused or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from clearprop.backprop import SAMPLE_WEIGHT, Plan, Step, Term, target_name
from clearprop.engine.fusing import keep_slopes, work_in_place
from clearprop.engine.operands import Operands
from clearprop.engine.program import (
    Kind,
    Layout,
    Op,
    Parameter,
    Program,
    Slot,
    Use,
    UseKind,
)
from clearprop.expressions import (
    Add,
    Apply,
    Concat,
    Divide,
    Expr,
    Hadamard,
    MatMul,
    Neg,
    Num,
    OneHot,
    Outer,
    Slice,
    Sum,
    Sym,
    Transpose,
    Type,
)
from clearprop.graph import CostNode
from clearprop.operations import TABLE, Cost, Function

# Rows that mix the units of a sample have no scalar kernel; the engine has one of its own for each.
WHOLE_ROW = {"softmax": Op.SOFTMAX}
WHOLE_ROW_COSTS = {"cross_entropy": -1}


def lower(plan: Plan, *, fuse: bool = True) -> Program:
    """Write the program of a plan.

    Parameters
    ----------
    plan : Plan
    fuse : bool
        Start products from the bias instead of from a row of it, work in place where nothing
        else reads, and leave out copies. Changes no bits.

    Returns
    -------
    Program

    Raises
    ------
    NativeError
        If a row of the plan has no native kernel; it is named.

    Examples
    --------
    >>> from clearprop.backprop import plan
    >>> from clearprop.network import Network
    >>> program = lower(plan(Network([2, 3, 1], "tanh").graph))
    >>> [one.op.name for one in program.instructions][:3]
    ['PRODUCT', 'MAP', 'PRODUCT']
    """
    return _Lowering(plan, fuse).program()


class _Lowering(Operands):
    def program(self) -> Program:
        self._given()
        uses: dict[str, tuple[tuple[Use, ...], float]]
        uses = dict.fromkeys(self.graph.parameters, ((), 0.0))
        for name, (sym, rate) in self.plan.masks.items():
            number = list(self.plan.masks).index(name)
            self._emit(Op.MASK, self._slot(sym), function=number, attr=self._settings([rate]))
        needed = self._needed()
        for step in self.plan.steps:
            self.step = step
            if step.kind == "gradient":
                uses[self._parameter_of(step)] = self._gradient(step)
            elif step.kind == "cost" and step.target.type.sample:
                self._cost(step)
            elif step.kind in ("forward", "arrive", "adjoint") and step.target.name in needed:
                self._assign(step)
        self.step = None
        if self.fuse:
            self._work_in_place(use for found, _ in uses.values() for use in found)
        return Program(
            tuple(self.instructions),
            tuple(self.slots),
            tuple(self._parameters(uses)),
            tuple(self.attrs),
            tuple(self.constants),
            self.members,
            self.graph.size,
            {name: self.named[name] for name in self.graph.outputs},
            tuple(given.key for given in self.graph.inputs),
            tuple(target_name(self.graph, cost) for cost in self.graph.costs),
            {name: f"dJ/d{name}" for name in self.graph.parameters},
        )

    # -- operands ---------------------------------------------------------------------------------
    def _operand(self, expr: Expr) -> int:
        """Return the slot of an expression's value, computing it first if need be."""
        match expr:
            case Sym():
                return self._slot(expr)
            case Num(value):
                place = self.constants.setdefault(value, len(self.constants))
                name = f"constant {value!r}"
                return self.named.get(name, -1) if name in self.named else self._new(
                    Slot(Kind.CONSTANT, 1, 1, place, name)
                )  # fmt: skip
            case _ if expr in self.known:
                return self.known[expr]
        of = expr.type
        slot = self._new(self._value(of if of.sample else replace(of, sample=True)))
        self._into(slot, expr, False)
        if isinstance(expr, Apply):
            self.known[expr] = slot
        return slot

    # -- steps ------------------------------------------------------------------------------------
    def _needed(self) -> set[str]:
        """Names of the values that outputs, costs and gradients lead back to: not ∂J/∂X."""
        needed = {name for name in self.graph.values if self.plan.graph.maker(name)}
        for step in reversed(self.plan.steps):
            keeps = step.kind in ("forward", "cost", "gradient") or step.target.name in needed
            if keeps and step.kind not in ("update", "penalty"):
                needed |= {sym.name for sym in step.reads}
        return needed

    def _assign(self, step: Step) -> None:
        out = self._slot(step.target)
        for number, term in enumerate(step.terms):
            self._term(out, step, term, number > 0)
        match step.expr:
            case Apply():
                self.known[step.expr] = out

    def _term(self, out: int, step: Step, term: Term, accumulate: bool) -> None:
        cost = self._slope_of(term) if term.via == "cost" else None
        if cost is None:
            return self._into(out, term.expr, accumulate)
        x, y = self._compared(cost, linked=cost.row.link != "identity")
        target = self.named[target_name(self.graph, cost)]
        number = self._cost_number(cost.row)
        self._emit(
            Op.COST_VJP, out, a=x, b=y, c=target, function=number, accumulate=accumulate,
            attr=self._settings(cost.attrs[attr.name] for attr in cost.row.attrs),
        )  # fmt: skip
        return None

    def _slope_of(self, term: Term) -> CostNode | None:
        """Return the cost whose own slope the term is, so that its kernel stands for it."""
        match term.expr:
            case Hadamard(share, slope) if self._is_share(share):
                pass
            case _:
                return None
        for cost in self.graph.costs:
            out = Sym(cost.value, self.graph.values[cost.value].type)
            y = Sym(target_name(self.graph, cost), Type(out.shape, sample=True))
            row = cost.row
            own = row.linked_slope or (row.slope if row.link == "identity" else None)
            if own is not None and own(out, y, cost.attrs) == slope:
                return cost
        return None

    def _is_share(self, expr: Expr) -> bool:
        match expr:
            case Divide(numerator, Num()):
                return numerator == SAMPLE_WEIGHT
        return expr == SAMPLE_WEIGHT

    def _compared(self, cost: CostNode, linked: bool) -> tuple[int, int]:
        """Return the slots of a cost's x (z where it is linked, else a) and y (a)."""
        maker = self.graph.maker(cost.value)
        y = self.named[cost.value]
        return (self.named[maker.inputs[0]] if linked and maker else y), y

    def _cost_number(self, row: Cost) -> int:
        number = WHOLE_ROW_COSTS.get(row.name, self.costs.get(row.name))
        if number is None:
            raise self._refusal(f"the cost {row.name}")
        return number

    def _cost(self, step: Step) -> None:
        match step.expr:
            case Apply(Cost() as row, (Sym() as x, Sym() as target), attrs, form):
                cost = next(
                    c for c in self.graph.costs if target_name(self.graph, c) == target.name
                )
                if row.link != "identity" and form != "linked":
                    raise self._refusal(f"the cost {row.name} apart from its link {row.link}")
                settings = dict(attrs)
                first = all(one.op != Op.COST for one in self.instructions)
                self._emit(
                    Op.COST, self._slot(x), a=self._slot(x), b=self.named[cost.value],
                    c=self.named[target.name], function=self._cost_number(row),
                    accumulate=not first,
                    attr=self._settings(settings[attr.name] for attr in row.attrs),
                )  # fmt: skip
            case _:
                raise self._refusal("a cost that was rewritten")

    # -- expressions ------------------------------------------------------------------------------
    def _into(self, out: int, expr: Expr, accumulate: bool) -> None:
        """Emit out := expr, or out += expr."""
        match expr:
            case Add((MatMul(Sym() as W, a), Sym() as b)) if not (W.type.sample or b.type.sample):
                self._product(out, W, a, b, accumulate)
            case MatMul(Transpose(Sym() as E), OneHot(Sym() as index)) if not accumulate:
                self._layout(E.name, Layout.ROWS)
                self._emit(Op.GATHER, out, a=self._slot(index), b=self._slot(E))
            case MatMul(Transpose(Sym() as W), delta) if not W.type.sample:
                self._layout(W.name, Layout.PANELS)
                self._emit(
                    Op.BACK_PRODUCT, out, a=self._operand(delta), b=self._slot(W),
                    accumulate=accumulate,
                )  # fmt: skip
            case MatMul(Sym() as W, a) if not W.type.sample:
                self._product(out, W, a, None, accumulate)
            case Apply():
                self._apply(out, expr, accumulate)
            case Hadamard(dy, Apply(Function() as row, (x,), attrs, "derivative")):
                self._vjp(out, row, x, dict(attrs), dy, accumulate)
            case Hadamard(Sym() as a, Add((Delta, Neg(MatMul(Transpose(left), right))))) if (
                left == a and right == Delta
            ):  # a ⊙ (Δ − aᵀ Δ): the Jacobian product of softmax
                self._emit(
                    Op.SOFTMAX_VJP, out, a=self._slot(a), b=self._operand(Delta),
                    accumulate=accumulate,
                )  # fmt: skip
            case Sum(("member",), body):
                self._emit(Op.SUM_MEMBERS, out, a=self._operand(body), accumulate=accumulate)
            case Slice(body, start, _):
                self._emit(
                    Op.COPY, out, a=self._operand(body), start_a=start, accumulate=accumulate
                )
            case Concat(parts):
                place = 0
                for part in parts:
                    self._emit(
                        Op.COPY, out, a=self._operand(part), start_out=place,
                        width=part.shape[0], accumulate=accumulate,
                    )  # fmt: skip
                    place += part.shape[0]
            case Sym() | Num():
                self._copy(out, self._operand(expr), accumulate)
            case _:
                self._arithmetic(out, expr, accumulate)

    def _arithmetic(self, out: int, expr: Expr, accumulate: bool) -> None:
        match expr:
            case Add((left, Neg(right))):
                op = Op.SUBTRACT
            case Add((left, right)):
                op = Op.ADD
            case Add((first, *rest)):
                for number, term in enumerate((first, *rest)):
                    self._into(out, term, accumulate or number > 0)
                return
            case Neg(right):
                left, op = Num(0.0), Op.SUBTRACT
            case Hadamard(left, right):
                op = Op.MULTIPLY
            case Divide(left, right):
                op = Op.DIVIDE
            case _:
                raise self._refusal(f"{type(expr).__name__}")
        a, b = self._operand(left), self._operand(right)
        self._emit(op, out, a=a, b=b, accumulate=accumulate)

    def _product(self, out: int, W: Sym, a: Expr, b: Sym | None, accumulate: bool) -> None:
        self._layout(W.name, Layout.PANELS)
        self.transposed.add(W.name)
        bias = -1
        if b is not None:
            self._layout(b.name, Layout.ROWS if b.shape else Layout.SPREAD)
            bias = self._slot(b)
            width = self.slots[out].width
            self.widths[b.name] = max(width, self.widths.get(b.name, 0))
        if bias >= 0 and (accumulate or not self.fuse):  # the chain starts from the bias either way
            self._copy(out, bias, accumulate)
            bias, accumulate = -1, True
        self._emit(
            Op.PRODUCT, out, a=self._operand(a), b=self._slot(W), c=bias, accumulate=accumulate
        )

    def _apply(self, out: int, expr: Apply, accumulate: bool) -> None:
        row, attrs = expr.function, dict(expr.attrs)
        if isinstance(row, Function) and expr.form == "derivative":
            return self._vjp(out, row, expr.args[0], attrs, None, accumulate)
        if isinstance(row, Function) and row.name in self.functions:
            return self._emit(
                Op.MAP, out, a=self._operand(expr.args[0]), function=self.functions[row.name],
                attr=self._settings(attrs[attr.name] for attr in row.attrs), accumulate=accumulate,
            )  # fmt: skip
        if row.name in WHOLE_ROW and not accumulate:
            return self._emit(WHOLE_ROW[row.name], out, a=self._operand(expr.args[0]))
        raise self._refusal(f"the function {row.name}")

    def _vjp(
        self, out: int, row: Function, x: Expr, attrs: dict[str, Any], dy: Expr | None,
        accumulate: bool,
    ) -> None:  # fmt: skip
        if row.name not in self.functions:
            raise self._refusal(f"the derivative of {row.name}")
        reads = {name for name in ("x", "y") if re.search(rf"\b{name}\b", row.kernel_vjp or "")}
        value = Apply(row, (x,), tuple(sorted(attrs.items())))
        passed = -1 if dy is None else self._operand(dy)
        y_slot = self._operand(value) if "y" in reads else -1
        x_slot = self._operand(x) if "x" in reads or (y_slot < 0 and passed < 0) else -1
        some = max(x_slot, y_slot, passed)  # what the kernel does not read is any of the others
        self._emit(
            Op.MAP_VJP, out, a=x_slot if x_slot >= 0 else y_slot if y_slot >= 0 else some,
            b=y_slot if y_slot >= 0 else x_slot if x_slot >= 0 else some, c=passed,
            function=self.functions[row.name],
            attr=self._settings(attrs[attr.name] for attr in row.attrs), accumulate=accumulate,
        )  # fmt: skip

    def _copy(self, out: int, source: int, accumulate: bool) -> None:
        """Emit out := source for whole rows, as the function that returns its argument."""
        self._emit(
            Op.MAP, out, a=source, function=self.functions["identity"], accumulate=accumulate
        )

    # -- gradients --------------------------------------------------------------------------------
    def _parameter_of(self, step: Step) -> str:
        return step.target.name.removeprefix("dJ/d")

    def _gradient(self, step: Step) -> tuple[tuple[Use, ...], float]:
        """Return a parameter's uses and its λ."""
        uses: list[Use] = []
        penalty = 0.0
        name = self._parameter_of(step)
        for term in step.terms:
            match term.expr:
                case Sum(over, body) if "sample" in over:
                    uses.append(self._use(name, body, self.members if "member" in over else 1))
                case Hadamard(Num(factor), Sym(named)) if named == name:
                    penalty += factor
                case _:
                    raise self._refusal("a gradient that is no sum over samples")
        return tuple(uses), penalty

    def _use(self, name: str, body: Expr, members: int) -> Use:
        match body:
            case Outer(OneHot(Sym() as index), delta):
                self._layout(name, Layout.ROWS)
                return Use(UseKind.SCATTER, self._operand(delta), self._slot(index), members)
            case Outer(delta, a):
                self._layout(name, Layout.PANELS)
                return Use(UseKind.OUTER, self._operand(delta), self._operand(a), members)
            case Sum(("unit",), delta):
                self._layout(name, Layout.SPREAD)
                return Use(UseKind.SHARED_COLUMNS, self._operand(delta), 0, members)
            case _:
                self._layout(name, Layout.ROWS)
                return Use(UseKind.COLUMNS, self._operand(body), 0, members)

    def _layout(self, name: str, layout: Layout) -> None:
        if self.layouts.setdefault(name, layout) != layout:
            raise self._refusal(f"the parameter {name} as two kinds of operand")

    def _parameters(self, uses: dict[str, tuple[tuple[Use, ...], float]]) -> Iterable[Parameter]:
        for name, place in self.graph.sections():
            found = self.graph.parameters[name]
            shape = found.spec.type.shape
            rows, columns = shape if len(shape) == 2 else (1, shape[0] if shape else 1)
            default = Layout.PANELS if len(shape) == 2 else Layout.ROWS
            layout = self.layouts.get(name, default)
            yield Parameter(
                name,
                layout,
                rows,
                columns,
                self.members if found.spec.type.member else 1,
                place.start,
                *uses[name],
                found.spec.lr_factor,
                found.spec.decay_factor,
                name in self.transposed,
                self.widths.get(name, columns),
            )

    def _work_in_place(self, uses: Iterable[Use]) -> None:
        kept = {self.named[name] for name in self.graph.outputs}
        kept |= {slot for use in uses for slot in (use.delta, use.a)}
        found, renamed = work_in_place(
            self.instructions, self.slots, kept, self.functions["identity"]
        )
        self.named = {name: renamed(slot) for name, slot in self.named.items()}
        kept = {renamed(slot) for slot in kept}
        self.instructions = keep_slopes(found, self.slots, kept, self._sloped())

    def _sloped(self) -> set[int]:
        """Numbers of the functions whose slope is worth keeping: it is dear, and Δ times it."""
        rows = {number: TABLE.row(name) for name, number in self.functions.items()}
        return {
            number
            for number, row in rows.items()
            if isinstance(row, Function) and row.saves == "x" and not row.attrs
            and _times_delta(row.kernel_vjp or "")
        }  # fmt: skip


def _times_delta(vjp: str) -> bool:
    """Tell whether a kernel is ``dy * (…)``, the bracket to its end, so that Δ comes in last."""
    if not vjp.startswith("dy * (") or not vjp.endswith(")"):
        return False
    inner, depth = vjp.removeprefix("dy * (")[:-1], 0
    for letter in inner:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            return False
    return depth == 0
