"""The times on the estimators' page are those of the record, and its words fit them."""

from __future__ import annotations

import copy
import json

import estimators_page

RECORD = json.loads(estimators_page.RECORD.read_text("utf-8"))
FITS = [row for row in RECORD["results"] if row["what"] == "fit" and row["defaults"]]


def test_the_times_are_fresh() -> None:
    text = estimators_page.PAGE.read_text("utf-8")
    assert text == estimators_page.page(text, RECORD), "run tools/estimators_page.py"


def told_with(ratio: float, *slow: int) -> str:
    """The section if everything were so many times faster, and the rows of these places 0.8."""
    record = copy.deepcopy(RECORD)
    places = {place % len(record["results"]) for place in slow}
    for place, row in enumerate(record["results"]):
        for clock in ("seconds", "processor seconds"):
            row[clock]["times faster"] = 0.8 if place in places else ratio
    return estimators_page.section(record)


def test_what_is_missed_and_what_is_slower_is_told() -> None:
    told = told_with(10.5)
    assert "geometric mean is 10.5×, the least 10.5×. The goal, 10×, is reached" in told
    assert "None of these" in told
    told = told_with(10.5, 0, -1)  # a fit at the defaults, and something else
    assert f"1 of {len(FITS)} are below it" in told
    assert "\n1 of these" in told


def test_a_loaded_machine_is_told() -> None:
    for load, told in ((0.1, False), (3.0, True)):
        text = estimators_page.section({**RECORD, "run": {**RECORD["run"], "load": load}})
        assert ("The machine was not quiet" in text) == told


def test_operations_are_those_of_the_three_passes_of_products() -> None:
    row = next(row for row in FITS if row["case"] == "MLPClassifier 1000 × 30")
    # of 200 rows: 30·100 forward and for the gradient, 100·3 forward, backward and for the gradient
    assert row["FLOP a step"] == 2 * 200 * (2 * 30 * 100 + 3 * 100 * 3)
    assert row["steps"] == 500
