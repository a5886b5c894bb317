"""Texts in arrays: of any length, NumPy's `StringDType`, and in lists beside what is no text.

Proved by ``tests/test_estimators_bad_input.py`` and ``tests/test_tabular_odd_input.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["are_of_any_length", "array_of", "as_objects"]


def are_of_any_length(given: Any) -> bool:
    """Whether this is an array of `StringDType`."""
    return isinstance(getattr(given, "dtype", None), np.dtypes.StringDType)


def as_objects(given: Any) -> Any:
    """Return such an array as one of objects, in which a missing text stays missing."""
    return given.astype(object) if are_of_any_length(given) else given


def array_of(given: Any) -> NDArray[Any]:
    """Return an array; of lists in which texts stand beside others, one of objects.

    NumPy would make texts of all: a missing cell would be the text "nan".

    Raises
    ------
    ValueError
        Of lists that are no array.
    """
    array: NDArray[Any] = np.asanyarray(given)  # a mask stays
    if array.dtype.kind not in "US" or isinstance(given, np.ndarray | np.generic):
        return array
    objects = np.array(given, dtype=object)
    mixed = not all(isinstance(one, str | bytes) for one in objects.flat)
    return objects if mixed and objects.shape == array.shape else array
