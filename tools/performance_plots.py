"""The plots of docs/performance.md, as SVG written from the record of benchmarks.speed.

No library draws them, so the same record gives the same bytes everywhere. Sizes are in pixels,
colours hold on light and dark pages: each plot stands on a sheet of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["plots"]

INK, FAINT, OURS, PEERS = "#1b2733", "#c9d1d9", "#0b63b5", "#9aa7b4"
SERIES = (OURS, "#c2571a", "#2e7d4f", "#7a4fb0", "#8a6d00")


class Sheet:
    """Marks on a white sheet of some size."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.marks: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        self.marks.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" '
            f'fill="{fill}"/>'
        )

    def text(
        self, x: float, y: float, text: str, anchor: str = "start", size: int = 12, ink: str = INK
    ) -> None:
        self.marks.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{ink}">{escape(text)}</text>'
        )

    def line(self, points: Sequence[tuple[float, float]], ink: str, width: float = 2) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.marks.append(
            f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="{width:g}"/>'
        )

    def dot(self, x: float, y: float, ink: str) -> None:
        self.marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{ink}"/>')

    def svg(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{self.width:g}" height="{self.height:g}" role="img" '
            'font-family="Helvetica, Arial, sans-serif">'
        )
        sheet = f'<rect width="{self.width:g}" height="{self.height:g}" fill="#ffffff"/>'
        parts = [head, f"<title>{escape(self.title)}</title>", sheet, *self.marks, "</svg>"]
        return "\n".join(parts) + "\n"


def short(value: float) -> str:
    """Three digits, or a power's name: 4 096 stays, 1 000 000 is 1M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


# -- the step -------------------------------------------------------------------------------------
def step_plot(part: Mapping[str, Any]) -> str:
    """Bars: each library's fastest setting of each net, as a multiple of ours in float32."""
    nets = part["nets"]
    groups = []
    for net in nets.values():
        fastest: dict[str, float] = {}
        for row in net["microseconds"].values():
            name = f"{row['library']} {row['precision']}"
            fastest[name] = min(row["median"], fastest.get(name, math.inf))
        ours = fastest["ClearProp float32"]
        groups.append((net, sorted(fastest.items(), key=lambda item: item[1]), ours))
    bar, left = 18, 190
    height = 44 + sum(bar * len(rows) + 40 for _, rows, _ in groups)
    sheet = Sheet(760, height, "Time of a training step, each library's fastest setting")
    title = "Time of a step, as a multiple of ClearProp's in float32 (logarithmic lengths)"
    sheet.text(16, 26, title, size=15)
    y = 44.0
    for net, rows, ours in groups:
        sizes = "-".join(map(str, net["sizes"]))
        y += 18
        sheet.text(16, y, f"{sizes}, batch {net['batch']}", size=13)
        y += 6
        most = rows[-1][1] / ours
        for name, median in rows:
            share = median / ours
            length = 440 * math.log2(1 + share) / math.log2(1 + most)
            mine = name.startswith("ClearProp")
            sheet.text(left - 8, y + 13, name, "end", 11)
            sheet.rect(left, y + 3, length, bar - 5, OURS if mine else PEERS)
            sheet.text(left + length + 6, y + 13, f"{share:.2f}× · {short(median)} µs", size=11)
            y += bar
        y += 16
    return sheet.svg()


# -- the sweep ------------------------------------------------------------------------------------
def shade(ratio: float) -> str:
    """White where both are as fast, blue where ours is faster, red where it is slower."""
    depth = max(-1.0, min(1.0, math.log2(ratio) / (5 if ratio > 1 else 1)))
    far = (11, 99, 181) if depth > 0 else (190, 40, 30)
    mixed = [round(255 + (to - 255) * abs(depth) ** 0.7) for to in far]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def sweep_plot(part: Mapping[str, Any]) -> str:
    """Tables of colours: the ratio to the fastest peer by width and batch, a table a depth."""
    points = {(p["depth"], p["width"], p["batch"]): p for p in part["points"] if "ratio" in p}
    depths = sorted({key[0] for key in points})
    widths = sorted({key[1] for key in points})
    batches = sorted({key[2] for key in points})
    cell, high = 74, 30
    each = high * len(widths) + 62
    sheet = Sheet(
        110 + cell * max(len(batches), 5) + 20,
        44 + each * len(depths),
        "Sweep beside the fastest peer",
    )
    sheet.text(16, 26, "Times faster than the fastest peer, by width and batch", size=15)
    top = 44.0
    for depth in depths:
        sheet.text(16, top + 16, f"{depth} hidden layer{'s' if depth > 1 else ''}", size=13)
        for i, batch in enumerate(batches):
            sheet.text(110 + cell * (i + 0.5), top + 34, f"batch {batch}", "middle", 11)
        for j, width in enumerate(widths):
            y = top + 40 + high * j
            sheet.text(102, y + 19, f"width {width}", "end", 11)
            for i, batch in enumerate(batches):
                found = points.get((depth, width, batch))
                x = 110 + cell * i
                if found is None:
                    sheet.rect(x + 1, y + 1, cell - 2, high - 2, "#f0f2f4")
                    continue
                ratio = found["ratio"]
                sheet.rect(x + 1, y + 1, cell - 2, high - 2, shade(ratio))
                ink = "#ffffff" if ratio > 4 or ratio < 0.75 else INK
                sheet.text(x + cell / 2, y + 19, f"{ratio:.3g}×", "middle", 12, ink)
        top += each
    return sheet.svg()


# -- scaling --------------------------------------------------------------------------------------
def chart(
    sheet: Sheet, box: tuple[float, float, float, float], title: str, axes: tuple[str, str],
    series: Mapping[str, Sequence[tuple[float, float]]],
) -> None:  # fmt: skip
    """Lines over a logarithmic axis, from zero upward."""
    x0, y0, width, height = box
    xs = sorted({x for points in series.values() for x, _ in points})
    top = 1.1 * max((y for points in series.values() for _, y in points), default=1.0)
    low, high = math.log(xs[0]), math.log(max(xs[-1], xs[0] * 1.01))

    def place(x: float, y: float) -> tuple[float, float]:
        return x0 + width * (math.log(x) - low) / (high - low), y0 + height * (1 - y / top)

    sheet.text(x0 - 44, y0 - 14, title, size=13)
    power = 10 ** math.floor(math.log10(top / 4))
    tick = next(power * part for part in (1, 2, 2.5, 5, 10) if top / (power * part) <= 6)
    for number in range(int(top / tick) + 1):
        y = tick * number
        sheet.line([place(xs[0], y), place(xs[-1], y)], FAINT, 1)
        sheet.text(x0 - 6, place(xs[0], y)[1] + 4, f"{y:g}", "end", 10)
    for x in xs:
        sheet.text(place(x, 0)[0], y0 + height + 16, short(x), "middle", 10)
    sheet.text(x0 + width / 2, y0 + height + 32, axes[0], "middle", 11)
    sheet.text(x0 + width, y0 - 14, axes[1], "end", 11)
    for number, (name, points) in enumerate(series.items()):
        ink = SERIES[number % len(SERIES)]
        sheet.line([place(x, y) for x, y in points], ink)
        for x, y in points:
            sheet.dot(*place(x, y), ink)
        if name:
            sheet.text(x0 + width + 10, y0 + 12 + 16 * number, name, size=11, ink=ink)


def scaling_plot(part: Mapping[str, Any]) -> str:
    """Three charts: parameters, rows, threads."""
    sheet = Sheet(760, 760, "Scaling with parameters, rows and threads")
    grown = [(row["parameters"], 100 * row["share of peak"]) for row in part["parameters"]]
    chart(sheet, (70, 50, 540, 160), "Arithmetic of a step", ("parameters", "% of the peak"),
          {"": grown})  # fmt: skip
    rows = [(row["rows"], row["median"] / row["rows"]) for row in part["rows"]]
    chart(sheet, (70, 300, 540, 160), "An epoch of cp.train", ("rows", "µs a row"), {"": rows})
    threads = {
        of["net"]: [
            (count, of["microseconds"][0] / took)
            for count, took in zip(of["threads"], of["microseconds"], strict=True)
        ]
        for of in part["threads"]
    }
    chart(sheet, (70, 550, 540, 160), "A step with threads", ("threads", "times one thread's"),
          threads)  # fmt: skip
    return sheet.svg()


def plots(parts: Mapping[str, Any]) -> dict[str, str]:
    """Return the plots of the parts that were measured, by file name."""
    made = {"step": step_plot, "sweep": sweep_plot, "scaling": scaling_plot}
    return {
        f"performance_{name}.svg": draw(parts[name]) for name, draw in made.items() if name in parts
    }
