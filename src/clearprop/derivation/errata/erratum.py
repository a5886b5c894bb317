"""One equation that a source prints wrongly: both its forms, and what they give on an example.

An `Erratum` quotes the printed equation, says the right one, and holds both as functions of a
random `Example`; the truth is a central difference of the cost, or the definition it contradicts.
Matrices are strict here: a column vector is n × 1, and shapes that do not multiply are errors.
Proved by ``tests/test_derivation_errata.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.expressions import Array
from clearprop.words import number

M = 5
"""Samples of the example's batch."""


class Example:
    """A 2-3-2 network with sigmoid on random numbers, as the texts' column vectors.

    Parameters
    ----------
    seed : int
    outputs : int
        Units of the output layer.
    """

    def __init__(self, seed: int = 0, outputs: int = 2) -> None:
        r = np.random.default_rng(seed)
        self.W = {1: r.normal(size=(3, 2)), 2: r.normal(size=(outputs, 3))}
        self.b = {1: r.normal(size=(3, 1)), 2: r.normal(size=(outputs, 1))}
        self.X, self.Y = r.normal(size=(M, 2, 1)), r.uniform(0.1, 0.9, (M, outputs, 1))
        self.x, self.y = self.X[0], self.Y[0]
        self.rate, self.penalty = 0.3, 0.1
        self.z, self.a = self.forward(self.x)
        self.slope = {layer: sigmoid(z) * (1 - sigmoid(z)) for layer, z in self.z.items()}
        self.delta = {3: (self.a[3] - self.y) * self.slope[3]}
        self.delta[2] = (self.W[2].T @ self.delta[3]) * self.slope[2]

    def forward(self, x: Array) -> tuple[dict[int, Array], dict[int, Array]]:
        """Return z and a of every layer."""
        a, z = {1: x}, {}
        for layer in (1, 2):
            z[layer + 1] = self.W[layer] @ a[layer] + self.b[layer]
            a[layer + 1] = sigmoid(z[layer + 1])
        return z, a

    def cost(self, x: Array, y: Array) -> float:
        """½ ‖a − y‖² of one sample."""
        return float(0.5 * np.sum((self.forward(x)[1][3] - y) ** 2))

    def batch_cost(self) -> float:
        """The mean over the batch, and λ/2 Σ W²."""
        mean = np.mean([self.cost(x, y) for x, y in zip(self.X, self.Y, strict=True)])
        return float(mean + self.penalty / 2 * sum(np.sum(w**2) for w in self.W.values()))

    def difference(self, of: Array, cost: Callable[[], float] | None = None) -> Array:
        """Return ∂cost/∂of by central differences; ``of`` is one of the example's own arrays."""
        cost = cost or (lambda: self.cost(self.x, self.y))
        found = np.zeros_like(of)
        for place in np.ndindex(of.shape):
            kept, h = of[place], 1e-6
            of[place] = kept + h
            above = cost()
            of[place] = kept - h
            below = cost()
            of[place] = kept
            found[place] = (above - below) / (2 * h)
        return found

    def sample_gradient(self, name: str, layer: int) -> list[Array]:
        """Return ∂J/∂W (or b) of each sample, without the penalty."""
        of = getattr(self, name)[layer]
        return [self.difference(of, lambda x=x, y=y: self.cost(x, y))  # type: ignore[misc]
                for x, y in zip(self.X, self.Y, strict=True)]  # fmt: skip


def sigmoid(x: Any) -> Any:
    """Return 1/(1 + e^(−x))."""
    return 1 / (1 + np.exp(-x))


Form = Callable[[Example], Any]


@dataclass(frozen=True)
class Erratum:
    """One wrong equation.

    Parameters
    ----------
    source : str
        ``"S0"`` … ``"S4"``.
    place : str
        Line (``":47"``) or equation (``"(35)"``) in the text.
    printed, right : str
        The equations.
    why, why_zh : str
        Why it matters.
    evaluate, evaluate_right, truth : callable (Example) -> array
        The printed form, the right form, and what both ought to be.
    reading : str
        The reading taken, where the printed form allows several or none.
    outputs : int
        Output units of the example that shows it.
    numbers : tuple of str
        The numbers of the text's equations it stands in.
    """

    source: str
    place: str
    printed: str
    right: str
    why: str
    why_zh: str
    evaluate: Form
    evaluate_right: Form
    truth: Form
    reading: str = ""
    outputs: int = 2
    numbers: tuple[str, ...] = ()

    def outcome(self, seed: int = 0) -> str:
        """Return what the printed form gives beside the true value, or which shapes fail."""
        example = Example(seed, self.outputs)
        truth = np.asarray(self.truth(example))
        try:
            found = np.asarray(self.evaluate(example))
        except ValueError as error:
            return f"shapes fail: {error}"
        if found.shape != truth.shape:
            return f"shapes fail: {_size(found)} instead of {_size(truth)}"
        place = np.unravel_index(np.argmax(np.abs(found - truth)), truth.shape)
        return f"{_written(found[place])} instead of {_written(truth[place])}"

    def error(self, seed: int = 0, *, printed: bool = True) -> float:
        """Return the largest difference from the truth; infinite where shapes fail."""
        example = Example(seed, self.outputs)
        truth = np.asarray(self.truth(example), dtype=np.float64)
        try:
            found = np.asarray((self.evaluate if printed else self.evaluate_right)(example))
        except ValueError:
            return float("inf")
        if found.shape != truth.shape:
            return float("inf")
        return float(np.max(np.abs(found - truth)))


def _written(found: Array) -> str:
    return number(float(np.round(found, 9)) + 0.0, 4).replace("-", "−")


def dot(*factors: Array) -> Array:
    """Return a matrix product, strict."""
    product = factors[0]
    for factor in factors[1:]:
        if product.shape[1] != factor.shape[0]:
            raise ValueError(f"{_size(product)} times {_size(factor)}")
        product = product @ factor
    return product


def _size(array: Array) -> str:
    return "×".join(map(str, array.shape))
