"""Optimizers: equation, kernel text and the paper's own steps are one thing, and they optimise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import clearprop as cp
from clearprop.backprop import plan, run
from clearprop.errors import SettingError
from clearprop.expressions import Sym, Type, evaluate
from clearprop.network import Network
from clearprop.optimizers import NATIVE, AdamW, optimizer
from clearprop.optimizers.rule import correction

W, G = Sym("W1", Type((6,))), Sym("g", Type((6,)))

SETTINGS = {
    "sgd": {},
    "momentum": {"momentum": 0.8},
    "nesterov": {"momentum": 0.7},
    "rmsprop": {"rho": 0.8, "epsilon": 1e-3},
    "adam": {"beta1": 0.7, "beta2": 0.95, "epsilon": 1e-4},
    "adamw": {"beta1": 0.7, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.2},
    "rprop": {"grow": 1.5, "shrink": 0.4, "smallest": 0.9, "largest": 1.4},
    "lion": {"beta1": 0.7, "beta2": 0.95, "weight_decay": 0.2},
    "schedule_free": {"beta1": 0.7, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.2,
                      "warmup": 3},
}  # fmt: skip


# The updates once more, by hand from the papers: state in a dict, one function a row.
def by_hand(name, w, g, state, t, rate, decay, s):
    if name == "sgd":
        return w - rate * g
    if name == "momentum":
        state["u"] = s["momentum"] * state.get("u", 0.0) + g
        return w - rate * state["u"]
    if name == "nesterov":
        # the look-ahead form: v ← μ v − α ∇f(θ + μ v), with w = θ + μ v (Sutskever et al. 2013)
        v = state.get("v", 0.0)
        theta = w - s["momentum"] * v
        state["v"] = s["momentum"] * v - rate * g
        return theta + state["v"] + s["momentum"] * state["v"]
    if name == "rprop":
        # Igel & Hüsken 2003, iRprop-: steps Δ in the units of w
        size, last = state.get("size", np.full_like(w, rate)), state.get("last", np.zeros_like(w))
        low, high = s["smallest"] * rate, s["largest"] * rate
        same, turned = g * last > 0, g * last < 0
        size = np.where(same, np.minimum(size * s["grow"], high), size)
        size = np.where(turned, np.maximum(size * s["shrink"], low), size)
        g = np.where(turned, 0.0, g)
        state["size"], state["last"] = size, g
        return w - np.sign(g) * size
    if name == "lion":
        m = state.get("m", np.zeros_like(w))
        way = np.sign(s["beta1"] * m + (1 - s["beta1"]) * g)
        state["m"] = s["beta2"] * m + (1 - s["beta2"]) * g
        return w - rate * (way + decay * w)
    if name == "schedule_free":
        # the paper's three sequences; w is y, where gradients are taken
        z, x = state.get("z", w), state.get("x", w)
        state["v"] = s["beta2"] * state.get("v", 0.0) + (1 - s["beta2"]) * g**2
        gamma = rate * min(1.0, t / s["warmup"])
        step = g / (np.sqrt(state["v"] / (1 - s["beta2"] ** t)) + s["epsilon"]) + decay * w
        state["squares"] = state.get("squares", 0.0) + gamma**2
        c = gamma**2 / state["squares"] if gamma else 1.0
        state["z"] = z - gamma * step
        state["x"] = (1 - c) * x + c * state["z"]
        return (1 - s["beta1"]) * state["z"] + s["beta1"] * state["x"]
    if name == "rmsprop":
        state["v"] = s["rho"] * state.get("v", 0.0) + (1 - s["rho"]) * g**2
        return w - rate * g / (np.sqrt(state["v"]) + s["epsilon"])
    state["m"] = s["beta1"] * state.get("m", 0.0) + (1 - s["beta1"]) * g
    state["v"] = s["beta2"] * state.get("v", 0.0) + (1 - s["beta2"]) * g**2
    m_hat = state["m"] / (1 - s["beta1"] ** t)
    v_hat = state["v"] / (1 - s["beta2"] ** t)
    shrunk = w - rate * decay * w if name == "adamw" else w
    return shrunk - rate * m_hat / (np.sqrt(v_hat) + s["epsilon"])


def by_expressions(rule, w, g, slots, t, alpha, lr_factor, decay_factor):
    values = {"W1": w, "g": g, "learning_rate": np.asarray(alpha), "t": np.asarray(float(t))}
    values |= {f"{name}.W1": array for name, array in slots.items()}
    for target, expr in rule.updates(W, G, lr_factor, decay_factor):
        values[target.name] = np.broadcast_to(evaluate(expr, values), (6,))
    return values["W1"], {name: values[f"{name}.W1"] for name in slots}


def by_kernel(rule, w, g, slots, t, alpha, lr_factor, decay_factor):
    names = dict(rule.settings) | {n: float(x) for n, x in rule.per_step(np.asarray(t)).items()}
    names |= {"w": w, "g": g, **slots, "sqrt": np.sqrt, "select": np.where}
    names |= {"fmin": np.minimum, "fmax": np.maximum}
    names |= {"rate": alpha * lr_factor, "decay": rule.weight_decay * decay_factor}
    for target, text in rule.kernel:
        names[target] = eval(text, {"__builtins__": {}}, names)
    return names["w"], {name: names[name] for name in slots}


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize(("lr_factor", "decay_factor"), [(1.0, 1.0), (6.0, 0.0), (0.0, 0.5)])
def test_equation_kernel_and_paper_agree_step_by_step(name, lr_factor, decay_factor, rng):
    rule = optimizer(name, learning_rate=0.05, **SETTINGS[name])
    w = rng.normal(size=6)
    states = {kind: (w, {slot: np.zeros(6) for slot in rule.slots}) for kind in ("tree", "kernel")}
    paper, memory = w, {}
    decay = SETTINGS[name].get("weight_decay", 0.0) * decay_factor
    for t in range(1, 6):
        g, alpha = rng.normal(size=6), 0.05 / t  # a schedule
        if name in ("nesterov", "rprop", "schedule_free"):
            alpha = 0.05  # the papers' own forms are the same for a constant rate
        paper = by_hand(name, paper, g, memory, t, alpha * lr_factor, decay, rule.settings)
        for kind, step in (("tree", by_expressions), ("kernel", by_kernel)):
            w_now, slots = states[kind]
            states[kind] = step(rule, w_now, g, slots, t, alpha, lr_factor, decay_factor)
            assert np.allclose(states[kind][0], paper, rtol=1e-13, atol=1e-15), (kind, t)
    for slot in rule.slots:
        assert np.allclose(states["tree"][1][slot], states["kernel"][1][slot], rtol=1e-14)


def minimise(name, rate, slope, start, steps, **settings):
    rule = optimizer(name, learning_rate=rate, **settings)
    w, slots = np.array(start), {slot: np.zeros(len(start)) for slot in rule.slots}
    sym = Sym("W1", Type((len(start),)))
    g = Sym("g", sym.type)
    updates = rule.updates(sym, g, 1.0, 1.0)
    for t in range(1, steps + 1):
        values = {"W1": w, "g": slope(w), "learning_rate": np.asarray(rate),
                  "t": np.asarray(float(t))}  # fmt: skip
        values |= {f"{slot}.W1": array for slot, array in slots.items()}
        for target, expr in updates:
            values[target.name] = evaluate(expr, values)
        w, slots = values["W1"], {slot: values[f"{slot}.W1"] for slot in slots}
    return w


def parabola(w):
    return 2 * (w - np.array([1.0, -2.0])) * np.array([1.0, 4.0])


def rosenbrock(w):  # the gradient of (1 − x)² + 100 (y − x²)²
    x, y = w
    return np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


@pytest.mark.parametrize(
    ("name", "rate", "steps"),
    [("sgd", 0.05, 500), ("momentum", 0.02, 800), ("nesterov", 0.02, 800), ("rmsprop", 2e-3, 4000),
     ("adam", 0.02, 1500), ("adamw", 0.02, 1500)],
)  # fmt: skip
def test_a_parabola_is_solved(name, rate, steps):
    settings = {"weight_decay": 0.0} if name == "adamw" else {}
    found = minimise(name, rate, parabola, [4.0, 3.0], steps, **settings)
    assert np.allclose(found, [1.0, -2.0], atol=3e-3)


@pytest.mark.parametrize(
    ("name", "rate", "steps"),
    [("momentum", 5e-4, 5000), ("nesterov", 5e-4, 5000), ("adam", 0.02, 5000),
     ("adamw", 0.02, 5000)],
)  # fmt: skip
def test_rosenbrocks_valley_is_followed_to_its_end(name, rate, steps):
    settings = {"weight_decay": 0.0} if name == "adamw" else {}
    found = minimise(name, rate, rosenbrock, [-1.2, 1.0], steps, **settings)
    assert np.allclose(found, [1.0, 1.0], atol=3e-2)


def test_the_first_adam_step_is_the_rate_whatever_the_gradients_size():
    # m̂ = g and v̂ = g² at t = 1: without the correction the step would be 0.1 / √0.001 = 3.2 times
    for size in (1e-3, 1.0, 1e6):
        found = minimise("adam", 0.01, lambda w, size=size: np.full(1, size), [0.0], 1)
        assert found[0] == pytest.approx(-0.01, rel=1e-4)


def test_adamws_decay_is_decoupled():
    # with a gradient of zero the weight shrinks by α · weight_decay, and no slot moves
    found = minimise("adamw", 0.1, lambda w: 0 * w, [2.0], 3, weight_decay=0.5)
    assert found[0] == pytest.approx(2.0 * (1 - 0.05) ** 3, rel=1e-14)
    # and a large gradient does not scale the decay away, as it does when the decay is in J
    steep = minimise("adamw", 0.1, lambda w: np.full(1, 1e6), [2.0], 1, weight_decay=0.5)
    assert steep[0] == pytest.approx(2.0 * 0.95 - 0.1, rel=1e-6)


def test_in_a_plan_factors_reach_each_parameter_and_biases_do_not_decay():
    x = cp.Input(2)
    layer = cp.Dense(2, lr_factor=3.0, bias_lr_factor=0.5, decay_factor=0.25)
    net = Network(inputs=x, outputs=layer(x))
    rule = AdamW(0.1, weight_decay=0.4)
    p = {"W1": np.array([[1.0, 2.0], [3.0, 4.0]]), "b1": np.array([1.0, -1.0])}
    slots = {f"{slot}.{name}": np.zeros_like(w) for slot in "mv" for name, w in p.items()}
    X, Y = np.ones((1, 2)), np.array([[3.0, 6.0]])  # z = (4, 6): the second unit is right
    stepped = plan(net.graph, rule)
    trace = run(stepped, p, {"X": X}, {"y": Y}, slots=slots)
    after = {step.target.name: trace[step.target.name] for step in stepped.steps
             if step.kind == "update"}  # fmt: skip
    shrink = 1 - 3.0 * 0.1 * 0.4 * 0.25
    assert np.allclose(after["W1"], [[shrink - 0.3, 2 * shrink - 0.3], [3 * shrink, 4 * shrink]])
    assert np.allclose(after["b1"], [1.0 - 0.05, -1.0])
    assert np.allclose(after["m.b1"], [0.1, 0.0])


def test_updates_are_steps_with_ids_that_say_what_they_update():
    stepped = plan(Network([2, 1]).graph, cp.Adam())
    ids = [step.id for step in stepped.steps if step.kind == "update"]
    assert ids == ["m.W1:=", "v.W1:=", "W1:=", "m.b1:=", "v.b1:=", "b1:="]
    assert stepped.step("W1:=").target == stepped.step("z2").reads[0]
    assert "dJ/dW1" in {step.id for step in stepped.uses(stepped.step("m.W1:="))}


def test_the_correction_is_exact_far_out_and_at_the_start():
    scalars = cp.Adam(beta1=0.9, beta2=0.999).per_step(np.array([1.0, 10.0, 1e7]))
    assert scalars["correct1"][0] == pytest.approx(10.0)
    assert scalars["correct2"][0] == pytest.approx(1000.0)
    assert scalars["correct1"][1] == pytest.approx(1 / (1 - 0.9**10), rel=1e-14)
    assert scalars["correct2"][2] == 1.0


def test_the_correction_is_the_formula_to_the_bit_however_far_out():
    steps = [np.arange(1.0, 3000.0), np.arange(7000.0, 8000.0), np.array([1e5, 1e6, 1e9, 1e15])]
    for beta in (0.0, 1e-300, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 - 2**-53):
        for t in (*steps, np.array([1, 2, 1000]), np.asarray(5.0)):
            with np.errstate(under="ignore"):
                assert np.array_equal(correction(beta, t), 1 / (1 - beta**t)), beta


def test_names_and_settings_are_checked():
    assert optimizer(cp.SGD(0.3)).learning_rate == 0.3
    assert optimizer("adam", learning_rate=0.1).settings["beta1"] == 0.9
    with pytest.raises(SettingError, match="there is no optimizer 'adm'; did you mean 'adam'"):
        optimizer("adm")
    with pytest.raises(SettingError, match=r"adam\.beta1 must be a number in \[0, 1\), got 1"):
        cp.Adam(beta1=1.0)
    with pytest.raises(SettingError, match="sgd has no setting 'momentum'"):
        cp.SGD(0.1, momentum=0.9)
    with pytest.raises(SettingError, match=r"learning_rate must be a number in \(0, ∞\), got 0"):
        cp.RMSprop(0.0)
    with pytest.raises(SettingError, match="give beta1 to the adam object itself"):
        optimizer(cp.Adam(), beta1=0.5)
    assert repr(cp.Momentum(0.5)) == "Momentum(learning_rate=0.5, momentum=0.9)"
    assert math.isclose(AdamW().weight_decay, 0.01)


def test_a_plans_update_may_be_rewritten_like_any_step():
    stepped = plan(Network([1, 1], bias="none").graph, cp.SGD(0.5))
    step = stepped.step("W1:=")
    wrong = stepped.with_step(replace(step, terms=(replace(step.terms[0], expr=step.target),)))
    p, X, Y = {"W1": np.array([[2.0]])}, {"X": np.ones((1, 1))}, {"y": np.zeros((1, 1))}
    assert run(stepped, p, X, Y, slots={})["W1"] == [[1.0]]
    assert run(wrong, p, X, Y, slots={})["W1"] == [[2.0]]
