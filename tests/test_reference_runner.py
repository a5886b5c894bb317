"""The reference's steps are the optimizers' equations, computed here by hand in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest

import clearprop as cp
from clearprop.engine import Data, Report, State, Window, open_native, open_reference
from clearprop.errors import NativeError, SettingError
from clearprop.graph import Dense, Input
from clearprop.optimizers import Optimizer, optimizer


def window(batches: list[np.ndarray], rates: list[float]) -> Window:
    borders = np.cumsum([0, *map(len, batches)])
    return Window(np.concatenate(batches), borders, np.array(rates))


def linear(rng: np.random.Generator, l2: float = 0.0) -> tuple[cp.Network, np.ndarray, np.ndarray]:
    net = cp.Network([3, 2], output="identity", l2=l2)
    return net, rng.normal(size=(40, 3)), rng.normal(size=(40, 2))


def start(net: cp.Network, rule: Optimizer, seed: int = 0) -> State:
    return State.initial(net.initial(seed).flat, rule, seed, "float64", "reference")


def by_hand(
    rule: Optimizer,
    W: np.ndarray,
    b: np.ndarray,
    X: np.ndarray,
    Y: np.ndarray,
    w: np.ndarray,
    batches: list[np.ndarray],
    rates: list[float],
    l2: float,
    clip: float,
) -> tuple[np.ndarray, np.ndarray, list[float], list[float]]:
    """A plain loop for z = x Wᵀ + b, ½‖z − y‖²: written without the package."""
    s = rule.settings
    slots = {name: [np.zeros_like(W), np.zeros_like(b)] for name in ("u", "m", "v")}
    costs, norms = [], []
    for t, (rows, rate) in enumerate(zip(batches, rates, strict=True), 1):
        share = (w[rows] / w[rows].sum())[:, None]
        e = X[rows] @ W.T + b - Y[rows]
        costs.append(float((share * e**2).sum() / 2 + l2 / 2 * (W**2).sum()))
        g = [(share * e).T @ X[rows] + l2 * W, (share * e).sum(0)]
        norms.append(math.sqrt(sum((one**2).sum() for one in g)))
        g = [one * min(1.0, clip / norms[-1]) for one in g]
        new = []
        for i, p in enumerate((W, b)):
            u, m, v = (slots[name][i] for name in ("u", "m", "v"))
            match rule.name:
                case "sgd":
                    step = g[i]
                case "momentum":
                    u = s["momentum"] * u + g[i]
                    step = u
                case "nesterov":
                    u = s["momentum"] * u + g[i]
                    step = g[i] + s["momentum"] * u
                case "rmsprop":
                    v = s["rho"] * v + (1 - s["rho"]) * g[i] ** 2
                    step = g[i] / (np.sqrt(v) + s["epsilon"])
                case _:
                    m = s["beta1"] * m + (1 - s["beta1"]) * g[i]
                    v = s["beta2"] * v + (1 - s["beta2"]) * g[i] ** 2
                    m_hat, v_hat = m / (1 - s["beta1"] ** t), v / (1 - s["beta2"] ** t)
                    step = m_hat / (np.sqrt(v_hat) + s["epsilon"])
                    if rule.name == "adamw" and i == 0:
                        step = step + s["weight_decay"] * W
            slots["u"][i], slots["m"][i], slots["v"][i] = u, m, v
            new.append(p - rate * step)
        W, b = new
    return W, b, costs, norms


@pytest.mark.parametrize("clip", [1e9, 0.4])
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
def test_a_run_is_the_loop_by_hand(name: str, clip: float, rng: np.random.Generator) -> None:
    net, X, Y = linear(rng, l2=0.1)
    w = rng.uniform(0.1, 2, size=40)
    rule = optimizer(name)
    state = start(net, rule)
    p = net.initial(0)
    batches = [rng.integers(0, 40, size=size) for size in (7, 1, 12, 5, 9, 30)]
    rates = [0.05, 0.04, 0.03, 0.05, 0.01, 0.02]
    W, b, costs, norms = by_hand(
        rule, p["W1"].copy(), p["b1"].copy(), X, Y, w, batches, rates, 0.1, clip
    )
    runner = open_reference(net.graph, rule, Data({"X": X}, {"y": Y}, w), clip=clip)
    report = runner.run(state, window(batches, rates))
    found = cp.Parameters(net.graph, state.parameters)
    assert (report.done, report.why, state.step) == (6, "done", 6)
    np.testing.assert_allclose(found["W1"], W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["b1"], b, rtol=0, atol=1e-12)
    np.testing.assert_allclose(report.costs, costs, rtol=1e-12)
    np.testing.assert_allclose(report.norms, norms, rtol=1e-12)


def test_full_batch_descent_on_a_quadratic_is_the_closed_form(rng: np.random.Generator) -> None:
    # J = ½ w² x̄² with y = 0, so w_t = (1 − α x̄²)ᵗ w_0, where x̄² is the mean of x².
    x = rng.normal(size=(25, 1))
    net = cp.Network([1, 1], output="identity", bias="none")
    rule = cp.SGD(0.2)
    state = start(net, rule)
    w0 = state.parameters.copy()
    runner = open_reference(net.graph, rule, Data({"X": x}, {"y": np.zeros((25, 1))}))
    report = runner.run(state, window([np.arange(25)] * 30, [0.2] * 30))
    curve = float((x**2).mean())
    np.testing.assert_allclose(state.parameters, (1 - 0.2 * curve) ** 30 * w0, rtol=1e-12)
    decay = (1 - 0.2 * curve) ** (2 * np.arange(30))
    np.testing.assert_allclose(report.costs, w0**2 * curve / 2 * decay, rtol=1e-12)


def test_a_batch_of_zero_weight_changes_two_counts_and_nothing_else(
    rng: np.random.Generator,
) -> None:
    net, X, Y = linear(rng)
    w = np.r_[np.zeros(20), np.ones(20)]
    rule = cp.Adam(0.1)
    state = start(net, rule)
    before = state.copy()
    runner = open_reference(net.graph, rule, Data({"X": X}, {"y": Y}, w))
    report = runner.run(state, window([np.arange(5)], [0.1]))
    assert np.isnan(report.costs).tolist() == [True]
    assert (report.why, state.step, state.skipped) == ("done", 1, 1)
    assert (state.parameters == before.parameters).all()
    assert all((state.slots[name] == 0).all() for name in rule.slots)


def test_a_cost_that_is_not_finite_ends_the_window_without_its_update(
    rng: np.random.Generator,
) -> None:
    net, X, Y = linear(rng)
    rule = cp.SGD(1.0)
    state = start(net, rule)
    X[3] = 1e200
    before = state.parameters.copy()
    runner = open_reference(net.graph, rule, Data({"X": X}, {"y": Y}))
    report = runner.run(state, window([np.array([3, 4]), np.array([5])], [1.0, 1.0]))
    assert (report.done, report.why, state.step) == (1, "diverged", 1)
    assert np.isinf(report.costs[0])
    assert (state.parameters == before).all()


def test_stop_and_interrupt_end_a_window_between_steps(rng: np.random.Generator) -> None:
    net, X, Y = linear(rng)
    rule = cp.SGD(0.1)
    state = start(net, rule)
    runner = open_reference(net.graph, rule, Data({"X": X}, {"y": Y}))
    all_rows = window([np.arange(40)] * 5, [0.1] * 5)
    report: Report = runner.run(state, all_rows, lambda: state.step == 3)
    assert (report.done, report.why, state.step) == (3, "stopped", 3)
    runner.interrupt()
    assert runner.run(state, all_rows).done == 0
    assert runner.run(state, all_rows).done == 5


def test_dropout_is_drawn_by_seed_and_step(rng: np.random.Generator) -> None:
    net = cp.Network([3, 50, 2], "tanh", dropout=0.5)
    X, Y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    rule = cp.SGD(1e-300)  # so that only dropout changes the cost
    data = Data({"X": X}, {"y": Y})

    def costs(seed: int) -> list[float]:
        state = State.initial(net.initial(0).flat, rule, seed, "float64", "reference")
        steps = window([np.arange(8)] * 3, [1e-300] * 3)
        return open_reference(net.graph, rule, data).run(state, steps).costs.tolist()

    assert costs(1) == costs(1)
    assert len({*costs(1), *costs(2)}) == 6


def test_evaluation_is_the_exact_cost_in_blocks_of_rows(rng: np.random.Generator) -> None:
    net = cp.Network([3, 5, 2], "tanh", l2=0.01, dropout=0.3)
    X, Y = rng.normal(size=(2500, 3)), rng.normal(size=(2500, 2))
    w = rng.uniform(size=2500)
    w[:1024] = 0  # a whole block that does not count
    p = net.initial(0)
    runner = open_reference(net.graph, cp.SGD(), Data({"X": X}, {"y": Y}, w))
    found = runner.evaluate(p.flat, Data({"X": X}, {"y": Y}, w))
    assert found == pytest.approx(net.cost(p, X, Y, w), rel=1e-13)
    (out,) = runner.forward(p.flat, {"X": X}).values()
    np.testing.assert_allclose(out, net.forward(p, X), rtol=1e-14)


def test_the_outputs_of_members_are_those_of_the_native_engine_and_average_to_the_forward_pass(
    rng: np.random.Generator,
) -> None:
    given = Input(3)
    net = cp.Network(inputs=[given], outputs=Dense(2, "tanh", members=3)(given))
    key, name = net.graph.inputs[0].key, net.graph.outputs[0]
    flat, X = rng.normal(size=net.graph.size), rng.normal(size=(2500, 3))
    empty = Data({key: np.zeros((0, 3))}, {})
    runner = open_reference(net.graph, optimizer("sgd"), empty)
    each = runner.member_outputs(flat, {key: X})[name]
    assert each.shape == (3, 2500, 2)
    native = open_native(net.graph, None, empty, precision="float64")
    np.testing.assert_allclose(each, native.member_outputs(flat, {key: X})[name], atol=1e-14)
    np.testing.assert_allclose(
        each.mean(axis=0), runner.forward(flat, {key: X})[name], rtol=1e-12, atol=1e-15
    )


def test_the_reference_refuses_what_it_does_not_do(rng: np.random.Generator) -> None:
    net, X, Y = linear(rng)
    data = Data({"X": X}, {"y": Y})
    with pytest.raises(SettingError, match="float64 only, got precision='float32'"):
        open_reference(net.graph, cp.SGD(), data, precision="float32")
    runner = open_reference(net.graph, cp.SGD(), data)
    runner.close()
    with pytest.raises(NativeError, match="closed"):
        runner.evaluate(net.initial(0).flat, data)
    weightless = Data({"X": X}, {"y": Y}, np.zeros(40))
    with pytest.raises(SettingError, match="sum to 0"):
        open_reference(net.graph, cp.SGD(), data).evaluate(net.initial(0).flat, weightless)
