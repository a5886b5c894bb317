"""`MLPRegressor`: scikit-learn's, trained by the native engine, and what it lacks.

Proved by ``tests/test_estimators_*.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d

from clearprop.errors import DataError, SettingError
from clearprop.estimators.constraints import REGRESSOR
from clearprop.estimators.construction import constructed, documented
from clearprop.estimators.multilayer import Multilayer
from clearprop.estimators.multilayer_settings import (
    ATTRIBUTES,
    DEFAULTS,
    LAYERS,
    SETTINGS,
    Settings,
)
from clearprop.estimators.reading import read_numbers


@documented(layers=LAYERS, settings=SETTINGS, attributes=ATTRIBUTES)
class MLPRegressor(RegressorMixin, Multilayer):  # type: ignore[misc]
    """A multilayer perceptron that predicts numbers: scikit-learn's `MLPRegressor`, faster.

    The arguments up to ``max_fun``, their defaults, the attributes and the run that a seed gives
    are scikit-learn's. With K outputs ``loss_`` is the sum over them, whose gradient is followed;
    scikit-learn follows the same gradient and reports a K-th.

    Parameters
    ----------
    loss : str
        "squared_error" (½ (a − y)²) and "poisson" (half the deviance) as in scikit-learn,
        "absolute_error", "huber", "log_cosh" or "quantile".
    {layers}
    {settings}
    huber_limit : float > 0
        Where the Huber loss becomes linear.
    quantile : float in [0, 1]
        The share of y below the prediction, for loss="quantile".

    Attributes
    ----------
    {attributes}

    Raises
    ------
    ValueError
        For wrong arguments and data, with scikit-learn's texts where it has one.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> model = MLPRegressor(learning_rate_init=0.02, random_state=0).fit(X, X[:, 0] * X[:, 1])
    >>> model.score(X, X[:, 0] * X[:, 1]) > 0.95
    True
    """

    _parameter_constraints: dict[str, Any] = REGRESSOR
    _settings_of: ClassVar[Mapping[str, tuple[float, str, str]]] = {
        **Multilayer._settings_of,
        "huber_limit": (1.0, "loss", "huber"),
        "quantile": (0.5, "loss", "quantile"),
    }

    @constructed(Settings, DEFAULTS)
    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        huber_limit: float = 1.0,
        quantile: float = 0.5,
        **settings: Unpack[Settings],
    ) -> None: ...

    def _validate_params(self) -> None:
        sizes = isinstance(self.loss, int | tuple | list) and not isinstance(self.loss, bool)
        if sizes:  # as MLPClassifier's first argument
            raise SettingError(
                f"loss={self.loss!r}: the first argument is the loss, as in scikit-learn; write "
                f"hidden_layer_sizes={self.loss!r}"
            )
        super()._validate_params()

    # -- what `Multilayer` asks --------------------------------------------------------------------
    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = read_numbers(self, X, y, reset=reset)
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

    def _decide(self, outputs: NDArray[Any]) -> Any:
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
