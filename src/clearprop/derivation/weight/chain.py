"""One weight's chain rule factor by factor, in the order of S3.

For a network of two layers of weights; on S3's own network its equations are S3's (1) to (35).
Proved by ``tests/test_derivation_weight.py``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

from clearprop.derivation.steps.author import Author
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees.tree import (
    Call,
    Index,
    Minus,
    Node,
    Plus,
    Quantity,
    Ratio,
    Times,
    plus,
    rebuild,
    times,
    walk,
)
from clearprop.derivation.weight.misprints import with_marks
from clearprop.derivation.wording.said import Said
from clearprop.expressions import Apply, Expr, Sym, substitute
from clearprop.graph import Graph
from clearprop.operations import Function

__all__ = ["Chain", "two_layers"]


def two_layers(graph: Graph) -> bool:
    """Whether the network is S3's kind: two layers of weights, functions unit by unit, one cost."""
    shape = [bool(node.params) for node in graph.nodes]
    functions = all(isinstance(node.row, Function) for node in graph.nodes if not node.params)
    chain = all(len(node.inputs) == 1 for node in graph.nodes)
    weights = [name for name in graph.parameters if name.startswith("W")]
    return (
        shape == [True, False, True, False]
        and functions and chain and len(weights) == 2
        and len(graph.costs) == 1 and not graph.l2 and not graph.members
    )  # fmt: skip


def _about(left: Node) -> str:
    """The quantity an equation is about: of ∂P1/∂H1 it is P1, where the derivative is taken."""
    match left:
        case Quantity(sym) if sym.startswith("part:"):
            return "J"
        case Quantity(sym):
            return sym
        case Ratio(Quantity(sym)) if not sym.startswith("part:"):
            return sym
        case Ratio(_, Quantity(sym)):
            return sym
    return ""


FEW = 5
"""Terms of a sum that is put in for its name."""


class Chain:
    """Factor by factor, in the order of S3."""

    def __init__(self, author: Author, sym: str, place: tuple[int, ...]) -> None:
        self.author, self.writing, self.plan = author, author.writing, author.plan
        graph = self.plan.graph
        self.first, self.last = (n for n in graph.parameters if n.startswith("W"))
        self.x = graph.inputs[0].value
        self.z, self.a, self.q, self.o = (node.output for node in graph.nodes)
        self.sym = sym
        self.j, self.i = place if sym == self.first else (place[1], 0)
        self.k = place[0] if sym == self.last else 1
        self.outputs = range(1, graph.values[self.o].type.shape[0] + 1)
        self.own = self._is_source()

    def _is_source(self) -> bool:
        """Whether this is S3's own network, so that its printed mistakes can be marked."""
        graph, names = self.plan.graph, self.author.names
        sizes = [graph.values[v].type.shape for v in (self.x, self.a, self.o)]
        functions = [node.op for node in graph.nodes if not node.params]
        biases = list(names.biases.values())
        return (
            sizes == [(2,), (3,), (2,)]
            and names.notation.name == "scalar"
            and functions == ["sigmoid", "sigmoid"]
            and len(biases) == 2
            and all(map(names.shared, biases))
            and graph.costs[0].op == "squared_error"
            and (self.sym, self.j, self.i) == (self.first, 1, 1)
        )

    # -- pieces -----------------------------------------------------------------------------------
    def v(self, sym: str, *place: int) -> Quantity:
        return Quantity(sym, self.author.names.ordered(sym, place))

    def back(self, sym: str, *place: int) -> Quantity:
        """∂E/∂sym: one of the plan's own adjoints."""
        return self.v(("delta" if sym.startswith("z") else "Delta") + sym[1:], *place)

    def entry(self, expr: Expr, *place: Index) -> Node:
        return self.writing.entry(expr, place)

    def forward(self, value: str, place: int) -> Node:
        return self.entry(self.plan.step(value).terms[0].expr, place)

    def slopes(self, value: str, place: int) -> tuple[Node, ...]:
        """f′ at a unit: folded into f where the row's slope is made of it, spelt out, by values."""
        apply = self.plan.step(value).terms[0].expr
        assert isinstance(apply, Apply)
        row, attrs, (z,) = apply.function, dict(apply.attrs), apply.args
        assert isinstance(row, Function)
        slope = row.slope(z, attrs)
        folded = substitute(slope, {row.definition(z, attrs): apply})
        spelt = self.entry(slope, place)
        if folded == slope:
            return (spelt,)
        written = self.entry(folded, place)
        out = self.v(value, place)
        by_value = rebuild(written, lambda n: out if isinstance(n, Call) and not n.prime else n)
        return (written, spelt, by_value)

    def inserted(self, value: Quantity, by: Quantity) -> tuple[Node, ...]:
        """∂(W11 · P1 + W21 · P2 + b2)/∂P1: a sum put in for its name, where it has few terms."""
        place = value.index[0]
        assert isinstance(place, int)
        whole = self.forward(value.sym, place)
        few = isinstance(whole, Plus) and len(whole.terms) <= FEW
        return (Ratio(whole, by),) if few else ()

    def cost_slope(self, k: int) -> Node:
        cost = self.plan.graph.costs[0]
        out = Sym(self.o, self.plan.graph.values[self.o].type)
        y = Sym("y", out.type)
        return self.entry(cost.row.slope(out, y, dict(cost.attrs)), k)

    def cost(self) -> Expr:
        cost = self.plan.graph.costs[0]
        out = Sym(self.o, self.plan.graph.values[self.o].type)
        return cost.row.definition(out, Sym("y", out.type), dict(cost.attrs))

    def part(self, k: int) -> Node:
        """What output k contributes to the cost."""
        self.writing.only = k
        node = self.entry(self.cost())
        self.writing.only = 0
        return node

    def letters(self) -> Node:
        """The cost with a letter for the outputs."""
        self.writing.expand = False
        node = self.entry(self.cost())
        self.writing.expand = True
        return node

    def product(self, *factors: Node) -> Node:
        return times(*factors)

    def step(
        self,
        id: str,
        title: Said,
        why: Said,
        left: Node,
        *members: Node,
        relation: str = "=",
        kind: str = "weight",
        uses: tuple[str, ...] = (),
    ) -> DerivedStep:
        return DerivedStep(
            id, kind, title, why, (Equation(left, members, (), relation),), _about(left), uses=uses
        )

    def text(self, node: Node) -> str:
        return self.author.label(node)

    # -- the order of S3 --------------------------------------------------------------------------
    def write(self) -> Iterator[DerivedStep]:
        """Yield S3's equations in their order; on its own network, marked where it is wrong."""
        for step in self._steps():
            yield with_marks(step, self.v) if self.own else step

    def _steps(self) -> Iterator[DerivedStep]:
        E = Quantity("J")
        yield self.step("J:letters", Said("sample_cost"), Said("sample_cost_why"), E,
                        self.letters(), kind="cost")  # fmt: skip
        for step in self.author.definitions():
            for equation in step.equations:
                name = self.text(equation.left)
                title = Said("of_unit", title=step.title, n=name)
                yield replace(step, id=f"{step.id}:{name}", title=title, equations=(equation,))
        yield from self._forward()
        yield self.step("J", Said("total_cost"), Said("sample_cost_why"), E, self.letters(),
                        self.entry(self.cost()), kind="cost",
                        uses=tuple(self.id(self.v(self.o, k)) for k in self.outputs))  # fmt: skip
        yield from self._output_weight()
        if self.sym == self.first:
            yield from self._hidden_weight()

    def id(self, node: Node) -> str:
        """An id from what the equation defines."""
        return self.text(node)

    def _forward(self) -> Iterator[DerivedStep]:
        names = self.author.names
        for value, units in ((self.z, (self.j,)), (self.a, (self.j,)), (self.q, self.outputs),
                             (self.o, self.outputs)):  # fmt: skip
            key = "weighted" if value.startswith("z") else "activated"
            for unit in units:
                node = self.forward(value, unit)
                members = (
                    (node, node.meaning) if isinstance(node, Call) and node.meaning else (node,)
                )
                left = self.v(value, unit)
                used = {self.id(n) for n in walk(node) if isinstance(n, Quantity)}
                layer = Said(key, n=names.layer_text("z", value[1:]))
                yield self.step(
                    self.id(left), Said("of_unit", title=layer, n=self.text(left)),
                    Said(f"{key}_why"), left, *members, kind="forward", uses=tuple(sorted(used)),
                )  # fmt: skip

    def _factor(self, id: str, whole: Node, left: Node, *members: Node) -> DerivedStep:
        title = Said("factor", n=self.text(left), whole=self.text(whole))
        return self.step(id, title, Said("factor_why"), left, *members)

    def _output_weight(self) -> Iterator[DerivedStep]:
        k, j = self.k, self.j
        w, q, o = self.v(self.last, k, j), self.v(self.q, k), self.v(self.o, k)
        gradient = self.v(f"dJ/d{self.last}", k, j)
        at_o, o_q, q_w = self.back(self.o, k), Ratio(o, q), Ratio(q, w)
        ids = [self.id(gradient), self.id(at_o), self.id(o_q), self.id(q_w)]
        yield self.step(ids[0], Said("chain", n=self.text(w)), Said("chain_why"), gradient,
                        self.product(at_o, o_q, q_w), uses=tuple(ids[1:]))  # fmt: skip
        slope, slopes = self.cost_slope(k), self.slopes(self.o, k)
        yield self._factor(ids[1], gradient, at_o, slope)
        yield self._factor(ids[2], gradient, o_q, *slopes)
        yield from self._shortcut(k, ids[1:3])
        yield self._factor(ids[3], gradient, q_w, *self.inserted(q, w), self.v(self.a, j))
        whole = self.product(self.v(self.a, j), slope, slopes[-1])
        rate = Quantity("learning_rate")
        yield self.step(
            f"{self.id(w)}:=", Said("update", n=self.text(w)), Said("update_why"), w,
            plus(w, Minus(Times((rate, gradient)))), plus(w, Minus(Times((rate, whole)))),
            relation="←", uses=tuple(ids),
        )  # fmt: skip

    def _shortcut(self, k: int, uses: list[str]) -> Iterator[DerivedStep]:
        """Where cost and function pair, what both factors come to: O − Y."""
        short = self.author.fused.step("delta" + self.q[1:])
        if short.terms != self.plan.step(short.id).terms:
            yield self.step(
                f"{short.id}:link:{k}", Said("shortcut"), Said("shortcut_why"),
                self.back(self.q, k), self.entry(short.expr, k), uses=tuple(uses),
            )  # fmt: skip

    def _hidden_weight(self) -> Iterator[DerivedStep]:
        v, p, h = self.v(self.first, self.j, self.i), self.v(self.a, self.j), self.v(self.z, self.j)
        gradient, at_p, p_v = self.v(f"dJ/d{self.first}", self.j, self.i), self.back(
            self.a, self.j), Ratio(p, v)  # fmt: skip
        name, chain = self.text(v), self.product(at_p, p_v)
        parts = [Quantity("J")]
        shares: list[Quantity | Ratio] = [at_p]
        if several := len(self.outputs) > 1:
            parts = [Quantity(f"part:{k}") for k in self.outputs]
            shares = [Ratio(part, p) for part in parts]
        yield self.step(self.id(gradient), Said("chain", n=name), Said("chain_why"), gradient,
                        chain, uses=(*map(self.id, shares), self.id(p_v)))  # fmt: skip
        split = f"{self.id(gradient)}:split"
        if several:
            yield self.step(split, Said("split", count=len(parts)),
                            Said("split_why", n=self.text(p)), gradient, chain,
                            self.product(plus(*shares), p_v),
                            uses=(*map(self.id, shares), self.id(p_v)))  # fmt: skip
            for k, part in zip(self.outputs, parts, strict=True):
                yield self.step(
                    self.id(part), Said("part", n=k), Said("part_why", n=k), part, self.part(k)
                )
        whole: list[Node] = []
        for k, part, share in zip(self.outputs, parts, shares, strict=True):
            found = yield from self._share(k, part, share)
            whole.append(found)
        inner = yield from self._inner(v, p, h, p_v)
        rate = Quantity("learning_rate")
        yield self.step(f"{self.id(v)}:=", Said("update", n=name), Said("update_why"), v,
                        plus(v, Minus(Times((rate, gradient)))), relation="←",
                        uses=(f"{self.id(gradient)}:in",))  # fmt: skip
        put = (split, *(f"{self.id(share)}:in" for share in shares), f"{self.id(p_v)}:in")
        yield self.step(f"{self.id(gradient)}:in", Said("insert", n=self.text(gradient)),
                        Said("insert_why"), gradient, Times((Plus(tuple(whole)), inner)),
                        uses=put)  # fmt: skip

    def _share(
        self, k: int, part: Quantity, share: Ratio | Quantity
    ) -> Generator[DerivedStep, None, Node]:
        """What reaches the hidden unit from output k; returns it multiplied out."""
        o, q, p = self.v(self.o, k), self.v(self.q, k), self.v(self.a, self.j)
        at_o = self.back(self.o, k) if part.sym == "J" else Ratio(part, o)
        factors = (at_o, Ratio(o, q), Ratio(q, p))
        ids = tuple(f"{self.id(factor)}:{k}" for factor in factors)
        yield self.step(self.id(share), Said("chain", n=self.text(share)), Said("chain_why"), share,
                        self.product(*factors), uses=ids)  # fmt: skip
        slope, slopes = self.cost_slope(k), self.slopes(self.o, k)
        w = self.v(self.last, k, self.j)
        yield self._factor(ids[0], share, factors[0], slope)
        yield self._factor(ids[1], share, factors[1], *slopes)
        if k != self.k:
            yield from self._shortcut(k, [*ids[:2]])
        yield self._factor(ids[2], share, factors[2], *self.inserted(q, p), w)
        whole = self.product(w, slope, slopes[-1])
        yield self.step(f"{self.id(share)}:in", Said("insert", n=self.text(share)),
                        Said("insert_why"), share, whole, uses=(self.id(share), *ids))  # fmt: skip
        return whole

    def _inner(
        self, v: Quantity, p: Quantity, h: Quantity, p_v: Ratio
    ) -> Generator[DerivedStep, None, Node]:
        p_h, h_v = Ratio(p, h), Ratio(h, v)
        yield self.step(self.id(p_v), Said("chain", n=self.text(p_v)), Said("chain_why"), p_v,
                        self.product(p_h, h_v), uses=(self.id(p_h), self.id(h_v)))  # fmt: skip
        slopes, x = self.slopes(self.a, self.j), self.v(self.x, self.i)
        yield self._factor(self.id(p_h), p_v, p_h, *slopes)
        yield self._factor(self.id(h_v), p_v, h_v, *self.inserted(h, v), x)
        whole = self.product(x, slopes[-1])
        yield self.step(f"{self.id(p_v)}:in", Said("insert", n=self.text(p_v)), Said("insert_why"),
                        p_v, whole, uses=(self.id(p_v), self.id(p_h), self.id(h_v)))  # fmt: skip
        return whole
