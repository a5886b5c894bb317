"""A derivation as data: every key of a step, each number by hand, numbers put in for quantities."""

from __future__ import annotations

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.derived import called
from clearprop.derivation.printers.layouts import TEXT
from clearprop.network import Network

# One unit: z = 0.5 · 2 + 0.25, C = ½ (1.25 − 1)², α = 0.5.
ONE = ({"W1": [[0.5]], "b1": [0.25]}, [[2.0]], [[1.0]])


def steps(notation, *numbers, network=None, **settings):
    found = cp.derive(network or Network("1-1"), notation, *(numbers or ONE), **settings).to_dict()
    return {step["id"]: step for step in found["steps"]}, found


def test_data_say_which_numbers_were_derived_with():
    d = cp.derive(cp.Network("1-1"), "scalar", weight="W11", learning_rate=0.25)
    assert d.to_dict()["numbers"] is None
    assert (d.to_dict()["weight"], d.to_dict()["learning_rate"]) == ("W11", 0.25)
    p, X, Y = cp.Network("1-1").initial(0), [[1.0], [2.0]], [[0.0], [1.0]]
    d = cp.derive(cp.Network("1-1"), "matrix", p, X, Y, row=2)
    d = d.seeded(3, "table_model", "t.csv", trained="adam")
    assert d.to_dict()["numbers"] == {
        "origin": "table_model", "seed": 3, "table": "t.csv", "rows": 2, "row": 2,
        "trained_by": "adam",
    }  # fmt: skip


def test_a_derivation_of_one_unit_as_data():
    found, whole = steps("matrix")
    assert {key: whole[key] for key in ("format", "version", "title", "notation", "language")} == {
        "format": "clearprop-derivation", "version": 1, "language": "en",
        "title": "Back-propagation of 1-1, derived", "notation": "matrix",
    }  # fmt: skip
    assert whole["network"] == "1-1" and whole["weight"] is None and whole["learning_rate"] == 0.5
    assert whole["numbers"] == {
        "origin": "given", "seed": None, "table": None, "rows": 1, "row": 1, "trained_by": None,
    }  # fmt: skip
    assert whole["verified"] is True and whole["unproved"] == [] and whole["columns"] == {}
    assert whole["max_error_trace"] == 0.0 and whole["max_error_differences"] < 1e-9
    keys = ("number", "kind", "title", "text", "value", "shape", "uses", "covers")
    rows = {
        id: tuple((step | step["equations"][0])[key] for key in keys if key != "number")
        for id, step in found.items()
    }
    assert rows == {
        "a1": ("forward", "The input is layer 1", "a⁽¹⁾ = x", [2.0], "(m, 1)", [], []),
        "z2": ("forward", "Input of layer 2", "z⁽²⁾ = W⁽¹⁾ a⁽¹⁾ + b⁽¹⁾", [1.25], "(m, 1)", ["a1"],
               []),
        "a2": ("forward", "Output of layer 2", "a⁽²⁾ = z⁽²⁾", [1.25], "(m, 1)", ["z2"], []),
        "J": ("cost", "Cost of one sample", "J = ½ ‖a⁽²⁾ − y‖²", 0.03125, "(m)", ["a2"], []),
        "delta2": ("backward", "δ of the output layer", "δ⁽²⁾ = a⁽²⁾ − y", [0.25], "(m, 1)",
                   ["z2", "a2"], []),
        "dJ/dW1": ("gradient", "Gradient of W⁽¹⁾", "∂J/∂W⁽¹⁾ = δ⁽²⁾ a⁽¹⁾ᵀ", [[0.5]], "(1, 1)",
                   ["delta2", "a1"], ["W1"]),
        "dJ/db1": ("gradient", "Gradient of b⁽¹⁾", "∂J/∂b⁽¹⁾ = δ⁽²⁾", [0.25], "(1)", ["delta2"],
                   ["b1"]),
        "W1:=": ("update", "Step of W⁽¹⁾", "W⁽¹⁾ ← W⁽¹⁾ − α ∂J/∂W⁽¹⁾", [[0.25]], "(1, 1)",
                 ["dJ/dW1"], []),
        "b1:=": ("update", "Step of b⁽¹⁾", "b⁽¹⁾ ← b⁽¹⁾ − α ∂J/∂b⁽¹⁾", [0.125], "(1)", ["dJ/db1"],
                 []),
    }  # fmt: skip
    assert [step["number"] for step in found.values()] == list(range(1, 10))
    assert all(step["layer"] is None and step["like"] == "" for step in found.values())
    assert all(step["marked"] == [] and step["equations"][0]["for"] == {}
               for step in found.values())  # fmt: skip


def test_in_scalars_the_gradient_at_the_output_is_a_step_and_no_input_is():
    found, _ = steps("scalar")
    assert {id: (step["equations"][0]["text"], step["equations"][0]["value"])
            for id, step in found.items()} == {
        "z2": ("Q1 = W11 · X1 + b⁽¹⁾₁", 1.25), "a2": ("O1 = Q1", 1.25),
        "J": ("E = ½ · (Y1 − O1)²", 0.03125), "Delta2": ("∂E/∂O1 = −(Y1 − O1)", 0.25),
        "delta2": ("∂E/∂Q1 = ∂E/∂O1", 0.25), "dJ/dW1": ("∂E/∂W11 = ∂E/∂Q1 · X1", 0.5),
        "dJ/db1": ("∂E/∂b⁽¹⁾₁ = ∂E/∂Q1", 0.25), "W1:=": ("W11 ← W11 − η · ∂E/∂W11", 0.25),
        "b1:=": ("b⁽¹⁾₁ ← b⁽¹⁾₁ − η · ∂E/∂b⁽¹⁾₁", 0.125),
    }  # fmt: skip


def test_the_step_of_a_weight_is_by_its_learning_rate():
    for rate, after in ((0.5, 0.25), (0.125, 0.4375)):
        found, _ = steps("matrix", learning_rate=rate)
        assert found["W1:="]["equations"][0]["value"] == [[after]]
    x = cp.Input(1)
    slow = Network(inputs=x, outputs=cp.Dense(1, lr_factor=0.25)(x))
    d = cp.derive(slow, "matrix", *ONE)
    assert d.verify().passed
    assert d.value(d.step("W1:=").equations[0]).tolist() == [[0.5 - 0.5 * 0.25 * 0.5]]


def test_an_equation_for_every_unit_has_the_numbers_of_all_and_says_where_letters_run():
    network = Network([2, 3, 2], "tanh")
    p, X, Y = random_numbers(network, 0, 2)
    found, _ = steps("index", p, X, Y, network=network, row=2)
    trace = network.trace(p, X, Y)
    z, gradient = found["z2"]["equations"][0], found["dJ/dW1"]["equations"][0]
    assert (z["for"], np.allclose(z["value"], trace["z2"][1], rtol=1e-14)) == ({"i": 3}, True)
    assert gradient["for"] == {"i": 3, "j": 2}
    assert np.allclose(gradient["value"], trace["dJ/dW1"], rtol=1e-12)
    for name in ("W1", "b1", "W2", "b2"):  # W₂₃ and W₃₂ are two places
        after = p[name] - 0.5 * trace[f"dJ/d{name}"]
        assert np.allclose(found[f"{name}:="]["equations"][0]["value"], after, rtol=1e-12)
    turned, _ = steps("delta-rule", p, X, Y, network=network, row=2)
    after = (p["W1"] - 0.5 * trace["dJ/dW1"]).T
    assert np.allclose(turned["W1:="]["equations"][0]["value"], after, rtol=1e-12)
    assert found["tanh"]["equations"][0]["value"] is None
    assert [found[id]["like"] for id in ("z2", "z3")] == ["z2[l]", "z2[l]"]
    assert [found[id]["layer"] for id in ("z2", "z3", "z2[l]")] == [1, 2, None]
    assert found["z2[l]"]["equations"][0]["for"] == {"l": [1, 2], "i": "Sₗ₊₁"}
    without = cp.derive(network, "index").to_dict()
    assert "verified" not in without
    assert all(e["value"] is None for step in without["steps"] for e in step["equations"])


def test_what_overflows_is_null_in_the_data_and_the_rest_is_there():
    network = Network("1-2", "exp", output="exp")
    numbers = {"W1": [[500.0], [0.0]], "b1": [0.0, 0.0]}, [[2.0]], [[1.0, 1.0]]
    found, _ = steps("matrix", *numbers, network=network)
    assert found["z2"]["equations"][0]["value"] == [1000.0, 0.0]
    assert found["a2"]["equations"][0]["value"] == [None, 1.0]
    assert found["J"]["equations"][0]["value"] is None


@pytest.mark.parametrize(
    ("notation", "id", "expected"),
    [
        ("scalar", "z2", "0.5 · 2 + 0.25"), ("scalar", "dJ/dW1", "0.25 · 2"),
        ("scalar", "Delta2", "−(1 − 1.25)"), ("scalar", "W1:=", "0.5 − 0.5 · 0.5"),
        ("scalar", "a2", None), ("scalar", "dJ/db1", None),  # a number alone says nothing more
    ],
)  # fmt: skip
def test_numbers_stand_in_for_quantities_where_that_says_more(notation, id, expected):
    d = cp.derive(Network("1-1"), notation, *ONE)
    found = d.substituted(d.step(id).equations[0])
    assert (None if found is None else d.printer(TEXT).render(found)) == expected
    assert cp.derive(Network("1-1"), notation).substituted(d.step(id).equations[0]) is None


def test_a_chain_is_called_by_its_sizes_and_any_other_graph_by_its_layers():
    k, x = cp.Input(levels=4), cp.Input(2)
    looked_up = Network(inputs=k, outputs=cp.Dense(2)(cp.Embedding(3)(k)))
    forked = Network(inputs=x, outputs=cp.Dense(1)(cp.concat(x, cp.Dense(2)(x))))
    one = Network(inputs=x, outputs=cp.Dense(1)(cp.concat(x, x)))
    assert [called(each, "en") for each in (Network("2-3-1"), looked_up, forked, one)] == [
        "2-3-1", "[4]-3-2", "a graph of 2 layers", "a graph of one layer"]  # fmt: skip
    assert [called(each, "zh") for each in (forked, one)] == ["2 层的计算图", "一层的计算图"]
    assert [cp.derive(each, language="zh").title for each in (forked, Network("2-3-1"))] == [
        "2 层的计算图的反向传播算法推导", "2-3-1 的反向传播算法推导"]  # fmt: skip
