"""A check's report as one HTML page that needs nothing else."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from clearprop.words import number

if TYPE_CHECKING:
    from clearprop.checking.diagnosis import Diagnosis
    from clearprop.checking.report import GradientCheck

_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-bottom: .3rem }
td, th { text-align: left; padding: .2rem 1.2rem .2rem 0 }
td { font-variant-numeric: tabular-nums } .wrong td { font-weight: bold }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0 }
dt { opacity: .75 } dd { margin: 0; overflow-wrap: anywhere }
pre { margin: 0; font-size: 1rem; white-space: pre-wrap }
"""


def report_page(check: GradientCheck, headline: str) -> str:
    """Return the page of a `GradientCheck`."""
    rows = "".join(
        f"<tr class='{'right' if one.passed else 'wrong'}'><td>{escape(one.name)}</td>"
        f"<td>{'right' if one.passed else 'wrong'}</td>"
        f"<td>{escape(one.problem or number(one.error))}</td></tr>"
        for one in check.parameters.values()
    )
    parts = [
        f"<h1>{escape(headline)}</h1>",
        _table(("parameter", "verdict", "error relative to the tensor's largest entry"), rows),
    ]
    worst = check.parameters.get(check.first_wrong)
    if worst is not None and worst.worst:
        entries = "".join(
            f"<tr><td>{escape(worst.entry_name(e))}</td><td>{number(e.given)}</td>"
            f"<td>{number(e.right)}</td></tr>"
            for e in worst.worst
        )
        parts += ["<h2>Worst entries</h2>", _table(("entry", "given", "right"), entries)]
    if not check.passed:
        parts += [_found(found) for found in check.diagnosis[:5]]
    if check.seen:
        parts.append(f"<p>{escape(check.seen)}.</p>")
    if check.notes:
        parts.append(f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in check.notes)}</ul>")
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Gradient check</title>"
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _table(names: tuple[str, ...], rows: str) -> str:
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _found(found: Diagnosis) -> str:
    mistakes = list(dict.fromkeys([found.mistake, *(one for one, _ in found.also)]))
    rows = [f"<dt>id</dt><dd>{' + '.join(escape(one.id) for one in mistakes)}</dd>"]
    if found.wrong:
        rows += [f"<dt>written</dt><dd><pre>{escape(found.wrong)}</pre></dd>",
                 f"<dt>right</dt><dd><pre>{escape(found.right)}</pre></dd>"]  # fmt: skip
    for one in mistakes:
        rows += [f"<dt>why</dt><dd>{escape(one.why)}</dd>",
                 f"<dt>change</dt><dd>{escape(one.change)}</dd>"]  # fmt: skip
    same = dict.fromkeys(f"{one.id} at {place}" for one, place in found.equivalent)
    if same:
        rows.append(f"<dt>same here</dt><dd>{escape('; '.join(same))}</dd>")
    return f"<h2>{escape(str(found))}</h2><dl>{''.join(rows)}</dl>"
