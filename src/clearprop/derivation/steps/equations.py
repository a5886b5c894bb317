"""Equations and steps as a derivation holds them: structure, apart from numbers and from pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from clearprop.derivation.errata.erratum import Erratum
from clearprop.derivation.trees.tree import Node, Number, Run, Width
from clearprop.derivation.wording.said import Said
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
    layers : tuple of int
        Numbers of the layers l that a general equation holds for; empty for any other.
    widths : tuple of Width or None
        Of a general equation, up to where each letter of ``free`` runs; None: to its size.
    sample : int
        It holds for this one sample's numbers, of the first member, from 1; 0: for every one's.
    """

    left: Node
    members: tuple[Node, ...]
    free: tuple[tuple[str, int], ...] = ()
    relation: str = "="
    number: str = ""
    layers: tuple[int, ...] = ()
    widths: tuple[Width | None, ...] = ()
    sample: int = 0


@dataclass(frozen=True)
class Mark:
    """What a source prints wrongly in a step's place.

    Parameters
    ----------
    erratum : Erratum
    printed : Equation
        As the source has it, sign by sign.
    right : Equation
    """

    erratum: Erratum
    printed: Equation
    right: Equation


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
        Id of the general step that this one is for one layer, or (where a notation has no general
        steps) of the first one of the same form; empty if there is none.
    layer : int or None
        Which layer l of its general step this one is; None without one.
    marked : tuple of Mark
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
    layer: int | None = None
    marked: tuple[Mark, ...] = ()


def runs(equation: Equation, letter: str) -> Iterator[Run]:
    """Yield where each letter of an equation runs; ``letter`` is that of a layer."""
    layers = equation.layers
    if layers:
        by = 1 if layers[-1] > layers[0] else -1
        dots = len(layers) > 2 and layers == tuple(range(layers[0], layers[-1] + by, by))
        named = (layers[0], layers[-1]) if dots else layers
        yield Run(letter, tuple(Number(float(one)) for one in named), dots)
    widths = equation.widths or (None,) * len(equation.free)
    for (index, size), width in zip(equation.free, widths, strict=True):
        last = width or Number(float(size))
        few = width is None and size <= 2
        yield Run(index, (last,) if few and size == 1 else (Number(1.0), last), not few)
