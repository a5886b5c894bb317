"""One gradient multiplied out without δ, as a step of its own: what back-propagation saves.

Every equation is put in where its quantity stands, so the step is a written tree like any other:
each page prints it, `verify` evaluates it, and SymPy reads it.
Proved by ``tests/test_derivation_expand.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from clearprop.backprop import plan
from clearprop.derivation.derived import Derived
from clearprop.derivation.notations.names import Names
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees.tree import (
    Call,
    Minus,
    Node,
    Over,
    Plus,
    Quantity,
    Stack,
    Times,
    minus,
    plus,
    put,
    rebuild,
    times,
)
from clearprop.derivation.verifying.symbolic import Symbolic, operations
from clearprop.derivation.weight.alone import cone
from clearprop.derivation.wording.refusals import refusal
from clearprop.derivation.wording.said import Said
from clearprop.errors import SettingError

LARGEST = 60
"""The most equations that are put into one another."""
LONGEST = 40_000
"""The most parts of what comes of it: some 20 pages, seconds of writing."""

STEP = "expanded"
"""The id of the step."""

Entry = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Expanded:
    """One gradient multiplied out.

    Parameters
    ----------
    left, tree : Node
        The gradient, and what it is in terms of what is given alone.
    without, with_delta : int
        Multiplications and divisions for one sample: of this one tree, and of all equations of
        back-propagation, each computed once.
    equations : mapping of entry to Equation
        Those of one sample that were put in.
    names : Names
    """

    left: Quantity
    tree: Node
    without: int
    with_delta: int
    equations: Mapping[Entry, Equation]
    names: Names

    @property
    def sympy(self) -> Any:
        """The same as a SymPy expression, functions written out too (SymPy takes a second)."""
        places = self.names.ordered(self.left.sym, self.left.index)
        index = tuple(place for place in places if isinstance(place, int))
        return Symbolic(self.equations, self.names, as_written=True).entry((self.left.sym, index))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data: the SymPy expression as text, and what it costs.

        Where SymPy has no expression for a part of it (an entry that an index chooses),
        ``sympy`` is None and ``sympy_skipped`` says so.
        """
        counts = {
            "multiplications": self.without,
            "multiplications_with_delta": self.with_delta,
        }
        try:
            return {"sympy": str(self.sympy)} | counts
        except SettingError as why:
            return {"sympy": None, "sympy_skipped": str(why)} | counts

    def step(self, derived: Derived) -> DerivedStep:
        """Return it as the last step of a derivation."""
        name = derived.printer_text(self.left)
        own = [s for s in derived.steps if any(e.left == self.left for e in s.equations)]
        return DerivedStep(
            STEP, "weight", Said("expanded", gradient=name),
            Said("expanded_why", without=f"{self.without:,}", with_delta=f"{self.with_delta:,}"),
            (Equation(self.left, (self.tree,)),), self.left.sym,
            uses=tuple(step.id for step in own[-1:]), number=len(derived.steps) + 1,
        )  # fmt: skip


def multiplied_out(derived: Derived) -> Expanded:
    """Return the gradient of the weight that is derived, in terms of what is given alone.

    Raises
    ------
    SettingError
        If no weight was asked for, or the network is too large.
    """
    if derived.target is None:
        raise SettingError(refusal("expand_weight"))
    sym, index = derived.target
    entry = (f"dJ/d{sym}", tuple(i + 1 for i in index))
    found = _equations(derived, 1)
    if len(found) > LARGEST:
        raise SettingError(refusal("expand_large", count=len(found), most=LARGEST))
    if (parts := operations(found, derived.names, entry)) > LONGEST:
        raise SettingError(refusal("expand_long", count=f"{parts:,}", most=f"{LONGEST:,}"))
    tree = _Putting(found, derived.names).entry(entry)
    without = _products(tree)
    with_delta = _distinct_products([equation.members[-1] for equation in found.values()])
    if (samples := _samples(derived)) != 1:
        tree = _Putting(_equations(derived, samples), derived.names).entry(entry)
    left = found[entry].left
    assert isinstance(left, Quantity)
    return Expanded(left, tree, without, with_delta, found, derived.names)


def _samples(derived: Derived) -> int | None:
    """Rows of the batch that is derived; None prints m."""
    if derived.numbers is not None:
        return derived.numbers.m
    return 1 if derived.notation.batch == "one" else None


def _equations(derived: Derived, samples: int | None) -> dict[Entry, Equation]:
    """Every entry that the derivative needs, for one sample or the sum over several.

    As it is run: where cost and function pair, the output's δ is a − y.
    """
    assert derived.target is not None
    return cone(plan(derived.network.graph), derived.names, samples, *derived.target)


class _Putting:
    """Puts equations into one another; what is given stays a quantity."""

    def __init__(self, found: Mapping[Entry, Equation], names: Names) -> None:
        self.found, self.names = found, names
        self.known: dict[Entry, Node] = {}

    def entry(self, entry: Entry) -> Node:
        if entry not in self.known:
            self.known[entry] = self.of(self.found[entry].members[-1])
        return self.known[entry]

    def of(self, node: Node) -> Node:
        return put(node, self._other)

    def _other(self, node: Node) -> Node | None:
        match node:
            case Call(args=args, meaning=meaning):  # its meaning too: it is evaluated and counted
                inner = tuple(map(self.of, args))
                return replace(node, args=inner, meaning=meaning and self.of(meaning))
            case Plus(terms):  # without the brackets that what is put in does not need
                return plus(*map(self.of, terms))
            case Times(factors, "entry"):
                return times(*map(self.of, factors))
            case Minus(body):
                return minus(self.of(body))
            case Quantity():
                return self._written(node)
        return None

    def _written(self, node: Quantity) -> Node | None:
        places = self.names.ordered(node.sym, node.index)
        entry = (node.sym, tuple(place for place in places if isinstance(place, int)))
        if entry in self.found:
            found = self.entry(entry)
            return rebuild(found, self._of_sample) if node.sampled else found
        if not node.index and (node.sym, (1,)) in self.found:  # a softmax's whole argument
            size = self.names.shapes[node.sym][0]
            return Stack(tuple(self.entry((node.sym, (i,))) for i in range(1, size + 1)))
        return None

    def _of_sample(self, node: Node) -> Node:
        """With the letter of the sample, inside the sum over samples."""
        if isinstance(node, Quantity) and (
            node.sym in self.names.graph.values or node.sym.startswith(("y", "r"))
        ):  # fmt: skip
            return replace(node, sampled=True)
        return node


def _distinct_products(nodes: Iterable[Node]) -> int:
    """Multiplications and divisions of trees, each of what is the same done once: f in f′ too."""
    stack, known, count = list(nodes), set[Node](), 0
    while stack:
        node = stack.pop()
        if node in known:
            continue
        known.add(node)
        count += _own_products(node)
        stack += _within(node)
    return count


def _own_products(node: Node) -> int:
    return len(node.factors) - 1 if isinstance(node, Times) else int(isinstance(node, Over))


def _within(node: Node) -> tuple[Node, ...]:
    """The parts of a tree; of a function, its textbook form."""
    return (node.meaning,) if isinstance(node, Call) and node.meaning else node.children()


def _products(node: Node, known: dict[int, int] | None = None) -> int:
    """Multiplications and divisions of a tree, those of its functions' textbook forms included."""
    known = {} if known is None else known  # of shared subtrees, counted where they stand
    if id(node) not in known:
        inner = sum(_products(one, known) for one in _within(node))
        known[id(node)] = _own_products(node) + inner
    return known[id(node)]
