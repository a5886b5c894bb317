"""What an MLP estimator is given: scikit-learn's checks, and a reason where they have none.

Proved by ``tests/test_estimators_bad_input.py``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import _check_sample_weight, validate_data

from clearprop.errors import DataError
from clearprop.estimators.texts import are_of_any_length, as_objects
from clearprop.words import number

__all__ = ["DTYPES", "of_one_type", "read", "read_numbers", "read_weights"]

DTYPES = (np.float64, np.float32)

_READS_TABLES = "TabularClassifier or TabularRegressor, which read them as they are"

_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def read(estimator: Any, X: Any, *y: Any, reset: bool, **told: Any) -> Any:
    """Return X, or X and y, as arrays that training and predictions take.

    Of arrays that are as they should be, scikit-learn's checks take longer than a prediction of
    some rows: what they could change or refuse is looked for first, and they are done if there is
    anything.

    Parameters
    ----------
    estimator : estimator
    X : array-like or sparse matrix
    *y : array-like
    reset : bool
        Whether the columns are those of a first fit, or must be those of before.
    **told
        More for `sklearn.utils.validation.validate_data`.

    Raises
    ------
    DataError
        For dates and texts, which are no numbers, and missing cells.
    """
    if _is_ready(X, *y) and (reset or _are_those(estimator, X)):
        if reset:
            estimator.n_features_in_ = X.shape[1]
            vars(estimator).pop("feature_names_in_", None)
        return (X, *y) if y else X
    _refuse_dates("X", X)
    y = tuple(map(as_objects, y))
    try:
        return validate_data(
            estimator, X, *y, reset=reset, accept_sparse=["csr", "csc"], dtype=list(DTYPES), **told
        )
    except TypeError:
        for name, one in zip("Xy", (X, *y), strict=False):
            _refuse_date_objects(name, one)
        raise
    except ValueError as error:
        if str(error).startswith("Input X contains NaN"):
            raise DataError(
                "Input X contains NaN, a missing cell: fill such cells (sklearn.impute."
                f"SimpleImputer), or take {_READS_TABLES}"
            ) from None
        what, found, value = str(error).partition("could not convert string to float: ")
        if what or not found:
            raise
        raise DataError(
            f"a text stands where a number is needed: {_bare(value)}; encode categories "
            f"(sklearn.preprocessing.OneHotEncoder), or take {_READS_TABLES}"
        ) from None


def read_numbers(estimator: Any, X: Any, y: Any, **told: Any) -> Any:
    """Return X and y, which is numbers.

    Raises
    ------
    DataError
        For dates and texts, and y as a sparse matrix.
    """
    _refuse_dates("y", y)
    if sparse.issparse(y):
        raise DataError("y is a sparse matrix: give an array, y.toarray()")
    if not are_of_any_length(y):
        X, y = read(estimator, X, y, multi_output=True, y_numeric=True, **told)
    if y.dtype.kind in "UST":
        raise DataError(
            f"y holds texts, such as {str(y.ravel()[0])!r}, and a regressor predicts numbers: "
            "make numbers of them, or predict classes with MLPClassifier"
        )
    return X, y


def read_weights(given: Any, X: Any, what: str = "sample_weight") -> NDArray[Any]:
    """Return the weights of X's rows.

    Raises
    ------
    ValueError
        As scikit-learn does: for NaN, infinity, another shape, and 0 in every row.
    DataError
        For a negative weight: the mean over a batch divides by Σ w.
    """
    weights: NDArray[Any] = _check_sample_weight(given, X)
    wrong = weights < 0
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{what} has {number(weights[row])} in row {row + 1}; weights are 0 or more"
        )
    return weights


@contextmanager
def of_one_type() -> Iterator[None]:
    """Say what is wrong with labels that have no order."""
    try:
        yield
    except TypeError as error:
        _, found, types = str(error).partition("' not supported between instances of ")
        if not found:
            raise
        raise DataError(
            f"y has labels of several types, {types}: give labels of one type, such as texts"
        ) from None


def _is_ready(X: Any, *y: Any) -> bool:
    """Whether these are rows of finite numbers, with one target each if there is y."""
    if type(X) is not np.ndarray or X.ndim != 2 or X.dtype not in DTYPES or not X.size:
        return False
    for target in y:
        if type(target) is not np.ndarray or target.ndim not in (1, 2) or not target.size:
            return False
        if target.dtype.kind not in "biu" and target.dtype not in DTYPES:
            return False
        if len(target) != len(X):
            return False
    with np.errstate(over="ignore", invalid="ignore"):
        total = X.sum() + sum(float(one.sum()) for one in y if one.dtype.kind == "f")
    return bool(np.isfinite(total))  # then every one of them is


def _are_those(estimator: Any, X: NDArray[Any]) -> bool:
    """Whether an array has the columns of a fit to an array."""
    columns = getattr(estimator, "n_features_in_", 0)
    return bool(X.shape[1] == columns) and not hasattr(estimator, "feature_names_in_")


def _refuse_dates(name: str, given: Any) -> None:
    """See that no dtype is that of dates: NumPy makes numbers of those without a word."""
    for column, dtype in _dtypes(given):
        categories = getattr(dtype, "categories", None)
        if _is_temporal(getattr(categories, "dtype", dtype)):  # of Polars' there is none
            raise _no_numbers(name if column is None else f"the column {column!r} of {name}")


def _dtypes(given: Any) -> Iterable[tuple[Any, Any]]:
    """The names and dtypes of a frame's columns; None and the dtype of anything else."""
    if nw.dependencies.is_pyarrow_table(given):
        return list(nw.from_native(given).schema.items())
    if hasattr(given, "columns") and hasattr(given, "dtypes"):
        return zip(given.columns, given.dtypes, strict=True)
    if nw.dependencies.is_pyarrow_chunked_array(given):
        given = nw.from_native(given, series_only=True)
    while isinstance(given, list | tuple) and given:
        given = given[0]
    return [(None, getattr(given, "dtype", None))]


def _is_temporal(dtype: Any) -> bool:
    if hasattr(dtype, "is_temporal"):  # Polars', and through narwhals Arrow's
        return bool(dtype.is_temporal())
    return getattr(dtype, "kind", "") in ("m", "M")


def _refuse_date_objects(name: str, given: Any) -> None:
    cells = np.asarray(given)
    for place, column in enumerate(np.atleast_2d(cells.T) if cells.dtype.kind == "O" else ()):
        if any(isinstance(cell, _DATES) for cell in column.flat):
            names = getattr(given, "columns", None)
            where = "" if names is None else f"the column {names[place]!r} of "
            raise _no_numbers(where + name)


def _no_numbers(where: str) -> DataError:
    return DataError(
        f"{where} holds dates or times, whose numbers depend on their unit: make numbers of them, "
        "such as days since the first"
    )


def _bare(value: str) -> str:
    """A text as it was given, without NumPy's type around it."""
    return value.removeprefix("np.str_(").removeprefix("np.bytes_(").removesuffix(")")
