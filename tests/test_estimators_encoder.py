"""`TableEncoder` is the one encoder, in the ways of scikit-learn's transformers."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import clearprop as cp
from clearprop.errors import ClearPropError, DataError
from clearprop.tables.encoder import fit_encoder
from clearprop.tables.opening import open_table


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size": [1.0, 2.0, np.nan, 4.0, 5.5, 2.0],
            "colour": ["red", "blue", "red", None, "green", "blue"],
            "old": [True, False, False, True, True, False],
            "day": pd.date_range("2024-01-01", periods=6, freq="40D"),
            "always": [1, 1, 1, 1, 1, 1],
        },
        index=[10, 20, 30, 40, 50, 60],
    )


@parametrize_with_checks([cp.TableEncoder(), cp.TableEncoder(numbers="robust", dtype="float32")])
def test_it_is_a_transformer(estimator: Any, check: Any) -> None:
    check(estimator)


def test_its_numbers_are_the_encoder_s(rows: pd.DataFrame) -> None:
    roles: Any = {"size": "number", "colour": "category", "old": "boolean", "day": "date"}
    encoder = fit_encoder(open_table(rows), roles, recipes={"size": "pieces"})
    made = cp.TableEncoder(numbers="pieces").fit(rows)
    assert made.encoder_ == encoder
    np.testing.assert_array_equal(
        made.transform(rows), encoder.encode(open_table(rows), np.float64).X
    )
    assert made.get_feature_names_out().tolist() == list(encoder.labels)
    assert made.feature_names_in_.tolist() == list(rows.columns)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.from_pandas])
def test_frames_come_out_with_their_names_and_index(rows: pd.DataFrame, frame: Any) -> None:
    X = frame(rows)
    plain = cp.TableEncoder().fit_transform(X)
    framed = cp.TableEncoder().set_output(transform="pandas").fit_transform(X)
    assert isinstance(framed, pd.DataFrame)
    np.testing.assert_array_equal(framed.to_numpy(), plain)
    if frame is pd.DataFrame:
        assert framed.index.tolist() == [10, 20, 30, 40, 50, 60]
    polars = cp.TableEncoder().set_output(transform="polars").fit_transform(X)
    assert isinstance(polars, pl.DataFrame)
    np.testing.assert_array_equal(polars.to_numpy(), plain)
    assert polars.columns == list(framed.columns)
    assert {"size", "size missing", "colour=red", "old"} <= set(polars.columns)


def test_it_stands_in_pipelines_and_column_transformers(rng: np.random.Generator) -> None:
    X = pd.DataFrame(
        {
            "a": rng.normal(size=90),
            "b": rng.normal(size=90),
            "kind": rng.choice(["x", "y", "z"], 90),
        }
    )
    y = (X["kind"] == "x") ^ (X["a"] > 1)
    X.loc[::7, "a"] = np.nan
    model = make_pipeline(cp.TableEncoder(), LogisticRegression())
    assert cross_val_score(model, X, y, cv=3).min() > 0.7
    parts = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["b"]),
            ("others", cp.TableEncoder(numbers="robust"), make_column_selector("a|kind")),
        ],
        verbose_feature_names_out=True,
    ).set_output(transform="pandas")
    made = parts.fit_transform(X)
    assert made.columns.tolist() == [
        "numbers__b",
        "others__a",
        "others__a missing",
        "others__kind=x",
        "others__kind=y",
        "others__kind=z",
    ]
    names = model.fit(X, y)[:-1].get_feature_names_out()
    assert len(names) == model[-1].coef_.shape[1]


def test_many_levels_are_one_output_unless_asked(rng: np.random.Generator) -> None:
    X = pd.DataFrame({"city": [f"c{k % 40}" for k in range(200)], "x": rng.normal(size=200)})
    made = cp.TableEncoder().fit(X)
    assert made.get_feature_names_out().tolist() == ["x", "city"]
    places = made.transform(X)[:, 1]
    assert len(set(places.tolist())) == 40 and places.min() >= 1
    assert made.transform(pd.DataFrame({"city": ["new"], "x": [0.0]}))[0, 1] == 0
    wide = cp.TableEncoder(one_hot_up_to=None).fit(X)
    assert wide.transform(X).shape == (200, 41)


def test_a_column_has_the_recipe_that_is_asked(rows: pd.DataFrame) -> None:
    made = cp.TableEncoder(recipes={"size": "robust"}, columns={"old": "category"}).fit(rows)
    by_name = {column.name: column.recipe for column in made.encoder_.columns}
    assert by_name["size"] == "robust" and by_name["old"] == "onehot"


def test_clone_pickle_and_another_order_of_columns(rows: pd.DataFrame) -> None:
    made = cp.TableEncoder(numbers="robust", dtype="float32").fit(rows)
    assert clone(made).get_params() == made.get_params()
    again = pickle.loads(pickle.dumps(made))
    out = made.transform(rows)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(again.transform(rows[rows.columns[::-1]]), out)
    assert "TableEncoder" in made._repr_html_()


def test_it_learns_from_the_rows_of_the_fit_alone(rows: pd.DataFrame) -> None:
    made = cp.TableEncoder().fit(rows.iloc[:4])
    later = made.transform(rows.iloc[4:])
    names = made.get_feature_names_out().tolist()
    assert "colour=green" not in names
    size = rows["size"].iloc[:4].dropna()
    expected = (5.5 - size.mean()) / size.std(ddof=0)
    assert later[0, names.index("size")] == pytest.approx(expected)
    assert later[0, [names.index("colour=red"), names.index("colour=blue")]].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"numbers": "rank"}, "no recipe 'rank'"),
        ({"numbers": None}, "numbers must be a text, got None"),
        ({"numbers": ["robust"]}, "numbers must be a text, got"),
        ({"recipes": {"size": None}}, "the recipe of column 'size' is a name such as"),
        ({"recipes": {"size": "onehot"}}, "is for a category"),
        ({"recipes": {"siz": "robust"}}, "'siz'"),
        ({"recipes": 3}, "recipes is a dict"),
        ({"columns": {"colour": "text"}}, "text"),
        ({"one_hot_up_to": -1}, "one_hot_up_to"),
        ({"dtype": "int"}, "dtype"),
    ],
)
def test_wrong_settings_are_said_in_one_sentence(
    settings: dict[str, Any], says: str, rows: pd.DataFrame
) -> None:
    with pytest.raises(ClearPropError, match=says):
        cp.TableEncoder(**settings).fit(rows)


def test_a_column_that_is_missing_is_named(rows: pd.DataFrame) -> None:
    made = cp.TableEncoder().fit(rows)
    with pytest.raises(DataError, match="colour"):
        made.transform(rows.drop(columns="colour"))
    with pytest.raises(DataError, match="input_features"):
        made.get_feature_names_out(["a"] * 5)
    with pytest.raises(DataError, match="input_features is a list of the columns' names, got 5"):
        made.get_feature_names_out(5)  # type: ignore[arg-type]


def test_before_the_fit_there_is_nothing_to_apply(rows: pd.DataFrame) -> None:
    with pytest.raises(NotFittedError, match="TableEncoder"):
        cp.TableEncoder().transform(rows)


@pytest.mark.parametrize("kind", ["polars", "pandas"])
def test_outputs_have_names_of_their_own(kind: str) -> None:
    X = {"a": ["x", "y"] * 3, "a=x": [1.0, 2, 3, 4, 5, 6], "a=x_2": [0.0, 1, 4, 9, 16, 25]}
    made = cp.TableEncoder().set_output(transform=kind)
    framed = made.fit_transform(X)
    names = ["a=x", "a=y", "a=x_3", "a=x_2"]
    assert list(framed.columns) == made.get_feature_names_out().tolist() == names
    assert cp.TableEncoder().fit(X).get_feature_names_out().tolist() == names
    assert framed["a=x"].to_numpy().tolist() == [1, 0] * 3
    assert framed["a=x_3"].to_numpy()[0] == pytest.approx((1 - 3.5) / np.std(X["a=x"]))


def test_a_fit_that_fails_leaves_the_encoder_as_it_was(rows: pd.DataFrame) -> None:
    made = cp.TableEncoder().fit(rows)
    expected = made.transform(rows)
    made.set_params(recipes={"siz": "robust"})
    with pytest.raises(DataError, match="'siz'"):
        made.fit(rows[["old", "size"]])
    assert made.n_features_in_ == 5 and made.feature_names_in_.tolist() == list(rows.columns)
    np.testing.assert_array_equal(made.transform(rows), expected)
