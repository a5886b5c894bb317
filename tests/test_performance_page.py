"""The page of performance says what the record says."""

from __future__ import annotations

import json
import re

import performance_page


def test_the_page_is_rendered_from_the_committed_record() -> None:
    record = json.loads(performance_page.RECORD.read_text("utf-8"))
    assert performance_page.PAGE.read_text("utf-8") == performance_page.page(record), (
        "docs/performance.md is stale: run tools/performance_page.py"
    )


def test_the_prose_types_no_figure() -> None:
    for text in (performance_page.WORKS, performance_page.TRIED):
        found = re.findall(r"\d+(?:\.\d+)?\s*(?:×|%|µs|ms|GFLOP|s\b)", text)
        assert not found


def test_every_peer_of_the_record_was_held_to_the_exact_step() -> None:
    record = json.loads(performance_page.RECORD.read_text("utf-8"))
    for net in record["nets"].values():
        for name, row in net["microseconds"].items():
            agreement = row["agreement"]
            if "not compared" in agreement:
                assert name.startswith("scikit-learn")
            elif row["precision"] == "float32":
                assert agreement["largest"] <= 1e-5, name
            else:
                assert agreement["same direction"] >= 0.95, name
