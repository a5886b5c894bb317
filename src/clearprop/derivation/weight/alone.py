"""One weight alone: every factor and every path of its chain rule, and their sum.

Three arrangements. `clearprop.derivation.weight.chain` goes factor by factor, as S3 does, for a
network of two layers of weights. `_Cone` serves every graph: the entries of the plan's steps that
the one derivative needs, each written once, then all paths multiplied out. Where these are too many
for a page, `clearprop.derivation.weight.sums` writes layers with sums, for graphs of any size. Of
more paths than can be multiplied out, `clearprop.derivation.weight.largest` shows the largest.
Proved by ``tests/test_derivation_weight.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from clearprop.backprop import Plan
from clearprop.derivation.notations.names import FULL, Names
from clearprop.derivation.steps.author import Author
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees.tree import (
    Minus,
    Node,
    Number,
    Plus,
    Quantity,
    Times,
    Total,
    minus,
    plus,
    times,
    walk,
)
from clearprop.derivation.weight.chain import Chain, two_layers
from clearprop.derivation.weight.largest import SHOWN, Largest
from clearprop.derivation.weight.sums import InSums, Sums
from clearprop.derivation.wording.refusals import refusal
from clearprop.derivation.wording.said import Said
from clearprop.errors import SettingError
from clearprop.expressions import Expr, MatMul
from clearprop.expressions import walk as parts
from clearprop.words import did_you_mean

EQUATIONS = 400
"""The most equations that one weight is written out with, unit by unit."""
FACTORS = 2_000
"""… and the most quantities in these: some twenty screens. Past that, layers are sums."""
PATHS = 24
"""The most paths that are multiplied out."""


def write_weight(
    plan: Plan,
    fused: Plan,
    names: Names,
    samples: int | None,
    sym: str,
    index: tuple[int, ...],
    shown: int = SHOWN,
) -> tuple[tuple[DerivedStep, ...], Largest | None]:
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
    shown : int, at least 1
        Of more paths than are multiplied out, so many are shown.

    Returns
    -------
    steps : tuple of DerivedStep
        The structure.
    largest : Largest or None
        What writes the largest paths beside numbers; None where all of them stand in the steps.

    Raises
    ------
    SettingError
        If the symbol is no parameter, or no single number.
    """
    if sym not in plan.graph.parameters:
        hint = did_you_mean("", [names.name(one) for one in plan.graph.parameters])
        raise SettingError(refusal("no_parameter", name=names.name(sym), hint=hint))
    rank = len(plan.graph.parameters[sym].spec.type.shape)
    if len(index) != rank:
        first = names.name(sym, (0,) * rank)
        raise SettingError(refusal("many_entries", name=names.name(sym), first=first))
    place = tuple(i + 1 for i in index)
    author = Author(plan, fused, names, samples)
    author.writing.expand = True
    chained = names.notation.arrangement == "chain-rule" and samples == 1
    found = _Cone(author, sym, place)
    largest: Largest | None = None
    if not found.need():
        summed = InSums(plan, fused, names, samples)
        steps = list(Sums(summed, sym, place).write())
        largest = Largest(summed, sym, index, shown)
    elif chained and sym.startswith("W") and two_layers(plan.graph):
        steps = list(Chain(author, sym, place).write())
    else:
        steps = list(found.write())
        if found.products is None:
            largest = Largest(InSums(plan, fused, names, samples), sym, index, shown)
    if not any(step.kind == "update" or ":=" in step.id for step in steps):  # S3 has its own
        steps.append(_update(author, plan, sym, place))
    numbered = []
    for number, step in enumerate(steps, 1):
        numbered.append(replace(step, number=number))
    return tuple(_linked(numbered)), largest


def _update(author: Author, plan: Plan, sym: str, place: tuple[int, ...]) -> DerivedStep:
    """The step of gradient descent of one weight."""
    step = plan.step(f"{sym}:=")
    equation = author.entry_equation(step.target, step.terms[0].expr, place, (), "←")
    name = author.names.name(sym, tuple(one - 1 for one in place))
    return DerivedStep(
        step.id, "update", Said("update", n=name), Said("update_why"), (equation,), sym,
        uses=(f"dJ/d{sym}",),
    )  # fmt: skip


def _linked(steps: Sequence[DerivedStep]) -> Iterator[DerivedStep]:
    """The steps, each with the earlier ones it names, or whose results stand in it."""
    known = {step.id for step in steps}
    makers: dict[Node, str] = {}
    for step in steps:
        uses = tuple(use for use in step.uses if use in known)
        if not uses and step.kind != "definition":
            members = (member for one in step.equations for member in one.members)
            read = (node for member in members for node in walk(member))
            uses = tuple(dict.fromkeys(makers[node] for node in read if node in makers))
        yield replace(step, uses=uses)
        made = (one for one in step.equations if one.relation == "=")  # W11 is read before its step
        makers |= {one.left: step.id for one in made}


def cone(
    plan: Plan, names: Names, samples: int | None, sym: str, index: tuple[int, ...]
) -> dict[tuple[str, tuple[int, ...]], Equation]:
    """Return every entry that one derivative needs, forward and back, with its equation."""
    author = Author(plan, plan, names, samples)
    author.writing.expand = True
    found = _Cone(author, sym, tuple(i + 1 for i in index))
    if not found.need():
        raise SettingError(refusal("weight_large", name=names.name(sym, index), most=EQUATIONS))
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
    if not found.need(("J", ())):
        raise SettingError(refusal("weight_large", name=names.name("J"), most=EQUATIONS))
    return found.found


class _Cone:
    """The entries that one derivative needs, for any graph, and its paths."""

    def __init__(self, author: Author, sym: str, place: tuple[int, ...]) -> None:
        self.author, self.plan, self.sym, self.place = author, author.plan, sym, place
        self.names = author.names
        self.found: dict[tuple[str, tuple[int, ...]], Equation] = {}
        self.products: list[Node] | None = None

    def write(self) -> Iterator[DerivedStep]:
        """Yield the forward steps it needs, then the backward ones, then its paths."""
        target, apart = (f"dJ/d{self.sym}", self.place), True
        yield from self.author.definitions()
        for step in self.author.whole_steps():
            target_sym = step.target.removesuffix(FULL)
            if step.kind == "cost":
                yield step
                continue
            places = [place for name, place in self.found if name == target_sym]
            if not places:
                continue
            if step.id.endswith(":link"):
                yield replace(step, equations=self._shortcut(target_sym, sorted(places)))
                continue
            equations = tuple(self.found[target_sym, place] for place in sorted(places))
            if target_sym == target[0]:
                apart = False
                step = replace(step, kind="weight", title=self._title())
            yield replace(step, equations=equations)
        if apart:
            yield self._bias(*target)
        self.products = products = self._paths(self.found[target].members[-1])
        left = self.found[target].left
        if products is not None and len(products) > 0:
            yield DerivedStep(
                f"{target[0]}:paths", "weight",
                Said("paths", n=self._name(), count=len(products)), Said("paths_why"),
                (Equation(left, (plus(*products),)),), target[0],
            )  # fmt: skip

    def _shortcut(self, sym: str, places: Sequence[tuple[int, ...]]) -> tuple[Equation, ...]:
        """What the output's δ comes to where cost and function pair: a − y."""
        short = self.author.fused.step(sym)
        return tuple(
            self.author.entry_equation(short.target, short.expr, place) for place in places
        )

    def _bias(self, gradient: str, place: tuple[int, ...]) -> DerivedStep:
        """The derivative by a bias that is a column of the weights, and has no step of its own."""
        equation = self.found[gradient, place]
        read = dict.fromkeys(one for one, _ in self._read(equation.members[-1]))
        delta = self.author.delta(self.plan.step(gradient))
        return DerivedStep(
            gradient, "weight", self._title(), Said("gradient_bias_why", delta=delta),
            (equation,),
            gradient, uses=tuple(read),
        )  # fmt: skip

    def _title(self) -> Said:
        """By the entry's own name: S1's Θ¹₃₃ of a whole matrix, 3 × 3, would be another entry."""
        return Said("gradient", n=self._name())

    def _name(self) -> str:
        return self.names.name(self.sym, tuple(one - 1 for one in self.place))

    def need(self, start: tuple[str, tuple[int, ...]] | None = None) -> bool:
        """Write the derivative's entry and all entries it reads, back to what is given.

        False if these are too many for a page.
        """
        stack = [start or (f"dJ/d{self.sym}", self.place)]
        factors = 0
        while stack:
            name, place = stack.pop()
            if (name, place) in self.found:
                continue
            expr = self.author.expression(name)
            if expr is None:
                continue
            if _width(expr) > FACTORS:
                return False
            equation = self.author.entry_equation(self.author.target(name), expr, place)
            self.found[name, place] = equation
            read = list(self._read(equation.members[-1]))
            factors += len(read)
            if factors > FACTORS or len(self.found) > EQUATIONS:
                return False
            for one in dict.fromkeys(read):
                if self.author.expression(one[0]) is not None:
                    stack.append(one)
        return True

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
        """Multiply out: one product a path. None if there are too many, or several samples'."""
        match node:
            case Total() if self._carries(node):
                return None
            case Quantity(sym, index) if sym.startswith(("delta", "Delta")):
                key = (sym, tuple(p for p in index if isinstance(p, int)))
                return self._paths(self.found[key].members[-1]) if key in self.found else [node]
            case Plus(terms) if self._carries(node):
                total: list[Node] = []
                for term in self._by_derivative(terms):
                    more = self._paths(term) if self._carries(term) else [term]
                    if more is None or len(total) + len(more) > PATHS:
                        return None
                    total += more
                return total
            case Minus(body) if self._carries(body):
                inner = self._paths(body)
                return None if inner is None else [minus(one) for one in inner]
            case Times(factors) if self._carries(node):
                products: list[Node] = [Number(1.0)]
                for factor in factors:
                    more = self._paths(factor) if self._carries(factor) else [factor]
                    if more is None or len(products) * len(more) > PATHS:
                        return None
                    products = [times(a, b) for a in products for b in more]
                return products
        return [node]

    def _by_derivative(self, terms: Sequence[Node]) -> list[Node]:
        """Terms with the same Δ as one: softmax's Δ₁ − (a₁ Δ₁ + a₂ Δ₂) is (1 − a₁) Δ₁ − a₂ Δ₂."""
        factors: dict[Node, list[Node]] = {}
        for term in _signed(terms):
            body = term.body if isinstance(term, Minus) else term
            parts = body.factors if isinstance(body, Times) else (body,)
            carrying = [one for one in parts if self._carries(one)]
            if len(carrying) != 1 or not isinstance(carrying[0], Quantity):
                return list(terms)
            rest = times(*(one for one in parts if one is not carrying[0]))
            of = factors.setdefault(carrying[0], [])
            of.append(minus(rest) if isinstance(term, Minus) else rest)
        return [times(plus(*of), derivative) for derivative, of in factors.items()]

    def _carries(self, node: Node) -> bool:
        return any(
            isinstance(n, Quantity) and n.sym.startswith(("delta", "Delta")) for n in walk(node)
        )


def _signed(terms: Iterable[Node]) -> Iterator[Node]:
    """The terms of a sum, those of sums within it among them, each with its sign."""
    for term in terms:
        body = term.body if isinstance(term, Minus) else term
        if isinstance(body, Plus):
            yield from map(minus, _signed(body.terms)) if body is not term else _signed(body.terms)
        else:
            yield term


def _width(expr: Expr) -> int:
    """The longest sum in an expression."""
    return max((one.right.shape[0] for one in parts(expr) if isinstance(one, MatMul)), default=1)
