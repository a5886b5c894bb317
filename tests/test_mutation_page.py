"""The page about mutants says what docs/mutants.json holds, with the intervals of its shares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mutation_page import interval, page

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(
    ("killed", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_the_interval_is_wilsons(killed, of, low, high):
    # Newcombe 1998, Table I, method 3
    assert interval(killed, of) == pytest.approx((low, high), abs=5e-5)


def test_the_page_about_mutants_is_fresh():
    found = json.loads((DOCS / "mutants.json").read_text("utf-8"))
    assert (DOCS / "mutation.md").read_text("utf-8") == page(found)


def test_every_survivor_has_been_read():
    found = json.loads((DOCS / "mutants.json").read_text("utf-8"))["rooms"]
    lived = [one for room in found.values() for one in room["mutants"] if one["survived"]]
    assert all(bool(one.get("why")) != ("mended" in one or "gap" in one) for one in lived)


def test_a_mended_gap_counts_after_mending_alone():
    def one(survived, **more):
        return {"module": "m", "operator": "Op", "change": "-a\n+b", "survived": survived, **more}

    mutants = [one(False)] * 17 + [one(True, why="same"), one(True, mended="tests/t.py::t")]
    row = page({"rooms": {"plan": {"commit": "0123456789ab", "seed": 1, "of": 900,
                                   "mutants": mutants}}})  # fmt: skip
    assert "| plan | `0123456`, 1 | 900 | 19 | 17 | 1 | 94.4% | 74.2% to 99.0% | 100.0% |" in row
    assert "a gap, mended by `tests/t.py::t`." in row
