"""docs/proofs.json keeps what was shown, forgets what failed, and is well-formed as it stands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import proof_page
import pytest
from proofs import FILE, PAGE, commit, merged, write_atomically

CONTENT = json.loads(FILE.read_text("utf-8"))


def run(date):
    return {"commit": "c", "date": date, "machine": "m", "versions": {}}


def record(test, count, **figures):
    return {"test": test, "claim": "holds", "count": count, "figures": figures, "seconds": 1.0}


def test_fresh_records_replace_old_ones_and_failed_ones_go():
    first = merged({}, [record("a", 1), record("b", 2), record("c", 3)], set(), run("1"))
    second = merged(first, [record("b", 20)], {"c"}, run("2"))
    shown = {proof["test"]: (proof["count"], proof["run"]) for proof in second["proofs"]}
    assert shown == {"a": (1, "c 1"), "b": (20, "c 2")}
    assert list(second["runs"]) == ["c 1", "c 2"]


def test_a_run_no_record_comes_from_is_forgotten():
    first = merged({}, [record("a", 1)], set(), run("1"))
    assert list(merged(first, [record("a", 2)], set(), run("2"))["runs"]) == ["c 2"]


def test_a_whole_run_leaves_its_own_records_only():
    first = merged({}, [record("a", 1), record("b", 2)], set(), run("1"))
    second = merged(first, [record("b", 20)], set(), run("2"), whole=True)
    assert [(proof["test"], proof["run"]) for proof in second["proofs"]] == [("b", "c 2")]
    assert list(second["runs"]) == ["c 2"]


def test_proof_file_is_replaced_whole(tmp_path):
    file = tmp_path / "proofs.json"
    file.write_text("old")
    write_atomically(file, json.dumps({"new": "δ"}))
    assert json.loads(file.read_text("utf-8")) == {"new": "δ"}
    assert [path.name for path in tmp_path.iterdir()] == ["proofs.json"]


# ---- a project of two tests, proved in a process of its own ---------------------------------

TESTS = """
def test_one(proof): proof("one holds", 7, worst=1e-9, bar=1e-7)
def test_two(proof): proof("two holds", 8)
"""


def git(folder: Path, *words: str) -> str:
    name = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
    done = subprocess.run(
        ["git", "-C", str(folder), *name, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with this project's way of proving, and two tests."""
    here = Path(__file__).parent
    for folder, names in {
        "tests": ("conftest.py", "proofs.py"),
        "tools": ("proof_page.py",),
    }.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text((here.parent / folder / name).read_text("utf-8"))
    (tmp_path / "tests" / "test_few.py").write_text(TESTS)
    (tmp_path / "docs").mkdir()
    settings = '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["tools"]\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "two tests")
    return tmp_path


def prove(project: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "CLEARPROP_PROVE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"):
        environment.pop(name, None)
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    ).stdout


def kept(project: Path) -> dict[str, str]:
    """{test: commit of its record}"""
    content = json.loads((project / "docs" / "proofs.json").read_text("utf-8"))
    runs = content["runs"]
    return {
        proof["test"].rpartition("::")[2]: runs[proof["run"]]["commit"]
        for proof in content["proofs"]
    }


def test_whole_run_replaces_everything_and_a_partial_one_its_own(project):
    first = git(project, "rev-parse", "--short=12", "HEAD")
    assert "2 new records (all tests)" in prove(project)
    assert kept(project) == {"test_one": first, "test_two": first}
    git(project, "commit", "-q", "--allow-empty", "-m", "another")
    second = git(project, "rev-parse", "--short=12", "HEAD")
    assert "1 new records (some tests)" in prove(project, "-k", "two")
    assert kept(project) == {"test_one": first, "test_two": second}
    prove(project, "tests/test_few.py::test_one")
    assert kept(project) == {"test_one": second, "test_two": second}
    (project / "tests" / "test_few.py").write_text(TESTS.splitlines()[1])
    git(project, "commit", "-q", "-a", "-m", "one test")
    prove(project)
    assert kept(project) == {"test_one": git(project, "rev-parse", "--short=12", "HEAD")}
    content = json.loads((project / "docs" / "proofs.json").read_text("utf-8"))
    assert (project / "docs" / "proofs.md").read_text("utf-8") == proof_page.page(content)


def test_files_that_no_commit_holds_prove_nothing(project):
    prove(project)
    before = (project / "docs" / "proofs.json").read_bytes()
    assert commit(project) == git(project, "rev-parse", "--short=12", "HEAD")
    (project / "tests" / "test_few.py").write_text(TESTS + "\n# changed\n")
    assert commit(project).endswith("+")
    assert "left as it was" in prove(project)
    assert (project / "docs" / "proofs.json").read_bytes() == before


def test_a_claim_kept_twice_by_one_test_fails_that_test_and_leaves_no_record(project):
    twice = 'def test_one(proof):\n    for _ in range(2): proof("one holds", 7)\n'
    (project / "tests" / "test_few.py").write_text(twice + TESTS.splitlines()[2])
    git(project, "commit", "-q", "-a", "-m", "twice")
    assert "recorded twice by one test: one holds" in prove(project)
    assert set(kept(project)) == {"test_two"}


# ---- the page, and the file as it stands -----------------------------------------------------


def test_page_shows_of_each_claim_the_cases_the_worst_figure_and_the_bar():
    records = [
        record("tests/test_x.py::test_x[1]", 1000, worst=2e-9, bar=1e-7),
        record("tests/test_x.py::test_x[2]", 500, worst=3.21e-9, bar=1e-7),
    ]
    shown = proof_page.page(merged({}, records, set(), run("1")))
    line = "| holds | 1,500 | worst 3.21e-09 | 1e-07 | `tests/test_x.py` |"
    assert line in shown.splitlines()


def test_page_of_proofs_is_fresh():
    assert PAGE.read_text("utf-8") == proof_page.page(CONTENT), "run tools/proof_page.py"


def test_every_record_is_well_formed_and_of_a_clean_commit():
    assert set(CONTENT) == {"runs", "proofs"}
    assert {proof["run"] for proof in CONTENT["proofs"]} == set(CONTENT["runs"])
    for name, of in CONTENT["runs"].items():
        assert re.fullmatch(r"[0-9a-f]{12}", of["commit"]), f"{name}: not a clean commit"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", of["date"])
        assert of["machine"] and {"python", "numpy"} <= set(of["versions"])
    seen = set()
    for proof in CONTENT["proofs"]:
        assert set(proof) == {"test", "seconds", "claim", "count", "figures", "run"}
        assert proof["count"] >= 1 and "|" not in proof["claim"]
        assert (proof["test"], proof["claim"]) not in seen, "recorded twice"
        seen.add((proof["test"], proof["claim"]))
        assert all(isinstance(value, (int, float, str)) for value in proof["figures"].values())
