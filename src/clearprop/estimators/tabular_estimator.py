"""What `TabularClassifier` and `TabularRegressor` share: settings, one fit, a look inside.

Owns the form scikit-learn expects; what happens inside is `clearprop.estimators.tabular_fitting`.
Proved by ``tests/test_tabular_estimators.py`` and ``tests/test_tabular_rows.py``.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
from joblib import effective_n_jobs  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import SettingError
from clearprop.estimators.construction import constructed
from clearprop.estimators.progress_line import ProgressLine
from clearprop.estimators.tabular_figures import cost_of, figure_of, metric_of
from clearprop.estimators.tabular_fitting import fit, held_back_at_random, steps_of
from clearprop.estimators.tabular_importance import Importances, importances
from clearprop.estimators.tabular_ingredients import Ingredients, chosen
from clearprop.estimators.tabular_opening import OpensTables
from clearprop.estimators.tabular_rows import Rows, decisions_of, not_learned_from
from clearprop.estimators.tabular_told import told_of_runs
from clearprop.model import Model
from clearprop.model.arrays import Watcher
from clearprop.model.loading import load
from clearprop.model.model import input_arrays
from clearprop.network import Network, Parameters
from clearprop.settings import Attr, check_all
from clearprop.storage import named
from clearprop.tables import Table
from clearprop.tables.cautions import cautions
from clearprop.tables.classes import doubts_of_classes
from clearprop.tables.encoder import Encoder
from clearprop.tables.target import Target
from clearprop.words import number, shown

__all__ = ["DEFAULTS", "Settings", "Tabular"]

_ATTRS = (
    Attr("time_limit", float, None, bounds="(0, inf)", unit="s"),
    Attr("n_jobs", int, None, bounds="[1, 1024]", help="threads; they change no bits"),
    Attr("precision", str, "float32", choices=("float32", "float64", "bfloat16")),
)


class Settings(TypedDict, total=False):
    """The settings by keyword, as `TabularClassifier` explains them."""

    preset: str
    metric: str | None
    columns: Mapping[str, str] | None
    time_limit: float | None
    max_steps: int | Sequence[int] | None
    precision: str
    changes: Mapping[str, Any] | None
    checkpoint: str | None
    progress: Watcher | bool | None
    random_state: Any
    n_jobs: int | None


DEFAULTS: Settings = {
    "preset": "default",
    "metric": None,
    "columns": None,
    "time_limit": None,
    "max_steps": None,
    "precision": "float32",
    "changes": None,
    "checkpoint": None,
    "progress": None,
    "random_state": None,
    "n_jobs": None,
}


class Tabular(OpensTables):
    """What both have in common."""

    model_: Model
    _task: str

    @constructed(Settings, DEFAULTS)
    def __init__(self, **settings: Unpack[Settings]) -> None: ...

    # -- fitting ----------------------------------------------------------------------------------
    def _fit(
        self,
        table: Table,
        y: NDArray[Any],
        target: Target,
        weights: NDArray[np.float64] | None,
        groups: NDArray[np.object_] | None,
        judges: tuple[Table, NDArray[Any], NDArray[np.float64] | None] | None,
        began: float,
    ) -> None:
        """Train, and keep what came of it; the time limit is from ``began`` on.

        The judges are the rows that choose the epoch: a table, its targets and weights.
        """
        told: dict[str, Any] = check_all(
            _ATTRS,
            {
                "time_limit": self.time_limit,
                "n_jobs": _threads(self.n_jobs),
                "precision": self.precision,
            },
            type(self).__name__,
        )  # fmt: skip
        metric, made_of = self._asked_metric(), self.ingredients()
        progress = self.progress
        if progress is True:
            progress = ProgressLine(figure_of(self._task, metric))
        if progress is False:
            progress = None
        if progress is not None and not callable(progress):
            raise SettingError(f"progress is a function, True or None, got {shown(progress)}")
        if self.checkpoint is not None:
            named(self.checkpoint, "checkpoint")
        decisions = decisions_of(table, self.columns)
        while target.name in table.names:  # a Series made of a column has its name
            target = replace(target, name=f"{target.name}_")
        held = None
        if judges is not None:
            others, their, own = judges
            held = Rows(others, decisions.roles, their, target, own)
        rows = Rows(table, decisions.roles, y, target, weights, groups, held)
        found = fit(
            rows, made_of,
            metric=metric, seed=_seed(self.random_state), progress=progress,
            time_limit=told["time_limit"], began=began, max_steps=steps_of(self.max_steps),
            checkpoint=self.checkpoint, threads=told["n_jobs"], precision=told["precision"],
        )  # fmt: skip
        if found.interrupted:
            warnings.warn(
                f"Training was interrupted after {sum(found.steps)} steps: "
                "the model is the best so far",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.model_ = found.model
        self.model_.columns = decisions.to_data()
        level = made_of.quantile if cost_of(self._task, metric) == "quantile" else None
        counts = {"training": len(y), "validation": 0 if held is None else len(held.y)}
        if "bags" in self.model_.provenance:  # each has its own, and one network too
            self.model_.provenance["rows"] = counts
        self.model_.provenance |= {
            "preset": self.preset,
            "metric": metric,
            **({} if level is None else {"quantile": level}),
            **told_of_runs(found, told["time_limit"], steps_of(self.max_steps)),
        }
        for doubt in (not_learned_from(table, decisions), *_doubts_of_target(target, y)):
            if doubt:
                warnings.warn(doubt, stacklevel=3)
        warned = cautions(
            table, decisions.roles, target.name, y, np.ones(len(y), np.bool_),
            divided=held_back_at_random(rows, made_of), options=False,
        )  # fmt: skip
        if warned:
            warnings.warn("; ".join(warned), stacklevel=3)
        self.ingredients_: Ingredients = made_of
        self.histories_, self.epochs_ = found.histories, found.epochs
        self.inputs_: tuple[int, ...] = found.inputs
        self.n_iter_ = max(len(found.histories[0]), 1)
        self.best_epoch_ = found.epochs[0]
        self.n_steps_ = found.steps[0] if len(found.steps) == 1 else found.steps

    # -- what is inside ---------------------------------------------------------------------------
    def ingredients(self) -> Ingredients:
        """Return what a fit with these settings is made of: the preset's, with the changes."""
        changes = {} if self.changes is None else self.changes
        if isinstance(changes, Mapping) and "quantile" in changes:
            raise SettingError(
                f"changes={shown(dict(changes))}: the quantile is a setting of TabularRegressor "
                "itself, which trains its cost: quantile=0.9"
            )
        return chosen(self.preset, self._task, self._asked_metric(), changes)

    def _asked_metric(self) -> str:
        return metric_of(self._task, self.metric)

    def to_network(self) -> Network:
        """Return the network inside: to derive, check, draw.

        `parameters_` are its parameters, and `inputs` makes what it reads. Its targets are places
        in ``classes_``, or numbers less ``model_.target.mean`` over ``model_.target.std``.

        Returns
        -------
        Network
        """
        check_is_fitted(self)
        return self.model_.network

    @property
    def parameters_(self) -> Parameters:
        """The fitted parameters by the names of `to_network`."""
        check_is_fitted(self)
        return self.model_.parameters

    def inputs(self, X: Any) -> dict[str, NDArray[Any]]:
        """Return what the network of `to_network` reads of some rows.

        Parameters
        ----------
        X : as for `fit`

        Returns
        -------
        {name of an input: array}
            Of the numbers (n, inputs) float64; of each category with an embedding (n,) int64.
        """
        table = self._asked(X)
        return input_arrays(self.model_.network, self._encoder().encode(table, np.float64))

    def feature_importances(
        self,
        X: Any,
        y: ArrayLike,
        *,
        method: str = "permutation",
        metric: str | None = None,
        repeats: int = 5,
        random_state: int = 0,
    ) -> Importances:
        """Return how much each column matters to the predictions of some rows.

        Parameters
        ----------
        X : frame or array (n, columns)
        y : (n,) targets
        method : {"permutation", "gradient"}
            How much worse the metric gets when the column's cells change places among the rows
            (Breiman 2001, section 10), or the mean of ‖∂J/∂x‖ over the rows, x the column's inputs
            as the encoder scales them.
        metric : str, optional
            What gets worse by permutations, by the names that the setting ``metric`` takes; by
            default that of the fit.
        repeats : int, at least 1
            Permutations of each column.
        random_state : int

        Returns
        -------
        Importances
            ``names``, ``mean`` and ``deviation`` (over the repeats), a figure a column; printed,
            a table, the largest first, and ``to_dict()`` makes a frame.

        Raises
        ------
        SettingError
            For another method, or a metric that is none of the task's or stands beside gradients.
        """
        table = self._asked(X)
        if metric is not None and method == "gradient":
            raise SettingError(
                f"metric={metric!r}: gradients are those of the cost, which asks for no metric; "
                "leave it out, or take method='permutation'"
            )
        asked = self._asked_metric() if metric is None else metric_of(self._task, metric)
        return importances(
            self.model_, table, self._encoded(y, table.rows), asked,
            method=method, repeats=repeats, seed=random_state, level=self.ingredients_.quantile,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the fitted model to one file, as ``model_.save`` does; return its path.

        `clearprop.load` reads it as a `clearprop.Model`, and so does ``clearprop predict``.

        Parameters
        ----------
        path : str or path
            ``.clearprop`` by custom. A model at that path is replaced.
        overwrite : bool
            Whether a file that is no model may be replaced too.

        Raises
        ------
        FileError
            If it cannot be written; what stood there still stands.
        """
        check_is_fitted(self)
        return self.model_.save(path, overwrite=overwrite)

    def _encoder(self) -> Encoder:
        assert self.model_.encoder is not None
        return self.model_.encoder

    def _encoded(self, y: Any, rows: int) -> NDArray[Any]:
        raise NotImplementedError

    # -- scikit-learn's ways ----------------------------------------------------------------------
    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """The model as its file's bytes: reading them runs no code."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "model_" in state:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.clearprop"
                state["model_"].save(path)
                state["model_"] = path.read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "model_" in state:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.clearprop"
                path.write_bytes(state["model_"])
                state["model_"] = load(path)
        super().__setstate__(state)


def _doubts_of_target(target: Target, y: NDArray[Any]) -> list[str]:
    """What is odd about the targets of training: slips, or nothing to learn."""
    if target.task == "classification":
        return doubts_of_classes(target, y)
    if y.min() < y.max():
        return []
    only = number(target.decode(y[:1])[0])
    return [f"target {target.name!r} is {only} in every row: there is nothing to learn"]


def _threads(n_jobs: Any) -> Any:
    """None lets the engine choose, and so does −1; −2 leaves one core free, as in joblib."""
    if n_jobs == -1:
        return None
    counts_back = isinstance(n_jobs, int | np.integer) and n_jobs < -1
    return effective_n_jobs(int(n_jobs)) if counts_back else n_jobs


def _seed(random_state: Any) -> int:
    """A whole number is the seed itself; anything else draws one."""
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if not 0 <= random_state < 2**64:
            raise SettingError(
                f"random_state is a whole number from 0 to 2⁶⁴ − 1, got {random_state}"
            )
        return int(random_state)
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError as error:
        raise SettingError(f"random_state: {error}") from None
