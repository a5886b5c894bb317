"""Edits of a program's syntax tree, line by line: the ground that wrong code is made on.

Knows nothing of how ClearProp writes or finds mistakes: this file may import neither the catalogue
nor the plan.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Wrong:
    """A wrong program: the mistake that was put in, and the lines it was put into."""

    mistake: str
    places: tuple[str, ...]  # the variables whose lines are wrong
    write: Callable[[], str]
    line: str = ""  # the new right-hand side, where one line is all that is wrong

    @cached_property
    def source(self) -> str:
        """The program's text, written when it is asked for: there are hundreds."""
        return self.write()

    def function(self) -> Callable[..., Any]:
        names: dict[str, Any] = {}
        exec(compile(self.source, "<wrong code>", "exec"), names)  # our own text
        return names["gradient"]


class Editor:
    """A program's syntax tree with its assignments by name, in their order."""

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
        self.weighted = "w" in self.lines
        #: Inputs that are no numbers: something is looked up with them.
        self.indices = {
            text(n.slice)
            for n in ast.walk(self.main)
            if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Name)
        }
        #: What a mean over the batch divides by.
        self.batch = "sample_weight.sum()" if self.weighted else "m"

    def names(self, *starts: str) -> list[str]:
        """The variables of this kind: of a letter or a word, and a number or a name."""
        return [
            name
            for name in self.lines
            if any(name.startswith(s) and name[len(s) :][:1] in (*"0123456789_",) for s in starts)
        ]

    def readers(self, name: str) -> list[str]:
        """The variables whose lines read another one."""
        return [
            line
            for line, value in self.lines.items()
            if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(value))
        ]

    def with_lines(
        self, new: Mapping[str, str], before: Mapping[str, Sequence[str]] | None = None
    ) -> str:
        """The program with other right-hand sides, and lines put before others."""
        body: list[ast.stmt] = []
        for line in self.main.body:
            target = line.targets[0] if isinstance(line, ast.Assign) else None
            if isinstance(target, ast.Name):
                for added in (before or {}).get(target.id, ()):
                    body += ast.parse(added).body
                if target.id in new:
                    line = ast.parse(f"{target.id} = {new[target.id]}").body[0]
            body.append(line)
        return self._with_body(body)

    def wrong(self, mistake: str, new: Mapping[str, str], **before: Sequence[str]) -> Wrong:
        """A wrong program by its wrong lines."""
        line = next(iter(new.values())) if len(new) == 1 and not any(before.values()) else ""
        return Wrong(mistake, tuple(new), partial(self.with_lines, new, before), line)

    def with_returned(self, change: Callable[[str], str]) -> str:
        """The program that returns another thing for each gradient."""
        *body, last = copy.deepcopy(self.main.body)
        assert isinstance(last, ast.Return) and isinstance(last.value, ast.Dict)
        last.value.values = [expression(change(text(value))) for value in last.value.values]
        return self._with_body([*body, last])

    def with_helper(self, name: str, change: Callable[[str], str]) -> str:
        """The program with another formula in one of its functions."""
        tree = copy.deepcopy(self.tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                last = node.body[-1]
                assert isinstance(last, ast.Return) and last.value is not None
                last.value = expression(change(text(last.value)))
        return ast.unparse(ast.fix_missing_locations(tree))

    def _with_body(self, body: list[ast.stmt]) -> str:
        main = copy.copy(self.main)
        main.body = body
        rest = [main if node is self.main else node for node in self.tree.body]
        return ast.unparse(ast.Module(rest, []))


def text(node: ast.AST) -> str:
    return ast.unparse(node)


def expression(written: str) -> ast.expr:
    return ast.parse(written, mode="eval").body


def summands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*summands(node.left), node.right]
    return [node]


def with_summand(parts: Sequence[ast.expr], index: int, new: str) -> str:
    """A sum with one of its summands replaced."""
    return " + ".join(new if i == index else text(part) for i, part in enumerate(parts))


def instead(written: str | ast.AST, old: str, new: str) -> str:
    """An expression with another one for each use of a variable."""

    class Change(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return expression(new) if node.id == old else node

    tree = expression(written if isinstance(written, str) else text(written))
    return text(Change().visit(tree))


def is_call(node: ast.AST, ending: str) -> bool:
    return isinstance(node, ast.Call) and text(node.func).endswith(ending)


def is_product(node: ast.AST, kind: type[ast.operator] = ast.Mult) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, kind)


def number_of(name: str) -> str:
    """What stands after the letters: ``"2"`` of ``"delta2"``, ``"_e"`` of ``"E_e"``."""
    return name[len(name.rstrip("0123456789")) :] or name[name.index("_") :]


def runs(wrong: Wrong, right: Mapping[str, Any], *arguments: Any, **more: Any) -> bool:
    """Whether the wrong program runs at all here, and to gradients of shapes that it should have.

    A name or a shape may not fit; of the shapes, only a bias's that is not summed may differ, and a
    transposed weight's.
    """
    try:
        with np.errstate(all="ignore"):
            found = wrong.function()(*arguments, **more)
    except (NameError, ValueError, TypeError, IndexError, AttributeError):
        return False
    if not all(np.isfinite(array).all() for array in found.values()):
        return False
    odd = {n for n, array in found.items() if np.shape(array) != np.shape(right[n])}
    return not odd or wrong.mistake in SHAPED


#: Mistakes that give gradients other shapes, and are still named.
SHAPED = ("bias-not-summed", "bias-summed-over-units", "shared-bias-not-summed",
          "gradient-transposed")  # fmt: skip
