"""What is asked about a column, and the facts that were found: as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clearprop.tables.cells import Role

__all__ = ["Asked", "Facts"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a column.

    Parameters
    ----------
    role : Role
        How its cells are read.
    moments : bool
        Mean and standard deviation.
    quantiles : tuple of float in [0, 1]
    levels : int
        Names of levels are counted, up to so many different ones; 0 for not at all.
    """

    role: Role
    moments: bool = False
    quantiles: tuple[float, ...] = ()
    levels: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found about a column.

    Attributes
    ----------
    count, missing : int
        Cells with a value, and without.
    mean, std : float
        std² = Σ (x − mean)² / count. NaN if not asked for, or of nothing.
    low, high : float
        The least and the greatest value; NaN of nothing. Days for dates.
    whole : bool
        Whether all values are whole numbers.
    quantiles : {q: value}
    levels : {name: count} or None
        None if not asked for, or more than asked for.
    """

    count: int
    missing: int
    mean: float
    std: float
    low: float
    high: float
    whole: bool
    quantiles: Mapping[float, float]
    levels: Mapping[str, int] | None
