"""The page about mutants, docs/mutation.md, from what tools/mutation.py found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"

Z = 1.959963984540054
"""The standard normal distribution has 95 % within ± z."""

ABOUT = """\
# Do the tests see a changed formula?

A mutant is the program with one small change: a sign, a comparison, a number, a branch. The
operators are cosmic-ray's, all that need no configuration, fixed before. `make mutate` draws
mutants of operations, plan, derivation and printers, each change equally likely within its room,
and runs on each the tests of the room: those that call the changed functions, and all where none
does, the longest left out; those that need a browser or a TeX engine are not run. A test that fails
kills it. Annotations and docstrings are not changed.

**This is a sample.** *Killed* is the share killed by the tests as they were when the sample was
drawn, of the mutants that mean something else than the original; beside it the 95 % interval
(Wilson) of that share among all mutants of the room. Each survivor was then read: it is
equivalent, for the reason given below, or it shows a gap. *After mending* counts the gaps that a
test added since then kills too; that is no estimate, because the tests were written for them. The
bar is 95 %; a room whose interval ends below it was short of it when its sample was drawn.
Changes that Python does not take, or that fail when they are imported, count as killed.

The printers were drawn three times: of the first sample (seed 1) 51 of 73 were killed, 70 %; after
mending those gaps 26 of 32 of another (seed 2), 81 %; after tests of every piece, bracket, line and
page the third, below. It ended by the clock; the seven of it that are not imported left out, 79 of
79 were killed, and the interval begins at 95.4 %.

The derivation was drawn eight times: of the first sample (seed 1, at `5e96db7`) 62 of 71 were
killed, 87 %; after mending those gaps 58 of 65 of another (seed 2, at `24052b3`, 70 drawn until it
was ended), 89 %; after tests of every node, name, number and limit, in a room that had grown by a
fifth meanwhile, 90 of 96 of the third (seed 3, at `e18795d`), 94 %; after mending those too 90 of
93 of the fourth (seed 4, at `4f70590`), 97 %; after more changes 94 of 99 of the fifth (seed 5, at
`7a6b7ae`), 95 %. A sixth (seed 6, at `e2f1a27`) was broken off: three gaps of it are mended. Of the
seventh (seed 7, at `a623794`) 84 of 91 were killed, 92 %: three of its seven gaps stand in one
line, how a huge number of paths is said, which had a fault (its digits were cut off, not rounded),
and one in a line that nothing reaches, which is gone. All seven are mended; the eighth is below.
The last two together: 174 of 182, 95.6 %. What is left of a sample is shown to the long tests too,
those of the pages' freshness among them; a mutant of which one was said not to end was run again.
"""


def interval(killed: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson's score."""
    share, square = killed / of, Z * Z / of
    middle = share + square / 2
    half = Z * (share * (1 - share) / of + square / (4 * of)) ** 0.5
    return (middle - half) / (1 + square), (middle + half) / (1 + square)


def page(data: dict[str, Any]) -> str:
    """Return the page, in Markdown."""
    lines = [
        ABOUT,
        "| room | commit, seed | changes | drawn | killed | equivalent | killed of the others "
        "| 95 % interval | after mending |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, room in data["rooms"].items():
        mutants = room["mutants"]
        lived = [one for one in mutants if one["survived"]]
        same = sum("why" in one for one in lived)
        mended = sum("mended" in one for one in lived)
        killed, others = len(mutants) - len(lived), len(mutants) - same
        low, high = interval(killed, others)
        lines.append(
            f"| {name} | `{room['commit'][:7]}`, {room['seed']} | {room['of']:,} | {len(mutants)} "
            f"| {killed} | {same} | {killed / others:.1%} | {low:.1%} to {high:.1%} "
            f"| {(killed + mended) / others:.1%} |"
        )
    lines += ["", "## Survivors", ""]
    for name, room in data["rooms"].items():
        for one in room["mutants"]:
            if one["survived"]:
                lines += [f"- {name}, `{one['module']}`, {one['operator']}; {_verdict(one)}", "",
                          "  ```diff", *(f"  {line}" for line in one["change"].splitlines()),
                          "  ```"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _verdict(one: dict[str, Any]) -> str:
    if "why" in one:
        return f"equivalent: {one['why']}."
    about = f" ({one['gap']})" if "gap" in one else ""
    if "mended" in one:
        return f"a gap{about}, mended by `{one['mended']}`."
    return f"**open**{about}."


def main() -> None:
    data = json.loads((DOCS / "mutants.json").read_text("utf-8"))
    (DOCS / "mutation.md").write_text(page(data), "utf-8")


if __name__ == "__main__":
    main()
