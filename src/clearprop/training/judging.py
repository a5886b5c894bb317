"""The figures of the validation rows after an epoch, and which of them is watched.

Proved by ``tests/test_training.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import SupportsFloat

from clearprop.engine import Data, Flat, Runner, State
from clearprop.errors import SettingError
from clearprop.expressions import Array
from clearprop.training.choices import Metric
from clearprop.training.interruption import Asked
from clearprop.words import shown

__all__ = ["Judge"]


class Judge:
    """Looks at the validation rows, if there are any.

    Parameters
    ----------
    runner : Runner
    validation : Data or None
    metric : callable or None
        A figure of Y and the output, beside the cost.
    watches_metric : bool
        Whether early stopping and plateaus watch it in place of the cost.
    greater_is_better : bool
        Of the metric.
    """

    def __init__(
        self,
        runner: Runner,
        validation: Data | None,
        metric: Metric | None,
        watches_metric: bool,
        greater_is_better: bool,
    ) -> None:
        self.runner, self.validation, self.metric = runner, validation, metric
        self.watches_metric = watches_metric
        self.sign = -1.0 if watches_metric and greater_is_better else 1.0
        """What the metric is multiplied by, so that less is better."""

    def figures(self, parameters: Flat | State, asked: Asked) -> dict[str, float] | None:
        """Figures of the validation rows for these parameters; None if the look was interrupted."""
        if self.validation is None:
            return None if asked else {}
        if self.metric is None:
            cost = self.runner.evaluate(parameters, self.validation)
            return None if asked else {"validation_cost": cost}
        cost, outputs = self.runner.judge(parameters, self.validation)
        if asked:
            return None
        measured = self._measured(self.metric, outputs, self.validation)
        return None if asked else {"validation_cost": cost, "validation_metric": measured}

    def _measured(self, metric: Metric, outputs: dict[str, Array], rows: Data) -> float:
        targets = dict(rows.targets)
        if len(outputs) == 1:
            found: object = metric(next(iter(targets.values())), next(iter(outputs.values())))
        else:
            found = metric(targets, outputs)
        if isinstance(found, SupportsFloat) and getattr(found, "ndim", 0) == 0:
            return float(found)
        raise SettingError(f"metric must return a number, got {shown(found)}")

    def watched(self, cost: float, figures: Mapping[str, float]) -> float:
        """The figure that is watched, less being better."""
        if self.watches_metric:
            return self.sign * figures["validation_metric"]
        return figures.get("validation_cost", cost)
