"""What is inside a tabular estimator: the network, its rates, members, bags, refit, temperature."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.datasets import load_diabetes, load_iris, load_wine

from clearprop.engine import NativeRunner
from clearprop.errors import FileError
from clearprop.estimators import tabular_runs
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.estimators.tabular_figures import watched
from clearprop.estimators.tabular_fitting import fit
from clearprop.estimators.tabular_ingredients import PRESETS, Ingredients, chosen
from clearprop.estimators.tabular_rows import Rows
from clearprop.estimators.tabular_temperature import refinement, temperature, tempered
from clearprop.metrics import METRICS
from clearprop.model.model import input_arrays
from clearprop.tables.opening import open_table
from clearprop.tables.target import Target

QUICK: dict[str, Any] = {"epochs": 10, "hidden": (16, 16), "members": 1, "bags": 1, "refit": False}


def fitted(
    checkpoint: str | None = None, metric: str | None = None, **changes: Any
) -> tuple[TabularClassifier, np.ndarray, np.ndarray]:
    X, y = load_wine(return_X_y=True)
    made_of = {**QUICK, **changes}
    model = TabularClassifier(changes=made_of, metric=metric, checkpoint=checkpoint, random_state=0)
    return model.fit(X, y), X, y


def logits(z: np.ndarray, factor: float) -> np.ndarray:
    e = np.exp(factor * (z - z.max(axis=1, keepdims=True)))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def test_many_judges_end_a_run_behind_a_cycle_without_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y = load_wine(return_X_y=True)
    y = np.random.default_rng(0).permutation(y)  # nothing can be learned, but by heart
    settings: dict[str, Any] = {"preset": "fast", "random_state": 0}
    whole = TabularClassifier(**settings).fit(X, y)
    assert {len(history) for history in whole.histories_} == {64}
    monkeypatch.setattr(tabular_runs, "LEAST_TO_STOP", 40)
    short = TabularClassifier(**settings).fit(X, y)
    lengths = [len(history) for history in short.histories_]
    assert {13, 30} & set(lengths) and set(lengths) <= {13, 30, 64}
    for best, seen, history in zip(short.epochs_, lengths, whole.histories_, strict=True):
        assert best == int(np.argmin(history["validation_metric"][:seen])) + 1
    full = TabularClassifier(**settings, changes={"by_cycles": False}).fit(X, y)
    assert full.model_.parameters.flat.tobytes() == whole.model_.parameters.flat.tobytes()


def test_a_dense_layer_moves_as_in_the_neural_tangent_form() -> None:
    model, X, _ = fitted(numbers="robust")
    parameters = model.to_network().graph.parameters
    assert parameters["W2"].spec.lr_factor == 1 / math.sqrt(X.shape[1])
    assert parameters["W3"].spec.lr_factor == 1 / math.sqrt(16)
    for name in ("W2", "W3", "W_head"):
        spec = parameters[name].spec
        assert spec.lr_factor * spec.decay_factor == pytest.approx(1)
    assert parameters["s2"].spec.lr_factor == 6 if "s2" in parameters else True
    initial = model.to_network().initial(0)
    assert (initial["W_head"] == 0).all() and (initial["b_head"] == 0).all()


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        (2, 2),
        (1024, 64),
        (1025, 128),
        (8192, 128),
        (8193, 256),
        (30_000, 256),
        (30_001, 512),
        (99_999, 512),
        (10**6, 1024),
    ],
)
def test_batches_grow_with_the_table(rows: int, size: int) -> None:
    assert Ingredients().batch(rows) == size
    assert Ingredients(batch_size=32).batch(rows) == min(32, rows)


@pytest.mark.parametrize("sharing", ["mini", "packed"])
def test_members_predict_their_mean(sharing: str) -> None:
    model, X, _ = fitted(members=3, sharing=sharing, temperature=False)
    network, parameters = model.to_network(), model.model_.parameters
    assert network.graph.members == 3
    shared = {name for name, p in network.graph.parameters.items() if not p.spec.type.member}
    assert ("W3" in shared) is (sharing == "mini")
    assert model.model_.encoder is not None
    inputs = model.model_.encoder.encode(as_named(X), np.float64).X
    each = network.trace(parameters, inputs, [0] * len(X))[network.graph.outputs[0]]
    assert each.shape == (3, len(X), 3)
    assert np.abs(each[0] - each[1]).max() > 1e-3  # they differ
    np.testing.assert_allclose(each.mean(axis=0), model.predict_proba(X), atol=1e-5)


def as_named(X: np.ndarray) -> Any:
    return open_table({f"x{place}": X[:, place] for place in range(X.shape[1])})


def test_there_are_no_more_bags_than_rows() -> None:
    x = np.arange(12.0)
    model = TabularRegressor(changes={**QUICK, "bags": 40}, max_steps=1, random_state=0)
    assert model.fit({"x": x}, x).n_steps_ == (1,) * 12


def test_bags_predict_the_mean_of_runs_that_hold_back_other_rows() -> None:
    model, X, _ = fitted(bags=3)
    inside = model.model_
    assert inside.network.graph.members == 3
    assert len(model.n_steps_) == 3
    W = inside.parameters["W3"]
    assert W.shape[0] == 3
    assert np.abs(W[0] - W[1]).max() > 1e-3
    # By hand, a member at a time: a network of one.
    assert inside.encoder is not None
    single, _, _ = fitted()
    inputs = inside.encoder.encode(as_named(X), np.float64).X
    one = single.to_network()
    each = [
        one.forward({name: array[member] for name, array in inside.parameters.items()}, inputs)
        for member in range(3)
    ]
    np.testing.assert_allclose(np.mean(each, axis=0), model.predict_proba(X), atol=1e-5)


def test_every_row_is_held_back_by_one_bag(rng: np.random.Generator) -> None:
    from clearprop.estimators.tabular_fitting import _parts
    from clearprop.estimators.tabular_rows import Rows

    y = rng.integers(0, 3, 101)
    target = Target("y", "classification", "", "integer", ("0", "1", "2"))
    rows = Rows(open_table({"x": y.astype(float)}), {"x": "number"}, y, target)
    parts = _parts(rows, Ingredients(bags=4), seed=5)
    held = np.array(parts)
    assert (held.sum(axis=0) == 1).all()
    for label in range(3):
        counts = held[:, y == label].sum(axis=1)
        assert counts.max() - counts.min() <= 1


def test_refit_trains_on_all_rows_up_to_the_chosen_epoch() -> None:
    model, X, _ = fitted(refit=True)
    first, second = model.n_steps_
    assert first == 10 * math.ceil(142 / 64)
    assert second == model.best_epoch_ * math.ceil(len(X) / 64)
    plain, _, _ = fitted()
    assert plain.best_epoch_ == model.best_epoch_
    assert model.model_.provenance["temperature"] == plain.model_.provenance["temperature"]


def test_networks_of_all_rows_predict_beside_those_that_chose_the_epoch() -> None:
    judged, X, _ = fitted(bags=3)
    again, _, _ = fitted(bags=3, refit=True, beside=False)
    both, _, _ = fitted(bags=3, refit=True)
    assert [one.to_network().graph.members for one in (judged, again, both)] == [3, 3, 6]
    mean = (judged.predict_proba(X) + again.predict_proba(X)) / 2
    np.testing.assert_allclose(mean, both.predict_proba(X), atol=1e-6)
    assert np.abs(judged.predict_proba(X) - again.predict_proba(X)).max() > 1e-3
    for one in (again, both):  # of each run its own, in the order of the runs
        assert [len(history) for history in one.model_.histories] == [
            len(history) for history in one.histories_
        ]
        assert one.model_.history is one.histories_[0]


def test_the_temperature_is_the_likeliest_behind_its_prior(rng: np.random.Generator) -> None:
    z = rng.normal(size=(400, 3)) * 3
    y = np.array([rng.choice(3, p=p) for p in logits(z, 0.5)])

    def objective(log_t: float) -> float:
        p = logits(z, math.exp(-log_t))[np.arange(400), y]
        return float(-np.log(p).sum() + (log_t / 0.3) ** 2 / 2)

    exact = minimize_scalar(objective, bounds=(-1.6, 1.6), method="bounded").x
    assert math.log(temperature(lambda inverse: logits(z, inverse), y)) == pytest.approx(
        exact, abs=2e-3
    )
    assert math.exp(exact) == pytest.approx(2, rel=0.2)
    assert refinement(logits(z, 1), y) == pytest.approx(objective(exact) / 400, rel=1e-3)


def test_rows_all_right_do_not_make_the_network_certain() -> None:
    z = np.eye(2)[[0, 1] * 10] * 4
    assert temperature(lambda inverse: logits(z, inverse), np.array([0, 1] * 10)) > 0.8


def test_the_temperature_is_in_the_last_layer() -> None:
    plain, X, _ = fitted(temperature=False)
    tempered, _, _ = fitted()
    T = tempered.model_.provenance["temperature"]
    P = plain.predict_proba(X) ** (1 / T)
    np.testing.assert_allclose(
        P / P.sum(axis=1, keepdims=True), tempered.predict_proba(X), atol=1e-5
    )


@pytest.mark.parametrize("members", [1, 2])
def test_the_temperature_is_that_of_the_network_of_the_held_rows(members: int) -> None:
    """Once divided by T, the last layer asks for no other temperature: but for its prior."""
    changes = {**QUICK, "members": members, "epochs": 30, "validation": 0.4}
    X, y = load_iris(return_X_y=True)
    rows = Rows(
        open_table({str(j): x for j, x in enumerate(X.T)}), dict.fromkeys("0123", "number"), y,
        Target("y", "classification", "", "integer", ("0", "1", "2")),
    )  # fmt: skip
    found = fit(rows, Ingredients().changed(changes), metric="log_loss", seed=0)
    own, network = found.model.parameters, found.model.network
    T = found.model.provenance["temperature"]
    assert T != 1
    inputs = input_arrays(network, found.model.encoder.encode(rows.table))
    held = found.held

    def objective(log_t: float) -> float:
        factor = T * math.exp(-log_t)  # to T = 1, and from there to another
        p = {name: w * (factor if name in ("W_head", "b_head") else 1) for name, w in own.items()}
        P = network.forward(p, {name: x[held] for name, x in inputs.items()})
        return float(-np.log(P[np.arange(held.sum()), y[held]]).sum() + (log_t / 0.3) ** 2 / 2)

    exact = minimize_scalar(objective, bounds=(-1.6, 1.6), method="bounded").x
    assert math.log(T) == pytest.approx(exact, abs=2e-3)


@pytest.mark.parametrize("members", [1, 2])
def test_the_temperature_takes_one_pass(members: int, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []  # their rows
    whole = NativeRunner.member_outputs

    def counted(self: NativeRunner, parameters: Any, inputs: Any) -> Any:
        passes.append(len(next(iter(inputs.values()))))
        return whole(self, parameters, inputs)

    monkeypatch.setattr(NativeRunner, "member_outputs", counted)
    fitted(members=members)
    assert len(passes) == 2  # T, and what the held rows are predicted as
    assert passes[0] == passes[1]


@pytest.mark.parametrize("inverse", [0.3, 1.0, 3.0])
def test_each_members_last_layer_is_what_the_temperature_divides(inverse: float) -> None:
    model, X, _ = fitted(members=3, temperature=False)
    own = model.model_
    P = tempered(own._each(input_arrays(own.network, own.encoder.encode(as_named(X)))))(inverse)
    for name in ("W_head", "b_head"):
        own.parameters[name][...] *= inverse
    np.testing.assert_allclose(P, model.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("metric", [name for name in METRICS if name != "pinball"])
def test_every_metric_chooses_an_epoch(metric: str) -> None:
    task = METRICS[metric].task
    if task == "classification":
        X, y = load_wine(return_X_y=True)
        model: Any = TabularClassifier(metric=metric, changes=QUICK, random_state=0)
    else:
        X, y = load_diabetes(return_X_y=True)
        model = TabularRegressor(metric=metric, changes=QUICK, random_state=0)
    model.fit(X, y)
    figures = model.model_.history["validation_metric"]
    assert model.best_epoch_ == int(np.argmin(figures)) + 1


def test_among_equal_accuracies_the_smaller_log_loss_is_chosen() -> None:
    target = Target("y", "classification", "", "integer", ("0", "1"))
    figure = watched(target, "accuracy", None)
    y = np.array([0, 1, 0, 1])
    sure = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.6, 0.4]])
    unsure = np.array([[0.6, 0.4], [0.4, 0.6], [0.6, 0.4], [0.6, 0.4]])
    certain_but_wrong = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    assert figure(y, sure) < figure(y, unsure) < figure(y, certain_but_wrong)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "f1_macro"])
def test_among_equal_shares_the_smaller_log_loss_is_chosen(metric: str) -> None:
    figure = watched(Target("y", "classification", "", "integer", ("0", "1")), metric, None)
    y = np.array([0] * 2999 + [1])
    untrained, trained = (np.tile([p, 1 - p], (3000, 1)) for p in (0.500001, 0.999))
    one_more = np.where(y[:, None] == 1, [[0.49, 0.51]], [[0.500001, 0.499999]])
    assert figure(y, one_more) < figure(y, trained) < figure(y, untrained)


def test_what_is_gone_on_with_watches_the_metric_it_began_with(tmp_path: Path) -> None:
    where = str(tmp_path / "c")
    fitted(checkpoint=where)
    with pytest.raises(FileError, match="metric was log_loss and is balanced_accuracy"):
        fitted(checkpoint=where, metric="balanced_accuracy")


def test_labels_are_smoothed_a_little_and_for_accuracy_much() -> None:
    assert chosen("fast", "classification", "accuracy", {}).label_smoothing == 0.1
    for metric in ("log_loss", "auc"):
        assert chosen("fast", "classification", metric, {}).label_smoothing == 0.01
    assert chosen("fast", "regression", "rmse", {}).label_smoothing == 0
    assert set(PRESETS) == {"fast", "default", "best"}
    smooth, plain = (fitted(**changes)[0].to_network() for changes in ({}, {"label_smoothing": 0}))
    assert smooth.graph.costs[0].attrs["label_smoothing"] == 0.01
    assert plain.graph.costs[0].attrs.get("label_smoothing", 0) == 0


def test_weights_count(rng: np.random.Generator) -> None:
    X = rng.normal(size=(300, 2))
    y = (rng.random(300) < 0.5).astype(int)  # nothing to learn but the shares
    model = TabularClassifier(changes=QUICK, random_state=0)
    P = model.fit(X, y, sample_weight=np.where(y == 1, 9.0, 1.0)).predict_proba(X)
    assert P[:, 1].mean() == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize("preset", ["fast", "default"])
@pytest.mark.parametrize("counting", [1, 3, 5])
def test_rows_of_no_weight_may_be_nearly_all(preset: str, counting: int) -> None:
    """Each run holds back rows that count and trains on others, or there are fewer runs."""
    X, y = np.arange(40.0)[:, None], np.arange(40) % 2
    weights = np.where(np.arange(40) < counting, 1.0, 0.0)
    model = TabularClassifier(preset=preset, random_state=0).fit(X, y, sample_weight=weights)
    bags = {1: 0, 3: 3, 5: 4}[counting]
    assert len(model.epochs_) == (bags or 1) * (2 if preset == "default" and bags else 1)
    numbers = TabularRegressor(preset=preset, random_state=0).fit(X, y, sample_weight=weights)
    assert np.isfinite(numbers.predict(X)).all()


def test_groups_of_no_weight_hold_nothing_back(rng: np.random.Generator) -> None:
    from clearprop.estimators.tabular_fitting import _parts
    from clearprop.estimators.tabular_rows import Rows

    y = np.arange(30) % 2
    groups = np.array(list("abc"), object).repeat(10)
    weights = np.where(groups == "a", 1.0, 0.0)
    target = Target("y", "classification", "", "integer", ("0", "1"))
    rows = Rows(open_table({"x": y.astype(float)}), {"x": "number"}, y, target, weights, groups)
    for bags in (1, 4):
        assert _parts(rows, Ingredients(bags=bags), seed=5) == [None]


@pytest.mark.parametrize("numbers", ["pieces", "periodic"])
def test_many_columns_get_no_pieces_and_no_waves(numbers: str, rng: np.random.Generator) -> None:
    X = rng.normal(size=(50, 4))
    y = X[:, 0] > 0
    made_of = {**QUICK, "numbers": numbers}
    few = TabularClassifier(changes=made_of, random_state=0).fit(X, y)
    many = TabularClassifier(changes={**made_of, "pieces_up_to": 3}, random_state=0).fit(X, y)
    assert few.model_.encoder is not None and many.model_.encoder is not None
    assert few.model_.encoder.width == 4 * 17
    assert many.model_.encoder.width == 4
