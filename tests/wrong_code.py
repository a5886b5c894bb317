"""Wrong backward passes, made by editing code: what people's mistakes look like in NumPy.

Edits the syntax tree of a NumPy training step, line by line, knowing nothing of how ClearProp
writes or finds mistakes: this file may import neither the catalogue nor the plan.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Wrong:
    """A wrong program: the mistake that was put in, and the line it was put into."""

    mistake: str
    place: str  # the variable whose line is wrong
    source: str

    def function(self) -> Callable[..., Any]:
        names: dict[str, Any] = {}
        exec(compile(self.source, "<wrong code>", "exec"), names)  # our own text
        return names["gradient"]


class Editor:
    """A program's syntax tree with its assignments by name."""

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self.main = next(
            n for n in self.tree.body if isinstance(n, ast.FunctionDef) and n.name == "gradient"
        )
        self.lines = {
            line.targets[0].id: line.value
            for line in self.main.body
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        }

    def with_line(self, name: str, value: str, before: dict[str, list[str]] | None = None) -> str:
        """The program with another right-hand side, and lines put before others."""
        body: list[ast.stmt] = []
        for line in self.main.body:
            target = line.targets[0] if isinstance(line, ast.Assign) else None
            if isinstance(target, ast.Name):
                for new in (before or {}).get(target.id, []):
                    body += ast.parse(new).body
                if target.id == name:
                    line = ast.parse(f"{name} = {value}").body[0]
            body.append(line)
        main = copy.copy(self.main)
        main.body = body
        rest = [main if node is self.main else node for node in self.tree.body]
        return ast.unparse(ast.Module(rest, []))

    def with_helper(self, name: str, change: Callable[[str], str]) -> str:
        """The program with another formula in one of its functions."""
        tree = copy.deepcopy(self.tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                last = node.body[-1]
                assert isinstance(last, ast.Return) and last.value is not None
                last.value = ast.parse(change(ast.unparse(last.value)), mode="eval").body
        return ast.unparse(ast.fix_missing_locations(tree))


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _summands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_summands(node.left), node.right]
    return [node]


def _is_call(node: ast.AST, ending: str) -> bool:
    return isinstance(node, ast.Call) and _text(node.func).endswith(ending)


def _over_m(node: ast.expr) -> ast.expr | None:
    """x of the x / m."""
    divided = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    return node.left if divided and _text(node.right) == "m" else None  # type: ignore[attr-defined]


def wrong_programs(source: str, cost: str, output: str) -> Iterator[Wrong]:
    """Every mistake of this file, at every line of a right program where it can be made."""
    code = Editor(source)
    for name, value in code.lines.items():
        if name.startswith(("delta", "Delta")):
            yield from _at_cost(code, name, value, cost)
            yield from _at_slope(code, name, value, output)
            yield from _at_product(code, name, value)
            yield from _at_join(code, name, value)
        elif name.startswith("dW"):
            yield from _at_weight(code, name, value)
        elif name.startswith("db"):
            yield from _at_bias(code, name, value)
    for node in code.tree.body:
        helper = isinstance(node, ast.FunctionDef) and node.name.endswith("_prime")
        if helper and node.name != "identity_prime":  # −1 for f′ = 1 is the sign of δ
            wrong = code.with_helper(node.name, lambda text: f"-({text})")
            yield Wrong("derivative-sign", node.name, wrong)


def _at_cost(code: Editor, name: str, value: ast.expr, cost: str) -> Iterator[Wrong]:
    slope = _over_m(value)
    if slope is None:
        return
    text = _text(slope)

    def wrong(mistake: str, new: str) -> Wrong:
        return Wrong(mistake, name, code.with_line(name, new))

    yield wrong("sign-of-delta", f"-({text}) / m")
    yield wrong("mean-missing", text)
    yield wrong("mean-twice", f"({text}) / m / m")
    number = name.removeprefix("Delta").removeprefix("delta")
    yield wrong("sum-over-outputs-as-mean", f"({text}) / y.size")
    if cost == "squared_error":
        yield wrong("factor-two", f"2 * ({text}) / m")
        yield wrong("factor-half", f"0.5 * ({text}) / m")
    if cost == "cross_entropy":
        yield wrong("softmax-twice", f"(softmax(a{number}) - y) / m")
        a = f"a{number}"
        yield wrong("softmax-elementwise", f"-(y / {a}) * {a} * (1 - {a}) / m")
        yield wrong("link-derivative-twice", f"({text}) * {a} * (1 - {a}) / m")
    if cost in ("absolute_error", "log_cosh", "quantile", "huber"):
        yield wrong("squared-error-derivative", f"(a{number} - y) / m")


def _at_slope(code: Editor, name: str, value: ast.expr, output: str) -> Iterator[Wrong]:
    parts = _summands(value)
    for index, part in enumerate(parts):
        if not (isinstance(part, ast.BinOp) and _is_call(part.right, "_prime")):
            continue
        call = part.right
        assert isinstance(call, ast.Call)
        left, z, function = _text(part.left), _text(call.args[0]), _text(call.func)
        if function == "identity_prime":
            continue
        plain = function.removesuffix("_prime")

        def put(mistake: str, new: str, index: int = index) -> Wrong:
            terms = [_text(p) for p in parts]
            terms[index] = new
            return Wrong(mistake, name, code.with_line(name, " + ".join(terms)))

        a = "a" + z[1:]
        missing = "output-derivative-missing" if a == output else "derivative-missing"
        yield put(missing, left)
        if a in code.lines:
            yield put("derivative-of-activation", f"{left} * {function}({a})")
            yield put("function-for-derivative", f"{left} * {a}")
        yield put("derivative-twice", f"{left} * {function}({z}) * {function}({z})")
        if plain not in ("sigmoid", "tanh"):
            yield put("derivative-of-another-function", f"{left} * (1 - np.tanh({z}) ** 2)")


def _at_product(code: Editor, name: str, value: ast.expr) -> Iterator[Wrong]:
    parts = _summands(value)
    for index, part in enumerate(parts):
        if not (isinstance(part, ast.BinOp) and isinstance(part.op, ast.MatMult)):
            continue
        delta, W = _text(part.left), _text(part.right)

        def put(
            mistake: str, new: str, before: list[str] | None = None, index: int = index
        ) -> Wrong:
            terms = [_text(p) for p in parts]
            terms[index] = new
            lines = {name: before} if before else None
            return Wrong(mistake, name, code.with_line(name, " + ".join(terms), lines))

        yield put("transposed-weights", f"{delta} @ {W}.T")
        yield put("product-of-paths", f"np.prod({delta}[:, :, None] * {W}[None], axis=1)")
        yield put("last-unit-only", f"{delta}[:, -1:] * {W}[-1:]")
        yield put(
            "weights-missing", f"{delta}.sum(axis=1, keepdims=True) * np.ones(({W}.shape[1],))"
        )
        yield put("error-passed-without-derivative", f"{delta.replace('delta', 'Delta')} @ {W}")
        gradient = code.lines.get(f"d{W}")
        if gradient is not None and len(_summands(gradient)) <= 2:
            early = f"early = {_text(gradient)}"
            yield put("gradient-for-weights", f"{delta} @ early", [early])
            yield put("updated-weights-in-backward", f"{delta} @ ({W} - 0.37 * early)", [early])


def _at_join(code: Editor, name: str, value: ast.expr) -> Iterator[Wrong]:
    parts = _summands(value)
    if len(parts) < 2:
        return
    for kept in parts:
        others = [part for part in parts if part is not kept]
        lost_identity = len(others) == 1 and isinstance(others[0], ast.Name)
        mistake = "residual-identity-missing" if lost_identity else "last-path-only"
        yield Wrong(mistake, name, code.with_line(name, _text(kept)))
    product = " * ".join(f"({_text(part)})" for part in parts)
    yield Wrong("wires-multiplied", name, code.with_line(name, product))


def _at_weight(code: Editor, name: str, value: ast.expr) -> Iterator[Wrong]:
    parts = _summands(value)
    data = [p for p in parts if isinstance(p, ast.BinOp) and isinstance(p.op, ast.MatMult)]
    penalty = [p for p in parts if p not in data]

    def put(mistake: str, terms: list[str]) -> Wrong:
        return Wrong(mistake, name, code.with_line(name, " + ".join(terms)))

    rest = [_text(p) for p in penalty]
    sums = [_text(p) for p in data]
    yield put("parameter-forgotten", [f"np.zeros_like({name[1:]})"])
    yield put("mean-twice", [f"({' + '.join(sums)}) / m", *rest])
    yield put("accumulated-twice", [f"2 * ({' + '.join(sums + rest)})"])
    if penalty:
        yield put("l2-missing", sums)
        yield put("l2-factor-two", [*sums, f"2 * ({rest[0]})"])
        yield put("l2-over-batch", [*sums, f"({rest[0]}) / m"])
        yield put("l2-sign", [*sums, f"-({rest[0]})"])
    if len(data) > 1:
        for part in data:
            yield put("tied-counted-once", [_text(part), *rest])
        return
    (product,) = data
    delta, x = _text(product.left).removesuffix(".T"), _text(product.right)
    yield put("gradient-transposed", [f"({' + '.join(sums + rest)}).T"])
    yield put("gradients-from-wrong-delta", [f"{delta.replace('delta', 'Delta')}.T @ {x}", *rest])
    yield put("one-sample-only", [f"{delta}[-1:].T @ {x}[-1:]", *rest])
    z = "z" + x[1:]
    if z in code.lines:
        yield put("preactivation-in-gradient", [f"{delta}.T @ {z}", *rest])
        function = code.lines.get(x)
        if function is not None and isinstance(function, ast.Call):
            helper = f"{_text(function.func)}_prime"
            yield put("activation-overwritten", [f"{delta}.T @ {helper}({z})", *rest])


def _at_bias(code: Editor, name: str, value: ast.expr) -> Iterator[Wrong]:
    text = _text(value)

    def put(mistake: str, new: str) -> Wrong:
        return Wrong(mistake, name, code.with_line(name, new))

    yield put("parameter-forgotten", f"np.zeros_like({name[1:]})")
    if text.endswith(".sum(axis=0)") and " + " not in text:
        delta = text.removesuffix(".sum(axis=0)")
        yield put("bias-not-summed", delta)
        yield put("bias-not-summed", f"{delta}[0]")
        yield put("bias-averaged", f"{delta}.mean(axis=0)")
        yield put("bias-from-wrong-delta", f"{delta.replace('delta', 'Delta')}.sum(axis=0)")
    elif text.endswith(".sum()") and " + " not in text:
        delta = text.removesuffix(".sum()")
        yield put("shared-bias-not-summed", f"{delta}.sum(axis=0)")
        yield put("shared-bias-not-summed", f"{delta}[:, 0].sum()")


def runs(wrong: Wrong, *arguments: Any) -> bool:
    """Whether the wrong program runs at all here (a name or a shape may not fit)."""
    try:
        with np.errstate(all="ignore"):
            found = wrong.function()(*arguments)
    except (NameError, ValueError, TypeError, IndexError, AttributeError):
        return False
    return all(np.isfinite(array).all() for array in found.values())
