"""Columns without names of their own: what they are called, and read as, by their places.

Proved by ``tests/test_tabular_rows.py`` and ``tests/test_tables_frames.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from clearprop.tables.table import unique_names

__all__ = ["apart", "by_place", "called", "names_of_places"]


def names_of_places(count: int) -> list[str]:
    """Return what columns without names are called in training: x0, x1, …, as in scikit-learn."""
    return [f"x{place}" for place in range(count)]


def called(key: object) -> str:
    """Return a column's name as a text; of several levels, all of them."""
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def apart(frame: object, notes: list[str]) -> Any:
    """Return a frame of pandas or Arrow, whose names may be anything and repeat, with texts apart.

    A frame of another kind, and one whose names are so already, is returned as it is. Changes are
    noted.
    """
    data = cast(Any, frame)
    if hasattr(data, "set_axis") and hasattr(data, "columns"):
        given = list(data.columns)
        names = unique_names([called(key) for key in given], notes, spaces_tell=True)
        return data if names == given else data.set_axis(names, axis="columns")
    if hasattr(data, "column_names") and hasattr(data, "rename_columns"):
        names = unique_names(data.column_names, notes, spaces_tell=True)
        return data if names == data.column_names else data.rename_columns(names)
    return frame


def by_place(data: object, names: Sequence[str], target: str) -> object:
    """Return what has no names of its own with those that training gave the columns of a place.

    That is an array of as many columns; and, where training had no names either, a pandas frame
    whose names are no texts, such as 0, 1, …, beside which the target may stand by its own name.
    Anything else is returned as it is.

    Parameters
    ----------
    data : anything that holds a table
    names : sequence of str
        Of the columns in training, in order.
    target : str
    """
    if isinstance(data, np.ndarray) and data.ndim == 2 and not data.dtype.names:
        if len(names) != data.shape[1]:
            return data
        return {name: data[:, place] for place, name in enumerate(names)}
    frame = cast(Any, data)
    if not (hasattr(frame, "set_axis") and hasattr(frame, "columns")):
        return data
    own = [called(key).strip() == target for key in frame.columns]
    texts = any(isinstance(key, str) for key, of in zip(frame.columns, own, strict=True) if not of)
    if texts or own.count(False) != len(names) or [*names] != names_of_places(len(names)):
        return data
    given = iter(names)
    return frame.set_axis([target if of else next(given) for of in own], axis="columns")
