"""One weight of a large network: its derivation by whole layers, written with sums.

Where the units between a weight and the cost are too many to be written out one by one, a layer is
one line with an index, and the derivative is nested sums: each δ is put in for what it is made of,
back to the cost. Proved by ``tests/test_derivation_weight_sums.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clearprop.backprop import Plan
from clearprop.derivation.notations.names import FULL, Names
from clearprop.derivation.steps.author import Author
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees import tree
from clearprop.derivation.trees.tree import SAMPLE, Index, Node, Quantity, plus, times, walk
from clearprop.derivation.wording.said import Said
from clearprop.expressions import Expr, Sym

__all__ = ["InSums", "Sums"]

NESTED = 6
"""So many sums may stand in one another: a letter each, and two more for what is inside."""
PARTS = 150
"""The most parts of nested sums: of a network with many branches, inner δ keep their names."""
MEMBERS = 3
"""So many stages of putting in are shown; of more, the first and the last."""

Place = tuple[int, ...]
WHOLE: Place = (0,)
"""All entries of a quantity, for any index (places count from 1)."""


class InSums(Author):
    """Writes the steps of the plan that is run, each for any unit of its layer, in any notation.

    Parameters
    ----------
    general : Plan
        Made with ``fuse=False``: where the plan that is run differs, cost and link are fused.
    fused : Plan
        The plan that is run: it is the one that is written.
    names : Names
    samples : int or None
    """

    def __init__(self, general: Plan, fused: Plan, names: Names, samples: int | None) -> None:
        super().__init__(fused, fused, names, samples)
        self.general = general
        self.writing.expand = False

    def equations(
        self, target: Sym, expr: Expr, kind: str, left: Node | None = None, relation: str = "="
    ) -> tuple[Equation, ...]:
        """Write ``target = expr`` for any entry, whatever the notation's level."""
        equation = self._index_equation(target, expr, kind, relation)
        self.writing.expand = False
        return (equation,)

    def one(self, name: str, place: Place) -> Equation:
        """Write one entry of a step, from 1, with sums over what it reads."""
        expr = self.expression(name)
        assert expr is not None  # only what a step computes is asked for
        self.writing.used = []
        return self.entry_equation(self.target(name), expr, place)

    def adjoint(self, name: str) -> bool:
        """Whether a symbol is a Δ or a δ that is computed."""
        return name in self.plan and self.plan.step(name).kind in ("arrive", "adjoint")

    def summands(self, name: str) -> list[Expr]:
        """Return the terms of a step, λ by its name."""
        return [self._with_lambda(term.expr) for term in self.plan.step(name).terms]

    def linked(self, name: str) -> bool:
        """Whether a δ is the shortcut: the slopes of the cost and of its link cancelled."""
        if name not in self.general or self.general.step(name).terms == self.plan.step(name).terms:
            return False
        return any(term.via == "cost" for term in self.plan.step(name).terms)


class Sums:
    """The steps that one derivative needs, each once for its whole layer, and the nested sums.

    Parameters
    ----------
    author : InSums
    sym : str
        The parameter.
    place : tuple of int
        Its entry, from 1.
    """

    def __init__(self, author: InSums, sym: str, place: Place) -> None:
        self.author, self.names = author, author.names
        self.gradient, self.place = f"dJ/d{sym}", place
        self.delta = author.delta(author.plan.step(self.gradient))
        self.found: dict[str, dict[Place, Equation]] = {}

    def write(self) -> Iterator[DerivedStep]:
        """Yield the forward steps it needs, then the backward ones, the derivative, and its sums.

        What is needed of a step is one unit of it, or any.
        """
        wanted = self._need()
        yield from self.author.definitions()
        for step in self.author.whole_steps():
            name = step.target.removesuffix(FULL)
            if step.kind == "cost":
                yield step
                continue
            if name not in wanted or name == self.gradient or step.kind == "update":
                continue
            equations = step.equations
            if WHOLE not in wanted[name]:
                equations = tuple(self.found[name][place] for place in sorted(wanted[name]))
            why = Said("shortcut_why") if self.author.linked(name) else step.why
            yield replace(step, equations=equations, why=why)
        yield self._derivative()
        yield from self._nested()

    def _need(self) -> dict[str, set[Place]]:
        """What the derivative reads, back to what is given: single entries, or a whole step."""
        wanted: dict[str, set[Place]] = {}
        stack = [(self.gradient, self.place)]
        while stack:
            name, place = stack.pop()
            have = wanted.setdefault(name, set())
            if WHOLE in have or place in have:
                continue
            have.add(place)
            expr = self.author.expression(name)
            if expr is None:
                del wanted[name]
                continue
            if place == WHOLE:
                (equation,) = self.author.equations(self.author.target(name), expr, "backward")
            else:
                equation = self.author.one(name, place)
                self.found.setdefault(name, {})[place] = equation
            stack.extend(dict.fromkeys(self._read(equation.members[-1])))
        return wanted

    def _read(self, node: Node) -> Iterator[tuple[str, Place]]:
        for one in walk(node):
            if isinstance(one, Quantity):
                places = self.names.ordered(one.sym, one.index)
                known = tuple(place for place in places if isinstance(place, int))
                whole = len(known) < self.names.rank(one.sym)
                yield one.sym, WHOLE if whole else known

    def _derivative(self) -> DerivedStep:
        """δ where the weight ends times the value where it starts."""
        words = next(
            (s for s in self.author.whole_steps() if s.target.removesuffix(FULL) == self.gradient),
            None,
        )
        equation = self.found[self.gradient][self.place]
        why = words.why if words else Said("gradient_bias_why", delta=self.delta)
        reads = dict.fromkeys(name for name, _ in self._read(equation.members[-1]))
        return DerivedStep(
            self.gradient, "weight", Said("gradient", n=self._name()), why, (equation,),
            self.gradient, uses=tuple(reads),
        )  # fmt: skip

    def _name(self) -> str:
        index = tuple(place - 1 for place in self.place)
        return self.names.name(self.gradient.removeprefix("dJ/d"), index)

    # -- nested sums ------------------------------------------------------------------------------
    def _nested(self) -> Iterator[DerivedStep]:
        equation = self.found[self.gradient][self.place]
        stages: list[Node] = []
        uses: dict[str, None] = {}
        node = equation.members[-1]
        while True:
            deeper = self._put_in(node, (), uses)
            if deeper == node or len(list(walk(deeper))) > PARTS:
                break
            stages.append(deeper)
            node = deeper
        if not stages:
            return
        members = stages if len(stages) <= MEMBERS else [stages[0], stages[-1]]
        whole = not any(isinstance(n, Quantity) and self.author.adjoint(n.sym) for n in walk(node))
        yield DerivedStep(
            f"{self.gradient}:sums", "weight",
            Said("sums", n=self._name(), delta=self.delta),
            Said("sums_why" if whole else "sums_partly_why", delta=self.delta),
            (replace(equation, members=tuple(members)),), self.gradient,
            uses=(self.gradient, *uses),
        )  # fmt: skip

    def _put_in(self, node: Node, letters: tuple[str, ...], uses: dict[str, None]) -> Node:
        """Each δ once replaced by what it is made of; ``letters`` are those around it."""

        def by(one: Node) -> Node | None:
            match one:
                case Quantity(sym, index, sampled) if self.author.adjoint(sym):
                    if len(letters) >= NESTED:
                        return one
                    uses[sym] = None
                    return self._made_of(sym, self.names.ordered(sym, index), sampled, letters)
                case tree.Total(var, body=body):
                    around = letters if var == SAMPLE else (*letters, var)
                    return replace(one, body=self._put_in(body, around, uses))
                case tree.Times(factors, "entry"):
                    return times(*(self._put_in(each, letters, uses) for each in factors))
                case tree.Plus(terms):
                    return plus(*(self._put_in(each, letters, uses) for each in terms))
            return None

        return tree.put(node, by)

    def _made_of(
        self, sym: str, index: tuple[Index, ...], sampled: bool, letters: tuple[str, ...]
    ) -> Node:
        writing = self.author.writing
        expr = self.author.expression(sym)
        assert expr is not None  # an adjoint is computed
        writing.used, writing.sampled = list(letters), sampled
        found = writing.entry(expr, index)
        writing.used, writing.sampled = [], False
        return found
