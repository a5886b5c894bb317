"""How each class is predicted: figures of scikit-learn's, and the classes that never are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

import clearprop as cp
from clearprop.model.by_class import by_class
from clearprop.tables.target import Target


def target(*labels: str) -> Target:
    return Target("y", "classification", "", "text", labels)


@pytest.mark.parametrize("weighed", [False, True])
def test_figures_of_each_class_are_those_of_scikit_learn(
    rng: np.random.Generator, weighed: bool
) -> None:
    y, P = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3), 200)
    w = rng.random(200) if weighed else None
    found = by_class(target("a", "b", "c"), y, P, w)
    assert found is not None
    taken = P.argmax(axis=1)
    p, r, f, _ = precision_recall_fscore_support(y, taken, sample_weight=w)
    for own, theirs in ((found.precision, p), (found.recall, r), (found.f1, f)):
        np.testing.assert_allclose(own, theirs, rtol=1e-12)
    np.testing.assert_allclose(found.confusion, confusion_matrix(y, taken, sample_weight=w))
    assert found.rows.tolist() == np.bincount(y).tolist()
    assert found.never_predicted() == []


def test_a_class_that_no_row_is_taken_for_is_told() -> None:
    P = [[0.7, 0.2, 0.1], [0.6, 0.4, 0.0], [0.1, 0.9, 0.0]]
    found = by_class(target("a", "b", "c"), np.array([0, 2, 1]), np.array(P), None)
    assert found is not None
    assert found.never_predicted() == [{"label": "c", "rows": 1, "of": 3}]
    assert math.isnan(found.precision[2])
    assert (found.recall[2], found.f1[2]) == (0, 0)
    none = by_class(target("a", "b", "c"), np.array([0, 0, 1]), np.array(P), None)
    assert none is not None and none.never_predicted() == []  # no row has it


def test_a_number_has_no_classes() -> None:
    aim = Target("y", "regression", "", "real")
    assert by_class(aim, np.zeros(2), np.zeros((2, 1)), None) is None


@pytest.mark.parametrize("plain", [{"preset": "fast"}, {"hidden": [4]}])
def test_training_keeps_which_classes_are_never_predicted(plain: dict[str, object]) -> None:
    y = ["no"] * 57 + ["yes"] * 3
    told = {"max_steps": 30, "validation": 0.4, **plain}
    model = cp.train_table({"x": np.arange(60) % 7, "y": y}, "y", **told)  # type: ignore[arg-type]
    rows = model.provenance["rows"]["validation"]
    assert model.provenance["never_predicted"] == {
        "validation": [{"label": "yes", "rows": 1, "of": rows}]
    }
