"""A derivation as one HTML page: MathML, the network as SVG, links both ways, no scripts."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from clearprop.derivation.derived import Derived
from clearprop.derivation.notations.glyphs import Glyph
from clearprop.derivation.notations.names import base_of
from clearprop.derivation.pages.flowing import NARROW, flowing, width
from clearprop.derivation.pages.heading import (
    endless,
    failure,
    header,
    lettered,
    marked,
    ranges,
    section_title,
    shape_text,
    uses_text,
    verified,
)
from clearprop.derivation.pages.notes import notes_of
from clearprop.derivation.printers.alphabets import HAN
from clearprop.derivation.printers.layouts import TEXT
from clearprop.derivation.printers.mathml import MATHML
from clearprop.derivation.printers.printing import Printer
from clearprop.derivation.steps.equations import DerivedStep, Equation
from clearprop.derivation.trees.tree import Node
from clearprop.drawing import Stroke, followed, lay_out, own_wires, svg

FONT = "clearprop-math.woff2"
"""Latin Modern Math (GUST Font License), the signs that derivations use: its brackets stretch."""

STYLE = """
@font-face{font-family:"ClearProp Math";src:url(data:font/woff2;base64,@FONT@) format("woff2")}
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fdfdfb;--faint:#667085;--line:#d5dae2;
--accent:#0b5fae;--warn:#9a5b00;--card:#f4f6f9;--edge:#98a2b3}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181f;--faint:#98a2b3;
--line:#39424f;--accent:#7db8f2;--warn:#e8b25c;--card:#1c222b;--edge:#56606f}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1.2rem 4rem;max-width:60rem;
background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,"Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
h1{font-size:1.6rem;line-height:1.3;margin:.2rem 0;text-wrap:balance}
.bar{text-decoration:overline}.whole{display:inline-block}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem;
border-bottom:1px solid var(--line);padding-bottom:.25rem}
.about,.why,.uses,.free{color:var(--faint);font-size:.9rem}
.step{content-visibility:auto;contain-intrinsic-size:auto 11rem;margin:.8rem 0;padding:.7rem .9rem;
background:var(--card);border-radius:.5rem;scroll-margin-top:1rem}
.step:target{outline:2px solid var(--accent)}
.step h3{font-size:1rem;margin:0}.step h3 a{color:inherit;text-decoration:none}
.number{color:var(--faint);font-weight:400;margin-right:.4rem}
.why{margin:.1rem 0 .4rem}.uses a,.why a,.place{color:var(--accent);text-decoration:none}
.place{float:right;font-size:.9rem}
.equations{padding:.2rem 0;--back:var(--card)}.drawing{margin:1rem 0;--back:var(--paper)}
.equations,.drawing{overflow-x:auto;background:
linear-gradient(90deg,var(--back) 40%,transparent) 0/3rem 100% no-repeat local,
linear-gradient(270deg,var(--back) 40%,transparent) 100%/3rem 100% no-repeat local,
linear-gradient(90deg,var(--edge),transparent) 1px 50%/.5rem calc(100% - 6px) no-repeat,
linear-gradient(270deg,var(--edge),transparent) calc(100% - 1px) 50%/.5rem calc(100% - 6px)
no-repeat}
[lang|=zh]{font-family:"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif}
math{font-family:"ClearProp Math","Latin Modern Math",
"STIX Two Math","Cambria Math","Noto Sans Math",
"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",math;
font-size:1.1rem}
math[display]>mtable>mtr>mtd:first-child{text-align:right;text-align:-webkit-right}
math[display]>mtable>mtr>mtd:last-child{text-align:left}
.lines{border-collapse:collapse;margin:auto;line-height:1.2}
.lines td{padding:.2em .25em;vertical-align:baseline}
.lines td:first-child{text-align:right}.lines td:last-child{padding-left:1.8em;text-indent:-1.5em}
.lines td:last-child::after{content:"";padding-left:1.5em}
.lines math,.marked math{margin:.12em 0}.lines math,.lines span{text-indent:0}
.lines span,.marked span{display:inline-block}
.apart>mtd,.lines .apart>td{padding-top:.75em}.free{margin:.1rem 0}
.marked{color:var(--warn);font-size:.92rem;margin:.3rem 0 0}
.failed{background:#b42318;color:#fff;padding:.6rem .9rem;border-radius:.5rem;font-weight:600}
.network{display:block;width:100%;height:auto;margin:auto}
.wire{stroke:var(--line);stroke-width:1.2}.lit{stroke:var(--accent);stroke-width:2}
.value circle,.value rect{fill:var(--paper);stroke:var(--accent);stroke-width:1.4}
.value text{fill:var(--ink);text-anchor:middle;font:13px system-ui,sans-serif}
.value .name{fill:var(--faint)}.weight{fill:var(--faint);text-anchor:middle;
font:italic 13px system-ui,sans-serif;paint-order:stroke;stroke:var(--paper);stroke-width:3px}
.own{fill:var(--accent);font-weight:600}.value:target circle,.value:target rect{fill:#ffd97a}
@media(max-width:40rem){body{padding:1rem .5rem 3rem}.step{padding:.6rem}math{font-size:1rem}
.lines{margin:0}.lines,.lines tbody{display:block}
.lines tr{display:block;padding:.25em 0 .25em 1.5em;text-indent:-1.5em}
.lines td,.lines td:last-child{display:inline;padding:0;text-indent:inherit}
.lines td:last-child::after{content:none}.equations mrow mtable mtd{padding-inline:.25em}
.lines .apart>td{padding:0}.lines tr.apart{padding-top:.9em}
tr.one{display:flex;align-items:baseline;padding-left:0;text-indent:0}}
@media print{:root{color-scheme:light;--ink:#000;--paper:#fff;--faint:#444;--line:#bbb;
--accent:#0b5fae;--warn:#7a4700}body{max-width:none;padding:0;font-size:11pt}
.step{break-inside:avoid;background:none;border:1px solid var(--line);content-visibility:visible}
.place{display:none}.equations,.drawing{background:none}.network{min-width:0!important}h2{break-after:avoid}
.lines{display:grid;grid-template-columns:auto auto auto;
justify-content:center;align-items:baseline}
.lines tbody,.lines tr{display:contents}}
"""
"""On a phone a sign that nothing stands before goes with what is behind it. On paper lines stand in
a grid: where pages break, browsers align no table at its baselines."""


def html_page(derived: Derived, verify: bool = False) -> str:
    """Return the derivation as one self-contained HTML page; ``verify``: say how far it was."""
    return "\n".join(_Page(derived).lines(verify)) + "\n"


class Row(NamedTuple):
    """A line of an equation as MathML; ``apart`` from the equation above."""

    left: str
    sign: str
    right: str
    apart: bool


SIGN = 2.4
"""What the sign takes between left and right, in em."""


class _Page:
    def __init__(self, derived: Derived) -> None:
        self.derived = derived
        self.printer = derived.printer(MATHML)
        self.plain: Printer = derived.printer(TEXT)
        self.numbers = {step.id: step.number for step in derived.steps}
        self.plan = derived.network.plan

    def lines(self, verify: bool) -> Iterator[str]:
        derived = self.derived
        language = "zh-CN" if derived.language == "zh" else "en"
        yield f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
        yield '<link rel="icon" href="data:,">'
        yield f"<title>{escape(derived.title)}</title>\n<style>{_style()}</style>\n</head>\n<body>"
        yield f"<h1>{_unbroken(escape(derived.title))}</h1>"
        for line in header(derived):
            yield f'<div class="about">{self.prose(line)}</div>'
        if wrong := failure(derived):
            yield f'<p class="failed">{self.prose(wrong)}</p>'
        for sign, line in verified(derived) if verify else ():
            yield f'<div class="about verified">{sign} {escape(line)}</div>'
        yield f'<div class="drawing">{self.picture()}</div>'
        section = ""
        for step in derived.steps:
            if step.kind != section and (not derived.weight or not section):
                section = step.kind
                yield f"<h2>{self.prose(section_title(derived, step))}</h2>"
            yield from self.step(step)
        yield "</body>\n</html>"

    def picture(self) -> str:
        """The network drawn, with room for what its values and weights are called."""
        derived, graph = self.derived, self.plan.graph
        named = [self.label(value, unit) for value in graph.values for unit in (0, 1)]
        wired = [self.parameter(name) for name in graph.parameters]
        if derived.target:
            wired.append(derived.names.called(*derived.target))
        drawing = lay_out(self.plan, derived.notation.bias_view == "column", named, wired)
        lit = followed(drawing, *derived.target) if derived.target else frozenset()
        own = own_wires(drawing, *derived.target) if derived.target else ()
        return svg(drawing, self.label, self.link, self.wire, derived.title, lit, own)

    def label(self, value: str, unit: int) -> str:
        if value not in self.plan.graph.values:  # a constant says itself what it is
            return ""
        return self.derived.names.name(value, (unit - 1,) if unit and self._vector(value) else ())

    def wire(self, stroke: Stroke, whole: bool) -> str:
        """What the weight on a wire is called; where a box stands for many, or `whole`, all."""
        graph, names = self.plan.graph, self.derived.names
        if not stroke.via:
            return ""
        if stroke.start[0] not in graph.values:  # from a constant: one column beside the weights
            return "" if whole else names.called(stroke.via, (stroke.end[1] - 1,))
        units = (stroke.end[1], stroke.start[1])[: names.rank(stroke.via)]
        looked_up = any(one.value == stroke.start[0] and one.levels for one in graph.inputs)
        if all(units) and not whole and not looked_up:
            return names.name(stroke.via, tuple(unit - 1 for unit in units))
        return self.parameter(stroke.via)

    def parameter(self, name: str) -> str:
        """A parameter as a whole, without the sizes that S1 writes below: no entry is meant."""
        glyph = self.derived.names.glyph(name)
        return Glyph(glyph.base, glyph.above).text() if isinstance(glyph, Glyph) else glyph.text()

    def _vector(self, value: str) -> bool:
        return self.plan.graph.values[value].type.shape != ()

    def link(self, value: str) -> str:
        steps = self.derived.steps
        own = (step for step in steps if step.target == value)
        near = (step for step in steps if self._place(step) == value)
        found = next(own, None) or next(near, None)
        return f"#{_anchor(found.id)}" if found else ""

    def _place(self, step: DerivedStep) -> str:
        """The value of the drawing that a step is about."""
        name = base_of(step.target) if step.target else ""
        values = self.plan.graph.values
        if name.startswith("Delta"):
            name = "a" + name[5:]
        elif name.startswith("delta"):
            name = "z" + name[5:]
        elif name in self.plan.graph.parameters:
            name = self.plan.graph.nodes[self.plan.graph.parameters[name].users[0]].output
        elif name in ("J", "C"):
            name = self.plan.graph.costs[0].value
        return name if name in values else ""

    def step(self, step: DerivedStep) -> Iterator[str]:
        anchor = _anchor(step.id)
        place = self._place(step)
        back = f'<a class="place" href="#at-{escape(place)}">↑</a>' if place else ""
        yield f'<section class="step" id="{anchor}">{back}'
        title = self.lettered(step, self.derived.speak(step.title))
        yield f'<h3><span class="number">({step.number})</span><a href="#{anchor}">{title}</a></h3>'
        why = self.lettered(step, self.derived.speak(step.why))
        if step.like:  # "the same form as (5)"
            number = str(self.numbers[step.like])
            why = why.replace(number, f'<a href="#{_anchor(step.like)}">{number}</a>', 1)
        yield f'<p class="why">{why}{self.uses(step)}</p>'
        yield '<div class="equations">'
        yield from self.equations(step)
        yield "</div>"
        for said in notes_of(self.derived, step, self.inline):
            yield f'<p class="free">{said}</p>'
        if step.marked:
            for words, equation in marked(self.derived, step, self.printer):
                shown = flowing(equation) if equation else ""
                yield f'<p class="marked">{escape(words)}{shown}</p>'
        yield "</section>"

    def inline(self, node: Node) -> str:
        """Mathematics in a line of prose."""
        return f"<math>{self.printer.render(node)}</math>"

    def lettered(self, step: DerivedStep, text: str) -> str:
        """Prose, in which the letter of a layer is set as in the equations: l is no I."""
        return lettered(self.derived, step, self.prose(text), self.inline)

    def prose(self, text: str) -> str:
        """Prose; Chinese names in an English page say that they are Chinese: their font is."""
        text = re.sub("(.)\u0304", r'<span class="bar">\1</span>', escape(text))  # Θ̄
        if self.derived.language == "zh":
            return text
        return HAN.sub(r'<span lang="zh-CN">\g<0></span>', text)

    def uses(self, step: DerivedStep) -> str:
        shape = shape_text(self.derived, step)
        size = f' <span class="shape">·\u00a0{shape}</span>' if shape else ""
        if not step.uses:
            return size
        text = escape(uses_text(self.derived, [self.numbers[u] for u in step.uses]))
        text = text.replace(" ", "\u00a0", 1)  # "from" and the first number stay together
        for used in step.uses:
            shown = escape(self.derived.say("equation_list", number=self.numbers[used]))
            text = text.replace(shown, f'<a href="#{_anchor(used)}">{shown}</a>', 1)
        return f' <span class="uses">·\u00a0{text}</span>{size}'

    def equations(self, step: DerivedStep) -> Iterator[str]:
        """The equations of a step, aligned at one sign; what is said of one stands below it."""
        rows: list[Row] = []
        for equation in step.equations:
            rows += self.rows(equation, apart=bool(rows))
            if notes := self.notes(equation):
                yield _table(rows) + notes
                rows = []
        if rows:
            yield _table(rows)

    def rows(self, equation: Equation, apart: bool) -> Iterator[Row]:
        """Left, sign, right; its numbers below; ``apart`` from the equation above."""
        left = self.printer.render(equation.left)
        lines = [
            (self.printer.render(node), "=", self.printer.array(found))
            for node, found in self.derived.before(equation)
        ]
        for place, member in enumerate(equation.members):
            sign = equation.relation if place == 0 else "="
            lines.append((left if place == 0 else "", sign, self.printer.render(member)))
        found = self.derived.shown(equation)
        if found is not None:
            shown = self.derived.substituted(equation)
            if shown is not None:
                lines.append(("", "=", self.printer.render(shown)))
            lines.append(("", "=", self.printer.array(found)))
        for place, (a, sign, b) in enumerate(lines):
            yield Row(a, sign, b, apart and place == 0)

    def notes(self, equation: Equation) -> str:
        """What is said of one equation: where its letters run, and a textbook form's overflow."""
        found = self.derived.shown(equation)
        said = ""
        if found is not None and not np.isfinite(found).all():
            said = f'<p class="marked">{escape(endless(self.derived, equation))}</p>'
        if where := ranges(self.derived, equation, self.inline):
            said += f'<p class="free">{where}</p>'
        return said


def _table(rows: list[Row]) -> str:
    """Rows aligned at their sign: one formula where a phone has room for it, else lines to wrap."""
    left = max(width(row.left) for row in rows)
    if any(left + SIGN + width(row.right) > NARROW for row in rows):
        return f'<table class="lines">{"".join(map(_wrapping, rows))}</table>'
    table = f'<mtable displaystyle="true">{"".join(map(_aligned, rows))}</mtable>'
    return f'<math display="block">{table}</math>'


def _aligned(row: Row) -> str:
    gap = ' class="apart"' if row.apart else ""
    return (
        f"<mtr{gap}><mtd>{row.left}</mtd><mtd><mo>{row.sign}</mo></mtd><mtd>{row.right}</mtd></mtr>"
    )


def _wrapping(row: Row) -> str:
    left = flowing(row.left) if row.left else ""
    sign, right = flowing(f"<mo>{row.sign}</mo>"), flowing(row.right)
    kind = "apart" if row.apart else "" if left or right.count("<math") > 1 else "one"
    gap = f' class="{kind}"' if kind else ""
    return f"<tr{gap}><td>{left}</td><td>{sign}</td><td>{right}</td></tr>"


@cache
def _style() -> str:
    font = files("clearprop.derivation.pages").joinpath("fonts", FONT).read_bytes()
    return STYLE.replace("@FONT@", base64.b64encode(font).decode("ascii"))


def _unbroken(title: str) -> str:
    """A title in which a chain, 2-3-2, goes to a line of its own before it is broken."""
    return re.sub(r"\d+(?:-\d+)+", r'<span class="whole">\g<0></span>', title)


def _anchor(id: str) -> str:  # the word of the contract
    """Return an address for a step: letters, digits and hyphens."""
    return "step-" + "".join(s if s.isalnum() and s.isascii() else f"-{ord(s):x}" for s in id)
