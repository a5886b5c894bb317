"""Write docs/optimizers.md, which optimizer to use when, from the rows and a record of figures.

`python -m benchmarks.optimizers` makes the record; a test holds the page fresh. Figures come from
the record alone; the prose around them holds none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clearprop.optimizers import NATIVE, OPTIMIZERS

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "benchmarks" / "results" / "optimizers.json"
PAGE = ROOT / "docs" / "optimizers.md"

HEAD = """\
<!-- Written by tools/optimizer_page.py from the rows and benchmarks/results/optimizers.json: do \
not edit. -->
# Optimizers

```python
cp.train(net, X, y, optimizer="lm")  # a name
cp.train(net, X, y, optimizer=cp.LBFGS(memory=20))  # or a row with your settings
```
```sh
clearprop train data.csv --target y --optimizer lm
```

## Which one
- **`adam`** unless you know better; **`adamw`** if weights are to decay without a term in the cost.
- **A smooth regression of up to some thousand rows and weights: `lm`**, Levenberg–Marquardt, which
  MATLAB calls trainlm. A step solves with a matrix of parameters × parameters, so it costs far
  more than Adam's and gets far more done; nothing else reaches the last digits. It takes sums of
  squares (`cost="squared_error"`), one network at a time and at most 5,000 parameters, and fits
  noise as willingly as all else: keep validation rows.
- **Another smooth cost, or more weights: `lbfgs`.** A few passes over all rows a step, no rate.
- **All rows fit in a step and you want to tune nothing: `rprop`**, signs alone, in float32.
- **You don't know how long the run will be: `schedule_free`.** It takes no schedule, and the run
  may end at any step. What is judged and kept is its average, not the weights that are trained.
- **Wide layers and large batches: `muon`.** Matrices move along their momentum made orthogonal,
  biases as AdamW's; one rate and one decay for both. Its steps are NumPy's, and cost far more
  than a native rule's.
- **A large network and little memory: `lion`**, half of Adam's slots. Take a rate three to ten
  times smaller than Adam's.
- `sgd`, `momentum`, `nesterov` and `rmsprop` are for comparison, and for those who tune rates.

Relu has kinks that `lm` and `lbfgs` stumble over: give them `tanh`, `silu` or the like. With them
an epoch is a step, so ask for some hundred epochs; a run that finds nothing lower ends as
`"converged"`. They train in float64 (`lbfgs` in float32 too), refuse dropout, schedules, clipping
and batch sizes. `clearprop train` gives them one hidden layer of 16 tanh, 500 steps, patience 100
and a penalty of 0.01 / rows unless told otherwise. The equation of each rule is in the
[reference](reference.md#optimizers).

All are resumed from checkpoints to the bit, obey Ctrl-C between steps (`lm` and `lbfgs` within one,
which is then dropped), and give the same bits for the same seed and any number of threads. Rules of
one element at a time run whole in the native engine. The others get its gradients, and their own
algebra is NumPy's on one thread: there another processor or another NumPy may give other last bits.
"""


def rows() -> list[str]:
    """One row an optimizer: what to call it, when, by whom, and what does its steps."""
    lines = ["", "## All of them", "", "| name | class | use it for | a step is done by | source |"]
    lines.append("|---|---|---|---|---|")
    for name, row in OPTIMIZERS.items():
        if name in NATIVE:
            by = "the native engine"
        else:
            by = "NumPy, asking for cost and gradient" if row.whole else "NumPy, of the gradient"
        lines.append(f"| `{name}` | `cp.{row.__name__}` | {row.when} | {by} | {row.source} |")
    return lines


def figures(record: dict[str, Any]) -> list[str]:
    """The measured table."""
    run = record["run"]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    lines = [
        "",
        "## On one small regression",
        "",
        f"Friedman's first function (1991) without noise, {run['rows']} rows, a 5-20-1 network of "
        f"tanh, at most {run['epochs']} epochs; the error is the root of the mean square on fresh "
        "rows, in standard deviations of the target. Median of "
        f"{run['seeds']} seeds, and the worst. A rule with a rate has the best of four, by its "
        "training cost, and a cosine schedule where it takes one; rows of a step as by default "
        "(rprop, lbfgs and lm all, the others 32).",
        "",
        "| optimizer | rate | error after a tenth | at the end | worst seed | seconds | in |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, found in record["rules"].items():
        rate = "–" if found["rate"] is None else f"{found['rate']:.2g}"
        lines.append(
            f"| `{name}` | {rate} | {found['early']:.2g} | {found['end']:.2g} "
            f"| {found['worst']:.2g} | {found['seconds']:.2g} | {found['precision']} |"
        )
    lines += ["", f"Commit {run['commit']}, {run['date']}, {run['machine']}; {versions}."]
    if run["load"] > 0.5:
        lines.append(
            f"{run['load']:.1f} programs wanted each core when the run began: read the seconds as "
            "ratios, and roughly."
        )
    lines += ["", "`python -m benchmarks.optimizers` measures them again."]
    return lines


def page(record: dict[str, Any]) -> str:
    """Return the page."""
    return "\n".join([HEAD.rstrip(), *rows(), *figures(record)]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RECORD.read_text("utf-8"))), "utf-8")
