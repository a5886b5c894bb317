"""Write docs/performance.md, how fast training is and why, from benchmarks/results/speed.json.

`python -m benchmarks.speed` makes the record; a test holds the page fresh. Figures come from the
record alone; the prose around them holds none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "benchmarks" / "results" / "speed.json"
PAGE = ROOT / "docs" / "performance.md"

HEAD = """\
<!-- Written by tools/performance_page.py from benchmarks/results/speed.json: do not edit. -->
# Performance

How long a training step takes, beside the libraries one would use instead: the same network,
data, optimizer (Adam), batch and shuffling, the shuffling inside everyone's clock; one machine,
one run, order rotating. One step of each library from the same weights is held to the exact step
before anything is timed: in float32 within 1e-5 in every parameter whose gradient is not
rounding noise, in bfloat16 in its direction. Of each library the best of its settings counts.

```sh
make bench-speed                                          # all of it
.venv-bench/bin/python -m benchmarks.speed --quick --nets tiny,small --json /tmp/look.json
```
"""

SHARES = """\
Needed arithmetic is 2m (2 Σ sₗ sₗ₊₁ + Σ_{l>1} sₗ sₗ₊₁): nobody needs ∂J/∂X. The share is of the
fastest product of 4096³ that any library, or ours, reached in this run on all cores.
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
  weight.
- **Gradients are updated where they are summed** (`native/sums.hpp`, `native/updates.hpp`).
  Where a batch leaves the first cache, δ and a are packed; behind each panel of a chunk of rows
  follows the optimizer's step on it, so a gradient never travels to memory, and the weights and
  slots of a tile are fetched while it is summed. Clipping needs the whole norm first and stores
  the gradient.
- **Softmax, cross-entropy and δ are one pass** (`native/softmax.hpp`): each exponential once;
  rows of few units are transposed, a lane a row.
- **Two barriers a step**: a thread owns rows for the passes and rows of each weight for the
  sums. Threads change no bit; how many are worth it is measured while training
  (`engine/team.py`), within the cores, the group's quota and `OMP_NUM_THREADS`.
- **bfloat16** rounds operands on their way into the packed panels and multiplies pairs
  (AVX512-BF16), with float32 sums, weights and slots. Without the instruction it is refused,
  unless `CLEARPROP_BFLOAT16=emulated` asks for other instructions to do the same.
- **Prediction**: `model.compiled.predict(row, out=out)` keeps the weights packed and allocates
  nothing.
"""

TRIED = """\
## What was tried

- Packing δ and a for the gradient's product: worth it only where they leave the first cache;
  packed tiles a power of two apart evict each other, so a line stands between them.
- The update behind each panel instead of behind each parameter, and fetching its weights and
  slots during the sum: the largest gain on networks whose weights leave the second cache.
- A step that takes a fifth of a second or more used to keep its gradients apart from the update
  at a tenth of that size, so that it could be stopped between them; the traffic was not worth
  it.
- Larger register tiles: on the machine this was written on, every shape from eight registers of
  sums up to the whole file reaches the same product, because it runs one 512-bit fma a cycle.
- Summing softmax across a register's lanes, row by row: two thirds of its time for networks
  with few classes.

## What bounds it, and what is left

- Large networks are bound by the fma units; what is left is the update (a division and a square
  root a weight, and the bytes of weights and slots), and for bfloat16 the rounding of operands:
  each value is rounded once for the forward product and once more for the gradient.
- Small networks are bound by latency: tiles of few terms, the update's division, and in an
  epoch of few steps the call from Python. A team of threads is made for each slice; one that
  waits between slices would save its start, and would have to survive a fork.
- AMX tiles are not used: they need a machine that has them to be tested on.
- Gathering rows inside the first product was left: see the share of gathering above.
- Not measured yet: the sweep over widths, batches and depths; scaling with rows and parameters.
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


def beside(record: dict[str, Any]) -> list[str]:
    """Phases, variants, prediction, first fits."""
    text = ["## Where the time goes", "", "Shares of a step on one thread, float32.", ""]
    phases = record["phases"]
    kinds = list(next(iter(phases.values())))
    text += table(
        ["network", *kinds],
        [[name, *(f"{100 * of[kind]:.1f} %" for kind in kinds)] for name, of in phases.items()],
    )
    key = next(name for name in record if name.startswith("variants"))
    net = key.removeprefix("variants of ").partition(", micro")[0]
    told = f"Of {net}, one thread, as a multiple of the plain step."
    text += ["## Other steps", "", told, ""]
    text += table(
        ["step", "times the plain one"],
        [[name, f"{row['times plain']:.2f}"] for name, row in record[key].items()],
    )
    prediction = record["prediction, microseconds"]
    text += ["## Prediction", ""]
    one = [[f"`{name}`" if "(" in name else name, micro(row["median"])]
           for name, row in prediction["one row"].items()]  # fmt: skip
    text += table(["one row of 30-32-16-2", "µs"], one)
    many = next(name for name in prediction if name != "one row")
    text += table(
        [many, "µs", "GFLOP/s"],
        [[name, micro(row["median"]), f"{row['GFLOP/s']:.1f}"]
         for name, row in prediction[many].items()],
    )  # fmt: skip
    text += [
        "## A new process",
        "",
        "Import, build, train; memory over what stood after the import.",
        "",
    ]
    rows = []
    for name, row in record["a new process"].items():
        sizes = [row[of] / 1e6 for of in ("bytes over the import's", "bytes of data")]
        rows.append([name, f"{row['seconds']['median']:.2f}", *(f"{size:.1f}" for size in sizes)])
    return text + table(["fit", "s", "MB", "MB of data"], rows)


def page(record: dict[str, Any]) -> str:
    """The whole page."""
    text = [HEAD, *run_of(record["run"]), *overview(record["nets"]), SHARES]
    peaks = record["peaks"]["GFLOP/s"]
    text += table(
        ["product of 4096³", "GFLOP/s"], [[name, f"{of:.1f}"] for name, of in peaks.items()]
    )
    text += ["## Everyone", ""]
    for net in record["nets"].values():
        text += everyone(net)
    return "\n".join([*text, *beside(record), WORKS, TRIED])


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RECORD.read_text("utf-8"))), "utf-8")
