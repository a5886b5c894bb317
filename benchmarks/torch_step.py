"""A training step in PyTorch by hand, as courses write it, and wrong versions of it.

One sample a column, the mean in the gradients: another layout and another place of 1/m than
ClearProp's. The wrong versions are edits of the step's syntax tree, made without knowing how
ClearProp writes or finds mistakes: this file imports nothing of it.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeGuard

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


@dataclass(frozen=True)
class Wrong:
    """A wrong step: the mistake's name, the variable whose line is wrong, the program."""

    mistake: str
    variable: str
    source: str


class _Change(ast.NodeTransformer):
    """Replaces what a function finds, everywhere in an expression."""

    def __init__(self, change: Callable[[ast.AST], ast.AST | None]) -> None:
        self.change, self.count = change, 0

    def visit(self, node: ast.AST) -> ast.AST:
        found = self.change(node)
        if found is not None:
            self.count += 1
            return found
        return self.generic_visit(node)


def _binary(node: ast.AST, op: type[ast.operator]) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, op)


def _is_prime(node: ast.AST) -> bool:
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return call and node.func.id.endswith("_prime")  # type: ignore[attr-defined]


def _text(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _terms(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_terms(node.left), node.right]
    return [node]


def _undivided(node: ast.AST) -> ast.AST | None:
    if _binary(node, ast.Div) and ast.unparse(node.right) == "m":
        return node.left
    return None


def wrong_steps(net: Net) -> Iterator[Wrong]:
    """Yield every mistake of this file at every line where it can be made."""
    tree = ast.parse(source(net))
    main = tree.body[-1]
    assert isinstance(main, ast.FunctionDef)
    layers = dict(enumerate(net.layers, 1))
    for place, line in enumerate(main.body):
        if not (isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)):
            continue
        name = line.targets[0].id
        for mistake, value in _edits(name, line.value, net, layers):
            wrong = copy.copy(main)
            wrong.body = list(main.body)
            wrong.body[place] = ast.Assign([ast.Name(name, ast.Store())], value, lineno=1)
            program = ast.Module([*tree.body[:-1], wrong], [])
            yield Wrong(mistake, name, ast.unparse(ast.fix_missing_locations(program)))


def _changed(value: ast.expr, change: Callable[[ast.AST], ast.AST | None]) -> ast.expr | None:
    visitor = _Change(change)
    new = visitor.visit(copy.deepcopy(value))
    return new if visitor.count else None  # type: ignore[return-value]


def _edits(
    name: str, value: ast.expr, net: Net, layers: dict[int, Layer]
) -> Iterator[tuple[str, ast.expr]]:
    written = ast.unparse(value)
    kind, number = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyzWZA")
    last = len(layers)
    if kind in ("dA", "dZ") and int(number) == last and "Y" in written:
        yield "sign-of-delta", _text(f"-({written})")
        yield "sum-over-outputs-as-mean", _text(f"({written}) / Y.shape[0]")
        if net.cost == "squared_error":
            yield "factor-two", _text(f"2 * ({written})")
            yield "target-missing", _text(f"A{last}")
        if net.cost == "cross_entropy":
            yield "softmax-twice", _text(f"torch.softmax(A{last}, 0) - Y")
        if net.cost in ("absolute_error", "log_cosh", "huber"):
            yield "squared-error-derivative", _text(f"A{last} - Y")
    if kind == "dZ" and (prime := _changed(value, lambda n: n.left if _binary(n, ast.Mult)
                                           and _is_prime(n.right) else None)):  # fmt: skip
        f = layers[int(number)].function
        missing = "output-derivative-missing" if int(number) == last else "derivative-missing"
        yield missing, prime
        before = ast.unparse(prime)
        yield "derivative-of-activation", _text(f"{before} * {f}_prime({f}(Z{number}))")
        yield "function-for-derivative", _text(f"{before} * {f}(Z{number})")
        yield "derivative-twice", _text(f"{written} * {f}_prime(Z{number})")
        yield "derivative-sign", _text(f"-({written})")
        if f != "tanh":
            yield (
                "derivative-of-another-function",
                _text(f"{before} * (1 - torch.tanh(Z{number}) ** 2)"),
            )
    if kind == "dZ":
        yield "mean-twice", _text(f"({written}) / m")
    if kind == "dA" and int(number) < last:
        yield from _passed_back(int(number), value, layers)
    if kind == "dW":
        yield from _of_weights(name, value, net)
    if kind == "db":
        yield "parameter-forgotten", _text(f"torch.zeros_like({name[1:]})")
        summed = _changed(value, _undivided)
        assert summed is not None
        yield "mean-missing", summed
        yield "accumulated-twice", _text(f"2 * ({written})")
        if len(_terms(value)) == 1:
            yield "bias-not-summed", _text(written.replace(".sum(1)", "[:, 0]"))
            yield "bias-not-summed", _text(written.replace(".sum(1)", ""))
            yield "bias-averaged", _text(written.replace(".sum(1)", ".mean(1)"))
            yield "bias-from-wrong-delta", _text(written.replace("dZ", "dA"))


def _passed_back(
    number: int, value: ast.expr, layers: dict[int, Layer]
) -> Iterator[tuple[str, ast.expr]]:
    layer = layers[number + 1]
    product, *added = _terms(value)
    rest = "".join(f" + {ast.unparse(term)}" for term in added)
    W, dZ = f"W{layer.number}", f"dZ{number + 1}"

    def put(text: str) -> ast.expr:
        return _text(text + rest)

    if layer.inputs == layer.units > 1:
        yield "transposed-weights", put(f"{W} @ {dZ}")
    tied = sum(other.number == layer.number for other in layers.values()) > 1
    if not tied:
        yield "gradient-for-weights", put(f"d{W}.T @ {dZ}")
        yield "updated-weights-in-backward", put(f"({W} - 0.3 * d{W}).T @ {dZ}")
    ones = f"torch.ones({layer.inputs}, 1, dtype=X.dtype)"
    yield "weights-missing", put(f"{ones} @ {dZ}.sum(0, keepdim=True)")
    yield "error-passed-without-derivative", put(f"{W}.T @ dA{number + 1}")
    if layer.units > 1:
        yield "last-unit-only", put(f"{W}[-1:].T @ {dZ}[-1:]")
        yield "product-of-paths", put(f"({W}[:, :, None] * {dZ}[:, None]).prod(0)")
    if added:
        yield "residual-identity-missing", product
        yield "last-path-only", added[0]
        yield "wires-multiplied", _text(f"({ast.unparse(product)}) * {ast.unparse(added[0])}")


def _of_weights(name: str, value: ast.expr, net: Net) -> Iterator[tuple[str, ast.expr]]:
    terms = _terms(value)
    data = [term for term in terms if "@" in ast.unparse(term)]
    penalty = [ast.unparse(term) for term in terms if term not in data]
    sums = [ast.unparse(term) for term in data]

    def put(*texts: str) -> ast.expr:
        return _text(" + ".join(texts))

    W = name[1:]
    yield "parameter-forgotten", _text(f"torch.zeros_like({W})")
    undivided = [ast.unparse(new) for term in data if (new := _changed(term, _undivided))]
    yield "mean-missing", put(*undivided, *penalty)
    yield "mean-twice", put(f"({' + '.join(sums)}) / m", *penalty)
    yield "accumulated-twice", put(f"2 * ({ast.unparse(value)})")
    if penalty:
        yield "l2-missing", put(*sums)
        yield "l2-factor-two", put(*sums, f"2 * {penalty[0]}")
        yield "l2-over-batch", put(*sums, f"{penalty[0]} / m")
        yield "l2-sign", put(*sums, f"-({penalty[0]})")
    if len(data) > 1:
        for one in sums:
            yield "tied-counted-once", put(one, *penalty)
        return
    yield "gradient-transposed", _text(f"({ast.unparse(value)}).T")
    yield "gradients-from-wrong-delta", put(sums[0].replace("dZ", "dA"), *penalty)
    index = int(sums[0].split(" ")[0][2:])
    product = f"dZ{index}[:, -1:] @ A{index - 1}[:, -1:].T / m"
    yield "one-sample-only", put(product, *penalty)
    if index > 1:
        yield "preactivation-in-gradient", put(sums[0].replace(f"A{index - 1}", f"Z{index - 1}"),
                                               *penalty)  # fmt: skip
