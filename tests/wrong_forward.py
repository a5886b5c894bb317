"""Forward passes that are not the network's, made by editing code; the backward pass is right.

Edits the syntax tree of a NumPy training step, knowing nothing of how ClearProp writes or finds
mistakes: this file may import neither the catalogue nor the plan.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from wrong_editor import Editor, Wrong, instead, text


def forward_edits(code: Editor) -> Iterator[Wrong]:
    """Every mistake of the forward pass, at each of its lines."""
    for name in code.names("z"):
        value = code.lines[name]
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            yield code.wrong("bias-missing-in-forward", {name: text(value.left)})
    functions = []
    for name in code.names("a"):
        value = code.lines[name]
        function = text(value.func) if isinstance(value, ast.Call) else ""
        if function.startswith("np.") or function in ("", "identity", "softmax"):
            continue
        assert isinstance(value, ast.Call)
        functions.append(function)
        yield code.wrong("function-missing-in-forward", {name: text(value.args[0])})
    for function in dict.fromkeys(functions):
        yield from _on_input(code, function)


def _on_input(code: Editor, function: str) -> Iterator[Wrong]:
    """The first layer's input goes through f, as every other layer's does."""
    for name in code.names("a"):
        given = text(code.lines[name])
        if not given.startswith("X") or name in code.indices:
            continue
        readers = tuple(code.readers(name))
        write = partial(code.with_lines, {name: f"{function}({given})"})
        yield Wrong("function-on-input", readers, write)
        for kind in ("z", "dW"):  # in the forward pass alone, in the gradient alone
            new = {line: instead(code.lines[line], name, f"{function}({name})")
                   for line in readers if line.startswith(kind)}  # fmt: skip
            if new:
                yield code.wrong("function-on-input", new)
