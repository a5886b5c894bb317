"""A model predicts in its users' terms, whatever its labels are."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.errors import DataError, GraphError, UsageError
from clearprop.model.targets import encode_target, find_target

#: Rows that a network without hidden layers tells apart: the largest column is the class.
X = np.array([[3.0, 0, 0], [0, 3, 0], [0, 0, 3], [3, 0, 0]])
PLACES = [0, 1, 2, 0]


def identity_model(Y: Any, cost: str = "cross_entropy", outputs: int = 3) -> cp.Model:
    """A model whose z is X itself."""
    network = cp.Network([3, outputs], cost=cost)
    parameters = network.initial(0)
    parameters["W1"][...] = np.eye(outputs, 3)
    parameters["b1"][...] = 0
    return cp.Model(network, parameters, find_target(network, Y))


@pytest.mark.parametrize(
    "labels",
    [["ant", "bee", "cat"], [10, 20, 30], [0, 1, 2], [0.5, 1.5, 2.5], ["", "x", "é"]],
    ids=str,
)
def test_labels_come_back_as_they_were_given(labels: list[Any]) -> None:
    Y = np.array([labels[place] for place in PLACES])
    predicted = identity_model(Y).predict(X)
    assert predicted.tolist() == Y.tolist()
    assert type(predicted.tolist()[0]) is type(labels[0])


def test_labels_in_a_list_or_an_object_array_are_labels_too() -> None:
    for Y in (["a", "b", "c", "a"], np.array(["a", "b", "c", "a"], object)):
        assert identity_model(Y).predict(X).tolist() == ["a", "b", "c", "a"]


def test_truth_values_come_back_as_truth_values() -> None:
    network = cp.Network([3, 1], cost="binary_cross_entropy")
    parameters = network.initial(0)
    parameters["W1"][...] = [[-1.0, 1.0, 1.0]]
    parameters["b1"][...] = 0
    model = cp.Model(network, parameters, find_target(network, [False, True, True, False]))
    assert model.predict(X).tolist() == [False, True, True, False]
    sigmoid = 1 / (1 + np.exp(-np.array([-3.0, 3.0, 3.0, -3.0])))
    P = np.stack([1 - sigmoid, sigmoid], axis=1)
    np.testing.assert_allclose(model.predict_probabilities(X), P, atol=1e-15)


def test_probabilities_are_softmax_of_z_in_the_order_of_labels() -> None:
    model = identity_model(["c", "a", "b", "c"])
    assert model.labels == ("a", "b", "c")
    expected = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_probabilities(X), expected, rtol=1e-15)


def test_classes_that_do_not_occur_are_still_classes() -> None:
    model = identity_model([0, 1, 1, 0])
    assert model.labels == (0, 1, 2)
    assert model.predict(X).tolist() == PLACES


def test_one_hot_targets_are_the_classes_from_zero() -> None:
    model = identity_model(np.eye(3)[PLACES])
    assert model.predict(X).tolist() == PLACES
    assert model.evaluate(X, np.eye(3)[PLACES])["accuracy"] == 1.0


def test_numbers_are_predicted_as_numbers() -> None:
    model = identity_model(np.zeros((4, 3)), cost="squared_error")
    np.testing.assert_array_equal(model.predict(X), X)
    alone = identity_model(np.zeros(4), cost="squared_error", outputs=1)
    np.testing.assert_array_equal(alone.predict(X), X[:, 0])


def test_figures_are_those_worked_out_by_hand() -> None:
    model = identity_model(["a", "b", "c", "a"])
    figures = model.evaluate(X, ["a", "b", "a", "a"])
    assert figures["accuracy"] == 0.75
    right, wrong = np.log(1 + 2 * np.exp(-3.0)), 3 + np.log(1 + 2 * np.exp(-3.0))
    assert figures["log_loss"] == pytest.approx((3 * right + wrong) / 4, rel=1e-12)
    weighted = model.evaluate(X, ["a", "b", "a", "a"], sample_weight=[1, 1, 0, 1])
    assert weighted["accuracy"] == 1.0


def test_figures_of_several_numbers_are_their_mean() -> None:
    model = identity_model(np.zeros((4, 3)), cost="squared_error")
    figures = model.evaluate(X, X + np.array([1.0, 2.0, 3.0]))
    assert figures["rmse"] == pytest.approx(2.0, rel=1e-12)


def test_a_label_that_training_has_not_seen_is_named() -> None:
    model = identity_model(["ant", "bee", "cat", "ant"])
    with pytest.raises(DataError, match=r"label bees in row 1.*did you mean 'bee'"):
        model.evaluate(X, ["ant", "bees", "cat", "ant"])


def test_too_many_labels_for_the_network_are_refused() -> None:
    network = cp.Network([3, 2], cost="cross_entropy")
    with pytest.raises(DataError, match="3 different labels"):
        find_target(network, ["a", "b", "c"])


def test_a_number_has_no_probabilities() -> None:
    model = identity_model(np.zeros((4, 3)), cost="squared_error")
    with pytest.raises(UsageError, match="no probabilities"):
        model.predict_probabilities(X)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (X[:, :2], GraphError, r"\(n, 3\)"),
        (X[0], GraphError, "one sample is written"),
        (np.where(X == 0, np.nan, X), DataError, "NaN in row 0"),
        ([["a", "b", "c"]], DataError, "numbers are needed"),
    ],
    ids=["too few columns", "one row", "NaN", "text"],
)
def test_what_cannot_be_predicted_from_is_refused(given: Any, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        identity_model(["a", "b", "c", "a"]).predict(given)


def test_numbers_too_large_for_the_precision_never_become_a_class() -> None:
    network = cp.Network([3, 3], cost="cross_entropy")
    model = cp.train(network, X, PLACES, epochs=1)
    for ask in (model.predict, model.predict_probabilities, lambda x: model.evaluate(x, PLACES)):
        with pytest.raises(DataError, match="row 0, column 0, more than float32 holds"):
            ask(np.full((4, 3), 1e39))
    wide = identity_model(PLACES)
    wide.parameters["W1"][...] *= 10
    with pytest.raises(DataError, match="not finite for row 0 of X"):
        wide.predict(np.full((2, 3), 1e308))


def test_a_row_alone_predicts_the_same_bits_as_among_many(rng: np.random.Generator) -> None:
    network = cp.Network([5, 33, 3], cost="cross_entropy")
    model = cp.train(network, rng.normal(size=(60, 5)), rng.integers(0, 3, 60), epochs=2)
    many = rng.normal(size=(300, 5))
    P = model.predict_probabilities(many)
    for row in (0, 127, 128, 299):
        assert model.predict_probabilities(many[row : row + 1]).tobytes() == P[row].tobytes()


def test_the_engine_predicts_what_the_reference_computes(rng: np.random.Generator) -> None:
    network = cp.Network([5, 33, 3], "tanh", cost="cross_entropy")
    Xs = rng.normal(size=(60, 5))
    model = cp.train(network, Xs, rng.integers(0, 3, 60), epochs=2, precision="float64")
    expected = network.forward(model.parameters, Xs)
    np.testing.assert_allclose(model.predict_probabilities(Xs), expected, rtol=1e-12)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_that_has_predicted_is_pickled_and_copied(
    copied: Callable[[cp.Model], cp.Model],
) -> None:
    model = identity_model(PLACES)
    model.predict(X)
    model.compiled.predict(X[0])
    again = copied(model)
    np.testing.assert_array_equal(
        again.predict_probabilities(X), model.predict_probabilities(X), strict=True
    )
    again.parameters["W1"][...] = np.eye(3)[[1, 2, 0]]
    assert again.predict(X).tolist() == [2, 0, 1, 2]
    assert model.predict(X).tolist() == PLACES


def test_no_rows_give_no_predictions() -> None:
    model = identity_model(["a", "b", "c", "a"])
    assert model.predict(np.zeros((0, 3))).shape == (0,)


def test_targets_encode_as_places_of_labels() -> None:
    target = find_target(cp.Network([3, 3], cost="cross_entropy"), ["z", "x", "y"])
    assert encode_target(target, ["x", "z"]).tolist() == [0, 2]
