"""The step of gradient descent shows its numbers before and after, in every notation."""

from __future__ import annotations

import re

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation import NOTATIONS

WEIGHTS = np.array([[0.125, -0.25], [0.375, 0.5], [-0.625, 0.75]])
WHOLE = [name for name in NOTATIONS if name != "scalar"]


def derived(notation, sizes=(2, 3), **settings):
    network = cp.Network([*sizes], "sigmoid", bias="none")
    X, Y = np.array([[0.5, -1.0]]), np.array([[0.0, 1.0, 0.5]])
    return cp.derive(network, notation, {"W1": WEIGHTS}, X, Y, **settings)


def oriented(notation):
    return WEIGHTS.T if NOTATIONS[notation].name == "delta-rule" else WEIGHTS


def update(d):
    return next(s for s in d.steps if s.kind == "update" and not s.equations[0].layers).equations[0]


@pytest.mark.parametrize("notation", WHOLE)
def test_the_numbers_before_are_the_weights_and_those_after_are_less_the_gradient(notation):
    d = derived(notation, learning_rate=0.25)
    (_, rate), (_, before) = d.before(update(d))
    assert rate == 0.25
    assert np.array_equal(before, oriented(notation))
    gradient = d.network.gradient({"W1": WEIGHTS}, [[0.5, -1.0]], [[0.0, 1.0, 0.5]])["W1"]
    turned = gradient.T if notation == "delta-rule" else gradient
    assert np.allclose(d.value(update(d)), before - 0.25 * turned, rtol=1e-14)


@pytest.mark.parametrize("notation", WHOLE)
def test_every_page_has_both(notation):
    d = derived(notation)
    first = [f"{x:g}".replace("-", "−") for x in oriented(notation)[0]]
    text = d.text(width=100)
    body = text[text.index("Update by") :]
    assert re.search(r"\s+".join(first), body)
    rate = d.notation.symbols.get("learning_rate", "α")
    assert f" {rate} = 0.5\n" in body and body.count("= 0.5\n") == 1  # α is said once
    latex = d.to_latex()
    cells = " & ".join(f"{x:g}" for x in oriented(notation)[0])
    assert rf"= \begin{{pmatrix}} {cells} \\" in latex
    html = d.to_html()
    assert all(f"<mn>{x:g}</mn>" in html[html.rindex("Step of") :] for x in (0.125, 0.375, 0.75))
    data = [one for step in d.to_dict()["steps"] for one in step["equations"] if "before" in one]
    assert [one["before"] for one in data] == [oriented(notation).tolist()]


def test_a_number_alone_has_both_in_its_own_line_and_in_the_data():
    d = derived("scalar")
    text = d.text()
    assert "W11 ← W11 − η · ∂E/∂W11\n            = 0.125 − 0.5 · " in text
    assert "η = 0.5" not in text
    steps = d.to_dict()["steps"]
    before = [one["before"] for step in steps for one in step["equations"] if "before" in one]
    assert before == WEIGHTS.ravel().tolist()  # W11, W21: of the first unit, then of the second


def test_without_numbers_nothing_stands_before():
    network = cp.Network([2, 3], "sigmoid", bias="none")
    d = cp.derive(network, "matrix")
    assert not any(list(d.before(one)) for step in d.steps for one in step.equations)
    assert "before" not in str(d.to_dict())
