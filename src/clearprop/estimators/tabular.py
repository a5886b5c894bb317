"""`TabularClassifier` and `TabularRegressor`: any table in, a good network out, nothing to tune.

Proved by ``tests/test_tabular_estimators.py`` and ``tests/test_tabular_held_rows.py``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from clearprop.errors import DataError
from clearprop.estimators.class_weights import class_factors, class_weight_told
from clearprop.estimators.construction import constructed
from clearprop.estimators.held_rows import held_rows, of_held_rows
from clearprop.estimators.row_weights import product
from clearprop.estimators.tabular_estimator import DEFAULTS, Settings, Tabular
from clearprop.estimators.tabular_figures import metric_of, metric_of_quantile
from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.estimators.tabular_targets import (
    as_typed,
    codes_of,
    groups_of,
    labels_of,
    numbers_of,
    standardised,
    weights_of,
)

__all__ = ["TabularClassifier", "TabularRegressor"]


class TabularClassifier(ClassifierMixin, Tabular):  # type: ignore[misc]
    """A network that tells classes apart, from any table, with nothing to tune.

    Numbers, categories, truth values, dates and missing cells are found and encoded; rows that
    are held back choose the epoch and the temperature of the probabilities.

    Parameters
    ----------
    preset : {"default", "fast", "best"}
        How much is computed. Fast: four networks, each of which holds back another quarter of the
        rows. Default: each of them is then trained anew on all rows, up to its best epoch, and
        both predict together. Best: so too, with two networks in each of eight such bags, for
        twice as many epochs.
    metric : str, optional
        What matters: ``"log_loss"`` (the default), ``"accuracy"``, ``"auc"``,
        ``"balanced_accuracy"``, ``"f1_macro"``, ``"calibration_error"``. It chooses the epoch; for
        accuracy, labels are smoothed too.
    class_weight : {label: factor} or "balanced", optional
        A factor of the weight of each class's rows, 1 for one that is not named; "balanced" gives
        every class the same weight in all, with its rows' ``sample_weight``. Probabilities are then
        those of such a mix of classes.
    columns : {name: "number", "category", "boolean" or "date"}, optional
        What is known better than it looks.
    time_limit : float, seconds, optional
        Training ends at the first whole step after which there is time for no other, and for what
        comes behind the steps; ``n_steps_`` says how many there were.
        Too short for all of a preset's runs, it is for fewer of them, each up to its end.
    max_steps : int or sequence of int, optional
        Training ends after so many steps, of each run where there are several; 0 leaves the last
        of them out. With the ``n_steps_`` of a time limit, the same bits.
    precision : {"float32", "bfloat16", "float64"}
        What products are done in. bfloat16 takes about six tenths of the time on a processor with
        tiles for it (AMX), with sums and weights in float32, and is refused by one that cannot.
    changes : {ingredient: value}, optional
        Other ingredients than the preset's, by the names of
        `clearprop.estimators.tabular_ingredients.Ingredients`.
    checkpoint : path, optional
        Where training is kept as it goes; a fit that finds it there goes on from it.
    progress : callable or True, optional
        Called with a `clearprop.training.Progress` a few times a second. True: a line on the screen
        says where training stands.
    random_state : int, RandomState or None
        The same whole number gives the same bits, for any number of threads.
    n_jobs : int, optional
        Threads; −1: as many as are worth it, as without; −2: as many as there are cores less one.

    Attributes
    ----------
    classes_ : (K,) array
        The labels in sorted order.
    model_ : clearprop.Model
        The trained network with its encoder: saves itself to a file that `clearprop.load` reads.
        Its ``columns`` say what each column is used as, and why; a warning names those that may
        tell something and are left out.
    n_features_in_ : int
    feature_names_in_ : (columns,) array of str
        If it was fitted to a frame.
    ingredients_ : Ingredients
    n_iter_, best_epoch_ : int
        Epochs trained, and the epoch whose parameters are kept, of the first run.
    n_steps_ : int or tuple of int
        Steps done, in each run where there are several; 0 in one that there was no time for.
    epochs_ : tuple of int
        The epoch that is kept, of each run that was done: of each bag in turn the run that its
        rows judge, and the one on all rows.
    inputs_ : tuple of int
        How many inputs the network of each run that was done reads: of more than 24 columns of
        numbers, from 2,000 rows on, every second bag's reads no pieces of
        them; where either kind is better by the rows held back, all of the third bag and behind
        are of that.
    histories_ : tuple of History
        Of each run that was done, a row of figures for each epoch.

    Notes
    -----
    Memory: about 10 bytes for each row and input while fitting. A column of numbers is 17 inputs
    (but 1 where more than 24 are such columns and rows fewer than 2,000), and one of mostly one
    value up to 66 where its other values mean something each; a category as many as it has levels,
    or 1 above 32 levels. A million rows of ten numbers take 1.7 GB.

    Examples
    --------
    >>> rows = {"size": [1.0, 2.0, None, 4.0] * 8, "colour": ["red", "blue", "red", "blue"] * 8}
    >>> y = ["no", "yes", "no", "yes"] * 8
    >>> model = TabularClassifier(preset="fast", random_state=0).fit(rows, y)
    >>> model.predict({"colour": ["blue"], "size": [3.5]}).tolist()
    ['yes']
    """

    _task = "classification"

    @constructed(Settings, DEFAULTS)
    def __init__(
        self,
        *,
        class_weight: Mapping[Any, float] | str | None = None,
        **settings: Unpack[Settings],
    ) -> None: ...

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: Sequence[Any] | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: Any = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn the classes of some rows.

        Parameters
        ----------
        X : frame (pandas, Polars, PyArrow, …), dict of columns, or array (n, columns)
            Missing cells are None, NaN or the frame's own.
        y : (n,) labels: texts, whole numbers, truth values
        sample_weight : (n,) array, optional
            0 or more.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Rows that never train: they choose the epoch and the temperature, and none of the others
            is held back.
        X_val, y_val, sample_weight_val
            The same one by one: in a pipeline, ``transform_input=["X_val"]`` has the steps in front
            transform X_val too.
        groups : (n,) array, optional
            Names, or whole numbers: rows of one name (a patient, a household) are held back
            together, so that those which judge a network are strangers to it.

        Returns
        -------
        self

        Raises
        ------
        DataError, SettingError
            One sentence: what is wrong, where, and the fix.
        """
        began = time.monotonic()
        with self._whole_fit():
            table = self._opened(X, reset=True)
            classes, codes, target = labels_of(y, table.rows)
            own = weights_of(sample_weight, len(codes))
            factors = class_factors(self.class_weight, classes, codes, own)

            def weighed(
                own: NDArray[np.float64] | None, codes: NDArray[np.int64]
            ) -> NDArray[np.float64] | None:
                by_class = None if factors is None else factors[codes]
                found = product(own, by_class)[0]
                if found is not None and not found.any():
                    raise DataError("class_weight leaves no row a weight: at least one must count")
                return found

            judges = None
            held = held_rows(validation_data, X_val, y_val, sample_weight_val, groups)
            together = groups_of(groups, table.rows)
            if held is not None:
                with of_held_rows():
                    other = self._opened_beside(table, held[0])
                    places = codes_of(held[1], other.rows, classes)
                    judges = other, places, weighed(weights_of(held[2], other.rows), places)
            self._fit(table, codes, target, weighed(own, codes), together, judges, began)
            self.classes_ = classes
            if self.class_weight:
                told = class_weight_told(self.class_weight)
                self.model_.provenance["class_weight"] = told
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : as for `fit`
            A frame's columns may come in another order.

        Returns
        -------
        (n,) array of labels
        """
        P = self.predict_proba(X)
        return np.asarray(self.classes_[P.argmax(axis=1)])

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of rows, by weight, whose class is predicted.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        float
        """
        return float(super().score(X, as_typed(y), sample_weight))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, (n, K), in the order of ``classes_``."""
        table = self._asked(X)
        return self.model_.predict_probabilities(table)[:, -len(self.classes_) :]  # of one: 1

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _encoded(self, y: Any, rows: int) -> NDArray[Any]:
        return codes_of(y, rows, self.classes_)


class TabularRegressor(RegressorMixin, Tabular):  # type: ignore[misc]
    """A network that predicts a number, from any table, with nothing to tune.

    Parameters
    ----------
    preset, columns, time_limit, max_steps, precision, changes
        And ``checkpoint``, ``progress``, ``random_state``, ``n_jobs``: as for `TabularClassifier`.
    metric : str, optional
        What matters: ``"rmse"`` (the default), ``"mae"``, ``"r2"``, ``"median_ae"``,
        ``"pinball"``. For absolute errors and pinball, they are the cost too.
    quantile : float in (0, 1), optional
        Predict the number that a share of such rows' numbers lie below, and not their mean; the
        metric is then ``"pinball"``, of that level (`score` stays the share of variance explained).

    Attributes
    ----------
    model_, n_features_in_, feature_names_in_, ingredients_, n_iter_, best_epoch_, n_steps_, \
epochs_, histories_
        As of `TabularClassifier`. ``model_.residuals`` are what the rows that were held back were
        off by, each by the network that did; a saved model has them too.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 200)
    >>> model = TabularRegressor(preset="fast", random_state=0).fit({"x": x}, 3 * x + 1)
    >>> model.predict({"x": [0.5]}).round(1).tolist()
    [2.5]
    """

    _task = "regression"
    quantile: float | None = None  # of those that were pickled before there was one

    @constructed(Settings, DEFAULTS)
    def __init__(self, *, quantile: float | None = None, **settings: Unpack[Settings]) -> None: ...

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: Sequence[Any] | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: Any = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn the numbers of some rows.

        Parameters
        ----------
        X, sample_weight, validation_data, groups, X_val, y_val, sample_weight_val
            As for `TabularClassifier.fit`.
        y : (n,) finite numbers

        Returns
        -------
        self

        Raises
        ------
        DataError, SettingError
            One sentence: what is wrong, where, and the fix.
        """
        began = time.monotonic()
        with self._whole_fit():
            table = self._opened(X, reset=True)
            numbers, target = numbers_of(y, table.rows)
            weights = weights_of(sample_weight, table.rows)
            judges = None
            held = held_rows(validation_data, X_val, y_val, sample_weight_val, groups)
            together = groups_of(groups, table.rows)
            if held is not None:
                with of_held_rows():
                    other = self._opened_beside(table, held[0])
                    own = standardised(held[1], other.rows, target)
                    judges = other, own, weights_of(held[2], other.rows)
            self._fit(table, numbers, target, weights, together, judges, began)
        return self

    def ingredients(self) -> Ingredients:
        """Return what a fit with these settings is made of: the preset's, with the changes."""
        made_of = super().ingredients()
        return made_of if self.quantile is None else made_of.changed({"quantile": self.quantile})

    def _asked_metric(self) -> str:
        return metric_of(self._task, metric_of_quantile(self.metric, self.quantile))

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return a number for each row, (n,) float64, within those of training."""
        table = self._asked(X)
        return np.asarray(self.model_.predict(table), np.float64)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return an interval for each row that holds a share of such rows' numbers.

        Conformal, from the rows that each network held back, as `clearprop.Model.predict_interval`
        says. Where the noise depends on something else than the number, two fits with
        ``quantile=`` follow it.

        Parameters
        ----------
        X : as for `fit`
        coverage : float in (0, 1)

        Returns
        -------
        (n, 2) float64
            The lower and the upper end.

        Raises
        ------
        DataError
            If too few rows were held back for the coverage: at 0.9 it takes 19.
        UsageError
            If none was.
        """
        table = self._asked(X)
        return self.model_.predict_interval(table, coverage)

    def _encoded(self, y: Any, rows: int) -> NDArray[Any]:
        return standardised(y, rows, self.model_.target)
