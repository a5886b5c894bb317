"""More wrong versions of the training step in PyTorch, line by line, as text.

Indices that slip, the forward pass, the cost's derivative, penalties. Made without knowing how
ClearProp writes or finds mistakes: this file imports nothing of it. What does not run, or not to
gradients of the right shapes, is left out where the steps are run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from benchmarks.torch_step import LINKS, Net

#: A mistake and the new right-hand sides by variable.
Slip = tuple[str, dict[str, str]]


def slips(lines: Mapping[str, str], net: Net) -> Iterator[Slip]:
    """Yield every mistake of this file at every line where it can be made."""
    yield from _at_cost(lines, net)
    yield from _forward(lines, net)
    for i in range(len(net.layers), 0, -1):
        yield from _of_another_layer(lines, net, i)
        if net.layers[i - 1].residual:
            halved = lines[f"dZ{i}"].replace(f"dA{i}", f"0.5 * dA{i}")
            above = lines[f"dA{i - 1}"].replace(f"+ dA{i}", f"+ 0.5 * dA{i}")
            yield "join-halved", {f"dZ{i}": halved, f"dA{i - 1}": above}
    yield from _weights(lines, net)


def _named(lines: Mapping[str, str], start: str) -> list[str]:
    return [name for name in lines if re.fullmatch(start + "[0-9]+", name)]


def _others(lines: Mapping[str, str], name: str) -> list[str]:
    """The same quantity of the other layers."""
    return [other for other in _named(lines, name.rstrip("0123456789")) if other != name]


def _swapped(text: str, old: str, new: str) -> str:
    return re.sub(rf"\b{old}\b", new, text)


def _at_cost(lines: Mapping[str, str], net: Net) -> Iterator[Slip]:
    last = len(net.layers)
    A, Z = f"A{last}", f"Z{last}"
    name = f"dZ{last}" if net.cost in LINKS else f"dA{last}"
    slope, weights = lines[name], " * weights" if net.weighted else ""
    yield "outputs-multiplied", {name: f"({slope}) * Y.shape[0]"}
    for count in ("* 12", "/ 7", *(["/ X.shape[0]"] if net.inputs else [])):
        yield "another-count", {name: f"({slope}) {count}"}
    if net.cost == "squared_error":
        yield "factor-half", {name: f"({slope}) * 0.5"}
    if net.layers[-1].function or net.cost in LINKS:
        yield "preactivation-in-cost", {name: _swapped(slope, A, Z)}
    if net.cost not in LINKS:
        yield "target-missing", {name: _swapped(slope, "Y", "0")}
        return
    if net.cost == "cross_entropy":
        yield "softmax-derivative-missing", {name: f"-Y / {A}{weights}"}
        yield "softmax-elementwise", {name: f"-Y / {A} * {A} * (1 - {A}){weights}"}
        yield "target-class-only", {name: f"torch.where(Y == 1, {slope}, 0.0 * Y)"}
    else:
        yield "link-twice", {name: f"({LINKS[net.cost].replace('Z', A)} - Y){weights}"}
    prime = A if net.cost == "poisson" else f"{A} * (1 - {A})"
    yield "link-derivative-twice", {name: f"({slope}) * {prime}"}


def _forward(lines: Mapping[str, str], net: Net) -> Iterator[Slip]:
    for i, layer in enumerate(net.layers, 1):
        without = lines[f"Z{i}"].replace(f" + b{layer.number}[:, None]", "")
        yield "bias-missing-in-forward", {f"Z{i}": without}
        if layer.function:
            made = f"H{i}" if f"H{i}" in lines else f"A{i}"
            plain = lines[made].replace(f"{layer.function}(Z{i})", f"Z{i}")
            yield "function-missing-in-forward", {made: plain}
        elif net.cost in ("binary_cross_entropy", "poisson"):
            yield "function-missing-in-forward", {f"A{i}": f"Z{i}"}
    for function in (
        {} if not net.inputs else {layer.function: 0 for layer in net.layers if layer.function}
    ):
        yield "function-on-input", {"A0": lines["A0"].replace("X", f"{function}(X)")}


def _of_another_layer(lines: Mapping[str, str], net: Net, i: int) -> Iterator[Slip]:
    """f′ of another z, δ passed through another W."""
    layer = net.layers[i - 1]
    delta = lines[f"dZ{i}"]
    if "_prime" in delta:
        for other in _others(lines, f"Z{i}"):
            yield "layers-off-by-one", {f"dZ{i}": _swapped(delta, f"Z{i}", other)}
    if f"dA{i - 1}" in lines:
        below, W = f"dA{i - 1}", f"W{layer.number}"
        for other in _others(lines, W):
            yield "layers-off-by-one", {below: _swapped(lines[below], W, other)}
        summed = f"dZ{i} * {W}.sum(0)[:, None]"
        index = lines[below].replace(f"{W}.T @ dZ{i}", summed)
        yield "wrong-index-under-sum", {below: index}


def _weights(lines: Mapping[str, str], net: Net) -> Iterator[Slip]:
    """Another layer's a or δ in a weight's and a bias's gradient; penalties that are others."""
    for n in net.numbers:
        dW, db = f"dW{n}", f"db{n}"
        uses = [i for i, layer in enumerate(net.layers, 1) if layer.number == n]
        for i in uses:
            for other in _others(lines, f"A{i - 1}"):
                yield "layers-off-by-one", {dW: _swapped(lines[dW], f"A{i - 1}", other)}
            for other in _others(lines, f"dZ{i}"):
                new = {dW: _swapped(lines[dW], f"dZ{i}", other)}
                bias = {db: _swapped(lines[db], f"dZ{i}", other)}
                yield "bias-from-wrong-delta", bias
                if len(uses) == 1:
                    yield "layers-off-by-one", new
                    yield "layers-off-by-one", new | bias
        if len(uses) > 1:
            for one in lines[db].split(" + "):
                yield "tied-counted-once", {db: one}
        elif uses[0] > 1 and (function := net.layers[uses[0] - 2].function):
            x = f"A{uses[0] - 1}"
            if not net.layers[uses[0] - 2].after:
                prime = f"{function}_prime(Z{uses[0] - 1})"
                yield "activation-overwritten", {dW: _swapped(lines[dW], x, prime)}
    if not net.l2:
        return
    on_biases = {f"db{n}": f"{lines[f'db{n}']} + {net.l2} * b{n}" for n in net.numbers}
    for db, new_bias in on_biases.items():
        yield "l2-on-biases", {db: new_bias}
    if len(on_biases) > 1:
        yield "l2-on-biases", on_biases
    for n in net.numbers:
        for factor in ("1.0", f"0.37 * {net.l2}"):
            scaled = lines[f"dW{n}"].replace(f"+ {net.l2} * W{n}", f"+ {factor} * W{n}")
            yield "l2-not-scaled", {f"dW{n}": scaled}
