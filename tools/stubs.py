"""Write the typed stubs of what type checkers cannot see by themselves.

``__init__.pyi`` comes from the table of public names in ``__init__.py`` (they are loaded when first
used); ``_native.pyi`` comes from the built native module. A test holds both fresh.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "clearprop"


def public_names(source: str) -> dict[str, str]:
    """The table ``_HOME`` in the source of a package: {public name: submodule}."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
            names: dict[str, str] = ast.literal_eval(node.value)
            return names
    raise SystemExit("src/clearprop/__init__.py holds no table _HOME")


def package_stub() -> str:
    """``__init__.pyi``: every public name imported from its home and exported again."""
    names = public_names((PACKAGE / "__init__.py").read_text("utf-8"))
    lines = ["# Written by tools/stubs.py from the table in __init__.py: do not edit.", ""]
    lines += [
        f"from clearprop.{home} import {name} as {name}"
        for home, name in sorted((home, name) for name, home in names.items())
    ]
    lines += ["", "__version__: str", ""]
    return "\n".join(lines)


def native_stub() -> str:
    """``_native.pyi``: the signatures the native module tells of itself."""
    from nanobind.stubgen import StubGen

    generator = StubGen(import_module("clearprop._native"))
    generator.put(generator.module)
    head = "# Written by tools/stubs.py from the built module: do not edit.\n"
    return head + str(generator.get()).rstrip() + "\n"


STUBS = {"__init__.pyi": package_stub, "_native.pyi": native_stub}

if __name__ == "__main__":
    for file, text in STUBS.items():
        (PACKAGE / file).write_text(text(), "utf-8")
