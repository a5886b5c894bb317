"""One trial of a search: fit to some rows, told epoch by epoch, judged on the others.

Proved by ``tests/test_estimators_tune.py``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from clearprop.errors import ClearPropError, DataError, SettingError
from clearprop.estimators.multilayer import Multilayer
from clearprop.estimators.regressor import MLPRegressor
from clearprop.estimators.tabular import TabularClassifier, TabularRegressor
from clearprop.estimators.tuning_parameters import with_parameters
from clearprop.membership import VALIDATION, deal, split
from clearprop.metrics import METRICS, mean_pinball
from clearprop.model import Model, train
from clearprop.model.targets import find_target
from clearprop.network import Network
from clearprop.tables import MemoryTable, Table
from clearprop.words import did_you_mean, shown

__all__ = ["Candidate", "Data", "Judge", "Tell", "divided", "rows_of"]

Tell = Callable[[int, float], None]
"""Told each epoch, from 1, and its figure; raises to end the fit."""


@dataclass(frozen=True)
class Data:
    """Rows to learn from.

    Parameters
    ----------
    X : frame, array, dict of columns or table
    y : (n,) or (n, outputs) array
    weights : (n,) array or None
    groups : (n,) array of str or None
        Rows of one name are judged together.
    """

    X: Any
    y: NDArray[Any]
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.object_] | None = None

    def taken(self, rows: NDArray[np.int64]) -> Data:
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        groups = None if self.groups is None else self.groups[rows]
        return Data(rows_of(self.X, rows), self.y[rows], weights, groups)


def rows_of(X: Any, rows: NDArray[np.int64]) -> Any:
    """Return some rows of anything that holds a table."""
    if isinstance(X, Table):
        cells = {name: type(c)(c.values[rows], c.valid[rows]) for name, c in X.read().items()}
        return MemoryTable(cells, X.columns, name=X.name)
    if isinstance(X, Mapping):
        return {name: _safe_indexing(column, rows) for name, column in X.items()}
    return _safe_indexing(X, rows)


def count_of(X: Any) -> int:
    """Return how many rows there are."""
    if isinstance(X, Table):
        return X.rows
    if isinstance(X, Mapping):
        return _num_samples(next(iter(X.values()))) if X else 0
    try:
        return int(_num_samples(X))
    except TypeError as error:
        raise DataError(f"X is no table: {error}") from None


def divided(
    data: Data, cv: Any, validation: float, seed: int, classifies: bool
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the rows that train and those that judge, once or for each fold."""
    n = len(data.y)
    if classifies and data.y.ndim == 1 and len(np.unique(data.y)) < 2:
        raise DataError("y has one class; there is nothing to tell apart")
    if cv is None:
        if not isinstance(validation, int | float) or not 0 < validation < 1:
            raise SettingError(f"validation is a share in (0, 1), got {validation!r}")
        labels = None
        if classifies and data.y.ndim == 1:
            labels = np.unique(data.y, return_inverse=True)[1].astype(np.int64)
        share = float(validation)
        held = split(seed, n, validation=share, labels=labels, groups=data.groups) == VALIDATION
        return [(np.flatnonzero(~held), np.flatnonzero(held))]
    if isinstance(cv, np.integer):
        cv = int(cv)
    if isinstance(cv, int) and not isinstance(cv, bool) and cv < 2:
        raise SettingError(f"cv={cv}: the rows judge in two parts or more")
    try:
        if isinstance(cv, int) and not isinstance(cv, bool) and data.groups is not None:
            hand = deal(seed, data.groups, cv)
            return [
                (np.flatnonzero(hand != own), np.flatnonzero(hand == own))
                for own in range(hand.max() + 1)
            ]
        folds = check_cv(cv, data.y, classifier=classifies)
        if isinstance(cv, int) and not isinstance(cv, bool):
            folds.shuffle, folds.random_state = True, seed  # rows in order tell nothing new
        found = list(folds.split(np.zeros((n, 1)), data.y, data.groups))
    except ValueError as error:
        raise SettingError(f"cv={cv!r}: {error}") from None
    if not found:
        raise SettingError(f"cv={cv!r} has no folds: give pairs (train, test) of rows")
    return found


# -- what is fitted -------------------------------------------------------------------------------
@dataclass(frozen=True)
class Candidate:
    """What a search tries parameters of.

    Parameters
    ----------
    what : estimator, Network, or function of the parameters that returns one
        A function may return ``(network, settings of train)`` too.
    seed : int
        Of every ``random_state`` that is None, and of networks.
    """

    what: Any
    seed: int

    @property
    def estimator(self) -> Any:
        """The estimator itself; None for a network or a function."""
        return self.what if hasattr(self.what, "fit") else None

    def made(self, parameters: Mapping[str, Any]) -> Any:
        """Return the estimator, or the network with its settings, of some parameters."""
        if self.estimator is not None:
            return self._seeded(with_parameters(clone(self.what), parameters))
        if isinstance(self.what, Network):
            return self.what, dict(parameters)
        _see_that_it_takes(self.what, parameters)
        made = self.what(**parameters)
        if isinstance(made, Network):
            return made, {}
        if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], Network):
            return made[0], dict(made[1])
        if not hasattr(made, "fit"):
            raise SettingError(
                "the function to tune returns an estimator, a Network, or (Network, settings of "
                f"train), got {type(made).__name__}"
            )
        return self._seeded(made)

    def _seeded(self, estimator: Any) -> Any:
        names = [
            name
            for name, value in estimator.get_params().items()
            if value is None and name.rpartition("__")[2] == "random_state"
        ]
        return estimator.set_params(**dict.fromkeys(names, self.seed))

    def fit(
        self,
        parameters: Mapping[str, Any],
        data: Data,
        held: Data | None = None,
        tell: Tell | None = None,
        judge: Judge | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> Any:
        """Fit to rows, and tell of each epoch where the estimator has some.

        Parameters
        ----------
        parameters : mapping
        data : Data
        held : Data, optional
            Rows whose figure is told, if the estimator has none of its own.
        tell : callable, optional
        judge : Judge, optional
            Whether figures told shall be better if they are higher; and the figure itself, where
            the estimator has none of each epoch.
        given : mapping, optional
            Other settings of a network's run than the usual ones.
        """
        made = self.made(parameters)
        higher = judge is not None and judge.higher_is_better
        if isinstance(made, tuple):
            network, settings = made
            return self._train(network, settings, data, held, tell, higher, given or {})
        fit: dict[str, Any] = {}
        last, prefix = _last(made)
        if data.weights is not None:
            fit[f"{prefix}sample_weight"] = data.weights
        own = isinstance(last, TabularClassifier | TabularRegressor)
        if own and data.groups is not None and len(set(data.groups.tolist())) > 1:
            fit[f"{prefix}groups"] = data.groups
        if tell is not None:
            if isinstance(last, TabularClassifier | TabularRegressor):
                last.set_params(progress=_OfTabular(tell, higher, last.progress))
            elif isinstance(last, Multilayer):
                theirs = last.callbacks
                every = (theirs,) if callable(theirs) else tuple(theirs or ())
                each: Callable[[Any], None] = _OfMultilayer(tell, higher)
                if held is not None and not last.early_stopping:
                    if prefix or last.solver == "lbfgs":  # which take no rows to be judged by
                        each = _OfHeld(tell, partial(_before, made, held), judge)
                    else:
                        weights = () if held.weights is None else (held.weights,)
                        fit["validation_data"] = (held.X, held.y, *weights)
                last.set_params(callbacks=[*every, each])
        return made.fit(data.X, data.y, **fit)

    def _train(
        self,
        network: Network,
        settings: dict[str, Any],
        data: Data,
        held: Data | None,
        tell: Tell | None,
        higher: bool,
        given: Mapping[str, Any],
    ) -> Model:
        settings = {"seed": self.seed, **given, **settings}
        if held is not None and "validation" not in settings:
            weights = () if held.weights is None else (held.weights,)
            settings["validation"] = (held.X, held.y, *weights)
        if settings.get("validation") is None and not settings.get("early_stopping"):
            settings.pop("patience", None)  # behind folds, all rows train: none can stop it
        if tell is not None:

            def after_each(progress: Any) -> None:
                if math.isfinite(progress.validation_cost):
                    tell(progress.epoch, _turned(progress.validation_cost, higher))

            own = settings.get("callbacks", ())
            every = (own,) if callable(own) else tuple(own)
            settings["callbacks"] = (*every, after_each)
        return train(network, data.X, data.y, sample_weight=data.weights, **settings)


def _see_that_it_takes(function: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
    try:
        inspect.signature(function).bind(**parameters)
    except ValueError:  # one written in C tells nothing of itself
        pass
    except TypeError as error:
        given = ", ".join(f"{name}={shown(value)}" for name, value in parameters.items())
        raise SettingError(
            f"the function to tune is called with the parameters by name, f({given}): {error}"
        ) from None


def _last(estimator: Any) -> tuple[Any, str]:
    """What predicts, and what stands before its parameters' names: a pipeline's last step."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return estimator, prefix


def _turned(figure: float, higher: bool) -> float:
    """A figure of which less is better, as the search has it."""
    return -figure if higher else figure


@dataclass
class _OfTabular:
    """Told a few times a second; tells of each epoch of the first run, late or not."""

    tell: Tell
    higher: bool
    own: Callable[[Any], object] | None
    first: Any = None
    told: int = 0

    def __call__(self, progress: Any) -> None:
        self.first = progress.training if self.first is None else self.first
        if progress.training is self.first:
            figures = self.first.history["validation_metric"]
            for figure in figures[self.told :].tolist():
                self.told += 1
                if math.isfinite(figure):
                    self.tell(self.told, _turned(figure, self.higher))
        if self.own is not None:
            self.own(progress)


@dataclass
class _OfMultilayer:
    """Called after each epoch."""

    tell: Tell
    higher: bool

    def __call__(self, estimator: Any) -> None:
        name = "validation_scores_" if self.higher else "validation_loss_curve_"
        figures = getattr(estimator, name, None)
        if figures and math.isfinite(figures[-1]):
            self.tell(len(figures), float(figures[-1]))


@dataclass
class _OfHeld:
    """Called after each epoch, or iteration of L-BFGS; judges it by rows that are held back."""

    tell: Tell
    rows: Callable[[], Data]
    judge: Judge | None
    held: Data | None = None

    def __call__(self, estimator: Any) -> None:
        if self.held is None:  # now the steps in front are fitted
            self.held = self.rows()
        if self.judge is not None and all(np.isfinite(W).all() for W in estimator.coefs_):
            self.tell(estimator.n_iter_, self.judge.figure(estimator, self.held))


def _before(estimator: Any, data: Data) -> Data:
    """Rows as the last step of a fitted pipeline reads them."""
    X = data.X
    while isinstance(estimator, Pipeline):
        if len(estimator.steps) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator.steps[-1][1]
    return Data(X, data.y, data.weights)


# -- how good it is -------------------------------------------------------------------------------
@dataclass(frozen=True)
class Judge:
    """The figure by which trials are compared.

    Parameters
    ----------
    metric : str or callable
        A name in `clearprop.metrics.METRICS`, one of scikit-learn's scorers, or a scorer.
    classes : (K,) array or None
        All labels, for a classifier.
    """

    metric: Any
    classes: NDArray[Any] | None
    scorer: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        task = "regression" if self.classes is None else "classification"
        own = [name for name, row in METRICS.items() if row.task == task]
        if self.metric in own:
            return
        if isinstance(self.metric, str) and self.metric in METRICS:
            raise SettingError(
                f"metric={self.metric!r} is for {METRICS[self.metric].task}, and this is {task}: "
                f"give {', '.join(map(repr, own))}, or one of scikit-learn's scorers"
            )
        try:
            scorer = self.metric if callable(self.metric) else get_scorer(self.metric)
        except ValueError:
            raise SettingError(
                f"there is no metric {self.metric!r} for {task}; "
                f"{did_you_mean(self.metric, own)}, or give one of scikit-learn's scorers"
            ) from None
        object.__setattr__(self, "scorer", scorer)

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better, as of every scorer."""
        return self.scorer is not None or METRICS[self.metric].higher_is_better

    def figure(self, fitted: Any, held: Data) -> float:
        """Return how good a fitted estimator or model is on some rows."""
        if self.scorer is not None:
            weights = {} if held.weights is None else {"sample_weight": held.weights}
            return float(self.scorer(fitted, held.X, held.y, **weights))
        row = METRICS[self.metric]
        if self.classes is None:
            found = np.asarray(fitted.predict(held.X), np.float64).reshape(len(held.y), -1)
            y = np.asarray(held.y, np.float64).reshape(found.shape)
            figure = row.function
            if self.metric == "pinball":
                figure = partial(mean_pinball, level=_level(_last(fitted)[0]))
            each = [figure(y[:, k], found[:, k], held.weights) for k in range(y.shape[1])]
            return float(np.mean(each))
        codes = np.searchsorted(self.classes, held.y)
        return float(row.function(codes, self._probabilities(fitted, held.X), held.weights))

    def _probabilities(self, fitted: Any, X: Any) -> NDArray[np.float64]:
        """Of all classes: 0 for one that no training row had."""
        assert self.classes is not None
        if isinstance(fitted, Model):
            P, own = fitted.predict_probabilities(X), np.array(fitted.labels)
        elif hasattr(fitted, "predict_proba"):
            P, own = fitted.predict_proba(X), fitted.classes_
        else:
            raise SettingError(
                f"{self.metric} needs probabilities, which a {type(fitted).__name__} does not "
                "give: metric='accuracy' by scikit-learn's scorer is sklearn.metrics.get_scorer"
                "('accuracy')"
            )
        whole = np.zeros((len(P), len(self.classes)))
        whole[:, np.searchsorted(self.classes, own)] = P
        return whole


def _level(last: Any) -> float:
    """The quantile that an estimator predicts, or the middle."""
    if isinstance(last, TabularRegressor):
        return last.ingredients_.quantile
    return float(last.quantile) if isinstance(last, MLPRegressor) else 0.5


def usual_metric(candidate: Candidate, classifies: bool) -> str:
    """Return the metric of the estimator itself, log-loss for other classes, RMSE for numbers."""
    last, _ = _last(candidate.estimator)
    if isinstance(last, TabularClassifier | TabularRegressor):
        return last._asked_metric()
    if isinstance(last, MLPRegressor):
        return {"quantile": "pinball", "absolute_error": "mae"}.get(last.loss, "rmse")
    return "log_loss" if classifies else "rmse"


def classifies(candidate: Candidate, y: NDArray[Any], metric: Any) -> bool:
    """Whether classes are predicted: as the estimator, the network or the metric says.

    Of a function nothing is known before it is called: there labels say it.
    """
    if candidate.estimator is not None:
        return bool(is_classifier(candidate.estimator))
    if isinstance(candidate.what, Network):
        return find_target(candidate.what, y).task == "classification"
    if isinstance(metric, str) and metric in METRICS:
        return METRICS[metric].task == "classification"
    return y.dtype.kind in "OUTSb" or (y.dtype.kind in "iu" and y.ndim == 1)


def one_sentence(error: Exception) -> str:
    """Return what went wrong in a trial."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ClearPropError) else f"{type(error).__name__}: {text}"[:300]


def scored(figures: Sequence[float]) -> float:
    """Return the mean of the folds' figures."""
    return float(np.mean(figures))
