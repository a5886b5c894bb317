"""Who listens to a fit: the caller's own functions, and scikit-learn's callbacks where it has them.

scikit-learn 1.9 brought a protocol of callbacks (SLEP023); older versions leave its part out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clearprop.errors import SettingError
from clearprop.words import shown

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
    from sklearn.callback import with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupport", "Listening", "with_callbacks"]


def _asks_to_stop(answer: Any) -> bool:
    try:
        return bool(answer)
    except ValueError:  # an array, a frame or a series has no one truth
        raise SettingError(
            f"callbacks: a callback returns True to end the fit, or None, got {shown(answer)}"
        ) from None


class Listening:
    """Tells everybody of every epoch.

    Parameters
    ----------
    estimator : estimator
    X, y
        The training data, y as it was given.
    sample_weight : (n,) array, optional
    attributes : callable () -> dict
        The fitted attributes now, made only if somebody asks.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        y: Any,
        sample_weight: Any,
        attributes: Callable[[], dict[str, Any]],
    ) -> None:
        own = estimator.callbacks
        self._own = (own,) if callable(own) else tuple(own or ())
        self._estimator, self._attributes = estimator, attributes
        self._context: Any = None
        self._epoch: Any = None
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._told = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        if getattr(estimator, "_skl_callbacks", None):
            self._context = estimator._init_callback_context(max_subtasks=estimator.max_iter)
            self._context.call_on_fit_task_begin(**self._told)

    @property
    def listened(self) -> bool:
        """Whether somebody is told."""
        return bool(self._own) or self._context is not None

    def begins(self) -> None:
        """Say that an epoch begins, unless it was said."""
        if self._context is not None and self._epoch is None:
            self._epoch = self._context.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._told)

    def ends(self) -> bool:
        """Say that an epoch has ended; return whether somebody wants the fit to end."""
        stop = False
        if self._own:
            vars(self._estimator).update(self._attributes())
            answers = [callback(self._estimator) for callback in self._own]  # all are asked
            stop = any(map(_asks_to_stop, answers))
        if self._epoch is not None:
            epoch, self._epoch = self._epoch, None
            stop |= bool(
                epoch.call_on_fit_task_end(**self._told, reconstruction_attributes=self._attributes)
            )
        return stop

    def close(self) -> None:
        """Say that the fit has ended, and before that an epoch which came to nothing."""
        if self._epoch is not None:  # without weights of its own, as scikit-learn says it
            self._epoch.call_on_fit_task_end(estimator=self._estimator)
        if self._context is not None:
            self._context.call_on_fit_task_end(
                **self._told, reconstruction_attributes=self._attributes
            )
