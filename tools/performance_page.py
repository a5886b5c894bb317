"""Write docs/performance.md, how fast training is and why, from benchmarks/results/speed.json.

`python -m benchmarks.speed` makes the record, `python -m benchmarks.precision` that of what
bfloat16 costs in accuracy; a test holds the page fresh. Figures come from the records alone; in the
prose around them stand those of trials, which no run repeats.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import precision_section
from performance_plots import plots

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "benchmarks" / "results" / "speed.json"
PAGE = ROOT / "docs" / "performance.md"

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

SHARES = """\
Needed arithmetic is 2m (2 Σ sₗ sₗ₊₁ + Σ_{l>1} sₗ sₗ₊₁): nobody needs ∂J/∂X. The share is of the
fastest product of 4096³ that any library, or ours, reached in this run on all cores.
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

WORKS = """\
## How it works

- **A step is C++ from its rows to its weights**: gather, forward, cost, backward, gradients and
  updates follow a flat program (`native/program.hpp`) that Python lowers once from the plan.
  Nothing is allocated inside a step, and the interpreter's lock is given up for a slice of many
  steps.
- **One product.** Forward, backward and gradient are the same tile: rows of A broadcast against
  two registers of a packed panel of B, the sums in registers (`native/product.hpp`). Weights
  are kept in panels, with a transposed copy that the update refreshes, so no product packs a
  weight; a matrix that nothing goes back through, such as a first layer's, is that copy alone.
  Where a matrix is larger than the second cache has room for, the next panel is fetched while this
  one is multiplied, a little with each step. relu, and its slope on the way back, are done while a
  tile is in registers: its time stands with the products, that of other functions apart.
- **Kernels are written once** over a vector (`native/vector.hpp`) and compiled for each instruction
  set: AVX-512, AVX2 with FMA, NEON, and a baseline. The widest that the processor has is taken;
  `CLEARPROP_ISA=avx2` forces one, and `clearprop info` says which it is. All that have a fused
  multiply-add give the same bits; the baseline has none, and bits of its own.
- **Gradients are updated where they are summed** (`native/sums.hpp`, `native/updates.hpp`).
  Where a batch leaves the first cache, δ is packed once a step, and a once for each two megabytes
  of a thread's δ; behind each panel of a chunk of rows follows the optimizer's step on it, so a
  gradient never travels to memory, and where weights and slots leave the second cache, those of a
  tile are fetched while it is summed. Clipping needs the whole norm first and stores the gradient.
- **Softmax, cross-entropy and δ are one pass** (`native/softmax.hpp`): each exponential once;
  rows of few units are transposed, a lane a row.
- **What is random is a function of its place**, so it is drawn many at once: a register takes
  eight places of an epoch's order, or eight counters of dropout, side by side through a chain of
  products that alone would wait for each other (`native/order.hpp`, `native/elementwise.hpp`).
- **Two barriers a step**: a thread owns rows for the passes and rows of each weight for the
  sums. Threads change no bit; how many are worth it is measured while training
  (`engine/team.py`), within the process's cores, its control groups' quota, `OMP_NUM_THREADS` and
  the limits of `threadpoolctl` (`engine/limits.py`): short slices of either choice in turn, the
  least of the last three of each, again every fifth of a second. Where the system refuses a
  thread, the work is divided among those that could be started.
- **A function leaves its slope where z stood** (`engine/fusing.py`), where that slope is dear and
  nothing else reads z: gelu's, silu's and mish's exponentials are made once for f and f′, and the
  way back is a multiplication. gelu's e^(−x²/2) is that of its error function to the bit.
- **Rows that are only predicted or judged** go in blocks to whichever thread is free, each block
  through the whole network in memory that stays near; the way back, which a cost needs no part of,
  is left out. A second thread is started where the work is many times what starting it takes.
- **bfloat16** rounds operands on their way into the packed panels and multiplies pairs
  (AMX's tiles, else AVX512-BF16), with float32 sums, weights and slots. Without either it is
  refused, unless `CLEARPROP_BFLOAT16=emulated` asks for other instructions to do the same.
- **Many networks at once** (`clearprop.train_many`) are runs side by side in one process, a slice
  of each in turn: no run waits for its own threads, arrays are held and checked once, and each has
  the bits of the run alone.
- **Prediction**: `model.compiled.predict(row, out=out)` keeps the weights packed and allocates
  nothing; `Model.predict` of a few rows looks whether the weights that stand packed are still the
  model's, and then costs little more than its checks.
"""

TRIED = """\
## What was tried

- Packing δ and a for the gradient's product: worth it only where they leave the first cache;
  packed tiles a power of two apart evict each other, so a line stands between them.
- The update behind each panel instead of behind each parameter, and fetching its weights and
  slots during the sum: the largest gain on networks whose weights leave the second cache.
- Packing one panel of a again for every 96 rows of a weight, as was done at first: reading 512 rows
  8 kB apart took an eighth of the gradient's time at 2,048 units. δ of all of a thread's rows is
  packed first instead, and a once for each two megabytes of it: an eighth off the gradient, a sixth
  in bfloat16.
- Fetching the next panel of a weight while one is multiplied: four to eight hundredths of a
  product of 2,048³ whose panels are 256 kB apart; k in pieces of 512 instead of 256, and
  equal: one or two hundredths. Fetching the rows of C too: nothing.
- Weights and slots of a tile fetched all at once, 48 lines: the tile's first loads wait behind
  them; spread over its sum, two or three hundredths of a step of 784-512-512-10.
- Passes of 256 rows instead of 128: two hundredths at 2,048 units, nothing below, for twice the
  memory that rows take on their way.
- Gradients apart from the update, so that a step can be stopped between them: that is now for
  steps of a fifth of a second or more. It was so from a tenth of that size on, and the traffic was
  not worth it.
- Larger register tiles: on the machine this was written on, every shape from eight registers of
  sums up to the whole file reaches the same product, because it runs one 512-bit fma a cycle.
- The update of one tile beside the sums of the next, a register after each step of the sum, so
  that divisions and square roots are made while the fma units work: no faster than converting the
  optimizer's settings once a stretch instead of once a register (which takes a third off an
  update), at twice the code. A copy of the settings is what lets the compiler do so: a store of a
  weight might else have changed them.
- The update behind each tile instead of behind each panel, left to the processor to overlap with
  the next tile: nothing. A loop that does both shows why little is left: sixteen fma take sixteen
  cycles, a square root and a division thirteen, all together twenty; but an update has nine
  products more, in the same units.
- A first layer held as its transposed copy alone: the largest gain of the last on small networks,
  and a fourth of that layer's memory. Its gradient has a row for each input instead of columns
  padded to whole registers.
- Numbers below the smallest normal one taken for zero by the processor while a step of float32 is
  done: a step whose δ had become so small took up to twenty times as long, and the smallest network
  a sixteenth longer after 240,000 steps on the same rows; nothing elsewhere.
- Rows gathered by one copy of the whole row, and the last registers of a bias summed side by side:
  a little, on the smallest networks alone.
- Halving a 512-bit square root into two of 256 bits: no gain where it stands before a division.
- Multiplying the last, narrow layer with samples in the lanes: transposing there and back takes
  what the products save.
- Summing softmax across a register's lanes, row by row: two thirds of its time for networks
  with few classes.
- gelu's slope made with its value: a step from 1.30 to 1.09 of the plain one, at 256 units a layer.
  Sharing the exponential alone, and making the slope on the way back again, would leave the error
  function's two polynomials and its division twice.
- A cost without the passes back that its program has behind it: an evaluation takes half the time.
- Two threads for a pass that takes about as long as starting one: the gain is gone where cores are
  free, and where one is busy the start alone takes many times the pass.
- Threads chosen by one trial of each kind: the first slice of a run touches its memory for the
  first time, and was the trial of two.
- Trials of two threads over as many steps as one does in their time: where another program has a
  core, a step of two may take a hundred times as long, and a short run lost twice its own time to
  them (by a clock that is made up). One thread is tried first now, and two begin with two steps.
- Two registers rounded to bfloat16 by the processor's own instruction: a third off the packing,
  which is a fiftieth of a step; not worth a second form.
- Several epochs of a small network in one call of the engine, which judges the rows that are held
  back and keeps the best by itself: three tenths off sixteen tiny runs on two threads, which waited
  for the interpreter's lock.

## What bounds it, and what is left

- Large networks are bound by the fma units; what is left is the update (a division and a square
  root a weight, and the bytes of weights and slots), and for bfloat16 the rounding of operands:
  each value is rounded once for the forward product and once more for the gradient.
- Small networks: half to three quarters of a step are products at the fma units' rate, padding
  to whole registers among them (2 columns as 16: half a register would do for up to 8, and
  would save a fiftieth of a step); then the update's divisions and square
  roots, tiles of few terms, and in an epoch of few steps the call from Python. One thread can come
  no nearer to the peak of two cores than half. A team of threads is made for each slice; one that
  waits between slices would save its start, and would have to survive a fork.
- AMX's tiles were run by a simulation alone (`native/tiles.hpp`): this machine has none, so what
  they gain is not measured.
- Gathering rows inside the first product was left: the rows that follow are fetched while one is
  copied.
- The slope that gelu, silu and mish keep is multiplied in a pass of its own; relu's is done while
  a tile of Δ is in registers, and so could theirs be.
- One row of a large network through `Model.predict`: the weights are compared with those that
  stand packed (both are read, some 5 MB for 784-512-512-10), because anyone may write into a
  model's parameters; `model.compiled.predict` looks at none.
- A single row a step (batch 1) in wide layers is bound by memory: 4 bytes of each weight forward
  (of Wᵀ), 4 backward (of W), 24 for Adam's weights and slots, and 8 to write Wᵀ anew, since a line
  that is written is read first: 40 bytes, against 44 where the gradient goes through memory as
  elsewhere (counted, not measured). The next step's forward product right behind the update of its
  matrix would save 4, one copy of W, turned in registers, 8 of the 12 that Wᵀ costs; both would be
  a second order of a step.
- Many networks at once share data and cores and no arithmetic. Members of one network share the
  rows that are gathered too, but the engine has one rate, one penalty, one weight a row and one
  cost for all members, so runs of their own cannot be told apart there.
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


def step(part: dict[str, Any]) -> list[str]:
    """The five nets: ratios, the plot, the peaks."""
    text = [*overview(part["nets"]), SHARES, plot("step", "each library's fastest setting"), ""]
    peaks = part["peaks"]["GFLOP/s"]
    text += table(
        ["product of 4096³", "GFLOP/s"], [[name, f"{of:.1f}"] for name, of in peaks.items()]
    )
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
        f"times as fast; it is slower at {len(slower)}.",
        "",
        plot("sweep", "times faster than the fastest peer, by width, batch and depth"),
        "",
    ]
    if slower:
        text += table(
            ["slower at", "ours, µs", "theirs, µs", "times as fast", "the fastest peer"],
            [
                [f"width {one['width']}, batch {one['batch']}, {one['depth']} hidden",
                 micro(one["microseconds"][one["ours"]]["median"]),
                 micro(one["microseconds"][one["peer"]]["median"]),
                 f"{one['ratio']:.2f}", one["peer"]]
                for one in slower
            ],
        )  # fmt: skip
    apart = sorted(
        {name for one in points for name, row in one["microseconds"].items() if row["disagrees"]}
    )
    if apart:
        named = ", ".join(apart)
        text += [f"Left out where their step is further than 1e-5 from the exact one: {named}.", ""]
    if left := len(part["left out for time"]):
        text += [f"Left out for time: {left} point{'s' if left > 1 else ''}.", ""]
    return text


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


def page(record: dict[str, Any], precision: dict[str, Any]) -> str:
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
    text += precision_section.section(precision)
    if "step" in parts:
        text += ["## Everyone", ""]
        for net in parts["step"]["nets"].values():
            text += everyone(net)
    return "\n".join([*text, WORKS, TRIED])


def files(record: dict[str, Any], precision: dict[str, Any]) -> dict[str, str]:
    """Return everything that is written into docs/, by name: the page and its plots."""
    return {PAGE.name: page(record, precision), **plots(record["parts"])}


if __name__ == "__main__":
    records = [json.loads(path.read_text("utf-8")) for path in (RECORD, precision_section.RECORD)]
    for file, content in files(*records).items():
        (PAGE.parent / file).write_text(content, "utf-8")
