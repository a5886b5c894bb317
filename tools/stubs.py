"""Write ``src/clearprop/__init__.pyi`` from the table of public names in ``__init__.py``.

Type checkers cannot follow names that are loaded when first used; the stub tells them.
``--check`` only says whether the stub is fresh.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "clearprop"


def public_names(source: str) -> dict[str, str]:
    """The table ``_HOME`` of a package's source: {public name: submodule}."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
            names: dict[str, str] = ast.literal_eval(node.value)
            return names
    raise SystemExit("src/clearprop/__init__.py holds no table _HOME")


def stub(names: dict[str, str]) -> str:
    """The text of the stub: every public name imported from its home and exported again."""
    lines = ["# Written by tools/stubs.py from the table in __init__.py: do not edit.", ""]
    lines += [
        f"from clearprop.{home} import {name} as {name}"
        for home, name in sorted((home, name) for name, home in names.items())
    ]
    lines += ["", "__version__: str", ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Write the stub, or with ``--check`` compare it."""
    wanted = stub(public_names((PACKAGE / "__init__.py").read_text("utf-8")))
    target = PACKAGE / "__init__.pyi"
    if arguments == ["--check"]:
        if not target.exists() or target.read_text("utf-8") != wanted:
            print("src/clearprop/__init__.pyi is stale: run `make format`", file=sys.stderr)
            return 1
        return 0
    target.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
