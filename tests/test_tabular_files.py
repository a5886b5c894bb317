"""A file with its target in it: rows without one, rows kept aside, and the model's own target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_absolute_error

import clearprop as cp
from clearprop.errors import DataError
from clearprop.estimators.tabular_files import open_rows
from clearprop.estimators.tabular_fitting import _parts
from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.estimators.tabular_rows import Rows
from clearprop.tables.opening import open_table
from clearprop.tables.target import Target
from clearprop.training import Progress

QUICK: dict[str, Any] = {
    "changes": {"epochs": 4, "hidden": (8,), "bags": 1, "refit": False},
    "random_state": 0,
}


def table(count: int = 80) -> dict[str, list[Any]]:
    x = np.linspace(-1, 1, count)
    return {
        "id": list(range(count)),
        "x": x.tolist(),
        "zip": [str(k % 3) for k in range(count)],
        "w": [1.0] * count,
        "y": [None, *(["no", "yes"][int(v > 0)] for v in x[1:])],
    }


def test_rows_without_a_target_are_left_out_and_some_are_kept_aside() -> None:
    opened = open_rows(table(), "y", test=0.25, weight="w", drop=["zip"], seed=3)
    assert opened.rows == {"training": 59, "validation": 0, "test": 20, "unlabelled": 1}
    assert opened.X.names == ("x",)
    assert len(opened.y) == opened.X.rows == 59 and opened.weights is not None
    assert set(opened.y.tolist()) == {"no", "yes"}


def test_the_model_predicts_the_table_s_own_target(tmp_path: Path) -> None:
    opened = open_rows(table(), "y", test=0.25, columns={"zip": "category"})
    fitted = opened.estimator(**QUICK).fit(opened.X, opened.y)
    model = cp.load(opened.model(fitted).save(tmp_path / "m.clearprop"))
    assert model.target.name == "y" and model.labels == ("no", "yes")
    assert [c["use"] for c in model.columns if c["name"] in ("y", "zip")] == ["category", "target"]
    held = np.flatnonzero(opened.divided.parts == 2)
    rows = table()
    found = model.predict({name: [rows[name][k] for k in held] for name in ("x", "zip", "id")})
    share = np.mean(found == np.array(rows["y"], object)[held])
    assert model.provenance["figures"]["test"]["accuracy"] == pytest.approx(share)
    assert model.evaluate(rows)["accuracy"] > 0.4


def test_numbers_come_back_in_their_own_units() -> None:
    rows = table()
    rows["y"] = [1000 + 50 * x for x in rows["x"]]
    opened = open_rows(rows, "y", test=0.2)
    fitted = opened.estimator(**QUICK).fit(opened.X, opened.y)
    model = opened.model(fitted)
    held = opened.divided.parts == 2
    expected = mean_absolute_error(np.array(rows["y"])[held], model.predict(rows)[held])
    assert model.provenance["figures"]["test"]["mae"] == pytest.approx(expected)
    assert 0 < expected < 100


@pytest.mark.parametrize("values", [[1, 2], [1.5, -2.25], [True, False], ["b", "a"]])
def test_labels_keep_their_kind(values: list[Any]) -> None:
    rows = {"x": list(range(20)), "y": values * 10}
    opened = open_rows(rows, "y", task="classification")
    model = opened.model(opened.estimator(**QUICK).fit(opened.X, opened.y))
    assert set(model.predict(rows).tolist()) <= set(values)
    assert sorted(model.labels) == sorted(values)
    assert [type(label) for label in model.labels] == [type(value) for value in values]


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match="needs 3 at least"):
        open_rows({"x": [1, 2, 3], "y": ["a", "b", None]}, "y", test=0.5)


def test_a_saved_regressor_predicts_what_the_estimator_does(tmp_path: Path) -> None:
    """Within the numbers of training; those that judge it are not cut off."""
    x = np.linspace(-1, 1, 80)
    fitted = cp.TabularRegressor(**QUICK).fit({"x": x}, 3 * x)
    assert fitted.model_.target.bounds == pytest.approx((-3, 3))
    saved = cp.load(fitted.model_.save(tmp_path / "m.clearprop"))
    assert saved.predict({"x": x}).tolist() == fitted.predict({"x": x}).tolist()
    free = saved.predict({"x": x})
    saved.target = replace(saved.target, bounds=(-0.1, 0.02))
    narrow = cp.load(saved.save(tmp_path / "m.clearprop"))
    assert free.min() < -0.1 and free.max() > 0.02
    assert narrow.predict({"x": x}).tolist() == np.clip(free, -0.1, 0.02).tolist()
    judged = narrow.evaluate({"x": [1.0], "y": [100.0]})
    assert judged["mae"] == pytest.approx(100 - narrow.predict({"x": [1.0]})[0])
    cut = cp.TabularRegressor(random_state=0, changes={**QUICK["changes"], "clip": False})
    assert cut.fit({"x": x}, 3 * x).model_.target.bounds is None


def test_rows_of_one_group_are_held_back_together() -> None:
    names = np.array([f"g{k % 7}" for k in range(100)], object)
    y = np.arange(100) % 2
    target = Target("y", "classification", "", "integer", ("0", "1"))
    table = open_table({"x": y.astype(float)})
    parts = _parts(Rows(table, {"x": "number"}, y, target, None, names), Ingredients(), seed=5)
    held = np.array(parts)
    assert held.shape[0] == 4 and (held.sum(axis=0) == 1).all() and held.any(axis=1).all()
    for name in set(names):
        assert (held[:, names == name].any(axis=1)).sum() == 1
    few = np.array(["a", "b"] * 50, object)
    assert len(_parts(Rows(table, {"x": "number"}, y, target, None, few), Ingredients(), 0)) == 2
    one = Rows(table, {"x": "number"}, y, target, None, np.array(["a"] * 100, object))
    with pytest.raises(DataError, match="one value only, and 2 are needed"):
        _parts(one, Ingredients(), 0)


def test_a_fit_in_python_tells_of_each_run_as_the_table_s_does() -> None:
    data = {name: table()[name][1:] for name in ("x", "y")}
    quick: dict[str, Any] = {"preset": "fast", "max_steps": [9, 8, 7]}
    own = cp.TabularClassifier(**quick, random_state=0).fit({"x": data["x"]}, data["y"]).model_
    same = cp.train_table(data, "y", **quick)
    for name in ("runs", "steps", "epochs", "stopped", "rows"):
        counted = {"test": 0, "unlabelled": 0} if name == "rows" else {}
        told = own.provenance[name]
        assert (told | counted if counted else told) == same.provenance[name], name
    assert "steps: 9, 8, 7, 7" in own.facts() and "rows: 79 training" in own.facts()


def test_a_fit_tells_which_run_it_is_and_keeps_whole_networks_after_ctrl_c() -> None:
    """Pressed in the third of four bags: the networks of two predict, two of each."""
    seen: set[tuple[int, int]] = set()

    def watch(progress: Progress) -> None:
        seen.add((progress.run, progress.runs))
        if progress.run == 5:
            raise KeyboardInterrupt

    rows = table()
    changes = {"epochs": 4, "hidden": (8,), "bags": 4, "refit": True}
    with pytest.warns(ConvergenceWarning, match="interrupted"):
        found = cp.TabularClassifier(changes=changes, random_state=0, progress=watch).fit(
            {"x": rows["x"][1:]}, rows["y"][1:]
        )
    assert seen == {(1, 8), (2, 8), (3, 8), (4, 8), (5, 8)}
    assert found.model_.network.graph.members == 4
