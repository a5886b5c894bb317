"""The oracle is scikit-learn: the same arguments and seed give its run, to rounding."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

import clearprop as cp
from clearprop.estimators import rows as rows_module

Table = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def table(kind: str, n: int = 130, outputs: int = 1) -> Table:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, 6))
    z = np.stack([X[:, k] * X[:, 1] + np.sin(X[:, 2 + k]) for k in range(outputs)], axis=1)
    if kind == "MLPRegressor":
        return X, z[:, 0] if outputs == 1 else z
    if outputs > 1:
        return X, (z > 0).astype(int)
    return X, np.array(["b", "a", "c"])[np.digitize(z[:, 0], [-0.5, 0.5])]


def both(kind: str, **told: Any) -> tuple[Any, Any]:
    told = {"hidden_layer_sizes": (9, 5), "max_iter": 25, "random_state": 3, **told}
    return getattr(theirs, kind)(**told), getattr(cp, kind)(precision="float64", **told)


def fitted(model: Any, X: Any, y: Any, *more: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, *more)


def assert_same(a: Any, b: Any, atol: float = 1e-9) -> None:
    assert (a.n_iter_, a.t_, a.n_layers_, a.n_outputs_, a.out_activation_) == (
        b.n_iter_, b.t_, b.n_layers_, b.n_outputs_, b.out_activation_
    )  # fmt: skip
    for one, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)
    if hasattr(a, "loss_curve_"):
        np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-9)
        assert (a.best_loss_ is None) == (b.best_loss_ is None)


RUNS: list[dict[str, Any]] = [
    {},
    {"batch_size": 50, "alpha": 0.3},  # the last batch, of 30, has a penalty of its own
    {"solver": "sgd", "learning_rate_init": 0.05},
    {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling", "power_t": 0.2,
     "learning_rate_init": 0.3},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.2, "max_iter": 150,
     "n_iter_no_change": 2, "tol": 0.01},
    {"solver": "sgd", "momentum": 1.0, "learning_rate_init": 1e-3},
    {"beta_1": 0.0, "beta_2": 0.9, "epsilon": 1e-3},
    {"shuffle": False, "batch_size": 32},
    {"early_stopping": True, "validation_fraction": 0.2, "max_iter": 60, "n_iter_no_change": 3},
    {"activation": "logistic"},
    {"activation": "tanh", "hidden_layer_sizes": 7},
    {"activation": "identity", "batch_size": 1, "max_iter": 2},
    {"tol": 0.01, "n_iter_no_change": 2, "max_iter": 200},
]  # fmt: skip


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("told", RUNS, ids=str)
def test_a_run_is_scikit_learns(kind: str, told: dict[str, Any]) -> None:
    X, y = table(kind)
    a, b = (fitted(model, X, y) for model in both(kind, **told))
    assert_same(a, b)
    if told.get("early_stopping"):
        np.testing.assert_allclose(a.validation_scores_, b.validation_scores_, atol=1e-9)
    elif kind == "MLPClassifier":
        assert (a.predict(X) == b.predict(X)).all()
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-8)
    else:
        np.testing.assert_allclose(a.predict(X), b.predict(X), atol=1e-8)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_sample_weights_are_scikit_learns_in_every_batch(kind: str) -> None:
    X, y = table(kind)
    weights = np.random.default_rng(2).exponential(size=len(X))
    a, b = (fitted(m, X, y, weights) for m in both(kind, batch_size=40, alpha=0.5))
    assert_same(a, b)
    assert a.score(X, y, weights) == pytest.approx(b.score(X, y, weights), abs=1e-9)


def test_several_labels_and_poisson_and_two_classes_are_scikit_learns() -> None:
    X, Y = table("MLPClassifier", outputs=3)
    assert_same(*(fitted(model, X, Y) for model in both("MLPClassifier")))
    assert_same(*(fitted(model, X, Y[:, 0]) for model in both("MLPClassifier")))
    counts = np.random.default_rng(0).poisson(np.exp(X[:, 0]))
    assert_same(*(fitted(m, X, counts) for m in both("MLPRegressor", loss="poisson")))


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_lbfgs_follows_scikit_learns(kind: str) -> None:
    X, y = table(kind)
    weights = np.random.default_rng(2).exponential(size=len(X))
    told = {"solver": "lbfgs", "activation": "tanh", "alpha": 0.1, "max_iter": 15}
    a, b = (fitted(model, X, y, weights) for model in both(kind, **told))
    assert_same(a, b, atol=1e-7)
    assert a.loss_ == pytest.approx(b.loss_, rel=1e-9)


def test_lbfgs_in_pieces_of_rows_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = table("MLPRegressor", n=400)
    runs = []
    for piece in (128, 1 << 20):
        monkeypatch.setattr("clearprop.estimators.lbfgs.PIECE_ROWS", piece)
        runs.append(fitted(both("MLPRegressor", solver="lbfgs", max_iter=8)[1], X, y))
    assert runs[0].coefs_[0].tobytes() == runs[1].coefs_[0].tobytes()


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_partial_fit_and_warm_start_go_on_as_scikit_learns_do(kind: str) -> None:
    X, y = table(kind)
    first = {"classes": np.unique(y)} if kind == "MLPClassifier" else {}
    pair = both(kind, solver="sgd", learning_rate="invscaling", learning_rate_init=0.1)
    for model in pair:
        model.partial_fit(X[:60], y[:60], **first)
        for part in (slice(60, 100), slice(100, 130), slice(0, 130)):
            model.partial_fit(X[part], y[part])
    assert_same(*pair)
    pair = both(kind, warm_start=True, max_iter=6)
    for model in pair:
        for _ in range(3):
            fitted(model, X, y)
    assert_same(*pair)
    assert len(pair[1].loss_curve_) == 18


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_a_warm_start_goes_on_where_no_epoch_beats_an_earlier_fits_best(kind: str) -> None:
    X, y = table(kind)
    y = np.random.default_rng(1).permutation(y)  # nothing to learn: later epochs are no better
    told = {"early_stopping": True, "max_iter": 3, "n_iter_no_change": 100, "random_state": 0}
    pair = both(kind, warm_start=True, learning_rate_init=0.02, **told)
    for _ in range(5):
        before = getattr(pair[1], "coefs_", None)
        for model in pair:
            fitted(model, X, y)
        assert_same(*pair)
        np.testing.assert_allclose(*(m.validation_scores_ for m in pair), rtol=1e-7)
        assert before is None or not np.array_equal(before[0], pair[1].coefs_[0])
    scores = pair[1].validation_scores_
    assert max(scores[-3:]) <= max(scores[:-3])


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_no_hidden_layer_and_one_of_a_numpy_number_are_taken(kind: str) -> None:
    X, y = table(kind)
    for hidden in ((), np.int64(3), np.array([3, 2])):
        assert_same(*(fitted(m, X, y) for m in both(kind, hidden_layer_sizes=hidden)))


def test_sparse_labels_come_back_sparse() -> None:
    X, Y = table("MLPClassifier", outputs=3)
    a, b = (fitted(model, X, sparse.csr_matrix(Y)) for model in both("MLPClassifier"))
    assert (a.predict(X) != b.predict(X)).nnz == 0


def test_a_warm_start_may_change_what_ends_it() -> None:
    X, y = table("MLPRegressor")
    model = cp.MLPRegressor(solver="lbfgs", warm_start=True, max_iter=3, random_state=0)
    for told in ({}, {"solver": "adam"}, {"early_stopping": True}, {"early_stopping": False}):
        before = getattr(model, "loss_", np.inf)
        fitted(model.set_params(**told), X, y)
        assert model.loss_ < before
    assert len(model.loss_curve_) == 9
    assert len(model.validation_scores_) == 3


def test_a_batch_without_weight_is_passed_over() -> None:
    X, y = table("MLPRegressor")
    weights = np.r_[np.zeros(30), np.ones(100)]
    told = {"batch_size": 30, "shuffle": False, "random_state": 1, "max_iter": 3, "solver": "sgd"}
    a = fitted(cp.MLPRegressor(**told), X, y, weights)
    b = fitted(cp.MLPRegressor(**told), X[30:], y[30:])
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(a.coefs_[0], b.coefs_[0], rtol=0, atol=1e-12)


# -- what differs, and on purpose ------------------------------------------------------------------
def test_the_loss_of_several_outputs_is_the_one_whose_gradient_is_followed() -> None:
    X, Y = table("MLPRegressor", outputs=3)
    a, b = (fitted(model, X, Y) for model in both("MLPRegressor", alpha=0.0, tol=0.0))
    for one, other in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)  # the same gradient
    np.testing.assert_allclose(np.multiply(a.loss_curve_, 3), b.loss_curve_, rtol=1e-9)
    # one full step of plain descent: W − α ∂J/∂W of the J reported, by the float64 reference
    told = {"solver": "sgd", "momentum": 0.0, "batch_size": len(X), "learning_rate_init": 0.1}
    before = fitted(both("MLPRegressor", **told, max_iter=1)[1].set_params(alpha=0.2), X, Y)
    after = fitted(both("MLPRegressor", **told, max_iter=2)[1].set_params(alpha=0.2), X, Y)
    network, p = before.to_network(), before.parameters_
    gradient = network.gradient(p, X, Y)
    assert after.loss_ == pytest.approx(network.cost(p, X, Y), rel=1e-12)
    moved = p["W1"] - 0.1 * gradient["W1"]
    np.testing.assert_allclose(after.coefs_[0], moved.T, rtol=0, atol=1e-13)


@pytest.mark.parametrize("seed", [0, 1, 16])  # with 0 and 16 a sum of costs is the first infinity
def test_a_fit_that_leaves_the_finite_numbers_ends_there(seed: int) -> None:
    X, y = table("MLPRegressor")
    wild = {"solver": "sgd", "learning_rate_init": 1e6, "activation": "identity"}
    wild["random_state"] = seed
    model = cp.MLPRegressor(max_iter=500, early_stopping=True, **wild)
    with pytest.warns(ConvergenceWarning, match="lower learning_rate_init"):
        model.fit(X, y)
    assert model.n_iter_ < 20
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.predict(X)).all()  # the best epoch's
    with (
        pytest.raises(cp.ClearPropError, match="non-finite parameter weights"),
        pytest.warns(ConvergenceWarning),
    ):
        cp.MLPRegressor(**wild).fit(X, y)


# -- the same bits ---------------------------------------------------------------------------------
def bits(model: Any) -> list[bytes]:
    return [array.tobytes() for array in [*model.coefs_, *model.intercepts_]]


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_any_number_of_threads_and_any_run_give_the_same_bits(kind: str) -> None:
    X, y = table(kind, n=1500)
    told = {"max_iter": 3, "hidden_layer_sizes": 64, "batch_size": 700, "random_state": 8}
    runs = [
        fitted(getattr(cp, kind)(**told, n_jobs=jobs, precision=precision), X, y)
        for precision in ("float32", "float64")
        for jobs in (1, 2, 3, 1)
    ]
    assert len({tuple(bits(run)) for run in runs[:4]}) == 1
    assert len({tuple(bits(run)) for run in runs[4:]}) == 1
    lbfgs = [
        fitted(getattr(cp, kind)(solver="lbfgs", max_iter=3, random_state=1, n_jobs=j), X, y)
        for j in (1, 2)
    ]
    assert bits(lbfgs[0]) == bits(lbfgs[1])


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_in_chunks_give_the_bits_of_dense_ones(
    form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = table("MLPClassifier", n=300)
    X[np.abs(X) < 0.8] = 0
    weights = np.random.default_rng(0).uniform(size=len(X))
    model = cp.MLPClassifier(8, max_iter=4, random_state=0, batch_size=32, early_stopping=True)
    dense = fitted(model, X, y, weights)
    found, proba = bits(dense), dense.predict_proba(X)
    losses = dense.validation_loss_curve_
    monkeypatch.setattr(rows_module, "CHUNK_BYTES", 6 * 8 * 100)
    monkeypatch.setattr("clearprop.estimators.machine.CHUNK_BYTES", 6 * 8 * 100)
    again = fitted(model, form(X), y, weights)
    assert bits(again) == found
    assert again.predict_proba(form(X)).tobytes() == proba.tobytes()
    np.testing.assert_allclose(again.validation_loss_curve_, losses, rtol=1e-12)


def test_float32_stays_float32_and_large_float64_tables_take_float32_steps() -> None:
    X, y = table("MLPRegressor", n=1000)
    told = {"hidden_layer_sizes": 8, "max_iter": 2, "random_state": 0}
    small = fitted(cp.MLPRegressor(**told), X.astype(np.float32), y)
    assert {array.dtype.name for array in [*small.coefs_, *small.intercepts_]} == {"float32"}
    assert small.predict(X.astype(np.float32)).dtype == np.float32

    def steps_in(X: Any, y: Any, **more: Any) -> str:
        model = fitted(cp.MLPRegressor(**told, **more), X, y)
        assert {array.dtype.name for array in model.coefs_} == {"float64"}
        assert model.predict(X).dtype == np.float64
        return str(model._optimizer.state.parameters.dtype)

    assert steps_in(X, y) == "float32"
    assert steps_in(X, y, precision="float64") == "float64"
    assert steps_in(X[:999], y[:999]) == "float64"
    far = X.copy()
    far[:, 2] += 1e6  # a time in seconds: float32 would not tell its values apart
    assert steps_in(far, y) == "float64"
    b = fitted(both("MLPRegressor", max_iter=10)[1], X, y)
    c = fitted(cp.MLPRegressor(hidden_layer_sizes=(9, 5), max_iter=10, random_state=3), X, y)
    np.testing.assert_allclose(c.predict(X), b.predict(X), atol=1e-4)
