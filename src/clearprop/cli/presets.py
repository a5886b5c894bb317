"""``clearprop train --preset``: what is asked, decided and done for a tabular estimator's networks.

Proved by ``tests/test_cli_preset.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearprop.cli import console
from clearprop.estimators.tabular_files import Announce, Opened, train_preset
from clearprop.estimators.tabular_fitting import checkpoints
from clearprop.estimators.tabular_ingredients import Ingredients
from clearprop.model import Model
from clearprop.network import Network
from clearprop.words import number

__all__ = ["checkpoints", "tell_preset", "tell_runs", "trained"]


def trained(data: str, target: str, preset: str, settings: Mapping[str, Any]) -> Model:
    """Return the model of a preset; raises what `train_preset` does."""
    return train_preset(data, target, preset=preset, **settings)


def tell_preset(preset: str, drawn: console.Bar | None) -> Announce:
    """Return what prints the decisions, and tells the bar what it draws."""

    def tell(opened: Opened, network: Network, together: int, made_of: Ingredients) -> None:
        console.columns(opened.table, opened.decisions, opened.table.notes)
        rows = opened.rows
        counts = [f"{rows['training']:,} train"]
        if rows["test"]:
            counts.append(f"{rows['test']:,} test")
        if rows["unlabelled"]:
            counts.append(f"{rows['unlabelled']:,} without a target are left out")
        shape, _, size = repr(network).removesuffix(">").removeprefix("<Network ").rpartition(", ")
        console.facts(
            [
                ("predicts", f"{console.aim(opened.target)} ({opened.target.why})"),
                ("rows", ", ".join(counts)),
                ("preset", f"{preset}: {_told(made_of, together)}"),
                ("network", f"{shape}, {together} of them, {size} each"),
                ("training", f"adamw, learning rate {number(made_of.learning_rate)}, "
                             f"up to {made_of.epochs} epochs"),
            ]
        )  # fmt: skip
        console.line()
        if drawn is not None:
            drawn.figure = "log_loss" if opened.target.task == "classification" else "validation"

    return tell


def _told(made_of: Ingredients, together: int) -> str:
    if together == 1:
        return "one network"
    refit = ", then trains anew on all" if made_of.refit else ""
    return f"each network holds back other rows to choose its epoch{refit}; their mean predicts"


def tell_runs(model: Model) -> None:
    """Print how the runs ended, and what they kept."""
    made = model.provenance
    why = {
        "time_limit": "stopped by the time limit",
        "max_steps": "stopped by the limit of steps",
        "interrupted": "interrupted",
    }.get(made["stopped"], "trained")
    runs = made["runs"]
    kept = ", ".join(str(run["best_epoch"]) for run in runs)
    told = f"{len(runs)} runs; of their epochs {kept} are kept"
    console.line(f"{why}: {told} ({number(made['seconds'], 2)} s)")
    for event in model.history.events:
        if event.kind in ("engine", "skipped", "checkpoint"):
            console.line(f"  {event.text}", "dim")
