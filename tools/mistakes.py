"""Writes docs/mistakes.md, the catalogue of mistakes that a check can name, from its rows."""

from __future__ import annotations

from pathlib import Path

from clearprop.checking import CATALOGUE

FILE = Path(__file__).parents[1] / "docs" / "mistakes.md"

_HEAD = """# The mistakes a check can name

`cp.check_gradient` and `clearprop check` ask which of these rewritings of the plan, at which place,
gives the gradient in question to rounding; then which two of them. The ids are public and keep
their meaning. In the order in which they are preferred where two give the same numbers:

| id | what is wrong | how one comes to write it | what to change | seen in |
|---|---|---|---|---|
"""

_FOOT = """
Not among them, because no operation here has them: batch normalisation's statistics taken for
constants; clipping the error in place of the gradient; a product of matrices where an element-wise
one was meant; gradients of recurrent networks over time. NaN, changed inputs, randomness and shapes
are found before any comparison, and are reports of their own; weights that start alike are a note.
A gradient that was clipped or normalised has no name either: the report says what it looks like.
One that is right of a single sample and wrong of several (weights updated in the loop over them, a
sum that is not set to zero) is said to be so, from `clearprop check` or if a function is given.
"""


def page() -> str:
    """Return the page as it should stand in docs/."""
    rows = [
        f"| `{m.id}` | {m.title} | {m.why} | {m.change} | {'; '.join(m.sources)} |"
        for m in CATALOGUE.values()
    ]
    return _HEAD + "\n".join(row.replace("\n", " ") for row in rows) + "\n" + _FOOT


if __name__ == "__main__":
    FILE.write_text(page(), "utf-8")
