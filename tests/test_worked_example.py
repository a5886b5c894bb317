"""S3's network, 2-3-2 with sigmoid and one bias a layer, worked by hand: every number, to 1e-12.

The left column of each comment is S3's own letter. Nothing here is computed by ClearProp: plain
Python numbers and `math.exp`, one line an equation. S3's cost is 1/N Σ (Y − O)² with N = 2 outputs,
which for two outputs is this project's ½ Σ (a − y)².
"""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from clearprop.backprop import plan, run
from clearprop.network import Network
from clearprop.optimizers import SGD

X1, X2 = 0.05, 0.10
Y1, Y2 = 0.01, 0.99
V11, V12, V13 = 0.15, 0.20, 0.25  # from input 1 to hidden 1, 2, 3
V21, V22, V23 = -0.30, 0.35, 0.40
W11, W12 = 0.45, -0.50  # from hidden 1 to output 1, 2
W21, W22 = 0.55, 0.60
W31, W32 = -0.65, 0.70
B1, B2 = 0.35, -0.60  # one bias a layer, shared by its units
ETA = 0.5

# (4) what arrives at the hidden units
H1 = V11 * X1 + V21 * X2 + B1
H2 = V12 * X1 + V22 * X2 + B1
H3 = V13 * X1 + V23 * X2 + B1
# (5) what leaves them
P1 = 1 / (1 + exp(-H1))
P2 = 1 / (1 + exp(-H2))
P3 = 1 / (1 + exp(-H3))
# (6), (7)
Q1 = W11 * P1 + W21 * P2 + W31 * P3 + B2
Q2 = W12 * P1 + W22 * P2 + W32 * P3 + B2
# (8), (9)
O1 = 1 / (1 + exp(-Q1))
O2 = 1 / (1 + exp(-Q2))
# (10)
E1 = 0.5 * (Y1 - O1) ** 2
E2 = 0.5 * (Y2 - O2) ** 2
E_TOTAL = E1 + E2

# (12), (13): ∂E/∂O and ∂O/∂Q; their product is δ of the outputs
DE_DO1 = -(Y1 - O1)
DE_DO2 = -(Y2 - O2)
DE_DQ1 = DE_DO1 * (O1 * (1 - O1))
DE_DQ2 = DE_DO2 * (O2 * (1 - O2))
# (11), (14): the six weights between hidden and output, of which S3 shows W11
DE_DW11, DE_DW12 = DE_DQ1 * P1, DE_DQ2 * P1
DE_DW21, DE_DW22 = DE_DQ1 * P2, DE_DQ2 * P2
DE_DW31, DE_DW32 = DE_DQ1 * P3, DE_DQ2 * P3
# (17) put right: what comes back to each hidden unit is the sum over both outputs
DE_DP1 = DE_DQ1 * W11 + DE_DQ2 * W12
DE_DP2 = DE_DQ1 * W21 + DE_DQ2 * W22
DE_DP3 = DE_DQ1 * W31 + DE_DQ2 * W32
DE_DH1 = DE_DP1 * (P1 * (1 - P1))
DE_DH2 = DE_DP2 * (P2 * (1 - P2))
DE_DH3 = DE_DP3 * (P3 * (1 - P3))
# (35) put right, and the five weights beside V11
DE_DV11, DE_DV12, DE_DV13 = DE_DH1 * X1, DE_DH2 * X1, DE_DH3 * X1
DE_DV21, DE_DV22, DE_DV23 = DE_DH1 * X2, DE_DH2 * X2, DE_DH3 * X2
# a bias shared by a layer gathers the δ of all its units
DE_DB1 = DE_DH1 + DE_DH2 + DE_DH3
DE_DB2 = DE_DQ1 + DE_DQ2
# and one step further than S3: what comes back to the inputs
DE_DX1 = DE_DH1 * V11 + DE_DH2 * V12 + DE_DH3 * V13
DE_DX2 = DE_DH1 * V21 + DE_DH2 * V22 + DE_DH3 * V23

EXPECTED = {
    "a1": [[X1, X2]],
    "y": [[Y1, Y2]],
    "w": [1.0],
    "W1": [[V11, V21], [V12, V22], [V13, V23]],
    "b1": B1,
    "W2": [[W11, W21, W31], [W12, W22, W32]],
    "b2": B2,
    "z2": [[H1, H2, H3]],
    "a2": [[P1, P2, P3]],
    "z3": [[Q1, Q2]],
    "a3": [[O1, O2]],
    "C": [E_TOTAL],
    "J": E_TOTAL,
    "Delta3": [[DE_DO1, DE_DO2]],
    "delta3": [[DE_DQ1, DE_DQ2]],
    "Delta2": [[DE_DP1, DE_DP2, DE_DP3]],
    "delta2": [[DE_DH1, DE_DH2, DE_DH3]],
    "Delta1": [[DE_DX1, DE_DX2]],
    "dJ/dW2": [[DE_DW11, DE_DW21, DE_DW31], [DE_DW12, DE_DW22, DE_DW32]],
    "dJ/db2": DE_DB2,
    "dJ/dW1": [[DE_DV11, DE_DV21], [DE_DV12, DE_DV22], [DE_DV13, DE_DV23]],
    "dJ/db1": DE_DB1,
}
"""Every quantity of one pass, by the plan's symbol; weights with the target's unit first."""


@pytest.fixture
def network():
    return Network("2-3-2", "sigmoid", output="sigmoid", cost="squared_error", bias="shared")


@pytest.fixture
def parameters():
    return {name: np.array(EXPECTED[name]) for name in ("W1", "b1", "W2", "b2")}


def test_every_number_of_the_worked_example(network, parameters):
    trace = network.trace(parameters, [[X1, X2]], [[Y1, Y2]])
    assert set(trace) == set(EXPECTED)
    for name, want in EXPECTED.items():
        assert trace[name].shape == np.shape(want), name
        assert np.abs(trace[name] - np.array(want)).max() <= 1e-12, name


def test_its_public_methods_give_the_same_numbers(network, parameters):
    X, Y = [[X1, X2]], [[Y1, Y2]]
    assert np.abs(network.forward(parameters, X) - [[O1, O2]]).max() <= 1e-12
    assert network.cost(parameters, X, Y) == pytest.approx(E_TOTAL, abs=1e-12)
    gradient = network.gradient(parameters, X, Y)
    for name in parameters:
        assert np.abs(gradient[name] - EXPECTED[f"dJ/d{name}"]).max() <= 1e-12


def test_both_updates_use_the_old_weights(network, parameters):
    # S3 (15) before (23), (24): the W11 that the gradient of V11 reads is the one before the step
    stepped = plan(network.graph, SGD(ETA))
    trace = run(stepped, parameters, {"X": [[X1, X2]]}, {"y": [[Y1, Y2]]}, slots={})
    after = {step.target.name: trace[step.target.name] for step in stepped.steps
             if step.kind == "update"}  # fmt: skip
    assert after["W2"][0, 0] == pytest.approx(W11 - ETA * DE_DW11, abs=1e-12)
    assert after["W1"][0, 0] == pytest.approx(V11 - ETA * DE_DV11, abs=1e-12)
    assert after["b1"] == pytest.approx(B1 - ETA * DE_DB1, abs=1e-12)
    assert after["b2"] == pytest.approx(B2 - ETA * DE_DB2, abs=1e-12)


def test_the_step_lowers_the_cost(network, parameters):
    X, Y = [[X1, X2]], [[Y1, Y2]]
    gradient = network.gradient(parameters, X, Y)
    stepped = {name: w - ETA * gradient[name] for name, w in parameters.items()}
    assert network.cost(stepped, X, Y) < E_TOTAL
