"""An estimator's settings as a `Network`, and its coefficients as the engine's flat vector.

scikit-learn keeps W as (inputs, units) and the engine as (units, inputs); its ``logistic`` is our
``sigmoid``. Proved by ``tests/test_estimators_same.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import RowError, ShapeError
from clearprop.graph import Dense, Dropout, Input, Wire
from clearprop.network import Network
from clearprop.operations import TABLE

Arrays = list[NDArray[Any]]

OWN_NAMES = {"logistic": "sigmoid"}
"""scikit-learn's names of functions, where ours differ."""


@dataclass(frozen=True)
class Chain:
    """Dense layers behind each other: everything of an estimator that makes its network.

    Parameters
    ----------
    sizes : tuple of int
        Inputs, hidden units, outputs.
    activations : tuple of str
        Of the hidden layers, by our names.
    cost : str
    cost_settings : mapping
    dropout : float
        Behind every hidden layer.
    residual : bool
        A hidden layer as wide as the one before adds it: a ← a + f(W a + b).
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    cost: str
    cost_settings: Mapping[str, Any] = field(default_factory=dict, hash=False)  # equality reads it
    dropout: float = 0.0
    residual: bool = False

    def network(self, l2: float) -> Network:
        """Return the network with the penalty λ/2 Σ W²."""
        x = value = Input(self.sizes[0])
        width = 0  # no skip around the first layer: its inputs are the table's columns
        for units, activation in zip(self.sizes[1:-1], self.activations, strict=True):
            layer: Wire = Dense(units, activation)(value)
            value = value + layer if self.residual and units == width else layer
            if self.dropout:
                value = Dropout(self.dropout)(value)
            width = units
        output = Dense(self.sizes[-1], "identity")(value)
        return Network(inputs=x, outputs=output, cost=self.cost, l2=l2, **self.cost_settings)

    @property
    def size(self) -> int:
        """How many weights there are, biases not counted."""
        return sum(inputs * units for inputs, units in pairwise(self.sizes))

    def weights(self) -> NDArray[np.bool_]:
        """Return which numbers of the flat vector are weights, not biases."""
        parts = [(np.ones(a * b, bool), np.zeros(b, bool)) for a, b in pairwise(self.sizes)]
        return np.concatenate([part for both in parts for part in both])

    def penalty(self, flat: NDArray[Any], l2: float) -> float:
        """Return λ/2 Σ W²."""
        return 0.5 * l2 * float(np.square(flat[self.weights()], dtype=np.float64).sum())

    def flat(self, coefs: Sequence[Any], intercepts: Sequence[Any]) -> NDArray[Any]:
        """Return W₁ᵀ, b₁, W₂ᵀ, … as one vector.

        Raises
        ------
        ShapeError
            If a layer's arrays have other shapes: the engine reads by place, and looks at none.
        """
        layers = len(self.sizes) - 1
        if len(coefs) != layers or len(intercepts) != layers:
            raise ShapeError(
                f"coefs_ has {len(coefs)} arrays and intercepts_ {len(intercepts)}, and {layers} "
                "layers were fitted: give each of them one"
            )
        parts = []
        for place, shape in enumerate(pairwise(self.sizes)):
            W, b = np.asarray(coefs[place]), np.asarray(intercepts[place])
            if W.shape != shape:
                raise _misshapen(f"coefs_[{place}]", W, shape)
            if b.shape != shape[1:]:
                raise _misshapen(f"intercepts_[{place}]", b, shape[1:])
            parts += [W.T.ravel(), b]
        return np.concatenate(parts)

    def arrays(self, flat: NDArray[Any]) -> tuple[Arrays, Arrays]:
        """Return the coefficients (inputs, units) and intercepts (units,) of a flat vector."""
        coefs: Arrays = []
        intercepts: Arrays = []
        start = 0
        for inputs, units in pairwise(self.sizes):
            middle, end = start + inputs * units, start + (inputs + 1) * units
            coefs.append(np.array(flat[start:middle].reshape(units, inputs).T, order="C"))
            intercepts.append(flat[middle:end].copy())
            start = end
        return coefs, intercepts


def _misshapen(name: str, array: NDArray[Any], needed: tuple[int, ...]) -> ShapeError:
    return ShapeError(
        f"{name} has the shape {array.shape}, and the layer needs {needed}: give it that, or fit "
        "again"
    )


def own_name(activation: str) -> str:
    """Return our name of a function."""
    return OWN_NAMES.get(activation, activation)


def is_activation(name: object) -> bool:
    """Whether an estimator's ``activation`` may have this name."""
    if not isinstance(name, str) or name == "softmax":  # which mixes the units
        return False
    try:
        TABLE.activation(own_name(name))
    except RowError:
        return False
    return True


def activation_names() -> set[str]:
    """Return every name that an estimator's ``activation`` may have, scikit-learn's among them."""
    return {*TABLE.activations(), *OWN_NAMES} - {"softmax"}  # softmax mixes the units
