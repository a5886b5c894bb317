"""What every page of a derivation says besides its equations: header, headings, references."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from clearprop.derivation.derived import Derived, equation_text
from clearprop.derivation.printers.printing import Printer
from clearprop.derivation.steps.equations import DerivedStep, Equation, runs
from clearprop.derivation.trees.tree import Node, Place, Quantity, Var
from clearprop.derivation.verifying.kinks import kinked
from clearprop.words import number, visible, width

WIDTH = 80
"""Columns of a terminal that does not say."""
SPAN = 3
"""So many numbers in a row are written as from the first to the last."""
FORWARD = ("forward", "cost")
"""Kinds of steps whose numbers come before any derivative."""
COLUMNS_NAMED = 8
"""Of a wider input, so many columns are named."""
UNBROKEN = "\N{NO-BREAK SPACE}"
"""Between a symbol and what it is: no line ends here."""


def header(derived: Derived) -> Iterator[str]:
    """Yield what stands under the title: notation, size, where the numbers come from."""
    notation = visible(derived.notation.title or derived.notation.name)
    count = derived.network.graph.size
    yield " · ".join(
        [derived.say("written", notation=notation), derived.say("parameters", count=f"{count:,}")]
    )
    if source := visible(derived.notation.source):
        chinese = derived.language == "zh"
        yield re.sub(r"^(S[0-4]): ", r"\1：", source) if chinese else source
    if derived.notation.sizes:
        yield derived.say("sizes")
    if derived.seed is not None:
        yield derived.say(derived.origin, seed=derived.seed, table=visible(derived.table))
    if derived.trained:
        rate = f"{derived.names.name('learning_rate')} = {number(derived.learning_rate)}"
        yield derived.say("trained", rate=rate, optimizer=visible(derived.trained))
    if derived.columns:
        yield derived.say("columns", names=columns_text(derived))
    if derived.numbers is not None and derived.numbers.m > 1:
        yield derived.say("first_sample", row=derived.row, m=derived.numbers.m)
    if count := derived.network.graph.members:
        yield derived.say(
            "members", K=derived.names.name("K"), count=count, cost=derived.names.name("J")
        )
    if derived.numbers is not None and derived.network.graph.members:
        yield derived.say("first_member", count=derived.network.graph.members)
    if derived.numbers is not None and (result := derived.verify()).beyond and result.passed:
        numbers = [step.number for step in derived.steps if step.id in result.beyond]
        key = "beyond_overflow" if (first := overflowing(derived)) else "beyond"
        yield derived.say(key, steps=listed(derived, numbers, spans=True), first=first)
    if derived.numbers is not None and (result := derived.verify()).kinks and result.passed:
        numbers = [step.number for step in derived.steps if step.id in result.kinks]
        rows = ("、" if derived.language == "zh" else ", ").join(kinked(derived.numbers))
        yield derived.say("kinks", steps=listed(derived, numbers, spans=True), rows=rows)


def overflowing(derived: Derived) -> str:
    """Return the first step before any derivative that is ∞ or no number, "(4)"; "" if none is.

    Every sample counts; on the page of one weight, the one that is shown. Where that page has no
    such step, the name of what overflows.
    """
    assert derived.numbers is not None  # or there would be nothing to ask of
    found = derived.numbers.found
    for step in derived.steps:
        known = [found[step.id]] if step.kind in FORWARD and step.id in found else []
        computed = (derived.shown(one) for one in step.equations if _is_forward(derived, one))
        if not all(one is None or np.isfinite(one).all() for one in (*known, *computed)):
            return derived.say("equation_list", number=step.number)
    for one in derived.numbers.plan.steps:
        if one.kind in FORWARD and not np.isfinite(found[one.target.name]).all():
            return derived.names.name("J" if one.kind == "cost" else one.target.name)
    return ""


def endless(derived: Derived, equation: Equation) -> str:
    """Return why the number of an equation is ∞ or none: it overflows, or what it is read from."""
    return derived.say("too_large" if _is_forward(derived, equation) else "overflow")


def _is_forward(derived: Derived, equation: Equation) -> bool:
    """Whether an equation is of the forward pass or the cost, whose numbers are no textbook's."""
    sym = equation.left.sym if isinstance(equation.left, Quantity) else ""
    return sym in derived.network.graph.values or sym.startswith(("J", "C", "penalty", "part:"))


def columns_text(derived: Derived) -> str:
    """Return what stands behind each unit of the inputs and the target: "x₁ age, x₂ town; y₁ …"."""
    values = []
    for sym, units in derived.columns.items():
        whole = derived.names.rank(sym) == 0
        said = [
            f"{derived.names.name(sym, () if whole else (place,))}{UNBROKEN}{visible(unit)}"
            for place, unit in enumerate(units)
        ]
        if len(said) > COLUMNS_NAMED:
            said[COLUMNS_NAMED - 2 : -1] = ["…"]
        values.append(", ".join(said))
    return "; ".join(values)


def failure(derived: Derived) -> str:
    """Return what a derivation that does not verify says at its top; else nothing."""
    if derived.numbers is None or (result := derived.verify()).passed:
        return ""
    if not result.worst:
        return derived.say("unproved", names=", ".join(map(derived.names.name, result.unproved)))
    error = max(
        result.errors_trace.get(result.worst, 0.0), result.errors_differences.get(result.worst, 0.0)
    )
    titles = {step.id: f"({step.number}) {derived.speak(step.title)}" for step in derived.steps}
    step = titles.get(result.worst, result.worst)
    return derived.say("not_verified", step=step, error=number(error, 2))


def verified(derived: Derived) -> Iterator[tuple[str, str]]:
    """Yield how far the derivation was verified, by SymPy too or why not; each with its sign."""
    if derived.numbers is None or not (result := derived.verify(symbolic=True)).passed:
        return
    trace, differences = result.max_error_trace, result.max_error_differences
    key = "verified_others" if result.beyond else "verified_beside" if result.kinks else "verified"
    yield "✓", derived.say(key, trace=f"{trace:.1g}", differences=f"{differences:.1g}")
    if result.max_error_symbolic is not None:
        yield "✓", derived.say("by_sympy", error=f"{result.max_error_symbolic:.1g}")
    if why := derived.why_skipped(result):
        yield "–", why


def section_title(derived: Derived, step: DerivedStep) -> str:
    """Return the heading that a step stands under."""
    if derived.target:
        return derived.say("section_weight", weight=derived.names.name(*derived.target))
    return derived.say(f"section_{step.kind}")


def ranges(derived: Derived, equation: Equation, show: Callable[[Node], str]) -> str:
    """Return "for every i = 1…3", or "for i = 1" where there is one; nothing without letters."""
    found = list(runs(equation, derived.names.letter))
    if not found:
        return ""
    said = ", ".join(map(show, found))
    single = all(len(one.places) == 1 for one in found)
    return derived.say("unit_single" if single else "unit_range", ranges=said)


def lettered(derived: Derived, step: DerivedStep, text: str, show: Callable[[Node], str]) -> str:
    """Return a step's prose with the letter of its layers as the equations have it."""
    if step.layer is None and not any(one.layers for one in step.equations):
        return text
    letter = derived.names.letter
    shown = show(Place(Var(letter)))
    alone = rf"(?<![A-Za-z&#;\\{{]){letter}(?![A-Za-z;])"
    return re.sub(alone, lambda match: shown, text)


def uses_text(derived: Derived, uses: list[int]) -> str:
    """Return "from (3), (4)"."""
    return derived.say("uses", steps=listed(derived, uses))


def shape_text(derived: Derived, step: DerivedStep) -> str:
    """Return "shape 3 × 2", the size of what a step computes, where letters stand for whole arrays.

    Nothing for one number, for any layer's l, and where sizes stand beside the letters (S1).
    """
    notation, shape = derived.notation, step.type.shape
    general = any(one.layers for one in step.equations)
    if not notation.whole or notation.sizes or general or not shape or derived.target:
        return ""
    turned = len(shape) == 2 and derived.names.transposed(step.target)
    sizes = " × ".join(map(str, shape[::-1] if turned else (*shape, 1)[:2]))
    return derived.say("shape", sizes=sizes)


def listed(derived: Derived, numbers: list[int], spans: bool = False) -> str:
    """Return "(3), (4)"; with ``spans``, three or more in a row as "(3)–(6)"."""
    comma = "、" if derived.language == "zh" else ", "
    runs_of: list[list[int]] = []
    for one in numbers:
        if spans and runs_of and one == runs_of[-1][-1] + 1:
            runs_of[-1].append(one)
        else:
            runs_of.append([one])
    said = []
    for run in runs_of:
        each = [derived.say("equation_list", number=n) for n in run]
        said += each if len(run) < SPAN else [f"{each[0]}–{each[-1]}"]
    return comma.join(said)


def marked(derived: Derived, step: DerivedStep, printer: Printer) -> Iterator[tuple[str, str]]:
    """Yield what the source prints in a step's place, the right form, and what differs.

    Each is words, and mathematics right behind them: an equation and its value, or nothing.
    """
    air = "" if derived.language == "zh" else " "  # a Chinese colon has its own
    for mark in step.marked:
        for key, equation in (("marked", mark.printed), ("marked_right", mark.right)):
            said = equation_text(printer, equation, derived.worth(equation))
            yield derived.say(key) + air, said
        yield (mark.erratum.why_zh if derived.language == "zh" else mark.erratum.why), ""


def wrapped(text: str, columns: int) -> Iterator[str]:
    """Fold prose between words, and between Chinese signs; no line begins with a comma.

    >>> list(wrapped("one two three", 8)), list(wrapped("输入层，隐藏层", 8))
    (['one two', 'three'], ['输入层，', '隐藏层'])
    """
    line = ""
    for word in re.findall(r"[ \n]*(?:[　-鿿＀-￯]|[^ \n　-鿿＀-￯]+)"
                           r"[，。；：、）]*", text):  # fmt: skip
        if line and width(line + word) > columns:
            yield line
            line = word.lstrip()
        else:
            line += word
    yield line
