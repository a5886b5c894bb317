"""Do the tests see a changed formula? Mutants by cosmic-ray's operators, a sample of each room.

``python tools/mutation.py`` draws mutants (``tools/mutants.py``) of operations, plan, derivation
and printers, and keeps what it finds in ``docs/mutants.json``. It works in a clone of the last
commit (``--folder``) and changes no file there either: a process of its own imports each mutant in
place of its module and runs the tests of the room until one fails, those first that run the changed
lines, the quickest before all. Started again at the same commit it goes on where it was stopped.

A person then puts beside each survivor ``"why"`` it is equivalent, or mends the tests; ``--again``
shows the others to all tests, the long ones too: at the same commit as then what dies was killed,
at a later one it notes in ``"mended"`` which test kills it now.
``tools/mutation_page.py`` writes the page.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from mutants import (
    ROOMS,
    ROOT,
    SOURCE,
    Room,
    changed_lines,
    draw,
    file_of,
    made_again,
    module_of,
    modules_of,
)  # fmt: skip

LIMIT = 1200
"""Seconds after which a mutant that still runs counts as killed: it waits for ever."""
BUSY = 20.0
"""Seconds of work, beside ten times what is usual, after which one test counts as endless."""
MEMORY = 8 << 30
"""Bytes of address space that a mutant may take."""

NO_TESTS = 5
"""The exit code of pytest where no test is left."""
PATIENCE = 60.0
"""Seconds of tests that a mutant is shown; those beyond, the longest, see it with ``--again``."""
FIRST = 40
"""So many tests see a mutant first, alone: most need no more."""

LEFT_OUT = "compiles or browser or (latex and random)"
"""Tests that no mutant is shown: they need a TeX engine or a browser, or take half a minute."""


class Substitute(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module other source text when it is imported."""

    def __init__(self, module: str, source: str) -> None:
        self.module, self.source = module, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        file = file_of(name)
        return importlib.util.spec_from_file_location(
            name, file, loader=self,
            submodule_search_locations=[str(file.parent)] if file.name == "__init__.py" else None,
        )  # fmt: skip

    def exec_module(self, module: ModuleType) -> None:
        code: CodeType = compile(self.source, str(file_of(self.module)), "exec")
        exec(code, module.__dict__)


@dataclass
class Reach:
    """What a run without a mutant shows: each test's seconds, and the functions that it calls.

    A function is its module and its first line; ``lines`` are all its lines.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def near(self, module: str, lines: set[int]) -> list[str]:
        """Tests that call what has the lines (all tests, where none does), the best before all.

        The best are quick and have killed many.
        """
        wanted = {
            name for name, own in self.lines.items()
            if name.startswith(f"{module}:") and not lines.isdisjoint(own)
        }  # fmt: skip
        found = [test for test, calls in self.calls.items() if not wanted.isdisjoint(calls)]
        return sorted(found or self.calls, key=self._cost)

    def within(self, tests: list[str], seconds: float) -> list[str]:
        """Leave out the longest tests, so that the others take no more than so many seconds."""
        short = sorted(tests, key=lambda test: self.seconds[test])
        total = list(accumulate(self.seconds[test] for test in short))
        kept = set(short[: bisect_right(total, seconds)])
        return [test for test in tests if test in kept]

    def _cost(self, test: str) -> float:
        return (0.02 + self.seconds.get(test, 0.0)) / (1 + self.kills[test])


class Tracing:
    """A plugin of pytest: which test calls which functions of the rooms."""

    def __init__(self) -> None:
        self.modules = {str(path): module_of(path) for room in ROOMS for path in modules_of(room)}
        self.reach, self.test = Reach(), ""
        self.seen: set[str] = set()

    def pytest_collection_finish(self, session: Any) -> None:
        session.items.reverse()  # mutants are shown to tests in many orders: none must need its own

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.test, self.seen = nodeid, set()
        sys.settrace(self._call)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        sys.settrace(None)
        self.reach.calls[nodeid] = sorted(self.seen)

    def pytest_runtest_logreport(self, report: Any) -> None:
        seconds = self.reach.seconds
        seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration

    def _call(self, frame: FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        module = self.modules.get(code.co_filename)
        if module is None:
            return
        name = f"{module}:{code.co_firstlineno}"
        if name not in self.seen:
            self.seen.add(name)
            own = {line for *_, line in code.co_lines() if line is not None}
            self.reach.lines[name] = sorted(own | set(self.reach.lines.get(name, ())))


class Judging:
    """A plugin of pytest: these tests in this order, the first that fails, an end to endless ones.

    What it says last stands in the file ``out``.
    """

    def __init__(self, tests: Sequence[str], others: bool, reach: Reach, out: int) -> None:
        self.place = {test: place for place, test in enumerate(tests)}
        self.others, self.reach, self.out = others, reach, out

    def pytest_collection_finish(self, session: Any) -> None:
        known = self.reach.seconds
        first: dict[str, int] = {}
        for test, place in self.place.items():
            first.setdefault(test.split("::")[0], place)
        chosen = [one for one in session.items if one.nodeid in self.place]
        if self.others:  # a mutant may give tests other names
            chosen += [one for one in session.items if one.nodeid not in known]
        last = len(self.place)
        session.items[:] = sorted(  # file by file, so that what a file's tests share is made once
            chosen, key=lambda one: (first.get(one.nodeid.split("::")[0], last),
                                     self.place.get(one.nodeid, last)))  # fmt: skip

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.say(f"{nodeid} (does not end)")
        usual = self.reach.seconds.get(nodeid, 1.0)
        signal.setitimer(signal.ITIMER_PROF, BUSY + 10 * usual)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.say(f"{report.nodeid or 'tests'} (not importable)")

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.say(report.nodeid)

    def say(self, text: str) -> None:
        os.pwrite(self.out, text.ljust(400).encode()[:400], 0)


def _pytest(files: Sequence[str], *plugins: object) -> int:
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", f"not ({LEFT_OUT})",
               "-W", "ignore::pytest.PytestAssertRewriteWarning"]  # fmt: skip
    return int(pytest.main([*options, "--rootdir", str(ROOT), *files], plugins=list(plugins)))


def _apart(work: Callable[[int], int]) -> tuple[int, str, float]:
    """Do work in a process of its own: its exit code, what it said, the seconds it took."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.setsid()
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(quiet, stream)
            try:
                os._exit(work(said.fileno()))
            except BaseException as error:
                os.pwrite(said.fileno(), f"{type(error).__name__}: {error}".encode()[:400], 0)
                os._exit(70)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        text = said.read().decode("utf-8", "replace").strip()
    return os.waitstatus_to_exitcode(status), text, time.monotonic() - start


def _files(room: Room) -> list[str]:
    found = [path for name in room.tests for path in sorted((ROOT / "tests").glob(f"{name}.py"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def reach_of(room: Room, commit: str) -> Reach:
    """Run the room's tests without a mutant, see what each reaches; known once for a commit."""
    known = ROOT / "build" / f"reach-{commit}-{zlib.crc32(repr(room.tests).encode())}.json"
    if known.exists():
        return Reach(**json.loads(known.read_text("utf-8")) | {"kills": Counter()})

    def work(out: int) -> int:
        tracing = Tracing()
        code = _pytest(_files(room), tracing)
        found = asdict(tracing.reach) if code == 0 else tracing.test
        os.pwrite(out, json.dumps(found).encode(), 0)
        return code

    code, said, _ = _apart(work)
    if code:
        sys.exit(f"{room.name}: the tests fail without a mutant: {said}")
    known.parent.mkdir(exist_ok=True)
    known.write_text(said, "utf-8")
    return Reach(**json.loads(said) | {"kills": Counter()})


def survives(module: str, source: str, reach: Reach) -> tuple[bool, str, float]:
    """Show a mutant to the tests that run its lines: (survived, what ended it, seconds).

    First to the best of one file, then to the best, then to the others.
    """
    near = reach.near(module, changed_lines(module, source))
    tests = reach.within(near, PATIENCE)
    seconds = 0.0
    one = tests[0].split("::")[0]
    quick = [test for test in tests[:FIRST] if test.startswith(f"{one}::")]
    others = [test for test in tests if test not in set(quick)]
    parts = [(quick, False), (others[:FIRST], False), (others[FIRST:], True)]
    for some, unknown in parts:
        judge = partial(_judged, module, source, some, unknown, reach)
        code, said, more = _apart(judge)
        seconds += more
        if code not in (0, NO_TESTS):
            reach.kills[said] += 1
            return False, said, seconds
    return True, "", seconds


def _judged(
    module: str, source: str, tests: Sequence[str], others: bool, reach: Reach, out: int
) -> int:
    signal.alarm(LIMIT)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.meta_path.insert(0, Substitute(module, source))
    sys.dont_write_bytecode = True
    files = [*dict.fromkeys(test.split("::")[0] for test in tests)]
    return _pytest(files, Judging(tests, others, reach, out)) if files else 0


def _warm() -> None:
    """Import what tests import and no mutant is in; find the package in this folder alone."""
    for heavy in (
        "numpy",
        "hypothesis",
        "sympy",
        "scipy.special",
        "autograd",
        "duckdb",
        "typer",
        "rich",
    ):
        importlib.import_module(heavy)
    os.chdir(ROOT)
    sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in type(f).__module__]
    sys.path[:0] = [str(SOURCE.parent), str(ROOT / "tools")]
    os.environ["PYTHONPATH"] = str(SOURCE.parent)


def _write(out: Path, data: dict[str, Any]) -> None:
    fresh = out.with_name(out.name + ".part")
    fresh.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    fresh.replace(out)


def run(rooms: Sequence[Room], seed: int, each: int, out: Path) -> None:
    """Try mutants of each room; what is known is written after each."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    data = json.loads(out.read_text("utf-8")) if out.exists() else {"rooms": {}}
    for room in rooms:
        work, size = draw(room, each, seed)
        fresh = {"seed": seed, "commit": commit, "of": size, "mutants": []}
        kept = data["rooms"].get(room.name, fresh)
        same = {(one["module"], one["change"]): one["why"] for one in kept["mutants"]
                if "why" in one}  # fmt: skip
        if (kept["seed"], kept["commit"]) != (seed, commit):
            kept = fresh
        data["rooms"][room.name] = kept
        if len(kept["mutants"]) >= len(work):
            continue
        reach = reach_of(room, commit)
        tests, whole = len(reach.seconds), sum(reach.seconds.values())
        print(f"{room.name}: {len(work)} of {size:,}; {tests} tests of {whole:.0f} s", flush=True)
        reach.kills.update(one["by"] for one in kept["mutants"])
        for mutant, source in work[len(kept["mutants"]) :]:
            survived, by, seconds = survives(mutant.module, source, reach)
            one = {**asdict(mutant), "survived": survived, "by": by, "seconds": round(seconds, 1)}
            if survived and (one["module"], one["change"]) in same:
                one["why"] = same[one["module"], one["change"]]
            kept["mutants"].append(one)
            _write(out, data)
            if survived:
                print(f"survived: {mutant.module} {mutant.operator}\n{mutant.change}", flush=True)


def again(rooms: Sequence[Room], out: Path, tests: Sequence[str]) -> None:
    """Show today's tests, or these files of them, the survivors that are not equivalent."""
    data = json.loads(out.read_text("utf-8"))
    commit = _git("rev-parse", "--short=12", "HEAD")
    for room in rooms:
        kept, files = data["rooms"].get(room.name, {"mutants": []}), tests or _files(room)
        lived = [one for one in kept["mutants"] if one["survived"]]
        if not (unread := [one for one in lived if not ("why" in one or "mended" in one)]):
            continue
        module = unread[0]["module"]
        same = file_of(module).read_text("utf-8")
        if (found := _apart(partial(_judged, module, same, files, True, Reach())))[0]:
            sys.exit(f"{room.name}: the tests fail without a mutant: {found[1]}")
        for one in unread:
            source = made_again(one)
            if source is None:
                print(f"gone from {one['module']}:\n{one['change']}", flush=True)
                continue
            judge = partial(_judged, one["module"], source, files, True, Reach())
            code, by, _ = _apart(judge)
            print(f"{by if code else 'survives'}:\n{one['change']}", flush=True)
            if code and commit == kept["commit"]:  # a long test of then sees it
                one |= {"survived": False, "by": by}
            elif code:
                one["mended"] = by
            _write(out, data)


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def _again_in_a_clone(folder: Path | None, out: Path) -> None:
    """Start again in a clone of the last commit: the sample is of one state, whatever is edited."""
    import clearprop._native as native

    if folder is None or not folder.exists():
        folder = folder or Path(tempfile.mkdtemp(prefix="clearprop-mutants-"))
        _git("clone", "--quiet", str(ROOT), str(folder))
        shutil.copy2(str(native.__file__), folder / "src" / "clearprop")
    tool = str(folder / "tools" / Path(__file__).name)
    os.execv(sys.executable, [sys.executable, tool, "--here", *sys.argv[1:], "-o", str(out)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=75, help="mutants of each room")
    parser.add_argument("--room", choices=[room.name for room in ROOMS])
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "mutants.json")
    parser.add_argument("--folder", type=Path, help="the clone; what is there is used as it is")
    parser.add_argument("--here", action="store_true", help="in this tree, not in a clone of it")
    parser.add_argument("--again", nargs="*", metavar="FILE",
                        help="the open survivors, shown to these test files or all")  # fmt: skip
    given = parser.parse_args()
    if not given.here:
        _again_in_a_clone(given.folder, given.out.resolve())
    rooms = [room for room in ROOMS if given.room in (None, room.name)]
    _warm()
    if given.again is not None:
        again(rooms, given.out, given.again)
    else:
        run(rooms, given.seed, given.each, given.out)


if __name__ == "__main__":
    main()
