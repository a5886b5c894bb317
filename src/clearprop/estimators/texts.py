"""Texts of any length, NumPy's `StringDType`, as what scikit-learn reads.

Proved by ``tests/test_estimators_bad_input.py`` and ``tests/test_tabular_odd_input.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["are_of_any_length", "as_objects"]


def are_of_any_length(given: Any) -> bool:
    """Whether this is an array of `StringDType`."""
    return isinstance(getattr(given, "dtype", None), np.dtypes.StringDType)


def as_objects(given: Any) -> Any:
    """Return such an array as one of objects, in which a missing text stays missing."""
    return given.astype(object) if are_of_any_length(given) else given
