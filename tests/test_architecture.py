"""The house stands: imports run downward, names are public once, nothing heavy loads early."""

from __future__ import annotations

import ast
import graphlib
import importlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import clearprop

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "clearprop"
FILES = sorted(PACKAGE.rglob("*.py"))
HOME: dict[str, str] = clearprop._HOME

#: Optional or heavy libraries, which a function may import when it is called.
HEAVY = {
    *("autograd", "duckdb", "jinja2", "matplotlib", "narwhals", "onnx", "optuna", "pandas"),
    *("pyarrow", "ray", "rich", "safetensors", "scipy", "sklearn", "mpmath", "sympy", "typer"),
}

#: What the use of a public name may load beside numpy, by the room it lives in.
ROOM_LOADS = {
    "model": {"safetensors", "threadpoolctl"},  # DuckDB and narwhals where a table is read
    "tables": {"safetensors"},
    "training": {"threadpoolctl"},  # the engine is one of the libraries whose threads it limits
    "estimators": {"_duckdb", "duckdb", "narwhals", "safetensors", "sklearn"},
}


def module_name(file: Path) -> str:
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in FILES}


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """All modules a file imports, inside functions too: (dotted name, inside a function)."""

    def visit(node: ast.AST, inside: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module_name(file).split(".")
            if file.name != "__init__.py":
                package.pop()
            stem = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*stem, *([node.module] if node.module else [])])
            for alias in node.names:
                child = f"{base}.{alias.name}"
                known = child in MODULES or child in ("clearprop._native", "clearprop.__version__")
                yield (child if known else base), inside
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child_node in ast.iter_child_nodes(node):
            yield from visit(child_node, inside)

    yield from visit(ast.parse(file.read_text("utf-8")), False)


def edges() -> dict[str, set[str]]:
    return {
        name: {target for target, _ in imports(file) if target in MODULES and target != name}
        for name, file in MODULES.items()
    }


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout


def loaded_by(code: str) -> set[str]:
    """The top-level modules outside the standard library that `code` loads in a fresh Python."""
    text = run_python(
        "import sys, json; before = set(sys.modules)\n"
        + code
        + "\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    names = {name.partition(".")[0] for name in json.loads(text.splitlines()[-1])}
    return {name for name in names if name not in sys.stdlib_module_names}


def test_imports_form_no_circle_functions_included():
    graphlib.TopologicalSorter(edges()).prepare()


def test_imports_run_downward_through_the_house():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    floors = {
        room.strip(" ()"): -height
        for height, layer in enumerate(contract["contracts"][0]["layers"])
        for room in layer.split(":")
    }
    for name, targets in edges().items():
        for target in targets - {"clearprop"}:
            room, below = name.split(".")[1], target.split(".")[1]
            assert floors[room] >= floors[below], f"{name} imports {target} upward"


def test_no_module_imports_the_package_itself():
    importers = [name for name, targets in edges().items() if "clearprop" in targets]
    assert importers == [], "import from the room where the name lives"


@pytest.mark.parametrize("name", MODULES)
def test_imports_inside_functions_are_of_heavy_libraries_only(name):
    inside = {target.partition(".")[0] for target, inside in imports(MODULES[name]) if inside}
    if name == "clearprop.__main__":  # the whole command line is what it waits for
        inside.discard("clearprop")
    assert inside <= HEAVY


def test_importing_clearprop_loads_at_most_numpy_and_the_native_module():
    assert loaded_by("import clearprop") <= {"clearprop", "numpy"}


def test_importing_clearprop_loads_nothing_slow_of_the_standard_library():
    slow = {"asyncio", "concurrent", "email", "http", "multiprocessing", "unittest", "urllib"}
    code = (
        "import sys; before = set(sys.modules); import clearprop; print(*set(sys.modules) - before)"
    )
    assert not slow & set(run_python(code).split())


def test_a_first_fit_from_arrays_waits_for_nothing_that_it_does_not_need():
    late = {"clearprop.model.many", "clearprop.model.table", "concurrent.futures", "numpy.ma"}
    late |= {"clearprop.tables.opening", "clearprop.tables.encoder", "clearprop.tables.fold"}
    late |= {"csv", "gzip", "tempfile"}  # which read files
    code = """import sys, numpy as np
before = set(sys.modules)
import clearprop as cp
X = np.linspace(-1.0, 1.0, 40)[:, None]
net = cp.Network([1, 3, 2], cost="cross_entropy")
model = cp.train(net, X, X[:, 0] > 0, epochs=2)
assert model.predict(X).shape == (40,)
print(*set(sys.modules) - before)"""
    assert not late & set(run_python(code).split())


@pytest.mark.parametrize("room", sorted({home.partition(".")[0] for home in HOME.values()}))
def test_using_a_public_name_loads_only_what_its_room_needs(room):
    names = [name for name, home in HOME.items() if home.partition(".")[0] == room]
    code = "import clearprop\n" + "\n".join(f"clearprop.{name}" for name in names)
    needed = ROOM_LOADS.get(room, set())
    if "sklearn" in needed:  # which itself loads pandas, where that is installed
        needed = needed | loaded_by("import sklearn.neural_network")
    assert loaded_by(code) <= {"clearprop", "numpy"} | needed


def test_public_names_are_sorted_and_all_listed():
    assert list(HOME) == sorted(HOME)
    assert set(clearprop.__all__) == {"__version__", *HOME}
    assert set(clearprop.__all__) <= set(dir(clearprop))


@pytest.mark.parametrize("name", HOME)
def test_public_name_is_the_object_of_its_home(name):
    home = importlib.import_module(f"clearprop.{HOME[name]}")
    assert getattr(clearprop, name) is getattr(home, name)
    assert name in home.__all__


def test_no_public_name_is_also_a_submodule():
    submodules = {name.split(".")[1] for name in MODULES if "." in name}
    assert not submodules & set(HOME)


def test_public_names_are_the_same_before_and_after_every_submodule_import():
    submodules = sorted({name.split(".")[1] for name in MODULES if "." in name} - {"__main__"})
    run_python(
        "import importlib, clearprop\n"
        "before = {name: getattr(clearprop, name) for name in clearprop.__all__}\n"
        f"for room in {submodules}: importlib.import_module('clearprop.' + room)\n"
        "assert all(getattr(clearprop, name) is before[name] for name in before)"
    )
    run_python(  # and the other way round, in a Python that has touched no public name yet
        "import importlib, clearprop\n"
        f"for room in {submodules}: importlib.import_module('clearprop.' + room)\n"
        "for name, home in clearprop._HOME.items():\n"
        "    module = importlib.import_module('clearprop.' + home)\n"
        "    assert getattr(clearprop, name) is getattr(module, name)"
    )


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        _ = clearprop.nothing_of_the_kind


def test_what_another_room_imports_is_listed_in_all():
    for name, file in MODULES.items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module not in MODULES:
                continue
            if node.module.split(".")[1:2] == name.split(".")[1:2]:
                continue  # within a room files know one another
            names = {alias.name for alias in node.names}
            names -= {one for one in names if f"{node.module}.{one}" in MODULES}
            names -= {"_native"}
            listed = set(getattr(importlib.import_module(node.module), "__all__", ()))
            assert names <= listed, f"{name} imports what {node.module}.__all__ does not list"


@pytest.mark.parametrize("name", MODULES)
def test_every_listed_name_exists(name):
    module = importlib.import_module(name)
    assert [one for one in getattr(module, "__all__", ()) if not hasattr(module, one)] == []


def test_stubs_are_fresh(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    stubs = importlib.import_module("stubs")
    for file, text in stubs.STUBS.items():
        assert (PACKAGE / file).read_text("utf-8") == text(), "run `make format`"


def test_files_are_named_after_an_idea():
    forbidden = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "shared"}
    files = [*FILES, *(ROOT / "native").iterdir(), *(ROOT / "tests").glob("*.py")]
    assert [file.name for file in files if file.stem.lower() in forbidden] == []


def test_only_the_binding_knows_python():
    for file in (ROOT / "native").glob("*.[ch]*"):
        if not file.stem.startswith("bind"):
            text = file.read_text("utf-8")
            assert "nanobind" not in text, file.name
            assert "Python.h" not in text, file.name


@pytest.mark.parametrize("file", sorted((ROOT / "tests").glob("*.py")), ids=lambda file: file.name)
def test_a_test_left_out_says_why(file):
    def reason(call: ast.AST) -> bool:
        if not isinstance(call, ast.Call):
            return False
        keywords = {keyword.arg for keyword in call.keywords}
        spoken = ast.unparse(call.func) == "pytest.skip" and bool(call.args)
        return "reason" in keywords or spoken

    tree = ast.parse(file.read_text("utf-8"))
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        left_out = {"skip", "skipif", "xfail", "importorskip"}
        if isinstance(node, ast.Attribute) and node.attr in left_out:
            assert reason(calls.get(id(node))), (
                f"{file.name}:{node.lineno} gives no reason; import what the dev extra installs"
            )


def test_every_proof_names_a_test_that_stands():
    file = ROOT / "docs" / "proofs.json"
    records = json.loads(file.read_text("utf-8"))["proofs"] if file.exists() else []
    for record in records:
        path, _, test = record["test"].partition("::")
        assert f"def {test.partition('[')[0]}(" in (ROOT / path).read_text("utf-8"), record["test"]
