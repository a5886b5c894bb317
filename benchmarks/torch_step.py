"""A training step in PyTorch by hand, as courses write it.

One sample a column, the mean in the gradients: another layout and another place of 1/m than
ClearProp's. This file imports nothing of it; wrong versions are in `benchmarks.torch_wrong`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

#: f and f′ of z, as people write them with PyTorch.
FUNCTIONS = {
    "tanh": ("torch.tanh(z)", "1 - torch.tanh(z) ** 2"),
    "sigmoid": ("torch.sigmoid(z)", "torch.sigmoid(z) * (1 - torch.sigmoid(z))"),
    "relu": ("z.clamp(min=0)", "(z > 0).to(z.dtype)"),
    "softplus": ("torch.log1p(torch.exp(z))", "torch.sigmoid(z)"),
    "silu": (
        "z * torch.sigmoid(z)",
        "torch.sigmoid(z) + z * torch.sigmoid(z) * (1 - torch.sigmoid(z))",
    ),
    "softsign": ("z / (1 + z.abs())", "1 / (1 + z.abs()) ** 2"),
}

#: f′ as those write it who keep a layer's output.
OF_OUTPUT = {
    "tanh": "(1 - {0} ** 2)",
    "sigmoid": "{0} * (1 - {0})",
    "softplus": "(1 - torch.exp(-{0}))",
    "softsign": "(1 - {0}.abs()) ** 2",
}

#: ∂C/∂a of a cost for its identity output, or ∂C/∂z with its link.
COSTS = {
    "squared_error": "A - Y",
    "absolute_error": "torch.sign(A - Y)",
    "log_cosh": "torch.tanh(A - Y)",
    "huber": "(A - Y).clamp(-1, 1)",
}
LINKS = {
    "cross_entropy": "torch.softmax(Z, 0)",
    "binary_cross_entropy": "torch.sigmoid(Z)",
    "poisson": "torch.exp(Z)",
}


@dataclass(frozen=True)
class Layer:
    """One use of a layer: its parameters' number, widths, function, and whether x is added."""

    number: int
    inputs: int
    units: int
    function: str
    residual: bool = False


@dataclass(frozen=True)
class Net:
    """A network as its layers in order, with a cost and an L2 penalty."""

    layers: tuple[Layer, ...]
    cost: str
    l2: float

    @property
    def numbers(self) -> list[int]:
        return sorted({layer.number for layer in self.layers})


def random_net(rng: random.Random) -> Net:
    """Depth 1 to 5, widths 1 to 8; plain, residual and tied layers."""
    width = rng.randint(1, 8)
    layers: list[Layer] = []
    for _ in range(rng.randint(0, 3)):
        kind, units = rng.choice(["plain", "plain", "residual", "tied"]), rng.randint(1, 8)
        number = len({layer.number for layer in layers}) + 1
        layers.append(Layer(number, width, units, rng.choice(list(FUNCTIONS))))
        if kind == "residual":
            layers.append(Layer(number + 1, units, units, rng.choice(list(FUNCTIONS)), True))
        elif kind == "tied":
            function = rng.choice(list(FUNCTIONS))
            layers += [Layer(number + 1, units, units, function)] * 2
        width = units
    cost = rng.choice([*COSTS, *LINKS])
    function = "" if cost in LINKS else rng.choice([*FUNCTIONS, ""])
    outputs = rng.randint(2, 5)
    number = len({layer.number for layer in layers}) + 1
    layers.append(Layer(number, width, outputs, function))
    return Net(tuple(layers), cost, rng.choice([0.0, 0.05, 0.3]))


def source(net: Net) -> str:
    """Return the right step: forward, backward, gradients with the mean in them."""
    names = dict.fromkeys(layer.function for layer in net.layers if layer.function)
    lines = ["import torch", ""]
    for name in names:
        f, prime = FUNCTIONS[name]
        lines += [f"def {name}(z):", f"    return {f}", ""]
        lines += [f"def {name}_prime(z):", f"    return {prime}", ""]
    lines += ["def step(parameters, X, Y):", "    m = X.shape[1]"]
    for n in net.numbers:
        lines += [f"    W{n} = parameters['W{n}']", f"    b{n} = parameters['b{n}']"]
    body = ["A0 = X"]
    last = len(net.layers)
    for i, layer in enumerate(net.layers, 1):
        body.append(f"Z{i} = W{layer.number} @ A{i - 1} + b{layer.number}[:, None]")
        link = LINKS.get(net.cost, "Z") if i == last else "Z"
        value = f"{layer.function}(Z{i})" if layer.function else link.replace("Z", f"Z{i}")
        body.append(f"A{i} = {value}" + (f" + A{i - 1}" if layer.residual else ""))
    if net.cost in LINKS:
        body.append(f"dZ{last} = A{last} - Y")
    else:
        body.append(f"dA{last} = " + COSTS[net.cost].replace("A", f"A{last}"))
    for i in range(last, 0, -1):
        layer = net.layers[i - 1]
        if not (i == last and net.cost in LINKS):
            prime = f" * {layer.function}_prime(Z{i})" if layer.function else ""
            body.append(f"dZ{i} = dA{i}{prime}")
        uses = [j for j, other in enumerate(net.layers, 1) if other.number == layer.number]
        n = layer.number
        if i == uses[0]:  # all its uses are behind: its gradient is complete
            weight = " + ".join(f"dZ{j} @ A{j - 1}.T / m" for j in uses)
            penalty = f" + {net.l2} * W{n}" if net.l2 else ""
            body.append(f"dW{n} = {weight}{penalty}")
            body.append(f"db{n} = " + " + ".join(f"dZ{j}.sum(1) / m" for j in uses))
        if i > 1:
            added = f" + dA{i}" if layer.residual else ""
            body.append(f"dA{i - 1} = W{n}.T @ dZ{i}{added}")
    body.append("return {" + ", ".join(f"'W{n}': dW{n}, 'b{n}': db{n}" for n in net.numbers) + "}")
    return "\n".join([*lines, *(f"    {line}" for line in body)]) + "\n"
