"""Write docs/proofs.md, the page of what has been shown, from docs/proofs.json.

Records of one claim are one line: counts are summed, the worst figure stands. `make prove` writes
both files; a test holds the page fresh.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"

HEAD = """\
<!-- Written by tools/proof_page.py from proofs.json: do not edit. -->
# What has been shown

Every line is a test with its full count, run by `make prove`. *Bar* is what the figures may not
pass; a claim without figures holds exactly, in each of its cases.
"""


def number(value: object) -> str:
    """A figure as it is printed: four digits, or the text it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def joined(records: list[dict[str, Any]]) -> list[str]:
    """The cells of one claim: the claim, its count, its worst figures, its bar, the test's file."""
    figures: dict[str, Any] = {}
    for record in records:
        for name, value in record["figures"].items():
            known = figures.get(name, value)
            figures[name] = value if isinstance(value, str) else max(known, value)
    bar = number(figures.pop("bar", ""))
    shown = ", ".join(
        f"{name.replace('_', ' ')} {number(value)}" for name, value in figures.items()
    )
    file = records[0]["test"].partition("::")[0]
    claim = records[0]["claim"]
    return [claim, f"{sum(record['count'] for record in records):,}", shown, bar, f"`{file}`"]


def page(content: dict[str, Any]) -> str:
    """The page of this content of proofs.json: a table for each run, and what the run was."""
    text = [HEAD]
    for name, run in content["runs"].items():
        versions = ", ".join(f"{key} {value}" for key, value in run["versions"].items())
        text += [f"## Commit {run['commit']}, {run['date']}", ""]
        ended = (
            f" {run['passed']:,} tests passed, {run['failed']} failed," if "passed" in run else ""
        )
        ended += f" {run['minutes']} minutes." if "minutes" in run else ""
        text += [f"{run['machine']}; {versions}.{ended}", ""]
        text += ["| claim | cases | worst figures | bar | test |", "|---|--:|---|---|---|"]
        claims: dict[str, list[dict[str, Any]]] = {}
        for record in content["proofs"]:
            if record["run"] == name:
                claims.setdefault(record["claim"], []).append(record)
        text += ["| " + " | ".join(joined(records)) + " |" for records in claims.values()]
        text += [""]
    return "\n".join(text)


if __name__ == "__main__":
    records = json.loads((DOCS / "proofs.json").read_text("utf-8"))
    (DOCS / "proofs.md").write_text(page(records), "utf-8")
