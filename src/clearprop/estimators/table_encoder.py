"""`TableEncoder`: the one encoder of tables, as scikit-learn's transformers are.

It keeps and applies a `clearprop.tables.encoder.Encoder`, and encodes nothing itself. Proved by
``tests/test_estimators_encoder.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import DataError, SettingError
from clearprop.estimators.tabular_opening import OpensTables
from clearprop.estimators.tabular_rows import decisions_of
from clearprop.settings import Attr, check_all
from clearprop.tables.encoder import ONE_HOT_UP_TO, Encoder, fit_encoder
from clearprop.tables.recipes import RECIPES
from clearprop.tables.table import unique_names
from clearprop.words import shown

__all__ = ["TableEncoder"]

_ATTRS = (
    Attr("numbers", str, "standard"),
    Attr("one_hot_up_to", int, None, bounds="[0, inf)"),
    Attr("dtype", str, "float64", choices=("float64", "float32")),
)


class TableEncoder(TransformerMixin, OpensTables):  # type: ignore[misc]
    """Turn any table into numbers, by the recipes of the networks of tables.

    Numbers are scaled, categories become an input a level, truth values, dates and missing cells
    are encoded; columns that tell nothing (of one value, identifiers) are left out. It is fitted
    to what it is shown alone: in a pipeline, to the training rows.

    Parameters
    ----------
    numbers : {"standard", "robust", "pieces", "rare", "periodic"}
        How columns of numbers are encoded: (x − mean) / std; by median and quartiles, clipped
        smoothly; so, and piecewise linearly in up to 16 parts, or in up to 64 for columns of mostly
        one value, or as 8 sines and cosines. The networks of the presets read ``"pieces"``, and
        ``"rare"`` or ``"robust"`` where a rule says so.
    columns : {name: "number", "category", "boolean" or "date"}, optional
        What is known better than it looks.
    recipes : {name: recipe}, optional
        Another recipe of a column, by the names of `clearprop.tables.recipes.RECIPES`.
    one_hot_up_to : int or None
        A category of more levels becomes one output, the place of its level (0: one that was not
        seen); None for never.
    dtype : {"float64", "float32"}
        Of the outputs.

    Attributes
    ----------
    encoder_ : clearprop.tables.encoder.Encoder
    n_features_in_ : int
    feature_names_in_ : (columns,) array of str
        If it was fitted to a frame.

    Examples
    --------
    >>> rows = {"size": [1.0, 3.0, None], "colour": ["red", "blue", "red"]}
    >>> encoder = TableEncoder().fit(rows)
    >>> encoder.get_feature_names_out().tolist()
    ['size', 'size missing', 'colour=blue', 'colour=red']
    >>> encoder.transform({"colour": ["blue"], "size": [2.0]}).tolist()
    [[0.0, 0.0, 1.0, 0.0]]
    """

    encoder_: Encoder

    def __init__(
        self,
        *,
        numbers: str = "standard",
        columns: Mapping[str, str] | None = None,
        recipes: Mapping[str, str] | None = None,
        one_hot_up_to: int | None = ONE_HOT_UP_TO,
        dtype: str = "float64",
    ) -> None:
        self.numbers = numbers
        self.columns = columns
        self.recipes = recipes
        self.one_hot_up_to = one_hot_up_to
        self.dtype = dtype

    def fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Learn the scales and the levels of some rows.

        Parameters
        ----------
        X : frame (pandas, Polars, PyArrow, …), dict of columns, or array (n, columns)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        DataError, SettingError
            One sentence: what is wrong, where, and the fix.
        """
        told: dict[str, Any] = check_all(
            _ATTRS,
            {name: getattr(self, name) for name in ("numbers", "one_hot_up_to", "dtype")},
            type(self).__name__,
        )
        with self._whole_fit():
            table = self._opened(X, reset=True)
            roles = decisions_of(table, self.columns).roles
            usual = {name: self.numbers for name, role in roles.items() if role == "number"}
            given = self._given(list(roles))
            self.encoder_ = fit_encoder(
                table, roles, recipes={**usual, **given}, one_hot_up_to=told["one_hot_up_to"]
            )
        return self

    def _given(self, known: list[str]) -> dict[str, str]:
        if self.recipes is not None and not isinstance(self.recipes, Mapping):
            raise SettingError(f"recipes is a dict such as {{'x': 'robust'}}, got {self.recipes!r}")
        given = dict(self.recipes or {})
        for name, recipe in given.items():
            if name not in known:
                raise DataError(
                    f"recipes names {name!r}, which is no column to encode: those are "
                    f"{', '.join(known)}"
                )
            if not isinstance(recipe, str):
                raise SettingError(
                    f"the recipe of column {name!r} is a name such as 'robust', got {recipe!r}"
                )
        return given

    def _asked_texts(self) -> list[str]:
        recipes = self.recipes.items() if isinstance(self.recipes, Mapping) else ()
        of_names = [name for name, recipe in RECIPES.items() if recipe.asked.role == "category"]
        named = [name for name, recipe in recipes if recipe in of_names]
        return [*super()._asked_texts(), *named]

    def _encoder(self) -> Encoder:
        return self.encoder_

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the rows as numbers, (n, outputs), or what `set_output` asks for.

        Parameters
        ----------
        X : as for `fit`
            A frame's columns may come in another order.
        """
        table = self._asked(X)
        encoded = self.encoder_.encode(table, np.dtype(self.dtype))
        if not encoded.indices.shape[1]:
            return encoded.X
        return np.concatenate([encoded.X, encoded.indices.astype(encoded.X.dtype)], axis=1)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Return the names of the outputs: ``age``, ``age missing``, ``colour=red``, …

        Of two that would be the same the second ends in ``_2``.

        Parameters
        ----------
        input_features : (columns,) array of str, optional
            Nothing but the names of the fit, as in all transformers.
        """
        check_is_fitted(self)
        if input_features is not None:
            own = getattr(self, "feature_names_in_", None)
            given = np.asarray(input_features, object)
            if given.ndim != 1:
                raise DataError(
                    f"input_features is a list of the columns' names, got {shown(input_features)}"
                )
            if len(given) != self.n_features_in_:
                raise DataError(
                    f"input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(given)}"
                )
            if own is not None and not np.array_equal(given, own):
                raise DataError("input_features is not equal to feature_names_in_")
        # A column may be called as a level of another is: frames take no name twice.
        return np.array(
            unique_names([*self.encoder_.labels, *self.encoder_.index_levels], []), object
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
