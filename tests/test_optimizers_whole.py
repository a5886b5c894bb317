"""L-BFGS and Levenberg-Marquardt: certified answers, SciPy's minima, and a run's own promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from conftest import count
from engine_runs import flat_of, opened
from random_networks import random_case
from scipy.optimize import minimize

import clearprop as cp
from clearprop.engine import Data, NativeRunner
from clearprop.engine.curvature import Curvature
from clearprop.engine.gradients import NativeGradients, ReferenceGradients
from clearprop.engine.stepping import SteppingRunner
from clearprop.errors import DivergenceError, FileError, SettingError
from clearprop.graph import Graph
from clearprop.optimizers import LBFGS, LevenbergMarquardt
from clearprop.optimizers.line_search import search

# NIST's Statistical Reference Datasets, nonlinear regression, Lanczos3 (average difficulty): data
# and certified values, from start 2. The model is a network of exponentials: 1-3-1, no bias.
LANCZOS = np.array([
    2.5134, 2.0443, 1.6684, 1.3664, 1.1232, 0.9269, 0.7679, 0.6389, 0.5338, 0.4479, 0.3776, 0.3197,
    0.2720, 0.2325, 0.1997, 0.1723, 0.1493, 0.1301, 0.1138, 0.1000, 0.0883, 0.0783, 0.0698, 0.0624,
])  # fmt: skip
LANCZOS_START = [0.5, 0.7, 3.6, 4.2, 4.0, 6.3]
LANCZOS_CERTIFIED = [8.6816414977e-02, 9.5498101505e-01, 8.4400777463e-01, 2.9515951832e00,
                     1.5825685901e00, 4.9863565084e00]  # fmt: skip
LANCZOS_SQUARES = 1.6117193594e-08


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_lm_finds_the_certified_parameters_of_lanczos3(engine: Any) -> None:
    net = cp.Network([1, 3, 1], "exp", output="identity", bias="none")
    b = np.array(LANCZOS_START)
    X, Y = 0.05 * np.arange(24)[:, None], LANCZOS[:, None]
    training = cp.Training(
        net, X, Y, optimizer=LevenbergMarquardt(tolerance=0.0), epochs=500, engine=engine,
        parameters={"W1": -b[1::2, None], "W2": b[None, ::2]},
    )  # fmt: skip
    assert training.run().why == "converged"
    p = training.best
    order = np.argsort(-p["W1"][:, 0])
    found = np.c_[p["W2"][0, order], -p["W1"][order, 0]].ravel()
    assert np.allclose(found, LANCZOS_CERTIFIED, rtol=1e-6)
    residual = net.forward(p, X) - Y
    assert float((residual**2).sum()) == pytest.approx(LANCZOS_SQUARES, rel=1e-9)


def sine() -> tuple[cp.Network, np.ndarray, np.ndarray]:
    x = np.linspace(-1, 1, 101)[:, None]
    return cp.Network([1, 10, 1], "tanh"), x, np.sin(np.pi * x)


@pytest.mark.prove
def test_lm_fits_a_sine_a_hundred_times_closer_than_adam_in_ten_times_the_steps(proof) -> None:
    net, x, y = sine()
    worst, gain = 0.0, np.inf
    for seed in range(count(1, 10)):
        lm = cp.train(net, x, y, optimizer="lm", epochs=400, seed=seed)
        adam = cp.train(net, x, y, optimizer="adam", learning_rate=0.01, epochs=4000, seed=seed,
                        batch_size="full", precision="float64")  # fmt: skip
        costs = [net.cost(model.parameters, x, y) for model in (lm, adam)]
        worst, gain = max(worst, costs[0]), min(gain, costs[1] / costs[0])
    assert worst < 5e-8 and gain > 100
    proof("Levenberg-Marquardt's cost of a sine by 1-10-1", count(1, 10), worst=worst, bar=5e-8)


def test_lm_finds_a_network_again_to_rounding() -> None:
    # Where residuals vanish the method is quadratic: the teacher's outputs to 1e-9
    rng = np.random.default_rng(3)
    net = cp.Network([2, 3, 2], "tanh")
    teacher = {name: rng.normal(size=array.shape) for name, array in net.initial(0).items()}
    X = rng.normal(size=(200, 2))
    training = cp.Training(net, X, net.forward(teacher, X), optimizer="lm", epochs=300, seed=1)
    training.run()
    assert training.why == "converged"
    assert np.abs(net.forward(training.best, X) - net.forward(teacher, X)).max() < 1e-9


def by(engine: str, graph: Graph, data: Data) -> Curvature:
    """RᵀR by one engine or the other."""
    native = engine == "native"
    runner = NativeRunner(graph, None, data, precision="float64") if native else None
    return Curvature(
        graph, ReferenceGradients(graph, data) if runner is None else NativeGradients(runner)
    )


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_rtr_is_that_of_differences(engine: str, rng: np.random.Generator) -> None:
    x = cp.Input(3)
    h = cp.Dense(4, "tanh")(x)
    h = h + cp.Dense(4, "sigmoid")(h)
    net = cp.Network(inputs=x, outputs=cp.Dense(2, "softplus")(h))
    X, Y, w = rng.normal(size=(15, 3)), rng.normal(size=(15, 2)), rng.uniform(0, 2, size=15)
    flat = net.initial(2).flat

    def residuals(p: np.ndarray) -> np.ndarray:
        out = net.forward(cp.Parameters(net.graph, p), X)
        return (np.sqrt(w / w.sum())[:, None] * (out - Y)).ravel()

    steps = 1e-6 * np.eye(len(flat))
    R = np.stack([(residuals(flat + h) - residuals(flat - h)) / 2e-6 for h in steps], axis=1)
    found = by(engine, net.graph, Data({"X": X}, {"y": Y}, w))
    matrix = found.of(flat, np.arange(15), w.sum(), lambda: None)
    assert np.allclose(matrix, R.T @ R, atol=1e-9)


@pytest.mark.prove
def test_the_native_jacobian_is_the_plan_s(proof: Callable[..., None]) -> None:
    """Of random graphs: tables, shared and one-number parameters, several costs, 3 to 300 rows."""
    compared, worst = 0, 0.0
    for seed in range(count(400, 4000)):
        case = random_case(seed, rows=[3, 130, 300][seed % 3], members=0)
        graph = case.network.graph
        if {cost.op for cost in graph.costs} != {"squared_error"}:
            continue
        runner = opened(case, precision="float64")
        rows = np.arange(len(runner.data))[::-1]
        flat = flat_of(case.network, case.parameters)
        found = NativeGradients(runner).jacobian(flat, rows)
        expected = ReferenceGradients(graph, runner.data).jacobian(flat, rows)
        assert found.shape == expected.shape
        largest = float(np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * largest)
        worst = max(worst, float(np.abs(found - expected).max()) / (largest or 1.0))
        compared += 1
    assert compared >= 30
    proof("the native Jacobian is the plan's, random graphs", compared, error=worst, bar=1e-11)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_two_outputs_give_both_costs_residuals(engine: str, rng: np.random.Generator) -> None:
    x = cp.Input(2)
    h = cp.Dense(3, "tanh")(x)
    outs = [cp.Dense(1)(h), cp.Dense(2, "tanh")(h)]
    net = cp.Network(inputs=x, outputs=outs)
    X = rng.normal(size=(12, 2))
    flat = net.initial(1).flat
    Y = {name: rng.normal(size=out.shape) for name, out in net.forward(net.initial(1), X).items()}

    def residuals(p: np.ndarray) -> np.ndarray:
        out = net.forward(cp.Parameters(net.graph, p), X)
        return np.concatenate([(out[name] - Y[name]).ravel() for name in Y]) / np.sqrt(12)

    steps = 1e-6 * np.eye(len(flat))
    R = np.stack([(residuals(flat + h) - residuals(flat - h)) / 2e-6 for h in steps], axis=1)
    data = Data({"X": X}, {"y" + name[1:]: array for name, array in Y.items()})
    matrix = by(engine, net.graph, data).of(flat, np.arange(12), 12.0, lambda: None)
    assert np.allclose(matrix, R.T @ R, atol=1e-9)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("members", [0, 3])
def test_lbfgs_comes_to_scipys_minimum(members: int, engine: Any, rng: np.random.Generator) -> None:
    # Softmax regression with a penalty: one minimum
    X, y = rng.normal(size=(80, 4)), rng.integers(0, 3, size=80)
    x = cp.Input(4)
    net = cp.Network(inputs=x, outputs=cp.Dense(3, members=members)(x), cost="cross_entropy",
                     l2=0.1)  # fmt: skip
    w = rng.uniform(0.1, 2, size=80)

    def both(p: np.ndarray) -> tuple[float, np.ndarray]:
        named = cp.Parameters(net.graph, p)
        g = net.gradient(named, X, y, sample_weight=w)
        flat = np.concatenate([g[name].ravel() for name in net.graph.parameters])
        return net.cost(named, X, y, sample_weight=w), flat

    theirs = minimize(both, net.initial(0).flat, jac=True, method="L-BFGS-B",
                      options={"gtol": 1e-9, "ftol": 0, "maxiter": 1000})  # fmt: skip
    training = cp.Training(net, X, y, optimizer="lbfgs", epochs=300, sample_weight=w,
                           engine=engine)  # fmt: skip
    assert training.run().why == "converged"
    cost, g = both(training.best.flat)
    assert cost == pytest.approx(theirs.fun, abs=1e-13)
    assert np.abs(g).max() < 1e-8
    # weights but for what all classes share, which the penalty fixes and the bias's none does not
    ours, other = training.best["W1"], cp.Parameters(net.graph, theirs.x)["W1"]
    assert np.allclose(ours, other, atol=1e-5)
    assert training.step <= 2 * theirs.nit


class Valley:
    """Rosenbrock's, as a problem."""

    asked = 0

    def cost(self, p: np.ndarray) -> float:
        return self.gradient(p)[0]

    def gradient(self, p: np.ndarray) -> tuple[float, np.ndarray]:
        self.asked += 1
        x, y = p
        cost = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        return cost, np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])

    def curvature(self, p: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        R = np.sqrt(2) * np.array([[-1.0, 0.0], [-20 * p[0], 10.0]])
        return *self.gradient(p), R.T @ R


@pytest.mark.parametrize(("rule", "most"), [(LBFGS(), 60), (LevenbergMarquardt(), 40)])
def test_rosenbrocks_valley_is_followed_to_its_end(rule: Any, most: int) -> None:
    p, valley = np.array([-1.2, 1.0]), Valley()
    slots = rule.begin(p)
    for _ in range(most):
        moved = rule.step(p, slots, valley)
        assert moved.cost == valley.cost(p)
        if moved.found:
            break
        p, slots = moved.parameters, moved.slots
    assert moved.found
    assert np.allclose(p, [1.0, 1.0], atol=1e-9)


def test_lbfgs_first_steps_by_hand() -> None:
    # J = ½ (w₁² + 4 w₂²) from (2, 1): g = (2, 4), so w − α g with α = 1 / 6 at first, and that
    # flattens φ enough; then s = −(⅓, ⅔), y = −(⅓, 8/3), and −H g by the secant formula.
    class Bowl(Valley):
        def gradient(self, p: np.ndarray) -> tuple[float, np.ndarray]:
            return 0.5 * (p[0] ** 2 + 4 * p[1] ** 2), p * [1.0, 4.0]

    rule, p = LBFGS(), np.array([2.0, 1.0])
    first = rule.step(p, rule.begin(p), Bowl())
    assert np.allclose(first.parameters, [5 / 3, 1 / 3])
    s, y, g = np.array([-1, -2]) / 3, np.array([-1, -8]) / 3, np.array([5 / 3, 4 / 3])
    rho, gamma = 1 / (s @ y), (s @ y) / (y @ y)
    V = np.eye(2) - rho * np.outer(y, s)
    H = gamma * V.T @ V + rho * np.outer(s, s)  # Nocedal & Wright 2006, eq. 7.16
    second = rule.step(first.parameters, first.slots, Bowl())
    way = second.parameters - first.parameters
    assert np.allclose(way / np.linalg.norm(way), -H @ g / np.linalg.norm(H @ g))


@pytest.mark.parametrize("first", [1e-6, 0.1, 1.0, 50.0])
@pytest.mark.parametrize(
    "f",
    [
        lambda a: ((a - 3) ** 2, 2 * (a - 3)),
        lambda a: (-a / (a**2 + 2), (a**2 - 2) / (a**2 + 2) ** 2),  # Moré & Thuente 1994, 5.1
        lambda a: (a**4 / 4 - 5 * a, a**3 - 5),
        lambda a: (np.exp(a) - 3 * a, np.exp(a) - 3) if a < 700 else (np.inf, np.nan),
    ],
)
def test_a_searched_length_meets_both_conditions(f: Any, first: float) -> None:
    cost, slope = f(0.0)
    at = search(f, cost, slope, first)
    there, now = f(at)
    assert there <= cost + 1e-4 * at * slope
    assert abs(now) <= 0.9 * abs(slope)


def test_a_search_uphill_everywhere_says_zero() -> None:
    assert search(lambda a: (1.0 + a, -1.0), 1.0, -1.0, 1.0) == 0


# -- what a run promises --------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["lbfgs", "lm"])
def test_a_step_broken_off_leaves_no_trace(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, y = sine()
    whole = cp.Training(net, x, y, optimizer=name, epochs=12)
    whole.run()
    training = cp.Training(net, x, y, optimizer=name, epochs=12)
    gradient, asked = NativeRunner.gradient, [0]

    def pressed(self: Any, *args: Any, **more: Any) -> Any:
        asked[0] += 1
        if asked[0] in (5, 9, 10):
            raise KeyboardInterrupt
        return gradient(self, *args, **more)

    monkeypatch.setattr(NativeRunner, "gradient", pressed)
    broken = 0
    while not training.finished:
        before = training.step, training.state.parameters.copy()
        try:
            training.advance(steps=1)
        except KeyboardInterrupt:
            broken += 1
            assert training.step == before[0]
            assert training.state.parameters.tobytes() == before[1].tobytes()
    assert broken == 3
    assert training.state.parameters.tobytes() == whole.state.parameters.tobytes()
    assert np.array_equal(training.history["cost"], whole.history["cost"])


def test_asked_to_stop_in_mid_step_it_stops_there() -> None:
    net, x, y = sine()
    training = cp.Training(net, x, y, optimizer="lbfgs", epochs=50)
    training.advance(steps=3)
    runner = training._runner
    assert isinstance(runner, SteppingRunner)
    gradient = runner._gradients.gradient

    def asked(*args: Any) -> Any:
        training.interrupt()
        return gradient(*args)

    runner._gradients.gradient = asked  # type: ignore[method-assign]
    before = training.state.parameters.copy()
    training.run()
    # The first evaluation of the step is done, a second is not begun; or that one was enough
    assert training.step in (3, 4) and not training.finished
    if training.step == 3:
        assert training.state.parameters.tobytes() == before.tobytes()


def test_threads_of_the_linear_algebra_change_no_bit() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(600, 9)), rng.normal(size=(600, 2))
    net = cp.Network([9, 20, 2], "tanh")  # 242 parameters: OpenBLAS solves such with two threads
    found = []
    for threads in (1, 2, 4):
        with threadpoolctl.threadpool_limits(threads, "blas"):
            training = cp.Training(net, X, Y, optimizer="lm", epochs=3)
            training.run()
            info = [one for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"]
            assert all(one["num_threads"] == threads for one in info)  # put back
        found.append(training.state.parameters.tobytes())
    assert len(set(found)) == 1


def test_a_converged_run_says_so_and_stays_ended(tmp_path: Path) -> None:
    X = np.linspace(-1, 1, 20)[:, None]
    net = cp.Network([1, 1], output="identity")
    path = tmp_path / "run"
    training = cp.Training(net, X, 3 * X + 1, optimizer="lm", epochs=100, checkpoint=path)
    assert training.run().why == "converged"
    (event,) = training.history.events
    assert event.kind == "converged" and event.text.startswith("converged in step ")
    assert training.step < 20 and len(training.history) == training.step
    again = cp.Training(net, X, 3 * X + 1, optimizer="lm", epochs=100, checkpoint=path, resume=True)
    assert again.run().step == training.step
    assert np.allclose([again.best["W1"][0, 0], again.best["b1"][0]], [3, 1], atol=1e-12)
    with pytest.raises(FileError, match=r"damping was 0.001 and is 0.1"):
        cp.Training(net, X, 3 * X + 1, optimizer=LevenbergMarquardt(damping=0.1), epochs=100,
                    checkpoint=path, resume=True)  # fmt: skip


@pytest.mark.parametrize("name", ["lbfgs", "lm"])
def test_validation_rows_choose_the_step(name: str) -> None:
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, size=(40, 1))
    Y = np.sin(3 * X) + 0.3 * rng.normal(size=X.shape)
    training = cp.Training(cp.Network([1, 12, 1], "tanh"), X, Y, optimizer=name, epochs=300,
                           validation=0.5, patience=20)  # fmt: skip
    assert training.run().why in ("early_stopping", "converged")
    costs = training.history["validation_cost"]
    assert training.progress.best == costs.min() < costs[-1]


@pytest.mark.parametrize("name", ["lbfgs", "lm"])
def test_rows_of_no_weight_are_rows_that_are_not_there(name: str, rng) -> None:
    X, Y = rng.normal(size=(30, 2)), rng.normal(size=(30, 1))
    net, keep = cp.Network([2, 3, 1], "tanh", l2=0.01), rng.uniform(size=30) < 0.6
    settings: dict[str, Any] = {"optimizer": name, "epochs": 200, "engine": "reference"}
    one = cp.Training(net, X, Y, sample_weight=keep.astype(float), **settings)
    other = cp.Training(net, X[keep], Y[keep], **settings)
    one.run(), other.run()
    assert net.cost(one.best, X[keep], Y[keep]) == pytest.approx(
        net.cost(other.best, X[keep], Y[keep]), rel=1e-6
    )


def test_lm_is_not_troubled_by_singular_matrices() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 1))
    X = np.c_[x, x, np.zeros(50)]  # a column twice, and one that says nothing
    net = cp.Network([3, 30, 1], "tanh")  # far more parameters than rows
    training = cp.Training(net, X, np.sin(2 * x), optimizer="lm", epochs=200)
    training.run()
    assert net.cost(training.best, X, np.sin(2 * x)) < 1e-8


@pytest.mark.parametrize("name", ["lbfgs", "lm"])
def test_a_start_outside_the_finite_numbers_is_told(name: str) -> None:
    net = cp.Network([1, 1, 1], "exp", bias="none")
    p = {"W1": np.array([[800.0]]), "W2": np.array([[1.0]])}
    with pytest.raises(DivergenceError, match=r"step 1, where it began: standardise"):
        cp.train(net, np.ones((4, 1)), np.ones(4), optimizer=name, parameters=p)


X1 = np.linspace(-1, 1, 20)[:, None]
PLAIN = cp.Network([1, 3, 1], "tanh")
DROPPING = cp.Input(1)
DROPPING = cp.Network(
    inputs=DROPPING, outputs=cp.Dense(1)(cp.Dropout(0.5)(cp.Dense(3, "tanh")(DROPPING)))
)
TEAM = cp.Input(1)
TEAM = cp.Network(inputs=TEAM, outputs=cp.Dense(1, members=2)(TEAM))


@pytest.mark.parametrize(
    ("net", "settings", "told"),
    [
        (cp.Network([1, 2], cost="cross_entropy"), {"optimizer": "lm"}, "the cost is cross_entrop"),
        (TEAM, {"optimizer": "lm"}, "this one has 2 members side by side"),
        (cp.Network([1, 2000, 1]), {"optimizer": "lm"}, "6001 are more than its 5000: use lbfgs"),
        (DROPPING, {"optimizer": "lbfgs"}, "dropout makes another in every step"),
        (PLAIN, {"optimizer": "lbfgs", "batch_size": 32}, "lbfgs takes all rows in every step"),
        (PLAIN, {"optimizer": "lm", "schedule": "cosine"}, "lm takes no schedule"),
        (PLAIN, {"optimizer": "lbfgs", "clip": 1.0}, "lbfgs finds the length of its steps"),
        (PLAIN, {"optimizer": "lm", "precision": "float32"}, "lm needs float64, got precision="),
        (PLAIN, {"optimizer": "lbfgs", "precision": "bfloat16"}, "lbfgs needs float64 or float32"),
        (PLAIN, {"optimizer": "lm", "learning_rate": 0.1}, "lm has no setting 'learning_rate'"),
    ],
)
def test_what_they_cannot_do_is_refused_in_one_sentence(
    net: cp.Network, settings: dict[str, Any], told: str
) -> None:
    Y = np.zeros(20, dtype=int) if net.graph.costs[0].op == "cross_entropy" else X1
    with pytest.raises(SettingError) as error:
        cp.Training(net, X1, Y, **settings)
    assert told in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(SettingError, match="a plan has no update for it"):
        cp.plan(PLAIN, "lm")


def test_lbfgs_in_float32_goes_as_far_as_float32_does() -> None:
    net, x, y = sine()
    training = cp.Training(net, x, y, optimizer="lbfgs", epochs=400, precision="float32")
    training.run()
    assert training.state.parameters.dtype == np.float32
    assert net.cost(training.best, x, y) < 1e-4
