"""The Rosetta table: f, f′, η, λ, where the mean stands and the step, as each text writes them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import NOTATIONS, Notation
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.rosetta.table import rosetta
from clearprop.words import width

S3 = cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared", l2=0.25)


def table(network=S3, more=(), language="en"):
    p, X, Y = data(network, 1)
    return rosetta(network, p, X, Y, language, more), network.trace(p, X, Y)


def rows(found):
    return {row["symbol"]: row for row in (*found.rows, *found.equations)}


def test_f_and_its_slope_stand_at_a_unit_in_every_notation_with_their_numbers():
    found, trace = table()
    z = trace["z2"][0, 0]
    f = 1 / (1 + np.exp(-z))
    of, slope = rows(found)["sigmoid(z2)"], rows(found)["sigmoid′(z2)"]
    assert list(of["names"].values()) == ["f(z⁽²⁾₁)", "σ(z²₁)", "f(u⁽²⁾₁)", "f(H1)", "g(z⁽²⁾₁)"]
    assert list(slope["names"].values()) == [
        "f′(z⁽²⁾₁)", "σ′(z²₁)", "f′(u⁽²⁾₁)", "f′(H1)", "g′(z⁽²⁾₁)"
    ]  # fmt: skip
    assert of["value"] == pytest.approx(f, rel=1e-12)
    assert slope["value"] == pytest.approx(f * (1 - f), rel=1e-12)


def test_rates_have_each_texts_letter_and_their_numbers():
    found = rows(table()[0])
    assert list(found["learning_rate"]["names"].values()) == ["α", "α", "η", "η", "α"]
    assert found["learning_rate"]["value"] == 0.5
    assert set(found["l2"]["names"].values()) == {"λ"}
    assert found["l2"]["value"] == 0.25


def test_the_mean_stands_where_each_text_writes_it():
    inside = Notation("inside", mean_at="delta", symbols={"Delta": ""})
    found = rows(table(cp.Network("2-3-2", "sigmoid", output="sigmoid"), [inside])[0])["mean"]
    assert found["names"] == {
        "matrix": "∂J/∂W⁽¹⁾₂₁ = (1/m) Σₛ₌₁ᵐ δ⁽²⁾ₛ₂ a⁽¹⁾ₛ₁  (at the gradient)",
        "graph": "Θ′¹₂₁ = (1/m) Σₛ₌₁ᵐ δ²ₛ₂ a¹ₛ₁  (at the gradient)",
        "delta-rule": "∂E/∂w⁽²⁾₁₂ = δ⁽²⁾₂ x⁽²⁾₁₂  (one sample)",
        "scalar": "∂E/∂V12 = ∂E/∂H2 · X1  (one sample)",
        "index": "∂J/∂w⁽¹⁾₂₁ = δ⁽²⁾₂ a⁽¹⁾₁  (one sample)",
        "inside": "δ⁽³⁾₁ = (1/m) (a⁽³⁾₁ − y₁) f′(z⁽³⁾₁)  (inside δ)",
    }


def test_the_step_is_written_in_every_notation_and_ends_where_gradient_descent_does():
    p, X, Y = data(S3, 1)
    found = rows(rosetta(S3, p, X, Y, "en"))["W1:="]
    assert found["names"]["matrix"] == "W⁽¹⁾₂₁ ← W⁽¹⁾₂₁ − α ∂J/∂W⁽¹⁾₂₁"
    assert found["names"]["scalar"] == "V12 ← V12 − η · ∂E/∂V12"
    assert found["names"]["graph"] == "Θ¹₂₁ ← Θ¹₂₁ − α Θ′¹₂₁"
    after = p["W1"][1, 0] - 0.5 * S3.gradient(p, X, Y)["W1"][1, 0]
    assert found["value"] == pytest.approx(after, rel=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_its_table_in_two_languages_within_80_columns(name):
    mine = Notation("mine", level="graph", bias_view="column", symbols={"W": "A", "delta": "ε"})
    network = NETWORKS[name]()
    for language in ("en", "zh"):
        found, trace = table(network, [mine], language)
        text = found.text()
        assert max(map(width, text.splitlines())) <= 80
        assert all(set(row["names"]) == {*NOTATIONS, "mine"} for row in found.rows)
    slopes = [row for row in found.rows if "′(" in row["symbol"]]
    assert slopes
    h = 1e-6
    for row in slopes:  # the number of f′ by the difference of f
        function, sym = re.match(r"(\w+)′\((\w+)\)", row["symbol"]).groups()
        x = float(trace[sym][0, 0])
        f = {"sigmoid": lambda t: 1 / (1 + np.exp(-t)), "tanh": np.tanh,
             "softplus": lambda t: np.log1p(np.exp(t)),
             "silu": lambda t: t / (1 + np.exp(-t))}.get(function)  # fmt: skip
        if f is not None:
            assert row["value"] == pytest.approx((f(x + h) - f(x - h)) / (2 * h), rel=1e-6)


def test_a_function_of_a_whole_layer_has_no_slope_row_and_the_identity_no_row():
    symbols = rows(table(NETWORKS["softmax"]())[0])
    assert "softmax(z3)" in symbols
    assert "softmax′(z3)" not in symbols
    symbols = rows(table(cp.Network("2-2-1", "tanh"))[0])
    assert [one for one in symbols if "z3" in one] == ["z3"]


def test_of_members_the_first_stands_with_its_weights_gradients_and_step():
    """K members' cost is the mean of theirs: by hand, member 1's gradient is 1/K of its own."""
    x = cp.Input(2)
    hidden = cp.Dense(3, "tanh", members=4)(x)
    net = cp.Network(inputs=x, outputs=cp.Dense(2, "tanh", members=4)(hidden))
    p, X, Y = data(net, 1)
    found = rosetta(net, p, X, Y, "en")
    (W1, W2), (b1, b2) = (p["W1"][0], p["W2"][0]), (p["b1"][0], p["b2"][0])
    P = np.tanh(W1 @ X[0] + b1)
    out = np.tanh(W2 @ P + b2)
    delta3 = (out - Y[0]) * (1 - out**2) / 4
    delta2 = (W2.T @ delta3) * (1 - P**2)
    value = {key: row["value"] for key, row in rows(found).items()}
    assert value["W2"] == W2[1, 0]
    assert value["a2"] == pytest.approx(P[0], rel=1e-12)
    assert value["delta2"] == pytest.approx(delta2[0], rel=1e-12)
    assert value["dJ/dW2"] == pytest.approx(delta3[1] * P[0], rel=1e-12)
    assert value["dJ/dW1"] == pytest.approx(delta2[1] * X[0, 0], rel=1e-12)
    assert value["W1:="] == pytest.approx(W1[1, 0] - 0.5 * delta2[1] * X[0, 0], rel=1e-12)
    assert "Numbers of member 1 of 4" in found.text()
    assert "Numbers of member" not in table()[0].text()


def test_a_model_s_own_parameters_stand_in_its_table_and_what_is_random_is_said(tmp_path, capsys):
    net = cp.Network([2, 3, 2], "tanh")
    model = cp.train(net, np.eye(2), np.eye(2), epochs=2)
    model.save(tmp_path / "m.clearprop")
    assert main(["notation", str(tmp_path / "m.clearprop"), "--json"]) == 0
    quantities = json.loads(capsys.readouterr().out)["quantities"]
    found = {one["symbol"]: one["value"] for one in quantities}
    assert found["W1"] == pytest.approx(float(model.parameters["W1"][1, 0]), rel=1e-7)
    assert found["b2"] == pytest.approx(float(model.parameters["b2"][0]), rel=1e-7)
    assert main(["notation", str(tmp_path / "m.clearprop")]) == 0
    assert "Parameters: the model's; inputs and targets: random, seed 0." in capsys.readouterr().out
    assert main(["notation", "--language", "zh"]) == 0
    assert "数值：随机产生，种子 0。" in capsys.readouterr().out


def test_a_table_s_entry_is_of_a_row_and_a_unit():
    k = cp.Input(levels=4)
    net = cp.Network(inputs=k, outputs=cp.Dense(1)(cp.Embedding(3)(k)))
    p, X, Y = random_numbers(net, 0, 1)
    found = rows(rosetta(net, p, X, Y, "en"))
    assert found["E1"]["quantity"] == "row 2 of a table, layer 1: unit 1"
    assert found["E1"]["value"] == p["E1"][1, 0]
    assert found["W2"]["quantity"] == "weight, layer 2: 1 → 1"


def test_the_command_prints_the_five_side_by_side_and_the_equations_below(capsys, tmp_path):
    assert main(["notation"]) == 0
    text = capsys.readouterr().out
    heads = [line for line in text.splitlines() if line.startswith("quantity")]
    assert len(heads) == 1
    assert all(name in heads[0] for name in NOTATIONS)
    assert "Where the mean over m samples stands" in text
    file = tmp_path / "mine.toml"
    file.write_text('level = "unit"\n[symbols]\nW = "M"\nf = "φ"\n', "utf-8")
    assert main(["notation", "--notation", str(file), "--language", "zh"]) == 0
    text = capsys.readouterr().out
    assert "φ′(z⁽²⁾₁)" in text
    assert "对 m 个样本的平均写在何处" in text
    assert main(["notation", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["symbol"] for one in found["equations"]] == ["mean", "W1:="]
