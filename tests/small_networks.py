"""Random networks with random data: chains, residual and tied, all functions and costs."""

from __future__ import annotations

import numpy as np

from clearprop.graph import Dense, Input
from clearprop.network import Network, Parameters
from clearprop.operations import TABLE

FUNCTIONS = [n for n in TABLE.activations() if n not in ("identity", "exp", "softmax")]
COSTS = TABLE.costs()
LINKS = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "poisson": "exp"}


def random_network(rng: np.random.Generator) -> Network:
    """Depth 1 to 5, widths 1 to 8, with residuals, tied layers, shared biases, a penalty."""
    cost = str(rng.choice(COSTS))
    outputs = int(rng.integers(2 if cost == "cross_entropy" else 1, 6))
    function = "identity" if cost in LINKS else str(rng.choice([*FUNCTIONS, "identity"]))
    l2 = float(rng.choice([0.0, 0.05, 0.3]))
    bias = str(rng.choice(["unit", "unit", "unit", "shared"]))
    x = value = Input(int(rng.integers(1, 9)))
    for _ in range(int(rng.integers(0, 5))):
        kind = rng.choice(["plain", "plain", "residual", "tied"])
        layer = Dense(int(rng.integers(1, 9)), str(rng.choice(FUNCTIONS)), bias=bias)
        value = layer(value)
        if kind != "plain":
            width = value.type.shape[0]
            again = Dense(width, str(rng.choice(FUNCTIONS)), bias=bias)
            value = value + again(value) if kind == "residual" else again(again(value))
    last = Dense(outputs, function, bias=bias)(value)
    return Network(inputs=x, outputs=last, cost=cost, l2=l2)


def random_parameters(network: Network, rng: np.random.Generator) -> Parameters:
    """Parameters of a size at which no function saturates, biases not zero."""
    parameters = network.initial(seed=int(rng.integers(2**31)))
    parameters.flat[:] += 0.3 * rng.standard_normal(parameters.flat.shape)
    return parameters
