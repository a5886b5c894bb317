"""Pictures of a fit, in scikit-learn's Display convention: what it cost, and where it decides.

`LearningCurveDisplay` is scikit-learn's own, which takes our estimators as it is; so do its
`ValidationCurveDisplay` and `CalibrationDisplay`. Proved by ``tests/test_estimators_displays.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple, Self

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.inspection import DecisionBoundaryDisplay as SklearnDecisionBoundaryDisplay
from sklearn.model_selection import LearningCurveDisplay
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import DataError, SettingError, UsageError
from clearprop.model import Model
from clearprop.training import History

__all__ = ["DecisionBoundaryDisplay", "LearningCurveDisplay", "LossCurveDisplay", "Run"]


class Run(NamedTuple):
    """The costs of one run, an epoch each.

    Attributes
    ----------
    cost : (epochs,) float64
        Of the training rows, over each epoch.
    validation_cost : (epochs,) float64 or None
        Of the validation rows, at each epoch's end.
    best_epoch : int or None
        Whose parameters are kept, from 1; None where no rows chose one.
    """

    cost: NDArray[np.float64]
    validation_cost: NDArray[np.float64] | None
    best_epoch: int | None


class LossCurveDisplay:
    """The cost of training and validation rows over the epochs.

    Make it with `from_estimator`; the attributes of what was drawn are there after `plot`.

    Parameters
    ----------
    runs : sequence of Run
        One, or those of several bags.
    name : str
        In the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The training costs, then the validation costs.

    Examples
    --------
    >>> from clearprop.estimators import MLPClassifier
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> model = MLPClassifier(tol=0.1, random_state=0).fit(X, X[:, 0] > 0)
    >>> len(LossCurveDisplay.from_runs(model).runs[0].cost) == model.n_iter_
    True
    """

    ax_: Any
    figure_: Any
    lines_: list[Any]

    def __init__(self, *, runs: Sequence[Run], name: str) -> None:
        self.runs, self.name = tuple(runs), name

    @classmethod
    def from_runs(cls, estimator: Any, *, name: str | None = None) -> Self:
        """Return the display without drawing it; see `from_estimator`."""
        return cls(runs=_runs(estimator), name=type(estimator).__name__ if name is None else name)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        log: bool = False,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the costs of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor or Model
            Fitted; also as the last step of a pipeline, the best of a search over settings, or
            what a `TransformedTargetRegressor` holds.
        name : str, optional
            In the title; the class's name by default.
        log : bool
            A logarithmic axis of costs.
        ax : matplotlib Axes, optional
            A new figure's by default.
        **kwargs
            Of each line, as matplotlib takes them.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        UsageError
            If matplotlib is not installed.
        SettingError
            For what has no costs of epochs.
        """
        return cls.from_runs(estimator, name=name).plot(ax=ax, log=log, **kwargs)

    def plot(self, ax: Any = None, *, log: bool = False, **kwargs: Any) -> Self:
        """Draw into axes, those of a new figure by default; see `from_estimator`."""
        plt = pyplot()
        if ax is None:
            _, ax = plt.subplots()
        from matplotlib.ticker import MaxNLocator

        self.ax_, self.figure_, self.lines_ = ax, ax.figure, []
        for what, colour in (("cost", "C0"), ("validation_cost", "C1")):
            for place, run in enumerate(self.runs):
                costs = getattr(run, what)
                if costs is None:
                    continue
                told = "training" if what == "cost" else "validation"
                style = {
                    "color": colour,
                    "alpha": 1.0 if len(self.runs) == 1 else 0.7,
                    "label": "_" if place else told,
                    **kwargs,
                }
                self.lines_ += ax.plot(np.arange(1, len(costs) + 1), costs, **style)
                if what == "validation_cost" and run.best_epoch:
                    ax.plot(
                        run.best_epoch, costs[run.best_epoch - 1], "o", color=style["color"],
                        label="_" if place else "epoch kept",
                    )  # fmt: skip
        if log:
            ax.set_yscale("log")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel="epoch", ylabel="cost", title=self.name)
        ax.legend()
        return self


def _runs(estimator: Any) -> list[Run]:
    last = _inmost(estimator)
    if isinstance(last, Model):
        return _judged(last.histories, _epochs(last))
    if not hasattr(last, "fit"):
        raise SettingError(f"an estimator or a Model has costs to draw, got {last!r}")
    check_is_fitted(last)
    if hasattr(last, "histories_"):
        return _judged(last.histories_, last.epochs_)
    if not hasattr(last, "loss_curve_") and not hasattr(last, "to_network"):
        raise SettingError(f"{type(last).__name__} has no costs of epochs: it is no network")
    if not getattr(last, "loss_curve_", None):
        raise SettingError(
            f"this {type(last).__name__} has no cost of each epoch: solvers 'sgd', 'adam', 'adamw' "
            "and 'rmsprop' keep one"
        )
    return [_of_mlp(last)]


def _inmost(estimator: Any) -> Any:
    """What predicts inside a pipeline, a search over settings or a regressor of another target."""
    if steps := getattr(estimator, "steps", None):
        return _inmost(steps[-1][1])
    for name in ("best_estimator_", "regressor_"):
        if hasattr(estimator, name):
            return _inmost(getattr(estimator, name))
    return estimator


def _epochs(model: Model) -> list[int | None]:
    """The epoch that is kept of each run that was done.

    Models of before that were fitted by a tabular estimator tell of each network that predicts:
    where those are not all that were trained, which of the runs they are is not told.
    """
    made, done = model.provenance, len(model.histories)
    runs = made.get("runs", [made] if done == 1 else made.get("bags", []))
    epochs = [run.get("best_epoch") for run in runs if run.get("steps") != 0]
    return epochs if len(epochs) == done else [None] * done


def _judged(histories: Sequence[History], epochs: Sequence[int | None]) -> list[Run]:
    """The runs that rows judge; all, where none is."""
    runs = [_of_history(one, epoch) for one, epoch in zip(histories, epochs, strict=True)]
    return [run for run in runs if run.validation_cost is not None] or runs


def _of_history(history: History, best_epoch: int | None) -> Run:
    validation = history["validation_cost"]
    judged = bool(np.isfinite(validation).any())
    best = int(best_epoch) if judged and best_epoch else None
    return Run(history["cost"], validation if judged else None, best)


def _of_mlp(estimator: Any) -> Run:
    validation = getattr(estimator, "validation_loss_curve_", None)
    best = None
    if validation and estimator.early_stopping:
        best = int(np.argmax(estimator.validation_scores_)) + 1
    return Run(np.array(estimator.loss_curve_), np.array(validation) if validation else None, best)


class DecisionBoundaryDisplay(SklearnDecisionBoundaryDisplay):  # type: ignore[misc]
    """scikit-learn's `DecisionBoundaryDisplay`, of two columns of a table that has more.

    The other columns stay what they usually are: the median of numbers, the most frequent value of
    anything else. Parameters, attributes and `plot` are scikit-learn's.
    """

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, columns: Sequence[Any] | None = None, **kwargs: Any
    ) -> Any:
        """Draw what an estimator says over the plane of two columns.

        Parameters
        ----------
        estimator : fitted estimator
        X : frame or array (n, columns)
            Whose ranges are drawn.
        columns : two names, or of an array two places, optional
            Of columns of numbers; by default the two that there are.
        **kwargs
            ``grid_resolution``, ``response_method``, ``ax``, … as scikit-learn takes them.

        Returns
        -------
        DecisionBoundaryDisplay

        Raises
        ------
        UsageError
            If matplotlib is not installed.
        DataError, SettingError
            If the columns are not two columns of numbers that X has.
        """
        pyplot()
        plane = _plane(estimator, X, columns)
        named = {"xlabel": str(plane.columns[0]), "ylabel": str(plane.columns[1])}
        if isinstance(X, np.ndarray):
            named = {name: f"column {label}" for name, label in named.items()}
        return super().from_estimator(plane, plane.points(), **{**named, **kwargs})


@dataclass
class _Plane(BaseEstimator):  # type: ignore[misc]
    """An estimator of two columns, the others being what they usually are."""

    estimator: Any
    X: Any
    columns: tuple[Any, Any]

    def points(self) -> NDArray[np.float64]:
        """The two columns, without rows where one is missing."""
        if isinstance(self.X, np.ndarray):
            pair = self.X[:, self.columns].astype(np.float64)
        else:
            frame = nw.from_native(self.X, eager_only=True)
            pair = np.stack([_floats(frame[name]) for name in self.columns], axis=1)
        return np.asarray(pair[np.isfinite(pair).all(axis=1)])

    def widened(self, points: NDArray[np.float64]) -> Any:
        """The points as rows of the whole table."""
        if isinstance(self.X, np.ndarray):
            rows = np.repeat(np.nanmedian(self.X.astype(np.float64), axis=0)[None], len(points), 0)
            rows[:, self.columns] = points
            return rows
        frame = nw.from_native(self.X, eager_only=True)
        made: dict[str, Any] = {}
        for name in frame.columns:
            if name in self.columns:
                made[name] = points[:, self.columns.index(name)]
            else:
                made[name] = [_usual(frame[name])] * len(points)
        schema = {name: nw.Float64() if name in self.columns or dtype.is_numeric() else dtype
                  for name, dtype in frame.schema.items()}  # fmt: skip
        return nw.from_dict(made, schema, backend=frame.implementation).to_native()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        inner = getattr(self.estimator, name)
        if name not in ("predict", "predict_proba", "decision_function"):
            return inner

        @wraps(inner)  # scikit-learn goes by the method's name
        def of_points(points: NDArray[np.float64]) -> Any:
            return inner(self.widened(points))

        return of_points

    def __sklearn_tags__(self) -> Any:
        return self.estimator.__sklearn_tags__()

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _plane(estimator: Any, X: Any, columns: Sequence[Any] | None) -> _Plane:
    check_is_fitted(estimator)
    if not hasattr(X, "columns"):
        X = np.asarray(X)
        if X.ndim != 2:
            raise DataError(f"X is a frame or an array (n, columns), got shape {X.shape}")
        known: list[Any] = list(range(X.shape[1]))
    else:
        known = list(X.columns)
    if columns is None:
        if len(known) != 2:
            raise SettingError(
                f"X has {len(known)} columns: name the two to draw, columns=({known[0]!r}, …)"
            )
        columns = known
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise SettingError(f"columns names two columns, got {columns!r}")
    pair = list(columns)
    for name in pair:
        if name not in known:
            raise SettingError(f"X has no column {name!r}: it has {', '.join(map(repr, known))}")
    if len(pair) != 2 or pair[0] == pair[1]:
        raise SettingError(f"columns names two columns, got {pair!r}")
    plane = _Plane(estimator, X, (pair[0], pair[1]))
    try:
        points = plane.points()
    except (TypeError, ValueError):
        raise DataError(f"the columns {pair[0]!r} and {pair[1]!r} are not both numbers") from None
    if not len(points):
        raise DataError(f"no row has both {pair[0]!r} and {pair[1]!r}")
    return plane


def _floats(series: Any) -> NDArray[np.float64]:
    if not series.dtype.is_numeric():
        raise TypeError(series.name)
    return np.asarray(series.cast(nw.Float64).to_numpy(), np.float64)


def _usual(series: Any) -> Any:
    """The median of numbers, the most frequent of other values, of several the first in order."""
    if series.dtype.is_numeric():
        numbers = _floats(series)
        return (
            float(np.median(numbers[np.isfinite(numbers)])) if np.isfinite(numbers).any() else None
        )
    there = series.drop_nulls()
    if not len(there):
        return None
    return sorted(there.mode(keep="all").to_list(), key=str)[0]


def pyplot() -> Any:
    """Return matplotlib's pyplot.

    Raises
    ------
    UsageError
        If it is not installed: the sentence says how to.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise UsageError(
            "a display needs matplotlib, which is not installed: pip install 'clearprop[plot]'"
        ) from None
    return plt
