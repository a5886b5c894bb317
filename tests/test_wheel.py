"""What users install: the source distribution and the wheel of the stable ABI built from it.

`make prove` alone builds them: with the newest Python from 3.12 on that is found here, on the path
or among pyenv's, and it imports and trains with every such Python there is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LARGEST = 3_000_000  # bytes
STABLE = (3, 12)  # the first with a stable ABI that nanobind can use
TELL = """
import sys, venv, ensurepip
print(*sys.version_info[:2], sys.implementation.name == "cpython")
"""

#: Trains, saves, loads and predicts, away from the sources; prints where the native module is.
TRAIN = """
import numpy as np, clearprop as cp
from clearprop import _native
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 2))
model = cp.train(cp.Network([2, 8, 2], "tanh", cost="cross_entropy"), X, (X[:, 0] > X[:, 1]) * 1,
                 epochs=40, learning_rate=0.02, seed=0)
model.save("m.clearprop")
again = cp.load("m.clearprop").predict(X)
assert (again == model.predict(X)).all()
print(_native.__file__, (again.ravel() == (X[:, 0] > X[:, 1])).mean())
"""


def interpreters() -> dict[tuple[int, int], str]:
    """Every Python of the stable ABI's kind that can be found here: {version: program}."""
    named = [f"python{major}.{minor}" for major, minor in ((3, minor) for minor in range(12, 20))]
    folders = [Path(folder) for folder in os.get_exec_path()]
    tried = [Path(sys.executable), *(folder / name for folder in folders for name in named)]
    tried += sorted(Path.home().glob(".pyenv/versions/*/bin/python3"))
    found: dict[tuple[int, int], str] = {}
    for program in tried:
        if not program.exists():
            continue
        told = subprocess.run([program, "-c", TELL], capture_output=True, text=True, check=False)
        match told.stdout.split():
            case [major, minor, "True"] if (int(major), int(minor)) >= STABLE:
                found.setdefault((int(major), int(minor)), str(program))
    return found


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """What the command prints; if it fails, the test does, with the end of what it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=folder, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def environment(python: str, folder: Path) -> Path:
    """The Python of a fresh environment."""
    run(python, "-m", "venv", folder)
    return folder / "bin" / "python"


@pytest.mark.prove_only
def test_source_distribution_gives_one_small_wheel_that_trains_on_every_later_python(
    tmp_path: Path, proof: Callable[..., None]
) -> None:
    pythons = interpreters()
    if not pythons:
        pytest.skip(
            "no Python 3.12 or later with venv, on the path or among pyenv's, to build with"
        )
    newest = max(pythons)
    run(
        sys.executable,
        "-c",
        f"import scikit_build_core.build as b; b.build_sdist({str(tmp_path)!r})",
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        held = {member.name.partition("/")[2] for member in source if member.isfile()}
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=False
    )
    assert set(listed.stdout.split()) <= held, "the source distribution lacks what the checkout has"
    assert not [name for name in held if name.endswith((".so", ".pyc"))]
    assert not [name for name in held if name.startswith((".venv", "build/", "docs/_build"))]

    builder = environment(pythons[newest], tmp_path / "builder")
    out = tmp_path / "out"
    run(builder, "-m", "pip", "wheel", "-q", "--no-deps", "-w", out, archive, folder=tmp_path)
    (wheel,) = out.iterdir()
    assert re.fullmatch(r"clearprop-[\d.]+-cp312-abi3-\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    info = wheel.name.partition("-cp312")[0] + ".dist-info/"
    files = {name.removeprefix("clearprop/") for name in names if not name.startswith(info)}
    ours = {name.removeprefix("src/clearprop/") for name in held if "src/clearprop/" in name}
    assert {"py.typed", "__init__.pyi", "_native.pyi"} <= ours
    assert files == ours | {"_native.abi3.so"}, "the package's files and the native module, no more"
    assert f"{info}licenses/LICENSE" in names
    assert wheel.stat().st_size <= LARGEST

    for version, program in sorted(pythons.items()):
        fresh = environment(program, tmp_path / ".".join(map(str, version)))
        run(fresh, "-m", "pip", "install", "-q", wheel, folder=tmp_path)
        module, share = run(fresh, "-c", TRAIN, folder=tmp_path).split()
        assert module.endswith("_native.abi3.so") and float(share) > 0.9
    proof(
        "One wheel of the stable ABI, built from the source distribution, trains on later Pythons",
        len(pythons),
        wheel_bytes=wheel.stat().st_size,
        bar=LARGEST,
        pythons=", ".join(f"{major}.{minor}" for major, minor in sorted(pythons)),
    )
