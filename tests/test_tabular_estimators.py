"""The tabular estimators in scikit-learn's world: its own checks, pipelines, searches, pickles."""

from __future__ import annotations

import io
import itertools
import pickle
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import clearprop as cp
from clearprop.errors import ClearPropError, DataError, FileError, SettingError, UsageError
from clearprop.estimators import tabular, tabular_fitting, tabular_runs
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor

SMALL: dict[str, Any] = {
    "changes": {"epochs": 12, "hidden": (32, 32), "members": 1, "bags": 1, "refit": False},
    "random_state": 0,
}

#: scikit-learn holds its own MLP to this check with solvers of all rows at once, and holds none
#: back. These deal rows out, to the rows that judge and to batches, each by a draw for its place in
#: the table: the check shuffles the weighted rows and repeats the others, so that other rows judge,
#: and an epoch of the repeated has more steps. If rows were dealt by what they hold, two things
#: would still differ: a column's quantiles and a target's mean count rows, those of weight 0 too;
#: and float32 sums of other lengths differ in the first step by the 1e-7 that the check allows the
#: last. Of one batch in float64 it holds: `test_weights_count_as_repeated_rows_do`.
EXCUSED = {
    "check_sample_weight_equivalence_on_dense_data": "rows are dealt out by their place: repeated "
    "ones are other rows"
}


@parametrize_with_checks(
    [TabularClassifier(**SMALL), TabularRegressor(**SMALL)],
    expected_failed_checks=lambda estimator: EXCUSED,
    xfail_strict=True,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_s_own_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def cancer() -> tuple[pd.DataFrame, pd.Series]:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return X, y.map({0: "malignant", 1: "benign"})


@pytest.fixture(scope="module")
def fitted(cancer: tuple[pd.DataFrame, pd.Series]) -> TabularClassifier:
    return TabularClassifier(**SMALL).fit(*cancer)


def test_classes_are_the_labels_in_order(fitted: TabularClassifier, cancer: Any) -> None:
    X, y = cancer
    assert fitted.classes_.tolist() == ["benign", "malignant"]
    P = fitted.predict_proba(X)
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-12)
    assert (fitted.predict(X) == fitted.classes_[P.argmax(axis=1)]).all()
    assert (fitted.predict(X) == y).mean() > 0.95
    np.testing.assert_array_equal(fitted.predict_log_proba(X), np.log(P))


def test_bfloat16_learns_what_float32_does(
    fitted: TabularClassifier, cancer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARPROP_BFLOAT16", "emulated")  # not every processor has tiles for it
    X, y = cancer
    low = TabularClassifier(**SMALL, precision="bfloat16").fit(X, y)
    assert low.model_.provenance["precision"] == "bfloat16"
    difference = np.abs(low.predict_proba(X) - fitted.predict_proba(X))
    assert 1e-4 < difference.max() < 0.3 and difference.mean() < 0.01
    again = TabularClassifier(**SMALL, precision="bfloat16", n_jobs=2).fit(X, y)
    assert low.predict_proba(X).tobytes() == again.predict_proba(X).tobytes()
    with pytest.raises(SettingError, match="precision must be one of"):
        TabularClassifier(**SMALL, precision="half").fit(X, y)


def test_columns_may_come_in_another_order(fitted: TabularClassifier, cancer: Any) -> None:
    X, _ = cancer
    turned = X[X.columns[::-1]]
    assert (fitted.predict_proba(turned) == fitted.predict_proba(X)).all()
    with pytest.raises(DataError, match="mean radius"):
        fitted.predict(X.drop(columns="mean radius"))


def test_a_pickle_predicts_the_same_bits(fitted: TabularClassifier, cancer: Any) -> None:
    X, _ = cancer
    again = pickle.loads(pickle.dumps(fitted))
    assert again.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()
    assert again.get_params() == fitted.get_params()


def test_the_model_inside_saves_and_loads(
    fitted: TabularClassifier, cancer: Any, tmp_path: Any
) -> None:
    X, _ = cancer
    path = fitted.model_.save(tmp_path / "m.clearprop")
    loaded = cp.load(path)
    assert (loaded.predict_probabilities(X) == fitted.predict_proba(X)).all()
    assert loaded.labels == ("benign", "malignant")


def test_the_estimator_saves_the_same_file(
    fitted: TabularClassifier, cancer: Any, tmp_path: Any
) -> None:
    inner = fitted.model_.save(tmp_path / "inner.clearprop")
    own = fitted.save(tmp_path / "own.clearprop")
    assert own == tmp_path / "own.clearprop"
    assert own.read_bytes() == inner.read_bytes()
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    with pytest.raises(FileError, match=r"notes\.txt"):
        fitted.save(other)
    assert fitted.save(other, overwrite=True).read_bytes() == inner.read_bytes()
    with pytest.raises(NotFittedError):
        TabularClassifier().save(tmp_path / "none.clearprop")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_line_that_is_written_over(
    cancer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = cancer
    told = {**SMALL, "changes": {**SMALL["changes"], "bags": 2}}
    written = {}
    for kind in (Screen, io.StringIO):
        to = written[kind] = kind()
        monkeypatch.setattr("sys.stderr", to)
        TabularClassifier(**told, progress=True).fit(X, y)
    ends = [line for line in written[Screen].getvalue().split("\n") if line]
    assert len(ends) == 2 and all(line.startswith("\rrun ") for line in ends)
    assert all(len(part) <= 80 for line in ends for part in line.split("\r"))
    lines = written[io.StringIO].getvalue().splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "run 1 of 2: epoch 12 of 12", "run 2 of 2: epoch 12 of 12",
    ]  # fmt: skip
    assert ", log_loss 0." in lines[0] and "(best 0." in lines[0]
    with pytest.raises(SettingError, match="progress is a function, True or None"):
        TabularClassifier(**SMALL, progress=1).fit(X, y)


def test_the_network_inside_gives_the_probabilities(fitted: TabularClassifier, cancer: Any) -> None:
    X, _ = cancer
    exact = fitted.to_network().forward(fitted.parameters_, fitted.inputs(X))  # without the engine
    np.testing.assert_allclose(exact, fitted.predict_proba(X), atol=2e-5)


def test_the_network_inside_is_derived_and_its_gradient_told_right_from_wrong(
    rng: np.random.Generator,
) -> None:
    """Factors, an embedding, two members in each of two bags: nothing of them is hidden."""
    X = pd.DataFrame({"many": [f"level {place % 40}" for place in range(120)],
                      "size": rng.normal(size=120)})  # fmt: skip
    changes = {"epochs": 2, "hidden": (6, 5), "members": 2, "bags": 2, "parametric": True}
    model = TabularClassifier(preset="fast", changes=changes, random_state=0)
    y = rng.integers(0, 3, 120)
    network, p = model.fit(X, y).to_network(), model.parameters_
    inputs, t = model.inputs(X.iloc[:7]), y[:7]
    with pytest.raises(NotFittedError):
        TabularClassifier().inputs(X)
    assert [one.shape for one in inputs.values()] == [(7, 17), (7,)]
    assert network.graph.members == 4
    found = cp.derive(network, "S1", p, inputs, t).verify()
    assert found.passed, found
    g = {name: np.array(one) for name, one in network.gradient(p, inputs, t).items()}
    assert cp.check_gradient(network, p, inputs, t, g).passed
    hidden = next(name for name in g if name.startswith("W") and name != "W_head")
    g[hidden] = 2 * g[hidden]
    wrong = cp.check_gradient(network, p, inputs, t, g)
    assert f"counted twice: {hidden} " in " ".join(map(str, wrong.diagnosis))


def test_the_same_seed_gives_the_same_bits_for_any_threads(cancer: Any) -> None:
    X, y = cancer
    one, two, other = (
        TabularClassifier(**{**SMALL, "random_state": seed}, n_jobs=jobs).fit(X, y)
        for seed, jobs in ((0, 1), (0, 2), (1, 1))
    )
    assert one.model_.parameters.flat.tobytes() == two.model_.parameters.flat.tobytes()
    assert one.model_.parameters.flat.tobytes() != other.model_.parameters.flat.tobytes()


def test_not_fitted_says_so() -> None:
    with pytest.raises(NotFittedError):
        TabularClassifier().predict([[1.0]])


def test_searches_pipelines_and_calibration_take_it(cancer: Any) -> None:
    X, y = cancer
    X, y = X.iloc[:200, :5], y[:200]
    quick = TabularClassifier(**SMALL)
    assert cross_val_score(quick, X, y, cv=2).min() > 0.6
    search = GridSearchCV(quick, {"metric": ["log_loss", "accuracy"]}, cv=2).fit(X, y)
    assert search.best_params_["metric"] in ("log_loss", "accuracy")
    chosen = make_column_transformer((StandardScaler(), ["mean radius"]), remainder="passthrough")
    assert make_pipeline(chosen, quick).fit(X, y).score(X, y) > 0.7
    assert CalibratedClassifierCV(quick, cv=2).fit(X, y).predict_proba(X).shape == (200, 2)
    assert "TabularClassifier" in quick._repr_html_()


def test_a_regressor_stays_within_the_numbers_it_was_shown() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = TabularRegressor(**SMALL).fit(X, y)
    far = model.predict(np.vstack([X * 100, -X * 100]))
    assert far.min() >= y.min() and far.max() <= y.max()
    assert model.score(X, y) > 0.4


def test_numbers_are_clipped_only_if_asked(rng: np.random.Generator) -> None:
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] > 0).astype(float)
    longer = {**SMALL["changes"], "epochs": 60}
    free = TabularRegressor(changes={**longer, "clip": False}, random_state=0).fit(X, y)
    found = free.predict(X)
    assert found.min() < 0 or found.max() > 1
    clipped = TabularRegressor(changes=longer, random_state=0).fit(X, y).predict(X)
    np.testing.assert_array_equal(clipped, np.clip(found, 0, 1))


def test_max_steps_repeats_a_time_limit_to_the_bit(cancer: Any) -> None:
    X, y = cancer
    changes = {"epochs": 5000, "hidden": (8,), "bags": 1, "refit": False}
    cut = TabularClassifier(changes=changes, random_state=0, time_limit=0.3).fit(X, y)
    assert cut.n_steps_ < 5000 * 8
    again = TabularClassifier(changes=changes, random_state=0, max_steps=cut.n_steps_).fit(X, y)
    assert again.model_.parameters.flat.tobytes() == cut.model_.parameters.flat.tobytes()


def test_a_short_time_limit_is_for_one_network_that_learns(cancer: Any) -> None:
    X, y = cancer
    changes = {"epochs": 5000, "hidden": (8,)}
    cut = TabularClassifier(preset="best", changes=changes, random_state=0, time_limit=0.3)
    cut.fit(X, y)
    steps: tuple[int, ...] = cut.n_steps_
    assert len(steps) == 16 and 0 < steps[0] < 5000 * 8 and set(steps[1:]) == {0}
    assert len(cut.histories_) == len(cut.epochs_) == 1
    assert cut.to_network().graph.members == 2  # those of one run of the preset
    again = TabularClassifier(preset="best", changes=changes, random_state=0, max_steps=steps)
    again.fit(X, y)
    assert again.model_.parameters.flat.tobytes() == cut.model_.parameters.flat.tobytes()
    assert again.n_steps_ == steps


def test_a_run_begins_only_if_there_is_time_for_all_of_it(
    cancer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = cancer
    settings: dict[str, Any] = {"changes": {"epochs": 6, "hidden": (8,)}, "random_state": 0}
    whole = TabularClassifier(**settings).fit(X, y)
    # A clock that goes on by a second whenever somebody looks: what a step takes is known.
    seconds = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    for module in (tabular, tabular_fitting, tabular_runs):
        monkeypatch.setattr(module, "time", clock)
    some = TabularClassifier(**settings, time_limit=15.5).fit(X, y)
    done = sum(map(bool, some.n_steps_))
    assert 1 < done < 8
    assert some.n_steps_ == (*whole.n_steps_[:done], *[0] * (8 - done))
    assert some.epochs_ == whole.epochs_[:done]
    assert some.to_network().graph.members == done
    again = TabularClassifier(**settings, max_steps=some.n_steps_).fit(X, y)
    assert again.model_.parameters.flat.tobytes() == some.model_.parameters.flat.tobytes()


def test_steps_leave_the_time_that_is_needed_behind_them(
    cancer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = cancer
    monkeypatch.setattr(tabular_runs.Runs, "_behind", lambda self, X, y: 3000.0)
    changes = {"epochs": 10**6, "hidden": (8,), "bags": 1, "refit": False}
    cut = TabularClassifier(changes=changes, random_state=0, time_limit=3000.2).fit(X, y)
    assert 0 < cut.model_.provenance["seconds"] < 10
    assert cut.model_.provenance["stopped"] == "time_limit"


def test_a_pass_over_many_rows_is_timed_and_over_few_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = np.linspace(-1, 1, 64_000)
    tails = []
    run = tabular_runs.Runs.run

    def seen(self: Any, *asked: Any) -> Any:
        model = run(self, *asked)
        tails.append(self.tail)
        return model

    monkeypatch.setattr(tabular_runs.Runs, "run", seen)
    changes = {"epochs": 1, "hidden": (8,), "bags": 1, "refit": False}
    for rows in (1000, 64_000):
        kind = TabularRegressor(changes=changes, random_state=0, time_limit=1000)
        assert kind.fit({"x": x[:rows]}, x[:rows]).score({"x": x[:rows]}, x[:rows]) > 0.1
    assert tails[0] == 0 < tails[1] < 100


@pytest.mark.parametrize(("kind", "seconds"), [(TabularRegressor, 3), (TabularClassifier, 5)])
def test_three_passes_and_two_searches_for_a_temperature_are_behind_the_steps(
    kind: Any, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: float(next(looks)))
    for module in (tabular, tabular_fitting, tabular_runs):
        monkeypatch.setattr(module, "time", clock)
    runs: list[Any] = []
    run = tabular_runs.Runs.run
    monkeypatch.setattr(
        tabular_runs.Runs, "run", lambda *asked: runs.append(asked[0]) or run(*asked)
    )
    x = np.arange(20_480) % 7
    changes = {"epochs": 1, "hidden": (4,), "bags": 1, "refit": False, "validation": 0.5}
    kind(changes=changes, random_state=0, time_limit=1e6).fit({"x": x}, x)
    held = 10_240 / 2048  # what was timed are 2048 rows
    assert runs[0].tail == pytest.approx(seconds * held, rel=1e-3)


def test_a_checkpoint_goes_on_to_the_bits_of_a_run_never_stopped(
    cancer: Any, tmp_path: Any
) -> None:
    X, y = cancer
    path = tmp_path / "run.part"
    whole = TabularClassifier(**SMALL).fit(X, y)
    TabularClassifier(**SMALL, checkpoint=str(path), max_steps=20).fit(X, y)
    resumed = TabularClassifier(**SMALL, checkpoint=str(path)).fit(X, y)
    assert resumed.model_.parameters.flat.tobytes() == whole.model_.parameters.flat.tobytes()


def test_several_runs_hold_the_same_promises(cancer: Any, tmp_path: Any) -> None:
    X, y = cancer
    settings: dict[str, Any] = {"changes": {"epochs": 6, "hidden": (8,)}, "random_state": 0}
    whole = TabularClassifier(**settings, n_jobs=1).fit(X, y)
    bits = whole.model_.parameters.flat.tobytes()
    assert len(whole.n_steps_) == 8  # four bags, each trained anew on all rows
    two = TabularClassifier(**settings, n_jobs=2).fit(X, y)
    again = TabularClassifier(**settings, max_steps=whole.n_steps_).fit(X, y)
    assert two.model_.parameters.flat.tobytes() == again.model_.parameters.flat.tobytes() == bits

    calls: list[int] = []

    def crash(progress: Any) -> None:
        calls.append(progress.step)
        if len(calls) == 3:
            raise RuntimeError("power cut")

    path = str(tmp_path / "run.part")
    with pytest.raises(RuntimeError):
        TabularClassifier(**settings, checkpoint=path, progress=crash).fit(X, y)
    resumed = TabularClassifier(**settings, checkpoint=path).fit(X, y)
    assert resumed.model_.parameters.flat.tobytes() == bits


def test_an_interruption_keeps_the_best_so_far(cancer: Any) -> None:
    X, y = cancer

    def stop(progress: Any) -> None:
        if progress.step:
            raise KeyboardInterrupt

    model = TabularClassifier(preset="fast", random_state=0, progress=stop)
    with pytest.warns(ConvergenceWarning, match="interrupted after"):
        model.fit(X, y)
    assert model.predict(X).shape == y.shape


def test_progress_is_told_and_changes_no_bits(cancer: Any, fitted: TabularClassifier) -> None:
    X, y = cancer
    seen: list[int] = []
    told = TabularClassifier(**SMALL, progress=lambda progress: seen.append(progress.step))
    told.fit(X, y)
    assert seen[-1] == told.n_steps_ == fitted.n_steps_
    assert told.model_.parameters.flat.tobytes() == fitted.model_.parameters.flat.tobytes()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"preset": "defualt"}, "default"),
        ({"metric": "rmse"}, "no metric 'rmse' for classification"),
        ({"preset": ["fast"]}, "no preset"),
        ({"changes": {"member": 3}}, "members"),
        ({"changes": {"bags": 0}}, "bags must be a whole number"),
        ({"changes": {"members": 0}}, "members must be a whole number"),
        ({"changes": {"batch_size": 0}}, "batch_size must be a whole number"),
        ({"changes": {"validation": 1}}, "validation must be a number"),
        ({"changes": ["bags"]}, "changes is a dict"),
        ({"changes": {"hidden": 64}}, "hidden is a list of units"),
        ({"progress": 3}, "progress is a function, True or None, got 3"),
        ({"checkpoint": 3}, "name of a checkpoint is a text or a path, got 3"),
        ({"changes": {"one_hot_up_to": -1}}, "one_hot_up_to must be a whole number"),
        ({"changes": {"pieces_up_to": None}}, "pieces_up_to must be a whole number"),
        ({"changes": {"embedding": 0}}, "embedding must be a whole number"),
        ({"changes": {"numbers": None}}, "numbers must be one of 'robust', 'pieces'"),
        ({"changes": {"numbers": "waves"}}, "numbers must be one of 'robust', 'pieces'"),
        ({"changes": {"sharing": "maxi"}}, "sharing must be"),
        ({"changes": {"refit": "no"}}, "refit must be true or false"),
        ({"changes": {"clip": 1}}, "clip must be true or false"),
        ({"time_limit": 0}, "time_limit"),
        ({"time_limit": -1}, "time_limit"),
        ({"max_steps": 0}, "max_steps must be a whole number"),
        ({"max_steps": [0, 0]}, "max_steps must be a whole number"),
        ({"max_steps": [3, 0, 3, 0]}, "max_steps must be a whole number"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"metric": "roc_auc"}, "here it is 'auc'"),
        ({"columns": {"mean radius": "text"}}, "text"),
        ({"random_state": "no"}, "random_state"),
    ],
)
def test_a_wrong_setting_is_said_in_one_sentence(
    settings: dict[str, Any], says: str, cancer: Any
) -> None:
    with pytest.raises(ClearPropError, match=says):
        TabularClassifier(**settings).fit(*cancer)


def test_settings_are_kept_as_they_were_given() -> None:
    changes = {"members": 3}
    model = TabularClassifier(changes=changes, preset="best")
    assert clone(model).get_params() == model.get_params()
    assert model.changes is changes
    with pytest.raises(SettingError):
        TabularClassifier(metric="no").fit([[1.0], [2.0]], [0, 1])


def test_metadata_routing_hands_weights_over(cancer: Any) -> None:
    from sklearn import config_context

    X, y = cancer
    weights = np.where(y == "benign", 5.0, 0.5)
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        model = TabularClassifier(**SMALL).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, model).fit(X, y, sample_weight=weights)
    plain = make_pipeline(StandardScaler(), TabularClassifier(**SMALL)).fit(X, y)
    more = (routed.predict_proba(X)[:, 0] - plain.predict_proba(X)[:, 0]).mean()
    assert more > 0  # the heavier class is predicted more


def test_a_target_named_like_a_column_is_no_column() -> None:
    """A Series that was made of a column keeps its name."""
    rng = np.random.default_rng(0)
    price = pd.Series(rng.normal(size=120).cumsum(), name="price")
    X = pd.DataFrame({"price": price.shift(1).fillna(0.0), "y": rng.normal(size=120)})
    model = cp.TabularRegressor(preset="fast", random_state=0).fit(X, price)
    assert model.model_.target.name == "price_"
    assert cp.TabularRegressor(preset="fast").fit(X, price.tolist()).model_.target.name == "y_"
    with pytest.raises(DataError, match="no column 'price_'"):
        model.model_.evaluate(X)
    assert model.model_.evaluate(X, price)["r2"] == pytest.approx(model.score(X, price))
    own = X.rename(columns={"price": "before"})
    named = cp.TabularRegressor(preset="fast", random_state=0).fit(own, price)
    assert named.model_.target.name == "price" and "predicts price" in named.model_.describe()
    assert named.model_.evaluate(own.assign(price=price)) == named.model_.evaluate(own, price)


def test_a_saved_model_is_judged_by_targets_beside_the_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"a": rng.normal(size=100), "b": rng.normal(size=100)})
    labels, weights = np.where(X["a"] > 0, "up", "down"), rng.uniform(0, 2, 100)
    model = cp.TabularClassifier(preset="fast", random_state=0).fit(X, labels)
    model.model_.save(tmp_path / "m.clearprop")
    again = cp.load(tmp_path / "m.clearprop")
    for given in (X, X.to_numpy(), X[["b", "a"]]):
        assert again.evaluate(given, labels)["accuracy"] == model.score(X, labels)
    weighed = again.evaluate(X, labels, weights)["accuracy"]
    assert weighed == pytest.approx(model.score(X, labels, weights))
    with pytest.raises(DataError, match="has the label sideways in row 0"):
        again.evaluate(X, ["sideways"] * 100)
    with pytest.raises(DataError, match="100 rows and Y has 2"):
        again.evaluate(X, ["up", "down"])
    with pytest.raises(UsageError, match="the table holds the target 'y'; leave Y out"):
        again.evaluate(X.assign(y=labels), labels)


def test_a_quantile_is_told_and_is_no_ingredient() -> None:
    x = np.linspace(0, 1, 60)
    model = cp.TabularRegressor(preset="fast", quantile=0.9, random_state=0).fit({"x": x}, x)
    assert "predicts y: the quantile 0.9" in model.model_.describe()
    assert (model.model_.quantile, model.model_.provenance["metric"]) == (0.9, "pinball")
    for kind in (cp.TabularRegressor, cp.TabularClassifier):
        with pytest.raises(SettingError, match="a setting of TabularRegressor itself"):
            kind(changes={"quantile": 0.9}).fit({"x": x}, x > 0.5)
