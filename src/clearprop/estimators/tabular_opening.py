"""X as an estimator of tables takes it, with scikit-learn's attributes about its columns.

Proved by ``tests/test_tabular_rows.py`` and ``tests/test_estimators_encoder.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from clearprop.errors import DataError, SettingError
from clearprop.estimators.tabular_rows import are_records, as_table, in_memory, numbered
from clearprop.tables import Table
from clearprop.tables.encoder import Encoder
from clearprop.tables.places import apart
from clearprop.words import shown

__all__ = ["OpensTables"]


class OpensTables(BaseEstimator):  # type: ignore[misc]
    """An estimator of any table."""

    n_features_in_: int

    @contextmanager
    def _whole_fit(self) -> Iterator[None]:
        """A fit that raises leaves the estimator as it was, so that no two fits are mixed."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _opened_beside(self, table: Table, X: Any) -> Table:
        """X as a table that comes beside that of a fit, and is read as it is."""
        texts = [one.name for one in table.columns if one.kind == "text" or one.form]
        found = copy.copy(self._opened(X, reset=False, texts=texts))
        found.name = "validation_data"
        return found

    def _opened(self, X: Any, *, reset: bool, texts: Sequence[str] | None = None) -> Table:
        """X as a table, with scikit-learn's attributes and warnings about columns' names."""
        X = in_memory(X)
        _see_even(X)
        if texts is None:
            # Later rows are read cell by cell: what a text is does not depend on other rows.
            texts = self._asked_texts() if reset else [*self._encoder().names]
        if isinstance(X, Table | Mapping) or are_records(X):
            table = as_table(X, as_text=texts)
            if reset:
                self.n_features_in_ = len(table.names)
                self.feature_names_in_ = np.array(table.names, object)
            return table
        notes: list[str] = []
        named = apart(X, notes)
        names = None if reset else getattr(self, "feature_names_in_", None)
        framed = hasattr(X, "columns")
        own = getattr(named, "column_names", named.columns) if framed else ()
        given = getattr(X, "columns", ()) if reset else own
        if framed and (
            not all(isinstance(name, str) for name in given) if reset else names is None
        ):
            texts = [str(name) for place, name in enumerate(own) if f"x{place}" in texts]
        called = names if names is not None and len(names) == _width(X) else None
        table = as_table(named, called, texts)
        table.notes = (*notes, *table.notes)
        if reset or not framed or names is None:
            try:
                unique = getattr(getattr(X, "columns", None), "is_unique", False)
                validate_data(self, X if unique else named, reset=reset, skip_check_array=True)
            except (TypeError, ValueError) as error:
                raise DataError(str(error)) from None
        # Without names of its own, or fitted without: a column is what stands at its place.
        return numbered(table) if framed and not hasattr(self, "feature_names_in_") else table

    def _asked_texts(self) -> list[str]:
        """The columns that are said to be categories: their texts are names."""
        columns = getattr(self, "columns", None)
        said = columns.items() if isinstance(columns, Mapping) else ()
        for name, role in said:
            if not isinstance(role, str):
                raise SettingError(
                    f"columns says what column {name!r} is, such as 'category', got {shown(role)}"
                )
        return [name for name, role in said if role == "category"]

    def _encoder(self) -> Encoder:
        """The encoder of the fit."""
        raise NotImplementedError

    def _asked(self, X: Any) -> Table:
        """X as a table that comes behind the fit."""
        check_is_fitted(self)
        return self._opened(X, reset=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = False
        tags.non_deterministic = False
        return tags


def _see_even(X: Any) -> None:
    """See that rows that are lists have as many cells each: NumPy tells of no row."""
    if not isinstance(X, list | tuple) or not all(isinstance(row, list | tuple) for row in X):
        return
    for place, row in enumerate(X, start=1):
        if len(row) != len(X[0]):
            raise DataError(
                f"X has {len(X[0])} cells in row 1 and {len(row)} in row {place}: give as many in "
                "each"
            )


def _width(X: Any) -> int:
    try:
        shape = X.shape if hasattr(X, "shape") else np.shape(X)
    except ValueError:  # rows of several kinds, of which `as_table` tells
        return -1
    return int(shape[1]) if len(shape) == 2 else -1
