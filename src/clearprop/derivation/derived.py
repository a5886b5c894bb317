"""What is derived: steps as written, and numbers beside them.

Structure and numbers are apart: `Derived.at` puts other numbers beside the same steps.
Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from clearprop.backprop import Asked, Places, Plan, plan, target_name
from clearprop.derivation.notations.names import FULL, Names, base_of
from clearprop.derivation.notations.notation import Notation
from clearprop.derivation.printers.layouts import TEXT, Layout
from clearprop.derivation.printers.printing import Printer, in_sight
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees.beyond import SHRINKINGS, is_large, smaller
from clearprop.derivation.trees.evaluating import Evaluator, value
from clearprop.derivation.trees.tree import (
    SAMPLE,
    Call,
    Letter,
    Literal,
    Node,
    Number,
    Quantity,
    Ratio,
    Stack,
    Times,
    Total,
    put,
    walk,
)
from clearprop.derivation.verifying.kinks import beside, kinked
from clearprop.derivation.verifying.numbers import OfRow, TraceNumbers
from clearprop.derivation.verifying.symbolic import differentiated, operations
from clearprop.derivation.verifying.told import Told
from clearprop.derivation.verifying.verification import (
    TRACE_LIMIT,
    Verification,
    verify_steps,
)
from clearprop.derivation.weight.alone import forward_entries
from clearprop.derivation.weight.largest import Largest, Ways
from clearprop.derivation.wording.messages import MESSAGES
from clearprop.derivation.wording.refusals import refusal, unknown
from clearprop.errors import DataError, SettingError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network, check_known
from clearprop.network.describing import is_chain, layers
from clearprop.network.reading import read_inputs
from clearprop.words import Language, number
from clearprop.words import shown as shown_value

__all__ = ["equation_text"]

LEARNING_RATE = 0.5
"""α of the update that is shown, unless another is asked for."""
SMALL = 60
"""So many parameters SymPy differentiates by, at most."""
WORK = 120_000
"""… and so many parameters times parts of the cost times layers: about two seconds."""


@dataclass(frozen=True, eq=False)
class Derived:
    """What is derived: steps, names and numbers of one network in one notation.

    Parameters
    ----------
    network : Network
    notation : Notation
    steps : tuple of DerivedStep
        The structure: no numbers.
    names : Names
    language : {"en", "zh"}
    digits : int
        Significant digits printed.
    numbers : TraceNumbers or None
        The numbers, where data are given.
    row : int
        The sample whose numbers are shown, from 1.
    seed : int or None
        Of random numbers, where they are.
    origin, table : str
        Where the numbers come from, as a message's key, and the table's name.
    columns : mapping of str to tuple of str
        By input value, and ``"y"``: the table's columns behind its units, where known.
    largest : Largest or None
        What writes the largest paths of the weight beside numbers, where it has too many.
    ways : Ways or None
        The same paths as data.
    """

    network: Network
    notation: Notation
    steps: tuple[DerivedStep, ...]
    names: Names
    language: Language = "en"
    digits: int = 4
    numbers: TraceNumbers | None = None
    row: int = 1
    seed: int | None = None
    weight: str = ""
    target: tuple[str, tuple[int, ...]] | None = None
    learning_rate: float = LEARNING_RATE
    origin: str = "seeded"
    table: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    largest: Largest | None = None
    ways: Ways | None = field(default_factory=lambda: None)  # no default of the class: see `at`

    def at(self, parameters: Mapping[str, Array], X: Inputs, Y: Any, row: int = 1) -> Self:
        """Return the same steps beside other numbers; nothing is derived again.

        Parameters
        ----------
        parameters : mapping of str to array
        X, Y : arrays
            As many rows as this derivation was made for: one, or several.
        row : int
            The sample whose numbers are shown, from 1.
        """
        general = self.numbers.plan if self.numbers else None
        numbers = numbers_of(
            self.network, self.names, parameters, X, Y, self.learning_rate, general
        )
        if self.numbers is not None and (self.numbers.m == 1) != (numbers.m == 1):
            raise DataError(refusal("other_batch", made=self.numbers.m, given=numbers.m))
        row = row_of(row, numbers.m)
        steps = self._written
        beside = replace(self, steps=steps, ways=None, numbers=numbers, row=row, seed=None)
        if self.largest is not None:  # which paths are largest, numbers say: once it is asked for
            vars(beside)["_written"] = steps
            del vars(beside)["steps"], vars(beside)["ways"]
        return beside

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Find the largest paths beside the numbers of `at`; other steps do without."""
            if name not in ("steps", "ways") or "_written" not in vars(self):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            steps, ways = self.largest.after(self._written, self.numbers, self.row)
            vars(self).update(steps=steps, ways=ways)
            return vars(self)[name]

    @cached_property
    def _written(self) -> tuple[DerivedStep, ...]:
        """The steps; those of the largest paths may be beside other numbers yet."""
        return self.steps

    def seeded(
        self,
        seed: int,
        origin: str = "seeded",
        table: str = "",
        columns: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Self:
        """Return the derivation, saying where its numbers come from: random, a model, a table."""
        return replace(self, seed=seed, origin=origin, table=table, columns=dict(columns or {}))

    def step(self, id: str) -> DerivedStep:  # the word of the contract
        """Return the step called ``id``, such as ``"delta2"``."""
        every = self.steps if self.largest and id == self.largest.id else self._written
        found = {step.id: step for step in every}
        if id not in found:
            raise SettingError(unknown("step", id, found))
        return found[id]

    def verify(self, *, symbolic: bool = False) -> Verification:
        """Evaluate every printed step from its tree; compare with the trace and with differences.

        Parameters
        ----------
        symbolic : bool
            Whether SymPy differentiates the printed cost too, where the derivation is small: one
            sample, no members, at most `SMALL` parameters. (SymPy takes a second to load.)

        Raises
        ------
        DataError
            If the derivation has no numbers.
        """
        return self._verification_by_sympy if symbolic else self._verification

    @cached_property
    def _verification(self) -> Verification:
        if self.numbers is None:
            raise DataError(refusal("no_numbers"))
        check_parameters(self.numbers)
        return verify_steps(
            self.steps, self.names, self.numbers, self.network, self._smaller, self._beside
        )

    def _smaller(self) -> Iterator[tuple[tuple[DerivedStep, ...], TraceNumbers]]:
        """The steps beside numbers of which all that is given is at most 1, or smaller still.

        A tower of exponentials overflows at 1 too. Which paths are the largest, numbers say.
        """
        assert self.numbers is not None  # or `_verification` would have refused
        given, graph = self.numbers, self.network.graph
        for most in SHRINKINGS:
            found = self._other(given, smaller(graph, given.trace, most))
            if not is_large(found.trace):
                break
        yield self._steps_beside(found), found

    def _beside(self) -> Iterator[tuple[tuple[DerivedStep, ...], TraceNumbers]]:
        """The steps beside numbers that are moved a little, to both sides of a kink."""
        assert self.numbers is not None  # or `_verification` would have refused
        for side in (1.0, -1.0):
            moved = beside(self.network.graph, self.numbers.trace, side)
            found = self._other(self.numbers, moved)
            yield self._steps_beside(found), found

    def _other(self, given: TraceNumbers, to: tuple[Any, Any, Any]) -> TraceNumbers:
        return numbers_of(self.network, self.names, *to, self.learning_rate, given.plan)

    def _steps_beside(self, found: TraceNumbers) -> tuple[DerivedStep, ...]:
        if self.largest is None:
            return self.steps
        return self.largest.after(self.steps, found, self.row)[0]

    @cached_property
    def _verification_by_sympy(self) -> Verification:
        graph = self.network.graph
        numbers, found = self.numbers, self._verification
        assert numbers is not None  # or `_verification` would have refused
        if graph.size > SMALL:
            return replace(found, skipped="sympy_parameters")
        inputs = any(g.levels for g in graph.inputs)
        if numbers.m > 1 or len(graph.costs) > 1 or graph.members or inputs:
            return replace(found, skipped="sympy_kind")
        cost = forward_entries(numbers.plan, plan(graph), self.names)
        if graph.size * operations(cost, self.names) * len(layers(graph)) > WORK:
            return replace(found, skipped="sympy_work")
        try:
            errors = differentiated(cost, self.names, numbers, self.row)
        except ArithmeticError:
            return replace(found, skipped="sympy_range")
        if found.beyond and not all(map(math.isfinite, errors.values())):
            return replace(found, skipped="sympy_range")  # there is no number to compare with
        if max(errors.values(), default=0.0) > TRACE_LIMIT and kinked(numbers):
            return replace(found, skipped="sympy_kink")
        return replace(found, errors_symbolic=errors)

    def why_skipped(self, result: Verification) -> str:
        """Return why SymPy was asked for and not used, as a sentence; empty where it was."""
        return self.say(result.skipped, most=SMALL) if result.skipped else ""

    # -- numbers ----------------------------------------------------------------------------------
    def value(self, equation: Equation) -> Array | None:
        """Return the number of an equation without free indices, as the trace has it.

        Raises
        ------
        SettingError
            If it is no `Equation`: those of a step are ``d.step("delta2").equations``.
        """
        if not isinstance(equation, Equation):
            raise SettingError(refusal("no_equation", given=shown_value(equation)))
        return None if self.numbers is None else self._number(equation, self._here)

    def shown(self, equation: Equation) -> Array | None:
        """Return `value` as a page shows it: without the entries that only dots stand for.

        A gradient or a parameter with long axes is cut to `in_sight` of them, and no other entry
        is computed; it prints as the whole one does.
        """
        return None if self.numbers is None else self._number(equation, self._seen)

    def _number(self, equation: Equation, here: OfRow) -> Array | None:
        assert self.numbers is not None  # or `value` would have returned
        if equation.layers:
            return None
        left = equation.left
        whole = equation.free or (isinstance(left, Quantity) and not left.index)
        if equation.relation == "←" and isinstance(left, Quantity) and whole:
            return self._after(equation, left, here)
        if equation.free and not self._whole(equation):
            return None
        if isinstance(left, Quantity) and equation.relation == "=":
            if equation.free:
                left = replace(left, index=())
            if left.index:
                left, here = self._entry(left)
            if here.has(left.sym):
                return value(left, here, here.bound)
        if isinstance(left, Letter | Times):  # a path's product, and what all of them sum to
            return value(left, self._here, self._here.bound)
        if isinstance(left, Call) or any(
            isinstance(n, Quantity) and n.sym == "x" for m in equation.members for n in walk(m)
        ):
            return None
        if equation.free:
            return None
        member = equation.members[-1]
        if any(isinstance(node, Total) and node.var == SAMPLE for node in walk(member)):
            return value(member, self.numbers, self.numbers.bound(self.row))
        return value(member, self._shown, self._here.bound)

    @cached_property
    def _here(self) -> OfRow:
        """The numbers of the sample that is shown."""
        assert self.numbers is not None
        return OfRow(self.numbers, self.row)

    @cached_property
    def _letters(self) -> dict[Node, Letter]:
        """The letters that equations define: what they are worth is known, not multiplied again."""
        every = (one.left for step in self.steps for one in step.equations)
        return {left: left for left in every if isinstance(left, Letter)}

    @cached_property
    def _seen(self) -> OfRow:
        """The same numbers, of gradients and parameters those that a page has room for."""
        return self._here.some(lambda _, shape: tuple(map(in_sight, shape)))

    def _entry(self, left: Quantity) -> tuple[Quantity, OfRow]:
        """One entry of a gradient or a parameter: the only one of numbers that have no other."""
        places = self.names.ordered(left.sym, left.index)
        one = tuple((place - 1,) for place in places if isinstance(place, int))
        whole = left.sym.endswith(FULL) or self._here.axes(left.sym)[1]
        if whole or len(one) != self.names.rank(left.sym):
            return left, self._here

        def choose(name: str, shape: tuple[int, ...]) -> Places:
            return one if name == left.sym else (None,) * len(shape)

        return replace(left, index=(1,) * len(one)), self._here.some(choose)

    @cached_property
    def _shown(self) -> Told:
        """The numbers that pages show: a factor's is what its own equation gives."""
        return Told(self._here, [one for step in self._written for one in step.equations])

    def start(self, equation: Equation) -> tuple[Node, Array] | None:
        """Return what an update starts from, and its number before: of all its entries at once."""
        return None if self.numbers is None else self._start(equation, self._here)

    def _start(self, equation: Equation, here: OfRow) -> tuple[Node, Array] | None:
        left = equation.left
        if equation.layers or equation.relation != "←":
            return None
        if not isinstance(left, Quantity) or (left.index and not equation.free):
            return left, value(left, self._here, self._here.bound)
        whole = replace(left, index=())
        return whole, value(whole, here, here.bound)

    def before(self, equation: Equation) -> Iterator[tuple[Node, Array]]:
        """Yield what stands above an equation that reads what is given, as a page shows it.

        Above the update of a whole array that is its number before, and the first time α; the
        update of a single number has both in its own line. Above any other: see `given`.
        """
        if self.numbers is None:
            return
        for node in self.given(equation):
            yield node, value(node, self._seen, self._here.bound)
        start = self._start(equation, self._seen)
        if start is None or not start[1].ndim:
            return
        if equation is self._first_update:
            rate = Quantity("learning_rate")
            yield rate, value(rate, self.numbers)
        yield start

    def given(self, equation: Equation) -> tuple[Quantity, ...]:
        """Return the parameters and targets that no equation before this one reads.

        None whose number stands in the equation's own line, and none on the page of one weight.
        """
        return self._given.get(id(equation), ())

    @cached_property
    def _given(self) -> dict[int, tuple[Quantity, ...]]:
        graph = self.network.graph
        given = {*graph.parameters, *(target_name(graph, cost) for cost in graph.costs)}
        found: dict[int, tuple[Quantity, ...]] = {}
        steps = () if self.weight or self.numbers is None else self._written
        for one in (one for step in steps for one in step.equations if not one.layers):
            nodes = (node for member in one.members for node in walk(member))
            read = [node for node in nodes if isinstance(node, Quantity) and self._is_whole(node)]
            new = dict.fromkeys(node.sym for node in read if base_of(node.sym) in given)
            given -= set(map(base_of, new))
            if new and self.substituted(one) is None:
                found[id(one)] = tuple(map(Quantity, new))
        return found

    def _is_whole(self, node: Quantity) -> bool:
        """Whether it is a whole array, or any of its entries: no single one."""
        return not any(isinstance(place, int) for place in node.index)

    @cached_property
    def _first_update(self) -> Equation | None:
        every = (one for step in self._written for one in step.equations)
        return next((one for one in every if one.relation == "←" and not one.layers), None)

    def _after(self, equation: Equation, left: Quantity, here: OfRow) -> Array:
        """What all entries become by an update, which is the same for each: arrays for entries."""

        def whole(node: Node) -> Node | None:
            if isinstance(node, Quantity) and node.index == left.index:
                return replace(node, index=())
            return None

        every = put(equation.members[-1], whole)
        return value(every, here, here.bound)

    def worth(self, equation: Equation) -> Array | None:
        """Return what an equation's last member gives, be it right or wrong."""
        if self.numbers is None:
            return None
        return value(equation.members[-1], self.numbers, self.numbers.bound(self.row))

    def _whole(self, equation: Equation) -> bool:
        return isinstance(equation.left, Quantity) and equation.relation == "="

    def substituted(self, equation: Equation) -> Node | None:
        """Return the last member with numbers in place of quantities, where that reads well."""
        member = equation.members[-1]
        if self.numbers is None or equation.free or equation.layers:
            return None
        if any(isinstance(n, Total) or _nested(n) or self._is_matrix(n) for n in walk(member)):
            return None
        bound, evaluator = self._here.bound, Evaluator(self._shown)

        def number(node: Node) -> Node | None:
            if not isinstance(node, Quantity | Ratio | Stack | Letter):
                return None
            known = self._letters.get(node, node) if isinstance(node, Letter) else node
            found = evaluator.of(known, bound)
            return Literal(tuple(found)) if found.ndim else Number(float(found), True)

        with np.errstate(all="ignore"):
            found = put(member, number)
        return None if found == member or isinstance(found, Number | Literal) else found

    def _is_matrix(self, node: Node) -> bool:
        """Whether it is a quantity whose number would be a matrix in the middle of a line."""
        return isinstance(node, Quantity) and self.names.rank(node.sym) - len(node.index) == 2

    # -- pages ------------------------------------------------------------------------------------
    def say(self, key: str, **values: object) -> str:
        """Return a message in the derivation's language."""
        return MESSAGES(key, self.language, **values)

    def printer(self, layout: Layout) -> Printer:
        """Return a printer for a layout, with this derivation's digits."""
        return Printer(self.names, layout.spoken(self.language), self.digits)

    def printer_text(self, node: Node) -> str:
        """Return a written tree as plain text."""
        return self.printer(TEXT).render(node)

    @cached_property
    def title(self) -> str:
        """What is derived."""
        name = called(self.network, self.language)
        apart = self.language == "zh" and name.isascii()  # Chinese beside Chinese has no space
        return self.say("title", network=f"{name} " if apart else name)


def _nested(node: Node) -> bool:
    """Whether it is a function of a function."""
    return isinstance(node, Call) and any(
        isinstance(inner, Call) for argument in node.args for inner in walk(argument)
    )


def equation_text(printer: Printer, equation: Equation, worth: Array | None = None) -> str:
    """Return left = member = … on one line of a layout, and its value where one is given."""
    parts = [printer.render(equation.left), *(printer.render(m) for m in equation.members)]
    if worth is not None:
        parts.append(printer.array(worth))
    return printer.layout.line(printer.layout.relation(equation.relation).join(parts))


def numbers_of(
    network: Network,
    names: Names,
    parameters: Mapping[str, Array],
    X: Inputs,
    Y: Any,
    learning_rate: float,
    general: Plan | None = None,
) -> TraceNumbers:
    """Return what the network's plan gives, and its general form beside it: Δ at the output.

    All that is given is checked here; a quantity is computed when it is first asked for.
    """
    if isinstance(parameters, Mapping):  # what is none is refused below
        check_known("parameters", parameters, network.graph.parameters)
    general = general or plan(network.graph, fuse=False)
    inputs, targets = read_inputs(network.graph, X), network.targets(Y)
    found = Asked(network.plan, parameters, inputs, targets, general)
    return TraceNumbers(names, general, found, learning_rate)


def check_parameters(numbers: TraceNumbers) -> None:
    """Refuse parameters that are ∞ or no numbers: nothing can be told of a step beside them."""
    names = numbers.names
    for name in names.graph.parameters:
        if not (finite := np.isfinite(numbers.found[name])).all():
            place = tuple(map(int, np.argwhere(~finite)[0]))
            entry = place[len(place) - names.rank(name) :]  # members have one each
            said = {"name": names.name(name, entry), "given": number(numbers.found[name][place])}
            raise DataError(refusal("endless_parameter", **said))


def row_of(row: object, count: int) -> int:
    """Return the sample that is asked for, from 1; refuse one that there is not."""
    if isinstance(row, bool) or not isinstance(row, Integral) or not 1 <= int(row) <= count:
        raise DataError(refusal("no_row", row=shown_value(row), where="X", count=count))
    return int(row)


def called(network: Network, language: Language) -> str:
    """Return what a title calls a network: a chain by its sizes, else a graph of so many layers."""
    graph = network.graph
    made = layers(graph)
    if not is_chain(graph):
        key = "graph_of_one" if len(made) == 1 else "graph_of"
        return MESSAGES(key, language, count=len(made))
    (given,) = graph.inputs
    sizes = [str(given.width) if given.width else f"[{given.levels}]"]
    sizes += [str(graph.values[name].type.shape[0]) for name in made]
    return "-".join(sizes)
