"""`MLPRegressor`: scikit-learn's, trained by the native engine, and what it lacks.

Proved by ``tests/test_estimators_*.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from clearprop.errors import DataError
from clearprop.estimators.constraints import REGRESSOR
from clearprop.estimators.listening import with_callbacks
from clearprop.estimators.multilayer import DTYPES, Multilayer
from clearprop.training import Schedule


class MLPRegressor(RegressorMixin, Multilayer):  # type: ignore[misc]
    """A multilayer perceptron that predicts numbers."""

    _parameter_constraints: dict[str, Any] = REGRESSOR

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | Callable[[int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        huber_limit: float = 1.0,
        quantile: float = 0.5,
        dropout: float = 0.0,
        residual: bool = False,
        weight_decay: float = 0.01,
        callbacks: Callable[[Any], Any] | Sequence[Callable[[Any], Any]] | None = None,
        n_jobs: int | None = None,
        precision: str = "auto",
    ) -> None:
        self._keep(locals())

    @with_callbacks  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: Sequence[Any] | None = None,
    ) -> Any:
        """Fit to rows.

        Parameters
        ----------
        X : array or sparse matrix (n, inputs)
        y : (n,) or (n, outputs) array
        sample_weight : (n,) array, optional
        validation_data : (X, y) or (X, y, sample_weight), optional
            Scored after every epoch; with ``early_stopping``, in place of a share of the rows.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(lambda self: self._check_solver())  # type: ignore[untyped-decorator]
    @with_callbacks  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Any:
        """Go once through rows, from where the last call ended.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, incremental=True)

    # -- what `Multilayer` asks --------------------------------------------------------------------
    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
            dtype=DTYPES, reset=reset,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            raise DataError(f"loss='poisson' needs y of 0 or more, got {y.min()}")
        return X, y.reshape(len(y), -1)

    def _read_held(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        X, Y = self._read(X, y, incremental=True, reset=False)
        if Y.shape[1] != self.n_outputs_:
            raise DataError(f"validation_data has {Y.shape[1]} outputs, y has {self.n_outputs_}")
        return X, Y

    def _cost(self) -> tuple[str, dict[str, Any]]:
        settings = {"huber": {"limit": self.huber_limit}, "quantile": {"quantile": self.quantile}}
        return self.loss, settings.get(self.loss, {})

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _targets(self, y: NDArray[Any], dtype: Any) -> NDArray[Any]:
        return y.astype(dtype)

    def _decide(self, outputs: NDArray[Any]) -> NDArray[Any]:
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _figure(self, y: NDArray[Any], outputs: NDArray[Any], weights: Any) -> float:
        # R² = 1 − Σ w (y − a)² / Σ w (y − ȳ)², the outputs' mean; of a constant y: 1 or 0
        w = np.ones((len(y), 1)) if weights is None else np.reshape(weights, (-1, 1))
        left = (w * (y - outputs.astype(np.float64)) ** 2).sum(axis=0)
        all_of_it = (w * (y - np.average(y, axis=0, weights=w[:, 0])) ** 2).sum(axis=0)
        constant = all_of_it == 0
        share = left / np.where(constant, 1.0, all_of_it)
        return float(np.where(constant, left == 0, 1 - share).mean())

    def _constant(self, y: NDArray[Any]) -> NDArray[Any] | None:
        if self.loss != "poisson":
            return None
        # half the deviance: y log(y / a) − y + a, where the cost is a − y log a
        return np.asarray((xlogy(y, y) - y).sum(axis=1))

    def _stratifies(self) -> bool:
        return False
