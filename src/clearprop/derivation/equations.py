"""Equations and steps as a derivation holds them: structure, apart from numbers and from pages."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from clearprop.derivation.errata import Erratum
from clearprop.derivation.messages import Said
from clearprop.derivation.names import FULL, split
from clearprop.derivation.tree import Node, Number, Quantity, Times, Total, rebuild
from clearprop.expressions import Type


@dataclass(frozen=True)
class Equation:
    """left = member = member …

    Parameters
    ----------
    left : Node
    members : tuple of Node
        All equal to ``left``; the last is the most explicit.
    free : tuple of (str, int)
        Letters that run over 1 … size: the equation holds for each.
    relation : str
        ``"="``, or ``"←"`` for an update.
    number : str
        A number of its own (S3's), else the step's.
    """

    left: Node
    members: tuple[Node, ...]
    free: tuple[tuple[str, int], ...] = ()
    relation: str = "="
    number: str = ""


@dataclass(frozen=True)
class DerivedStep:
    """One step of a derivation.

    Parameters
    ----------
    id : str
        From the plan (``"delta2"``), never from the position.
    kind : str
        definition, forward, cost, backward, gradient, update, or weight.
    title, why : Said
        Spoken in a language when printed.
    equations : tuple of Equation
    target : str
        The symbol it computes; empty for a definition.
    type : Type
        Shape of its value.
    uses : tuple of str
        Ids of the steps it reads.
    number : int
        Its place, from 1.
    covers : tuple of str
        Parameters whose gradient this step derives.
    like : str
        Id of the first step of the same form, of another layer; empty if this is the first.
    marked : tuple of Erratum
        What a source prints wrongly in its place.
    """

    id: str
    kind: str
    title: Said
    why: Said
    equations: tuple[Equation, ...]
    target: str
    type: Type = field(default_factory=Type)
    uses: tuple[str, ...] = ()
    number: int = 0
    covers: tuple[str, ...] = ()
    like: str = ""
    marked: tuple[Erratum, ...] = ()


def said_once(steps: Iterable[DerivedStep]) -> Iterator[DerivedStep]:
    """Explain a form once: a later step that differs by its layer alone refers to the first.

    Two steps have one form if their equations are the same trees once layers are counted from the
    step's own, whatever the sizes.
    """
    first: dict[Hashable, DerivedStep] = {}
    for step in steps:
        form = (
            step.kind,
            step.why.key,
            tuple(_form(step, equation) for equation in step.equations),
        )
        known = first.setdefault(form, step)
        if known is step or step.kind == "definition":
            yield step
        else:
            why = Said("alike", number=known.number)
            yield replace(step, why=why, like=known.id)


def _form(step: DerivedStep, equation: Equation) -> Node:
    """An equation with layers counted from the step's own, and without sizes."""
    _, label = split(step.target)

    def relative(node: Node) -> Node:
        match node:
            case Quantity(sym):
                own = split(sym)[1]
                if own.isdigit() and label.isdigit():
                    short = (
                        f"{sym.removesuffix(own + FULL).removesuffix(own)}@{int(own) - int(label)}"
                    )
                    node = replace(node, sym=short + ("+" if sym.endswith(FULL) else ""), via="")
            case Total():
                node = replace(node, size=0, upper=Number(0.0))
        return node

    sides = Times((equation.left, *equation.members))
    return rebuild(sides, relative)
