"""Write native/generated/functions.hpp: the scalar kernels of the rows as C++ functors.

A row's ``kernel`` text is valid C99 and C++, so it is copied as it stands; around it come the
names it uses. Settings are double constants, so that ``1 - beta2`` is exact arithmetic before it
meets a float. The file is committed; ``tests/test_native_generated.py`` holds it fresh.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from clearprop.operations import TABLE, Cost, Function
from clearprop.optimizers import NATIVE, Optimizer

TARGET = Path(__file__).parents[1] / "native" / "generated" / "functions.hpp"

HEAD = """\
// Written by tools/generate.py from the rows of clearprop/operations and clearprop/optimizers.
// Change the rows, then run it again.
// clang-format off
#pragma once

#include "../mathematics.hpp"

namespace clearprop::CP_ISA::generated {
"""


def uses(text: str, name: str) -> bool:
    """Tell whether a kernel's text reads a name."""
    return re.search(rf"\b{name}\b", text) is not None


def settings(texts: Iterable[str], names: Iterable[str], indent: str) -> list[str]:
    """Return the lines that name the settings a kernel reads."""
    return [
        f"{indent}const double {name} = setting[{place}];"
        for place, name in enumerate(names)
        if any(uses(text, name) for text in texts)
    ]


def function(kind: str, row: str, arguments: str, text: str, names: list[str]) -> list[str]:
    """Return one static function of a functor."""
    given = ", ".join(f"[[maybe_unused]] V {name}" for name in arguments.split(", "))
    return [
        "    template <class V>",
        f"    CP_INLINE static V {kind}({given}, [[maybe_unused]] const double* setting) {{",
        *settings([text], names, "        "),
        f"        return {text};",
        "    }",
    ]


def functors() -> list[str]:
    """Return the functors of the element-wise functions and of the costs."""
    lines: list[str] = []
    for row in TABLE.rows():
        if not isinstance(row, Function | Cost) or row.kernel is None or row.kernel_vjp is None:
            continue
        value, vjp = ("x", "x, y, dy") if isinstance(row, Function) else ("x, y, t", "x, y, t")
        names = [attr.name for attr in row.attrs]
        lines += [
            f"struct {row.name}_row {{",
            *function("value", row.name, value, row.kernel, names),
            *function("vjp", row.name, vjp, row.kernel_vjp, names),
            "};",
        ]
    return lines


def optimizer(row: type[Optimizer]) -> list[str]:
    """Return the functor of an optimizer: w, g and the slots of one register."""
    texts = [text for _, text in row.kernel]
    names = [attr.name for attr in row.attrs] + list(row().per_step(np.array([1.0])))
    lines = [
        f"struct {row.name}_row {{",
        f"    static constexpr int slots = {len(row.slots)};",
        "    template <class V>",
        "    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,",
        "                               [[maybe_unused]] double decay,",
        "                               [[maybe_unused]] const double* setting) {",
        *settings(texts, names, "        "),
        *(f"        V {slot} = slot[{place}];" for place, slot in enumerate(row.slots)),
    ]
    lines += [f"        {target} = {text};" for target, text in row.kernel]
    lines += [f"        slot[{place}] = {slot};" for place, slot in enumerate(row.slots)]
    return [*lines, "    }", "};"]


def visitor(name: str, rows: list[str]) -> list[str]:
    """Return the list of names and the switch that turns a number into a functor."""
    listed = ", ".join(f'"{row}"' for row in rows)
    return [
        f"inline constexpr const char* {name}_names[] = {{{listed}}};",
        "template <class Visit>",
        f"CP_INLINE void with_{name}(int number, Visit visit) {{",
        "    switch (number) {",
        *(
            f"        case {i}: visit(generated::{row}_row{{}}); break;"
            for i, row in enumerate(rows)
        ),
        "        default: break;",
        "    }",
        "}",
    ]


def source() -> str:
    """Return the text of the generated file."""
    kernels = [row for row in TABLE.rows() if isinstance(row, Function | Cost) and row.kernel]
    functions = [row.name for row in kernels if isinstance(row, Function)]
    costs = [row.name for row in kernels if isinstance(row, Cost)]
    lines = [
        HEAD,
        *functors(),
        "namespace optimizers {",
        *(line for row in NATIVE.values() for line in optimizer(row)),
        "}  // namespace optimizers",
        "",
        *visitor("function", functions),
        *visitor("cost", costs),
        *visitor("optimizer", [f"optimizers::{name}" for name in NATIVE]),
        "",
        "}  // namespace clearprop::CP_ISA::generated",
        "",
    ]
    return "\n".join(lines).replace('"optimizers::', '"')


if __name__ == "__main__":
    text = source()
    if "--check" in sys.argv:
        if TARGET.read_text(encoding="utf-8") != text:
            sys.exit(f"{TARGET.name} is stale: run tools/generate.py")
    else:
        TARGET.write_text(text, encoding="utf-8")
