"""Wrong derivatives of the cost, wrong means and wrong sample weights, made by editing code.

Edits the syntax tree of a NumPy training step, knowing nothing of how ClearProp writes or finds
mistakes: this file may import neither the catalogue nor the plan.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import partial

from wrong_editor import Editor, Wrong, instead, is_product, number_of, summands, text, with_summand


class _AtCost:
    """The line in which an output's cost is differentiated: share × slope, plus other wires."""

    def __init__(self, code: Editor, name: str, parts: list[ast.expr], index: int) -> None:
        self.code, self.name, self.parts, self.index = code, name, parts, index
        part = parts[index]
        assert isinstance(part, ast.BinOp)
        self.slope = text(part.right if code.weighted else part.left)
        self.a = "a" + number_of(name)
        self.z = "z" + number_of(name)
        # only one of several outputs has a number in the name of its target
        self.y = next(y for y in ("y" + number_of(name), "y") if y in code.lines)

    def wrong(self, mistake: str, slope: str, share: str = "") -> Wrong:
        share = share or ("w * ({})" if self.code.weighted else "({}) / m")
        new = with_summand(self.parts, self.index, share.format(slope))
        return self.code.wrong(mistake, {self.name: new})

    def shared(self, mistake: str, factor: str) -> Wrong:
        share = "w * ({})" if self.code.weighted else "({}) / m"
        return self.wrong(mistake, self.slope, f"{share} {factor}")


def at_cost(code: Editor, costs: Mapping[str, str]) -> Iterator[Wrong]:
    """Every mistake at the cost, at each output."""
    for name in code.names("delta", "Delta"):
        parts = summands(code.lines[name])
        for index, part in enumerate(parts):
            if _is_share(code, part):
                at = _AtCost(code, name, parts, index)
                yield from _share(at)
                yield from _slope(at, costs[at.a])
    if code.weighted:
        yield from _weights(code)


def _is_share(code: Editor, part: ast.expr) -> bool:
    if not isinstance(part, ast.BinOp):
        return False
    if code.weighted:
        return is_product(part) and text(part.left) == "w"
    return is_product(part, ast.Div) and text(part.right) == "m"


def _share(at: _AtCost) -> Iterator[Wrong]:
    """The mean, and what else the whole is multiplied by."""
    weighted = at.code.weighted
    yield at.wrong("sign-of-delta", f"-({at.slope})")
    yield at.wrong("mean-missing", at.slope, "sample_weight[:, None] * ({})" if weighted else "{}")
    yield at.shared("mean-twice", f"/ {at.code.batch}")
    yield at.shared("sum-over-outputs-as-mean", f"/ {at.y}.shape[1]")
    yield at.shared("outputs-multiplied", f"* {at.y}.shape[1]")
    for count in ("* 12", "/ 7", "/ X.size"):  # micro-batches, time steps, all entries
        yield at.shared("another-count", count)
    rows = "(np.arange({y}.shape[0])[:, None] {test})".replace("{y}", at.y)
    for test in ("> 0", "< m - 1"):
        kept = f"* {rows.replace('{test}', test)}"
        yield at.shared("sample-left-out", kept)
        if not weighted:
            yield at.shared("sample-left-out", f"{kept} * m / (m - 1)")
    if weighted:
        yield at.wrong("weights-ignored", at.slope, "({}) / m")
        yield at.wrong("weights-not-normalised", at.slope, "sample_weight[:, None] * ({}) / m")
    else:
        yield at.wrong("another-count", at.slope, "({}) / (m - 1)")


def _weights(code: Editor) -> Iterator[Wrong]:
    """The line that makes the weights' shares, which all outputs read."""
    lines = tuple(code.readers("w"))
    for mistake, new in [
        ("weights-ignored", "np.full((m, 1), 1 / m)"),
        ("weights-not-normalised", "sample_weight[:, None] / m"),
    ]:
        yield Wrong(mistake, lines, partial(code.with_lines, {"w": new}))


def _slope(at: _AtCost, cost: str) -> Iterator[Wrong]:
    """The cost's derivative itself: of a, or of z where cost and link are one step."""
    a, z, y, slope = at.a, at.z, at.y, at.slope
    made = at.code.lines[a]
    link = text(made.func) if isinstance(made, ast.Call) else "identity"
    fused = at.name.startswith("delta")
    yield at.wrong("target-missing", a if f"{a} - {y}" == slope else instead(slope, y, "0"))
    yield at.wrong("cost-for-derivative", f"np.abs({a} - {y})")
    if slope == f"{a} - {y}":
        yield at.wrong("thresholded-output", f"({a} > 0.5) - {y}")
    if cost == "squared_error":
        yield at.wrong("cost-for-derivative", f"({a} - {y}) ** 2")
        yield at.wrong("cost-for-derivative", f"({a} - {y}) ** 2 / 2")
        yield at.shared("factor-two", "* 2")
        yield at.shared("factor-half", "* 0.5")
    elif cost != "cross_entropy" and not fused:
        yield at.wrong("squared-error-derivative", f"{a} - {y}")
    if link != "identity":
        yield at.wrong("preactivation-in-cost", instead(slope, a, z))
    if not fused:
        return
    if cost == "cross_entropy":
        yield at.wrong("cost-for-derivative", f"-{slope.removeprefix(f'{a} - ')} * np.log({a})")
        target = slope.removeprefix(f"{a} - ")  # smoothed, perhaps
        again = instead(slope, a, f"softmax({a})")
        yield at.wrong("softmax-twice", again)
        through = f"{a} * (({again}) - ({a} * ({again})).sum(axis=1, keepdims=True))"
        yield at.wrong("softmax-twice", through)
        yield at.wrong("softmax-elementwise", f"-({target} / {a}) * {a} * (1 - {a})")
        yield at.wrong("softmax-derivative-missing", f"-({target} / {a})")
        yield at.wrong("link-derivative-twice", f"({slope}) * {a} * (1 - {a})")
        yield at.wrong("target-class-only", f"np.where({y} == 1, {slope}, 0.0)")
        if slope != f"{a} - {y}":
            yield at.wrong("label-smoothing-ignored", f"{a} - {y}")
    else:
        yield at.wrong("link-twice", instead(slope, a, f"{link}({a})"))
        prime = {"sigmoid": f"{a} * (1 - {a})", "exp": a}[link]
        yield at.wrong("link-derivative-twice", f"({slope}) * {prime}")
        yield at.wrong("link-twice", f"({instead(slope, a, f'{link}({a})')}) * {prime}")
