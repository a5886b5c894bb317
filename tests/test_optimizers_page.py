"""The page of optimizers is fresh, and says what its record says."""

from __future__ import annotations

import copy
import json
import re

import optimizer_page

from clearprop.optimizers import OPTIMIZERS

RECORD = json.loads(optimizer_page.RECORD.read_text("utf-8"))


def test_the_page_is_fresh_and_has_every_optimizer() -> None:
    text = optimizer_page.PAGE.read_text("utf-8")
    assert text == optimizer_page.page(RECORD), "run tools/optimizer_page.py"
    for name, row in OPTIMIZERS.items():
        assert len(re.findall(rf"^\| `{name}` \|", text, re.M)) == 2, name  # the row, its figures
        assert f"`cp.{row.__name__}`" in text


def test_figures_and_a_loaded_machine_are_told_as_recorded() -> None:
    record = copy.deepcopy(RECORD)
    record["rules"]["lm"] |= {"early": 0.0123, "end": 4.5e-7, "worst": 0.67, "seconds": 89.0}
    record["run"]["load"] = 0.1
    told = optimizer_page.page(record)
    assert "| `lm` | – | 0.012 | 4.5e-07 | 0.67 | 89 | float64 |" in told
    assert "read the seconds as ratios" not in told
    record["run"]["load"] = 3.0
    assert "3.0 programs wanted each core" in optimizer_page.page(record)


def test_no_claim_of_the_page_is_against_its_figures() -> None:
    # "nothing else reaches the last digits": on the regression by a factor of ten
    ends = {name: found["end"] for name, found in RECORD["rules"].items()}
    assert ends["lm"] < 0.1 * min(end for name, end in ends.items() if name != "lm")
