"""Random networks: chains, residual and tied, all functions and costs; and widely wired ones."""

from __future__ import annotations

import numpy as np

from clearprop.graph import Activation, Dense, Dropout, Embedding, Input, Scale, Wire, concat
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


def wired_network(rng: np.random.Generator) -> Network:
    """Tables, concat, dropout, scales, softmax within, several inputs and outputs, equal widths."""
    width = int(rng.integers(1, 5))
    bias = str(rng.choice(["unit", "unit", "shared"]))
    inputs = [Input(int(rng.integers(1, 5)) if rng.random() < 0.5 else width)]
    values: list[Wire] = [*inputs]
    if rng.random() < 0.6:
        inputs.append(Input(levels=int(rng.integers(2, 5))))
        values.append(Embedding(width)(inputs[-1]))
    if rng.random() < 0.4:
        inputs.append(Input(width))
        values.append(inputs[-1])
    value = concat(*values) if len(values) > 1 else values[0]
    for _ in range(int(rng.integers(1, 4))):
        same = Dense(width, str(rng.choice(FUNCTIONS)), bias=bias)(value)
        match rng.choice(["dense", "residual", "concat", "dropout", "scale", "softmax", "softmax"]):
            case "dense":
                value = same
            case "residual":
                value = same + Dense(width, str(rng.choice(FUNCTIONS)), bias=bias)(same)
            case "concat":
                other = Dense(int(rng.integers(1, 4)), "tanh", bias=bias)(value)
                value = concat(same, other if rng.random() < 0.5 else Activation("sigmoid")(same))
            case "dropout":
                value = Dropout(0.4)(same)
            case "scale":
                value = Scale()(same)
            case "softmax":
                value = Activation("softmax")(same)
    outputs, costs = [], []
    for _ in range(int(rng.choice([1, 1, 1, 2]))):
        cost = str(rng.choice([*COSTS, "cross_entropy", "poisson"]))
        link = LINKS.get(cost, str(rng.choice(["identity", "sigmoid", "softmax", "tanh"])))
        units = int(rng.integers(2 if cost == "cross_entropy" else 1, 5))
        outputs.append(Dense(units, link, bias=bias)(value))
        costs.append(cost)
    smoothed = {"label_smoothing": 0.1} if "cross_entropy" in costs and rng.random() < 0.7 else {}
    l2 = float(rng.choice([0.0, 0.05, 0.3]))
    return Network(inputs=inputs, outputs=outputs, cost=costs, l2=l2, **smoothed)


def random_parameters(network: Network, rng: np.random.Generator) -> Parameters:
    """Parameters of a size at which no function saturates, biases not zero."""
    parameters = network.initial(seed=int(rng.integers(2**31)))
    parameters.flat[:] += 0.3 * rng.standard_normal(parameters.flat.shape)
    return parameters
