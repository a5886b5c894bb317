"""What no MLP can be fitted to is refused in a sentence that says why, before training."""

from __future__ import annotations

import re
from datetime import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas
import polars
import pytest
from scipy import sparse
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import InvalidParameterError

import clearprop as cp
from clearprop.errors import DataError, OutOfMemoryError, SettingError, ShapeError

N = 24
X = np.random.default_rng(0).normal(size=(N, 3))
NUMBERS = X[:, 0]
LABELS = np.array(["a", "b", "c"])[np.arange(N) % 3]
DATES = np.datetime64("2020-01-01") + np.arange(N)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
BOTH = pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def made(kind: str) -> tuple[Any, Any]:
    """An estimator, and a target for it."""
    return getattr(cp, kind)(**SMALL), LABELS if kind == "MLPClassifier" else NUMBERS


@BOTH
@pytest.mark.parametrize("dates", [DATES, DATES - DATES[0]])
def test_dates_are_not_taken_for_numbers(kind: str, dates: Any) -> None:
    model, y = made(kind)
    with pytest.raises(DataError, match="X holds dates or times"):
        model.fit(dates[:, None], y)
    model.fit(X[:, :1], y)
    with pytest.raises(DataError, match="X holds dates or times"):
        model.predict(dates[:, None])


@pytest.mark.parametrize("dates", [DATES, DATES - DATES[0], pandas.Series(DATES)])
def test_dates_are_no_numbers_to_predict(dates: Any) -> None:
    with pytest.raises(DataError, match="y holds dates or times"):
        cp.MLPRegressor(**SMALL).fit(X, dates)


def columns_of_dates() -> list[Any]:
    plain, spans = pandas.Series(DATES), DATES - DATES[0]
    of_pandas = [
        plain,
        plain.dt.tz_localize("UTC"),
        pandas.Series(spans),
        pandas.Series(pandas.Categorical(DATES)),
        pandas.Series(DATES.tolist(), dtype=object),
        pandas.Series(pandas.array(DATES, dtype="timestamp[s][pyarrow]")),
    ]
    of_polars = [
        polars.Series(values)
        for values in (DATES, DATES.astype("M8[us]"), spans.astype("m8[us]"), [time(1)] * N)
    ]
    return [
        *(pytest.param(pandas.DataFrame, one, id=f"pandas-{one.dtype}") for one in of_pandas),
        *(pytest.param(polars.DataFrame, one, id=f"polars-{one.dtype}") for one in of_polars),
    ]


@BOTH
@pytest.mark.parametrize(("frame", "dates"), columns_of_dates())
def test_a_frames_dates_are_named_by_their_column(kind: str, frame: Any, dates: Any) -> None:
    model, y = made(kind)
    for given in (frame({"when": dates}), frame({"a": NUMBERS, "when": dates})):
        with pytest.raises(DataError, match="the column 'when' of X holds dates or times"):
            model.fit(given, y)
    model.fit(frame({"when": NUMBERS}), y)
    with pytest.raises(DataError, match="the column 'when' of X holds dates or times"):
        model.predict(frame({"when": dates}))


@pytest.mark.parametrize(("frame", "dates"), columns_of_dates())
def test_a_target_of_dates_is_refused_as_frame_and_series(frame: Any, dates: Any) -> None:
    model = cp.MLPRegressor(**SMALL)
    with pytest.raises(DataError, match="the column 'when' of y holds dates or times"):
        model.fit(X, frame({"when": dates}))
    with pytest.raises(DataError, match="y holds dates or times"):
        model.fit(X, dates)


@BOTH
def test_dates_of_arrow_and_in_lists_are_no_numbers(kind: str) -> None:
    model, y = made(kind)
    table = polars.DataFrame({"a": NUMBERS, "when": DATES}).to_arrow()
    with pytest.raises(DataError, match="the column 'when' of X holds dates or times"):
        model.fit(table, y)
    with pytest.raises(DataError, match="y holds dates or times"):
        cp.MLPRegressor(**SMALL).fit(X, table["when"])
    for rows in ([[one] for one in DATES], [[one] for one in DATES.tolist()]):
        with pytest.raises(DataError, match="X holds dates or times"):
            model.fit(rows, y)


def test_dates_are_labels() -> None:
    labels = polars.Series(DATES[np.arange(N) % 2])
    assert cp.MLPClassifier(**SMALL).fit(X, labels).classes_.tolist() == DATES[:2].tolist()


@BOTH
@pytest.mark.parametrize(
    "columns",
    [
        np.array([["u", "v"]] * N),
        np.array([["u", 1.0]] * N, dtype=object),
        pandas.DataFrame({"a": pandas.Categorical(["u", None] * (N // 2)), "b": NUMBERS}),
        pandas.DataFrame({"a": pandas.array(["u", "1"] * (N // 2), dtype="string")}),
    ],
)
def test_a_text_in_x_is_shown_with_what_to_do(kind: str, columns: Any) -> None:
    model, y = made(kind)
    with pytest.raises(DataError, match="where a number is needed: 'u'; encode") as told:
        model.fit(columns, y)
    assert "np.str_" not in str(told.value)


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS.astype(np.dtypes.StringDType()),
        pandas.Series(pandas.Categorical(LABELS)),
        LABELS.tolist(),
    ],
)
def test_a_regressor_names_the_texts_that_it_cannot_predict(y: Any) -> None:
    with pytest.raises(DataError, match="'a'"):
        cp.MLPRegressor(**SMALL).fit(X, y)


def test_a_regressor_takes_no_sparse_target() -> None:
    with pytest.raises(DataError, match=r"y is a sparse matrix: give an array"):
        cp.MLPRegressor(**SMALL).fit(X, sparse.csr_matrix(X > 0))


@pytest.mark.parametrize("other", [None, 1])
def test_labels_of_several_types_are_refused_by_their_types(other: Any) -> None:
    y = np.array(["a", other] * (N // 2), dtype=object)
    with pytest.raises(DataError, match=r"labels of several types, '(NoneType|int)' and 'str'"):
        cp.MLPClassifier(**SMALL).fit(X, y)
    model = cp.MLPClassifier(**SMALL).fit(X, LABELS)
    with pytest.raises(DataError, match="labels of several types"):
        model.partial_fit(X, y)


@BOTH
@pytest.mark.parametrize(
    "columns",
    [
        np.c_[X, np.ones(N)],
        np.ones((N, 2)),
        X * 1e-310,
        X.astype(np.float16),
        X.astype(np.longdouble),
        X.astype(">f8"),
        X[::-1, ::-1],
        X > 0,
        np.array([[Decimal("1.5")] * 2] * N, dtype=object),
        sparse.coo_matrix(X),
        sparse.csc_array(X),
        pandas.DataFrame({"a": pandas.array([1, 2] * (N // 2), dtype="Int64"), "b": NUMBERS}),
        pandas.DataFrame(X, index=range(100, 100 + N)),
        polars.DataFrame({"a": NUMBERS, "b": range(N)}),
        polars.DataFrame({"a": NUMBERS, "b": range(N)}).to_arrow(),
    ],
)
def test_odd_columns_of_numbers_are_learned_from(kind: str, columns: Any) -> None:
    model, y = made(kind)
    found = model.fit(columns, y).predict(columns)
    assert found.shape == (N,)
    assert set(found) <= set(LABELS) if kind == "MLPClassifier" else np.isfinite(found).all()


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(N) % 2 == 0,
        np.arange(N) % 3 - 1,
        (np.arange(N) % 3).astype(np.uint8),
        (np.arange(N) % 3).astype(float),
        np.array([2**62, 2**62 + 1] * (N // 2)),
        np.array(["é", ""] * (N // 2)),
        np.array(["b", "a"] * (N // 2), dtype=object),
        pandas.Series(pandas.array(["u", "v"] * (N // 2), dtype="string")),
        np.array(["u", "a longer one"] * (N // 2), dtype=np.dtypes.StringDType()),
        DATES,
        np.ones(N, int),
        np.arange(N),
    ],
)
def test_labels_of_any_type_come_back_as_they_are(labels: Any) -> None:
    settings = {**SMALL, "max_iter": 300, "learning_rate_init": 0.05, "hidden_layer_sizes": (32,)}
    model = cp.MLPClassifier(**settings).fit(X, labels)
    assert model.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))
    assert np.mean(model.predict(X) == np.asarray(labels)) > 0.9
    assert model.predict(X).dtype == model.classes_.dtype


@BOTH
def test_a_negative_weight_is_named_with_its_row(kind: str) -> None:
    model, y = made(kind)
    weights = np.ones(N)
    weights[3] = -2.0
    with pytest.raises(DataError, match=r"sample_weight has -2 in row 4; weights are 0 or more"):
        model.fit(X, y, sample_weight=weights)
    with pytest.raises(DataError, match=r"sample_weight of validation_data has -2 in row 4"):
        model.fit(X, y, validation_data=(X, y, weights))


@BOTH
@pytest.mark.parametrize("how", ["early_stopping", "validation_curve"])
@pytest.mark.parametrize("what", ["train", "are held back to validate"])
def test_rows_without_any_weight_neither_train_nor_validate(kind: str, how: str, what: str) -> None:
    model, y = made(kind)
    model.set_params(**{how: True})
    held = train_test_split(np.arange(N), test_size=0.1, random_state=drawn_from(model))[1]
    own = np.isin(np.arange(N), held)
    with pytest.raises(SettingError, match=f"all rows that {what} have weight 0"):
        model.fit(X, y, sample_weight=(own if what == "train" else ~own).astype(float))


def drawn_from(model: Any) -> np.random.RandomState:
    """The generator as it is when rows are held back: behind the initial values."""
    draws = np.random.RandomState(model.random_state)
    widths = (X.shape[1], *model.hidden_layer_sizes, 3 if "Classifier" in repr(model) else 1)
    for inputs, units in pairwise(widths):
        draws.uniform(size=(inputs, units))
        draws.uniform(size=units)
    return draws


@pytest.mark.parametrize("factor", [-1.0, np.nan, np.inf, "2"])
def test_a_factor_of_a_class_that_cannot_be_is_named(factor: Any) -> None:
    model = cp.MLPClassifier(class_weight={"a": 1, "b": factor, "c": 1}, **SMALL)
    with pytest.raises(SettingError, match=r"the factor of 'b' is a number of 0 or more, got"):
        model.fit(X, LABELS)


def test_classes_that_all_count_for_nothing_are_refused() -> None:
    model = cp.MLPClassifier(class_weight=dict.fromkeys("abc", 0), **SMALL)
    with pytest.raises(DataError, match="leave no row a weight: at least one must count"):
        model.fit(X, LABELS)


@BOTH
@pytest.mark.parametrize(
    ("name", "other", "told"),
    [
        ("coefs_", lambda W: [W[0][:2], W[1]], r"coefs_\[0\] has the shape \(2, 4\), .* \(3, 4\)"),
        ("coefs_", lambda W: [W[0].T, W[1]], r"coefs_\[0\] has the shape \(4, 3\), .* \(3, 4\)"),
        (
            "coefs_",
            lambda W: [W[0].ravel(), W[1]],
            r"coefs_\[0\] has the shape \(12,\), .* \(3, 4\)",
        ),
        ("coefs_", lambda W: W[:1], "coefs_ has 1 arrays and intercepts_ 2, and 2 layers"),
        ("coefs_", lambda W: [*W, W[1]], "coefs_ has 3 arrays and intercepts_ 2, and 2 layers"),
        (
            "intercepts_",
            lambda b: [b[0][:1], b[1]],
            r"intercepts_\[0\] has the shape \(1,\), .* \(4,\)",
        ),
        ("intercepts_", lambda b: [b[0][None], b[1]], r"has the shape \(1, 4\), .* \(4,\)"),
        ("intercepts_", lambda b: b[1:], "coefs_ has 2 arrays and intercepts_ 1, and 2 layers"),
    ],
)
def test_layers_of_another_shape_are_never_read(
    kind: str, name: str, other: Any, told: str
) -> None:
    model, y = made(kind)
    model.set_params(warm_start=True).fit(X, y)
    setattr(model, name, other(getattr(model, name)))
    with pytest.raises(ShapeError, match=told):
        model.predict(X)
    with pytest.raises(ShapeError, match=name):
        _ = model.parameters_
    for goes_on in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=name):
            goes_on(X, y)


def test_layers_of_the_same_shape_are_predicted_with() -> None:
    model = cp.MLPRegressor(**SMALL).fit(X, NUMBERS)
    model.coefs_ = [np.zeros((3, 4)).tolist(), np.zeros((4, 1))]
    model.intercepts_ = [np.zeros(4), [2.5]]
    np.testing.assert_array_equal(model.predict(X), np.full(N, 2.5))


@BOTH
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("units", [10**11, 10**12])
def test_layers_that_no_memory_holds_are_refused(kind: str, solver: str, units: int) -> None:
    model, y = made(kind)
    model.set_params(hidden_layer_sizes=(units,), solver=solver)
    outputs = 3 if kind == "MLPClassifier" else 1
    size = f"{units * (3 + 1 + outputs) + outputs:,}"
    with pytest.raises(OutOfMemoryError, match=f"{size} parameters, .* smaller layers"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


def test_layers_that_find_no_free_memory_are_refused_alike(monkeypatch: Any) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("clearprop.estimators.chains.Chain.flat", full)
    with pytest.raises(OutOfMemoryError, match=r"21 parameters, .* more than is free"):
        cp.MLPRegressor(**SMALL).fit(X, NUMBERS)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("answer", [np.ones(3), pandas.Series([1, 2])])
def test_a_callback_that_returns_an_array_is_told_what_to_return(solver: str, answer: Any) -> None:
    model = cp.MLPRegressor(solver=solver, callbacks=lambda _: answer, **SMALL)
    with pytest.raises(SettingError, match="a callback returns True to end the fit, or None, got"):
        model.fit(X, NUMBERS)


@pytest.mark.parametrize(("answer", "epochs"), [(np.ones(1), 1), (np.False_, 2), ("yes", 1)])
def test_a_callback_may_return_what_is_true_or_not(answer: Any, epochs: int) -> None:
    model = cp.MLPRegressor(callbacks=lambda _: answer, **SMALL).fit(X, NUMBERS)
    assert model.n_iter_ == epochs


def test_texts_of_any_length_are_labels_of_every_call() -> None:
    y = LABELS.astype(np.dtypes.StringDType())
    model = cp.MLPClassifier(**SMALL)
    model.partial_fit(X, y, classes=y[:3]).partial_fit(X, y)
    assert model.classes_.tolist() == ["a", "b", "c"]
    scored = cp.MLPClassifier(**SMALL).fit(X, y, validation_data=(X, y))
    assert len(scored.validation_scores_) == 2
    np.testing.assert_array_equal(
        scored.predict_proba(X), cp.MLPClassifier(**SMALL).fit(X, LABELS).predict_proba(X)
    )


def test_a_missing_text_is_no_label() -> None:
    y = np.array(["a", np.nan] * (N // 2), dtype=np.dtypes.StringDType(na_object=np.nan))
    with pytest.raises(ValueError, match="Input contains NaN"):
        cp.MLPClassifier(**SMALL).fit(X, y)


@BOTH
@pytest.mark.parametrize(
    ("setting", "listed"),
    [
        (
            "activation",
            "'elu', 'exp', 'gelu', 'identity', 'leaky_relu', 'logistic', 'mish', 'relu'",
        ),
        ("solver", "{'adam', 'adamw', 'lbfgs', 'rmsprop', 'sgd'}"),
        ("precision", "{'auto', 'float32', 'float64'}"),
    ],
)
def test_names_that_there_are_come_in_order(kind: str, setting: str, listed: str) -> None:
    model, y = made(kind)
    with pytest.raises(
        InvalidParameterError, match=f"must be a str among .*{listed}.* Got 'gellu'"
    ):
        model.set_params(**{setting: "gellu"}).fit(X, y)


def test_a_polars_category_of_numbers_is_numbers() -> None:
    texts = ["1", "2"] * 20
    X = polars.DataFrame({"a": polars.Series(texts, dtype=polars.Categorical)})
    y = np.arange(40) % 2
    model = cp.MLPRegressor(hidden_layer_sizes=3, max_iter=3, random_state=0).fit(X, y)
    same = cp.MLPRegressor(hidden_layer_sizes=3, max_iter=3, random_state=0).fit(
        np.array(texts, float)[:, None], y
    )
    assert (model.coefs_[0] == same.coefs_[0]).all()


@pytest.mark.parametrize("sizes", [8, (8,), [8, 4]])
def test_sizes_in_place_of_the_loss_are_known_for_what_they_are(sizes: Any) -> None:
    with pytest.raises(cp.ClearPropError, match=re.escape(f"hidden_layer_sizes={sizes!r}")):
        cp.MLPRegressor(sizes).fit([[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match="'loss' parameter"):
        cp.MLPRegressor(True).fit([[1.0], [2.0]], [1.0, 2.0])


@BOTH
def test_of_missing_cells_it_is_said_who_reads_them(kind: str) -> None:
    model, y = made(kind)
    gaps = np.where(np.arange(X.size).reshape(X.shape) == 3, np.nan, X)
    fitted = made(kind)[0].fit(X, y)
    for call in (lambda: model.fit(gaps, y), lambda: fitted.predict(gaps)):
        with pytest.raises(cp.ClearPropError, match=r"X contains NaN.* or take Tabular") as told:
            call()
        assert "HistGradientBoosting" not in str(told.value)
