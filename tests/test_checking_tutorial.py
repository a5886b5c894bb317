"""The tutorial's commands print what it shows."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def without_rounding(text):
    """What is of the size of rounding differs from machine to machine."""
    return re.sub(r"\b\d(\.\d+)?e-1\d\b", "1e-16", text)


@pytest.fixture
def tutorial(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    return importlib.import_module("tutorial")


def test_the_tutorials_output_is_todays(tutorial):
    for page in tutorial.PAGES:
        text = page.read_text("utf-8")
        shown, now = (without_rounding(one) for one in (text, tutorial.fresh(text)))
        assert now == shown, "run tools/tutorial.py"


def test_the_tutorial_goes_from_named_mistakes_to_a_right_gradient(tutorial):
    text = tutorial.PAGES[0].read_text("utf-8")
    order = [text.index(words) for words in (
        "f′ is missing: layer 2", "right:   δ⁽²⁾ = (W⁽²⁾ᵀ δ⁽³⁾) ⊙ f′(z⁽²⁾)",
        "f′ is taken of a, not of z: layer 2", "The gradient is right.",
        "right:   ∂E/∂H1 = ∂E/∂P1 · f′(H1)", "mean-missing + derivative-missing")]  # fmt: skip
    assert order == sorted(order)
