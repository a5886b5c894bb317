"""Wrong joins, splits, masks, tables and softmaxes in the backward pass, made by editing code.

Edits the syntax tree of a NumPy training step, knowing nothing of how ClearProp writes or finds
mistakes: this file may import neither the catalogue nor the plan.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wrong_editor import Editor, Wrong, is_product, summands, text, with_summand


def wiring_edits(code: Editor) -> Iterator[Wrong]:
    """Every mistake where values join, split, are dropped, scaled or looked up."""
    for name in code.names("delta", "Delta"):
        yield from _at_join(code, name)
        yield from _at_softmax(code, name)
        yield from _at_scale(code, name)
    for name in code.names("dE"):
        yield from _at_table(code, name)
    yield from _at_masks(code)
    for name in code.names("a"):
        yield from _shared_out(code, name)
        yield from _cut(code, name)


def _at_join(code: Editor, name: str) -> Iterator[Wrong]:
    parts = summands(code.lines[name])
    if len(parts) < 2:
        return
    for kept in parts:
        others = [part for part in parts if part is not kept]
        lost_identity = len(others) == 1 and isinstance(others[0], ast.Name)
        mistake = "residual-identity-missing" if lost_identity else "last-path-only"
        yield code.wrong(mistake, {name: text(kept)})
    product = " * ".join(f"({text(part)})" for part in parts)
    yield code.wrong("wires-multiplied", {name: product})


def _at_softmax(code: Editor, name: str) -> Iterator[Wrong]:
    """a ⊙ (Δ − Σ a ⊙ Δ), the whole Jacobian."""
    parts = summands(code.lines[name])
    for index, part in enumerate(parts):
        if not (isinstance(part, ast.BinOp) and is_product(part)):
            continue
        a, right = text(part.left), part.right
        if not (isinstance(right, ast.BinOp) and isinstance(right.op, ast.Sub)):
            continue
        Delta = text(right.left)
        if text(right.right) != f"({a} * {Delta}).sum(axis=1, keepdims=True)":
            continue
        for mistake, new in [
            ("softmax-elementwise", f"{Delta} * {a} * (1 - {a})"),
            ("softmax-derivative-missing", Delta),
        ]:
            yield code.wrong(mistake, {name: with_summand(parts, index, new)})


def _at_scale(code: Editor, name: str) -> Iterator[Wrong]:
    parts = summands(code.lines[name])
    for index, part in enumerate(parts):
        if isinstance(part, ast.BinOp) and is_product(part):
            factor = text(part.left)
            if factor in code.names("s") and isinstance(part.right, ast.Name):
                new = with_summand(parts, index, text(part.right))
                yield code.wrong("scale-missing", {name: new})


def _at_table(code: Editor, name: str) -> Iterator[Wrong]:
    """E[k] is set, or added to through an array of indices: of equal k one stays."""
    parts = summands(code.lines[name])
    table = name[1:]
    for index, part in enumerate(parts):
        if not (isinstance(part, ast.BinOp) and is_product(part, ast.MatMult)):
            continue
        k = text(part.left).split("[")[-1].partition("]")[0]
        for sign in ("=", "+="):
            before = f"early = np.zeros_like({table})", f"early[{k}] {sign} {text(part.right)}"
            new = with_summand(parts, index, "early")
            yield code.wrong("embedding-not-accumulated", {name: new}, **{name: before})
    yield code.wrong("parameter-forgotten", {name: f"np.zeros_like({table})"})


_MASKED = (
    ("dropout-mask-missing", "{Delta}"),
    ("dropout-scale-missing", "({r} > 0) * {Delta}"),
    ("dropout-mask-twice", "{r} * {r} * {Delta}"),
    ("dropout-mask-inverted", "({r} == 0) * {Delta}"),
    ("dropout-mask-inverted", "({r} == 0) / 0.6 * {Delta}"),  # of networks that drop 0.4
)


def _at_masks(code: Editor) -> Iterator[Wrong]:
    """Each mask's factor in what passes back, and all masks' at once."""
    for mistake, form in _MASKED:
        every: dict[str, str] = {}
        for name in code.names("delta", "Delta"):
            parts = summands(code.lines[name])
            terms = [text(part) for part in parts]
            for index, part in enumerate(parts):
                masked = isinstance(part, ast.BinOp) and is_product(part)
                if masked and text(part.left) in code.names("r"):
                    terms[index] = form.format(r=text(part.left), Delta=text(part.right))
                    new = with_summand(parts, index, terms[index])
                    yield code.wrong(mistake, {name: new})
                    every[name] = " + ".join(terms)
        if len(every) > 1:
            yield code.wrong(mistake, every)


def _shared_out(code: Editor, name: str) -> Iterator[Wrong]:
    """A sum of two values passes half of what arrives to each of them."""
    parts = summands(code.lines[name])
    if len(parts) != 2 or not all(isinstance(part, ast.Name) for part in parts):
        return
    arrives, new = "Delta" + name[1:], {}
    for line in code.readers(arrives):
        terms = [text(part) for part in summands(code.lines[line])]
        if arrives in terms:
            new[line] = " + ".join(f"0.5 * {t}" if t == arrives else t for t in terms)
    if new:
        yield code.wrong("join-halved", new)


def _cut(code: Editor, name: str) -> Iterator[Wrong]:
    """The parts of a concat cut in another order backward, or joined in another order forward."""
    value = code.lines[name]
    if not (isinstance(value, ast.Call) and text(value.func) == "np.concatenate"):
        return
    assert isinstance(value.args[0], ast.List)
    parts = [text(part) for part in value.args[0].elts]
    if len(parts) != 2 or parts[0] == parts[1]:
        return
    swapped = f"np.concatenate([{parts[1]}, {parts[0]}], axis=1)"
    yield code.wrong("concat-slices-swapped", {name: swapped})
    arrives = "Delta" + name[1:]
    cuts, new = [], {}
    for line in code.readers(arrives):
        for part in summands(code.lines[line]):
            if isinstance(part, ast.Subscript) and text(part.value) == arrives:
                cuts.append((line, text(part)))
    if not cuts:
        return
    for line, cut in cuts:
        start, _, stop = cut.removeprefix(f"{arrives}[:, ").removesuffix("]").partition(":")
        width = int(stop) - int(start)
        # the other part is cut first
        other = f"{arrives}[:, :{width}]" if int(start) else f"{arrives}[:, -{width}:]"
        terms = new.get(line, text(code.lines[line]))
        new[line] = terms.replace(cut, other)
    yield code.wrong("concat-slices-swapped", new)
