"""What a notebook shows of what it is given: tables and framed pages, with every name escaped."""

from __future__ import annotations

import pickle
import re
import xml.etree.ElementTree as ET
from html import unescape
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.estimators.tabular_importance import Importances
from clearprop.estimators.tuning_found import Tuned
from clearprop.estimators.tuning_study import Trial
from clearprop.notebook import table
from clearprop.training import History

EVIL = "<script>alert('x')</script>"
CHAIN = cp.Network("2-3-2", "sigmoid")
BATCH = [[0.5, -1.0]], [[0.0, 1.0]]


def cells(page: str) -> list[list[str]]:
    """The text of each row; what is no well-formed page fails."""
    rows = ET.fromstring(page).iter("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def checked(of: float) -> Any:
    p = CHAIN.initial(seed=0)
    given = {name: of * g for name, g in CHAIN.gradient(p, *BATCH).items()}
    return cp.check_gradient(CHAIN, p, *BATCH, given)


def learned() -> cp.Model:
    rng = np.random.default_rng(0)
    rows = {EVIL: rng.normal(size=60), "b": rng.normal(size=60)}
    y = np.where(rows[EVIL] > 0, EVIL, "no")
    rows["y"] = y
    return cp.train_table(rows, "y", hidden=(3,), epochs=2, seed=0, validation=0.2)


def test_a_cell_is_escaped_and_a_number_is_one_for_people():
    shown = table(("<a>", "b"), [(EVIL, 0.123456), (None, float("nan")), (True, 2**60)])
    assert "<script" not in shown
    assert cells(shown) == [
        ["<a>", "b"], [EVIL, "0.1235"], ["", ""], ["True", "1152921504606846976"]]  # fmt: skip


def test_a_long_table_shows_its_ends_and_says_how_many_are_between():
    assert len(cells(table(("x",), [[i] for i in range(20)]))) == 21
    found = cells(table(("x",), [[i] for i in range(1000)]))
    assert [one[0] for one in found] == [
        "x", *map(str, range(8)), "⋮ 984 more", *map(str, range(992, 1000))]  # fmt: skip


def test_a_network_shows_its_layers_and_what_holds_for_the_whole():
    found = cells(cp.Network([2, 3, 1], "tanh", l2=0.1)._repr_html_())
    assert found[0] == ["value", "operation", "from", "shape", "parameters"]
    assert found[2] == ["z2", "affine", "a1", "(m, 3)", "W1 3×2, b1 3"]
    assert found[-3:] == [
        ["cost: squared_error of a3"],
        ["penalty: λ/2 Σ W², λ = 0.1"],
        ["parameters: 13"],
    ]


def test_a_trace_shows_every_quantity_with_its_shape_and_range():
    found = cells(CHAIN.trace(CHAIN.initial(seed=0), *BATCH)._repr_html_())
    assert ["a1", "1 × 2", "-1", "0.5"] in found


def test_a_history_shows_the_columns_that_say_something():
    history = History()
    history.append(epoch=1, steps=10, cost=0.5)
    history.append(epoch=2, steps=20, cost=0.25)
    assert cells(history._repr_html_()) == [
        ["epoch", "steps", "cost"], ["1", "10", "0.5"], ["2", "20", "0.25"]]  # fmt: skip
    assert cells(History()._repr_html_()) == []


def test_a_model_shows_what_it_predicts_from_which_columns_and_how_well():
    model = learned()
    page = model._repr_html_()
    assert "<script" not in page
    found = cells(page)
    assert ["predicts y", f"{EVIL}, no"] in found
    assert [EVIL, "number", "numbers"] in found
    accuracy = model.provenance["figures"]["validation"]["accuracy"]
    assert ["accuracy", f"{accuracy:.4g}"] in found


def test_importances_are_a_table_with_the_largest_first():
    found = Importances(("b", EVIL), np.array([0.01, 0.2]), np.array([0.02, 0.05]), "auc")
    page = found._repr_html_()
    assert "<script" not in page
    assert cells(page)[1:] == [[EVIL, "0.2", "0.05"], ["b", "0.01", "0.02"]]


def test_a_search_shows_the_best_parameters_and_the_trials():
    trials = (
        Trial(1, "complete", 0.5, {"rate": 0.1, "decay": 0.0}, seconds=1.5),
        Trial(2, "failed", float("nan"), {"rate": EVIL, "decay": 0.0}, why=EVIL),
    )
    found = Tuned(None, {"rate": 0.1}, 0.5, "rmse", trials, False, None)
    page = found._repr_html_()
    assert "<script" not in page
    assert cells(page) == [
        ["rate", "0.1"],
        ["number", "state", "score", "seconds", "why", "rate", "decay"],
        ["1", "complete", "0.5", "1.5", "", "0.1", "0"],
        ["2", "failed", "", "0", EVIL, EVIL, "0"],
    ]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda: cp.derive(CHAIN), "<Derivation of 2-3-2, matrix, 23 steps>"),
        (
            lambda: cp.derive(CHAIN, "scalar", weight="V11"),
            "<Derivation of V11 in 2-3-2, scalar, 35 steps>",
        ),
        (lambda: checked(1.0), "<GradientCheck: right, 4 parameters>"),
        (lambda: checked(-1.0), "<GradientCheck: wrong at W2: sign-of-delta>"),
    ],
)
def test_a_page_stands_in_a_frame_of_its_own_and_its_repr_is_a_line(made, told):
    one = made()
    assert repr(one) == told
    frame = one._repr_html_()
    page = unescape(re.search('srcdoc="([^"]*)"', frame)[1])
    assert page.replace('<base href="about:srcdoc">', "", 1) == one.to_html()
    assert frame.count("<") == 2  # nothing of the page stands outside


def test_what_is_shown_is_pickled_and_compared_as_before():
    check = checked(1.0)
    again = pickle.loads(pickle.dumps(check))
    assert again == check
    assert repr(again) == repr(check)
