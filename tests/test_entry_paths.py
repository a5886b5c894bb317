"""Every way into ClearProp leads to the same place, and loads only what it needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import clearprop as cp

BESIDE = str(Path(sys.executable).parent)
HEAVY = ("numpy", "duckdb", "narwhals", "safetensors", "sklearn", "pandas")


def modules_after(*args: str) -> set[str]:
    code = (
        "import sys, json, io, contextlib\n"
        "from clearprop.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    assert main({list(args)!r}) == 0\n"
        "print(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_command_and_python_m_are_one() -> None:
    command = shutil.which("clearprop", path=BESIDE)
    assert command is not None, "the package is not installed beside this Python"
    for args in (["--version"], ["describe", "2-3-2"], ["trian"]):
        one, two = (
            subprocess.run([*start, *args], check=False, capture_output=True, text=True)
            for start in ([command], [sys.executable, "-m", "clearprop"])
        )
        assert (one.returncode, one.stdout, one.stderr) == (two.returncode, two.stdout, two.stderr)


def test_help_and_version_load_nothing_heavy() -> None:
    for args in (["--version"], ["--help"], ["train", "--help"]):
        assert not modules_after(*args) & set(HEAVY), args


def test_describing_a_chain_reads_no_tables() -> None:
    assert "pandas" not in modules_after("describe", "2-3-2")


def test_the_public_calls_are_those_of_the_command_line() -> None:
    from clearprop import estimators, model
    from clearprop.model import loading

    for name in ("train", "Model", "Interrupted"):
        assert getattr(cp, name) is getattr(model, name)
    assert cp.load is loading.load
    assert cp.train_table is estimators.train_table
