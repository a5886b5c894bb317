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
    """One use of a layer: its parameters' number, widths and function, and what is done after it.

    ``after`` is "residual" (x is added), "concat" (x stands under it), "dropout", or "".
    """

    number: int
    inputs: int
    units: int
    function: str
    after: str = ""

    @property
    def residual(self) -> bool:
        return self.after == "residual"

    @property
    def outputs(self) -> int:
        return self.units + (self.inputs if self.after == "concat" else 0)


@dataclass(frozen=True)
class Net:
    """A network as its layers in order, with a cost, an L2 penalty, and what it is given.

    ``inputs`` numbers, and with ``levels`` an index, whose row of a table of so many ``columns``
    stands under them; either may be 0. ``weighted``: samples have weights.
    """

    layers: tuple[Layer, ...]
    cost: str
    l2: float
    inputs: int
    levels: int = 0
    columns: int = 0
    weighted: bool = False

    @property
    def numbers(self) -> list[int]:
        return sorted({layer.number for layer in self.layers})

    @property
    def parameters(self) -> list[str]:
        numbered = [f"{role}{n}" for n in self.numbers for role in "Wb"]
        return (["E"] if self.levels else []) + numbered

    def before(self, i: int) -> str:
        """What f′ of layer i is multiplied to: the derivative with respect to f(z)."""
        return f"dH{i}" if self.layers[i - 1].after in ("concat", "dropout") else f"dA{i}"


def random_net(rng: random.Random) -> Net:
    """Depth 1 to 5, widths 1 to 8: residual, tied, concat and dropout; indices, sample weights."""
    inputs, levels, columns = rng.randint(1, 8), 0, 0
    if rng.random() < 0.3:
        levels, columns = rng.randint(2, 4), rng.randint(1, 3)
        inputs = rng.choice([0, inputs, inputs])
    width = inputs + columns
    layers: list[Layer] = []
    for _ in range(rng.randint(0, 3)):
        kind = rng.choice(["plain", "plain", "residual", "tied", "concat", "dropout"])
        units, function = rng.randint(1, 8), rng.choice(list(FUNCTIONS))
        number = len({layer.number for layer in layers}) + 1
        if kind in ("concat", "dropout"):
            layers.append(Layer(number, width, units, function, kind))
        else:
            layers.append(Layer(number, width, units, function))
        if kind == "residual":
            layers.append(Layer(number + 1, units, units, rng.choice(list(FUNCTIONS)), kind))
        elif kind == "tied":
            function = rng.choice(list(FUNCTIONS))
            layers += [Layer(number + 1, units, units, function)] * 2
        width = layers[-1].outputs
    cost = rng.choice([*COSTS, *LINKS])
    function = "" if cost in LINKS else rng.choice([*FUNCTIONS, ""])
    outputs = rng.randint(2, 5)
    number = len({layer.number for layer in layers}) + 1
    layers.append(Layer(number, width, outputs, function))
    l2, weighted = rng.choice([0.0, 0.05, 0.3]), rng.random() < 0.3
    return Net(tuple(layers), cost, l2, inputs, levels, columns, weighted)


def source(net: Net) -> str:
    """Return the right step: forward, backward, gradients with the mean in them."""
    names = dict.fromkeys(layer.function for layer in net.layers if layer.function)
    lines = ["import torch", ""]
    for name in names:
        f, prime = FUNCTIONS[name]
        lines += [f"def {name}(z):", f"    return {f}", ""]
        lines += [f"def {name}_prime(z):", f"    return {prime}", ""]
    lines.append("def step(parameters, X, k, Y, masks, weights):")
    lines += [f"    {name} = parameters['{name}']" for name in net.parameters]
    body = ["m = weights.sum()" if net.weighted else "m = Y.shape[1]", *_forward(net)]
    last = len(net.layers)
    error = f"A{last} - Y"
    if net.cost not in LINKS:
        error = COSTS[net.cost].replace("A", f"A{last}")
    weighted = f"({error}) * weights" if net.weighted else error
    body.append(f"{'dZ' if net.cost in LINKS else 'dA'}{last} = {weighted}")
    for i in range(last, 0, -1):
        body += _backward(net, i)
    if net.levels:
        body.append("dR = dA0" + (f"[{net.inputs}:]" if net.inputs else ""))
        penalty = f" + {net.l2} * E" if net.l2 else ""
        body.append(f"dE = torch.zeros_like(E).index_add(0, k, dR.T / m){penalty}")
    body.append("return {" + ", ".join(f"'{name}': d{name}" for name in net.parameters) + "}")
    return "\n".join([*lines, *(f"    {line}" for line in body)]) + "\n"


def _forward(net: Net) -> list[str]:
    given = "torch.cat([X, E[k].T])" if net.inputs else "E[k].T"
    body = [f"A0 = {given}" if net.levels else "A0 = X"]
    last = len(net.layers)
    for i, layer in enumerate(net.layers, 1):
        body.append(f"Z{i} = W{layer.number} @ A{i - 1} + b{layer.number}[:, None]")
        link = LINKS.get(net.cost, "Z") if i == last else "Z"
        value = f"{layer.function}(Z{i})" if layer.function else link.replace("Z", f"Z{i}")
        match layer.after:
            case "residual":
                body.append(f"A{i} = {value} + A{i - 1}")
            case "concat":
                body += [f"H{i} = {value}", f"A{i} = torch.cat([H{i}, A{i - 1}])"]
            case "dropout":
                body += [f"D{i} = masks[{i}]", f"H{i} = {value}", f"A{i} = H{i} * D{i}"]
            case _:
                body.append(f"A{i} = {value}")
    return body


def _backward(net: Net, i: int) -> list[str]:
    """From layer i's dA to its gradients and to what it passes back."""
    layer, body = net.layers[i - 1], []
    if layer.after == "concat":
        body.append(f"dH{i} = dA{i}[:{layer.units}]")
    elif layer.after == "dropout":
        body.append(f"dH{i} = dA{i} * D{i}")
    if not (i == len(net.layers) and net.cost in LINKS):
        prime = f" * {layer.function}_prime(Z{i})" if layer.function else ""
        body.append(f"dZ{i} = {net.before(i)}{prime}")
    uses = [j for j, other in enumerate(net.layers, 1) if other.number == layer.number]
    n = layer.number
    if i == uses[0]:  # all its uses are behind: its gradient is complete
        weight = " + ".join(f"dZ{j} @ A{j - 1}.T / m" for j in uses)
        penalty = f" + {net.l2} * W{n}" if net.l2 else ""
        body.append(f"dW{n} = {weight}{penalty}")
        body.append(f"db{n} = " + " + ".join(f"dZ{j}.sum(1) / m" for j in uses))
    if i > 1 or net.levels:
        added = {"residual": f" + dA{i}", "concat": f" + dA{i}[{layer.units}:]"}
        body.append(f"dA{i - 1} = W{n}.T @ dZ{i}{added.get(layer.after, '')}")
    return body
