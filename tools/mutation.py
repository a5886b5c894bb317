"""Do the tests see a changed formula? Mutants by cosmic-ray's operators, a sample of each room.

``python tools/mutation.py --seed 1 --each 40 -o mutants.json`` draws mutants of operations, plan,
derivation and printers; each is imported in place of its module by a process of its own, which runs
the tests of the room until one fails. Nothing on disk is changed. What is equal to the original
but for annotations and docstrings is no mutant.

``--page docs/mutation.md`` writes the page from a result (``-o``), in which a person has put beside
each survivor ``"why"`` it is equivalent, or ``"mended"``: the test that kills it now.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "clearprop"
LIMIT = 300
"""Seconds after which a mutant that still runs counts as killed: it does not end."""


@dataclass(frozen=True)
class Room:
    """Modules that are changed together with the tests that must see it, the quickest first."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS = (
    Room("operations", ("operations/*.py",),
         ("test_plan", "test_operations", "test_paths", "test_derivation", "test_graph",
          "test_native_generated", "test_gradients")),
    Room("plan", ("backprop/planning.py", "backprop/following.py", "backprop/running.py"),
         ("test_plan", "test_paths", "test_derivation", "test_graph", "test_network",
          "test_gradients")),
    Room("derivation",
         tuple(f"derivation/{n}.py" for n in (
             "derived", "deriving", "equations", "errata", "expanding", "names", "notation",
              "numbers",
             "rosetta", "rows", "steps", "symbolic", "tree", "verification", "weight", "writing")),
         ("test_notation", "test_derivation_weight", "test_derivation_errata", "test_derivation",
          "test_derivation_latex", "test_derivation_command", "test_derivation_pages")),
    Room("printers",
         tuple(f"derivation/{n}.py" for n in (
             "article", "html", "latex", "layouts", "mathml", "pages", "printing", "terminal")),
         ("test_notation", "test_derivation_errata", "test_derivation_weight",
          "test_derivation_latex", "test_derivation_pages",
          "test_derivation_command", "test_derivation")),
)  # fmt: skip


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


def draw(room: Room, each: int, seed: int) -> list[tuple[Mutant, str]]:
    """Draw mutants of a room: all are equally likely."""
    found = list(_all(room))
    picked = random.Random(f"{seed} {room.name}").sample(found, len(found))
    chosen: list[tuple[Mutant, str]] = []
    for path, operator, place in picked:
        mutant = _mutated(room, path, operator, place)
        if mutant is not None:
            chosen.append(mutant)
        if len(chosen) == each:
            break
    print(f"{room.name}: {len(chosen)} of {len(found):,}", file=sys.stderr)
    return chosen


def _all(room: Room) -> Iterator[tuple[Path, str, int]]:
    import cosmic_ray.plugins as plugins
    from cosmic_ray.ast import ast_nodes, get_ast

    paths = sorted(path for pattern in room.modules for path in SOURCE.glob(pattern))
    for path in paths:
        tree = get_ast(path.read_text("utf-8"))
        for name in plugins.operator_names():
            if "variable" in name.lower():  # these want a configuration
                continue
            operator = plugins.get_operator(name)()
            places = (p for node in ast_nodes(tree) for p in operator.mutation_positions(node))
            for place, _ in enumerate(places):
                yield path, name, place


def _mutated(room: Room, path: Path, operator: str, place: int) -> tuple[Mutant, str] | None:
    import cosmic_ray.plugins as plugins
    from cosmic_ray.mutating import mutate_code

    before = path.read_text("utf-8")
    after = mutate_code(before, plugins.get_operator(operator)(), place)
    if after is None or _meaning(before) == _meaning(after):
        return None
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    change = "\n".join(line for line in lines if line[:3] not in ("---", "+++", "@@ "))
    relative = path.relative_to(SOURCE.parent).with_suffix("")
    module = ".".join(relative.parts).removesuffix(".__init__")
    return Mutant(room.name, module, operator.removeprefix("core/"), place, change), after


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


class Substitute(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module other source text when it is imported."""

    def __init__(self, module: str, source: str) -> None:
        self.module, self.source = module, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        file = _file(name)
        return importlib.util.spec_from_file_location(
            name, file, loader=self,
            submodule_search_locations=[str(file.parent)] if file.name == "__init__.py" else None,
        )  # fmt: skip

    def exec_module(self, module: ModuleType) -> None:
        code: CodeType = compile(self.source, str(_file(self.module)), "exec")
        exec(code, module.__dict__)


def _file(module: str) -> Path:
    path = SOURCE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def survives(mutant: Mutant, source: str, tests: Sequence[str]) -> tuple[bool, str, float]:
    """Run the tests on a mutant in a process of its own: (survived, what ended it, seconds)."""
    start = time.monotonic()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _run(mutant, source, tests, write)
    os.close(write)
    ended = _wait(child)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    return ended == 0, said or f"exit {ended}", time.monotonic() - start


def _run(mutant: Mutant, source: str, tests: Sequence[str], write: int) -> None:
    import pytest

    signal.alarm(LIMIT)
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    sys.meta_path.insert(0, Substitute(mutant.module, source))
    sys.dont_write_bytecode = True

    class Seen:
        """Says which test failed, or which file could not be collected."""

        def pytest_collectreport(self, report: Any) -> None:
            if report.failed:
                os.write(write, f"{report.nodeid} (not importable)".encode())

        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.failed:
                os.write(write, report.nodeid.encode())

    try:
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "not compiles"]
        code = pytest.main([*options, "--rootdir", str(ROOT), *tests], plugins=[Seen()])
        os._exit(int(code))
    except BaseException as error:
        os.write(write, f"{type(error).__name__}: {error}"[:500].encode())
        os._exit(70)


def _wait(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _files(room: Room) -> list[str]:
    return [f"tests/{name}.py" for name in room.tests]


def run(rooms: Sequence[Room], seed: int, each: int, out: Path, trust: bool) -> None:
    """Try mutants of each room; what is known is written after each."""
    for heavy in ("numpy", "pytest"):
        importlib.import_module(heavy)
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]
    os.chdir(ROOT)
    sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in type(f).__module__]
    sys.path.insert(0, str(SOURCE.parent))
    results: list[dict[str, Any]] = []
    work = {room.name: draw(room, each, seed) for room in rooms}
    for room in () if trust else rooms:
        mutant = work[room.name][0][0]
        source = _file(mutant.module).read_text("utf-8")
        survived, by, seconds = survives(mutant, source, _files(room))
        if not survived:
            sys.exit(f"{room.name}: the tests fail without a mutant: {by}")
        print(f"{room.name}: all its tests take {seconds:.0f} s", file=sys.stderr)
    for place in range(each):  # a mutant of each room in turn, so that half a run is a sample too
        for room in rooms:
            if place >= len(work[room.name]):
                continue
            mutant, source = work[room.name][place]
            survived, by, seconds = survives(mutant, source, _files(room))
            results.append({**asdict(mutant), "survived": survived, "by": by,
                            "seconds": round(seconds, 1)})  # fmt: skip
            out.write_text(json.dumps({"seed": seed, "mutants": results}, indent=1), "utf-8")
            if survived:
                print(f"survived: {mutant.module} {mutant.operator}\n{mutant.change}", flush=True)


def page(results: Path) -> str:
    """Return the page about a result, in Markdown."""
    data = json.loads(results.read_text("utf-8"))
    mutants = data["mutants"]
    lines = [
        "# Do the tests see a changed formula?",
        "",
        "A mutant is the program with one small change: a sign, a comparison, a number, a branch. "
        "The operators are cosmic-ray's, fixed before; `python tools/mutation.py` draws mutants of "
        "operations, plan, derivation and printers at random (seed "
        f"{data['seed']}) and runs the room's tests on each. **This is a sample**: "
        f"{len(mutants)} mutants of about 13,000, each equally likely within its room. Annotations "
        "and docstrings are not changed.",
        "",
        "| room | mutants | killed | survived | of these equivalent | killed of the others |",
        "|---|---|---|---|---|---|",
    ]
    rooms = [*dict.fromkeys(one["room"] for one in mutants), "all"]
    for room in rooms:
        own = [one for one in mutants if room in (one["room"], "all")]
        lived = [one for one in own if one["survived"]]
        same = [one for one in lived if one.get("why")]
        killed, others = len(own) - len(lived), len(own) - len(same)
        lines.append(
            f"| {room} | {len(own)} | {killed} | {len(lived)} | {len(same)} | "
            f"{100 * killed / max(1, others):.1f} % |"
        )
    lines += ["", "## Survivors", ""]
    for one in mutants:
        if one["survived"]:
            about = one.get("why") or one.get("mended") or "not looked into yet"
            word = "equivalent" if one.get("why") else "mended" if one.get("mended") else "open"
            lines += [f"- `{one['module']}`, {one['operator']}; {word}: {about}", "",
                      "  ```diff", *(f"  {line}" for line in one["change"].splitlines()),
                      "  ```"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _again_in_a_copy(out: Path) -> None:
    """Start again in a copy of the tree: the sample is of one state of it, whatever is edited."""
    import clearprop._native as native

    copy = Path(tempfile.mkdtemp(prefix="clearprop-mutants-"))
    for folder in ("src", "tests", "tools", "docs", "native", "examples"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("_build"))
    for file in ROOT.glob("*.*"):
        if file.is_file():
            shutil.copy2(file, copy)
    shutil.copy2(str(native.__file__), copy / "src" / "clearprop")
    tool = str(copy / "tools" / Path(__file__).name)
    os.execv(sys.executable, [sys.executable, tool, "--here", *sys.argv[1:], "-o", str(out)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=40, help="mutants of each room")
    parser.add_argument("--room", choices=[room.name for room in ROOMS])
    parser.add_argument("-o", "--out", type=Path, default=Path("mutants.json"))
    parser.add_argument("--here", action="store_true", help="in this tree, not in a copy of it")
    parser.add_argument("--trust", action="store_true", help="the tests pass without a mutant")
    parser.add_argument("--page", type=Path, help="write the page about -o, and run nothing")
    given = parser.parse_args()
    if given.page:
        given.page.write_text(page(given.out), "utf-8")
        return
    if not given.here:
        _again_in_a_copy(given.out.resolve())
    rooms = [room for room in ROOMS if given.room in (None, room.name)]
    run(rooms, given.seed, given.each, given.out, given.trust)


if __name__ == "__main__":
    main()
