"""A derivation as plain data, for JSON: every step on every page, numbers, links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from clearprop.derivation.derived import Derived, called, equation_text
from clearprop.derivation.printers.latex import LATEX
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.mathml import MATHML
from clearprop.derivation.printers.printing import Printer
from clearprop.derivation.steps.equations import Equation, Mark
from clearprop.derivation.trees.evaluating import value
from clearprop.expressions import Array


def data_page(derived: Derived, symbolic: bool) -> dict[str, Any]:
    """Return the derivation as plain data; ``symbolic``: verified by SymPy too."""
    printers = {layout.name: derived.printer(layout) for layout in (TEXT, LATEX, MATHML)}
    steps = []
    for step in derived.steps:
        equations = []
        for equation in step.equations:
            found = derived.value(equation)
            start = derived.start(equation)
            equations.append(
                {name: equation_text(p, equation) for name, p in printers.items()}
                | {"number": equation.number,
                   "for": _where(derived, equation),
                   "value": None if found is None else _plain(found)}
                | ({"before": _plain(start[1])} if start else {})
                | ({"given": _given(derived, equation)} if derived.given(equation) else {})
            )  # fmt: skip
        steps.append(
            {
                "id": step.id,
                "number": step.number,
                "kind": step.kind,
                "title": derived.speak(step.title),
                "why": derived.speak(step.why),
                "equations": equations,
                "shape": str(step.type),
                "uses": list(step.uses),
                "like": step.like,
                "layer": step.layer,
                "covers": list(step.covers),
                "marked": [_marked(derived, one, printers) for one in step.marked],
            }
        )
    found_beside: dict[str, Any] = {"paths": derived.ways.to_dict()} if derived.ways else {}
    if derived.numbers is not None:
        result = derived.verify(symbolic=symbolic)
        found_beside |= result.to_dict() | {"symbolic_skipped": derived.why_skipped(result)}
    return {
        "format": "clearprop-derivation",
        "version": 1,
        "title": derived.title,
        "notation": derived.notation.name,
        "language": derived.language,
        "network": called(derived.network, derived.language),
        "weight": derived.names.name(*derived.target) if derived.target else None,
        "numbers": _origin(derived),
        "learning_rate": derived.learning_rate,
        "columns": {value: list(units) for value, units in derived.columns.items()},
        "steps": steps,
    } | found_beside


def _origin(derived: Derived) -> dict[str, Any] | None:
    """Where the numbers come from, as the text page says it, and which row is shown."""
    if derived.numbers is None:
        return None
    return {
        "origin": derived.origin if derived.seed is not None else "given",
        "seed": derived.seed,
        "table": derived.table or None,
        "rows": derived.numbers.m,
        "row": derived.row,
        "trained_by": derived.trained or None,
    }


def _given(derived: Derived, equation: Equation) -> dict[str, Any]:
    """What an equation is the first to read, by its name."""
    assert derived.numbers is not None  # of an equation without numbers nothing is given
    at = derived.numbers.bound(derived.row)
    return {
        derived.printer_text(node): _plain(value(node, derived.numbers, at))
        for node in derived.given(equation)
    }


def _where(derived: Derived, equation: Equation) -> dict[str, Any]:
    """How far each index runs, from 1 (a number, or the sign of a size), and which layers."""
    widths = equation.widths or (None,) * len(equation.free)
    layers = {derived.names.letter: list(equation.layers)} if equation.layers else {}
    return layers | {
        letter: derived.printer_text(width) if width else size
        for (letter, size), width in zip(equation.free, widths, strict=True)
    }


def _marked(derived: Derived, mark: Mark, printers: Mapping[str, Printer]) -> dict[str, Any]:
    """What a source prints wrongly, as plain data: both forms on every page, and values."""
    found: dict[str, Any] = {"source": f"{mark.erratum.source} {mark.erratum.place}"}
    for side, equation in (("printed", mark.printed), ("right", mark.right)):
        worth = derived.worth(equation)
        found[side] = equation_text(printers["text"], equation)
        found[f"{side}_latex"] = equation_text(printers["latex"], equation)
        found[f"{side}_mathml"] = equation_text(printers["mathml"], equation)
        found[f"{side}_value"] = None if worth is None else _plain(worth)
    return found | {"why": mark.erratum.why_zh if derived.language == "zh" else mark.erratum.why}


def _plain(array: Array) -> Any:
    """Numbers as JSON has them; what is ∞ or none there is null."""
    found = np.asarray(array)
    if np.isfinite(found).all():
        return found.tolist()
    plain = found.astype(object)
    plain[~np.isfinite(found)] = None
    return plain.tolist()
