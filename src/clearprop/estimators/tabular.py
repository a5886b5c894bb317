"""`TabularClassifier` and `TabularRegressor`: any table in, a good network out, nothing to tune.

Owns the form scikit-learn expects; what happens inside is `clearprop.estimators.tabular_fitting`.
Proved by ``tests/test_tabular_estimators.py`` and ``tests/test_tabular_rows.py``.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import ClearPropError, DataError
from clearprop.estimators.tabular_figures import metric_of
from clearprop.estimators.tabular_fitting import Fitted, Rows, fit
from clearprop.estimators.tabular_importance import Importances, importances
from clearprop.estimators.tabular_ingredients import Ingredients, chosen
from clearprop.estimators.tabular_interval import Residuals
from clearprop.estimators.tabular_opening import OpensTables
from clearprop.estimators.tabular_rows import (
    class_factors,
    decisions_of,
    labels_of,
    numbers_of,
    weights_of,
)
from clearprop.model import Model, load
from clearprop.model.arrays import Watcher
from clearprop.network import Network
from clearprop.settings import Attr, check_all
from clearprop.tables import Table
from clearprop.tables.task import Target

__all__ = ["TabularClassifier", "TabularRegressor"]

_ATTRS = (
    Attr("time_limit", float, None, bounds="(0, inf)", unit="s"),
    Attr("n_jobs", int, None, bounds="[1, 1024]", help="threads; they change no bits"),
)


#: The attributes that hold a model.
_MODELS = ("model_", "judge_")

_STEPS = Attr("max_steps", int, 1, bounds="[1, inf)")


class _Tabular(OpensTables):
    """What both have in common."""

    model_: Model
    _task: str

    def __init__(
        self,
        *,
        preset: str = "default",
        metric: str | None = None,
        columns: Mapping[str, str] | None = None,
        time_limit: float | None = None,
        max_steps: int | Sequence[int] | None = None,
        changes: Mapping[str, Any] | None = None,
        checkpoint: str | None = None,
        progress: Watcher | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.preset = preset
        self.metric = metric
        self.columns = columns
        self.time_limit = time_limit
        self.max_steps = max_steps
        self.changes = changes
        self.checkpoint = checkpoint
        self.progress = progress
        self.random_state = random_state
        self.n_jobs = n_jobs

    # -- fitting ----------------------------------------------------------------------------------
    def _fit(
        self, table: Table, y: NDArray[Any], target: Target, weights: NDArray[np.float64] | None
    ) -> Fitted:
        """Train, and keep what came of it."""
        told: dict[str, Any] = check_all(
            _ATTRS,
            {name: None if (v := getattr(self, name)) == -1 else v
             for name in ("time_limit", "n_jobs")},
            type(self).__name__,
        )  # fmt: skip
        metric, made_of = self._asked_metric(), self.ingredients()
        decisions = decisions_of(table, self.columns)
        rows = Rows(table, decisions.roles, y, target, weights)
        found = fit(
            rows, made_of,
            metric=metric, seed=_seed(self.random_state), progress=self.progress,
            time_limit=told["time_limit"], max_steps=_steps(self.max_steps),
            checkpoint=self.checkpoint, threads=told["n_jobs"],
        )  # fmt: skip
        if found.interrupted:
            warnings.warn(
                f"Training was interrupted after {sum(found.steps)} steps: "
                "the model is the best so far",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.model_ = found.model
        self.model_.columns = decisions.to_data()
        self.ingredients_: Ingredients = made_of
        self.histories_, self.epochs_ = found.histories, found.epochs
        self.n_iter_ = max(len(found.histories[0]), 1)
        self.best_epoch_ = found.epochs[0]
        self.n_steps_ = found.steps[0] if len(found.steps) == 1 else found.steps
        return found

    # -- what is inside ---------------------------------------------------------------------------
    def ingredients(self) -> Ingredients:
        """Return what a fit with these settings is made of: the preset's, with the changes."""
        changes = dict(self.changes or {})
        return chosen(self.preset, self._task, self._asked_metric(), changes)

    def _asked_metric(self) -> str:
        return metric_of(self._task, self.metric)

    def to_network(self) -> Network:
        """Return the network inside: to derive, check, draw, export.

        Its parameters are ``model_.parameters``, and ``model_.encoder`` makes its inputs.

        Returns
        -------
        Network
        """
        check_is_fitted(self)
        return self.model_.network

    def feature_importances(
        self,
        X: Any,
        y: ArrayLike,
        *,
        method: str = "permutation",
        repeats: int = 5,
        random_state: int = 0,
    ) -> Importances:
        """Return how much each column matters to the predictions of some rows.

        Parameters
        ----------
        X : frame or array (n, columns)
        y : (n,) targets
        method : {"permutation", "gradient"}
            How much worse the metric gets when the column's cells change places among the rows
            (Breiman 2001, section 10), or the mean of ‖∂J/∂x‖ over the rows, x the column's inputs
            as the encoder scales them.
        repeats : int, at least 1
            Permutations of each column.
        random_state : int

        Returns
        -------
        Importances
            ``names``, ``mean`` and ``deviation`` (over the repeats), a figure a column.
        """
        table = self._asked(X)
        return importances(
            self.model_, table, self._encoded(y, table.rows), self._asked_metric(),
            method=method, repeats=repeats, seed=random_state,
        )  # fmt: skip

    def _encoded(self, y: Any, rows: int) -> NDArray[Any]:
        raise NotImplementedError

    # -- scikit-learn's ways ----------------------------------------------------------------------
    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """The models as their files' bytes: reading them runs no code."""
        state: dict[str, Any] = dict(super().__getstate__())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.clearprop"
            for name in _MODELS:
                if state.get(name) is not None:
                    state[name].save(path)
                    state[name] = path.read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.clearprop"
            for name in _MODELS:
                if isinstance(state.get(name), bytes):
                    path.write_bytes(state[name])
                    state[name] = load(path)
        super().__setstate__(state)


class TabularClassifier(ClassifierMixin, _Tabular):  # type: ignore[misc]
    """A network that tells classes apart, from any table, with nothing to tune.

    Numbers, categories, truth values, dates and missing cells are found and encoded; rows that
    are held back choose the epoch and the temperature of the probabilities.

    Parameters
    ----------
    preset : {"default", "fast", "best"}
        How much is computed. Fast: four networks, each of which holds back another quarter of the
        rows. Default: each of them is then trained anew on all rows, up to its best epoch. Best:
        sixteen networks in eight such bags, for twice as many epochs.
    metric : str, optional
        What matters: ``"log_loss"`` (the default), ``"accuracy"``, ``"auc"``,
        ``"balanced_accuracy"``, ``"f1_macro"``, ``"calibration_error"``. It chooses the epoch; for
        accuracy, labels are smoothed too.
    class_weight : {label: factor} or "balanced", optional
        A factor of the weight of each class's rows, 1 for one that is not named; "balanced" gives
        every class the same weight in all. Probabilities are then those of such a mix of classes.
    columns : {name: "number", "category", "boolean" or "date"}, optional
        What is known better than it looks.
    time_limit : float, seconds, optional
        Training ends at the first whole step after it; ``n_steps_`` says how many there were.
    max_steps : int or sequence of int, optional
        Training ends after so many steps, of each run where there are several: with the
        ``n_steps_`` of a time limit, the same bits.
    changes : {ingredient: value}, optional
        Other ingredients than the preset's, by the names of
        `clearprop.estimators.tabular_ingredients.Ingredients`.
    checkpoint : path, optional
        Where training is kept as it goes; a fit that finds it there goes on from it.
    progress : callable, optional
        Called with a `clearprop.training.Progress` a few times a second.
    random_state : int, RandomState or None
        The same whole number gives the same bits, for any number of threads.
    n_jobs : int, optional
        Threads.

    Attributes
    ----------
    classes_ : (K,) array
        The labels in sorted order.
    model_ : clearprop.Model
        The trained network with its encoder: saves itself to a file that `clearprop.load` reads.
    n_features_in_ : int
    feature_names_in_ : (columns,) array of str
        If it was fitted to a frame.
    ingredients_ : Ingredients
    n_iter_, best_epoch_ : int
        Epochs trained, and the epoch whose parameters are kept, of the first run.
    n_steps_ : int or tuple of int
        Steps done, in each run where there are several.
    epochs_ : tuple of int
        The epoch that is kept, of each run: of each bag in turn the run that its rows judge, and
        the one on all rows.
    histories_ : tuple of History
        Of each run, a row of figures for each epoch.

    Notes
    -----
    Memory: about 10 bytes for each row and input while fitting. A column of numbers is 17 inputs
    where there are at most 24 such columns, else 1; a category as many as it has levels, or 1 above
    32 levels. A million rows of ten numbers take 1.7 GB.

    Examples
    --------
    >>> rows = {"size": [1.0, 2.0, None, 4.0] * 8, "colour": ["red", "blue", "red", "blue"] * 8}
    >>> y = ["no", "yes", "no", "yes"] * 8
    >>> model = TabularClassifier(preset="fast", random_state=0).fit(rows, y)
    >>> model.predict({"colour": ["blue"], "size": [3.5]}).tolist()
    ['yes']
    """

    _task = "classification"

    def __init__(
        self,
        *,
        preset: str = "default",
        metric: str | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        columns: Mapping[str, str] | None = None,
        time_limit: float | None = None,
        max_steps: int | Sequence[int] | None = None,
        changes: Mapping[str, Any] | None = None,
        checkpoint: str | None = None,
        progress: Watcher | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            preset=preset, metric=metric, columns=columns, time_limit=time_limit,
            max_steps=max_steps, changes=changes, checkpoint=checkpoint, progress=progress,
            random_state=random_state, n_jobs=n_jobs,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the classes of some rows.

        Parameters
        ----------
        X : frame (pandas, Polars, PyArrow, …), dict of columns, or array (n, columns)
            Missing cells are None, NaN or the frame's own.
        y : (n,) labels: texts, whole numbers, truth values
        sample_weight : (n,) array, optional
            0 or more.

        Returns
        -------
        self

        Raises
        ------
        DataError, SettingError
            One sentence: what is wrong, where, and the fix.
        """
        table = self._opened(X, reset=True)
        classes, codes, target = labels_of(y, table.rows)
        weights = weights_of(sample_weight, table.rows)
        factors = class_factors(self.class_weight, classes, codes)
        if factors is not None:
            weights = factors if weights is None else factors * weights
        self._fit(table, codes, target, weights)
        self.classes_ = classes
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

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, (n, K), in the order of ``classes_``."""
        table = self._asked(X)
        return self.model_.predict_probabilities(table)[:, -len(self.classes_) :]  # of one: 1

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _encoded(self, y: Any, rows: int) -> NDArray[Any]:
        classes, codes, _ = labels_of(y, rows)
        place = {label: number for number, label in enumerate(self.classes_.tolist())}
        unknown = [label for label in classes.tolist() if label not in place]
        if unknown:
            raise DataError(f"y has the label {unknown[0]!r}, which training has not seen")
        return np.array([place[label] for label in classes.tolist()], np.int64)[codes]


class TabularRegressor(RegressorMixin, _Tabular):  # type: ignore[misc]
    """A network that predicts a number, from any table, with nothing to tune.

    Parameters
    ----------
    preset, columns, time_limit, max_steps, changes, checkpoint, progress, random_state, n_jobs
        As for `TabularClassifier`.
    metric : str, optional
        What matters: ``"rmse"`` (the default), ``"mae"``, ``"r2"``, ``"median_ae"``,
        ``"pinball"``. For absolute errors, they are the cost too.

    Attributes
    ----------
    model_, n_features_in_, feature_names_in_, ingredients_, n_iter_, best_epoch_, n_steps_, \
epochs_, histories_
        As of `TabularClassifier`.
    residuals_ : Residuals
        What the rows that were held back were off by: see `predict_interval`.
    judge_ : Model or None
        The networks that they judge, where those of all rows predict.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 200)
    >>> model = TabularRegressor(preset="fast", random_state=0).fit({"x": x}, 3 * x + 1)
    >>> model.predict({"x": [0.5]}).round(1).tolist()
    [2.5]
    """

    _task = "regression"

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the numbers of some rows.

        Parameters
        ----------
        X, sample_weight
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
        table = self._opened(X, reset=True)
        numbers, target = numbers_of(y, table.rows)
        weights = weights_of(sample_weight, table.rows)
        found = self._fit(table, numbers, target, weights)
        self.bounds_ = tuple(target.decode(np.array([numbers.min(), numbers.max()])).tolist())
        self.judge_ = found.judge
        self.residuals_ = self._residuals(found, numbers, target, weights)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return a number for each row, (n,) float64, within those of training."""
        table = self._asked(X)
        return self._numbers(self.model_, table)

    def _numbers(self, model: Model, table: Table) -> NDArray[np.float64]:
        found = np.asarray(model.predict(table), np.float64)
        return np.clip(found, *self.bounds_) if self.ingredients_.clip else found

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return an interval for each row that holds a share of such rows' numbers.

        Conformal, from rows that did not train their network: of new rows that come as those of
        the fit did, each end leaves about (1 − coverage) / 2 out, whatever the noise is like. That
        holds over all rows, and over rows of similar predictions; not for every row by itself.
        The prediction lies in its interval.

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
        """
        table = self._asked(X)
        predicted = self._numbers(self.model_, table)
        if self.judge_ is None:
            return self.residuals_.interval(predicted, coverage)
        # Networks of all rows have no rows to be judged by: the interval is that of those that
        # have, and as wide as it takes to hold the prediction.
        ends = self.residuals_.interval(self._numbers(self.judge_, table), coverage)
        wide = [np.minimum(ends[:, 0], predicted), np.maximum(ends[:, 1], predicted)]
        return np.stack(wide, axis=1)

    def _residuals(
        self,
        found: Fitted,
        numbers: NDArray[np.float64],
        target: Target,
        weights: NDArray[np.float64] | None,
    ) -> Residuals:
        held = found.held if weights is None else found.held & (weights > 0)
        judged = target.decode(found.judged[held])
        if self.ingredients_.clip:
            judged = np.clip(judged, *self.bounds_)
        own = np.ones(len(judged)) if weights is None else weights[held]
        return Residuals(judged, target.decode(numbers[held]) - judged, own)

    def _encoded(self, y: Any, rows: int) -> NDArray[Any]:
        numbers_of(y, rows)
        target = self.model_.target
        return (np.asarray(y, np.float64).reshape(-1) - target.mean) / target.std


def _steps(given: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if given is None:
        return None
    each = tuple(given) if isinstance(given, Sequence) else (given,)
    for steps in each:
        _STEPS.check(steps)
    return each


def _seed(random_state: Any) -> int:
    """A whole number is the seed itself; anything else draws one."""
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        return int(random_state)
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError as error:
        raise ClearPropError(f"random_state: {error}") from None
