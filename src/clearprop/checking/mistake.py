"""What a mistake is: a rewriting of the plan, with the places where it can stand.

A `Mistake` says in which places of a plan it can occur and what the plan looks like with it, so it
works on any graph, runs in the reference, and its wrong and right lines print like any other.
The rows are in `clearprop.checking.mistakes`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clearprop.backprop import Plan, Step
from clearprop.errors import GraphError

EVERYWHERE = ""


@dataclass(frozen=True)
class Place:
    """Where a mistake stands.

    Parameters
    ----------
    step : str
        Id of the first step that goes wrong (``"delta2"``, ``"dJ/dW1"``).
    layer : str
        The layer as the network names it (``"2"``, ``"hidden"``); "" for every layer.
    parameter : str
        The parameter, where only its gradient is concerned.
    what : str
        Which of several there: ``"all"``, ``"first sample"``, the wire, the other layer.
    """

    step: str
    layer: str = EVERYWHERE
    parameter: str = ""
    what: str = ""

    def __str__(self) -> str:
        return self.told(self.layer, self.parameter)

    def told(self, layer: str, parameter: str) -> str:
        """Return the place in words, with what a reader calls its layer and parameter."""
        at = f"layer {layer}" if layer else "every layer"
        if parameter:
            at = f"{parameter} ({at})" if layer else parameter
        return f"{at}, {self.what}" if self.what else at


@dataclass(frozen=True)
class Edit:
    """One way to make the mistake: the place, and the steps as they stand with it.

    Parameters
    ----------
    place : Place
    steps : tuple of Step
    copies : tuple of str
        Ids of other steps whose expressions were copied into these; if one of them changes, the
        edit must be made anew.
    """

    place: Place
    steps: tuple[Step, ...]
    copies: tuple[str, ...] = ()

    def of(self, plan: Plan) -> Plan:
        """Return the plan with the mistake in it; ids are kept."""
        for step in self.steps:
            plan = plan.with_step(step)
        return plan


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make in back-propagation.

    Parameters
    ----------
    id : str
        Stable and public.
    title : str
        What is wrong, in a few words; the diagnosis adds the place.
    why : str
        How one comes to write it.
    change : str
        What to change.
    sources : tuple of str
        Where it was seen.
    edits : callable (plan) -> iterator of Edit
        All places where the mistake can stand, each with the rewritten steps.
    fits : str
        What the free scalar c of the rewriting is ("learning rate", "count", …); "" without one.
    within : tuple of float
        The bounds of c, which it must not reach.
    """

    id: str
    title: str
    why: str
    change: str
    sources: tuple[str, ...]
    edits: Callable[[Plan], Iterator[Edit]]
    fits: str = ""
    within: tuple[float, float] = (-math.inf, math.inf)

    def sites(self, plan: Plan) -> tuple[Place, ...]:
        """Return the places of a plan where the mistake can stand."""
        return tuple(edit.place for edit in self.edits(plan))

    def rewrite(self, plan: Plan, place: Place) -> Plan:
        """Return the plan with the mistake at ``place``; step ids are kept."""
        for edit in self.edits(plan):
            if edit.place == place:
                return edit.of(plan)
        raise GraphError(f"{self.id} cannot stand at {place} of this plan")
