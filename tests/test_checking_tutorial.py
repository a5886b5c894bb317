"""The commands of the tutorial and of the README print what these show."""

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


@pytest.mark.parametrize("place", [0, 1], ids=["tutorial", "README"])
def test_what_the_pages_show_is_todays_output(tutorial, place):
    page, heading = tutorial.PAGES[place]
    text = page.read_text("utf-8")
    shown, now = (without_rounding(one) for one in (text, tutorial.fresh(text, heading)))
    assert now == shown, "run tools/tutorial.py"


def test_the_readme_goes_from_a_named_mistake_to_a_pass(tutorial):
    page, heading = tutorial.PAGES[1]
    part = page.read_text("utf-8").partition(heading)[2].partition("\n## ")[0]
    order = [part.index(words) for words in (
        "--template numpy", "delta2 = da2\n", "it starts at W1, W⁽¹⁾ (layer 2)",
        "f′ is missing: layer 2", "right:   δ⁽²⁾ = (W⁽²⁾ᵀ δ⁽³⁾) ⊙ f′(z⁽²⁾)",
        "delta2 = da2 * sigmoid_prime(z2)", "The gradient is right.")]  # fmt: skip
    assert order == sorted(order)


def test_a_page_may_leave_lines_out(tutorial):
    printed = "one\ntwo\nthree\nfour\n"
    assert tutorial._cut(printed, ["one", "…", "four"]) == "one\n…\nfour\n"
    assert tutorial._cut(printed, ["one", "…"]) == "one\n…\n"
    assert tutorial._cut(printed, ["one"]) == printed
    assert "two" in tutorial._cut(printed, ["one", "…", "gone"])


def test_the_tutorial_goes_from_named_mistakes_to_a_right_gradient(tutorial):
    text = tutorial.PAGES[0][0].read_text("utf-8")
    order = [text.index(words) for words in (
        "f′ is missing: layer 2", "right:   δ⁽²⁾ = (W⁽²⁾ᵀ δ⁽³⁾) ⊙ f′(z⁽²⁾)",
        "f′ is taken of a, not of z: layer 2", "The gradient is right.",
        "mean-missing + derivative-missing", "right:   ∂E/∂H1 = ∂E/∂P1 · f′(H1)")]  # fmt: skip
    assert order == sorted(order)
