"""Every epoch of a fit is scored, told and can be its last: held rows, curves, callbacks."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_estimators_more import SMALL, same_bits

import clearprop as cp

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning"
)
Array = np.ndarray[Any, Any]


# -- validation and callbacks ----------------------------------------------------------------------
def test_the_callers_validation_rows_are_scored_and_stop_a_fit(X: Array, labels: Array) -> None:
    held = (X[60:], labels[60:])
    model = cp.MLPClassifier(**SMALL).fit(X[:60], labels[:60], validation_data=held)
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_
    assert model.validation_scores_[-1] == model.score(*held)
    p = model.predict_proba(held[0])[np.arange(30), (held[1] == "yes").astype(int)]
    assert model.validation_loss_curve_[-1] == pytest.approx(-np.log(p).mean(), rel=1e-9)
    told = SMALL | {"early_stopping": True, "max_iter": 400, "n_iter_no_change": 3}
    stopped = cp.MLPClassifier(**told).fit(X[:60], labels[:60], validation_data=held)
    assert stopped.n_iter_ < 400
    assert stopped.score(*held) == stopped.best_validation_score_ == max(stopped.validation_scores_)
    with pytest.raises(cp.ClearPropError, match="has the class perhaps"):
        model.fit(X, labels, validation_data=(X[:2], ["yes", "perhaps"]))
    with pytest.raises(cp.ClearPropError, match=r"\(X, y\)"):
        model.fit(X, labels, validation_data=X)


def test_a_pipeline_transforms_the_callers_validation_rows(X: Array, labels: Array) -> None:
    rows, held = (X[:60] * 100 + 7, labels[:60]), (X[60:] * 100 + 7, labels[60:])
    with sklearn.config_context(enable_metadata_routing=True):
        model = cp.MLPClassifier(**SMALL).set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        pipe.fit(*rows, X_val=held[0], y_val=held[1])
        fitted = pipe[-1]
        assert fitted.validation_scores_[-1] == pipe.score(*held)
    scaler = StandardScaler().fit(rows[0])
    scaled = (scaler.transform(held[0]), held[1])
    plain = cp.MLPClassifier(**SMALL).fit(
        scaler.transform(rows[0]), rows[1], validation_data=scaled
    )
    assert plain.validation_loss_curve_ == fitted.validation_loss_curve_
    with pytest.raises(cp.ClearPropError, match="X_val and y_val together"):
        model.fit(*rows, X_val=held[0])
    with pytest.raises(cp.ClearPropError, match="X_val and y_val together"):
        model.fit(*rows, sample_weight_val=np.ones(30))


def test_a_share_of_the_rows_is_scored_every_epoch_and_stops_nothing(
    X: Array, labels: Array
) -> None:
    told = SMALL | {"validation_fraction": 0.2, "max_iter": 40, "n_iter_no_change": np.inf}
    model = cp.MLPClassifier(**told, validation_curve=True).fit(X, labels)
    draws = np.random.RandomState(told["random_state"])
    for a, b in pairwise((X.shape[1], *np.atleast_1d(told["hidden_layer_sizes"]), 1)):
        draws.uniform(size=(a + 1) * b)  # the initial values
    parts = train_test_split(X, labels, test_size=0.2, stratify=labels, random_state=draws)
    rows, held = (parts[0], parts[2]), (parts[1], parts[3])
    assert len(held[0]) == 18 and model.n_iter_ == len(model.validation_loss_curve_) == 40
    assert model.validation_scores_[-1] == model.score(*held)
    p = model.predict_proba(held[0])[np.arange(18), (held[1] == "yes").astype(int)]
    assert model.validation_loss_curve_[-1] == pytest.approx(-np.log(p).mean(), rel=1e-9)
    assert model.loss_curve_[-1] == model.loss_  # the last epoch's, not that of the best score
    # With rows of one's own no others are held back.
    own = cp.MLPClassifier(**told, validation_curve=True).fit(*rows, validation_data=held)
    plain = cp.MLPClassifier(**told).fit(*rows, validation_data=held)
    assert same_bits(own, plain) and own.validation_scores_ == plain.validation_scores_
    assert cp.MLPClassifier(**told).fit(X, labels).validation_scores_ is None


def test_a_curve_needs_epochs(X: Array, labels: Array) -> None:
    curve = cp.MLPClassifier(**SMALL, validation_curve=True)
    with pytest.raises(cp.ClearPropError, match="partial_fit does not support validation_curve"):
        curve.partial_fit(X, labels, classes=["no", "yes"])
    with pytest.raises(cp.ClearPropError, match="lbfgs has no epochs"):
        curve.set_params(solver="lbfgs").fit(X, labels)


def test_a_callback_sees_every_epoch_and_can_end_the_fit(X: Array, numbers: Array) -> None:
    seen: list[float] = []

    def watch(model: Any) -> bool:
        seen.append(model.score(X, numbers))
        return model.n_iter_ == 3

    model = cp.MLPRegressor(**SMALL, callbacks=watch).fit(X, numbers)
    assert model.n_iter_ == len(seen) == 3
    assert seen[-1] == model.score(X, numbers)
    assert len(set(seen)) == 3
    assert cp.MLPRegressor(**SMALL, solver="lbfgs", callbacks=[watch]).fit(X, numbers).n_iter_ == 3


class Recorder:
    """A callback of scikit-learn's that ends a fit after some epochs."""

    def __init__(self, X: Array, y: Array, epochs: int = 1000) -> None:
        self.X, self.y, self.epochs = X, y, epochs
        self.events: list[str] = []
        self.scores: list[float] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.events.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool:
        self.events.append(f"end {context.task_name}")
        if fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(self.X, self.y))
        return len(self.scores) == self.epochs


def told_of(epochs: int) -> list[str]:
    each = ["begin epoch", "end epoch"] * epochs
    return ["setup", "begin fit", *each, "end fit", "teardown"]


with_callbacks = pytest.mark.skipif(
    find_spec("sklearn.callback") is None, reason="callbacks came with scikit-learn 1.9"
)


@with_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scikit_learns_callbacks_are_told_of_every_epoch(
    solver: str, X: Array, numbers: Array
) -> None:
    recorder = Recorder(X, numbers, epochs=3)
    model = cp.MLPRegressor(**SMALL, solver=solver).set_callbacks(recorder).fit(X, numbers)
    assert model.n_iter_ == 3
    assert recorder.events == told_of(3)
    assert recorder.scores[-1] == model.score(X, numbers)


@with_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_no_epoch_begins_behind_the_last_that_max_iter_allows(
    solver: str, X: Array, numbers: Array
) -> None:
    recorder = Recorder(X, numbers)
    model = cp.MLPRegressor(**SMALL | {"max_iter": 5}, solver=solver).set_callbacks(recorder)
    with pytest.warns(ConvergenceWarning, match=r"\b5\b"):
        model.fit(X, numbers)
    assert model.n_iter_ == 5
    assert recorder.events == told_of(5)


@with_callbacks
def test_no_epoch_begins_behind_the_one_that_converged(X: Array, numbers: Array) -> None:
    recorder = Recorder(X, numbers)
    model = cp.MLPRegressor(solver="lbfgs", tol=0.1, random_state=0).set_callbacks(recorder)
    model.fit(X, numbers)
    assert 0 < model.n_iter_ < model.max_iter
    assert recorder.events == told_of(model.n_iter_)


@with_callbacks
def test_an_iteration_that_came_to_nothing_is_ended(X: Array, numbers: Array) -> None:
    recorder = Recorder(X, numbers)
    model = cp.MLPRegressor(solver="lbfgs", tol=1e9, random_state=0).set_callbacks(recorder)
    model.fit(X, numbers)  # where it begins, the gradient is as small as was asked for
    assert model.n_iter_ == 0
    assert recorder.events == told_of(1)
    assert len(recorder.scores) == 1  # the fit's: the iteration has no weights of its own


def test_residual_that_adds_nothing_is_told(X: Array, numbers: Array) -> None:
    with pytest.warns(UserWarning, match="residual=True adds nothing"):
        cp.MLPRegressor(**(SMALL | {"hidden_layer_sizes": (4, 3)}), residual=True).fit(X, numbers)
    cp.MLPRegressor(**(SMALL | {"hidden_layer_sizes": (4, 4)}), residual=True).fit(X, numbers)


@pytest.mark.parametrize(
    ("idle", "does"),
    [
        ({"quantile": 0.9}, {"loss": "quantile"}),
        ({"huber_limit": 2.0}, {"loss": "huber"}),
        ({"weight_decay": 0.5}, {"solver": "adamw"}),
    ],
)
def test_a_setting_of_another_loss_or_solver_is_told(
    X: Array, numbers: Array, idle: dict[str, Any], does: dict[str, str]
) -> None:
    ((setting, value),) = does.items()
    with pytest.warns(UserWarning, match=f"does nothing without {setting}='{value}'"):
        cp.MLPRegressor(**SMALL, **idle).fit(X, numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        cp.MLPRegressor(**SMALL, **idle, **does).fit(X, numbers)


@pytest.mark.parametrize("kind", [cp.MLPClassifier, cp.MLPRegressor])
def test_a_class_of_its_own_built_on_ours_fits(
    kind: Any, X: Array, labels: Array, numbers: Array
) -> None:
    class Own(kind):  # type: ignore[misc]
        def __init__(self, alpha: float = 1e-4) -> None:
            super().__init__(alpha=alpha, **SMALL)

    y = labels if kind is cp.MLPClassifier else numbers
    assert same_bits(Own(0.1).fit(X, y), kind(alpha=0.1, **SMALL).fit(X, y))


def test_a_callback_of_lbfgs_keeps_the_weights_it_saw(X: Array, numbers: Array) -> None:
    kept: list[tuple[Array, Array]] = []

    def look(model: Any) -> bool:
        kept.append((model.coefs_[0], model.coefs_[0].copy()))
        return len(kept) == 5

    cp.MLPRegressor(solver="lbfgs", random_state=0, callbacks=look).fit(X, numbers)
    assert all(np.array_equal(own, then) for own, then in kept)
    assert not np.array_equal(kept[0][1], kept[4][1])


def test_a_callback_of_lbfgs_sees_the_loss(X: Array, numbers: Array) -> None:
    seen: list[float] = []

    def look(model: Any) -> bool:
        seen.append(model.loss_)
        return len(seen) == 3

    model = cp.MLPRegressor(solver="lbfgs", random_state=0, callbacks=look).fit(X, numbers)
    assert model.n_iter_ == 3
    assert seen[0] > seen[1] > seen[2] == model.loss_


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_scikit_learns_monitor_scores_labels_of_any_kind(
    X: Array, classes: int, weighted: bool
) -> None:
    callback = pytest.importorskip(
        "sklearn.callback", reason="callbacks came with scikit-learn 1.9"
    )
    y = np.array(["no", "yes", "perhaps"])[np.arange(len(X)) % classes]
    weights = np.linspace(1, 2, len(X)) if weighted else None
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = cp.MLPClassifier(**SMALL).set_callbacks(monitor).fit(X, y, weights)
    scores = monitor.get_logs().data_as_pandas["accuracy"]
    assert model.score(X, y, weights) in scores.tolist()
