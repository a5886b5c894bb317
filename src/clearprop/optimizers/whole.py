"""Whole-batch rules: a step that sees all rows and evaluates the cost as often as it needs.

Such a rule is no update of one gradient, so it has no expressions and no kernel. It is given a
`Problem`, the cost of all training rows as a function of the parameters, and moves to the next
point, with whatever it remembers in slots of its own shapes: a checkpoint holds them like any
others. It finds the length of its step itself: no rate, no schedule, no clipping, no batch size,
and no dropout, which would make the cost another function in every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from clearprop.errors import SettingError
from clearprop.expressions import Array, Sym
from clearprop.graph import Graph
from clearprop.optimizers.rule import Flat, Optimizer, Update
from clearprop.settings import Attr

__all__ = ["TOLERANCE", "Moved", "Problem", "WholeBatch", "dot"]

TOLERANCE = Attr(
    "tolerance", float, 1e-12, bounds="[0, inf)", help="it is found where every |∂J/∂w| is below"
)


class Problem(Protocol):
    """J of all training rows, penalty included, as a function of flat parameters.

    The figures are float64 and the same bits for the same parameters, whoever asks and how often.
    A question may be broken off by an exception, and the step with it.
    """

    def cost(self, parameters: Flat) -> float:
        """Return J."""

    def gradient(self, parameters: Flat) -> tuple[float, Array]:
        """Return J and ∂J/∂w, (size,)."""

    def curvature(self, parameters: Flat) -> tuple[float, Array, Array]:
        """Return J, ∂J/∂w and Gauss's and Newton's matrix, (size, size), of a sum of squares.

        With J = ½ ‖r‖² that is RᵀR of R = ∂r/∂w; the penalty's root is a residual too.
        """


@dataclass(frozen=True)
class Moved:
    """Where a step led.

    ``cost`` and ``norm`` are J and the gradient's 2-norm before it; ``found`` is why there is no
    step to come, as the end of a sentence, or empty.
    """

    parameters: Flat
    slots: Mapping[str, Flat]
    cost: float
    norm: float
    found: str = ""


class WholeBatch(Optimizer):
    """A rule whose step sees all rows and evaluates for itself."""

    whole: ClassVar[bool] = True
    full_batch: ClassVar[bool] = True
    scheduled: ClassVar[bool] = False
    precisions: ClassVar[tuple[str, ...]] = ("float64", "float32")

    def step(self, parameters: Flat, slots: Mapping[str, Flat], problem: Problem) -> Moved:
        """Return the next point; neither the parameters nor the slots are changed in place."""
        raise NotImplementedError

    def updates(self, w: Sym, g: Sym, lr_factor: float, decay_factor: float) -> list[Update]:
        raise SettingError(
            f"{self.name} evaluates the cost several times in a step, so a plan has no update for "
            "it; train with it (clearprop.train), or plan with another optimizer"
        )

    def check(self, graph: Graph) -> None:
        """Refuse dropout, under which the cost is another function in every step."""
        for node in graph.nodes:
            if any(node.row.masks(graph.input_types(node), node.attrs).values()):
                raise SettingError(
                    f"{self.name} needs one cost for all of its evaluations, and dropout makes "
                    "another in every step: leave dropout out, or use adam"
                )


def dot(a: Array, b: Array) -> float:
    """Return a · b, summed in one order whatever the number of threads."""
    return float((a * b).sum())
