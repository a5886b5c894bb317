"""Networks with a right program, and wrong ones run and checked on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from small_networks import random_network, random_parameters, wired_network
from wrong_code import wrong_programs
from wrong_editor import Wrong, runs

from clearprop.checking import (
    Diagnosis,
    GradientCheck,
    check_gradient,
    numpy_template,
    random_batch,
)
from clearprop.network import Network, Parameters


def batch(network, rng, rows=None):
    """Inputs and targets as users give them: an array, or a dict where there are several."""
    found = random_batch(network, rows or int(rng.integers(2, 9)), rng)
    return tuple(part if len(part) > 1 else next(iter(part.values())) for part in found)


def as_it_is(source: str, mistake="", places=()) -> Wrong:
    return Wrong(mistake, places, lambda: source)


@dataclass(frozen=True)
class Case:
    """A network, a right program for it, and what both are run on."""

    network: Network
    parameters: Parameters
    X: Any
    Y: Any
    source: str
    more: dict[str, Any] = field(default_factory=dict)  # sample weights, masks

    @classmethod
    def random(cls, rng, wired: bool, rows=None) -> Case:
        network = wired_network(rng) if wired else random_network(rng)
        parameters = random_parameters(network, rng)
        X, Y = batch(network, rng, rows)
        m = len(next(iter(X.values())) if isinstance(X, dict) else X)
        more = {}
        if wired and rng.random() < 0.4:
            more["sample_weight"] = rng.uniform(0.2, 3.0, m)
        if network.plan.masks:
            more["masks"] = {
                name: np.where(rng.random((m, *mask.type.shape)) < rate, 0.0, 1 / (1 - rate))
                for name, (mask, rate) in network.plan.masks.items()
            }
        source = numpy_template(network, filled=True, weights="sample_weight" in more)
        return cls(network, parameters, X, Y, source, more)

    def programs(self) -> Iterator[Wrong]:
        return wrong_programs(
            self.source, {cost.value: cost.op for cost in self.network.graph.costs}
        )

    def right(self) -> dict[str, np.ndarray]:
        right = as_it_is(self.source).function()
        return right(dict(self.parameters), self.X, self.Y, **self.more)

    def runs(self, wrong: Wrong) -> bool:
        return runs(wrong, self.right(), dict(self.parameters), self.X, self.Y, **self.more)

    def wrong_entries(self, wrong: Wrong) -> int:
        """How many numbers a wrong program gets wrong."""
        right = self.right()
        found = wrong.function()(dict(self.parameters), self.X, self.Y, **self.more)
        return sum(int((~np.isclose(found[n], right[n], 1e-9, 0)).sum()) for n in right)

    def check(self, wrong: Wrong, **settings) -> GradientCheck:
        return check_gradient(self.network, self.parameters, self.X, self.Y, wrong.function(),
                              **self.more, **settings)  # fmt: skip


def stands_at(wrong: Wrong, step: str) -> bool:
    # what is wrong in a helper is wrong where it is first called, in what is returned everywhere
    anywhere = wrong.places[0] == "return" or wrong.places[0].endswith("_prime")
    return anywhere or step.replace("dJ/d", "d") in wrong.places


def holds(found: Diagnosis, wrong: Wrong) -> bool:
    """Whether a diagnosis has the mistake at its place, itself or as the same function here."""
    parts = [(found.mistake, found.where), *found.also, *found.equivalent]
    return any(m.id == wrong.mistake and stands_at(wrong, p.step) for m, p in parts)


def key(found: Diagnosis) -> set[tuple[str, str]]:
    return {(m.id, str(p)) for m, p in [(found.mistake, found.where), *found.also]}
