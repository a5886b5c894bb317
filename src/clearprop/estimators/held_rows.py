"""The caller's own rows that validate and never train, given in either of two ways.

Proved by ``tests/test_estimators_epochs.py`` and ``tests/test_tabular_held_rows.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearprop.errors import DataError, SettingError

__all__ = ["held_rows", "of_held_rows"]


@contextmanager
def of_held_rows() -> Iterator[None]:
    """Say of what is wrong with these rows that it is these."""
    try:
        yield
    except DataError as error:
        raise DataError(f"validation_data: {error}") from None


def held_rows(
    validation_data: Any, X_val: Any, y_val: Any, sample_weight_val: Any, groups: Any = None
) -> tuple[Any, Any, Any] | None:
    """Return X, y and the weights or None, as one of the two ways gives them; None for neither.

    Parameters
    ----------
    validation_data : (X, y) or (X, y, sample_weight), or None
    X_val, y_val, sample_weight_val
        The same one by one: in a pipeline, ``transform_input=["X_val"]`` has the steps in front
        transform X_val too.
    groups
        Of the rows that train: where others validate, none of them is held back.

    Raises
    ------
    SettingError
        If both ways are used, or one of them by half.
    """
    either = (validation_data, X_val, y_val)
    if groups is not None and any(one is not None for one in either):
        raise SettingError("groups are held back together, and validation_data holds none back")
    if any(one is not None for one in (X_val, y_val, sample_weight_val)):
        if validation_data is not None or X_val is None or y_val is None:
            raise SettingError("give validation_data, or X_val and y_val together")
        return X_val, y_val, sample_weight_val
    if validation_data is None:
        return None
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
        raise SettingError("validation_data is (X, y) or (X, y, sample_weight)")
    X, y, *weights = validation_data
    return X, y, weights[0] if weights else None
