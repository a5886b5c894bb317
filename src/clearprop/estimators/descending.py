"""A fit: epochs of native steps with scikit-learn's books, or L-BFGS.

A window is one epoch or more, so Python costs an epoch's books and no step's. The order of random
draws, what is counted when, and what ends a fit are scikit-learn's. Their penalty is α/2 Σ W² over
Σ w of the batch: the network's λ is α, and each step's scale 1 / Σ w of its batch.
Proved by ``tests/test_estimators_same.py`` and ``tests/test_estimators_suite.py``.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from clearprop.engine import Precision
from clearprop.errors import SettingError
from clearprop.estimators.chains import Chain
from clearprop.estimators.descent import Descent, solver_rule
from clearprop.estimators.epochs import Epochs, constants
from clearprop.estimators.lbfgs import VECTORS, Objective, lbfgs
from clearprop.estimators.listening import Listening
from clearprop.estimators.machine import Machine
from clearprop.estimators.multilayer_settings import DEFAULTS
from clearprop.estimators.rows import Rows, suits_float32, taken
from clearprop.training import Horizon

AUTO_BATCH = 200
FLOAT32_ROWS = 1000
"""From so many rows on, the noise of a sample is far above float32's rounding."""
FEWEST_VALIDATION_ROWS = 2
SMALL_STEP = 1e6
"""Weights times rows of a step, below which two threads took longer than one wherever measured."""
SEEDS = 2**31 - 1


def _name(dtype: Any) -> Precision:
    return "float32" if dtype == np.float32 else "float64"


@cache
def vectors(solver: str) -> int:
    """Return how many vectors of the parameters' size a fit keeps, at least."""
    own = VECTORS if solver == "lbfgs" else len(solver_rule({**DEFAULTS, "solver": solver}).slots)
    return 3 + own  # the coefficients, what is fitted, a gradient


class Held(NamedTuple):
    """Validation rows: y with a column an output."""

    X: Any
    y: NDArray[Any]
    weights: NDArray[Any] | None


class Fitting:
    """One call of `fit` or `partial_fit`, on an estimator whose parameters are set.

    Parameters
    ----------
    estimator : Multilayer
    chain : Chain
    incremental : bool
        One epoch that goes on from the last.
    exponent : int
        Of the power of two that the caller's weights are those of `run` times.
    """

    def __init__(self, estimator: Any, chain: Chain, incremental: bool, exponent: int) -> None:
        self.to, self.chain, self.incremental = estimator, chain, incremental
        self.exponent = exponent
        dtype = np.result_type(*estimator.coefs_)
        self.dtype: Any = dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)
        self.threads = estimator._threads()
        self.flat: NDArray[Any] = chain.flat(estimator.coefs_, estimator.intercepts_)
        self._best: NDArray[Any] | None = None

    def run(
        self,
        X: Any,
        Y: NDArray[Any],
        weights: NDArray[Any] | None,
        held: Held | None,
        given: tuple[Any, Any],
    ) -> None:
        """Fit to rows: Y with a column an output; y and sample_weight as they were given."""
        listening = Listening(self.to, X, *given, self._attributes)
        X = taken(X)
        self._keep("_machine", Machine(self.chain, 0.0, None, _name(self.dtype), self.threads))
        if self.to.solver == "lbfgs":
            self._by_lbfgs(X, Y, weights, listening)
        else:
            self._by_batches(X, Y, weights, held, listening)
        vars(self.to).update(self._attributes())
        listening.close()

    def _attributes(self) -> dict[str, Any]:
        coefs, intercepts = self.chain.arrays(self.flat.astype(self.dtype, copy=False))
        return {"coefs_": coefs, "intercepts_": intercepts}

    def _rows(self, X: Any, Y: NDArray[Any], weights: Any, batch: int, dtype: Any) -> Rows:
        targets = self.to._targets(Y, dtype)
        return Rows(X.astype(dtype, copy=False), targets, weights, batch, self.exponent)

    def _weigh(self, rows: Rows) -> None:
        """Keep Σ w of the caller's weights, which may be ∞: then the penalty is 0 to rounding."""
        total = rows.batch_weights(np.arange(len(rows))).sum()
        with np.errstate(over="ignore"):
            self.to._total_weight = float(np.ldexp(total, self.exponent))

    # -- L-BFGS ------------------------------------------------------------------------------------
    def _by_lbfgs(self, X: Any, Y: NDArray[Any], weights: Any, listening: Listening) -> None:
        to = self.to
        if self.chain.dropout:
            raise SettingError(f"dropout={to.dropout} needs a solver that goes by batches")
        if to.validation_curve:
            raise SettingError("validation_curve: lbfgs has no epochs to validate after")
        machine = Machine(self.chain, 0.0, None, "float64", self.threads)
        rows = self._rows(X, Y, weights, len(Y), np.float64)
        self._weigh(rows)
        (constant,) = constants(to._constant(Y), rows, np.arange(len(rows)))

        def each(at: NDArray[Any], cost: float) -> bool:
            self.flat, to.loss_ = at, cost
            to.n_iter_ += 1
            return listening.ends()

        objective = Objective(machine, rows, to.alpha, float(constant))

        def looked_at(at: NDArray[Any]) -> tuple[float, NDArray[Any]]:
            listening.begins()  # no sooner: which iteration is the last is known when it has ended
            return objective(at)

        to.n_iter_ = 0
        found = lbfgs(
            looked_at,
            self.flat,
            max_iter=to.max_iter,
            max_fun=to.max_fun,
            tol=to.tol,
            each=each,
        )
        self.flat = found.x
        to.n_iter_ = int(found.nit)
        to.loss_ = float(found.fun)

    # -- epochs ------------------------------------------------------------------------------------
    def _by_batches(
        self,
        X: Any,
        Y: NDArray[Any],
        weights: NDArray[Any] | None,
        held: Held | None,
        listening: Listening,
    ) -> None:
        to = self.to
        for setting in ("early_stopping", "validation_curve"):
            if getattr(to, setting) and self.incremental:
                raise SettingError(f"partial_fit does not support {setting}=True")
        if (to.early_stopping or to.validation_curve) and held is None:
            X, Y, weights, held = self._split(X, Y, weights)
        dtype = self._steps_dtype(X, Y)
        self.flat = self.flat.astype(dtype)
        rows = self._rows(X, Y, weights, self._batch_size(len(Y)), dtype)
        descent = self._descent(rows)
        machine = self._machine(descent, rows.batch)
        validation = None if held is None else self._rows(*held, max(1, len(held.y)), dtype)
        self._open_books(validation is not None)
        if rows.dense:
            machine.runner.use(rows.data(machine.network.graph))
        to.n_iter_ = 0
        epochs = Epochs(rows, to._constant(Y), to._random_state if to.shuffle else None)
        watched = listening.listened or held is not None or to.verbose or self.incremental
        together = epochs.most() if descent.steady and not watched else 1
        ended = False
        try:
            while not ended and to.n_iter_ < to.max_iter:
                listening.begins()
                ran = epochs.run(machine, descent, self._before_an_end(together))
                for loss in ran.losses:
                    self._note(loss, len(rows), descent)
                    if validation is not None and held is not None:
                        with np.errstate(over="ignore", invalid="ignore"):  # on the way to infinity
                            self._validate(machine, held, validation)
                    self._count()
                    descent.epoch_ends(to.t_, to.loss_)
                    asked = listening.ends()
                    ended = self._ends(descent) or asked or self.incremental
                if ran.interrupted:
                    raise KeyboardInterrupt
                if not ended and not ran.finite:
                    warnings.warn(
                        f"the loss is {to.loss_} in epoch {to.n_iter_}: training ended there; "
                        "scale the columns or lower learning_rate_init",
                        ConvergenceWarning,
                        stacklevel=5,
                    )
                    ended = True
            if not ended:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({to.max_iter}) reached and "
                    "the optimization hasn't converged yet.",
                    ConvergenceWarning,
                    stacklevel=5,
                )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
        # Where no epoch beats the best of an earlier fit, scikit-learn goes on from the last.
        last = descent.state.parameters
        self.flat = self._best if to.early_stopping and self._best is not None else last
        machine.rest()

    def _before_an_end(self, most: int) -> int:
        """How many epochs there are, ``most`` at most, before one could end the fit or slow it."""
        to = self.to
        patience = to.n_iter_no_change + 1 - to._no_improvement_count
        return int(max(1, min(most, to.max_iter - to.n_iter_, patience)))

    def _open_books(self, validates: bool) -> None:
        """Set the attributes that epochs write to, unless an earlier fit goes on."""
        to = self.to
        if not hasattr(to, "loss_curve_"):
            to.loss_curve_, to._no_improvement_count, to.best_loss_ = [], 0, None
        if not hasattr(to, "validation_scores_"):
            to.validation_scores_ = to.best_validation_score_ = None
        if validates and to.validation_scores_ is None:
            to.validation_scores_, to.best_validation_score_ = [], -np.inf
            to.validation_loss_curve_, self._best = [], self.flat.copy()
        if to.best_loss_ is None and not to.early_stopping:
            to.best_loss_ = np.inf

    def _note(self, loss: float, rows: int, descent: Descent) -> None:
        """Write down an epoch."""
        to = self.to
        to.n_iter_ += 1
        to.t_ += rows
        to.loss_ = loss
        to.loss_curve_.append(loss)
        self.flat = descent.state.parameters
        if to.verbose:
            print(f"Iteration {to.n_iter_}, loss = {loss:.8f}")

    def _validate(self, machine: Machine, held: Held, validation: Rows) -> None:
        to = self.to
        outputs, cost = machine.judge(self.flat, validation)
        finite = bool(np.isfinite(outputs).all())
        score = to._figure(held.y, outputs, held.weights) if finite else np.nan
        constant = constants(to._constant(held.y), validation, np.arange(len(validation)))
        to.validation_scores_.append(float(score))
        to.validation_loss_curve_.append(cost + float(constant.sum()))
        if to.verbose:
            print(f"Validation score: {score:f}")

    def _count(self) -> None:
        """Count an epoch that is no better by ``tol``; keep the best."""
        to = self.to
        if to.early_stopping:
            score = to.validation_scores_[-1]
            no_better = score < to.best_validation_score_ + to.tol
        else:
            no_better = to.loss_ > to.best_loss_ - to.tol
            to.best_loss_ = min(to.best_loss_, to.loss_)
        to._no_improvement_count = to._no_improvement_count + 1 if no_better else 0
        scores = to.validation_scores_
        if scores and scores[-1] > to.best_validation_score_:
            to.best_validation_score_ = scores[-1]
            self._best = self.flat.copy()

    def _ends(self, descent: Descent) -> bool:
        """Whether nothing has improved for too long."""
        to = self.to
        if not to._no_improvement_count > to.n_iter_no_change:
            return False
        what = "Validation score" if to.early_stopping else "Training loss"
        message = descent.stalls()
        if to.verbose:
            print(
                f"{what} did not improve more than tol={to.tol:f} for {to.n_iter_no_change} "
                f"consecutive epochs. {message or f'Setting learning rate to {descent.base:f}'}"
            )
        if not message:
            to._no_improvement_count = 0
        return bool(message)

    # -- what a fit is made of ---------------------------------------------------------------------
    def _batch_size(self, n: int) -> int:
        wanted = self.to.batch_size
        if wanted == "auto":
            return min(AUTO_BATCH, n)
        if wanted > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                stacklevel=6,
            )
        return int(np.clip(wanted, 1, n))

    def _split(self, X: Any, Y: NDArray[Any], weights: Any) -> tuple[Any, Any, Any, Held]:
        to = self.to
        parts = train_test_split(
            *(part for part in (X, Y, weights) if part is not None),
            random_state=to._random_state,
            test_size=to.validation_fraction,
            stratify=Y if to._stratifies() else None,
        )
        if weights is None:
            parts += [None, None]
        X, held_X, Y, held_y, weights, held_weights = parts
        for what, own in (("train", weights), ("are held back to validate", held_weights)):
            if own is not None and not own.any():
                raise SettingError(
                    f"all rows that {what} have weight 0: give another random_state or "
                    "validation_fraction, or rows that validate as validation_data"
                )
        if len(held_y) < FEWEST_VALIDATION_ROWS:
            raise SettingError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        return X, Y, weights, Held(held_X, held_y, held_weights)

    def _steps_dtype(self, X: Any, Y: NDArray[Any]) -> Any:
        """What the steps are done in; what is fitted keeps the data's precision."""
        wanted = self.to.precision
        if wanted != "auto" or self.dtype == np.float32:
            return np.dtype(np.float32 if self.dtype == np.float32 else wanted)
        if self.incremental:
            old = getattr(self.to, "_optimizer", None)
            return np.dtype(np.float64) if old is None else old.state.parameters.dtype
        many = len(Y) >= FLOAT32_ROWS and suits_float32(X) and suits_float32(Y)
        return np.dtype(np.float32 if many else np.float64)

    def _descent(self, rows: Rows) -> Descent:
        to = self.to
        old = getattr(to, "_optimizer", None)
        self._weigh(rows)
        if self.incremental and isinstance(old, Descent) and old.fits(self.flat):
            old.state.parameters = self.flat
            return old
        horizon = Horizon(float(to.learning_rate_init), to.max_iter * rows.steps, rows.steps)
        seed = int(to._random_state.randint(SEEDS)) if self.chain.dropout else 0
        told = {name: getattr(to, name) for name in DEFAULTS}
        descent = Descent(told, self.flat, _name(self.flat.dtype), horizon, seed)
        to._optimizer = descent
        return descent

    def _machine(self, descent: Descent, batch: int) -> Machine:
        # A small step is not worth a trial of two threads in each new estimator.
        small = self.threads is None and self.chain.size * batch < SMALL_STEP
        threads, precision = 1 if small else self.threads, _name(self.flat.dtype)
        made = Machine(self.chain, float(self.to.alpha), descent.rule, precision, threads)
        return self._keep("_trainer", made)

    def _keep(self, name: str, made: Machine) -> Machine:
        """Set a machine of the estimator, or leave it the one that does the same."""
        old = getattr(self.to, name, None)
        machine = old if isinstance(old, Machine) and old.does(made) else made
        setattr(self.to, name, machine)
        return machine
