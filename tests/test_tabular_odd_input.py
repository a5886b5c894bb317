"""Odd tables, labels, weights and settings of the tabular estimators, each found by trying it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import clearprop as cp
from clearprop.errors import DataError, SettingError
from clearprop.membership import VALIDATION, split
from clearprop.tables.opening import open_table

RNG = np.random.default_rng(0)
x, z = RNG.normal(size=(2, 120))
y = np.where(x > 0, "a", "b")
HUGE = np.array([5, 2**64 - 2, 2**64 - 1], np.uint64)


def classifier(**settings: Any) -> cp.TabularClassifier:
    return cp.TabularClassifier(preset="fast", random_state=0, max_steps=40, **settings)


@pytest.mark.parametrize(
    "given",
    [
        pl.DataFrame.lazy,
        nw.from_native,
        lambda frame: nw.from_native(frame.lazy()),
        lambda frame: pa.RecordBatch.from_pandas(frame.to_pandas()),
        lambda frame: duckdb.sql("SELECT * FROM frame"),
    ],
    ids=["lazy", "narwhals", "narwhals, lazy", "Arrow's batch", "DuckDB's relation"],
)
def test_columns_keep_their_names_however_the_frame_is_given(given: Callable[..., Any]) -> None:
    frame = pl.DataFrame({"x": x, "z": z})
    model = classifier().fit(given(frame), y)
    assert model.feature_names_in_.tolist() == ["x", "z"]
    assert model.score(given(frame.select("z", "x")), y) > 0.9
    with pytest.raises(DataError, match="no column 'x'"):
        model.predict(given(frame.rename({"x": "other"})))
    assert cp.TableEncoder().fit(given(frame)).get_feature_names_out().tolist() == ["x", "z"]


@pytest.mark.parametrize(
    "column",
    [
        HUGE,
        pd.Series(HUGE),
        pl.Series([5, 2**64 - 2, 2**64 - 1], dtype=pl.UInt64),
        pl.Series([5, 2**64 - 2, 2**64 - 1], dtype=pl.Int128),
        [5, 2**64 - 2, 2**64 - 1],
    ],
    ids=["array", "pandas", "Polars", "128 bits", "list"],
)
def test_whole_numbers_beyond_64_bits_stay_apart(column: Any) -> None:
    frame = {"n": column} if isinstance(column, list | np.ndarray) else column.to_frame("n")
    cells = open_table(frame).read()["n"].values.tolist()
    assert cells == ["5", "18446744073709551614", "18446744073709551615"]


def test_a_mask_of_an_array_is_of_missing_cells() -> None:
    X = np.ma.array(np.column_stack([x, z]), mask=np.column_stack([x > 1, z > 9]))
    names = cp.TableEncoder().fit(X).get_feature_names_out().tolist()
    assert names == ["x0", "x0 missing", "x1"]


def test_a_missing_label_is_missing_in_a_list_too() -> None:
    with pytest.raises(DataError, match="the label of row 3 is missing"):
        classifier().fit({"x": x}, ["yes", "no", float("nan")] * 40)


def test_a_missing_cell_beside_texts_is_missing_in_a_list_of_rows_too() -> None:
    rows = [[0.5, "q"], [1.5, float("nan")], [2.5, "r"], [0.5, "q"]]
    names = cp.TableEncoder().fit(rows).get_feature_names_out().tolist()
    assert names == ["x0", "x1=q", "x1=r", "x1 missing"]
    assert names == cp.TableEncoder().fit(np.array(rows, object)).get_feature_names_out().tolist()


@pytest.mark.parametrize("weight", [5e-324, 1e-308, 1e200])
def test_weights_of_any_size_train_alike(weight: float) -> None:
    plain = classifier().fit({"x": x}, y)
    other = classifier().fit({"x": x}, y, sample_weight=np.full(len(x), weight))
    assert other.score({"x": x}, y) > 0.9
    apart = other.predict_proba({"x": x}) - plain.predict_proba({"x": x})
    assert np.abs(apart).max() < 1e-3


def labels(*values: Any) -> np.ndarray[Any, Any]:
    out = np.empty(len(x), object)
    out[:] = [values[place] for place in (x > 0).astype(int)]
    return out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (labels(frozenset([1]), frozenset([2])), "type frozenset"),
        (labels(5, 2**70), "beyond 64 bits"),
        (labels(np.uint64(5), np.uint64(2**63)), "beyond 64 bits"),
        (HUGE[(x > 0).astype(int) + 1], "beyond 64 bits"),
        (np.ma.array(y, mask=x > 1.5), "masked in row"),
        (np.zeros(len(x), [("a", int), ("b", int)]), "several fields"),
    ],
    ids=["sets", "big objects", "big objects of NumPy", "big numbers", "masked", "structured"],
)
def test_labels_that_no_file_would_keep_are_refused(given: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        classifier().fit({"x": x}, given)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.r_[np.ones(len(x) - 1), -1.0], f"has -1 in row {len(x)}"),
        (np.r_[np.nan, np.ones(len(x) - 1)], "in row 1;"),
        (np.ones(len(x)) + 1j, "complex"),
        ((np.ones(len(x)) + 1j).astype(object), "complex"),
        (np.ma.array(np.ones(len(x)), mask=x > 1.5), "masked"),
    ],
)
def test_a_weight_that_cannot_be_is_named_by_its_row(weights: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        classifier().fit({"x": x}, y, sample_weight=weights)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"changes": {"schedule": "cosin"}}, "did you mean 'cosine'"),
        ({"changes": {"schedule": [1]}}, "schedule must be"),
        ({"changes": {"factors": "zzz"}}, "factors must be"),
        ({"random_state": -1}, "random_state is"),
        ({"random_state": 2**64}, "random_state is"),
        ({"random_state": "a"}, "random_state: 'a'"),
        ({"max_steps": []}, "max_steps is empty"),
        ({"columns": {"x": ["number"]}}, r"column 'x' is, such as 'category', got \['number'\]"),
        ({"columns": {"x": None}}, "column 'x' is, such as 'category', got None"),
    ],
)
def test_a_setting_that_cannot_be_is_named(settings: dict[str, Any], words: str) -> None:
    given = {"preset": "fast", "random_state": 0, **settings}
    with pytest.raises(SettingError, match=words):
        cp.TabularClassifier(**given).fit({"x": x}, y)


def test_rows_of_several_lengths_are_named() -> None:
    model = classifier().fit(np.column_stack([x, z]).tolist(), y)
    says = "X has 2 cells in row 1 and 1 in row 3: give as many in each"
    with pytest.raises(DataError, match=says):
        model.predict([(1, 2), (5, 6), (3,)])
    with pytest.raises(DataError, match=says):
        classifier().fit([(1, 2), (5, 6), (3,)], y[:3])
    with pytest.raises(DataError, match="X is no table"):
        model.predict([(1, 2), 3])


def test_steps_may_be_an_array() -> None:
    model = classifier().set_params(max_steps=np.array([3, 3, 0, 0])).fit({"x": x}, y)
    assert model.n_steps_ == (3, 3, 0, 0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: {"a": ["\ud800", "b"]}, "half a character"),
        (lambda: pd.DataFrame({"a": pd.Series(["\ud800", "b"], dtype=object)}), "half a character"),
        (lambda: pa.table({"a": pa.array([3_000_000]).cast(pa.int32()).cast(pa.date32())}),
         "outside the years"),
        (lambda: {"a": [np.arange(2), np.arange(2)]}, "several cells"),
        (lambda: {"a": [1.5, 10**400]}, "beyond 1.8e308"),
    ],
)  # fmt: skip
def test_cells_that_cannot_be_read_are_named(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_table(make())


def test_a_column_that_cannot_be_read_any_more_is_not_said_to_be_gone() -> None:
    model = classifier().fit(pd.DataFrame({"x": x, "z": z}), y)
    with pytest.raises(DataError, match="column 'x' is left out: it holds Object values"):
        model.predict(pd.DataFrame({"x": [[1]] * 3, "z": 1.0}))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"what": cp.MLPClassifier}, "is its class: MLPClassifier"),
        ({"X": np.zeros((0, 2)), "y": y[:0]}, "no rows"),
        ({"cv": []}, "no folds"),
        ({"y": np.zeros(len(x), int)}, "one class"),
    ],
)
def test_a_search_that_cannot_be_is_refused(arguments: dict[str, Any], words: str) -> None:
    given = {"what": cp.MLPClassifier(), "X": np.column_stack([x, z]), "y": y, **arguments}
    with pytest.raises((DataError, SettingError), match=words):
        cp.tune(space={"alpha": [1e-4, 1e-2]}, trials=2, **given)


def test_a_search_compares_quantiles_by_their_own_figure() -> None:
    rng = np.random.default_rng(0)
    X, target = x[:, None], 2 * x + rng.exponential(size=len(x))
    found = cp.tune(
        cp.TabularRegressor(preset="fast", quantile=0.9, random_state=0, max_steps=30),
        X, target, {"batch_size": [16]}, trials=1, validation=0.5,
    )  # fmt: skip
    held = split(0, len(x), validation=0.5) == VALIDATION
    model = found.best_estimator.fit(X[~held], target[~held])
    off = target[held] - model.predict(X[held])
    assert found.best_score == pytest.approx(np.maximum(0.9 * off, -0.1 * off).mean(), rel=1e-6)


def test_labels_of_a_frame_that_look_like_numbers_or_dates_are_labels() -> None:
    for pair in (("1.50", "2.5"), ("2024-01-01", "2024-02-01")):
        frame = pd.DataFrame({"x": x, "y": np.where(x > 0, *pair)})
        model = cp.train_table(frame, "y", preset="fast", max_steps=30, threads=1)
        assert model.labels == pair
        assert set(model.predict({"x": [-2.0, 2.0]}).tolist()) == set(pair)


def test_an_offset_from_utc_is_read_in_files_as_in_frames(tmp_path: Path) -> None:
    texts = ["2024-03-01T00:30:00+02:00", "2024-03-01T00:30:00Z", "2024-03-01 00:30:00"]
    path = tmp_path / "when.csv"
    path.write_text("when\n" + "\n".join(texts) + "\n", "utf-8")
    from_file, from_frame = (
        open_table(one).read()["when"].values for one in (path, {"when": texts})
    )
    assert (from_file == from_frame).all()
    assert str(from_file[0]) == "2024-02-29T22:30:00.000000"


@pytest.mark.parametrize("nothing", [[None], [np.nan], [pd.NaT], [""]])
def test_a_row_whose_date_is_missing_is_predicted(nothing: list[Any]) -> None:
    days = pd.date_range("2024-01-01", periods=len(x))
    frame = pd.DataFrame({"when": days.where(np.arange(len(x)) % 9 > 0), "x": x})
    model = classifier().fit(frame, y)
    whole = model.predict_proba(frame.iloc[[0, 1]])  # the first has none
    assert (model.predict_proba({"when": nothing, "x": x[:1]}) == whole[:1]).all()


def test_a_model_of_an_array_predicts_arrays_when_it_is_loaded(tmp_path: Path) -> None:
    X = np.column_stack([x, np.ones(len(x)), z])  # the second tells nothing, and is left out
    fitted = classifier().fit(X, y)
    loaded = cp.load(fitted.model_.save(tmp_path / "m.clearprop"))
    assert (loaded.predict_probabilities(X) == fitted.predict_proba(X)).all()


def test_a_month_is_a_date_where_it_is_said_to_be_one() -> None:
    months = [f"20{20 + at // 12}-{1 + at % 12:02}" for at in range(len(x))]
    model = classifier(columns={"month": "date"}).fit({"month": months, "x": x}, y)
    days = classifier().fit({"month": [np.datetime64(one, "D") for one in months], "x": x}, y)
    assert (
        model.predict_proba({"month": months[:3], "x": x[:3]})
        == days.predict_proba({"month": [f"{one}-01" for one in months[:3]], "x": x[:3]})
    ).all()


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_search_of_an_mlp_compares_by_its_own_loss() -> None:
    X, target = np.column_stack([x, z]), 2 * x + z**2
    for loss, metric in (("quantile", "pinball"), ("absolute_error", "mae"), ("huber", "rmse")):
        start = cp.MLPRegressor(loss, max_iter=5, random_state=0)
        found = cp.tune(start, X, target, {"alpha": [1e-4]}, trials=1)
        assert found.metric == metric


def test_texts_of_any_length_are_labels() -> None:
    texts = np.where(x > 0, "yes", "no")
    plain = classifier().fit({"x": x}, texts)
    model = classifier().fit({"x": x}, texts.astype(np.dtypes.StringDType()))
    assert model.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(model.predict_proba({"x": x}), plain.predict_proba({"x": x}))
    gap = texts.astype(object)
    gap[4] = np.nan
    with pytest.raises(DataError, match="the label of row 5 is missing"):
        classifier().fit({"x": x}, gap.astype(np.dtypes.StringDType(na_object=np.nan)))
