"""What the caller of a tabular estimator predicts: labels or numbers, weights and groups of rows.

Proved by ``tests/test_tabular_rows.py`` and ``tests/test_tabular_held_rows.py``.
"""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target

from clearprop.errors import DataError
from clearprop.estimators.row_weights import near_one
from clearprop.estimators.texts import array_of, as_objects
from clearprop.tables import Kind
from clearprop.tables.cells import date_names
from clearprop.tables.target import Target
from clearprop.words import number, shown

__all__ = [
    "as_typed",
    "codes_of",
    "groups_of",
    "labels_of",
    "missing",
    "numbers_of",
    "standardised",
    "weights_of",
]  # fmt: skip

#: What objects may be as labels.
_LABELS = (str, bool, numbers.Real, np.bool_, np.number, datetime.date, np.datetime64)

#: Standard deviations whose square float32 holds.
_FAR = 1e15

_KINDS: Mapping[str, Kind] = {"b": "boolean", "i": "integer", "u": "integer", "f": "real"}


def labels_of(y: Any, rows: int) -> tuple[NDArray[Any], NDArray[np.int64], Target]:
    """Return the classes in sorted order, each row's place among them, and the target.

    Raises
    ------
    DataError
        If labels are missing, numbers that are no classes, or not one a row.
    """
    labels = _one_each(y, rows)
    absent = missing(labels)
    if absent.any():
        raise DataError(
            f"Input y contains NaN: the label of row {int(np.argmax(absent)) + 1} is missing; "
            "leave rows without one out"
        )
    if isinstance(labels[0], bytes):
        raise DataError(
            f"the labels y are bytes, such as {bytes(labels[0])!r}: make texts of them, as "
            "label.decode() does"
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise DataError("Input y contains infinity: a label is a text, a whole number or a bool")
    labels = as_typed(labels)
    if labels.dtype.kind == "O":
        _see_order(labels)
    if labels.dtype.kind == "u" and (labels >> np.array(63, labels.dtype)).any():
        raise DataError("the labels y are whole numbers beyond 64 bits: make texts of them")
    kind = type_of_target(labels) if labels.dtype.kind != "O" else "multiclass"
    if kind not in ("binary", "multiclass"):
        raise DataError(
            f"Unknown label type: {kind}. A label is a text, a whole number or a bool; numbers "
            "are for TabularRegressor"
        )
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError:
        found = sorted({type(label).__name__ for label in labels.tolist()})
        raise DataError(
            f"the labels y are of the types {', '.join(found)}, which have no order: make all "
            "texts, or all numbers"
        ) from None
    name = _KINDS.get(classes.dtype.kind, "text")
    if classes.dtype.kind == "M":
        names = date_names(classes)
        if len(set(names)) < len(names):
            raise DataError(
                "the labels y are dates less than a microsecond apart: make texts of them"
            )
    else:
        names = [str(one).lower() if name == "boolean" else str(one) for one in classes.tolist()]
    why = "a classifier was asked for"
    target = Target(_name_of(y), "classification", why, name, tuple(names))
    return classes, codes.reshape(-1).astype(np.int64), target


def as_typed(y: Any) -> Any:
    """Return objects that are all truth values, or all whole numbers, as an array of that type.

    A column of truth values is one of objects where a cell was missing once. What else there is
    comes back as it is.
    """
    labels = np.asarray(y)
    if labels.dtype.kind != "O" or labels.ndim != 1 or not len(labels):
        return y
    truth = (bool, np.bool_)
    if all(isinstance(label, truth) for label in labels):
        return labels.astype(np.bool_)
    if all(isinstance(one, int | np.integer) and not isinstance(one, truth) for one in labels):
        whole = np.array(labels.tolist())
        return whole if whole.dtype == np.int64 else y
    return y


def codes_of(y: Any, rows: int, classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the place of each label among the classes of training.

    Raises
    ------
    DataError
        For a label that is none of them, or as `labels_of`.
    """
    found, codes, _ = labels_of(y, rows)
    place = {label: number for number, label in enumerate(classes.tolist())}
    unknown = [label for label in found.tolist() if label not in place]
    if unknown:
        raise DataError(f"y has the label {unknown[0]!r}, which training has not seen")
    return np.array([place[label] for label in found.tolist()], np.int64)[codes]


def _see_order(labels: NDArray[Any]) -> None:
    """See that objects have an order, and one that a model's file keeps: sets have part of one."""
    types = {type(label) for label in labels.tolist()}
    for kind in types:
        if not issubclass(kind, _LABELS):
            raise DataError(
                f"the labels y are of the type {kind.__name__}: make texts or whole numbers of them"
            )
    whole = (label for label in labels.tolist() if isinstance(label, int | np.integer))
    if any(not -(2**63) <= label < 2**63 for label in whole):
        raise DataError("the labels y are whole numbers beyond 64 bits: make texts of them")


def numbers_of(y: Any, rows: int) -> tuple[NDArray[np.float64], Target]:
    """Return the numbers, standardised as the network learns them, and the target.

    Raises
    ------
    DataError
        If one is missing, infinite or no number, or there is not one a row.
    """
    numbers = _numbers(y, rows)
    scale = max(float(np.abs(numbers).max()), np.finfo(np.float64).tiny)
    mean = float((numbers / scale).mean()) * scale
    with np.errstate(over="ignore"):
        off = numbers - mean
    if np.isinf(off).any():
        raise DataError(
            f"y spans more than float64 holds, from {numbers.min():g} to {numbers.max():g}: divide "
            "it by a constant"
        )
    std = float((off / scale).std()) * scale  # no square overflows
    std = std if std > 0 else 1.0
    why = "a regressor was asked for"
    target = Target(_name_of(y), "regression", why, "real", (), mean, std)
    return off / std, target


def standardised(y: Any, rows: int, target: Target) -> NDArray[np.float64]:
    """Return numbers as the network of a fit learns them: (y − mean) / std.

    Raises
    ------
    DataError
        As `numbers_of`.
    """
    with np.errstate(over="ignore"):
        found = (_numbers(y, rows) - target.mean) / target.std
    far = np.abs(found) > _FAR
    if far.any():
        raise DataError(
            f"y in row {int(np.argmax(far)) + 1} is more than {_FAR:g} standard deviations from "
            "those of training: mend it, or leave the row out"
        )
    return np.asarray(found)


def _numbers(y: Any, rows: int) -> NDArray[np.float64]:
    try:
        given = _one_each(y, rows)
        if given.dtype.kind in "mM":
            raise DataError("y holds dates or times, which are no numbers: make it so many days")
        numbers = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"y holds what is no number: {error}; TabularClassifier is for labels"
        ) from None
    for what, wrong in (("NaN", np.isnan(numbers)), ("infinity", np.isinf(numbers))):
        if wrong.any():
            raise DataError(
                f"Input y contains {what} in row {int(np.argmax(wrong)) + 1}: mend it, or leave "
                "the row out"
            )
    return np.asarray(numbers)


def weights_of(sample_weight: Any, rows: int) -> NDArray[np.float64] | None:
    """Return the weights as numbers, one a row.

    Raises
    ------
    DataError
        At one that is negative or no number, by its row (counted from 1); if all are 0.
    """
    if sample_weight is None:
        return None
    if np.ma.getmask(sample_weight).any():
        raise DataError("sample_weight is masked: give a number for each row")
    try:
        given = np.asarray(sample_weight)
        if any(isinstance(one, complex) for one in given.ravel()[:1].tolist()):
            raise TypeError("they are complex")
        if given.dtype.kind in "mM":
            raise TypeError("they are dates or times")
        weights = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"sample_weight holds what is no number: {error}") from None
    weights = np.full(rows, weights) if weights.ndim == 0 else weights
    if weights.shape != (rows,):
        raise DataError(
            f"Sample weights must be 1D array or scalar, one a row: got shape {weights.shape} for "
            f"{rows} rows"
        )
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"sample_weight has {number(weights[row])} in row {row + 1}; weights are 0 or more"
        )
    if not weights.any():
        raise DataError("sample_weight is zero in every row: at least one row must count")
    return near_one(weights)[0]


def groups_of(groups: Any, rows: int) -> NDArray[np.object_] | None:
    """Return the name of each row's group, as a text.

    Raises
    ------
    DataError
        If there is not one a row, one is missing, or all are the same.
    """
    if groups is None:
        return None
    if np.ma.getmask(groups).any():
        row = int(np.argmax(np.ma.getmaskarray(groups))) + 1
        raise DataError(f"groups is masked in row {row}")
    names = np.asarray(groups)
    if names.shape != (rows,):
        raise DataError(f"groups has the shape {names.shape} for {rows} rows: give one a row")
    absent = np.isnat(names) if names.dtype.kind in "mM" else missing(names)
    if absent.any():
        raise DataError(f"groups is missing in row {int(np.argmax(absent)) + 1}")
    names = names.astype(str).astype(object)
    if len(set(names.tolist())) < 2:
        raise DataError("groups has one value only, and rows of another are needed to judge them")
    return names


def _name_of(y: Any) -> str:
    """The name of a column of targets, if it has one."""
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "y"


def _one_each(y: Any, rows: int) -> NDArray[Any]:
    if y is None:
        raise DataError("a tabular estimator requires y to be passed, but the target y is None")
    if sparse.issparse(y):
        raise DataError("y is a sparse matrix: give one label or number a row")
    if isinstance(y, str):
        raise DataError(
            f"y is the text {shown(y)}: give the column itself, such as X[{shown(y)}], and X "
            "without it"
        )
    if np.ma.getmask(y).any():
        row = int(np.argmax(np.ma.getmaskarray(y))) + 1
        raise DataError(f"y is masked in row {row}: leave rows without a target out")
    array = as_objects(np.asarray(array_of(y)))
    if array.dtype.names:
        raise DataError("y has several fields: give one label or number a row")
    if array.dtype.kind == "c":
        raise DataError("y holds complex numbers. Complex data not supported")
    try:
        one: NDArray[Any] = column_or_1d(array, warn=True)
    except ValueError as error:
        raise DataError(f"y is one label or number a row: {error}") from None
    if len(one) != rows:
        raise DataError(f"X has {rows} rows and y has {len(one)}: give one target a row")
    return one


def missing(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where one of the labels (n,) is missing: None, NaN, NaT or pandas.NA."""
    if labels.dtype.kind == "f":
        return np.asarray(np.isnan(labels), np.bool_)
    if labels.dtype.kind == "M":
        return np.asarray(np.isnat(labels), np.bool_)
    if labels.dtype.kind != "O":
        return np.zeros(len(labels), np.bool_)
    return np.array([_absent(label) for label in labels.tolist()], np.bool_)


def _absent(label: object) -> bool:
    # NaN, NaT and pandas.NA are the values that do not equal themselves.
    same: Any = label == label
    return label is None or not isinstance(same, bool | np.bool_) or not same
