"""What the rows of a class count: factors of its weight, and what a model says of them.

Proved by ``tests/test_tabular_weights.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import SettingError
from clearprop.estimators.row_weights import balanced
from clearprop.settings import Attr
from clearprop.tables.target import Target
from clearprop.words import shown

__all__ = ["class_factors", "class_weight_told", "factors_of_target"]

_FACTOR = Attr("class_weight", float, 1.0, bounds="[0, inf)")

#: Classes that a message lists.
_LISTED = 12


def class_factors(
    class_weight: Any,
    classes: NDArray[Any],
    codes: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64] | None:
    """Return what a row's weight is multiplied by, of each class (K,); None for nothing.

    Parameters
    ----------
    class_weight : {label: factor}, "balanced" or None
        A class that no row has takes no part in what is balanced.
    classes : (K,) array
    codes : (n,) int
        The class of each row.
    weights : (n,) float64, optional
        Its weight besides, which "balanced" takes into account.

    Raises
    ------
    SettingError
        For anything but None, "balanced" or a dict of factors of labels that there are.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        factors = np.ones(len(classes))
        found = balanced(codes, weights)
        factors[: len(found)] = np.where(found > 0, found, 1.0)
        return factors
    if not isinstance(class_weight, Mapping):
        raise SettingError(
            f"class_weight is a dict of factors by label, 'balanced' or None, got {class_weight!r}"
        )
    factors = np.ones(len(classes))
    places = {label: place for place, label in enumerate(classes.tolist())}
    for label, factor in class_weight.items():
        if label not in places:
            known = ", ".join(map(repr, list(places)[:_LISTED]))
            more = f" and {len(places) - _LISTED} more" if len(places) > _LISTED else ""
            raise SettingError(
                f"class_weight: there is no class {shown(label)} among the labels y; there are "
                f"{known}{more}"
            )
        factors[places[label]] = _FACTOR.check(factor)
    if not factors[codes].any():
        raise SettingError("class_weight is zero for every class: at least one must count")
    return factors


def factors_of_target(
    class_weight: Any,
    target: Target,
    codes: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64] | None:
    """Return `class_factors` of a table's target, its labels as values or as they are written.

    Raises
    ------
    SettingError
        As there, and where a number is predicted.
    """
    if class_weight is None:
        return None
    if target.task != "classification":
        raise SettingError(
            f"class_weight is of classes, and the target {target.name!r} is predicted as a number: "
            "leave it out, or ask for task=classification"
        )
    classes = np.empty(len(target.classes), object)
    classes[:] = target.labels
    if isinstance(class_weight, Mapping):
        written = {str(label): label for label in target.labels}  # True, and as a file has it: true
        written |= dict(zip(target.classes, target.labels, strict=True))
        found = {written.get(one, one): factor for one, factor in class_weight.items()}
        if len(found) < len(class_weight):
            raise SettingError(
                f"class_weight names a class of {target.name!r} twice: "
                f"{', '.join(map(str, class_weight))}"
            )
        class_weight = found
    return class_factors(class_weight, classes, codes, weights)


def class_weight_told(class_weight: Mapping[Any, float] | str) -> str | dict[str, float]:
    """Return it as a model keeps it: whoever reads its probabilities must know of which mix."""
    if isinstance(class_weight, str):
        return class_weight
    return {str(label): float(factor) for label, factor in class_weight.items()}
