"""What is derived: steps as written, numbers beside them, and what verifies them.

Structure and numbers are apart: `Derived.at` puts other numbers beside the same steps.
Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from clearprop.backprop import plan
from clearprop.derivation.batch import check_parameters, numbers_of, row_of
from clearprop.derivation.beside import Beside
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import Notation
from clearprop.derivation.printers.layouts import TEXT, Layout
from clearprop.derivation.printers.printing import Printer
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees.beyond import SHRINKINGS, is_large, smaller
from clearprop.derivation.trees.tree import (
    Node,
)
from clearprop.derivation.verifying.kinks import beside, kinked
from clearprop.derivation.verifying.numbers import TraceNumbers
from clearprop.derivation.verifying.symbolic import differentiated, operations
from clearprop.derivation.verifying.verification import (
    TRACE_LIMIT,
    Verification,
    verify_steps,
)
from clearprop.derivation.weight.alone import forward_entries
from clearprop.derivation.weight.largest import Largest, Ways
from clearprop.derivation.wording.refusals import refusal, unknown
from clearprop.derivation.wording.said import Said, message
from clearprop.errors import DataError, SettingError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network
from clearprop.network.describing import is_chain, layers
from clearprop.words import Language

__all__ = ["equation_text"]

LEARNING_RATE = 0.5
"""α of the update that is shown, unless another is asked for."""
SMALL = 60
"""So many parameters SymPy differentiates by, at most."""
WORK = 120_000
"""… and so many parameters times parts of the cost times layers: about two seconds."""


@dataclass(frozen=True, eq=False)
class Derived(Beside):
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
    trained : str
        What a model was trained by, such as ``"adam"``: its steps were others than those shown.
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
    trained: str = ""
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
        made = 1 if self.numbers is None else self.numbers.m  # without numbers, for one sample's
        if (made == 1) != (numbers.m == 1):
            raise DataError(refusal("other_batch", made=made, given=numbers.m))
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

    def seeded(
        self,
        seed: int,
        origin: str = "seeded",
        table: str = "",
        columns: Mapping[str, tuple[str, ...]] | None = None,
        trained: str = "",
    ) -> Self:
        """Return the derivation, saying where its numbers come from: random, a model, a table."""
        return replace(
            self, seed=seed, origin=origin, table=table, trained=trained,
            columns=dict(columns or {}),
        )  # fmt: skip

    def step(self, id: str) -> DerivedStep:  # the word of the contract
        """Return the step called ``id``, such as ``"delta2"``."""
        every = self.steps if self.largest and id == self.largest.id else self._written
        found = {step.id: step for step in every}
        if not isinstance(id, str) or id not in found:
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

    # -- pages ------------------------------------------------------------------------------------
    def say(self, key: str, **values: object) -> str:
        """Return a message in the derivation's language."""
        return message(key, self.language, self.notation.chinese, **values)

    def speak(self, said: Said) -> str:
        """Return a title or a sentence of a step in the derivation's language."""
        return said.speak(self.language, self.notation.chinese)

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


def equation_text(printer: Printer, equation: Equation, worth: Array | None = None) -> str:
    """Return left = member = … on one line of a layout, and its value where one is given."""
    parts = [printer.render(equation.left), *(printer.render(m) for m in equation.members)]
    if worth is not None:
        parts.append(printer.array(worth))
    return printer.layout.line(printer.layout.relation(equation.relation).join(parts))


def called(network: Network, language: Language) -> str:
    """Return what a title calls a network: a chain by its sizes, else a graph of so many layers."""
    graph = network.graph
    made = layers(graph)
    if not is_chain(graph):
        key = "graph_of_one" if len(made) == 1 else "graph_of"
        return message(key, language, count=len(made))
    (given,) = graph.inputs
    sizes = [str(given.width) if given.width else f"[{given.levels}]"]
    sizes += [str(graph.values[name].type.shape[0]) for name in made]
    return "-".join(sizes)
