"""What a fit's runs did, as its model keeps it, whoever asked for the fit.

Proved by ``tests/test_tabular_files.py`` and ``tests/test_cli_preset.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clearprop.estimators.tabular_fitting import Fitted

__all__ = ["told_of_runs"]


def told_of_runs(
    found: Fitted, time_limit: float | None, max_steps: Sequence[int] | None
) -> dict[str, Any]:
    """Return how the runs ended, their steps and epochs together, and of each by itself."""
    return {
        "stopped": _why(found, time_limit, max_steps),
        "steps": sum(found.steps),
        "epochs": sum(map(len, found.histories)),
        "runs": _runs(found),
        **({"behind": [run + 1 for run in found.behind]} if found.behind else {}),
    }


def _runs(found: Fitted) -> list[dict[str, int]]:
    """What each run did; of one that is left out, that it has no step."""
    done = [
        {"steps": steps, "epochs": len(history), "best_epoch": best}
        for steps, history, best in zip(found.steps, found.histories, found.epochs, strict=False)
    ]
    return done + [{"steps": 0}] * (len(found.steps) - len(done))


def _why(found: Fitted, time_limit: float | None, max_steps: Sequence[int] | None) -> str:
    """How the runs ended, in one word of a run's."""
    if found.interrupted:
        return "interrupted"
    kinds = {event.kind for history in found.histories for event in history.events}
    if time_limit is not None and ("time_limit" in kinds or 0 in found.steps):
        return "time_limit"
    limits = max_steps or ()
    reached = any(
        steps == limits[min(run, len(limits) - 1)]
        for run, steps in enumerate(found.steps)
        if limits
    )
    return "max_steps" if reached else "complete"
