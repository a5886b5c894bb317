"""The goals' section of the accuracy page: each goal, what was measured, and whether it is reached.

Figures and verdicts are from the records alone; prose beside them says why one is not reached.
Proved by ``tests/test_tabular_page.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from accuracy_records import MODELS, SHIFT, Record, change, mean, ranks
from scipy.stats import t as student

_HEAD = """\
## What was aimed at, and what was reached

Pairs of the same split of the same table; a table counts once. The change is that of the shifted
geometric mean from theirs to ours, − being better, with its interval of 95 % over the tables
(Student's t). Ours is *better* where all of the interval is below 0, *worse* where all is above,
*level* where it holds 0, which is enough for *at least as good* and *no worse*, however wide it is;
of two tables or fewer nothing is said. The rank is the mean place of ours and theirs beside each
other, from 1 to 2."""

#: Ours, theirs, and what was aimed at.
_GOALS = (
    ("clearprop default", "RealMLP-TD", "at least as good"),
    ("clearprop default", "TabM-D", "at least as good"),
    ("clearprop best", "RealMLP-TD", "better"),
    ("clearprop best", "TabM-D", "better"),
    ("clearprop best", "CatBoost", "level"),
    ("clearprop fast", "RealMLP-TD-S", "no worse"),
)
#: Verdicts that reach an aim.
_REACHED = {
    "at least as good": ("better", "level"),
    "no worse": ("better", "level"),
    "level": ("better", "level"),
    "better": ("better",),
}

_TIME_HEAD = """\
Time: processor seconds of fitting, the geometric mean over the tables of both. Aims for processors
with tiles stand [below](#with-tiles-for-bfloat16)."""

#: Ours, theirs, and how many times as fast ours is to be.
_TIMES = (
    ("clearprop fast", "CatBoost", 1 / 3),
    ("clearprop default", "RealMLP-TD", 6.0),
    ("clearprop default", "TabM-D", 20.0),
)

_WHY = """\
Why, where an aim is not reached:

- *best* better than the other networks: where its interval holds 0, the tables are too few, or too
  small, for what is between them. On the smallest, two rows of a hundred decide.
- `MLPClassifier` and `MLPRegressor` ten times as fast: with 100 columns the goal is near what the
  processor can do; with few, gathering, softmax and update remain
  ([estimators](estimators.md#how-long-it-takes) has what it would need).
- Never slower: what is left is a prediction of 1,000 rows of 100 columns in float64, whose products
  both do on one thread at the processor's rate. A second thread takes less time where nothing else
  runs, and more beside a library whose threads wait busily for work, as scikit-learn's do.
- bfloat16, *default* beside RealMLP-TD by the clock: RealMLP-TD had two threads and ours one; by
  the processors' seconds the aim is reached. What bfloat16 does to the error is within its noise on
  five tables of few rows; in log-loss it costs a little: it is no preset's own choice."""

_PAIRS = """\
All pairs, as changes ± the standard error over the tables:"""
_PAIRED = (
    ("clearprop default", "RealMLP-TD"),
    ("clearprop default", "TabM-D"),
    ("clearprop default", "CatBoost"),
    ("clearprop best", "RealMLP-TD"),
    ("clearprop best", "TabM-D"),
    ("clearprop best", "CatBoost"),
    ("clearprop fast", "RealMLP-TD-S"),
    ("clearprop fast", "CatBoost"),
    ("clearprop fast", "LightGBM"),
    ("clearprop fast", "scikit-learn MLP"),
)


def section(records: Sequence[Record], estimators: Mapping[str, Any] | None) -> list[str]:
    """Return the section's lines."""
    text = [_HEAD, "", "| ours | beside | aim | figure | tables | change | rank | reached |"]
    text.append("|---|---|---|---|--:|--:|--:|--:|")
    for ours, theirs, aim in _GOALS:
        for name in ("error", "log_loss", "rmse"):
            found = ratios(records, ours, theirs, name)
            if found:
                logs = list(found.values())
                told = judged(logs)
                reached = told if told == "–" or told in _REACHED[aim] else f"**no**: {told}"
                places = mean(ranks({ours: one, theirs: 0.0})[ours] for one in logs)
                text.append(
                    f"| {ours} | {theirs} | {aim} | {name.replace('_', ' ')} | {len(logs)} | "
                    f"{_interval(logs)} | {places:.2f}, {3 - places:.2f} | {reached} |"
                )
    text += ["", _TIME_HEAD, "", "| ours | beside | tables | times as fast | aim | reached |"]
    text.append("|---|---|--:|--:|--:|--:|")
    for ours, theirs, least in _TIMES:
        found = ratios(records, ours, theirs, "cpu_seconds")
        if found:
            times = math.exp(-mean(found.values()))
            reached = "yes" if times >= least else "**no**"
            text.append(
                f"| {ours} | {theirs} | {len(found)} | {times:.2f}× | ≥ {least:.3g}× | {reached} |"
            )
    if estimators is not None:
        text += _estimators(estimators)
    return [*text, "", _WHY, "", *pairs(records)]


def _estimators(record: Mapping[str, Any]) -> list[str]:
    """Rows of `benchmarks.estimators`: fits at the defaults, and everything."""
    rows = record["results"]
    clock = "seconds" if record["run"]["load"] <= 0.3 else "processor seconds"
    fits = [r[clock]["times faster"] for r in rows if r["what"] == "fit" and r["defaults"]]
    slower = sum(r[clock]["times faster"] < 1 for r in rows)
    under = sum(one < 10 for one in fits)
    middle = math.exp(mean(map(math.log, fits)))
    return [
        f"| MLPClassifier, MLPRegressor | scikit-learn's | {len(fits)} fits | {middle:.1f}× "
        f"({min(fits):.1f} to {max(fits):.1f}) | ≥ 10× each | "
        f"{'yes' if not under else f'**no**: {under} below'} |",
        f"| the same, all calls | scikit-learn's | {len(rows)} calls | | ≥ 1× each | "
        f"{'yes' if not slower else f'**no**: {slower} slower'} |",
    ]


def _found(records: Sequence[Record], model: str, name: str) -> dict[tuple[str, int], float]:
    """{(table, split): the figure} of a model."""
    return {(r["table"], r["split"]): r[name] for r in records if r["model"] == model and name in r}


def ratios(records: Sequence[Record], ours: str, theirs: str, name: str) -> dict[str, float]:
    """Return {table: log of ours over theirs} of a figure, over the splits that both have."""
    one, other = (_found(records, model, name) for model in (ours, theirs))
    common = sorted(one.keys() & other.keys())
    shift = 0 if name == "cpu_seconds" else SHIFT
    return {
        table: mean(
            math.log((one[key] + shift) / (other[key] + shift)) for key in common if key[0] == table
        )
        for table in dict.fromkeys(table for table, _ in common)
    }


def judged(logs: Sequence[float]) -> str:
    """Return what the interval says of ours: better, level or worse; – of too few."""
    if len(logs) < 3:
        return "–"
    low, high = _ends(logs)
    return "better" if high < 0 else "worse" if low > 0 else "level"


def _ends(logs: Sequence[float]) -> tuple[float, float]:
    middle, n = mean(logs), len(logs)
    error = math.sqrt(sum((one - middle) ** 2 for one in logs) / (n - 1) / n)
    wide = float(student.ppf(0.975, n - 1)) * error
    return middle - wide, middle + wide


def _interval(logs: Sequence[float]) -> str:
    told = f"{100 * math.expm1(mean(logs)):+.1f} %"
    if len(logs) < 3:
        return told
    low, high = (f"{100 * math.expm1(end):+.1f}" for end in _ends(logs))
    return f"{told} ({low} to {high})"


def pairs(records: Sequence[Record]) -> list[str]:
    """Return every pair's change, whether it was a goal or not."""
    text = [
        _PAIRS,
        "",
        "| ours | theirs | figure | tables | splits in common | ours better | change |",
    ]
    text += ["|---|---|---|--:|--:|--:|--:|"]
    for ours, theirs in _PAIRED:
        for name in ("error", "log_loss", "rmse", "cpu_seconds"):
            logs = list(ratios(records, ours, theirs, name).values())
            if not logs:
                continue
            one, other = (_found(records, model, name) for model in (ours, theirs))
            common = one.keys() & other.keys()
            won = sum(one[key] < other[key] for key in common)
            by = f"×{math.exp(mean(logs)):.2f}" if name == "cpu_seconds" else change(logs)
            text.append(
                f"| {ours} | {theirs} | {name.replace('_', ' ')} | {len(logs)} | {len(common)} | "
                f"{won} | {by} |"
            )
    missing = [model for model in MODELS if not any(r["model"] == model for r in records)]
    text.append("")
    if missing:
        text += [f"Not run yet: {', '.join(missing)}. No claim is made against them.", ""]
    return text
