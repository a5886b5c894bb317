"""`train_table` of a plain network decides well, hides nothing, trains on no test row."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

import clearprop as cp
from clearprop.engine.native import NativeRunner
from clearprop.errors import DataError, NativeError, SettingError
from clearprop.membership import TEST, VALIDATION, split
from clearprop.model.table import Prepared
from clearprop.operations import TABLE, Function
from clearprop.tables.columns import decide
from clearprop.tables.fingerprint import fingerprint_as_read

QUICK: dict[str, Any] = {"epochs": 2, "members": 1, "hidden": [4]}


def table(n: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return {
        "id": list(range(1000, 1000 + n)),
        "x": x,
        "noise": rng.normal(size=n),
        "colour": [("red", "green", "blue")[v % 3] for v in range(n)],
        "y": ["up" if v > 0 else "down" for v in x],
    }


def changed(parts: list[Prepared], **settings: Any) -> cp.Model:
    return cp.train_table(table(), "y", announce=parts.append, **QUICK, **settings)


def test_the_encoder_is_fitted_to_the_training_rows_alone() -> None:
    data = table()
    parts: list[Prepared] = []
    model = cp.train_table(data, "y", test=0.25, validation=0.25, announce=parts.append, **QUICK)
    # Which rows these are is known by the figures alone, so find them by their mean.
    assert parts[0].rows == {"training": 100, "validation": 50, "test": 50, "unlabelled": 0}
    assert model.encoder is not None
    fitted = next(c for c in model.encoder.columns if c.name == "x").parameters["mean"]
    assert fitted != pytest.approx(np.mean(data["x"]), abs=1e-6)


def test_test_rows_change_nothing_but_the_test_figures() -> None:
    """Ruin the target and the inputs of the test rows: the parameters keep their bits."""
    from clearprop.membership import TEST, split

    data = table()
    codes = np.array([0 if v == "down" else 1 for v in data["y"]])
    testing = split(0, 200, validation=0.2, test=0.2, labels=codes) == TEST
    clean = cp.train_table(data, "y", test=0.2, **QUICK)
    ruined = data | {"x": np.where(testing, 1e6, data["x"])}
    other = cp.train_table(ruined, "y", test=0.2, **QUICK)
    assert clean.parameters.flat.tobytes() == other.parameters.flat.tobytes()
    assert clean.provenance["figures"]["test"] != other.provenance["figures"]["test"]
    assert clean.provenance["figures"]["validation"] == other.provenance["figures"]["validation"]


def test_test_figures_are_those_of_rows_that_did_not_train() -> None:
    """Labels drawn by lot cannot be foretold on rows that were not seen."""
    rng = np.random.default_rng(1)
    data = table(400) | {"y": rng.integers(0, 2, 400).astype(bool)}
    given = {"epochs": 150, "learning_rate": 0.01, "members": 1, "l2": 0.0}
    model = cp.train_table(data, "y", test=0.5, validation=0, **given)
    figures = model.provenance["figures"]["test"]
    assert 0.35 < figures["accuracy"] < 0.65
    assert model.evaluate(data)["accuracy"] > figures["accuracy"] + 0.1  # it did learn by heart


def test_rows_of_one_group_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from clearprop.model import dividing as room

    seen: list[np.ndarray] = []
    real = room.split

    def spy(*args: Any, **named: Any) -> Any:
        seen.append(real(*args, **named))
        return seen[-1]

    monkeypatch.setattr(room, "split", spy)
    groups = [f"p{v // 4}" for v in range(200)]
    model = cp.train_table(
        table() | {"patient": groups}, "y", split_by="patient", test=0.2, **QUICK
    )
    for start in range(0, 200, 4):
        assert len(set(seen[0][start : start + 4].tolist())) == 1
    assert model.encoder is not None
    assert "patient" not in model.encoder.names


def test_a_constant_weight_is_no_weight() -> None:
    """The cost is a weighted mean."""
    data = table()
    given = {"epochs": 3, "members": 1, "hidden": [4], "validation": 0, "l2": 0.01}
    twice = cp.train_table(data | {"w": [2.0] * 200}, "y", weight="w", **given)
    once = cp.train_table(data, "y", **given)
    np.testing.assert_allclose(twice.parameters.flat, once.parameters.flat, rtol=1e-5, atol=1e-6)


def test_rows_of_weight_nought_teach_nothing_and_judge_nothing() -> None:
    """Half of the labels are wrong; those rows weigh nothing."""
    right = table(400)
    wrong = np.arange(400) % 2 == 0
    labels = [
        {"up": "down", "down": "up"}[y] if bad else y
        for y, bad in zip(right["y"], wrong, strict=True)
    ]
    data = right | {"y": labels}
    given: dict[str, Any] = {"epochs": 60, "learning_rate": 0.01, "members": 1, "test": 0.2}
    weighed = cp.train_table(data | {"w": (~wrong).astype(float)}, "y", weight="w", **given)
    plain = cp.train_table(data, "y", **given)
    share = [float((model.predict(right) == right["y"]).mean()) for model in (weighed, plain)]
    assert share[0] > 0.95
    assert share[1] < 0.8
    for part in ("validation", "test"):
        assert weighed.provenance["figures"][part]["accuracy"] > 0.9
        assert plain.provenance["figures"][part]["accuracy"] < 0.7


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_epoch_kept_is_that_of_the_least_weighted_figure(task: str) -> None:
    """Of a validation table, judged by scikit-learn with the model that is kept."""
    rng = np.random.default_rng(1)

    def drawn(n: int) -> dict[str, Any]:
        x, noise = rng.normal(size=(2, n))
        y = np.where(x + noise > 0, "up", "down") if task == "classification" else 3 * x + noise
        return {"x": x, "z": rng.normal(size=n), "y": y, "w": rng.uniform(0, 2, n)}

    trains, held = drawn(200), drawn(150)
    model = cp.train_table(
        trains, "y", validation=held, weight="w", members=3, hidden=[16], learning_rate=0.03,
        epochs=50,
    )  # fmt: skip
    if task == "classification":
        P = model.predict_probabilities(held)
        figure = metrics.log_loss(held["y"], P, labels=model.labels, sample_weight=held["w"])
    else:
        found = model.predict(held)
        figure = metrics.root_mean_squared_error(held["y"], found, sample_weight=held["w"])
    watched = model.history["validation_metric"]
    best = int(np.argmin(watched)) + 1
    assert model.provenance["best_epoch"] == best < len(watched)
    assert watched[best - 1] == pytest.approx(figure, rel=1e-6)


def test_rows_without_a_target_are_left_out_and_counted() -> None:
    parts: list[Prepared] = []
    data = table()
    y: list[Any] = list(data["y"])
    y[3] = y[77] = None
    model = cp.train_table(data | {"y": y}, "y", announce=parts.append, **QUICK)
    assert parts[0].rows["unlabelled"] == 2
    assert model.labels == ("down", "up")
    assert len(model.predict(data)) == 200


@pytest.mark.parametrize("part", [VALIDATION, TEST])
def test_a_number_too_far_from_the_training_rows_is_named_by_its_row_of_the_table(
    part: int,
) -> None:
    """Rows that validate or test took no part in the column's scale."""
    data = table()
    labels = np.array([y == "up" for y in data["y"]])
    parts = split(0, 200, validation=0.2, test=0.2, labels=labels)
    row = int(np.flatnonzero(parts == part)[3])
    data["noise"][row] = 1e45  # float32 ends at 3.4e38
    with pytest.raises(DataError, match=rf"'noise' in row {row + 1} is too far from what training"):
        cp.train_table(data, "y", test=0.2, **QUICK)
    cp.train_table(data, "y", test=0.2, precision="float64", **QUICK)


def test_identifiers_are_left_out_and_said() -> None:
    model = cp.train_table(table(), "y", **QUICK)
    why = {column["name"]: column["why"] for column in model.columns if column["use"] == "dropped"}
    assert "identifier" in why["id"]


def test_many_levels_become_an_embedding_not_a_wide_matrix() -> None:
    data = table(400)
    data["zip"] = [f"{v % 100:05d}" for v in range(400)]
    data["y"] = ["odd" if v % 100 % 2 else "even" for v in range(400)]
    model = cp.train_table(data, "y", epochs=60, columns={"zip": "category"}, members=1)
    assert [given.levels for given in model.network.graph.inputs] == [0, 101]
    assert model.evaluate(data)["accuracy"] > 0.95
    assert len(model.predict(data | {"zip": ["99999"] * 400})) == 400  # a level never seen


def test_a_table_of_indices_alone_trains() -> None:
    data = {"zip": [f"z{v % 50}" for v in range(300)], "y": [v % 50 > 25 for v in range(300)]}
    model = cp.train_table(data, "y", epochs=40, members=2)
    assert model.labels == (False, True)
    assert model.evaluate(data)["accuracy"] > 0.95


@pytest.mark.parametrize(
    ("values", "task", "labels"),
    [
        ([v % 3 for v in range(200)], "classification", (0, 1, 2)),
        ([v % 2 == 0 for v in range(200)], "classification", (False, True)),
        ([v + 0.5 for v in range(200)], "regression", ()),
        (list(range(200)), "regression", ()),
    ],
    ids=["few whole numbers", "truth values", "reals", "many whole numbers"],
)
def test_the_task_is_found_from_the_target(values: list[Any], task: str, labels: Any) -> None:
    model = cp.train_table(table() | {"y": values}, "y", **QUICK)
    assert (model.task, model.labels) == (task, labels)


def test_the_task_can_be_overruled() -> None:
    data = table() | {"y": [v % 3 for v in range(200)]}
    assert cp.train_table(data, "y", task="regression", **QUICK).task == "regression"


def test_numbers_are_learnt_in_their_units() -> None:
    data = table(500)
    data["y"] = [1e6 + 1e5 * v for v in data["x"]]
    model = cp.train_table(data, "y", test=0.2)
    assert model.provenance["figures"]["test"]["r2"] > 0.95
    assert np.mean(model.predict(data)) == pytest.approx(np.mean(data["y"]), rel=0.02)


def test_files_and_frames_give_the_same_bits(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="frames of pandas: install pandas")
    polars = pytest.importorskip("polars", reason="frames of Polars: install polars")
    data = table()
    frame = pandas.DataFrame(data)
    frame.to_csv(tmp_path / "t.csv", index=False)
    sources = (data, frame, polars.DataFrame(data), str(tmp_path / "t.csv"))
    models = [cp.train_table(source, "y", **QUICK) for source in sources]
    assert len({model.parameters.flat.tobytes() for model in models}) == 1


def test_same_seed_same_bits_and_another_seed_others() -> None:
    bits = [
        cp.train_table(table(), "y", seed=s, **QUICK).parameters.flat.tobytes() for s in (5, 5, 6)
    ]
    assert bits[0] == bits[1] != bits[2]


def test_threads_change_no_bits() -> None:
    bits = [
        cp.train_table(table(), "y", threads=n, **QUICK).parameters.flat.tobytes() for n in (1, 3)
    ]
    assert bits[0] == bits[1]


def test_the_engine_may_be_chosen() -> None:
    native = cp.train_table(table(), "y", precision="float64", **QUICK)
    exact = cp.train_table(table(), "y", engine="reference", **QUICK)
    assert exact.provenance["engine"] == "reference" != native.provenance["engine"]
    assert exact.provenance["precision"] == "float64"
    np.testing.assert_allclose(exact.parameters.flat, native.parameters.flat, rtol=1e-10)
    with pytest.raises(SettingError, match="did you mean 'native'"):
        cp.train_table(table(), "y", engine="natve", **QUICK)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="float64 only"):
        cp.train_table(table(), "y", engine="reference", precision="float32", **QUICK)


def test_a_row_of_one_s_own_trains_as_its_error_says(tmp_path: Path) -> None:
    """The native engine has no kernel for it and offers the reference; that must then work."""
    name = "our_square_plus"
    TABLE.register(
        Function(
            name,
            definition=lambda x, attrs: x * x + x,
            slope=lambda x, attrs: 2 * x + 1,
            value=lambda x, attrs: x * x + x,
            derivative=lambda x, attrs: 2 * x + 1,
        )
    )
    try:
        with pytest.raises(NativeError, match=f"{name}.*engine='reference'"):
            cp.train_table(table(), "y", activation=name, **QUICK)
        model = cp.train_table(table(), "y", activation=name, engine="reference", **QUICK)
        auto = cp.train_table(table(), "y", activation=name, engine="auto", **QUICK)
        assert auto.history.events[0].kind == "engine"
        model.save(tmp_path / "m.clearprop")
        again = cp.load(tmp_path / "m.clearprop")
        P = again.predict_probabilities(table())
        assert P.tobytes() == model.predict_probabilities(table()).tobytes()
        assert model.encoder is not None
        p, X = model.parameters, model.encoder.encode(model.open(table()), np.float64).X
        z = X @ p["W1"].T + p["b1"]
        scores = (z * z + z) @ p["W2"].T + p["b2"]
        expected = np.exp(scores - scores.max(axis=1, keepdims=True))
        expected /= expected.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(P, expected, rtol=1e-9, atol=1e-12)
    finally:
        TABLE._rows.pop(name)


def test_steps_may_be_limited() -> None:
    model = cp.train_table(table(), "y", max_steps=3, **QUICK)
    assert (model.provenance["steps"], model.provenance["stopped"]) == (3, "max_steps")


def test_members_predict_by_their_mean() -> None:
    model = cp.train_table(table(), "y", epochs=2, members=3, hidden=[4])
    each = []
    for k in range(3):
        own = {name: array[k] for name, array in model.parameters.items()}
        net = cp.Network([model.network.graph.inputs[0].width, 4, 2], cost="cross_entropy")
        assert model.encoder is not None
        X = model.encoder.encode(model.open(table())).X
        each.append(net.forward(own, X))
    P = np.mean(each, axis=0)
    np.testing.assert_allclose(model.predict_probabilities(table()), P, atol=1e-6)


def test_evaluate_takes_the_weights_that_training_took() -> None:
    data = table() | {"w": [0.0] * 100 + [1.0] * 100}
    model = cp.train_table(data, "y", weight="w", **QUICK)
    alone = {name: values[100:] for name, values in table().items()}
    weighted, bare = model.evaluate(data), model.evaluate(alone)
    assert weighted["log_loss"] == pytest.approx(bare["log_loss"], rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"validation": 0.6, "test": 0.5}, SettingError, "leave no rows"),
        ({"columns": {"x": "nmber"}}, SettingError, "number"),
        ({"weight": "x"}, DataError, "weight"),
        ({"drop": ["colour", "x", "noise"]}, DataError, "no column to learn from"),
        ({"members": 0}, SettingError, "members"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        cp.train_table(table(), "y", **{**QUICK, **settings})


def test_decisions_are_those_of_the_table() -> None:
    parts: list[Prepared] = []
    changed(parts)
    expected = decide(parts[0].table, target="y").to_data()
    assert parts[0].decisions.to_data() == expected


def test_ctrl_c_while_an_epoch_is_judged_keeps_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine breaks its pass off then, with no cost and no outputs: no figures of an epoch."""
    looks, judge = [], NativeRunner.judge

    def broken_off(self: NativeRunner, *args: Any) -> Any:
        looks.append(1)
        if len(looks) == 3:
            os.kill(os.getpid(), signal.SIGINT)
            return math.nan, {}
        return judge(self, *args)

    monkeypatch.setattr(NativeRunner, "judge", broken_off)
    x = list(range(60))
    with pytest.raises(cp.Interrupted) as caught:
        cp.train_table({"x": x, "y": [v > 30 for v in x]}, "y", epochs=50)
    assert caught.value.model is not None
    assert caught.value.model.provenance["best_epoch"] in (1, 2)
    assert "accuracy" in caught.value.model.provenance["figures"]["validation"]


def test_a_model_keeps_which_rows_it_was_trained_on() -> None:
    data = {"x": [1.0, 2.0, 3.0, None] * 10, "id": list(range(40)), "y": ["a", "b", "a", "b"] * 10}
    model = cp.train_table(data, "y", epochs=1, members=1)
    kept = model.provenance["fingerprint"]
    same = cp.train_table({**data, "id": list(range(40, 80))}, "y", epochs=1, members=1)
    assert same.provenance["fingerprint"] == kept
    data["x"][7] = 0.5
    other = cp.train_table(data, "y", epochs=1, members=1)
    assert other.provenance["fingerprint"] != kept


def test_rows_of_a_frame_are_known_as_they_are_read() -> None:
    days = [f"2024-{1 + k % 12:02}-{1 + k % 28:02}" for k in range(40)]
    texts = {"d": days, "x": [f"{k}.5" for k in range(40)], "p": [f"€{k}" for k in range(40)]}
    data = {**texts, "n": [None, *range(39)], "y": [f"{k}.25" for k in range(40)]}
    model = cp.train_table(data, "y", task="regression", epochs=1, members=1)
    assert model.encoder is not None
    assert [one.kind for one in model.encoder.columns] == ["date", "real", "real", "integer"]
    table = model.open(data, judged=True)
    found = fingerprint_as_read(table, model.encoder, model.target)
    assert found == model.provenance["fingerprint"]


def test_a_slip_in_the_name_of_a_setting_is_told():
    with pytest.raises(SettingError, match=r"no setting 'epoch'; did you mean 'epochs'\?"):
        cp.train_table({"x": [1, 2, 3], "y": [1, 2, 3]}, "y", epoch=3)
