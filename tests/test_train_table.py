"""`train_table`: a preset unless a plain network is asked for, and what both of them are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, root_mean_squared_error

import clearprop as cp
from clearprop.errors import DataError, SettingError
from clearprop.model.choices import PLAIN
from clearprop.model.table import Prepared
from clearprop.training import Progress


def table(rows: int = 120, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=rows), rng.normal(size=rows)
    return {
        "x": x,
        "colour": np.array(["red", "green", "blue"])[rng.integers(0, 3, rows)],
        "who": [f"p{v // 3}" for v in range(rows)],
        "w": np.ones(rows),
        "y": 1000 + 500 * x + 100 * z,
        "size": np.where(x + z / 3 > 0, "big", "small"),
    }


LEFT = {"size": ["who", "w", "y"], "y": ["who", "w", "size"]}


def trained(target: str = "size", **settings: Any) -> cp.Model:
    return cp.train_table(table(), target, **{"drop": LEFT[target], **settings})


@pytest.mark.parametrize("target", ["size", "y"])
def test_nothing_said_is_the_estimator(target: str) -> None:
    data = {name: table()[name] for name in ("x", "colour")}
    kind = cp.TabularClassifier if target == "size" else cp.TabularRegressor
    same = kind(random_state=0).fit(data, table()[target])
    model = trained(target)
    np.testing.assert_allclose(model.parameters.flat, same.model_.parameters.flat, rtol=1e-5,
                               atol=1e-6)  # fmt: skip
    assert (model.provenance["preset"], len(model.provenance["runs"])) == ("default", 8)


def test_a_precision_is_for_a_preset_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARPROP_BFLOAT16", "emulated")
    models = {name: trained(precision=name, max_steps=3) for name in ("float64", "bfloat16")}
    for name, model in models.items():
        assert (model.provenance["preset"], model.provenance["precision"]) == ("default", name)
    with pytest.raises(SettingError, match="precision must be one of"):
        trained(precision="half")


@pytest.mark.parametrize("name", PLAIN)
def test_each_choice_of_a_plain_network_asks_for_one(name: str) -> None:
    value: Any = {
        "hidden": [4], "activation": "tanh", "members": 2, "dropout": 0.0, "l2": 0.0,
        "optimizer": "sgd", "learning_rate": 0.01, "schedule": "constant",
        "dropout_schedule": "constant", "decay_schedule": "constant", "epochs": 2,
        "batch_size": 32, "patience": 2, "engine": "native",
    }[name]  # fmt: skip
    model = trained(**{name: value}, max_steps=3)
    assert "preset" not in model.provenance and model.later == ()
    others: list[dict[str, Any]] = [{"preset": "fast"}, {"metric": "auc"}]
    for other in others:
        with pytest.raises(SettingError, match=f"{name} is for a plain network: leave one"):
            trained(**{name: value}, **other)


def test_the_history_of_every_run_is_kept_in_the_file(tmp_path: Path) -> None:
    model = trained(preset="fast")
    kept = cp.load(model.save(tmp_path / "m.clearprop"))
    assert len(kept.histories) == 4
    for one, same, run in zip(kept.histories, model.histories, model.provenance["runs"],
                              strict=True):  # fmt: skip
        np.testing.assert_array_equal(one.to_array(), same.to_array())
        assert one.events == same.events
        assert int(one["steps"][-1]) == run["steps"]
        assert int(np.argmin(one["validation_metric"])) + 1 == run["best_epoch"]
    shown = cp.LossCurveDisplay.from_runs(kept).runs
    assert [run.best_epoch for run in shown] == [
        run["best_epoch"] for run in kept.provenance["runs"]
    ]
    assert len({one["cost"][-1] for one in kept.histories}) == 4


def test_rows_of_their_own_choose_the_epoch_of_every_run() -> None:
    """Of another table; judged by scikit-learn with the model that is kept."""
    parts: list[Prepared] = []
    other = table(60, seed=1)
    model = trained(validation=other, announce=parts.append)
    assert parts[0].rows == {"training": 120, "validation": 60, "test": 0, "unlabelled": 0}
    assert model.provenance["rows"] == parts[0].rows
    expected = log_loss(other["size"], model.predict_probabilities(other))
    assert model.provenance["figures"]["validation"]["log_loss"] == pytest.approx(expected)
    assert len(model.provenance["runs"]) == 4  # none is trained anew: all rows train already
    frame = pd.DataFrame(other)  # which is neither true nor false
    same = trained(validation=frame)
    assert same.parameters.flat.tobytes() == model.parameters.flat.tobytes()
    number = trained("y", validation=other)
    expected = root_mean_squared_error(other["y"], number.predict(other))
    assert number.provenance["figures"]["validation"]["rmse"] == pytest.approx(expected)


def test_a_validation_table_without_a_column_or_a_target_is_told() -> None:
    with pytest.raises(DataError, match="colour"):
        trained(validation={"x": [1.0], "size": ["big"]})
    with pytest.raises(DataError, match="no row has a value of the target 'size'"):
        trained(validation={"x": [1.0], "colour": ["red"], "size": [None]})


def test_a_share_of_the_rows_chooses_the_epoch_or_none_does() -> None:
    some = trained(validation=0.25, test=0.25)
    assert some.provenance["rows"] == {
        "training": 60, "validation": 30, "test": 30, "unlabelled": 0,
    }  # fmt: skip
    assert set(some.provenance["figures"]) == {"test", "validation"}
    none = trained(validation=0, max_steps=5)
    assert none.provenance["figures"] == {}
    assert [run["steps"] for run in none.provenance["runs"]] == [5] * 4


def test_rows_of_one_name_stay_together_and_weights_count() -> None:
    parts: list[Prepared] = []
    model = trained(split_by="who", weight="w", drop=["y"], validation=0.2, test=0.2,
                    announce=parts.append, max_steps=5)  # fmt: skip
    assert {c["name"]: c["use"] for c in model.columns}["who"] == "group"
    assert model.encoder is not None and set(model.encoder.names) == {"x", "colour"}
    assert all(parts[0].rows[part] % 3 == 0 for part in ("training", "validation", "test"))
    with pytest.raises(DataError, match="weight 'w' is 0 in every row"):
        cp.train_table({**table(), "w": np.zeros(120)}, "size", weight="w")


def test_steps_are_of_each_run_and_those_of_a_time_limit_give_its_bits() -> None:
    limited = trained("y", time_limit=0.05)
    assert limited.provenance["stopped"] == "time_limit"
    steps = [run["steps"] for run in limited.provenance["runs"]]
    counted = trained("y", max_steps=steps)
    assert counted.parameters.flat.tobytes() == limited.parameters.flat.tobytes()
    assert counted.provenance["stopped"] == "max_steps"
    with pytest.raises(SettingError, match="max_steps"):
        trained(max_steps=[3, 0, 3])


def test_runs_that_are_left_out_are_told(tmp_path: Path) -> None:
    model = trained("y", max_steps=[3, 0])
    assert model.provenance["runs"][0]["steps"] == 3
    assert model.provenance["runs"][1:] == [{"steps": 0}] * 7
    assert model.provenance["stopped"] == "max_steps"
    assert "steps: 3, 0, 0, 0, 0, 0, 0, 0" in model.describe()
    assert len(cp.load(model.save(tmp_path / "m.clearprop")).histories) == 1
    assert len(cp.LossCurveDisplay.from_runs(model).runs) == 1


@pytest.mark.parametrize(("metric", "unit"), [("rmse", 500.0), ("mae", 400.0)])
def test_progress_of_a_number_is_in_its_units(metric: str, unit: float) -> None:
    told: list[Progress] = []
    parts: list[Prepared] = []
    model = trained("y", preset="fast", metric=metric, progress=told.append, announce=parts.append)
    assert parts[0].figure == metric
    assert {one.runs for one in told} == {4} and told[-1].run == 4
    figure = model.provenance["figures"]["validation"][metric]
    ends = [one.best for one in told if one.finished]
    assert np.mean(ends) == pytest.approx(figure, rel=0.1) and 50 < figure < unit


def test_few_training_rows_come_with_a_caution() -> None:
    model = trained(validation=0.9, epochs=1)
    assert model.provenance["notes"] == [
        "caution: only 12 of 120 rows train, as validation 0.9 holds the others back"
    ]
    assert trained(validation=0.2, epochs=1).provenance["notes"] == []
    assert trained(test=0.8, max_steps=2).provenance["notes"][0].startswith("caution: only 24")


def few(rows: int = 240) -> dict[str, Any]:
    """A label that a tenth of the rows have, and a number that says little of it."""
    rng = np.random.default_rng(0)
    ill = rng.random(rows) < 0.1
    return {"x": rng.normal(size=rows) + ill, "ill": np.where(ill, "yes", "no")}


@pytest.mark.parametrize("given", ["balanced", {"yes": 9}])
def test_class_weights_are_those_of_the_estimator(given: Any) -> None:
    quick: dict[str, Any] = {"preset": "fast", "max_steps": 40}
    data = few()
    model = cp.train_table(data, "ill", class_weight=given, **quick)
    same = cp.TabularClassifier(class_weight=given, random_state=0, **quick)
    same.fit({"x": data["x"]}, data["ill"])
    assert model.parameters.flat.tobytes() == same.model_.parameters.flat.tobytes()
    assert model.provenance["class_weight"] == given
    plain = cp.train_table(data, "ill", **quick)
    assert "class_weight" not in plain.provenance
    rare = [one.predict_probabilities({"x": data["x"]})[:, 1].mean() for one in (plain, model)]
    assert rare[0] < 0.25 < rare[1]


def test_figures_count_rows_as_they_are_whatever_their_classes_count() -> None:
    data = few()
    model = cp.train_table(data, "ill", preset="fast", max_steps=40, class_weight={"yes": 1000})
    # Nearly all rows are taken for the rare class, and are wrong.
    assert model.provenance["figures"]["validation"]["accuracy"] < 0.5


def test_labels_that_are_numbers_are_named_as_they_are_or_as_they_are_written() -> None:
    data = {"x": few()["x"], "ill": (few()["ill"] == "yes").astype(int)}
    made = [
        cp.train_table(data, "ill", preset="fast", max_steps=5, class_weight={label: 9})
        for label in (1, "1")
    ]
    assert made[0].parameters.flat.tobytes() == made[1].parameters.flat.tobytes()


def test_truth_values_are_named_as_screens_show_them_or_as_files_write_them() -> None:
    data = {"x": few()["x"], "ill": few()["ill"] == "yes"}
    made = [
        cp.train_table(data, "ill", preset="fast", max_steps=5, class_weight={label: 9})
        for label in (True, "True", "true")
    ]
    assert len({model.parameters.flat.tobytes() for model in made}) == 1
    with pytest.raises(SettingError, match="names a class of 'ill' twice: true, True"):
        cp.train_table(data, "ill", preset="fast", class_weight={"true": 2, "True": 3})


@pytest.mark.parametrize(
    ("target", "more", "says"),
    [
        (
            "size",
            {"class_weight": {"bgi": 2}},
            "no class 'bgi' among the labels y; there are",
        ),
        ("y", {"class_weight": "balanced"}, "'y' is predicted as a number: leave it out"),
        ("size", {"class_weight": "balanced", "hidden": [8]}, "class_weight balanced is for a pre"),
        ("size", {"class_weight": {"big": -1}}, "class_weight must be a number in"),
    ],
)
def test_class_weights_that_cannot_be_are_refused(target: str, more: Any, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        trained(target, **more)


@pytest.mark.parametrize("settings", [{"preset": "fast", "max_steps": 2}, {"epochs": 1}])
def test_classes_that_look_like_slips_come_with_a_caution(settings: dict[str, Any]) -> None:
    data = {"x": [*range(81)], "y": [*["YES", "yes", "no", "no"] * 20, "maybe"]}
    assert cp.train_table(data, "y", **settings).provenance["notes"] == [
        "caution: target 'y': the classes 'YES' and 'yes' differ in case or blanks only: write "
        "them alike if they mean the same",
        "caution: target 'y': only one row has the class 'maybe': give more of such rows, or "
        "leave it out",
    ]
