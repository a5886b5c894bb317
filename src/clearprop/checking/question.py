"""What is asked about: a network at a point on a batch, and whoever gives a gradient there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop.checking import answer as answers
from clearprop.checking.adapters import plain
from clearprop.checking.answer import Answer
from clearprop.checking.batches import random_batch, right_run
from clearprop.checking.calling import AnswerError
from clearprop.checking.replay import Base
from clearprop.errors import DataError, ShapeError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network
from clearprop.words import number, shown

#: Random batches on which one function is told from another.
BATCHES = 3


@dataclass(frozen=True)
class Question:
    """A network at a point on a batch, and a gradient there.

    Parameters
    ----------
    network : Network
    point : dict of str to float64 array
        As `read_point` gives it.
    X, Y : arrays
        As `read_arrays` gives them.
    sample_weight, masks
        As of `check_gradient`.
    gradient : function, or anything that holds arrays
    """

    network: Network
    point: dict[str, Array]
    X: Any
    Y: Any
    sample_weight: ArrayLike | None
    masks: Mapping[str, ArrayLike] | None
    gradient: Any

    @property
    def function(self) -> Callable[..., Any] | None:
        """The gradient, if it is a function: a PyTorch module can be called, and is none."""
        given = self.gradient
        return given if callable(given) and not hasattr(given, "parameters") else None

    @property
    def extra(self) -> dict[str, Any]:
        """What a function is given that has an argument for it."""
        return {"sample_weight": self.sample_weight, "masks": self.masks}

    @cached_property
    def base(self) -> Base:
        """The right run on the batch."""
        return self._right(self.X, self.Y)

    def _right(self, X: Inputs, Y: Any) -> Base:
        return right_run(self.network, self.point, X, Y, self.sample_weight, self.masks)

    def answer(self) -> Answer:
        """Return the gradient as arrays by parameter; a function is called twice."""
        if self.function is not None:
            return self._called(self.X, self.Y)
        found = answers.read(self.network.graph, self.gradient)
        found.foreign |= isinstance(self.gradient, list | tuple)  # as Keras has it, perhaps
        return found

    def _called(self, X: Any, Y: Any, *, twice: bool = True) -> Answer:
        assert self.function is not None
        return answers.call(
            self.network.graph, self.function, self.point, X, Y, self.extra, twice=twice
        )

    @cached_property
    def _batches(self) -> list[tuple[Any, Any]]:
        return [
            random_batch(self.network, self.base.rows, np.random.default_rng(seed))
            for seed in range(BATCHES)
        ]

    def right_elsewhere(self) -> list[Base]:
        """Return the right runs on other batches."""
        return [self._right(*batch) for batch in self._batches]

    def answers_elsewhere(self) -> list[Mapping[str, Array]]:
        """Return what the function gives on those batches, where it gives something."""
        found: list[Mapping[str, Array]] = []
        for X, Y in self._batches:
            x = X if isinstance(self.X, Mapping) else next(iter(X.values()))
            y = Y if isinstance(self.Y, Mapping) else next(iter(Y.values()))
            with contextlib.suppress(AnswerError):
                found.append(self._called(x, y, twice=False).arrays)
        return found


def read_point(parameters: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """Return the parameters as float64 arrays, of another framework's tensors too."""
    if not isinstance(parameters, Mapping):
        raise ShapeError("give the parameters as a mapping of names to arrays")
    point = {}
    for name, given in parameters.items():
        try:
            array = plain(given)
            if array.dtype.kind not in "fiub":
                raise TypeError
            point[name] = array.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(
                f"the parameter {name} is no array of real numbers but {shown(given)}"
            ) from None
        bad = np.argwhere(~np.isfinite(point[name]))
        if len(bad):
            at = tuple(int(i) for i in bad[0])
            entry = f"{name}[{', '.join(map(str, at))}]" if at else name
            raise DataError(f"{entry} is {number(point[name][at])}; check at finite parameters")
    return point


def read_arrays(given: Any) -> Any:
    """Return inputs or targets; tensors that track gradients are taken for what they hold."""
    if isinstance(given, Mapping):
        return {key: read_arrays(item) for key, item in given.items()}
    return plain(given) if hasattr(given, "detach") else given
