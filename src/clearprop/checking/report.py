"""What a check found, as people and as programs read it."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from clearprop import notebook
from clearprop.checking.diagnosis import Diagnosis
from clearprop.words import number, width

#: Columns of a report: words are folded, equations are not.
WIDTH = 80

_UNDER = " " * 13

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fdfdfb;--faint:#667085;--line:#d5dae2;
--accent:#0b5fae;--card:#f4f6f9;--right:#17693a;--wrong:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--paper:#14181f;--faint:#98a2b3;
--line:#39424f;--accent:#7db8f2;--card:#1c222b;--right:#6fd19a;--wrong:#ff9d92}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1.2rem 4rem;max-width:60rem;
background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,"Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0}
h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);
padding-bottom:.25rem}
.about{color:var(--faint);font-size:.9rem}
.verdict{border-left:.3rem solid var(--wrong);padding-left:.8rem}
.verdict.passed{border-color:var(--right)}
.wide{overflow-x:auto}table{border-collapse:collapse}
td,th{text-align:left;padding:.3rem 1.6rem .3rem 0;border-bottom:1px solid var(--line)}
th{color:var(--faint);font-weight:400;font-size:.9rem}td{font-variant-numeric:tabular-nums}
.right .said{color:var(--right)}.wrong .said{color:var(--wrong);font-weight:600}
.mistake{margin:.8rem 0;padding:.7rem .9rem;background:var(--card);border-radius:.5rem}
.mistake h3{font-size:1rem;margin:0 0 .5rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.35rem 1.2rem;margin:0}
dt{color:var(--faint);font-size:.9rem}dd{margin:0;overflow-wrap:anywhere}
pre{margin:0;font:1rem/1.5 "DejaVu Sans Mono",ui-monospace,monospace;white-space:pre-wrap}
.was pre{color:var(--wrong)}.is pre{color:var(--right)}
code{font-family:"DejaVu Sans Mono",ui-monospace,monospace;font-size:.92em}
@media(max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 .5rem}}
@media print{:root{color-scheme:light;--ink:#000;--paper:#fff;--faint:#444;--line:#bbb;
--right:#17693a;--wrong:#b42318}body{max-width:none;padding:0;font-size:11pt}
.mistake{break-inside:avoid;background:none;border:1px solid var(--line)}}
"""


@dataclass(frozen=True)
class Entry:
    """One entry of a gradient: its place (from 0), what was given, what is right.

    ``name`` is what the reader's notation calls the parameter's entry; "" without a notation.
    """

    index: tuple[int, ...]
    given: float
    right: float
    name: str = ""


@dataclass(frozen=True)
class ParameterCheck:
    """One parameter's gradient: its error relative to the tensor's scale, its worst entries.

    ``said`` is its name, and behind it what the reader's notation calls it.
    """

    name: str
    passed: bool
    error: float
    absolute: float
    scale: float
    worst: tuple[Entry, ...]
    problem: str
    said: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "said", self.said or self.name)

    def entry_name(self, entry: Entry) -> str:
        """Return the entry as NumPy writes it, ``W1[2, 0]``, and as the notation calls it."""
        at = f"{self.name}[{', '.join(map(str, entry.index))}]" if entry.index else self.name
        return f"{at}, {entry.name}" if entry.name else at


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """Whether a gradient is right, where it starts to be wrong, and which mistake that is.

    Parameters
    ----------
    passed : bool
    parameters : mapping of str to ParameterCheck
        From the output back.
    first_wrong, layer : str
        The first parameter from the output back that is wrong, and its layer as the reader's
        notation counts it; "" if none is.
    diagnosis : tuple of Diagnosis
        Best first; empty if no known mistake gives this gradient.
    seen : str
        What the gradient looks like where no mistake was found.
    notes : tuple of str
        What else was noticed: changed inputs, randomness, kinks, names.
    known : int
        How many mistakes were asked.
    precision : str
        The float type the gradient was judged by.
    network : str
        The network it was held against, in one line.
    unknown : bool
        No mistake fits, so the network that is meant may be another one.
    """

    passed: bool
    parameters: Mapping[str, ParameterCheck]
    first_wrong: str
    layer: str
    diagnosis: tuple[Diagnosis, ...]
    seen: str
    notes: tuple[str, ...]
    known: int
    precision: str
    network: str
    unknown: bool = False

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        count = len(self.parameters)
        told = f"right, {count} parameter{'' if count == 1 else 's'}"
        if not self.passed:
            at = f" at {self.first_wrong}" if self.first_wrong else ""
            told = f"wrong{at}" + (f": {_ids(self.diagnosis[0])}" if self.diagnosis else "")
        return f"<GradientCheck: {told}>"

    def _repr_html_(self) -> str:
        return notebook.framed(self.to_html(), f"Gradient check of {self.network}")

    def __str__(self) -> str:
        lines = ["The gradient is right." if self.passed else self._headline()]
        lines += _folded("network: ", self.network, " " * 9)
        room = max([9, *(width(check.said) for check in self.parameters.values())])
        lines += ["", f"{'parameter':<{room}}  error relative to the tensor's largest entry"]
        for check in self.parameters.values():
            mark = "right" if check.passed else "WRONG"
            error = check.problem or _short(check.error)
            gap = " " * (room - width(check.said))
            lines.append(f"{check.said}{gap}  {mark}  {error}")
        worst = self.parameters.get(self.first_wrong)
        if worst is not None and worst.worst:
            lines += ["", "worst entries:"]
            lines += [
                f"  {worst.entry_name(e)}: given {_short(e.given)}, right {_short(e.right)}"
                for e in worst.worst
            ]
        if self.diagnosis and not self.passed:
            lines += ["", "The mistake:"]
            for place, found in enumerate(self.diagnosis[:5]):
                lines += ([] if place == 0 else ["or:"]) + _told(found)
        elif self.seen:
            lines += ["", *_folded("", self.seen + ".", "")]
            if self.unknown:
                lines += _folded("", self._question(), "")
        lines += [""] if self.notes else []
        for note in self.notes:
            lines += _folded("note: ", note, " " * 6)
        return "\n".join(lines)

    def _headline(self) -> str:
        at = ""
        if self.first_wrong:
            at = f" at {self.parameters[self.first_wrong].said} (layer {self.layer})"
        return f"The gradient is wrong; from the output back, it starts{at}."

    def _question(self) -> str:
        return (
            f"Is this your network: {self.network}? If not, say yours: --activation, --output, "
            "--cost and --l2, or the network in Python."
        )

    def print(self) -> None:
        """Print the report."""
        print(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, ready for JSON."""
        return {
            "passed": self.passed,
            "precision": self.precision,
            "network": self.network,
            "first_wrong": self.first_wrong or None,
            "layer": self.layer or None,
            "parameters": [
                {
                    "name": c.name,
                    "said": c.said,
                    "passed": c.passed,
                    "error": _finite(c.error),
                    "absolute": _finite(c.absolute),
                    "scale": c.scale,
                    "problem": c.problem or None,
                    "worst": [
                        {"entry": c.entry_name(e), "given": _finite(e.given),
                         "right": _finite(e.right)}
                        for e in c.worst
                    ],
                }
                for c in self.parameters.values()
            ],
            "diagnosis": [_as_dict(found) for found in self.diagnosis],
            "seen": self.seen or None,
            "notes": list(self.notes),
        }  # fmt: skip

    def to_json(self) -> str:
        """Return the report as JSON; NaN and infinity are strings."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)

    def to_html(self) -> str:
        """Return the report as one HTML page that needs nothing else."""
        headline = "The gradient is right." if self.passed else self._headline()
        return _page(self, headline, self._question())


def _told(found: Diagnosis) -> list[str]:
    lines = _folded("  ", str(found), "    ")
    lines.append(f"    id:      {_ids(found)}")
    if found.wrong:
        for what, text in (("written:", found.wrong), ("right:  ", found.right)):
            first, *rest = text.splitlines()
            lines += [f"    {what} {first}", *(f"{_UNDER}{one}" for one in rest)]
    mistakes = dict.fromkeys([found.mistake, *(mistake for mistake, _ in found.also)])
    for mistake in mistakes:
        lines += _folded("    why:     ", found.words(mistake.why))
        lines += _folded("    change:  ", found.words(mistake.change))
    same = [f"{m.id} at {found.at(p)}" for m, p in found.equivalent]
    if same:
        left = len(same) - 4
        text = "; ".join(same[:4]) + (f"; {left} more" if left > 0 else "")
        lines += _folded("    same here: ", text)
    return lines


def _folded(label: str, text: str, under: str = _UNDER) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=label, subsequent_indent=under)


def _ids(found: Diagnosis) -> str:
    return " + ".join([found.mistake.id, *(mistake.id for mistake, _ in found.also)])


def _as_dict(found: Diagnosis) -> dict[str, Any]:
    def place(mistake: Any, where: Any) -> dict[str, str | None]:
        return {
            "id": mistake.id,
            "step": where.step,
            "layer": where.layer or None,
            "parameter": where.parameter or None,
            "what": where.what or None,
        }

    return {
        **place(found.mistake, found.where),
        "sentence": str(found),
        "fitted": dict(found.fitted),
        "residual": found.residual,
        "wrong": found.wrong,
        "right": found.right,
        "why": found.words(found.mistake.why),
        "change": found.words(found.mistake.change),
        "sources": list(found.mistake.sources),
        "also": [place(m, p) for m, p in found.also],
        "equivalent": [place(m, p) for m, p in found.equivalent],
    }


def _finite(x: float) -> float | str:
    return x if math.isfinite(x) else number(x)


def _short(x: float) -> str:
    return number(x)


def _page(check: GradientCheck, headline: str, question: str) -> str:
    """Return the page of a `GradientCheck`: what its text says, in the look of derivations."""
    rows = "".join(
        f'<tr class="{"right" if one.passed else "wrong"}"><td><code>{escape(one.said)}</code></td>'
        f'<td class="said">{"right" if one.passed else "wrong"}</td>'
        f"<td>{escape(one.problem or number(one.error))}</td></tr>"
        for one in check.parameters.values()
    )
    parts = [
        f'<div class="verdict{" passed" if check.passed else ""}"><h1>{escape(headline)}</h1>',
        f'<div class="about">network: {escape(check.network)}</div></div>',
        "<h2>Parameters, from the output back</h2>",
        _table(("parameter", "verdict", "error relative to the tensor’s largest entry"), rows),
    ]
    worst = check.parameters.get(check.first_wrong)
    if worst is not None and worst.worst:
        entries = "".join(
            f"<tr><td><code>{escape(worst.entry_name(e))}</code></td><td>{number(e.given)}</td>"
            f"<td>{number(e.right)}</td></tr>"
            for e in worst.worst
        )
        parts += ["<h2>Worst entries</h2>", _table(("entry", "given", "right"), entries)]
    if check.diagnosis and not check.passed:
        several = len(check.diagnosis) > 1
        parts.append(f"<h2>{'The mistake is one of these' if several else 'The mistake'}</h2>")
        parts += [_shown(found) for found in check.diagnosis[:5]]
    elif check.seen:
        parts += ["<h2>What it looks like</h2>", f"<p>{escape(check.seen)}.</p>"]
        if check.unknown:
            parts.append(f"<p>{escape(question)}</p>")
    if check.notes:
        listed = "".join(f"<li>{escape(note)}</li>" for note in check.notes)
        parts += ["<h2>Notes</h2>", f"<ul>{listed}</ul>"]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>Gradient check of {escape(check.network)}</title>\n<style>{_STYLE}</style>\n"
        "</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _table(names: tuple[str, ...], rows: str) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _shown(found: Diagnosis) -> str:
    mistakes = list(dict.fromkeys([found.mistake, *(one for one, _ in found.also)]))
    ids = " + ".join(f"<code>{escape(one.id)}</code>" for one in mistakes)
    rows = [f"<dt>id</dt><dd>{ids}</dd>"]
    if found.wrong:
        rows += [f'<dt>written</dt><dd class="was"><pre>{escape(found.wrong)}</pre></dd>',
                 f'<dt>right</dt><dd class="is"><pre>{escape(found.right)}</pre></dd>']  # fmt: skip
    for one in mistakes:
        rows += [f"<dt>why</dt><dd>{escape(found.words(one.why))}</dd>",
                 f"<dt>change</dt><dd>{escape(found.words(one.change))}</dd>"]  # fmt: skip
    same = [f"{one.id} at {found.at(place)}" for one, place in found.equivalent]
    if same:
        rows.append(f"<dt>same here</dt><dd>{escape('; '.join(same))}</dd>")
    return f'<div class="mistake"><h3>{escape(str(found))}</h3><dl>{"".join(rows)}</dl></div>'
