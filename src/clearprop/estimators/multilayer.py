"""What `MLPClassifier` and `MLPRegressor` share: arguments, attributes, fitting, predicting.

The attributes, their meaning, the order of random draws and the rules of stopping are
scikit-learn's, so that a seed gives the run it gives there, to rounding. The steps are the
engine's. Proved by ``tests/test_estimators_*.py``.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
from joblib import effective_n_jobs  # type: ignore[import-untyped]
from joblib.parallel import get_active_backend  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from clearprop.errors import DataError, SettingError
from clearprop.estimators.chains import Chain, activation_names, is_activation, own_name
from clearprop.estimators.descending import Fitting, Held, vectors
from clearprop.estimators.held_rows import held_rows
from clearprop.estimators.lbfgs import Objective
from clearprop.estimators.listening import CallbackSupport, with_callbacks
from clearprop.estimators.machine import Machine
from clearprop.estimators.multilayer_settings import DEFAULTS
from clearprop.estimators.reading import read, read_weights
from clearprop.estimators.row_weights import near_one, product
from clearprop.estimators.rows import Rows
from clearprop.network import Network, Parameters, within_memory
from clearprop.training.run import KEPT
from clearprop.words import did_you_mean

Self = Any

_PLAIN = (bool, int, float, str, type(None))
_FOUND_RIGHT: set[tuple[Any, ...]] = set()
"""The class and its settings, each with its type: True equals 1, and is no number of epochs."""
_MOST_FOUND = 4096


def _is_sizes(value: Any) -> bool:
    return type(value) is tuple and all(type(one) is int for one in value)


class Multilayer(CallbackSupport, BaseEstimator, ABC):  # type: ignore[misc]
    """A network of dense layers as an estimator; see the two classes built on it."""

    _settings_of: ClassVar[Mapping[str, tuple[float, str, str]]] = {
        "weight_decay": (DEFAULTS["weight_decay"], "solver", "adamw")
    }
    """Settings that do nothing but with one value of another: {name: (default, other, value)}."""

    # -- what the two classes say ------------------------------------------------------------------
    @abstractmethod
    def _read(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, NDArray[Any]]:
        """Check X and y as scikit-learn does; return y as (n, outputs)."""

    @abstractmethod
    def _cost(self) -> tuple[str, dict[str, Any]]:
        """Return the cost's name and settings."""

    @abstractmethod
    def _out_activation(self) -> str:
        """Return scikit-learn's name of the output's function."""

    @abstractmethod
    def _targets(self, y: NDArray[Any], dtype: Any) -> NDArray[Any]:
        """Return y as the engine takes it."""

    @abstractmethod
    def _decide(self, outputs: NDArray[Any]) -> Any:
        """Return predictions for the network's outputs."""

    @abstractmethod
    def _figure(self, y: NDArray[Any], outputs: NDArray[Any], weights: Any) -> float:
        """Return the score of outputs for y as `_read` gave it."""

    def _factors(
        self, y: NDArray[Any], weights: NDArray[Any] | None, incremental: bool
    ) -> NDArray[Any] | None:
        """Return what each row's weight is multiplied by for its class, or None for nothing."""
        return None

    def _constant(self, y: NDArray[Any]) -> NDArray[Any] | None:
        """Return what the reported loss of each row has beside the cost, or None for nothing."""
        return None

    # -- fitting -----------------------------------------------------------------------------------
    @with_callbacks  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation_data: Sequence[Any] | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Any:
        """Fit to rows.

        Parameters
        ----------
        X : array or sparse matrix (n, inputs)
        y : (n,) or (n, outputs) array
            Numbers; of a classifier labels, or for each label 0 or 1.
        sample_weight : (n,) array, optional
        validation_data : (X, y) or (X, y, sample_weight), optional
            Scored after every epoch; with ``early_stopping``, in place of a share of the rows.
        X_val, y_val, sample_weight_val
            The same one by one: in a pipeline, ``transform_input=["X_val"]`` has the steps in front
            transform X_val too.

        Returns
        -------
        self
        """
        held = held_rows(validation_data, X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, held)

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

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        held: tuple[Any, Any, Any] | None = None,
        incremental: bool = False,
    ) -> Self:
        hidden = self._hidden()
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, Y = self._read(X, y, incremental, reset=first)
        weights = None if sample_weight is None else read_weights(sample_weight, X)
        weights, exponent = product(weights, self._factors(Y, weights, incremental))
        if weights is not None and not incremental and not weights.any():
            raise DataError(
                "class_weight and sample_weight leave no row a weight: at least one must count"
            )
        self.n_outputs_ = Y.shape[1]
        sizes = (X.shape[1], *hidden, self.n_outputs_)
        self._random_state = check_random_state(self.random_state)
        size = sum((inputs + 1) * units for inputs, units in pairwise(sizes))
        with within_memory(size, X.dtype.itemsize * vectors(self.solver), KEPT):
            if first:
                self._start(sizes, X.dtype)
            self._check_sizes(sizes)
            fitting = Fitting(self, self._chain(sizes), incremental, exponent)
        for idle in self._idle(hidden):
            warnings.warn(idle, stacklevel=3)
        fitting.run(X, Y, weights, self._held(held), (y, sample_weight))
        if not all(np.isfinite(W).all() for W in [*self.coefs_, *self.intercepts_]):
            raise DataError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    def _idle(self, hidden: list[int]) -> Iterator[str]:
        """Yield what to say of settings that scikit-learn does not have, and that do nothing."""
        if self.residual and not any(a == b for a, b in pairwise(hidden)):
            yield (
                f"residual=True adds nothing to hidden_layer_sizes={self.hidden_layer_sizes}: a "
                "layer adds the one before it if that is as wide"
            )
        for name, (default, setting, value) in self._settings_of.items():
            own = getattr(self, name)
            if own != default and getattr(self, setting) != value:
                yield f"{name}={own} does nothing without {setting}={value!r}"

    def _hidden(self) -> list[int]:
        sizes: Any = self.hidden_layer_sizes
        hidden = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if not all(isinstance(size, Integral) for size in hidden):
            raise SettingError(f"hidden_layer_sizes holds whole numbers, got {hidden}")
        if np.any(np.array(hidden) <= 0):
            raise SettingError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        return [int(size) for size in hidden]

    def _start(self, sizes: tuple[int, ...], dtype: Any) -> None:
        """Draw the parameters and set the attributes of a first fit."""
        self.n_iter_ = 0
        self.t_ = 0
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._out_activation()
        self.coefs_, self.intercepts_ = [], []
        # Glorot & Bengio 2010: U(±√(6 / (inputs + units))), with 2 for the logistic function
        factors = [2.0 if f == "sigmoid" else 6.0 for f in self._functions(len(sizes) - 2)]
        for (inputs, units), factor in zip(
            pairwise(sizes), [*factors, factors[-1] if factors else 6.0], strict=True
        ):
            bound = np.sqrt(factor / (inputs + units))
            draw = self._random_state.uniform
            self.coefs_.append(draw(-bound, bound, (inputs, units)).astype(dtype, copy=False))
            self.intercepts_.append(draw(-bound, bound, units).astype(dtype, copy=False))
        for name in ("loss_curve_", "validation_scores_", "validation_loss_curve_"):
            if hasattr(self, name):
                delattr(self, name)

    def _check_sizes(self, sizes: tuple[int, ...]) -> None:
        has = [np.shape(W) for W in self.coefs_]
        if has != list(pairwise(sizes)):
            raise SettingError(
                f"the fitted layers, coefs_, have the shapes {has}, hidden_layer_sizes="
                f"{self.hidden_layer_sizes} and the data need {list(pairwise(sizes))}; "
                "set warm_start=False, or fit a new estimator"
            )

    def _functions(self, layers: int) -> tuple[str, ...]:
        """Return our names of the hidden layers' functions."""
        given: Any = self.activation
        names = [given] * layers if isinstance(given, str) else list(given)
        if len(names) != layers:
            raise SettingError(f"{layers} hidden layers, but activation names {len(names)}")
        for name in names:
            if not is_activation(name):
                known = activation_names()
                raise SettingError(f"activation: there is no {name!r}; {did_you_mean(name, known)}")
        return tuple(own_name(name) for name in names)

    def _chain(self, sizes: tuple[int, ...]) -> Chain:
        cost, settings = self._cost()
        functions = self._functions(len(sizes) - 2)
        return Chain(sizes, functions, cost, settings, float(self.dropout), bool(self.residual))

    def _held(self, given: tuple[Any, Any, Any] | None) -> Held | None:
        """The caller's validation rows: X, y as `_read` gives it, weights."""
        if given is None:
            return None
        if self.solver == "lbfgs":
            raise SettingError("validation_data: lbfgs has no epochs to validate after")
        X, y, weights = given
        X, Y = self._read_held(X, y)
        if weights is not None:
            weights = near_one(read_weights(weights, X, "the sample_weight of validation_data"))[0]
        return Held(X, Y, weights)

    @abstractmethod
    def _read_held(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        """Check validation rows against what was fitted."""

    def _threads(self) -> int | None:
        """How many threads the engine may use: None lets it choose by the size of a step."""
        if self.n_jobs is not None:
            return int(effective_n_jobs(self.n_jobs))
        backend, _ = get_active_backend()
        return 1 if backend.nesting_level else None  # inside a pool's worker its cores are taken

    # -- predicting --------------------------------------------------------------------------------
    def _outputs(self, X: Any) -> NDArray[Any]:
        if not hasattr(self, "coefs_"):
            check_is_fitted(self)
        X = read(self, X, reset=False)
        machine: Machine = self._machine
        return machine.forward(machine.chain.flat(self.coefs_, self.intercepts_), X)

    def predict(self, X: ArrayLike) -> Any:
        """Return the predicted class of each row, or the predicted numbers.

        Parameters
        ----------
        X : array or sparse matrix (n, inputs)

        Returns
        -------
        (n,) or (n, outputs) array
        """
        return self._decide(self._outputs(X))

    def to_network(self) -> Network:
        """Return what was fitted as a `Network`, to derive, check or trace.

        Its λ is alpha over the number of training rows (the sum of their weights), so its cost
        over them is the objective. Its parameters are `parameters_`.

        Returns
        -------
        Network
        """
        check_is_fitted(self)
        chain: Chain = self._machine.chain
        return chain.network(self.alpha / self._total_weight)

    @property
    def parameters_(self) -> Parameters:
        """The fitted parameters by the names of `to_network`, float64: W₁ is ``coefs_[0].T``."""
        check_is_fitted(self)
        flat = self._machine.chain.flat(self.coefs_, self.intercepts_).astype(np.float64)
        return Parameters(self.to_network().graph, flat)

    def _loss_grad_lbfgs(
        self, packed: NDArray[Any], X: Any, y: NDArray[Any], sample_weight: Any, *_: Any
    ) -> tuple[float, NDArray[Any]]:
        """scikit-learn's private objective: all coefficients, then all intercepts, in a vector."""
        chain: Chain = self._machine.chain
        borders = np.cumsum([np.size(W) for W in [*self.coefs_, *self.intercepts_]])
        parts = np.split(packed, borders[:-1])
        layers = len(self.coefs_)
        shaped = [p.reshape(W.shape) for p, W in zip(parts[:layers], self.coefs_, strict=True)]
        rows = Rows(X, self._targets(y, np.float64), sample_weight, len(y))
        objective = Objective(Machine(chain, 0.0, None, "float64"), rows, self.alpha)
        cost, gradient = objective(chain.flat(shaped, parts[layers:]))
        return cost, np.concatenate([g.ravel() for both in chain.arrays(gradient) for g in both])

    # -- scikit-learn's world ----------------------------------------------------------------------
    def _validate_params(self) -> None:
        """As scikit-learn does; settings that were found right once are not looked at again."""
        values = [getattr(self, name) for name in self._parameter_constraints]
        plain = all(type(value) in _PLAIN or _is_sizes(value) for value in values)
        told = (type(self), *((type(value), value) for value in values)) if plain else ()
        if told and told in _FOUND_RIGHT:
            return
        super()._validate_params()
        if told and len(_FOUND_RIGHT) < _MOST_FOUND:
            _FOUND_RIGHT.add(told)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_solver(self) -> Literal[True]:
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
            )
        return True
