"""At a kink a derivation is verified at numbers beside it, on both sides, and says so."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import NOTATIONS
from clearprop.derivation.steps.equations import Equation
from clearprop.derivation.trees.tree import Minus

XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1], [1], [0]])


def xor(activation="relu", **settings):
    """Before training: biases of 0, so that the first row is at the kink."""
    network = cp.Network("2-3-1", activation, output="sigmoid", **settings)
    return network, network.initial(seed=0)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_relu_of_exclusive_or_before_training_verifies(notation):
    network, p = xor()
    assert (network.trace(p, *XOR)["z2"][0] == 0).all()
    for rows in (slice(None), slice(0, 1)):
        d = cp.derive(network, notation, p, XOR[0][rows], XOR[1][rows])
        found = d.verify()
        assert found.passed
        assert found.kinks and all(id.startswith(("dJ/db1", "dJ/dW1")) for id in found.kinks)
        assert found.max_error_differences < 1e-6
        assert found.to_dict()["at_a_kink"] == list(found.kinks)
        assert "at a kink of relu" in d.text()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "selu"])
def test_a_weight_of_it_verifies(activation):
    network, p = xor(activation)
    for weight in ("V11", "b1[2]"):
        d = cp.derive(network, "scalar", p, XOR[0][:1], XOR[1][:1], weight=weight)
        assert d.verify().passed
        jumps = activation != "elu"  # its slope is 1 on both sides
        assert bool(d.verify().kinks) == jumps


def test_a_cost_at_its_kink_verifies():
    network = cp.Network("2-3-1", "tanh", cost="quantile", quantile=0.8)
    p = network.initial(seed=0)
    d = cp.derive(network, "matrix", p, XOR[0], network.forward(p, XOR[0]))
    found = d.verify()
    assert found.passed and "dJ/db2" in found.kinks
    assert "at a kink of quantile" in d.text()
    assert d.verify(symbolic=True).passed
    one = cp.derive(network, "matrix", p, XOR[0][:1], network.forward(p, XOR[0][:1]))
    result = one.verify(symbolic=True)  # where SymPy takes the slope below the prediction
    assert result.passed and "kink" in one.why_skipped(result)
    assert "处于 quantile 的折点" in replace(d, language="zh").text()


@pytest.mark.parametrize("side", [0, 1])
def test_a_mistake_at_a_kink_is_seen(side):
    """Of a unit that is idle on one side, the other side shows it."""
    network, p = xor()
    p["W2"][...] = [[1.0, -1.0, 0.5]] if side else [[-1.0, 1.0, -0.5]]
    for unit in (1, 2, 3):
        d = cp.derive(network, "scalar", p, XOR[0][:1], XOR[1][:1], weight=f"b1[{unit}]")
        assert d.verify().passed
        steps = []
        for step in d.steps:
            if step.id == "dJ/db1":
                (one,) = step.equations
                wrong = Equation(one.left, tuple(map(Minus, one.members)))
                step = replace(step, equations=(wrong,))
            steps.append(step)
        assert not replace(d, steps=tuple(steps)).verify().passed


def test_away_from_kinks_nothing_is_said():
    network, p = xor()
    d = cp.derive(network, "matrix", p, XOR[0][1:], XOR[1][1:])
    assert d.verify().passed and d.verify().kinks == ()
    assert "kink" not in d.text()


def test_the_command_verifies_at_a_kink(tmp_path, capsys):
    network, _ = xor()
    table = tmp_path / "xor.csv"
    table.write_text(
        "a,b,y\n" + "\n".join(f"{r[0]},{r[1]},{y[0]}" for r, y in zip(*XOR, strict=True))
    )
    net = tmp_path / "net.json"
    net.write_text(network.to_json())
    code = main(["derive", str(net), "--data", str(table), "--target", "y", "--format", "json"])
    assert code == 0 and json.loads(capsys.readouterr().out)["verified"]
