"""A laid-out network as SVG: every value a link, every wire by name, colours of the page.

A parameter's name stands above the wires it is on; which of its entries is on a wire is said when
it is pointed at. Proved by ``tests/test_derivation_pages.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from html import escape

from clearprop.drawing.layout import RADIUS, Drawing, Stroke

LIFT, OVER = 6.0, 14.0
"""From a wire's middle up to its name, and at most so much more where it is steep."""
SIGN = 3.5
"""Half of what a sign takes along the line."""


def svg(
    drawing: Drawing,
    label: Callable[[str, int], str],
    link: Callable[[str], str],
    wire: Callable[[Stroke, bool], str],
    title: str,
    lit: Collection[Stroke] = (),
    own: Collection[Stroke] = (),
) -> str:
    """Return the drawing as an SVG element.

    Parameters
    ----------
    drawing : Drawing
    label : callable (value, unit) -> str
        What stands beside a unit (from 1; 0: the whole value).
    link : callable (value) -> str
        The address a value leads to; empty for none.
    wire : callable (stroke, whole) -> str
        The name of a wire's weight, or of the whole parameter; empty for none.
    title : str
        What a screen reader says.
    lit, own : collection of Stroke
        Wires that stand out, and those of them that are named one by one.
    """
    wide, high = drawing.width, drawing.height
    gap = drawing.column - 2 * RADIUS  # between the units of two columns
    parts = [
        f'<svg class="network" viewBox="0 {drawing.top:g} {wide:g} {high:g}" role="img" '
        f'style="max-width:{wide * 1.2:g}px;min-width:{wide * 0.78:g}px" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>"
    ]
    for s in sorted(drawing.strokes, key=lambda stroke: stroke in lit):
        style = "wire lit" if s in lit else "wire"
        name = wire(s, False)
        told = f"<title>{escape(name)}</title>" if name else ""
        if s.lane is not None:  # within the gap to its lane, along it, within the last gap back
            a, b, half = s.x1 + gap, s.x2 - gap, gap / 2
            parts.append(
                f'<path class="{style}" fill="none" d="M{s.x1:g},{s.y1:g} '
                f"C{s.x1 + half:g},{s.y1:g} {a - half:g},{s.lane:g} {a:g},{s.lane:g} H{b:g} "
                f'C{b + half:g},{s.lane:g} {s.x2 - half:g},{s.y2:g} {s.x2:g},{s.y2:g}">'
                f"{told}</path>"
            )
            continue
        parts.append(
            f'<line class="{style}" x1="{s.x1:g}" y1="{s.y1:g}" x2="{s.x2:g}" y2="{s.y2:g}">{told}'
            "</line>"
        )
    parts += (_named(s, wire(s, s not in own), s in own) for s in _first_wires(drawing, own))
    for mark in drawing.marks:
        inside = []
        for dot in mark.dots:
            inside.append(
                f'<circle cx="{dot.x:g}" cy="{dot.y:g}" r="{RADIUS:g}"/>'
                if dot.unit
                else f'<rect x="{dot.x - RADIUS:g}" y="{dot.y - RADIUS:g}" '
                f'width="{2 * RADIUS:g}" height="{2 * RADIUS:g}" rx="6"/>'
            )
            size = "" if dot.unit else str(mark.size)
            text = mark.sign or size
            inside.append(f'<text class="sign" x="{dot.x:g}" y="{dot.y + 5:g}">{text}</text>')
            inside.append(
                f'<text class="name" x="{dot.x:g}" y="{dot.y - RADIUS - 6:g}">'
                f"{escape(label(mark.value, dot.unit))}</text>"
            )
            if size and mark.sign:
                inside.append(
                    f'<text class="name" x="{dot.x:g}" y="{dot.y + RADIUS + 14:g}">{size}</text>'
                )
        href = link(mark.value)
        body = "".join(inside)
        body = f'<a href="{escape(href)}">{body}</a>' if href else body
        parts.append(f'<g id="at-{escape(mark.value)}" class="value">{body}</g>')
    parts.append("</svg>")
    return "".join(parts)


def _first_wires(drawing: Drawing, own: Collection[Stroke]) -> list[Stroke]:
    """The wires that bear a name: each parameter's highest, or those asked for one by one."""
    highest: dict[tuple[str, str, str], Stroke] = {}
    for stroke in sorted(drawing.strokes, key=_height):
        highest.setdefault((stroke.via, stroke.start[0], stroke.end[0]), stroke)
    apart = {(stroke.via, stroke.start[0], stroke.end[0]) for stroke in own}
    return [stroke for key, stroke in highest.items() if key not in apart] + list(own)


def _height(stroke: Stroke) -> float:
    """Where a wire's middle is, from above."""
    return (stroke.y1 + stroke.y2) / 2 if stroke.lane is None else stroke.lane


def _named(stroke: Stroke, name: str, lit: bool) -> str:
    slope = 0.0 if stroke.skips else abs((stroke.y2 - stroke.y1) / (stroke.x2 - stroke.x1))
    over = min(slope * SIGN * len(name), OVER)  # so that a steep wire passes below its name
    x, y = (stroke.x1 + stroke.x2) / 2, _height(stroke) - LIFT - over
    style = "weight own" if lit else "weight"
    return f'<text class="{style}" x="{x:g}" y="{y:g}">{escape(name)}</text>' if name else ""
