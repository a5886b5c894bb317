"""Another layer's quantity in a line, made by editing code: an index that slipped.

Edits the syntax tree of a NumPy training step, knowing nothing of how ClearProp writes or finds
mistakes: this file may import neither the catalogue nor the plan. What does not run, or not to
gradients of the right shapes, is left out where the programs are run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from wrong_editor import (
    Editor,
    Wrong,
    instead,
    is_call,
    is_product,
    number_of,
    summands,
    text,
    with_summand,
)


def index_edits(code: Editor) -> Iterator[Wrong]:
    """Each z, a, δ and W of the backward pass in turn taken from another layer."""
    for name in code.names("delta", "Delta"):
        yield from _at_delta(code, name)
    for name in code.names("dW"):
        yield from _at_weight(code, name)
    for name in code.names("db"):
        yield from _at_bias(code, name)
    yield from _everywhere(code)


def _at_delta(code: Editor, name: str) -> Iterator[Wrong]:
    parts = summands(code.lines[name])
    for index, part in enumerate(parts):
        if not isinstance(part, ast.BinOp):
            continue
        left, right = text(part.left), part.right
        if is_call(right, "_prime") and not is_call(right, "identity_prime"):
            assert isinstance(right, ast.Call)
            z, prime = text(right.args[0]), text(right.func)
            others = [f"{left} * {prime}({other})" for other in code.names("z") if other != z]
        elif is_product(part, ast.MatMult):
            W = text(right)
            others = [f"{left} @ {other}" for other in code.names("W") if other != W]
        else:
            continue
        for new in others:
            yield code.wrong("layers-off-by-one", {name: with_summand(parts, index, new)})


def _at_weight(code: Editor, name: str) -> Iterator[Wrong]:
    parts = summands(code.lines[name])
    for index, part in enumerate(parts):
        if not (isinstance(part, ast.BinOp) and is_product(part, ast.MatMult)):
            continue
        delta, x = text(part.left).removesuffix(".T"), text(part.right)
        uses = [f"{delta}.T @ {a}" for a in code.names("a") if a not in (x, *code.indices)]
        uses += [f"{other}.T @ {x}" for other in code.names("delta") if other != delta]
        for new in uses:
            yield code.wrong("layers-off-by-one", {name: with_summand(parts, index, new)})
        bias = f"db{number_of(name)}"
        if bias in code.lines and len(summands(code.lines[bias])) == 1:
            for other in code.names("delta"):  # the whole layer takes another layer's δ
                if other != delta:
                    new = with_summand(parts, index, f"{other}.T @ {x}")
                    summed = text(code.lines[bias]).replace(delta, other)
                    yield code.wrong("layers-off-by-one", {name: new, bias: summed})


def _at_bias(code: Editor, name: str) -> Iterator[Wrong]:
    parts = summands(code.lines[name])
    for index, part in enumerate(parts):
        delta, _, summed = text(part).partition(".")
        for other in code.names("delta"):
            if other != delta:
                new = with_summand(parts, index, f"{other}.{summed}")
                yield code.wrong("bias-from-wrong-delta", {name: new})


def _everywhere(code: Editor) -> Iterator[Wrong]:
    """The index slips in a loop, so at every layer: f′ of the layer above, or a of this layer."""
    zs = code.names("z")
    above = dict(pairwise(zs))
    new = {}
    for name in code.names("delta"):
        value = code.lines[name]
        if isinstance(value, ast.BinOp) and is_call(value.right, "_prime"):
            assert isinstance(value.right, ast.Call)
            z = text(value.right.args[0])
            if z in above:
                new[name] = f"{text(value.left)} * {text(value.right.func)}({above[z]})"
    if len(new) > 1:
        yield code.wrong("layers-off-by-one", new)
    new = {}
    for name in code.names("dW"):
        value = code.lines[name]
        for node in ast.walk(value):
            if isinstance(node, ast.BinOp) and is_product(node, ast.MatMult):
                own = "a" + number_of(text(node.left).removesuffix(".T"))
                new[name] = instead(value, text(node.right), own)
    if len(new) > 1:
        yield code.wrong("layers-off-by-one", new)
