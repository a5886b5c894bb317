"""What the build needs is looked for first, and the native module is the one of this source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import clearprop
from clearprop import _native

PREFLIGHT = Path(__file__).parents[1] / "tools" / "preflight.sh"
OLD = "#!/bin/sh\n[ $1 = --version ] && echo Python 3.9.2\nexit 1\n"
# Answers every question with yes but those about what Debian splits off.
BARE = "#!/bin/sh\ncase $2 in *ensurepip*|*Python.h*) exit 1;; *) exit 0;; esac\n"
GOOD = "#!/bin/sh\nexit 0\n"


def preflight(folder: Path, *asked: str, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run the look-out on a machine that has these programs and no others."""
    for name, text in programs.items():
        program = folder / name.replace("_", ".").replace("plus", "+")
        program.write_text(text)
        program.chmod(0o755)
    environment = {"PATH": str(folder)}
    return subprocess.run(
        ["/bin/sh", str(PREFLIGHT), *asked],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_native_module_and_package_have_one_version():
    assert _native.version() == clearprop.__version__


def test_complete_machine_is_told_which_python_serves(tmp_path):
    done = preflight(tmp_path, python3=GOOD, make=GOOD, cplusplus=GOOD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "python3\n", "")


def test_newer_python_beside_an_old_one_serves(tmp_path):
    done = preflight(tmp_path, python3=OLD, python3_12=GOOD, make=GOOD, gplusplus=GOOD)
    assert (done.returncode, done.stdout) == (0, "python3.12\n")


@pytest.mark.parametrize(
    ("programs", "line"),
    [
        ({}, "sudo apt install python3-venv python3-dev make g++"),
        ({"python3": GOOD, "make": GOOD}, "sudo apt install g++"),
        ({"python3": BARE, "make": GOOD, "gplusplus": GOOD}, "python3-venv python3-dev"),
        ({"python3": OLD, "python3_12": BARE}, "python3.12-venv python3.12-dev make g++"),
        ({"python3": OLD, "make": GOOD}, "install python3.11 python3.11-venv python3.11-dev g++"),
    ],
)
def test_what_is_missing_is_named_in_one_line(tmp_path, programs, line):
    done = preflight(tmp_path, **programs)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].endswith(line)


def test_proving_needs_the_other_processors_compiler_and_its_emulator_too(tmp_path):
    basic = {"python3": GOOD, "make": GOOD, "gplusplus": GOOD}
    done = preflight(tmp_path, "prove", **basic)
    assert (done.returncode, done.stdout) == (1, "")
    line = "  sudo apt install g++-aarch64-linux-gnu qemu-user"
    assert done.stderr.splitlines()[-1] == line
    assert preflight(tmp_path, **basic).returncode == 0
    for name in ("aarch64-linux-gnu-g++", "qemu-aarch64"):
        (tmp_path / name).symlink_to(tmp_path / "make")
    assert preflight(tmp_path, "prove", **basic).returncode == 0


def test_old_compiler_is_named(tmp_path):
    done = preflight(tmp_path, python3=GOOD, make=GOOD, gplusplus=OLD)
    assert "needs a C++20 compiler" in done.stderr
    assert done.stderr.splitlines()[-1].strip() == "sudo apt install g++"
