"""The front of figures against seconds on docs/accuracy.md: where models stand, what ours spend.

`points` finds the tables on which models can be compared, `accuracy_front_plot` draws them, and
`section` says it in words and in a table.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accuracy_records import MODELS, PRESETS, Record, figures, mean, shared, shifted

__all__ = ["PLOT", "Points", "points", "section", "spent"]

PLOT = "accuracy_front.svg"

#: The figures that are drawn, and what they are called.
DRAWN = (
    ("error", "Error"),
    ("log_loss", "Log-loss"),
    ("rmse", "RMSE over the standard deviation"),
)


@dataclass(frozen=True)
class Points:
    """Where models stand in one figure.

    Parameters
    ----------
    title : str
        What the figure is called.
    tables : tuple of str
        What the means are over.
    places : {model: (seconds, figure)}
        Shifted geometric means over the tables, of the splits that all of the models have.
    """

    title: str
    tables: tuple[str, ...]
    places: Mapping[str, tuple[float, float]]

    @property
    def front(self) -> tuple[str, ...]:
        """The models that none as fast is as good as, fastest first."""
        found: list[str] = []
        for model, (_, figure) in sorted(self.places.items(), key=lambda item: item[1]):
            if not found or figure < self.places[found[-1]][1]:
                found.append(model)
        return tuple(found)


def points(records: Sequence[Record]) -> list[Points]:
    """The figures that all presets have on some table."""
    found = []
    for name, title in DRAWN:
        models, tables = compared(records, name)
        if not tables:
            continue
        axes = [
            [shared(figures(records, one), table, models) for table in tables]
            for one in ("cpu_seconds", name)
        ]
        places = {
            model: (shifted(of[model] for of in axes[0]), shifted(of[model] for of in axes[1]))
            for model in models
        }
        found.append(Points(title, tuple(tables), places))
    return found


def compared(records: Sequence[Record], name: str) -> tuple[list[str], list[str]]:
    """Models and the tables that all of them share: the most pairs of both, presets among them.

    Of as many pairs, those of more models.
    """
    found = figures(records, name)
    tables = list(dict.fromkeys(table for table, _ in found))
    others = [model for model in MODELS if model not in PRESETS]
    best: tuple[list[str], list[str]] = ([], [])
    for chosen in range(2 ** len(others)):
        taken = {model for place, model in enumerate(others) if chosen >> place & 1}
        models = [model for model in MODELS if model in PRESETS or model in taken]
        common = [
            table
            for table in tables
            if all((table, model) in found for model in models) and shared(found, table, models)
        ]
        if common and _worth(models, common) > _worth(*best):
            best = models, common
    return best


def _worth(models: Sequence[str], tables: Sequence[str]) -> tuple[int, int]:
    return len(models) * len(tables), len(models)


def spent(
    records: Sequence[Record], tables: Sequence[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """{preset: {table: seconds, GFLOP, share of a core's peak}} where the arithmetic is known."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for model in PRESETS:
        for table in tables:
            own = [r for r in records
                   if r["model"] == model and r["table"] == table and "flop" in r]  # fmt: skip
            if own:
                found.setdefault(model, {})[table] = {
                    "seconds": mean(r["cpu_seconds"] for r in own),
                    "GFLOP": mean(r["flop"] for r in own) / 1e9,
                    "share": mean(r["flop"] / 1e9 / r["cpu_seconds"] / r["peak"] for r in own),
                }
    return found


def section(records: Sequence[Record]) -> list[str]:
    """The plot and the table of what the presets spend; nothing where no table has all presets."""
    drawn = points(records)
    if not drawn:
        return []
    text = ["## Figures against seconds", "", _TOLD, ""]
    text += [f"![figures against the processor's seconds of fitting]({PLOT})", ""]
    for tables, of in _by_tables(drawn).items():
        absent = [model for model in MODELS if model not in of[0].places]
        told = _listed([of[0].title, *(_inside(one.title) for one in of[1:])])
        told += f": over {_listed(tables)}"
        told += f"; not run on all of them: {_listed(absent)}. " if absent else ". "
        for one in of:
            told += f"On the front of {_inside(one.title)}: {_listed(one.front)}. "
        text += [*textwrap.wrap(told, 100, break_on_hyphens=False), ""]
    return text + _spending(records, list(dict.fromkeys(t for one in drawn for t in one.tables)))


def _by_tables(drawn: Sequence[Points]) -> dict[tuple[str, ...], list[Points]]:
    found: dict[tuple[str, ...], list[Points]] = {}
    for one in drawn:
        found.setdefault(one.tables, []).append(one)
    return found


def _spending(records: Sequence[Record], tables: Sequence[str]) -> list[str]:
    known = spent(records, tables)
    if not known:
        return []
    peaks = sorted({f"{r['peak']:.0f}" for r in records if "flop" in r})
    text = ["### What a preset spends", "", _SPENT.format(peak=" or ".join(peaks)), ""]
    text += ["| preset | tables | seconds | GFLOP | share of peak | least | most |"]
    text += ["|---|--:|--:|--:|--:|--:|--:|"]
    for model, by_table in known.items():
        order = sorted(by_table, key=lambda table: by_table[table]["share"])
        least, most = (f"{100 * by_table[t]['share']:.1f} % ({t})" for t in (order[0], order[-1]))
        seconds, needed, share = (
            math.exp(mean(math.log(one[name]) for one in by_table.values()))
            for name in ("seconds", "GFLOP", "share")
        )
        text.append(
            f"| {model} | {len(by_table)} | {_three(seconds)} | {_three(needed)} "
            f"| {100 * share:.1f} % | {least} | {most} |"
        )
    return [*text, ""]


def _three(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _inside(title: str) -> str:
    """A title inside a sentence: RMSE stays, Error does not."""
    return title if title[:2].isupper() else title[0].lower() + title[1:]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


_TOLD = """\
Each model stands where its means are; lower is better, and so is further left. The shaded corner is
what some model reaches: those on its border are the front, for none as fast is as good. The tables
are those that give the most pairs of a model and a table, with all three presets among the models;
splits are those that all of the models share, and most tables have one, so that a place is no more
certain than the pairs below say."""

_SPENT = """\
GFLOP are those that the products of matrices need: of each step forward, for the gradients and
backward, and forward once an epoch for the rows that are held back. The share is that of the most
products a core of this machine does in the processor's seconds of the fit ({peak} GFLOP/s in
float32, from the record of the [performance page](performance.md)): encoder, functions, optimizer,
choice of the epoch and other work on the machine are in the seconds alone. Geometric means over the
tables of the plot, and where the share is least and most."""
