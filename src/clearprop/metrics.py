"""Figures that say how good predictions are: one row of one table a figure.

Every figure is in float64 and takes weights: row i counts w_i times, w_i ≥ 0, and W = Σ w_i.
Labels are whole numbers 0 … K − 1; probabilities have shape (m, K).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clearprop.errors import DataError, ShapeError

__all__ = [
    "METRICS",
    "Metric",
    "accuracy",
    "balanced_accuracy",
    "calibration_error",
    "confusion",
    "evaluate",
    "f1_macro",
    "log_loss",
    "mean_absolute_error",
    "mean_pinball",
    "median_absolute_error",
    "r2",
    "rmse",
    "roc_auc",
]

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def _weights(weights: ArrayLike | None, m: int) -> Floats:
    if m == 0:
        raise DataError("there are no rows to judge predictions by")
    if weights is None:
        return np.ones(m)
    w = np.asarray(weights, np.float64)
    if w.shape != (m,):
        raise ShapeError(f"weights have shape {w.shape}, expected ({m},)")
    if not (w >= 0).all() or not np.isfinite(w).all() or not w.any():
        raise DataError("weights must be finite, 0 or more, and not all 0")
    return w


def _labelled(
    y: ArrayLike, P: ArrayLike, weights: ArrayLike | None
) -> tuple[Labels, Floats, Floats]:
    labels, p = np.asarray(y, np.int64), np.asarray(P, np.float64)
    if p.ndim != 2 or labels.shape != p.shape[:1]:
        raise ShapeError(
            f"labels have shape {labels.shape} and probabilities {p.shape}: "
            "expected (m,) and (m, K)"
        )
    if labels.size and not 0 <= labels.min() <= labels.max() < p.shape[1]:
        raise DataError(
            f"labels run from {labels.min()} to {labels.max()}, but there are probabilities for "
            f"0 to {p.shape[1] - 1}"
        )
    return labels, p, _weights(weights, len(labels))


def _numbers(
    y: ArrayLike, prediction: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    t, p = np.asarray(y, np.float64), np.asarray(prediction, np.float64)
    if p.shape == (*t.shape, 1):
        p = p[:, 0]
    if t.ndim != 1 or p.shape != t.shape:
        raise ShapeError(f"targets have shape {t.shape} and predictions {p.shape}, expected (m,)")
    return t, p, _weights(weights, len(t))


def _mean(x: Floats, w: Floats) -> float:
    return float((w * x).sum() / w.sum())  # 1/W Σ w x


# ---- classification ----------------------------------------------------------------------------


def accuracy(y: ArrayLike, P: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Share of rows whose most probable class is the right one: 1/W Σ w_i [argmax_k p_ik = y_i].

    Parameters
    ----------
    y : (m,) int
        Labels.
    P : (m, K) float
        Probabilities. Of classes equally probable the first counts.
    weights : (m,) float or None

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> accuracy([0, 1], [[0.9, 0.1], [0.6, 0.4]])
    0.5
    """
    labels, p, w = _labelled(y, P, weights)
    return _mean((p.argmax(axis=1) == labels).astype(np.float64), w)


def confusion(y: ArrayLike, P: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Weight of the rows of class j that are taken for class k, at place (j, k).

    C_jk = Σ w_i [y_i = j] [argmax p_i = k]

    Returns
    -------
    (K, K) float64

    Source
    ------
    Pearson 1904, "On the theory of contingency".

    Examples
    --------
    >>> confusion([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    labels, p, w = _labelled(y, P, weights)
    classes = p.shape[1]
    flat = labels * classes + p.argmax(axis=1)
    table = np.bincount(flat, w, classes * classes).astype(np.float64)
    return table.reshape(classes, classes)


def balanced_accuracy(y: ArrayLike, P: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean over the classes of the share of their rows that is recognised (the mean recall).

    1/|K'| Σ_{k ∈ K'} C_kk / Σ_j C_kj, K' the classes that have rows.

    Source
    ------
    Brodersen et al. 2010, "The balanced accuracy and its posterior distribution".

    Examples
    --------
    >>> balanced_accuracy([0, 1, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.2, 0.8]])
    0.8333333333333333
    """
    C = confusion(y, P, weights)
    rows = C.sum(axis=1)
    return float((np.diag(C)[rows > 0] / rows[rows > 0]).mean())


def f1_macro(y: ArrayLike, P: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean over the classes of F1 = 2 C_kk / (Σ_j C_kj + Σ_j C_jk).

    Classes that neither occur nor are predicted do not count.

    Source
    ------
    van Rijsbergen 1979, "Information Retrieval", chapter 7; the mean over classes as in
    scikit-learn's ``f1_score(average="macro")``.

    Examples
    --------
    >>> f1_macro([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    0.6666666666666666
    """
    C = confusion(y, P, weights)
    both = C.sum(axis=0) + C.sum(axis=1)
    return float((2 * np.diag(C)[both > 0] / both[both > 0]).mean())


def log_loss(y: ArrayLike, P: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean negative log-probability of the right class: −1/W Σ w_i ln p_{i, y_i}.

    A probability below 2.2e-16, the rounding unit of 1, counts as that, so one certain mistake
    does not make the figure infinite.

    Source
    ------
    Good 1952, "Rational decisions", section 8.

    Examples
    --------
    >>> log_loss([0, 1], [[0.5, 0.5], [0.5, 0.5]])
    0.6931471805599453
    """
    labels, p, w = _labelled(y, P, weights)
    right = p[np.arange(len(labels)), labels]
    return _mean(-np.log(np.maximum(right, np.finfo(np.float64).eps)), w)


def _auc(positive: NDArray[np.bool_], score: Floats, w: Floats) -> float:
    """Probability that a positive row scores above a negative one, ties counting half."""
    order = np.argsort(score, kind="stable")
    _, group = np.unique(score[order], return_inverse=True)  # rows of equal score: one group
    plus = np.bincount(group, np.where(positive, w, 0.0)[order])
    minus = np.bincount(group, np.where(positive, 0.0, w)[order])
    below = np.cumsum(minus) - minus
    # 1/(W₊ W₋) Σ_g W₊g (W₋ below g + W₋g / 2)
    return float((plus * (below + minus / 2)).sum() / (plus.sum() * minus.sum()))


def roc_auc(y: ArrayLike, P: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve: the chance that a row of a class scores above one of another.

    With two classes, of class 1 by its probability,

        1/(W₊ W₋) Σ_{i ∈ +, j ∈ −} w_i w_j ([p_i > p_j] + ½ [p_i = p_j]),

    ties exactly. With more, the mean over the classes of each against the rest. NaN if all rows are
    of one class; classes without rows do not count.

    Source
    ------
    Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve".

    Examples
    --------
    >>> roc_auc([0, 1, 0, 1], [[0.8, 0.2], [0.5, 0.5], [0.5, 0.5], [0.1, 0.9]])
    0.875
    """
    labels, p, w = _labelled(y, P, weights)
    total = np.bincount(labels, w, p.shape[1])
    there = np.flatnonzero((total > 0) & (total < w.sum()))
    if not len(there):
        return float("nan")
    chosen = [1] if p.shape[1] == 2 else there.tolist()
    return float(np.mean([_auc(labels == k, p[:, k], w) for k in chosen]))


def calibration_error(
    y: ArrayLike, P: ArrayLike, weights: ArrayLike | None = None, *, bins: int = 15
) -> float:
    """Expected calibration error: how far probabilities are from shares, in bins of equal width.

    With two classes, of the probability of class 1, as a calibration curve shows it,

        Σ_b W_b / W · |share of class 1 in b − mean probability in b|,

    bin b holding the rows whose probability is in ((b − 1)/bins, b/bins]. With more, of the most
    probable class: the share is that of rows whose class it is.

    Source
    ------
    Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian
    binning"; of the most probable class Guo et al. 2017, "On calibration of modern neural
    networks", equation 3. With two classes rows of p and of 1 − p would share a bin there, and
    where p is too high everywhere, the ones make up for the others.

    Examples
    --------
    >>> calibration_error([0, 0], [[1.0, 0.0], [1.0, 0.0]])
    0.0
    >>> round(calibration_error([0, 1], [[0.6, 0.4], [0.6, 0.4]]), 3)
    0.1
    """
    labels, p, w = _labelled(y, P, weights)
    of = np.ones(len(p), np.int64) if p.shape[1] == 2 else p.argmax(axis=1)
    probability = p[np.arange(len(p)), of]
    there = (of == labels).astype(np.float64)
    place = np.clip(np.ceil(probability * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = np.bincount(place, w * (there - probability), bins)  # W_b (share_b − probability_b)
    return float(np.abs(gap).sum() / w.sum())


# ---- regression --------------------------------------------------------------------------------


def rmse(y: ArrayLike, prediction: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Root of the mean squared error: √(1/W Σ w_i (y_i − ŷ_i)²).

    Parameters
    ----------
    y, prediction : (m,) float
    weights : (m,) float or None

    Examples
    --------
    >>> rmse([0.0, 0.0], [3.0, 4.0])
    3.5355339059327378
    """
    t, p, w = _numbers(y, prediction, weights)
    return float(np.sqrt(_mean((t - p) ** 2, w)))


def mean_absolute_error(
    y: ArrayLike, prediction: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Mean absolute error: 1/W Σ w_i |y_i − ŷ_i|.

    Examples
    --------
    >>> mean_absolute_error([0.0, 0.0], [3.0, 4.0])
    3.5
    """
    t, p, w = _numbers(y, prediction, weights)
    return _mean(np.abs(t - p), w)


def median_absolute_error(
    y: ArrayLike, prediction: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Median absolute error.

    With errors in order and C_i the running sum of their weights, the error where C passes W/2; if
    it meets W/2 exactly, the mean of that error and the next of positive weight.

    Examples
    --------
    >>> median_absolute_error([0.0, 0.0, 0.0], [3.0, 4.0, 100.0])
    4.0
    """
    t, p, w = _numbers(y, prediction, weights)
    t, p, w = t[w > 0], p[w > 0], w[w > 0]
    error = np.abs(t - p)
    order = np.argsort(error, kind="stable")
    running = np.cumsum(w[order])
    half = running[-1] / 2
    place = int(np.searchsorted(running, half))
    meets = running[place] == half
    return float((error[order[place]] + error[order[place + meets]]) / 2)


def r2(y: ArrayLike, prediction: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Coefficient of determination: R² = 1 − Σ w_i (y_i − ŷ_i)² / Σ w_i (y_i − ȳ)².

    ȳ = 1/W Σ w_i y_i. If y is constant: 1 for perfect predictions, else 0.

    Source
    ------
    Wright 1921, "Correlation and causation"; a constant y as in scikit-learn's ``r2_score``.

    Examples
    --------
    >>> r2([0.0, 2.0], [0.0, 1.0])
    0.5
    """
    t, p, w = _numbers(y, prediction, weights)
    residual = float((w * (t - p) ** 2).sum())
    total = float((w * (t - _mean(t, w)) ** 2).sum())
    if total == 0:
        return 1.0 if residual == 0 else 0.0
    return 1 - residual / total


def mean_pinball(
    y: ArrayLike, prediction: ArrayLike, weights: ArrayLike | None = None, *, level: float = 0.5
) -> float:
    """Mean pinball loss at a level τ: 1/W Σ w_i max(τ (y_i − ŷ_i), (τ − 1) (y_i − ŷ_i)).

    Source
    ------
    Koenker and Bassett 1978, "Regression quantiles".

    Examples
    --------
    >>> mean_pinball([0.0, 0.0], [3.0, -4.0], level=0.9)
    1.95
    """
    t, p, w = _numbers(y, prediction, weights)
    return _mean(np.maximum(level * (t - p), (level - 1) * (t - p)), w)


# ---- the table ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure by name.

    Parameters
    ----------
    name : str
    task : "classification" or "regression"
    higher_is_better : bool
    function : (y, P or prediction, weights) -> float
    help : str
        One line for people.
    """

    name: str
    task: Literal["classification", "regression"]
    higher_is_better: bool
    function: Callable[[ArrayLike, ArrayLike, ArrayLike | None], float]
    help: str


_ROWS = (
    Metric("accuracy", "classification", True, accuracy, "share of rows predicted right"),
    Metric(
        "balanced_accuracy", "classification", True, balanced_accuracy, "accuracy, mean of classes"
    ),
    Metric("log_loss", "classification", False, log_loss, "mean −ln of the right probability"),
    Metric("auc", "classification", True, roc_auc, "area under the ROC curve"),
    Metric("f1_macro", "classification", True, f1_macro, "F1, mean of classes"),
    Metric(
        "calibration_error",
        "classification",
        False,
        calibration_error,
        "how far probabilities are from shares",
    ),
    Metric("rmse", "regression", False, rmse, "root of the mean squared error"),
    Metric("mae", "regression", False, mean_absolute_error, "mean absolute error"),
    Metric("r2", "regression", True, r2, "share of the variance explained"),
    Metric("median_ae", "regression", False, median_absolute_error, "median absolute error"),
    Metric(
        "pinball",
        "regression",
        False,
        mean_pinball,
        "mean pinball loss at the quantile, or ½",
    ),
)

#: The figures by name, in the order in which they are shown.
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ROWS}


def evaluate(
    task: Literal["classification", "regression"],
    y: ArrayLike,
    prediction: ArrayLike,
    weights: ArrayLike | None = None,
    level: float = 0.5,
) -> dict[str, float]:
    """All figures of a task, by name.

    Parameters
    ----------
    task : "classification" or "regression"
    y : (m,) labels or numbers
    prediction : (m, K) probabilities, or (m,) numbers
    weights : (m,) float or None
    level : float in (0, 1)
        Of the pinball loss: the quantile that is predicted.

    Raises
    ------
    DataError
        If a figure of numbers is not finite.

    Examples
    --------
    >>> evaluate("regression", [0.0, 2.0], [0.0, 1.0])["mae"]
    0.5
    """
    with np.errstate(over="ignore", invalid="ignore"):  # told below, in one sentence
        found = {
            name: metric.function(y, prediction, weights)
            for name, metric in METRICS.items()
            if metric.task == task
        }
        if task == "regression":
            found["pinball"] = mean_pinball(y, prediction, weights, level=level)
    if task == "regression" and not np.isfinite(list(found.values())).all():
        name = next(name for name, figure in found.items() if not np.isfinite(figure))
        raise DataError(
            f"{name} is not finite: the targets, predictions or weights hold NaN or numbers too "
            "large to square; scale them"
        )
    return found
