"""The plot of docs/accuracy.md: figures against seconds, as SVG written from the records.

The same records give the same bytes everywhere: no library draws it, and labels are put where they
cover least by a fixed rule. Colours hold on light and dark pages, as it stands on a sheet of its
own; each kind of model has a shape too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from accuracy_front import Points
from accuracy_records import PRESETS
from performance_plots import FAINT, SERIES, Sheet

__all__ = ["front_plot"]

WIDTH, HEIGHT, PANEL, LEFT, RIGHT, HEAD = 760.0, 196.0, 286.0, 62.0, 736.0, 66.0
TREES = ("LightGBM", "XGBoost", "CatBoost")
KINDS = dict(zip(("ClearProp", "other networks", "boosted trees"), SERIES, strict=False))
REACHED, GREY = "#f0f4f8", "#5b6875"

Place = tuple[float, float]
Box = tuple[float, float, float, float]


def kind_of(model: str) -> str:
    """One of `KINDS`."""
    if model in PRESETS:
        return "ClearProp"
    return "boosted trees" if model in TREES else "other networks"


def front_plot(drawn: Sequence[Points]) -> str:
    """A panel a figure, seconds on one axis for all of them."""
    sheet = Sheet(WIDTH, HEAD + PANEL * len(drawn), "Figures against seconds of fitting")
    sheet.text(16, 26, "Figures against the processor's seconds of fitting", size=15)
    x = 16.0
    for kind, ink in KINDS.items():
        mark(sheet, x + 6, 45, kind)
        sheet.text(x + 18, 49, kind, size=12, ink=ink)
        x += 48 + 6.4 * len(kind)
    sheet.text(RIGHT, 49, "both axes logarithmic; lower left is better", "end", 11, GREY)
    seconds = [place[0] for one in drawn for place in one.places.values()]
    across = scale(min(seconds) / 2, max(seconds) * 3, LEFT, RIGHT)
    for number, one in enumerate(drawn):
        panel(sheet, one, HEAD + 28 + PANEL * number, across, (min(seconds), max(seconds)))
    return sheet.svg()


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """A logarithmic axis from ``start`` to ``end``."""
    each = (end - start) / (math.log(high) - math.log(low))
    return lambda value: start + each * (math.log(value) - math.log(low))


def panel(
    sheet: Sheet, one: Points, top: float, across: Callable[[float], float], span: Place
) -> None:
    """One figure's points, its front, its axes."""
    figures = sorted(figure for _, figure in one.places.values())
    low, high = figures[0], figures[-1]
    if len(figures) > 1 and high > 1.25 * figures[-2]:  # one far away would squeeze all others
        high = figures[-2]
    margin = (high / low) ** 0.16
    least, most = low / margin, high * margin
    up = scale(least, most, top + HEIGHT, top + 8)
    at = {
        model: (across(seconds), up(min(figure, most)))
        for model, (seconds, figure) in one.places.items()
    }
    edge = border([at[model] for model in one.front], top)
    corner = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*edge, (RIGHT, top)])
    sheet.marks.append(f'<polygon points="{corner}" fill="{REACHED}"/>')
    sheet.text(LEFT, top - 12, one.title, size=13)
    count = len(one.tables)
    over = f"mean over {count} tables" if count > 1 else f"on {one.tables[0]}"
    sheet.text(RIGHT, top - 12, over, "end", 11, GREY)
    for tick in ticks(least, most):
        sheet.line([(LEFT, up(tick)), (RIGHT, up(tick))], FAINT, 0.6)
        sheet.text(LEFT - 7, up(tick) + 4, f"{tick:g}", "end", 11, GREY)
    for tick in decades(span[0] / 2, span[1] * 3):
        x = across(tick)
        sheet.line([(x, top + HEIGHT), (x, top + HEIGHT + 5)], GREY, 1)
        sheet.text(x, top + HEIGHT + 19, f"{tick:g} s", "middle", 11, GREY)
    sheet.line([(LEFT, top + HEIGHT), (RIGHT, top + HEIGHT)], GREY, 1)
    sheet.line(edge, "#a9b5c0", 1.2)
    sheet.line([at[model] for model in PRESETS], SERIES[0], 2.5)
    for model, place in at.items():
        mark(sheet, *place, kind_of(model))
    frame = (LEFT, top, RIGHT, top + HEIGHT)
    told = {
        model: f"{model}, {figure:.2f} ↑" if figure > most else model
        for model, (_, figure) in one.places.items()
    }
    placed = labels({told[model]: place for model, place in at.items()}, edge, frame)
    for model, text in told.items():
        x, y, anchor = placed[text]
        sheet.text(x, y, text, anchor, 12, KINDS[kind_of(model)])


def border(front: Sequence[Place], top: float) -> list[Place]:
    """Stairs down along the front, from the top to the right."""
    stairs = [(front[0][0], top), front[0]]
    for (_, before), (x, y) in pairwise(front):
        stairs += [(x, before), (x, y)]
    return [*stairs, (RIGHT, front[-1][1])]


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two others, six at most."""
    power = 10 ** math.floor(math.log10(high - low)) / 10
    step = next(power * part for part in (1, 2, 5, 10, 20, 50) if (high - low) / (power * part) < 6)
    first = math.ceil(low / step)
    return [round(number * step, 12) for number in range(first, math.floor(high / step) + 1)]


def decades(low: float, high: float) -> list[float]:
    """1 and 3 of each power of ten between two numbers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [round(part * 10.0**power, 12) for power in powers for part in (1, 3)]
    return [tick for tick in found if low <= tick <= high]


def mark(sheet: Sheet, x: float, y: float, kind: str) -> None:
    """A disc, a diamond or a square, with a white rim."""
    told = f'fill="{KINDS[kind]}" stroke="#ffffff" stroke-width="1.5"'
    if kind == "ClearProp":
        sheet.marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" {told}/>')
        return
    r = 6.5 if kind == "other networks" else 5.0
    shape = [(0, -r), (r, 0), (0, r), (-r, 0)]
    if kind == "boosted trees":
        shape = [(-r, -r), (r, -r), (r, r), (-r, r)]
    corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in shape)
    sheet.marks.append(f'<polygon points="{corners}" {told}/>')


# -- where labels stand ---------------------------------------------------------------------------
#: Around a mark, the better ones first: shift to the right and down, and where the text is held.
AROUND = (
    (10, 4, "start"), (-10, 4, "end"), (8, -8, "start"), (8, 17, "start"), (-8, -8, "end"),
    (-8, 17, "end"), (0, -11, "middle"), (0, 20, "middle"),
)  # fmt: skip


def labels(
    at: Mapping[str, Place], edge: Sequence[Place], frame: Box
) -> dict[str, tuple[float, float, str]]:
    """{text: (x, y, anchor)}: each where it covers least of marks, lines and other labels."""
    marks: list[Box] = [(x - 7, y - 7, x + 7, y + 7) for x, y in at.values()]
    lines = [*along(list(at.values())[: len(PRESETS)]), *along(edge)]
    taken: dict[str, Box] = {}
    found = {}
    for text in [*at] * 4:  # each again, when the others have their places
        taken.pop(text, None)
        choices = []
        for order, (dx, dy, anchor) in enumerate(AROUND):
            x, y = at[text][0] + dx, at[text][1] + dy
            box = around(x, y, anchor, text)
            outside = box[0] < frame[0] or box[2] > frame[2] or box[1] < frame[1] - 4
            outside = outside or box[3] > frame[3] - 1
            covered = sum(overlap(box, other) for other in (*marks, *taken.values()))
            crossed = sum(box[0] < px < box[2] and box[1] < py < box[3] for px, py in lines)
            worst = 100 * outside + 30 * covered + 0.3 * crossed
            choices.append((worst, order, box, (x, y, anchor)))
        _, _, taken[text], found[text] = min(choices)
    return found


def around(x: float, y: float, anchor: str, text: str) -> Box:
    """About what a text of size 12 covers."""
    wide = 6.9 * len(text)
    start = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * wide
    return (start, y - 10, start + wide, y + 3)


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes have something in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def along(path: Sequence[Place]) -> Iterator[Place]:
    """Points every three pixels of a line."""
    for (x, y), (u, v) in pairwise(path):
        count = max(int(math.hypot(u - x, v - y) / 3), 1)
        for step in range(count + 1):
            yield x + (u - x) * step / count, y + (v - y) * step / count
