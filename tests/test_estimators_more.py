"""What the estimators have beyond scikit-learn's, and scikit-learn's world around them."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pandas
import pytest
import sklearn
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_score,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import clearprop as cp

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (6, 6), "max_iter": 8, "random_state": 1}
Array = np.ndarray[Any, Any]


def same_bits(a: Any, b: Any) -> bool:
    pairs = zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True)
    return all(one.tobytes() == other.tobytes() for one, other in pairs)


# -- arguments -------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_every_setting_is_typed_explained_and_bounded(kind: str) -> None:
    estimator = getattr(cp, kind)
    names = set(estimator().get_params())
    told = [line.partition(" : ") for line in estimator.__doc__.splitlines() if " : " in line]
    explained = {name for names, _, _ in told for name in names.split(", ")}
    bare = {"shuffle", "momentum", "nesterovs_momentum", "n_iter_no_change"}  # a type says it all
    assert names - explained == set() and bare <= explained
    assert names == set(estimator._parameter_constraints)
    parameters = inspect.signature(estimator).parameters
    assert all(parameters[name].annotation is not inspect.Parameter.empty for name in names)
    assert "{" not in estimator.__doc__.replace('{"', "")


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor", "TabularClassifier"])
def test_an_argument_that_is_none_is_refused_by_name(kind: str) -> None:
    with pytest.raises(TypeError, match=rf"{kind}.__init__.*hiden_layers"):
        getattr(cp, kind)(hiden_layers=3)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_every_argument_of_scikit_learn_is_there_with_its_default_and_place(kind: str) -> None:
    wanted = getattr(theirs, kind)().get_params()
    has = getattr(cp, kind)().get_params()
    assert {name: has[name] for name in wanted} == wanted
    if "loss" not in wanted:  # the classifier; before 1.7 the regressor too
        return
    first, ours = (
        list(inspect.signature(side.MLPRegressor).parameters)[:3] for side in (theirs, cp)
    )
    assert ours == first


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"activation": ["relu"]}, "2 hidden layers, but activation names 1"),
        ({"activation": ["relu", "rellu"]}, "did you mean 'relu'"),
        ({"activation": "rellu"}, "'activation' parameter"),
        ({"solver": "sdg"}, "'solver' parameter"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must be > 0"),
        ({"hidden_layer_sizes": (5, 4.5)}, "hidden_layer_sizes holds whole numbers"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"solver": "lbfgs", "dropout": 0.1}, "goes by batches"),
        ({"learning_rate": "cosinus"}, "'learning_rate' parameter"),
    ],
)
def test_wrong_arguments_are_named(
    told: dict[str, Any], says: str, X: Array, numbers: Array
) -> None:
    with pytest.raises(ValueError, match=says):
        cp.MLPRegressor(**(SMALL | told)).fit(X, numbers)


def test_warm_start_with_other_layers_says_what_does_not_fit(X: Array, numbers: Array) -> None:
    model = cp.MLPRegressor(**SMALL, warm_start=True).fit(X, numbers)
    with pytest.raises(cp.ClearPropError, match="set warm_start=False"):
        model.set_params(hidden_layer_sizes=(3,)).fit(X, numbers)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_every_attribute_before_the_fit_is_there(kind: str) -> None:
    own, model = getattr(cp, kind)(), getattr(theirs, kind)()
    assert {name: getattr(own, name) for name in vars(model)} == vars(model)


def test_the_loss_of_a_classifier_is_an_attribute_and_no_argument(X: Array, labels: Array) -> None:
    model = cp.MLPClassifier(**SMALL).fit(X, labels)
    for one in (model, clone(model), pickle.loads(pickle.dumps(model))):
        assert one.loss == "log_loss"
        assert "loss" not in one.get_params()
    with pytest.raises(TypeError, match="loss"):
        cp.MLPClassifier(loss="log_loss")


# -- wide tables -----------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_a_column_of_ten_thousand_categories_is_learned_as_theirs(kind: str) -> None:
    keys = np.array([[f"k{place}"] for place in range(10_000)])
    y = np.arange(10_000) % 3
    told = {"hidden_layer_sizes": (4,), "batch_size": 1000, "learning_rate_init": 0.01}
    encoder = OneHotEncoder(handle_unknown="ignore")
    ours, other = (
        make_pipeline(encoder, getattr(side, kind)(**told, max_iter=2, random_state=0, **more)).fit(
            keys, y
        )
        for side, more in ((cp, {"precision": "float64"}), (theirs, {}))
    )
    assert ours[-1].coefs_[0].shape == (10_000, 4)
    for W, W_theirs in zip(ours[-1].coefs_, other[-1].coefs_, strict=True):
        np.testing.assert_allclose(W, W_theirs, atol=1e-9)
    asked = "predict" if kind == "MLPRegressor" else "predict_proba"
    new = [["k7"], ["never seen"]]
    np.testing.assert_allclose(getattr(ours, asked)(new), getattr(other, asked)(new), atol=1e-9)


# -- what is checked once or by a shorter way ------------------------------------------------------
def test_a_setting_found_right_is_refused_as_another_type(X: Array, numbers: Array) -> None:
    told = SMALL | {"max_iter": 1}
    for _ in range(2):
        cp.MLPRegressor(**told).fit(X, numbers)
    for wrong in ({"max_iter": 1.0}, {"max_iter": 0}, {"alpha": -1.0}, {"solver": "sdg"}):
        with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
            cp.MLPRegressor(**(told | wrong)).fit(X, numbers)
    with pytest.raises(ValueError, match="'class_weight' parameter"):  # another class's rules
        cp.MLPClassifier(**told, class_weight="x").fit(X, numbers > 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_checked_as_lists_are(dtype: Any, X: Array, numbers: Array) -> None:
    X, y = X.astype(dtype), numbers.astype(dtype)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = cp.MLPRegressor(**SMALL).fit(frame, y)
    assert model.feature_names_in_.tolist() == list("abcd")
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    model.fit(X, y)
    assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 4
    np.testing.assert_array_equal(model.predict(X.tolist()).astype(dtype), model.predict(X))
    huge = X.copy()
    huge[3:6, 2] = np.finfo(dtype).max  # finite, and their sum is not
    with np.errstate(over="ignore", invalid="ignore"):
        assert model.predict(huge).shape == (90,)
    for wrong, says in ((np.nan, "contains NaN"), (np.inf, "contains infinity")):
        broken = X.copy()
        broken[3, 2] = wrong
        targets = y.copy()
        targets[7] = wrong
        with pytest.raises(ValueError, match=f"Input X {says}"):
            model.predict(broken)
        with pytest.raises(ValueError, match=f"Input X {says}"):
            model.fit(broken, y)
        with pytest.raises(ValueError, match=says):
            model.fit(X, targets)
    with pytest.raises(ValueError, match="X has 3 features, but MLPRegressor is expecting 4"):
        model.predict(X[:, :3])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:-1])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(X[:0])


# -- weights ---------------------------------------------------------------------------------------
def test_class_weight_is_a_sample_weight_of_each_class(X: Array, labels: Array) -> None:
    by_class = cp.MLPClassifier(**SMALL, class_weight={"no": 3.0, "yes": 0.5}).fit(X, labels)
    by_row = cp.MLPClassifier(**SMALL).fit(X, labels, np.where(labels == "no", 3.0, 0.5))
    assert same_bits(by_class, by_row)
    few = labels.copy()
    few[10:] = "no"
    few[:4] = "yes"
    even = cp.MLPClassifier(**SMALL, class_weight="balanced").fit(X, few)
    counts = {name: np.mean(few == name) * 2 for name in ("no", "yes")}
    assert same_bits(even, cp.MLPClassifier(**SMALL).fit(X, few, [1 / counts[c] for c in few]))
    with pytest.raises(cp.ClearPropError, match="needs all rows at once"):
        clone(even).partial_fit(X, few, classes=["no", "yes"])


# -- networks --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "told",
    [
        {},
        {"activation": ["gelu", "logistic"]},
        {"hidden_layer_sizes": (5, 5, 5, 3), "residual": True, "activation": "silu"},
        {"loss": "huber", "huber_limit": 0.3},
        {"loss": "absolute_error"},
        {"loss": "log_cosh"},
        {"loss": "quantile", "quantile": 0.9},
        {"loss": "poisson"},
    ],
    ids=str,
)
def test_a_step_follows_the_gradient_of_the_loss_reported(
    told: dict[str, Any], X: Array, numbers: Array
) -> None:
    y = np.round(np.exp(numbers)) if told.get("loss") == "poisson" else numbers
    settings = SMALL | {
        "solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.01, "batch_size": len(X),
        "alpha": 0.3, "precision": "float64", "max_iter": 3,
    } | told  # fmt: skip
    before = cp.MLPRegressor(**settings).fit(X, y)
    after = cp.MLPRegressor(**(settings | {"max_iter": 4})).fit(X, y)
    network, p = before.to_network(), before.parameters_
    constant = 0.0
    if told.get("loss") == "poisson":  # half the deviance, as scikit-learn reports it
        constant = np.mean(np.where(y > 0, y * np.log(np.maximum(y, 1)), 0) - y)
    assert after.loss_ == pytest.approx(network.cost(p, X, y[:, None]) + constant, rel=1e-12)
    gradient = network.gradient(p, X, y[:, None])
    moved = after.parameters_
    np.testing.assert_allclose(moved.flat, p.flat - 0.01 * gradient.flat, rtol=0, atol=1e-13)
    np.testing.assert_allclose(
        before.predict(X), network.forward(p, X)[:, 0], rtol=1e-12, atol=1e-12
    )


def test_residual_layers_add_what_they_got(X: Array, numbers: Array) -> None:
    model = cp.MLPRegressor(
        hidden_layer_sizes=(5, 5, 4, 4), residual=True, activation="tanh", max_iter=2
    ).fit(X, numbers)
    W, b = model.coefs_, model.intercepts_
    h1 = np.tanh(X @ W[0] + b[0])
    h2 = h1 + np.tanh(h1 @ W[1] + b[1])
    h3 = np.tanh(h2 @ W[2] + b[2])  # another width: nothing to add
    h4 = h3 + np.tanh(h3 @ W[3] + b[3])
    np.testing.assert_allclose(model.predict(X), (h4 @ W[4] + b[4])[:, 0], atol=1e-12)


def test_a_quantile_leaves_its_share_below(rng: np.random.Generator) -> None:
    X = rng.uniform(-1, 1, size=(3000, 1))
    y = X[:, 0] + rng.normal(size=3000)
    model = cp.MLPRegressor(
        "quantile", quantile=0.9, hidden_layer_sizes=16, max_iter=60, random_state=0
    ).fit(X, y)
    assert np.mean(y <= model.predict(X)) == pytest.approx(0.9, abs=0.02)


def test_dropout_acts_in_training_alone_and_repeats(X: Array, numbers: Array) -> None:
    plain, first, again = (
        cp.MLPRegressor(**SMALL, dropout=rate).fit(X, numbers) for rate in (0.0, 0.4, 0.4)
    )
    assert same_bits(first, again)
    assert not same_bits(first, plain)
    network, p = first.to_network(), first.parameters_
    np.testing.assert_allclose(first.predict(X), network.forward(p, X)[:, 0], atol=1e-12)


# -- ways down -------------------------------------------------------------------------------------
def test_a_schedule_sets_every_steps_rate(X: Array, numbers: Array) -> None:
    told = SMALL | {"solver": "sgd", "momentum": 0.0, "shuffle": False, "batch_size": 30}
    by_name = cp.MLPRegressor(**told, learning_rate="cosine", learning_rate_init=0.1)
    t = np.arange(8 * 3)
    rates = 0.1 * 0.5 * (1 + np.cos(np.pi * t / 24))
    by_hand = cp.MLPRegressor(**told, learning_rate=lambda step: float(rates[step]))
    assert by_name.fit(X, numbers).score(X, numbers) == pytest.approx(
        by_hand.fit(X, numbers).score(X, numbers), abs=1e-9
    )
    constant = cp.MLPRegressor(**told, learning_rate_init=0.1).fit(X, numbers)
    assert constant.score(X, numbers) != by_name.score(X, numbers)


@pytest.mark.parametrize("solver", ["adamw", "rmsprop"])
def test_the_other_rules_are_those_of_the_reference(solver: str, X: Array, numbers: Array) -> None:
    told = SMALL | {"shuffle": False, "batch_size": len(X), "alpha": 0.0, "max_iter": 5}
    decay = {"weight_decay": 0.3} if solver == "adamw" else {}
    model = cp.MLPRegressor(**told, **decay, solver=solver).fit(X, numbers)
    start = cp.MLPRegressor(**(told | {"learning_rate_init": 1e-300, "max_iter": 1}))
    network, p = start.fit(X, numbers).to_network(), start.parameters_
    rule = cp.AdamW(weight_decay=0.3) if solver == "adamw" else cp.RMSprop(rho=0.999)
    trained = cp.Training(
        network, X, numbers[:, None], optimizer=rule, engine="reference", batch_size="full",
        steps=5, parameters=p,
    )  # fmt: skip
    trained.run()
    np.testing.assert_allclose(model.coefs_[0].T, trained.parameters["W1"], atol=1e-9)


# -- shown and checked -----------------------------------------------------------------------------
def test_what_was_fitted_can_be_derived_and_checked(X: Array, labels: Array) -> None:
    model = cp.MLPClassifier(**(SMALL | {"hidden_layer_sizes": 3, "activation": "tanh"}))
    network, p = model.fit(X, labels).to_network(), model.parameters_
    Y = (labels == "yes").astype(float)[:, None]
    proba = model.predict_proba(X)[:, 1]
    np.testing.assert_allclose(network.forward(p, X)[:, 0], proba, atol=1e-12)
    derivation = cp.derive(network, parameters=p, X=X[:1], Y=Y[:1])
    assert derivation.verify().max_error_trace < 1e-9
    gradient = network.gradient(p, X, Y)
    assert cp.check_gradient(network, p, X, Y, dict(gradient)).passed
    wrong = {name: (-g if name == "W1" else g) for name, g in gradient.items()}
    assert not cp.check_gradient(network, p, X, Y, wrong).passed


# -- scikit-learn's world --------------------------------------------------------------------------
@pytest.mark.parametrize("copied", ["pickle", "joblib", "deepcopy"])
def test_copies_predict_and_go_on_with_the_same_bits(
    copied: str, X: Array, numbers: Array, tmp_path: Any
) -> None:
    model = cp.MLPRegressor(**SMALL).fit(X, numbers)
    if copied == "pickle":
        other = pickle.loads(pickle.dumps(model))
    elif copied == "joblib":
        joblib.dump(model, tmp_path / "model")
        other = joblib.load(tmp_path / "model")
    else:
        other = copy.deepcopy(model)
    assert other.predict(X).tobytes() == model.predict(X).tobytes()
    assert same_bits(other.partial_fit(X, numbers), model.partial_fit(X, numbers))
    fresh = clone(model)
    assert not hasattr(fresh, "coefs_")
    assert fresh.get_params() == model.get_params()


def test_searches_pipelines_and_calibration_take_them(X: Array, labels: Array) -> None:
    pipe = make_pipeline(StandardScaler(), cp.MLPClassifier(**SMALL))
    search = GridSearchCV(pipe, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=3).fit(X, labels)
    assert search.best_params_["mlpclassifier__alpha"] in (1e-4, 1.0)
    assert cross_val_score(pipe, X, labels, cv=3).shape == (3,)
    calibrated = CalibratedClassifierCV(cp.MLPClassifier(**SMALL), cv=3).fit(X, labels)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    train, _ = validation_curve(
        cp.MLPClassifier(**SMALL), X, labels, param_name="dropout", param_range=[0.0, 0.5], cv=3
    )
    assert train.shape == (2, 3)


@pytest.fixture
def routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_weights_are_routed_through_a_pipeline(routing: None, X: Array, numbers: Array) -> None:
    weights = np.linspace(0.1, 3, len(X))
    asked = cp.MLPRegressor(**SMALL).set_fit_request(sample_weight=True)
    pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), asked)
    pipe.fit(X, numbers, sample_weight=weights)
    alone = cp.MLPRegressor(**SMALL).fit(StandardScaler().fit_transform(X), numbers, weights)
    assert same_bits(pipe[-1], alone)


def test_it_shows_itself_and_says_when_it_is_not_fitted(X: Array, numbers: Array) -> None:
    model = cp.MLPRegressor(**SMALL)
    assert repr(model) == "MLPRegressor(hidden_layer_sizes=(6, 6), max_iter=8, random_state=1)"
    assert "Not fitted" in model._repr_html_()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        model.predict(X)
    assert "<span>Fitted</span>" in model.fit(X, numbers)._repr_html_()


def test_names_of_columns_are_kept_and_checked(X: Array, numbers: Array) -> None:
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = cp.MLPRegressor(**SMALL).fit(frame, numbers)
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("badc")])


def test_one_estimator_predicts_from_several_threads_at_once(X: Array, numbers: Array) -> None:
    model = cp.MLPRegressor(**SMALL).fit(X, numbers)
    wanted = model.predict(X).tobytes()
    found = joblib.Parallel(4, backend="threading")(
        joblib.delayed(model.predict)(X) for _ in range(40)
    )
    assert {one.tobytes() for one in found} == {wanted}


def test_ctrl_c_keeps_the_epochs_done(X: Array, numbers: Array) -> None:
    def interrupted(model: Any) -> None:
        if model.n_iter_ == 4:
            raise KeyboardInterrupt

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = cp.MLPRegressor(**SMALL, callbacks=interrupted).fit(X, numbers)
    assert "Training interrupted by user." in [str(one.message) for one in said]
    assert model.n_iter_ == 4
    same = cp.MLPRegressor(**(SMALL | {"max_iter": 4})).fit(X, numbers)
    assert same_bits(model, same)
