"""Mutants of the program by cosmic-ray's operators: where they are drawn and how they are made.

What is equal to the original but for annotations and docstrings is no mutant.
"""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ROOMS", "ROOT", "SOURCE", "Mutant", "Room", "changed_lines", "draw", "file_of",
           "made_again", "module_of", "modules_of"]  # fmt: skip

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "clearprop"

PRINTERS = ("printers", "pages")
"""Folders of the derivation that print."""


@dataclass(frozen=True)
class Room:
    """Modules that are changed together with the tests that must see it.

    Parameters
    ----------
    name : str
    modules, tests : tuple of str
        Patterns of files.
    without : tuple of str
        Folders that are another room's.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()


FORMULAS = (
    "test_plan*", "test_operations*", "test_expressions", "test_paths", "test_graph",
    "test_network", "test_gradients", "test_worked_example", "test_reference_runner",
    "test_wrong_types", "test_engine_lowering", "test_native_generated",
)  # fmt: skip
PAGES = ("test_notation*", "test_derivation*")
ROOMS = (
    Room("operations", ("operations/*.py",), FORMULAS),
    Room("plan", ("backprop/*.py",), FORMULAS),
    Room("derivation", ("derivation/**/*.py",), PAGES, PRINTERS),
    Room("printers", tuple(f"derivation/{name}/*.py" for name in PRINTERS), PAGES),
)


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Parameters
    ----------
    room, module : str
        ``module`` as it is imported.
    operator : str
        Of cosmic-ray.
    occurrence : int
        Which place of the operator, from 0.
    change : str
        The lines that differ.
    """

    room: str
    module: str
    operator: str
    occurrence: int
    change: str


def draw(room: Room, each: int, seed: int) -> tuple[list[tuple[Mutant, str]], int]:
    """Draw mutants of a room, all equally likely; and how many changes there are to draw from."""
    found = list(_all(room))
    picked = random.Random(f"{seed} {room.name}").sample(found, len(found))
    chosen: list[tuple[Mutant, str]] = []
    for path, operator, place in picked:
        mutant = _mutated(room.name, path, operator, place)
        if mutant is not None:
            chosen.append(mutant)
        if len(chosen) == each:
            break
    return chosen, len(found)


def modules_of(room: Room) -> list[Path]:
    """Return the files of a room."""
    found = {path for pattern in room.modules for path in SOURCE.glob(pattern)}
    if len(found) < len(room.modules):
        raise FileNotFoundError(f"{room.name}: a file of {room.modules} is not in {SOURCE}")
    return sorted(path for path in found if path.parent.name not in room.without)


def _all(room: Room) -> Iterator[tuple[Path, str, int]]:
    import cosmic_ray.plugins as plugins
    from cosmic_ray.ast import ast_nodes, get_ast

    for path in modules_of(room):
        tree = get_ast(path.read_text("utf-8"))
        for name in plugins.operator_names():
            if "variable" in name.lower():  # these want a configuration
                continue
            operator = plugins.get_operator(name)()
            places = (p for node in ast_nodes(tree) for p in operator.mutation_positions(node))
            for place, _ in enumerate(places):
                yield path, name, place


def _mutated(room: str, path: Path, operator: str, place: int) -> tuple[Mutant, str] | None:
    import cosmic_ray.plugins as plugins
    from cosmic_ray.mutating import mutate_code

    before = path.read_text("utf-8")
    after = mutate_code(before, plugins.get_operator(operator)(), place)
    if after is None or _meaning(before) == _meaning(after):
        return None
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    change = "\n".join(line for line in lines if line[:3] not in ("---", "+++", "@@ "))
    return Mutant(room, module_of(path), operator.removeprefix("core/"), place, change), after


def _meaning(source: str) -> str:
    """The program without annotations, docstrings and type variables."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(0)
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant("")
    return ast.dump(tree)


def changed_lines(module: str, after: str) -> set[int]:
    """Lines of the original's statements that a mutant changes (a header without its block)."""
    before = file_of(module).read_text("utf-8")
    blocks = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    changed = {line + 1 for tag, start, stop, *_ in blocks.get_opcodes() if tag != "equal"
               for line in range(start, max(stop, start + 1))}  # fmt: skip
    found = set(changed)
    for node in ast.walk(ast.parse(before)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            own = set(range(node.lineno, max(last, node.lineno) + 1))
            if own & changed and len(own) < 60:
                found |= own
    return found


def made_again(one: Mapping[str, Any]) -> str | None:
    """Make a known change in today's source, where the changed lines are still there."""
    path, operator = file_of(one["module"]), f"core/{one['operator']}"
    near = sorted(range(one["occurrence"] + 40), key=lambda place: abs(place - one["occurrence"]))
    for place in near:
        made = _mutated(one["room"], path, operator, place)
        if made is not None and made[0].change == one["change"]:
            return made[1]
    return None


def module_of(path: Path) -> str:
    """Return the name a file is imported by."""
    relative = path.relative_to(SOURCE.parent).with_suffix("")
    return ".".join(relative.parts).removesuffix(".__init__")


def file_of(module: str) -> Path:
    """Return the file of a module."""
    path = SOURCE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
