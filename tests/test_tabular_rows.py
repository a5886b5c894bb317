"""Any table in: awkward columns, awkward labels, awkward sizes; each refusal is one sentence."""

from __future__ import annotations

import datetime
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.model_selection import cross_val_score

from clearprop import load
from clearprop.errors import DataError, SettingError
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.tables.encoder import Encoder

SMALL: dict[str, Any] = {
    "changes": {"epochs": 30, "hidden": (16,), "members": 1, "bags": 1, "refit": False},
    "random_state": 0,
}


def classifier(**settings: Any) -> TabularClassifier:
    return TabularClassifier(**SMALL, **settings)


def encoder(model: TabularClassifier) -> Encoder:
    found = model.model_.encoder
    assert found is not None
    return found


def frame(rng: np.random.Generator, n: int = 120) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "number": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "colour": rng.choice(np.array(["red", "green", None]), n),
            "yes": rng.random(n) > 0.5,
            "when": pd.date_range("2024-01-01", periods=n, freq="D"),
            "many": [f"level {place % 50}" for place in range(n)],
            "constant": 1.0,
            "nothing": np.nan,
        }
    )


def test_every_kind_of_column_is_learned_from(rng: np.random.Generator) -> None:
    X = frame(rng)
    y = np.where((X["colour"] == "red") | X["yes"], "a", "b")
    model = classifier().fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.n_features_in_ == 7
    assert set(encoder(model).names) == {"number", "colour", "yes", "when", "many"}
    assert encoder(model).index_levels == {"many": 51}


def test_dates_and_numbers_that_a_frame_holds_as_texts_are_learned_from(
    rng: np.random.Generator,
) -> None:
    days = pd.date_range("2024-01-01", periods=300, freq="D")
    X = pd.DataFrame({"when": days, "size": rng.normal(size=300)})
    y = np.where((days.month <= 6) ^ (X["size"] > 0), "a", "b")
    texts = X.assign(when=days.strftime("%Y-%m-%d"), size=[repr(one) for one in X["size"].tolist()])
    model, same = classifier().fit(X, y), classifier().fit(texts, y)
    assert same.model_.parameters.flat.tolist() == model.model_.parameters.flat.tolist()
    assert same.predict(texts.iloc[[7]]).tolist() == model.predict(X.iloc[[7]]).tolist()
    array = classifier().fit(texts.to_numpy(str)[:, [1]], y)
    assert array.model_.columns[0]["use"] == "number"


def test_a_column_said_to_be_a_category_keeps_its_texts() -> None:
    X = pd.DataFrame({"grade": ["1.50", "1.5", "2.0"] * 20})
    model = classifier(columns={"grade": "category"}).fit(X, X["grade"] == "1.50")
    assert model.score(X, X["grade"] == "1.50") == 1
    mixed = pd.DataFrame({"grade": ["1.50", "1.5", "none"] * 20})  # a text all the same
    model = classifier().fit(mixed, mixed["grade"] == "1.50")
    alone = mixed[mixed["grade"] == "1.50"]
    assert model.predict(alone).all()
    nameless = classifier().fit(mixed.to_numpy(), mixed["grade"] == "1.50")
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        assert nameless.predict(alone).all()
    numbered = pd.DataFrame({0: ["1.50", "1.5", "2.0"] * 20})
    model = classifier(columns={"x0": "category"}).fit(numbered, X["grade"] == "1.50")
    assert model.score(numbered, X["grade"] == "1.50") == 1


def test_how_a_row_is_read_does_not_depend_on_the_others() -> None:
    days = pd.date_range("2024-01-01", periods=90).strftime("%Y/%m/%d")
    sizes = [f"{place}.5" for place in range(90)]
    X = pd.DataFrame({"when": days, "one": ["1.50", None] * 45, "size": sizes})
    model = classifier().fit(X, np.arange(90) > 30)
    together = model.predict_proba(X)
    one_by_one = np.concatenate([model.predict_proba(X.iloc[[row]]) for row in range(90)])
    assert (together == one_by_one).all()
    assert (model.predict_proba(X.assign(one=X["one"].fillna("new")))[::2] == together[::2]).all()
    with pytest.raises(DataError, match="column 'when' holds dates, but row 2 has 'soon'"):
        model.predict(X.iloc[:2].assign(when=["2024/3/1", "soon"]))


def test_question_marks_among_numbers_are_missing_cells(rng: np.random.Generator) -> None:
    x = rng.normal(size=300)
    clean = pd.DataFrame({"x": np.where(np.arange(300) % 20, x, np.nan)})
    marked = pd.DataFrame({"x": [repr(one) if one == one else "?" for one in clean["x"].tolist()]})
    model, same = classifier().fit(clean, x > 0), classifier().fit(marked, x > 0)
    assert (same.predict_proba(marked) == model.predict_proba(clean)).all()
    assert (same.predict_proba(marked.iloc[[0]]) == model.predict_proba(clean.iloc[[0]])).all()
    assert (model.predict_proba(marked) == model.predict_proba(clean)).all()


def test_columns_that_are_not_learned_from_are_named() -> None:
    x = np.linspace(-1, 1, 60)
    X = pd.DataFrame({
        "row_id": range(60),
        "note": [f"about {place}" for place in range(60)],
        "day": ["01/02/2024", "03/04/2024"] * 30,
        "same": 1,
        "z": x * 1j,
        "x": x,
    })  # fmt: skip
    with pytest.warns(UserWarning, match="not learned from") as told:
        model = classifier().fit(X, x > 0)
    (text,) = [str(one.message) for one in told]
    assert "'row_id' (an identifier: its whole numbers are all different)" in text
    assert "'note' (an identifier: its texts are all different)" in text
    assert "columns={'row_id': 'number'} would learn from it" in text
    assert "column 'day' is text: its dates may be %d/%m/%Y or %m/%d/%Y" in text
    assert "column 'z' is left out" in text and "'same'" not in text
    assert set(encoder(model).names) == {"day", "x"}
    with pytest.warns(UserWarning, match="not learned from: 'note'") as told:
        classifier(columns={"row_id": "number"}).fit(X[["row_id", "note", "x"]], x > 0)
    assert classifier().fit(X[["x"]], x > 0).predict(X.iloc[:2]).tolist() == [False, False]


def test_a_column_that_is_text_for_one_cell_comes_with_a_warning() -> None:
    x = np.linspace(-1, 1, 60)
    cells: list[Any] = x.tolist()
    cells[7] = "n.d."
    days = [f"2024-{k % 12 + 1:02}-{k // 12 + 1:02}" for k in range(59)]
    for names in (["x", "d"], [0, 1]):  # without names they are called by their places
        X = pd.DataFrame(dict(zip(names, (cells, [*days, "soon"]), strict=True)))
        one, other = ("x", "d") if names[0] == "x" else ("x0", "x1")
        with pytest.warns(UserWarning) as told:
            classifier().fit(X, x > 0)
        assert [str(one.message) for one in told] == [
            f"columns: none tells anything, and '{one}' alone is learned from: an identifier: its "
            f"texts are all different; not learned from: '{other}' (1 of its 60 values is no date "
            "like 2024-12-31 but 'soon' in row 60; write all dates alike, leave other cells "
            f"empty, and it holds dates); column '{one}' is text: 1 of its 60 values is no number "
            "but 'n.d.'; leave such cells empty, and it holds numbers"
        ]


def test_labels_that_look_like_slips_come_with_a_warning() -> None:
    X, y = np.linspace(-1, 1, 60)[:, None], ["yes", "no", "Yes ", "no"] * 15
    with pytest.warns(UserWarning, match="the classes 'Yes ' and 'yes' differ in case or blanks"):
        assert classifier().fit(X, y).classes_.tolist() == ["Yes ", "no", "yes"]


def test_n_jobs_counts_back_from_all_cores() -> None:
    X = pd.DataFrame({"x": np.linspace(-1, 1, 60)})
    for n_jobs in (-1, -2, -1000):
        assert classifier(n_jobs=n_jobs).fit(X, X["x"] > 0).score(X, X["x"] > 0) > 0.9
    with pytest.raises(SettingError, match="n_jobs"):
        classifier(n_jobs=0).fit(X, X["x"] > 0)


def test_a_list_of_dicts_is_rows(rng: np.random.Generator) -> None:
    X = frame(rng)
    model = classifier().fit(X, rng.choice(["a", "b"], len(X)))
    rows = X.to_dict("records")
    backwards = [dict(reversed(row.items())) for row in rows]
    assert (model.predict_proba(rows[:1]) == model.predict_proba(X.iloc[:1])).all()
    assert (model.predict_proba(backwards) == model.predict_proba(X)).all()
    with pytest.raises(DataError, match="lacks 4 columns that training had: 'number'"):
        model.predict([{"colour": "red"}])


@pytest.mark.parametrize("make", [pd.Series, pl.Series])
def test_a_series_is_refused_with_what_to_write(make: Any) -> None:
    X = pd.DataFrame({"number": np.arange(40.0)})
    model = classifier().fit(X, X["number"] > 20)
    for asked in (lambda: model.predict(make([1.0])), lambda: model.fit(make([1.0, 2]), [0, 1])):
        with pytest.raises(DataError, match=r"X is a Series, .* one row X\.to_frame\(\)\.T"):
            asked()


def test_pandas_polars_and_a_dict_give_the_same_bits(rng: np.random.Generator) -> None:
    X = frame(rng)
    y = rng.choice(["a", "b"], len(X))
    P = classifier().fit(X, y).predict_proba(X)
    clean = {name: [None if v is pd.NaT or v != v else v for v in X[name]] for name in X.columns}
    other = pl.DataFrame(clean)
    assert classifier().fit(other, pl.Series(y)).predict_proba(other).tobytes() == P.tobytes()
    assert classifier().fit(clean, y.tolist()).predict_proba(clean).tobytes() == P.tobytes()


def test_unseen_categories_and_missing_cells_are_predicted(rng: np.random.Generator) -> None:
    X = frame(rng)
    model = classifier().fit(X, rng.choice(["a", "b"], len(X)))
    new = X.iloc[:3].copy()
    new["colour"] = ["violet", None, "red"]
    new["many"] = ["level 999", "level 1", None]
    new["number"] = np.nan
    P = model.predict_proba(new)
    assert np.isfinite(P).all()


def test_ten_thousand_categories_are_an_index() -> None:
    n = 20_000
    X = pd.DataFrame({"key": [f"k{place % 10_000}" for place in range(n)]})
    y = (np.arange(n) % 10_000) < 5_000
    model = TabularClassifier(changes={"epochs": 3, "hidden": (16,)}, random_state=0).fit(X, y)
    assert encoder(model).index_levels == {"key": 10_001}
    assert encoder(model).width == 0
    assert model.classes_.tolist() == [False, True]
    assert model.predict(X[:2]).dtype == bool


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3, 7, 3, 7] * 10),
        np.array([True, False] * 20),
        np.array(["x", "y"] * 20),
        np.array([0.0, 1.0] * 20),
        np.array(["x", "y"] * 20, object),
        pd.Series(["x", "y"] * 20, dtype="category"),
        pd.Series([3, 7] * 20, index=range(100, 140)),
    ],
)
def test_labels_of_any_type_come_back_as_they_were(labels: Any) -> None:
    X = np.array([[float(label == labels[labels.index[0]] if hasattr(labels, "index") else
                   label == labels[0])] for label in labels])  # fmt: skip
    model = classifier().fit(X, labels)
    assert model.predict(X).tolist() == list(labels)
    assert model.classes_.tolist() == sorted(set(labels))


def test_labels_may_be_an_arrow_array() -> None:
    X = np.array([[0.0], [1.0]] * 20)
    labels = ["x", "y"] * 20
    for kind in (pa.array(labels), pa.chunked_array([labels])):
        assert classifier().fit(X, kind).predict(X).tolist() == labels


@pytest.mark.parametrize("labels", [[True, False], [3, -1]])
def test_labels_in_an_array_of_objects_are_of_their_own_type(labels: list[Any]) -> None:
    X = np.arange(40)[:, None] % 2
    y = np.array(labels * 20, object)  # as pandas holds a column that once lacked a cell
    model = classifier().fit(X, y)
    assert model.classes_.dtype == np.array(labels).dtype
    assert model.score(X, y) == model.score(X, np.array(labels * 20)) == 1
    assert cross_val_score(classifier(), X, y, cv=2).tolist() == [1, 1]
    assert classifier().fit(X, np.array([True, 2] * 20, object)).classes_.dtype == object


@pytest.mark.parametrize("unit", ["ns", "us", "s", "D"])
def test_dates_are_labels_that_a_saved_model_knows(unit: str, tmp_path: Path) -> None:
    y = np.array(["2024-01-01", "2024-02-01"] * 20, f"datetime64[{unit}]")
    X = pd.DataFrame({"x": np.arange(40) % 2})
    model = classifier().fit(X, y)
    assert (model.predict(X) == y).all()
    file = model.model_.save(tmp_path / "model.clearprop")
    later = load(file)
    assert later.labels == ("2024-01-01", "2024-02-01")
    for judged in (later.evaluate(X, y), later.evaluate(X.assign(y=y))):
        assert judged["accuracy"] == 1
    lacking = np.array(["2024-01-01", None] * 20, object)
    with pytest.raises(DataError, match="the label None in row 1, which training has not seen"):
        later.evaluate(X, lacking)
    with pytest.raises(DataError, match="less than a microsecond apart"):
        classifier().fit(X, np.datetime64("2024-01-01", "ns") + np.arange(40) % 2)
    with pytest.raises(DataError, match="the label of row 4 is missing"):
        classifier().fit(X, np.where(np.arange(40) == 3, np.datetime64("NaT"), y))


def test_one_class_is_predicted_with_certainty() -> None:
    with pytest.warns(UserWarning, match="target 'y' is 'only' in every row: there is nothing to"):
        model = classifier().fit([[1.0], [2.0], [3.0]], ["only"] * 3)
    assert model.predict([[9.0]]).tolist() == ["only"]
    assert model.predict_proba([[9.0]]).tolist() == [[1.0]]


def test_two_rows_are_enough() -> None:
    with pytest.warns(UserWarning, match="only one row each has the classes 'no', 'yes': give"):
        model = classifier().fit([[0.0], [1.0]], ["no", "yes"])
    assert model.predict([[0.0], [1.0]]).tolist() == ["no", "yes"]
    low, high = TabularRegressor(**SMALL).fit([[0.0], [1.0]], [10.0, 20.0]).predict([[0.0], [1.0]])
    assert 10 <= low < 15 < high <= 20
    with pytest.warns(UserWarning) as told:
        single = TabularRegressor(**SMALL).fit([[0.0]], [5.0])
    assert [str(one.message) for one in told] == [
        "columns: none tells anything, and 'x0' alone is learned from: all cells are the same",
        "target 'y' is 5 in every row: there is nothing to learn",
    ]
    assert single.predict([[3.0]]).tolist() == [5.0]


def test_columns_that_tell_nothing_give_the_shares() -> None:
    X = np.ones((40, 2))
    y = np.array(["a"] * 30 + ["b"] * 10)
    with pytest.warns(UserWarning, match="none tells anything, and 'x0' alone is learned from: al"):
        model = classifier().fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X)[:, 0], 0.75, atol=0.1)
    assert model.model_.columns[0]["why"] == (
        "all cells are the same; kept, as no column tells anything"
    )
    nothing = pd.DataFrame({"x": [np.nan] * 40})
    with pytest.warns(UserWarning, match="'x' alone is learned from: no cell has a value"):
        assert classifier().fit(nothing, y).predict(nothing).tolist() == ["a"] * 40
    notes = pd.DataFrame({"n": [f"note {place}" for place in range(40)]})
    with pytest.warns(UserWarning, match="'n' alone is learned from: an identifier: its texts"):
        assert encoder(classifier().fit(notes, y)).names == ("n",)


def test_two_columns_of_one_name_are_two_columns(rng: np.random.Generator) -> None:
    X = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "a"])
    y = X.iloc[:, 2] > 0
    with pytest.warns(UserWarning, match="columns: a second column 'a': it is read as 'a_2'$"):
        model = classifier().fit(X, y)
    assert encoder(model).names == ("a", "b", "a_2")
    assert model.score(X, y) > 0.9


@pytest.mark.filterwarnings("ignore:columns. a second column 'a'")
@pytest.mark.parametrize("kind", [pa.Table.from_arrays, pa.RecordBatch.from_arrays])
def test_two_columns_of_one_name_are_two_columns_of_an_arrow_table(
    kind: Any, rng: np.random.Generator
) -> None:
    parts = rng.normal(size=(3, 80))
    X = kind([pa.array(part) for part in parts], names=["a", "b", "a"])
    y = parts[2] > 0
    model = classifier().fit(X, y)
    same = pd.DataFrame(parts.T, columns=["a", "b", "a"])
    other = classifier().fit(same, y)
    assert model.predict_proba(X).tobytes() == other.predict_proba(same).tobytes()
    assert model.score(X, y) > 0.9


def test_columns_without_names_are_read_by_place(rng: np.random.Generator) -> None:
    X = pd.DataFrame(rng.normal(size=(60, 2)))
    y = X[1] > 0
    model = classifier().fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    assert (model.predict_proba(X) == model.predict_proba(X.to_numpy())).all()


@pytest.mark.filterwarnings("ignore:columns. .* it is read as")
@pytest.mark.parametrize(
    "names",
    [
        pd.RangeIndex(3),
        [2, 0, 1],
        pd.MultiIndex.from_tuples([("u", "a"), ("u", "b"), ("v", "a")]),
        ["", "", "z"],
        ["a", " a", "a"],
    ],
)
def test_a_saved_model_reads_the_frames_that_its_estimator_reads(
    names: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    X = pd.DataFrame(rng.normal(size=(90, 3)), columns=names)
    y = pd.Series(np.where(X.iloc[:, 1] > 0, "yes", "no"), name="answer")
    model = classifier().fit(X, y)
    saved = load(model.model_.save(tmp_path / "model.clearprop"))
    for later in (X, X.to_numpy()):
        assert saved.predict(later).tolist() == model.predict(X).tolist()
    assert (saved.predict_probabilities(X) == model.predict_proba(X)).all()
    assert saved.evaluate(X, y) == saved.evaluate(pd.concat([X, y], axis=1))
    with pytest.raises(DataError, match="training had"):
        saved.predict(X.iloc[:, :2])
    number = TabularRegressor(**SMALL).fit(X, X.iloc[:, 1])
    assert (number.model_.predict_interval(X, 0.5) == number.predict_interval(X, 0.5)).all()


def test_a_model_of_named_columns_takes_none_by_its_place(rng: np.random.Generator) -> None:
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    model = classifier().fit(X, X["a"] > 0).model_
    with pytest.raises(DataError, match="lacks 2 columns that training had"):
        model.predict(X.set_axis([0, 1], axis=1))


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1e-12])
def test_huge_and_tiny_scales_are_learned_alike(scale: float, rng: np.random.Generator) -> None:
    x = rng.normal(size=(200, 1))
    y = x[:, 0] > 0
    assert classifier().fit(x * scale, y).score(x * scale, y) > 0.95
    number = TabularRegressor(**SMALL).fit(x, x[:, 0] * scale)
    assert np.corrcoef(number.predict(x) / scale, x[:, 0])[0, 1] > 0.98


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        ([[1.0], [2.0]], [0.0, np.nan], r"y contains NaN.* row 2"),
        ([[1.0], [2.0]], ["a", None], r"y contains NaN.* row 2"),
        ([[1.0], [2.0]], [0.5, 1.5], "TabularRegressor"),
        ([[1.0], [np.inf]], ["a", "b"], "'x0' is infinite in row 2"),
        ([[1.0], [2.0]], ["a"], "2 rows and y has 1"),
        ([[1.0], [2.0]], None, "y"),
        ([1.0, 2.0], ["a", "b"], "Reshape"),
        ([[1j], [2.0]], ["a", "b"], "Complex"),
        (sparse.csr_matrix([[1.0], [2.0]]), ["a", "b"], "sparse"),
        ([[1.0], [2.0]], np.array(["a", 3], object), "of the types int, str"),
        ([[1.0], [2.0]], np.array([b"a", b"b"]), "bytes, such as b'a'"),
        ([[1.0], [2.0]], np.array([b"a", b"b"], object), "bytes, such as b'a'"),
        (np.zeros((0, 2)), [], "0 sample"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_one_sentence(X: Any, y: Any, says: str) -> None:
    with pytest.raises(DataError, match=says) as told:
        classifier().fit(X, y)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ([0.0, np.nan], r"y contains NaN in row 2"),
        ([np.inf, 1.0], r"y contains infinity in row 1"),
        (["a", "b"], "TabularClassifier"),
        ([datetime.date(2024, 1, 1)] * 2, "number"),
        (np.array(["2024-01-01", "2024-01-02"], "datetime64[D]"), "dates or times"),
        (pd.Series(pd.to_timedelta([1, 2], "h")), "dates or times"),
        ([10**400, 1], "no number"),
        ("price", r"the text 'price': give the column itself, such as X\['price'\]"),
    ],
)
def test_a_number_to_predict_must_be_one(y: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        TabularRegressor(**SMALL).fit([[1.0], [2.0]], y)


def test_numbers_farther_apart_than_float64_reaches_are_refused() -> None:
    with pytest.raises(DataError, match=r"y spans more .* from -1.7e[+]308"):
        TabularRegressor(**SMALL).fit([[1.0], [2.0], [3.0]], [1.7e308, 1.7e308, -1.7e308])


def test_a_column_that_training_read_is_no_slip_for_a_missing_one() -> None:
    X = pd.DataFrame({"mean a": np.arange(8), "mean b": np.arange(8) % 3})
    model = classifier().fit(X, np.arange(8) % 2)
    with pytest.raises(DataError, match=r"no column 'mean b', .* there are 'mean a'"):
        model.predict(X[["mean a"]])
    with pytest.raises(DataError, match=r"no column 'mean b', .* did you mean 'mean bb'"):
        model.predict(X.rename(columns={"mean b": "mean bb"}))


def test_weights_must_be_numbers() -> None:
    with pytest.raises(DataError, match="sample_weight holds what is no number"):
        classifier().fit([[1.0], [2.0]], ["a", "b"], sample_weight=["much", "little"])


def test_a_frame_of_what_cannot_be_read_says_what_it_holds() -> None:
    with pytest.raises(DataError, match="no columns; column 'a' is left out: it holds"):
        classifier().fit(pd.DataFrame({"a": [[1], [2]]}), ["a", "b"])


def test_what_is_known_better_is_believed(rng: np.random.Generator) -> None:
    code = rng.integers(0, 40, 300)
    y = (code * 7 % 40) < 20
    X = pd.DataFrame({"zip": code})
    model = classifier(columns={"zip": "category"}).fit(X, y)
    assert encoder(model).index_levels == {"zip": 41}
    with pytest.raises(DataError, match="zap"):
        classifier(columns={"zap": "category"}).fit(X, y)


@pytest.mark.parametrize("kind", [TabularClassifier, TabularRegressor])
def test_a_fit_that_fails_leaves_the_estimator_as_it_was(
    kind: Any, rng: np.random.Generator
) -> None:
    X = pd.DataFrame(rng.normal(size=(60, 4)), columns=list("abcd"))
    y = (X["a"] > 0).to_numpy().astype(int)
    model = kind(**SMALL)
    turned = X[list("dcba")]
    with pytest.raises(DataError, match="one target a row"):
        model.fit(turned, y[:3])
    assert [name for name in vars(model) if name.endswith("_")] == []
    before = dict(vars(model.fit(X, y)))
    expected = model.predict(X)
    with pytest.raises(DataError, match="one target a row"):
        model.fit(turned, y[:3])
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="not learned from"):
        warnings.simplefilter("error", UserWarning)  # which ends a fit behind its training
        model.fit(turned.assign(e=[f"text {place}" for place in range(60)]), y)
    assert vars(model) == before
    np.testing.assert_array_equal(model.predict(turned), expected)
