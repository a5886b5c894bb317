"""The functions a network applies: what each is, and its slope, as steps of their own.

Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from clearprop.backprop import Plan
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.steps.functions import functions_of, kind_of
from clearprop.derivation.steps.writing import Writing
from clearprop.derivation.trees.tree import Call, Node, Quantity, Var
from clearprop.derivation.wording.said import Said
from clearprop.expressions import Apply, Expr, Sym, substitute
from clearprop.operations import Activation, Function


class Definitions:
    """Writes the functions of a plan.

    Parameters
    ----------
    writing : Writing
    label : callable
        A written tree as plain text.
    """

    def __init__(self, writing: Writing, label: Callable[[Node], str]) -> None:
        self.writing, self.label = writing, label

    def of(self, plan: Plan) -> Iterator[DerivedStep]:
        """Yield the functions of a plan."""
        for name, apply in functions_of(plan).items():
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
