"""What every test file may use: full or small counts, fixed randomness, proofs."""

from __future__ import annotations

import ast
import json
import os
import signal
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from proofs import ProofKeeper, seconds

from clearprop.cli import main

#: The command line called with arguments: exit code, standard output, standard error.
Run = Callable[..., tuple[int, str, str]]

#: True under `make prove`, where every count is the full one.
PROVING = os.environ.get("CLEARPROP_PROVE", "") == "1"

#: From so many seconds on a test is started early.
LONG = 5.0


def count(small: int, full: int) -> int:
    """How many cases to run: `small` in `make test`, `full` in `make prove`."""
    return full if PROVING else small


# The same examples on every run and every machine; nothing kept on disk, no time limits.
settings.register_profile(
    "fixed", derandomize=True, database=None, deadline=None, max_examples=count(30, 500)
)
settings.load_profile("fixed")


def pytest_configure(config: pytest.Config) -> None:
    # A shell ignores Ctrl-C for what it starts behind `&`; the tests that press it want it heard.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if PROVING and not hasattr(config, "workerinput"):  # a worker of pytest-xdist has that
        config.pluginmanager.register(ProofKeeper(config))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes by their argument: compressed ones hold the second they were made in.

    Two workers that collect a second apart must collect tests of the same names.
    """
    return argname if isinstance(val, bytes) else None


@cache
def counting(file: Path) -> frozenset[str]:
    """Names of a file's functions and constants that use `count`, over others of its names too."""
    used: dict[str, set[str]] = {}
    for node in ast.parse(file.read_text("utf-8")).body:
        names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        if isinstance(node, ast.ImportFrom) and node.module == "conftest":
            for alias in node.names:
                if alias.name == "count":
                    used[alias.asname or alias.name] = {"its full count"}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            arguments = {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
            used[node.name] = {n.id for n in names} - arguments
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for name in names:
                if isinstance(name.ctx, ast.Store):
                    used[name.id] = {n.id for n in names} - {name.id}
    found, size = {"its full count"}, 0
    while size < len(found):
        size = len(found)
        found |= {name for name, others in used.items() if others & found}
    return frozenset(found)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make prove` runs the tests that are marked, that record or that have a full count.

    Those that were long in the last run come first there, the longest before all, so that no worker
    is left alone with one; the others stay beside those they share fixtures with.
    `make test` runs all but those that only prove.
    """

    def wanted(item: pytest.Item) -> bool:
        only = item.get_closest_marker("prove_only") is not None
        marked = item.get_closest_marker("prove") is not None
        records = "proof" in getattr(item, "fixturenames", ())
        counts = getattr(item, "originalname", "") in counting(item.path)
        return (only or marked or records or counts) if PROVING else not only

    left = [item for item in items if not wanted(item)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if wanted(item)]
    if PROVING:
        took = {test: time for test, time in seconds().items() if time >= LONG}
        items.sort(key=lambda item: -took.get(item.nodeid, 0.0))


@pytest.fixture
def full() -> bool:
    """Whether this run proves the claims with their full counts."""
    return PROVING


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``proof("claim", count=2000, worst=3e-13)`` keeps a figure in docs/proofs.json.

    A test that asks for it takes part in `make prove` without being marked, and fails, in every
    run, when it keeps a claim twice.
    """
    kept: set[str] = set()

    def keep(claim: str, count: int, **figures: float | str) -> None:
        plain = {
            key: getattr(value, "item", lambda value=value: value)()
            for key, value in figures.items()
        }
        assert claim not in kept, f"recorded twice by one test: {claim}"
        kept.add(claim)
        record = {"claim": claim, "count": int(count), "figures": plain}
        request.node.user_properties.append(("proof", json.dumps(record)))

    return keep


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in a folder of its own: exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> tuple[int, str, str]:
        code = main(args)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded with the test's own name: the same numbers on every run."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture
def X(rng: np.random.Generator) -> NDArray[np.float64]:
    """The small table of the estimators' tests: 90 rows of 4 normal numbers."""
    return rng.normal(size=(90, 4))


@pytest.fixture
def labels(X: NDArray[np.float64]) -> NDArray[np.str_]:
    """Labels of the small table that no line divides."""
    return np.array(["no", "yes"])[(X[:, 0] * X[:, 1] > 0).astype(int)]


@pytest.fixture
def numbers(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of the small table, in part a line."""
    return np.asarray(X[:, 0] + np.sin(2 * X[:, 1]))
