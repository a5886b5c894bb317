"""Write docs/performance.md, how fast training is and why, from benchmarks/results/speed.json.

`python -m benchmarks.speed` makes the record, `python -m benchmarks.precision` that of what
bfloat16 costs in accuracy; a test holds the page fresh. Figures come from the records alone; in the
prose around them stand those of trials, which no run repeats.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import precision_section
from performance_plots import plots

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "benchmarks" / "results" / "speed.json"
#: The steps again, on a processor without AMX's tiles.
OTHER = ROOT / "benchmarks" / "results" / "speed_without_amx.json"
PAGE = ROOT / "docs" / "performance.md"
#: How it works, what was tried, what is left: prose that no run changes.
HOW = (Path(__file__).parent / "performance_how.md").read_text("utf-8")

HEAD = """\
<!-- Written by tools/performance_page.py from benchmarks/results: do not edit. -->
# Performance

How long training, prediction and a first model take, beside the libraries one would use instead:
the same network, data, optimizer (Adam), batch and shuffling, the shuffling inside everyone's
clock; one machine, one run, order rotating, medians. One step of each library from the same weights
is held to the exact step before anything is timed: in float32 within 1e-5 in every parameter whose
gradient is not rounding noise, in bfloat16 in its direction. Of each library the best of its
settings counts.

```sh
make bench-speed                                          # all of it, and this page
.venv-bench/bin/python -m benchmarks.speed --parts sweep,many     # some of it; the rest stays
.venv-bench/bin/python -m benchmarks.speed --quick --nets tiny,small --json /tmp/look.json
```
"""

BUSY = """\
**A busy host.** Other machines on the same host took its cores' speed at the latest behind the
sweep: in prediction, scaling, many networks and new processes most times, everyone's, are one and a
half to two and a half times those of the record before, and some of two threads far more. Ratios
hold better than times and shares of the peak do.
"""

SHARES = """\
Needed arithmetic is 2m (2 Σ sₗ sₗ₊₁ + Σ_{l>1} sₗ sₗ₊₁): nobody needs ∂J/∂X. The share is of the
fastest product of 4096³ that any library, or ours, reached in this run on all cores.
"""

LATER = """\
**Peers would be faster today.** This record was made before PyTorch's step compiled whole (rows,
gradient and update in one graph, by its C++ wrapper) and JAX in bfloat16 were timed.
"""

OTHER_HEAD = """\
The same five steps in a run of their own on another machine, whose processor multiplies bfloat16 in
pairs, by AVX512-BF16, and has no tiles for it.
"""

#: By network: how many times as fast in float32 as the fastest float32 peer, the share of both
#: cores' peak in %, how many times as fast in bfloat16 as the fastest peer of any precision.
AIMS: dict[str, tuple[float, int | None, float | None]] = {
    "tiny": (11, None, None),
    "small": (5, 38, None),
    "medium": (2.7, 85, 7),
    "large": (1.8, 83, 6),
    "huge": (1.25, 85, 2),
}

AIMED = """\
How many times as fast as the fastest peer. "At the peak" is what it would be if every operation ran
at the rate of the fastest large product, in the precision of the column and on all cores: an aim
above it is beyond this machine beside this peer.
"""


#: By network: how many times as fast as PyTorch eager in float32.
OWN, ONE_THREAD = "ClearProp float32, its own choice of threads", "ClearProp float32, 1 thread"
EAGER_AIMS = {"tiny": 60, "small": 15}
OTHER_AIMED = """\
What else was aimed at, in the same runs: most that a step with another function or optimizer may
take of the plain one (clipping, which must store the gradient, apart), what a row or a batch may
take, and a new process.
"""


def micro(value: float) -> str:
    """Microseconds with three digits or all that stand before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A table whose columns but the first are numbers."""
    return [
        "| " + " | ".join(head) + " |",
        "|---|" + "--:|" * (len(head) - 1),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def title(net: dict[str, Any]) -> str:
    return f"{'-'.join(map(str, net['sizes']))}, batch {net['batch']}"


def run_of(run: dict[str, Any]) -> list[str]:
    """What the run was, and a warning where the machine was not quiet."""
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    text = [f"Commit {run['commit']}, {run['date']}, {run['machine']}; {versions}.", ""]
    load = run.get("load")
    if load is not None and load > 0.5:
        text += [
            f"**The machine was not quiet**: {load:.1f} programs wanted its cores when the run "
            "began. Every figure here suffers from that, those of several threads most; a quiet "
            "run is to replace it.",
            "",
        ]
    return text


def overview(nets: dict[str, Any]) -> list[str]:
    """One row a network: the ratios, and the share of the peak."""
    names = ["float32, fastest float32 peer", "float32, PyTorch eager", "bfloat16, fastest peer"]
    rows = []
    for net in nets.values():
        ratios = net["ratios"]
        cells = [f"{ratios[name]['ratio']:.2f}×" if name in ratios else "–" for name in names]
        own = ratios.get(names[0], {}).get("ours")
        row = net["microseconds"].get(own, {})
        share = row.get("share of peak")
        rows.append(
            [title(net), micro(row["median"]) if row else "–", *cells,
             "–" if share is None else f"{100 * share:.1f} %"]
        )  # fmt: skip
    head = ["network", "float32, µs a step", "to the fastest float32 peer", "to PyTorch eager",
            "bfloat16 to the fastest peer", "share of the float32 peak"]  # fmt: skip
    return table(head, rows)


def everyone(net: dict[str, Any]) -> list[str]:
    """All settings of all libraries on one network, the fastest first."""
    rows = []
    for name, row in sorted(net["microseconds"].items(), key=lambda item: item[1]["median"]):
        share = row["share of peak"]
        rows.append(
            [name, micro(row["median"]), f"{micro(row['least'])} … {micro(row['greatest'])}",
             "–" if share is None else f"{100 * share:.1f} %"]
        )  # fmt: skip
    text = [f"### {title(net)}", ""]
    text += table(["setting", "µs a step, median", "least … greatest", "of its peak"], rows)
    least = net["least microseconds by bytes"]
    text += [
        f"Adam reads and writes 24 bytes a parameter at least: {micro(least)} µs at the speed at "
        "which this machine copies large arrays, were nothing held in a cache.",
        "",
    ]
    text += [f"Not here: {name} ({why})." for name, why in net["skipped"].items()]
    return [*text, ""] if net["skipped"] else text


def aims(part: dict[str, Any]) -> list[str]:
    """How far each net is from what was aimed at, and what the peak leaves to be won."""
    rows = []
    for name, (float32, share, bfloat16) in AIMS.items():
        net = part["nets"].get(name)
        if net is None:
            continue
        cells = []
        for of, precision, aim in (
            ("float32, fastest float32 peer", "float32", float32),
            ("bfloat16, fastest peer", "bfloat16", bfloat16),
        ):
            found = net["ratios"].get(of)
            if found is None:
                cells += ["–", "–", "–"]
                continue
            at_peak = net["flop"] / part["peaks"][precision] / 1e3  # FLOP by GFLOP/s: ns, so µs
            most = net["microseconds"][found["peer"]]["median"] / at_peak
            cells += [f"{found['ratio']:.2f}×", f"{aim:g}×" if aim else "–", f"{most:.3g}×"]
        cells.insert(3, f"{share} %" if share else "–")
        rows.append([title(net), *cells])
    head = ["network", "float32", "aimed at", "at the peak", "share aimed at", "bfloat16",
            "aimed at", "at the peak"]  # fmt: skip
    return ["### What was aimed at", "", AIMED, *table(head, rows)]


def large_products(part: dict[str, Any]) -> list[str]:
    """What any library reaches in large products on all cores."""
    peaks = part["peaks"]["GFLOP/s"]
    return table(
        ["product of 4096³", "GFLOP/s"], [[name, f"{of:.1f}"] for name, of in peaks.items()]
    )


def without_amx(part: dict[str, Any]) -> list[str]:
    """The five nets where there are no tiles of AMX."""
    text = ["## On a processor without AMX", "", OTHER_HEAD, *run_of(part["run"])]
    text += [*overview(part["nets"]), *not_timed(part["nets"])]
    return [*text, *large_products(part), *aims(part)]


def not_timed(nets: dict[str, Any]) -> list[str]:
    """What the benchmark has been given since this record was made."""
    timed = {name for net in nets.values() for name in net["microseconds"]}
    return [] if any("whole step" in name for name in timed) else [LATER]


def step(part: dict[str, Any]) -> list[str]:
    """The five nets: ratios, the plot, the peaks."""
    text = [*overview(part["nets"]), BUSY, SHARES]
    text += [plot("step", "each library's fastest setting"), ""]
    text += large_products(part)
    text += aims(part)
    text += ["### Where the time goes", "", "Shares of a step on one thread, float32.", ""]
    kinds = list(next(iter(part["phases"].values())))
    text += table(
        ["network", *kinds],
        [
            [name, *(f"{100 * of[kind]:.1f} %" for kind in kinds)]
            for name, of in part["phases"].items()
        ],
    )
    told = "Of 54-256-256-7, batch 256, one thread, as a multiple of the plain step."
    text += ["### Other steps", "", told, ""]
    rows = [[name, f"{row['times plain']:.2f}"] for name, row in part["variants"].items()]
    return text + table(["step", "times the plain one"], rows)


def sweep(part: dict[str, Any]) -> list[str]:
    """Widths, batches and depths: the plot, and each point that is slower than a peer."""
    points = [point for point in part["points"] if "ratio" in point]
    slower = sorted((one for one in points if one["ratio"] < 1), key=lambda one: one["ratio"])
    peers = sorted({library(point, point["peer"]) for point in points})
    text = [
        "Chains of one width to ten classes, float32, Adam, beside the fastest of "
        f"{', '.join(peers)}. At {len(points)} points ClearProp is between "
        f"{min(one['ratio'] for one in points):.2f} and {max(one['ratio'] for one in points):.1f} "
        f"times as fast; it is slower at {len(slower) or 'none'}. PyTorch is not compiled here: "
        "that takes longer than a point is given.",
        "",
        plot("sweep", "times faster than the fastest peer, by width, batch and depth"),
        "",
    ]
    if slower:
        text += table(
            ["slower at", "ours, µs", "theirs, µs", "times as fast", "the fastest peer"],
            [
                [where(one),
                 micro(one["microseconds"][one["ours"]]["median"]),
                 micro(one["microseconds"][one["peer"]]["median"]),
                 f"{one['ratio']:.2f}", one["peer"]]
                for one in slower
            ],
        )  # fmt: skip
    text += own_choice(points)
    apart = {
        where(one): sorted(name for name, row in one["microseconds"].items() if row["disagrees"])
        for one in points
    }
    told = [f"{place}: {', '.join(names)}" for place, names in apart.items() if names]
    if told:
        text += ["Compared all the same, though its step is further than 1e-5 from the exact one "
                 f"(where a gradient is rounding noise, Adam steps either way): {'; '.join(told)}.",
                 ""]  # fmt: skip
    if left := part["left out for time"]:
        named = [where(dict(zip(("width", "batch", "depth"), one, strict=True))) for one in left]
        text += [f"Left out for time: {'; '.join(named)}.", ""]
    return text


def chosen_beside(point: dict[str, Any], other: str) -> float:
    """Times that the engine's own choice of threads takes of another setting; NaN without both."""
    rows = point["microseconds"]
    if OWN not in rows or other not in rows:
        return math.nan
    return float(rows[OWN]["median"] / rows[other]["median"])


def own_choice(points: list[dict[str, Any]]) -> list[str]:
    """How its own choice of threads, which a user gets, does beside one thread and the peers."""
    beside = [(chosen_beside(one, ONE_THREAD), one) for one in points]
    beside = [(times, one) for times, one in beside if not math.isnan(times)]
    if not beside:
        return []
    worst, at = max(beside, key=lambda pair: pair[0])
    over = sum(times > 1.05 for times, _ in beside)
    told = (
        "Those are the fastest of one thread, two and the engine's own choice, as they are each "
        f"peer's fastest. Its own choice, which `cp.train` takes, is more than 5 % over one thread "
        f"at {over} of {len(beside)} points, at most {worst:.2f} times ({where(at)})"
    )
    slower = [(chosen_beside(one, one["peer"]), one) for one in points]
    slower = sorted((pair for pair in slower if pair[0] > 1), key=lambda pair: -pair[0])
    named = [f"{where(one)} ({1 / times:.2f} times as fast)" for times, one in slower]
    return [f"{told}; it is slower than the fastest peer at {'; '.join(named) or 'none'}.", ""]


def where(point: dict[str, Any]) -> str:
    return f"width {point['width']}, batch {point['batch']}, {point['depth']} hidden"


def library(point: dict[str, Any], setting: str) -> str:
    name: str = point["microseconds"][setting]["library"]
    return name


def predict(part: dict[str, Any]) -> list[str]:
    """One row, and batches as a share of the peak."""
    one = [
        [f"`{name}`" if "(" in name else name, micro(row["median"])]
        for name, row in part["one row"].items()
    ]
    text = table(["one row of 30-32-16-2", "µs"], one)
    for batch in part["batches"]:
        sizes = "-".join(map(str, batch["sizes"]))
        rows = []
        for name, row in sorted(batch["microseconds"].items(), key=lambda item: item[1]["median"]):
            share, cores = row["share of peak"], row["threads"]
            rows.append(
                [PREDICTS.get(name, name.partition(",")[0]), str(cores), micro(row["median"]),
                 "–" if share is None else f"{100 * share:.1f} %"]
            )  # fmt: skip
        many = f"{batch['rows']:,} row" + ("s" if batch["rows"] > 1 else "")
        text += table([f"{many} of {sizes}", "threads", "µs", "of those cores' peak"], rows)
    return text


PREDICTS = {"compiled": "`model.compiled.predict`", "runner": "ClearProp, its own choice"}


def startup(part: dict[str, Any]) -> list[str]:
    """Statements in new interpreters."""
    rows = [
        [f"`{name}`" if name.startswith("import ") else name, f"{1e3 * row['median']:,.0f}",
         f"{row['times numpy']:.2f}"]
        for name, row in part["seconds"].items()
    ]  # fmt: skip
    idle = part["the interpreter's own"]
    told = (
        "Milliseconds that a new interpreter takes longer than one with nothing to do "
        f"({1e3 * idle:.0f} ms)."
    )
    return [told, "", *table(["statement", "ms", "times numpy's import"], rows)]


def memory(part: dict[str, Any]) -> list[str]:
    """Peaks beside their bounds."""
    told = (
        "The peak of a new process over what stood after its imports, beside what it is held to: "
        "the data in float32, 5 × the parameters (6 × with clipping or bfloat16), one batch's "
        "activations, 50 MB."
    )
    rows = [
        [name, *(f"{row[of] / 1e6:,.1f}" for of in ("data", "parameters", "peak", "bound")),
         "yes" if row["peak"] <= row["bound"] else "**no**"]
        for name, row in part["cases"].items()
    ]  # fmt: skip
    return [told, "", *table(["run", "data, MB", "parameters, MB", "peak, MB", "bound, MB",
                              "holds"], rows)]  # fmt: skip


def scaling(part: dict[str, Any]) -> list[str]:
    """Threads, rows, parameters: a plot and tables."""
    text = [plot("scaling", "scaling with parameters, rows and threads"), ""]
    rows = [
        [f"{row['width']}-{row['width']}-{row['width']}-10", f"{row['parameters']:,}",
         micro(row["median"]), f"{100 * row['share of peak']:.1f} %"]
        for row in part["parameters"]
    ]  # fmt: skip
    text += table(["network, batch 256", "parameters", "µs a step", "of the peak"], rows)
    rows = [
        [f"{row['rows']:,}", f"{row['median'] / 1e6:.3g}", f"{row['median'] / row['rows']:.2g}"]
        for row in part["rows"]
    ]
    text += table(["rows of 50, 50-64-64-2, an epoch of cp.train", "s", "µs a row"], rows)
    counts = [str(count) for count in part["threads"][0]["threads"]]
    rows = [
        [f"{'-'.join(map(str, row['sizes']))}, batch {row['batch']}",
         *(micro(took) for took in row["microseconds"]), micro(row["its own choice"])]
        for row in part["threads"]
    ]  # fmt: skip
    head = [f"µs a step, {count} thread" + ("s" if count != "1" else "") for count in counts]
    return text + table(["network", *head, "its own choice"], rows)


def many(part: dict[str, Any]) -> list[str]:
    """Runs at once, one by one, in processes."""
    told = (
        "Runs of `cp.train` with seeds and learning rates of their own, checks, validation and "
        "models included; each has the same bits whichever way it is done."
    )
    first = next(iter(part["cases"].values()))
    ways = list(first["seconds"])
    rows = [
        [f"{case['runs']} of {'-'.join(map(str, case['sizes']))}, batch {case['batch']}, "
         f"{case['rows']:,} rows, {case['epochs']} epoch{'s' if case['epochs'] > 1 else ''}",
         *(f"{case['seconds'][way]['median']:.3g}" for way in ways)]
        for case in part["cases"].values()
    ]  # fmt: skip
    return [told, "", *table(["runs", *(f"{way}, s" for way in ways)], rows)]


def other_aims(parts: dict[str, Any]) -> list[str]:
    """The aims that are no network's own, and what was reached."""
    found: list[tuple[str, str, str, bool]] = []

    def add(what: str, value: float, unit: str, aim: float, least: bool = False) -> None:
        held = value >= aim if least else value <= aim
        sign = "≥" if least else "≤"
        found.append((what, f"{value:.4g}{unit}", f"{sign} {aim:g}{unit}", held))

    for name, aim in EAGER_AIMS.items():
        net = parts["step"]["nets"][name]
        ratio = net["ratios"]["float32, PyTorch eager"]["ratio"]
        add(f"{title(net)}, beside PyTorch eager", ratio, "×", aim, least=True)
    for name, row in parts["step"]["variants"].items():
        if name not in ("Adam, relu", "clipping"):
            add(f"a step with {name}", row["times plain"], "×", 1.15)
    points = [point for point in parts.get("sweep", {"points": []})["points"] if "ratio" in point]
    times = [chosen_beside(one, ONE_THREAD) for one in points]
    times = [one for one in times if not math.isnan(one)]
    if times:
        add("own choice of threads beside one, worst of the sweep", max(times), "×", 1)
    for case in parts.get("many", {"cases": {}})["cases"].values():
        own, *others = (row["median"] for row in case["seconds"].values())
        if not others:
            continue
        what = f"{case['runs']} of {'-'.join(map(str, case['sizes']))} at once, beside the fastest"
        add(f"{what} other way", min(others) / own, "×", 1, least=True)
    one = {name: row["median"] for name, row in parts["predict"]["one row"].items()}
    compiled = one["model.compiled.predict(row, out=out)"]
    add("`model.compiled.predict` of a row", compiled, " µs", 2)
    add("the same beside onnxruntime", one["onnxruntime"] / compiled, "×", 3, least=True)
    add("`Model.predict` of a row", one["Model.predict of a row"], " µs", 10)
    for batch in parts["predict"]["batches"]:
        if batch["rows"] > 1:
            sizes = "-".join(map(str, batch["sizes"]))
            share = 100 * batch["microseconds"]["runner"]["share of peak"]
            what = f"{batch['rows']:,} rows of {sizes}, of the peak"
            add(what, share, " %", 85, least=True)
    for name, row in parts["startup"]["seconds"].items():
        if name == "import clearprop; clearprop.train":
            add(f"`{name}`, beside numpy's import", row["times numpy"], "×", 2)
        if name.startswith("import, build and train"):
            add(f"a new process: {name}", row["median"], " s", 0.3)
    rows = [[what, value, aim, "yes" if held else "**no**"] for what, value, aim, held in found]
    return [OTHER_AIMED, *table(["aim", "reached", "aimed at", "holds"], rows)]


SECTIONS: tuple[tuple[str, str, Callable[[dict[str, Any]], list[str]]], ...] = (
    ("step", "A training step", step),
    ("sweep", "Widths, batches and depths", sweep),
    ("many", "Many networks at once", many),
    ("scaling", "Scaling", scaling),
    ("predict", "Prediction", predict),
    ("startup", "A new process", startup),
    ("memory", "Memory", memory),
)


def plot(name: str, told: str) -> str:
    return f"![{told}](performance_{name}.svg)"


def page(record: dict[str, Any], other: dict[str, Any], precision: dict[str, Any]) -> str:
    """The whole page; of a part that was not measured, that it was not."""
    parts, text, before = record["parts"], [HEAD], None
    for name, heading, write in SECTIONS:
        text += [f"## {heading}", ""]
        if name not in parts:
            text += [f"Not measured yet: `python -m benchmarks.speed --parts {name}`.", ""]
            continue
        run = {key: of for key, of in parts[name]["run"].items() if key not in ("nets", "quick")}
        text += [] if run == before else run_of(run)
        before = run
        text += write(parts[name])
    if {"step", "predict", "startup"} <= parts.keys():
        text += ["## Other aims", "", *other_aims(parts)]
    text += without_amx(other["parts"]["step"])
    text += precision_section.section(precision)
    if "step" in parts:
        text += ["## Everyone", ""]
        for net in parts["step"]["nets"].values():
            text += everyone(net)
    return "\n".join([*text, HOW])


def files(
    record: dict[str, Any], other: dict[str, Any], precision: dict[str, Any]
) -> dict[str, str]:
    """Return everything that is written into docs/, by name: the page and its plots."""
    return {PAGE.name: page(record, other, precision), **plots(record["parts"])}


if __name__ == "__main__":
    records = [
        json.loads(path.read_text("utf-8")) for path in (RECORD, OTHER, precision_section.RECORD)
    ]
    for file, content in files(*records).items():
        (PAGE.parent / file).write_text(content, "utf-8")
