"""Rprop, Lion, schedule-free AdamW and Muon: first steps by hand, known minima, both engines."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.errors import SettingError
from clearprop.optimizers import OPTIMIZERS
from clearprop.optimizers.muon import orthogonalised

Called = Callable[..., tuple[int, str]]
NEW = ("rprop", "lion", "schedule_free", "muon")


def weight(start: float) -> tuple[cp.Network, dict[str, np.ndarray]]:
    """One weight and a cost of ½ w² on the row x = 1, y = 0: g = w."""
    net = cp.Network([1, 1], output="identity", bias="none")
    return net, {"W1": np.array([[start]])}


def steps(rule: Any, start: float, x: list[float], engine: Any = "native") -> list[float]:
    """w after each step; step i has the row x[i], so g = x[i]² w: its sign is w's."""
    net, p = weight(start)
    found = []
    training = cp.Training(
        net, np.array(x[:1])[:, None], np.zeros((1, 1)), optimizer=rule, parameters=p,
        epochs=len(x), precision="float64", engine=engine,
    )  # fmt: skip
    for _ in x:
        training.advance(steps=1)
        found.append(float(training.state.parameters[0]))
    return found


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_rprops_first_steps_by_hand(engine: str) -> None:
    # From 0.15 with Δ = 0.1: 0.05; the sign holds, Δ = 0.12: −0.07; it turned, Δ = 0.06, a rest;
    # Δ stays: −0.01; it holds, Δ = 0.072: 0.062; turned, Δ = 0.036, a rest; then 0.026.
    found = steps(cp.Rprop(0.1), 0.15, [1.0] * 7, engine)
    assert np.allclose(found, [0.05, -0.07, -0.07, -0.01, 0.062, 0.062, 0.026], atol=1e-15)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_lions_first_steps_by_hand(engine: str) -> None:
    # g = w. w = 1, m = 0: sign 1, w = 0.7 and m = 0.5. Then ½ 0.5 + ½ 0.7 > 0: w = 0.4, m = 0.6.
    # w = 0.1, m = 0.5; w = −0.2, m = 0.3; then ½ 0.3 − ½ 0.2 > 0 still: w = −0.5, m = 0.05; turned.
    rule = cp.Lion(0.3, beta1=0.5, beta2=0.5)
    found = steps(rule, 1.0, [1.0] * 6, engine)
    assert np.allclose(found, [0.7, 0.4, 0.1, -0.2, -0.5, -0.2], atol=1e-15)
    # With decay the weight also shrinks by α λ w: 1 − 0.3 − 0.3 · 0.5 · 1
    assert steps(cp.Lion(0.3, weight_decay=0.5), 1.0, [1.0], engine) == [pytest.approx(0.55)]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_schedule_frees_first_steps_by_hand(engine: str) -> None:
    # β₂ = 0, so g / √v̂ = 1 while w > 0. z = 0.9, c = 1, x = 0.9, y = 0.9; z = 0.8, c = ½, x = 0.85,
    # y = 0.825; z = 0.7, c = ⅓, x = 0.8, y = 0.75
    rule = cp.ScheduleFreeAdamW(0.1, beta1=0.5, beta2=0.0, epsilon=1e-30)
    net, p = weight(1.0)
    training = cp.Training(
        net, np.ones((1, 1)), np.zeros((1, 1)), optimizer=rule, parameters=p, epochs=3,
        precision="float64", engine=engine,
    )  # fmt: skip
    for y, x in ((0.9, 0.9), (0.825, 0.85), (0.75, 0.8)):
        training.advance(steps=1)
        assert training.state.parameters[0] == pytest.approx(y, rel=1e-14)
        assert training.parameters.flat[0] == pytest.approx(x, rel=1e-14)
        assert training.best.flat[0] == pytest.approx(x, rel=1e-14)


def test_the_average_is_what_is_judged_and_what_the_model_holds() -> None:
    X = np.linspace(-1, 1, 40)[:, None]
    training = cp.Training(
        cp.Network([1, 4, 1], "tanh"), X, X**2, optimizer="schedule_free", epochs=7,
        validation=(X, X**2), precision="float64",
    )  # fmt: skip
    training.run()
    net, kept = training.network, training.parameters
    assert not np.allclose(kept.flat, training.state.parameters, rtol=1e-6)
    assert training.history["validation_cost"][-1] == pytest.approx(net.cost(kept, X, X**2))
    assert training.best.flat.tobytes() == kept.flat.tobytes()


def test_muons_step_is_the_singular_vectors_with_a_polynomial_of_the_values(rng) -> None:
    a, b, c = 3.4445, -4.7750, 2.0315
    for shape in ((4, 7), (7, 4), (5, 5), (1, 6), (3, 6, 2)):
        M = rng.normal(size=shape)
        U, S, Vt = np.linalg.svd(M, full_matrices=False)
        s = S / np.sqrt((S**2).sum(axis=-1, keepdims=True))
        for _ in range(5):
            s = a * s + b * s**3 + c * s**5
        assert np.allclose(orthogonalised(M), (U * s[..., None, :]) @ Vt, atol=3e-5)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert np.allclose(np.linalg.svd(orthogonalised(5 * Q))[1], 1, atol=0.35)
    assert not orthogonalised(np.zeros((2, 3))).any()


def test_muons_first_step_moves_matrices_by_kappa_and_biases_as_adamw(rng) -> None:
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    net = cp.Network([3, 2], output="identity")
    p = {"W1": rng.normal(size=(2, 3)), "b1": rng.normal(size=2)}
    g = net.gradient(p, X, Y)
    for engine in ("native", "reference"):
        training = cp.Training(
            net, X, Y, optimizer=cp.Muon(0.01, weight_decay=0.1), parameters=p, steps=1,
            batch_size="full", precision="float64", engine=engine,
        )  # fmt: skip
        after = training.run().training.parameters
        # u = g, so the direction is that of g + 0.95 g; κ = 0.2 √3
        way = 0.2 * np.sqrt(3) * orthogonalised(1.95 * g["W1"])
        assert np.allclose(after["W1"], p["W1"] - 0.01 * (way + 0.1 * p["W1"]), rtol=1e-6)
        assert np.allclose(after["b1"], p["b1"] - 0.01 * np.sign(g["b1"]), rtol=1e-6)


def line(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A linear regression, and its weights and cost by the normal equations."""
    X = rng.normal(size=(60, 3))
    Y = X @ np.array([[1.0, -2.0], [0.5, 0.0], [-1.0, 3.0]]) + rng.normal(size=(60, 2))
    best = np.linalg.lstsq(np.c_[X, np.ones(60)], Y, rcond=None)[0]
    e = np.c_[X, np.ones(60)] @ best - Y
    return X, Y, best, float((e**2).sum() / 120)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize(
    ("rule", "settings", "close"),
    [
        (cp.Rprop(), {"epochs": 150}, 1e-6),
        (cp.Lion(0.02), {"epochs": 2000, "batch_size": "full", "schedule": "cosine"}, 1e-3),
        (cp.ScheduleFreeAdamW(0.1, warmup=10), {"epochs": 1500, "batch_size": "full"}, 1e-4),
        (cp.Muon(0.3, weight_decay=0.0),
         {"epochs": 300, "batch_size": "full", "schedule": "cosine"}, 1e-2),
    ],
    ids=NEW,
)  # fmt: skip
def test_a_regression_comes_to_the_normal_equations(
    rule: Any, settings: dict[str, Any], close: float, engine: str, rng: np.random.Generator
) -> None:
    X, Y, best, least = line(rng)
    net = cp.Network([3, 2], output="identity")
    training = cp.Training(
        net, X, Y, optimizer=rule, precision="float64", engine=engine, **settings
    )
    training.run()
    found = training.best
    assert np.allclose(found["W1"], best[:3].T, atol=close)
    assert np.allclose(found["b1"], best[3], atol=close)
    assert net.cost(found, X, Y) - least < close**2 * 10


@pytest.mark.parametrize("name", NEW)
def test_both_engines_take_the_same_steps(name: str, rng: np.random.Generator) -> None:
    X, Y, *_ = line(rng)
    net = cp.Network([3, 5, 2], "tanh", l2=0.1)
    runs = []
    for engine in ("native", "reference"):
        training = cp.Training(
            net, X, Y, optimizer=name, epochs=3, batch_size=16, clip=0.5, precision="float64",
            engine=engine,
        )  # fmt: skip
        training.run()
        runs.append(training)
    one, other = runs
    # Where a product is rounding and only a sign is read, nothing is compared: it is none here
    tolerance = 1e-6 if name == "muon" else 1e-12
    assert np.allclose(one.state.parameters, other.state.parameters, rtol=0, atol=tolerance)
    assert np.allclose(one.history["cost"], other.history["cost"], rtol=tolerance)
    assert np.allclose(one.history["norm"], other.history["norm"], rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_run_has_the_bits_of_one_never_stopped(
    name: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    X, Y, *_ = line(rng)
    net = cp.Network([3, 6, 2], "tanh")

    def begun(**settings: Any) -> cp.Training:
        return cp.Training(net, X, Y, optimizer=name, epochs=9, seed=4, **settings)

    whole = begun(threads=1)
    whole.run()
    part = begun(checkpoint=tmp_path / "run", threads=2)
    part.advance(epochs=4)
    part.save(tmp_path / "run")
    again = begun(checkpoint=tmp_path / "run", resume=True)
    assert again.step == part.step > 0
    again.run()
    assert again.best.flat.tobytes() == whole.best.flat.tobytes()
    assert again.state.parameters.tobytes() == whole.state.parameters.tobytes()
    for slot, array in whole.state.slots.items():
        assert again.state.slots[slot].tobytes() == array.tobytes()


def test_muon_stops_between_steps_and_a_batch_of_no_weight_is_skipped(rng) -> None:
    X, Y, *_ = line(rng)
    net = cp.Network([3, 2], output="identity")
    w = np.r_[np.ones(59), 0.0]
    training = cp.Training(
        net, X, Y, optimizer="muon", epochs=2, batch_size=1, sample_weight=w, time_limit=1e-9
    )
    training.run()
    assert (training.step, training.why) == (1, "time_limit")
    training = cp.Training(net, X, Y, optimizer="muon", epochs=2, batch_size=1, sample_weight=w)
    training.run()
    assert (training.step, training.state.skipped) == (120, 2)


def test_rprop_takes_all_rows_unless_told_otherwise() -> None:
    X = np.linspace(-1, 1, 300)[:, None]
    net = cp.Network([1, 3, 1], "tanh")
    assert cp.Training(net, X, X, optimizer="rprop").batches.size == 300
    assert cp.Training(net, X, X, optimizer="rprop", batch_size=32).batches.size == 32
    assert cp.Training(net, X, X, optimizer="lion").batches.size == 32


def test_schedule_free_takes_no_schedule() -> None:
    X = np.linspace(-1, 1, 30)[:, None]
    with pytest.raises(SettingError, match=r"schedule_free takes no schedule, and .*'cosine'"):
        cp.train(cp.Network([1, 1]), X, X, optimizer="schedule_free", schedule="cosine")


# -- the command line -----------------------------------------------------------------------------
@pytest.fixture
def called(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def call(*words: str) -> tuple[int, str]:
        code = main(words)
        return code, "".join(capsys.readouterr())

    return call


def test_the_help_teaches_every_optimizer(called: Called) -> None:
    told = called("train", "--help")[1]
    for name in OPTIMIZERS:
        assert re.search(rf"\b{name}\b", told), name


@pytest.mark.parametrize("name", ["rprop", "lion", "schedule_free", "muon", "lbfgs", "lm"])
def test_the_command_trains_with_it(
    name: str, tmp_path: Path, rng: np.random.Generator, called: Called
) -> None:
    X = rng.uniform(-1, 1, size=(80, 2))
    rows = io.StringIO()
    np.savetxt(rows, np.c_[X, X[:, 0] - 2 * X[:, 1]], delimiter=",", header="a,b,y", comments="")
    (tmp_path / "t.csv").write_text(rows.getvalue())
    model = str(tmp_path / "m.clearprop")
    code, told = called("train", str(tmp_path / "t.csv"), "--target", "y", "--optimizer", name,
                        "--epochs", "12", "--hidden", "4", "-o", model)  # fmt: skip
    assert code == 0, told
    assert cp.load(model).provenance["optimizer"]["name"] == name
    if name == "lm":
        assert cp.load(model).provenance["figures"]["validation"]["r2"] > 0.95


def test_what_lm_cannot_do_is_one_sentence_on_the_command_line(
    tmp_path: Path, called: Called
) -> None:
    (tmp_path / "t.csv").write_text("a,y\n" + "1,yes\n2,no\n" * 20)
    code, told = called("train", str(tmp_path / "t.csv"), "--target", "y", "--optimizer", "lm")
    assert code == 2 and "Traceback" not in told
    assert "lm fits sums of squares" in told
    code, told = called("train", str(tmp_path / "t.csv"), "--target", "y", "--optimizer", "lm",
                        "--learning-rate", "0.1")  # fmt: skip
    assert code == 2 and "lm has no setting 'learning_rate'" in told


def test_a_table_is_fitted_to_its_noise_by_lm_and_its_own_defaults(rng) -> None:
    a, b = rng.uniform(-2, 2, size=(2, 400))
    table = {"a": a, "b": b, "y": np.sin(2 * a) * b + 0.01 * rng.normal(size=400)}
    model = cp.train_table(table, "y", optimizer="lm")
    assert model.provenance["figures"]["validation"]["rmse"] < 0.03
    assert model.network.graph.size == 65 and model.provenance["precision"] == "float64"
