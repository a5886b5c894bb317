"""Wrong versions of the training step in PyTorch: edits of its syntax tree.

Made without knowing how ClearProp writes or finds mistakes: this file imports nothing of it.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import TypeGuard

from benchmarks.torch_slips import slips
from benchmarks.torch_slips_parts import part_slips
from benchmarks.torch_step import OF_OUTPUT, Layer, Net, source


@dataclass(frozen=True, eq=False)
class Wrong:
    """A wrong step: the mistake's name, the variables whose lines are wrong, the program."""

    mistake: str
    variables: tuple[str, ...]
    write: Callable[[], str]

    @cached_property
    def source(self) -> str:
        """The program's text, written when it is asked for."""
        return self.write()


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
    lines = {
        line.targets[0].id: line.value
        for line in main.body
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
    }
    for name, value in lines.items():
        for mistake, new in _edits(name, value, net, layers):
            yield Wrong(mistake, (name,), partial(_with_lines, tree, {name: new}))
    written = {name: ast.unparse(value) for name, value in lines.items()}
    for mistake, texts in chain(slips(written, net), part_slips(written, net)):
        edited = {name: _text(text) for name, text in texts.items()}
        yield Wrong(mistake, tuple(edited), partial(_with_lines, tree, edited))
    for mistake, form in [
        ("gradient-negated", "-d{0}"),
        ("accumulated-twice", "2 * d{0}"),
        ("update-for-gradient", "-0.05 * d{0}"),
        ("update-for-gradient", "{0} - 0.05 * d{0}"),
    ]:
        returned = ", ".join(f"'{name}': {form.format(name)}" for name in net.parameters)
        write = partial(_with_lines, tree, {}, _text(f"{{{returned}}}"))
        yield Wrong(mistake, ("return",), write)


def _with_lines(
    tree: ast.Module, new: Mapping[str, ast.expr], returned: ast.expr | None = None
) -> str:
    """The program with other right-hand sides, or another thing returned."""
    main = copy.copy(tree.body[-1])
    assert isinstance(main, ast.FunctionDef)
    body: list[ast.stmt] = []
    for line in main.body:
        target = line.targets[0] if isinstance(line, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in new:
            line = ast.Assign([target], new[target.id], lineno=1)
        elif isinstance(line, ast.Return) and returned is not None:
            line = ast.Return(returned)
        body.append(line)
    main.body = body
    program = ast.Module([*tree.body[:-1], main], [])
    return ast.unparse(ast.fix_missing_locations(program))


def _changed(value: ast.expr, change: Callable[[ast.AST], ast.AST | None]) -> ast.expr | None:
    visitor = _Change(change)
    new = visitor.visit(copy.deepcopy(value))
    return new if visitor.count else None  # type: ignore[return-value]


def _edits(
    name: str, value: ast.expr, net: Net, layers: dict[int, Layer]
) -> Iterator[tuple[str, ast.expr]]:
    written = ast.unparse(value)
    kind = name.rstrip("0123456789")
    number, last = name.removeprefix(kind), len(layers)
    weights = " * weights" if net.weighted else ""
    if kind in ("dA", "dZ") and int(number) == last and "Y" in written:
        yield "sign-of-delta", _text(f"-({written})")
        yield "sum-over-outputs-as-mean", _text(f"({written}) / Y.shape[0]")
        yield "cost-for-derivative", _text(f"(A{last} - Y).abs(){weights}")
        kept = "(torch.arange(Y.shape[1]) < Y.shape[1] - 1)"
        yield "sample-left-out", _text(f"({written}) * {kept}")
        if net.cost == "squared_error":
            yield "cost-for-derivative", _text(f"(A{last} - Y) ** 2{weights}")
            yield "factor-two", _text(f"2 * ({written})")
            yield "target-missing", _text(f"A{last}{weights}")
        if net.cost == "cross_entropy":
            yield "softmax-twice", _text(f"(torch.softmax(A{last}, 0) - Y){weights}")
        if net.cost in ("absolute_error", "log_cosh", "huber"):
            yield "squared-error-derivative", _text(f"(A{last} - Y){weights}")
    if kind == "dZ" and (prime := _changed(value, lambda n: n.left if _binary(n, ast.Mult)
                                           and _is_prime(n.right) else None)):  # fmt: skip
        f = layers[int(number)].function
        missing = "output-derivative-missing" if int(number) == last else "derivative-missing"
        yield missing, prime
        before = ast.unparse(prime)
        yield "derivative-of-activation", _text(f"{before} * {f}_prime({f}(Z{number}))")
        yield "function-for-derivative", _text(f"{before} * {f}(Z{number})")
        if f in OF_OUTPUT:  # the helper expects the layer's output
            of_output = OF_OUTPUT[f].format(f"Z{number}")
            yield "preactivation-in-derivative", _text(f"{before} * {of_output}")
        yield "derivative-twice", _text(f"{written} * {f}_prime(Z{number})")
        yield "derivative-sign", _text(f"-({written})")
        if f == "relu":
            yield "relu-mask-inverted", _text(f"{before} * (Z{number} < 0)")
            if int(number) < last:
                yield "derivative-of-arriving", _text(f"{before} * ({before} > 0)")
        if f == "sigmoid":
            yield "derivative-misremembered", _text(f"{before} * (1 - {f}(Z{number}))")
        if f == "tanh":
            yield "derivative-misremembered", _text(f"{before} * (1 - {f}(Z{number}))")
        else:
            yield (
                "derivative-of-another-function",
                _text(f"{before} * (1 - torch.tanh(Z{number}) ** 2)"),
            )
    if kind == "dZ":
        yield "mean-twice", _text(f"({written}) / m")
    if kind == "dA" and int(number) < last:
        yield from _passed_back(int(number), value, net, layers)
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
            yield "bias-summed-over-units", _text(written.replace(".sum(1)", ".sum()"))
            yield "bias-averaged", _text(written.replace(".sum(1)", ".mean(1)"))
            yield "bias-from-wrong-delta", _text(_before(written, net))


def _before(written: str, net: Net) -> str:
    """The same of what stands before f′."""
    return re.sub(r"dZ(\d+)", lambda found: net.before(int(found[1])), written)


def _passed_back(
    number: int, value: ast.expr, net: Net, layers: dict[int, Layer]
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
    ones = f"torch.ones({layer.inputs}, 1, dtype=Y.dtype)"
    yield "weights-missing", put(f"{ones} @ {dZ}.sum(0, keepdim=True)")
    yield "error-passed-without-derivative", put(f"{W}.T @ {net.before(number + 1)}")
    if layer.units > 1:
        yield "last-unit-only", put(f"{W}[-1:].T @ {dZ}[-1:]")
        yield "product-of-paths", put(f"({W}[:, :, None] * {dZ}[:, None]).prod(0)")
    if added:
        if layer.residual:
            yield "residual-identity-missing", product
        else:
            yield "last-path-only", product
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
        yield "l1-for-l2", put(*sums, f"{net.l2} * torch.sign({W})")
    if len(data) > 1:
        for one in sums:
            yield "tied-counted-once", put(one, *penalty)
        return
    yield "gradient-transposed", _text(f"({ast.unparse(value)}).T")
    yield "gradients-from-wrong-delta", put(_before(sums[0], net), *penalty)
    index = int(sums[0].split(" ")[0][2:])
    product = f"dZ{index}[:, -1:] @ A{index - 1}[:, -1:].T / m"
    yield "one-sample-only", put(product, *penalty)
    if index > 1 and net.layers[index - 2].after in ("", "residual"):
        yield "preactivation-in-gradient", put(sums[0].replace(f"A{index - 1}", f"Z{index - 1}"),
                                               *penalty)  # fmt: skip
