"""`train` is a loop over a `Training`, and what comes of it is a model."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.errors import DataError, DivergenceError, SettingError
from clearprop.training import Progress, Training


def moons(rng: np.random.Generator, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    t = rng.uniform(0, np.pi, n)
    inner = rng.integers(0, 2, n).astype(bool)
    X = np.stack([np.cos(t), np.sin(t)], axis=1)
    X[inner] = [1, 0.5] - X[inner]
    return X + 0.1 * rng.normal(size=X.shape), np.where(inner, "inner", "outer")


def network() -> cp.Network:
    return cp.Network([2, 16, 2], "tanh", cost="cross_entropy")


def test_a_network_learns_two_moons(rng: np.random.Generator) -> None:
    X, Y = moons(rng)
    model = cp.train(network(), X, Y, epochs=200, learning_rate=0.01, seed=1)
    assert (model.predict(X) == Y).mean() > 0.98


def test_it_is_the_training_itself(rng: np.random.Generator) -> None:
    X, Y = moons(rng)
    model = cp.train(network(), X, Y, epochs=7, validation=0.2, seed=3)
    codes = (Y == "outer").astype(np.int64)
    training = Training(network(), X, codes, epochs=7, validation=0.2, seed=3)
    training.run()
    assert model.parameters.flat.tobytes() == training.best.flat.tobytes()
    assert model.history["cost"].tobytes() == training.history["cost"].tobytes()


def test_looking_on_changes_no_bits(rng: np.random.Generator) -> None:
    X, Y = moons(rng, 5000)
    seen: list[Progress] = []
    looked = cp.train(network(), X, Y, epochs=3, progress=seen.append)
    alone = cp.train(network(), X, Y, epochs=3)
    assert looked.parameters.flat.tobytes() == alone.parameters.flat.tobytes()
    assert seen[-1].finished


def test_validation_rows_of_ones_own_have_the_same_labels(rng: np.random.Generator) -> None:
    X, Y = moons(rng)
    model = cp.train(network(), X[:150], Y[:150], validation=(X[150:], Y[150:]), epochs=5)
    assert model.provenance["rows"] == {"training": 150, "validation": 50}
    assert model.history["validation_cost"].shape == (5,)


def test_validation_labels_that_training_lacks_are_named(rng: np.random.Generator) -> None:
    X, Y = moons(rng)
    with pytest.raises(DataError, match="middle"):
        cp.train(network(), X, Y, validation=(X[:2], ["inner", "middle"]))


def test_it_says_how_it_was_made(rng: np.random.Generator) -> None:
    X, Y = moons(rng)
    model = cp.train(network(), X, Y, epochs=4, batch_size=50, optimizer=cp.AdamW(0.01), seed=9)
    made = model.provenance
    assert (made["epochs"], made["steps"], made["seed"], made["stopped"]) == (4, 16, 9, "complete")
    assert made["optimizer"]["name"] == "adamw"
    assert made["optimizer"]["learning_rate"] == 0.01
    assert made["clearprop"] == cp.__version__
    assert made["precision"] == "float32"


def test_ctrl_c_keeps_the_best_so_far(rng: np.random.Generator) -> None:
    X, Y = moons(rng)

    def press(progress: Progress) -> None:
        if progress.epoch == 25:
            signal.raise_signal(signal.SIGINT)

    # at such a rate the validation cost goes up and down: the best epoch is not the last
    given: dict[str, Any] = {"validation": 0.2, "learning_rate": 0.3, "seed": 1, "patience": 10**6}
    with pytest.raises(cp.Interrupted) as caught:
        cp.train(network(), X, Y, epochs=1000, callbacks=press, **given)
    assert isinstance(caught.value, KeyboardInterrupt)
    model = caught.value.model
    assert model is not None
    assert model.provenance["stopped"] == "interrupted"
    least = int(np.argmin(model.history["validation_cost"])) + 1
    assert least < len(model.history["validation_cost"]) == 25
    best = cp.train(network(), X, Y, epochs=least, **given)
    assert model.parameters.flat.tobytes() == best.parameters.flat.tobytes()
    assert model.predict_probabilities(X).tobytes() == best.predict_probabilities(X).tobytes()


def test_patience_without_rows_to_be_patient_with_is_refused(rng: np.random.Generator) -> None:
    X, Y = moons(rng)
    net, says = network(), "patience=3 counts epochs in which validation rows .* there are none"
    with pytest.raises(SettingError, match=says):
        cp.train(net, X, Y, patience=3, epochs=4)
    for held in (None, 0.2):
        with pytest.raises(SettingError, match="early_stopping=False ends no run for want of it"):
            cp.train(net, X, Y, patience=3, validation=held, early_stopping=False)
    with pytest.raises(SettingError, match=rf"runs\[1\]: {says}"):
        cp.train_many([{"validation": 0.2}, {}], X, Y, network=net, patience=3, epochs=4)
    ended = cp.train(net, X, Y, patience=1, epochs=50, early_stopping=True, min_delta=1e9)
    assert (len(ended.history), ended.provenance["stopped"]) == (2, "early_stopping")


def test_divergence_is_named(rng: np.random.Generator) -> None:
    X = rng.normal(size=(100, 2))
    with pytest.raises(DivergenceError, match="learning_rate"):
        cp.train(cp.Network([2, 8, 1]), X, X[:, 0], optimizer=cp.SGD(1e8), epochs=5)


def test_sample_weights_of_zero_are_rows_left_out(rng: np.random.Generator) -> None:
    X, Y = moons(rng, 64)
    weight = np.r_[np.ones(32), np.zeros(32)]
    given = {"epochs": 3, "batch_size": "full", "precision": "float64"}
    weighted = cp.train(network(), X, Y, sample_weight=weight, **given)
    without = cp.train(network(), X[:32], Y[:32], **given)
    np.testing.assert_allclose(weighted.parameters.flat, without.parameters.flat, rtol=1e-12)
