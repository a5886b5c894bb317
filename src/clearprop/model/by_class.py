"""What figures of all rows hide: how each class is predicted, and which never is.

Proved by ``tests/test_model_by_class.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.metrics import confusion
from clearprop.model.dividing import defined
from clearprop.model.model import Model
from clearprop.model.outcomes import figures, probabilities
from clearprop.tables.target import Target

__all__ = ["ByClass", "by_class", "keep_figures"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ByClass:
    """How each class is predicted.

    Attributes
    ----------
    labels : tuple
    rows : (K,) int64
        Rows of each class.
    predicted : (K,) int64
        Rows that are taken for it.
    precision, recall, f1 : (K,) float64
        By weight; NaN where there is nothing to divide by.
    confusion : (K, K) float64
        Weight of the rows of class j that are taken for class k.
    """

    labels: tuple[Any, ...]
    rows: NDArray[np.int64]
    predicted: NDArray[np.int64]
    precision: Floats
    recall: Floats
    f1: Floats
    confusion: Floats

    def never_predicted(self) -> list[dict[str, Any]]:
        """The classes that rows have and none is taken for, each with its rows of how many."""
        return [
            {"label": label, "rows": int(rows), "of": int(self.rows.sum())}
            for label, rows, predicted in zip(self.labels, self.rows, self.predicted, strict=True)
            if rows and not predicted
        ]

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        figures = zip(self.precision, self.recall, self.f1, strict=True)
        names = ("precision", "recall", "f1")
        return {
            "classes": [
                {"label": label, "rows": int(rows)}
                | {name: float(one) for name, one in zip(names, three, strict=True)}
                for label, rows, three in zip(self.labels, self.rows, figures, strict=True)
            ],
            "confusion": self.confusion.tolist(),
        }


def by_class(
    target: Target, y: NDArray[Any], outputs: NDArray[Any], weights: Floats | None
) -> ByClass | None:
    """Return how each class is predicted, of what `Model.judged` gives; None of a number.

    With C the `confusion`: precision C_kk / Σ_j C_jk, recall C_kk / Σ_j C_kj,
    F1 = 2 C_kk / (Σ_j C_kj + Σ_j C_jk).
    """
    if target.task != "classification":
        return None
    P = probabilities(outputs)
    if P.shape[1] != len(target.labels):  # of one class alone, the network has a second
        return None
    C = confusion(y, P, weights)
    right, own, taken = np.diag(C), C.sum(axis=1), C.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return ByClass(
            target.labels,
            np.bincount(y, minlength=P.shape[1]),
            np.bincount(P.argmax(axis=1), minlength=P.shape[1]),
            right / taken,
            right / own,
            2 * right / (own + taken),
            C,
        )


def keep_figures(
    model: Model, part: str, y: NDArray[Any], outputs: NDArray[Any], weights: Floats | None
) -> None:
    """Keep a part's figures in the model's provenance, and which classes it never predicts."""
    model.provenance["figures"][part] = defined(
        figures(model.target, y, outputs, weights, model.quantile or 0.5)
    )
    found = by_class(model.target, y, outputs, weights)
    if found is not None and (missed := found.never_predicted()):
        model.provenance.setdefault("never_predicted", {})[part] = missed
