"""One weight alone: every factor and every path of its chain rule, and their sum.

Two arrangements. `_chain` goes factor by factor, as S3 does, for a network of two layers of
weights; on S3's own network its equations are S3's (1) to (35). `_cone` serves every graph: the
entries of the plan's steps that the one derivative needs, each written once, then all paths
multiplied out. Proved by ``tests/test_derivation_weight.py``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

from clearprop.backprop import Plan
from clearprop.derivation.equations import DerivedStep, Equation
from clearprop.derivation.errata import printed_wrongly
from clearprop.derivation.messages import Said
from clearprop.derivation.names import FULL, Names
from clearprop.derivation.steps import Author
from clearprop.derivation.tree import (
    Call,
    Index,
    Minus,
    Node,
    Number,
    Plus,
    Quantity,
    Ratio,
    Times,
    plus,
    rebuild,
    times,
    walk,
)
from clearprop.errors import SettingError
from clearprop.expressions import Apply, Expr, Sym, substitute
from clearprop.graph import Graph
from clearprop.operations import Function

EQUATIONS = 400
"""The most equations that one weight may need."""
PATHS = 24
"""The most paths that are multiplied out."""


def write_weight(
    plan: Plan, fused: Plan, names: Names, samples: int | None, sym: str, index: tuple[int, ...]
) -> tuple[DerivedStep, ...]:
    """Write the derivation of one parameter's entry.

    Parameters
    ----------
    plan, fused : Plan
        As for `write_steps`.
    names : Names
    samples : int or None
    sym : str
        The parameter.
    index : tuple of int
        Its entry, from 0.

    Raises
    ------
    SettingError
        If the symbol is no parameter, or the derivative needs too many equations.
    """
    if sym not in plan.graph.parameters:
        raise SettingError(
            f"{names.name(sym)} is no parameter; derive one of "
            + ", ".join(names.name(one) for one in plan.graph.parameters)
        )
    rank = len(plan.graph.parameters[sym].spec.type.shape)
    if len(index) != rank:
        first = names.name(sym, (0,) * rank)
        raise SettingError(f"{names.name(sym)} has many entries; name one of them, such as {first}")
    place = tuple(i + 1 for i in index)
    author = Author(plan, fused, names, samples)
    author.writing.expand = True
    chained = names.notation.arrangement == "chain-rule" and samples == 1
    if chained and sym.startswith("W") and _two_layers(plan.graph):
        steps = list(_Chain(author, sym, place).write())
    else:
        steps = list(_Cone(author, sym, place).write())
    numbered = []
    for number, step in enumerate(steps, 1):
        numbered.append(replace(step, number=number))
    known = {step.id for step in numbered}
    return tuple(replace(s, uses=tuple(u for u in s.uses if u in known)) for s in numbered)


def cone(
    plan: Plan, fused: Plan, names: Names, samples: int | None, sym: str, index: tuple[int, ...]
) -> dict[tuple[str, tuple[int, ...]], Equation]:
    """Return every entry that one derivative needs, forward and back, with its equation."""
    author = Author(plan, fused, names, samples)
    author.writing.expand = True
    found = _Cone(author, sym, tuple(i + 1 for i in index))
    found.need()
    return found.found


def forward_entries(
    plan: Plan, fused: Plan, names: Names
) -> dict[tuple[str, tuple[int, ...]], Equation]:
    """Return the cost J of one sample and every entry it reads, each with its equation.

    Raises
    ------
    SettingError
        If these are too many.
    """
    author = Author(plan, fused, names, 1)
    author.writing.expand = True
    found = _Cone(author, "J", ())
    found.need(("J", ()))
    return found.found


def _two_layers(graph: Graph) -> bool:
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


class _Chain:
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
        self.count = 0

    def _is_source(self) -> bool:
        """Whether this is S3's own network, so that its printed mistakes can be marked."""
        graph, names = self.plan.graph, self.author.names
        sizes = [graph.values[v].type.shape for v in (self.x, self.a, self.o)]
        return (
            sizes == [(2,), (3,), (2,)]
            and names.notation.name == "scalar"
            and all(names.shared(b) for b in names.biases.values())
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
        self.count += 1
        marked = printed_wrongly("S3", str(self.count)) if self.own else ()
        return DerivedStep(
            id, kind, title, why, (Equation(left, members, (), relation),), _about(left),
            uses=uses, marked=marked,
        )  # fmt: skip

    def text(self, node: Node) -> str:
        return self.author.label(node)

    # -- the order of S3 --------------------------------------------------------------------------
    def write(self) -> Iterator[DerivedStep]:
        """Yield S3's equations in their order."""
        E = Quantity("J")
        yield self.step("J:letters", Said("sample_cost"), Said("sample_cost_why"), E,
                        self.letters(), kind="cost")  # fmt: skip
        for step in self.author.definitions():
            for equation in step.equations:
                self.count += 1
                marked = printed_wrongly("S3", str(self.count)) if self.own else ()
                id = f"{step.id}:{self.text(equation.left)}"
                yield replace(step, id=id, equations=(equation,), marked=marked)
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
                yield self.step(
                    self.id(left), Said(key, n=names.layer_text("z", value[1:])),
                    Said(f"{key}_why"), left, *members, kind="forward", uses=tuple(sorted(used)),
                )  # fmt: skip

    def _factor(self, id: str, left: Node, *members: Node) -> DerivedStep:
        return self.step(id, Said("factor", n=self.text(left)), Said("factor_why"), left, *members)

    def _output_weight(self) -> Iterator[DerivedStep]:
        k, j = self.k, self.j
        w, q, o = self.v(self.last, k, j), self.v(self.q, k), self.v(self.o, k)
        gradient = self.v(f"dJ/d{self.last}", k, j)
        at_o, o_q, q_w = self.back(self.o, k), Ratio(o, q), Ratio(q, w)
        ids = [self.id(gradient), self.id(at_o), self.id(o_q), self.id(q_w)]
        yield self.step(ids[0], Said("chain", n=self.text(w)), Said("chain_why"), gradient,
                        self.product(at_o, o_q, q_w))  # fmt: skip
        slope, slopes = self.cost_slope(k), self.slopes(self.o, k)
        yield self._factor(ids[1], at_o, slope)
        yield self._factor(ids[2], o_q, *slopes)
        yield self._factor(ids[3], q_w, self.v(self.a, j))
        whole = self.product(self.v(self.a, j), slope, slopes[-1])
        rate = Quantity("learning_rate")
        yield self.step(
            f"{self.id(w)}:=", Said("update", n=self.text(w)), Said("update_why"), w,
            plus(w, Minus(Times((rate, gradient)))), plus(w, Minus(Times((rate, whole)))),
            relation="←", uses=tuple(ids),
        )  # fmt: skip

    def _hidden_weight(self) -> Iterator[DerivedStep]:
        v, p, h = self.v(self.first, self.j, self.i), self.v(self.a, self.j), self.v(self.z, self.j)
        gradient, at_p, p_v = self.v(f"dJ/d{self.first}", self.j, self.i), self.back(
            self.a, self.j), Ratio(p, v)  # fmt: skip
        name, chain = self.text(v), self.product(at_p, p_v)
        parts = [Quantity(f"part:{k}") for k in self.outputs]
        shares = [Ratio(part, p) for part in parts]
        yield self.step(
            self.id(gradient), Said("chain", n=name), Said("chain_why"), gradient, chain
        )
        split = f"{self.id(gradient)}:split"
        yield self.step(split, Said("split", count=len(parts)), Said("split_why", n=self.text(p)),
                        gradient, chain, self.product(plus(*shares), p_v))  # fmt: skip
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
                        plus(v, Minus(Times((rate, gradient)))), relation="←")  # fmt: skip
        put = (split, *(f"{self.id(share)}:in" for share in shares), f"{self.id(p_v)}:in")
        yield self.step(f"{self.id(gradient)}:in", Said("insert", n=self.text(gradient)),
                        Said("insert_why"), gradient, Times((Plus(tuple(whole)), inner)),
                        uses=put)  # fmt: skip

    def _share(self, k: int, part: Quantity, share: Ratio) -> Generator[DerivedStep, None, Node]:
        """What reaches the hidden unit from output k; returns it multiplied out."""
        o, q, p = self.v(self.o, k), self.v(self.q, k), self.v(self.a, self.j)
        factors = (Ratio(part, o), Ratio(o, q), Ratio(q, p))
        ids = tuple(f"{self.id(factor)}:{k}" for factor in factors)
        yield self.step(self.id(share), Said("chain", n=self.text(share)), Said("chain_why"), share,
                        self.product(*factors), uses=ids)  # fmt: skip
        slope, slopes = self.cost_slope(k), self.slopes(self.o, k)
        w = self.v(self.last, k, self.j)
        yield self._factor(ids[0], factors[0], slope)
        yield self._factor(ids[1], factors[1], *slopes)
        yield self._factor(ids[2], factors[2], w)
        whole = self.product(w, slope, slopes[-1])
        yield self.step(f"{self.id(share)}:in", Said("insert", n=self.text(share)),
                        Said("insert_why"), share, whole, uses=(self.id(share), *ids))  # fmt: skip
        return whole

    def _inner(
        self, v: Quantity, p: Quantity, h: Quantity, p_v: Ratio
    ) -> Generator[DerivedStep, None, Node]:
        p_h, h_v = Ratio(p, h), Ratio(h, v)
        yield self.step(self.id(p_v), Said("chain", n=self.text(p_v)), Said("chain_why"), p_v,
                        self.product(p_h, h_v))  # fmt: skip
        slopes, x = self.slopes(self.a, self.j), self.v(self.x, self.i)
        yield self._factor(self.id(p_h), p_h, *slopes)
        yield self._factor(self.id(h_v), h_v, x)
        whole = self.product(x, slopes[-1])
        yield self.step(f"{self.id(p_v)}:in", Said("insert", n=self.text(p_v)), Said("insert_why"),
                        p_v, whole, uses=(self.id(p_v), self.id(p_h), self.id(h_v)))  # fmt: skip
        return whole


class _Cone:
    """The entries that one derivative needs, for any graph, and its paths."""

    def __init__(self, author: Author, sym: str, place: tuple[int, ...]) -> None:
        self.author, self.plan, self.sym, self.place = author, author.plan, sym, place
        self.names = author.names
        self.found: dict[tuple[str, tuple[int, ...]], Equation] = {}

    def write(self) -> Iterator[DerivedStep]:
        """Yield the forward steps it needs, then the backward ones, then its paths."""
        target = (f"dJ/d{self.sym}", self.place)
        self.need()
        yield from self.author.definitions()
        for step in self.author.whole_steps():
            target_sym = step.target.removesuffix(FULL)
            places = [place for name, place in self.found if name == target_sym]
            if not places or step.id.endswith(":link"):
                continue
            equations = tuple(self.found[target_sym, place] for place in sorted(places))
            kind = "weight" if target_sym == target[0] else step.kind
            yield replace(step, equations=equations, kind=kind)
        products = self._paths(self.found[target].members[-1])
        left = self.found[target].left
        if products is not None and len(products) > 0:
            yield DerivedStep(
                f"{target[0]}:paths", "weight",
                Said("paths", n=self.names.name(self.sym, tuple(p - 1 for p in self.place)),
                     count=len(products)),
                Said("paths_why"), (Equation(left, (plus(*products),)),), target[0],
            )  # fmt: skip

    def need(self, start: tuple[str, tuple[int, ...]] | None = None) -> None:
        """Write the derivative's entry and all entries it reads, back to what is given."""
        stack = [start or (f"dJ/d{self.sym}", self.place)]
        while stack and len(self.found) <= EQUATIONS:
            name, place = stack.pop()
            if (name, place) in self.found:
                continue
            expr = self.author.expression(name)
            if expr is None:
                continue
            target = self.author.target(name)
            equation = self.author.entry_equation(target, expr, place)
            self.found[name, place] = equation
            for read in dict.fromkeys(self._read(equation.members[-1])):
                if self.author.expression(read[0]) is not None:
                    stack.append(read)
            if len(self.found) + len(set(stack) - set(self.found)) > EQUATIONS:
                break
        if stack:
            raise SettingError(
                f"{self.names.name(self.sym)} needs more than {EQUATIONS} equations written out; "
                "derive the network without a weight, or a weight of a smaller network"
            )

    def _read(self, node: Node) -> Iterator[tuple[str, tuple[int, ...]]]:
        for one in walk(node):
            if isinstance(one, Quantity):
                places = self.names.ordered(one.sym, one.index)
                if len(places) == self.names.rank(one.sym):
                    yield one.sym, tuple(p for p in places if isinstance(p, int))
                else:  # a whole vector, such as the argument of a softmax
                    for unit in range(1, self.names.shapes.get(one.sym, (0,))[0] + 1):
                        yield one.sym, (unit,)

    def _paths(self, node: Node) -> list[Node] | None:
        """Multiply out: one product a path. None if there are too many."""
        match node:
            case Quantity(sym, index) if sym.startswith(("delta", "Delta")):
                key = (sym, tuple(p for p in index if isinstance(p, int)))
                return self._paths(self.found[key].members[-1]) if key in self.found else [node]
            case Plus(terms) if self._carries(node):
                total: list[Node] = []
                for term in terms:
                    more = self._paths(term) if self._carries(term) else [term]
                    if more is None or len(total) + len(more) > PATHS:
                        return None
                    total += more
                return total
            case Minus(body) if self._carries(body):
                inner = self._paths(body)
                return None if inner is None else [times(Number(-1.0), one) for one in inner]
            case Times(factors) if self._carries(node):
                products: list[Node] = [Number(1.0)]
                for factor in factors:
                    more = self._paths(factor) if self._carries(factor) else [factor]
                    if more is None or len(products) * len(more) > PATHS:
                        return None
                    products = [times(a, b) for a in products for b in more]
                return products
        return [node]

    def _carries(self, node: Node) -> bool:
        return any(
            isinstance(n, Quantity) and n.sym.startswith(("delta", "Delta")) for n in walk(node)
        )
