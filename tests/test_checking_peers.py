"""Real peers' gradients pass and wrong PyTorch steps are named, where the peers are installed.

They have an environment of their own, .venv-bench, which `make bench` makes.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import count

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-bench" / "bin" / "python"


@pytest.mark.parametrize("name", ["torch_step", "torch_wrong", "torch_slips", "torch_slips_parts"])
def test_the_wrong_steps_know_nothing_of_clearprop(name):
    tree = ast.parse((ROOT / "benchmarks" / f"{name}.py").read_text("utf-8"))
    imported = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not [n for n in imported if "clearprop" in ast.unparse(n)]


@pytest.fixture(scope="module")
def found():
    """What `benchmarks.check_peers` found."""
    if not PYTHON.exists():
        pytest.skip(reason="the peers' environment is not there; `make bench` makes it")
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    there = subprocess.run([PYTHON, "-c", "import torch, numpy"], check=False, env=environment)
    if there.returncode:
        pytest.skip(reason="PyTorch is not installed in the peers' environment")
    share = str(count(1, 50) / 50)
    command = [PYTHON, "-W", "ignore", "-m", "benchmarks.check_peers", "--share", share]
    done = subprocess.run(command, check=True, env=environment, cwd=ROOT, capture_output=True)
    return json.loads(done.stdout)


@pytest.mark.prove_only
def test_peers_gradients_pass_and_wrong_torch_steps_are_named(found, proof):
    for one in found["claims"]:
        proof(one["claim"], one["count"], **one["figures"])
    figures = {one["claim"]: one["figures"] for one in found["claims"]}
    assert all(f["accused"] == 0 for f in figures.values() if "accused" in f), found["failures"]
    wrong = figures["wrong PyTorch steps named, id and place first"]
    assert wrong["share"] >= 0.99, found["failures"]
