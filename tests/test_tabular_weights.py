"""`class_weight` is a factor of the rows' weights, and so is a class's share of what is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

import clearprop as cp
from clearprop.errors import SettingError
from clearprop.estimators.class_weights import class_factors

QUICK: dict[str, Any] = {
    "changes": {"epochs": 8, "hidden": (8,), "bags": 1, "refit": False},
    "random_state": 0,
}


@pytest.fixture
def rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = rng.normal(size=(300, 2))
    y = np.where(rng.random(300) < 0.1, "rare", "usual")
    y[:3] = "third"
    return X, y


def bits(model: cp.TabularClassifier) -> bytes:
    return model.model_.parameters.flat.tobytes()


@pytest.mark.parametrize("given", ["balanced", {"rare": 5.0, "third": 2}])
def test_a_class_weight_is_a_weight_of_its_rows(rows: Any, given: Any) -> None:
    X, y = rows
    weights = compute_sample_weight(given, y)
    by_class = cp.TabularClassifier(class_weight=given, **QUICK).fit(X, y)
    by_row = cp.TabularClassifier(**QUICK).fit(X, y, weights)
    assert bits(by_class) == bits(by_row)
    assert bits(by_class) != bits(cp.TabularClassifier(**QUICK).fit(X, y))


def test_both_weights_are_multiplied(rows: Any, rng: np.random.Generator) -> None:
    X, y = rows
    own = rng.uniform(0.5, 2, 300)
    both = cp.TabularClassifier(class_weight={"rare": 3}, **QUICK).fit(X, y, own)
    product = cp.TabularClassifier(**QUICK).fit(X, y, own * np.where(y == "rare", 3.0, 1.0))
    assert bits(both) == bits(product)


def test_balanced_counts_the_weights_of_rows(rows: Any, rng: np.random.Generator) -> None:
    X, y = rows
    own = rng.uniform(0.5, 2, 300) * np.where(y == "usual", 1, 8)
    each = {label: own.sum() / (3 * own[y == label].sum()) for label in set(y)}
    both = cp.TabularClassifier(class_weight="balanced", **QUICK).fit(X, y, own)
    by_row = cp.TabularClassifier(**QUICK).fit(X, y, own * [each[label] for label in y])
    np.testing.assert_allclose(both.predict_proba(X), by_row.predict_proba(X), atol=1e-5)


def test_balanced_classes_are_predicted_as_often(rng: np.random.Generator) -> None:
    X = rng.normal(size=(600, 2))
    y = rng.random(600) < 0.1  # nothing to learn but the shares
    plain = cp.TabularClassifier(**QUICK).fit(X, y).predict_proba(X)[:, 1].mean()
    balanced = cp.TabularClassifier(class_weight="balanced", **QUICK).fit(X, y)
    assert plain == pytest.approx(y.mean(), abs=0.03)
    assert balanced.predict_proba(X)[:, 1].mean() == pytest.approx(0.5, abs=0.08)


def test_labels_of_any_kind_are_named(rng: np.random.Generator) -> None:
    X = rng.normal(size=(80, 2))
    for y, given in ((X[:, 0] > 0, {True: 4.0}), ((X[:, 0] > 0) * 7, {7: 4.0})):
        model = cp.TabularClassifier(class_weight=given, **QUICK).fit(X, y)
        plain = cp.TabularClassifier(**QUICK).fit(X, y)
        assert model.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("equal", "balanced"),
        ({"rear": 2.0}, "no class 'rear'"),
        ({"rare": -1.0}, "class_weight"),
        ({"rare": "much"}, "class_weight"),
        (np.ones(3), "class_weight is a dict of factors by label"),
        ([1, 2, 3], "a dict"),
        ({"rare": 0, "usual": 0, "third": 0}, "at least one"),
    ],
)
def test_a_wrong_class_weight_is_said_in_one_sentence(given: Any, says: str, rows: Any) -> None:
    with pytest.raises(SettingError, match=says):
        cp.TabularClassifier(class_weight=given, **QUICK).fit(*rows)


def test_a_model_knows_of_which_mix_of_classes_its_probabilities_are(rows: Any) -> None:
    X, y = rows
    mix = "probabilities are those of such a mix of classes, not of the rows'"
    for given, told in (("balanced", "balanced"), ({"rare": 5}, "rare 5")):
        model = cp.TabularClassifier(class_weight=given, **QUICK).fit(X, y).model_
        assert model.provenance["class_weight"] == given
        assert f"class_weight: {told}; {mix}" in model.facts()
    plain = cp.TabularClassifier(**QUICK).fit(X, y).model_
    assert "class_weight" not in plain.provenance and mix not in "".join(plain.facts())


def test_a_class_without_rows_takes_no_part_in_what_is_balanced() -> None:
    codes = np.array([0, 0, 0, 2])
    found = class_factors("balanced", np.array(["a", "b", "c"]), codes)
    np.testing.assert_allclose(found, [4 / 6, 1, 2])
