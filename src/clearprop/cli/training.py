"""``clearprop train``: `train_table`, told as it goes."""

from __future__ import annotations

import importlib
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clearprop.cli import console
from clearprop.cli.interrupting import only_once
from clearprop.cli.writing import files_of, refuse_to_replace
from clearprop.errors import FileError, UsageError
from clearprop.model import (
    SUFFIX,
    Interrupted,
    Model,
    Prepared,
    check_destination,
    is_model,
    train_table,
)
from clearprop.optimizers import optimizer
from clearprop.storage import sweep
from clearprop.tables.queries import is_query
from clearprop.words import number

__all__ = ["default_output", "roles_of", "train"]

_ENDINGS = (".gz", ".zst", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet",
            ".feather", ".arrow")  # fmt: skip

#: Options of one plain network, and what they are where nothing is said.
_PLAIN: Mapping[str, Any] = {
    "hidden": None, "activation": None, "members": None, "dropout": 0.0, "l2": None,
    "optimizer": None, "learning_rate": None, "schedule": None, "epochs": None,
    "batch_size": None, "patience": None, "precision": None, "validation": "0.2",
}  # fmt: skip


def train(
    data: str,
    target: str,
    *,
    output: str | None,
    overwrite: bool,
    resume: bool,
    json: bool,
    validation: str,
    hidden: str | None,
    column: Sequence[str] | None,
    drop: Sequence[str] | None,
    preset: str | None,
    metric: str | None,
    **settings: Any,
) -> int:
    """Train, save, and tell what was decided and what came of it."""
    _check_preset(preset, metric, {"hidden": hidden, "validation": validation, **settings})
    # Loaded for presets alone: scikit-learn takes longer to load than a small network to train.
    presets: Any = None if preset is None else importlib.import_module("clearprop.cli.presets")
    columns, rows = roles_of(column or ()), _validation(validation)
    path = default_output(data) if output is None else output
    if path == "-":
        raise UsageError("-o -: a model goes into a file, not to the screen; name one")
    if not is_model(path):  # one in the table's place is named when it is opened
        refuse_to_replace(path, "the model", data, rows)
    if isinstance(rows, str) and set(files_of(rows)) & set(files_of(data)):
        raise UsageError(
            f"--validation {rows}: these rows train, and cannot tell when to stop; name others, "
            "or give a share such as 0.2"
        )
    check_destination(path, overwrite=overwrite)
    checkpoint = f"{path}.checkpoint"
    if resume and not Path(checkpoint).exists():
        raise FileError(
            f"there is nothing to resume: no {checkpoint}; run the command without --resume"
        )

    def kept() -> list[Path]:
        return [Path(checkpoint)] if presets is None else list(presets.checkpoints(checkpoint))

    interrupted = False
    with only_once() as asked:
        with console.bar(shown=not json) as drawn:

            def announce(found: Prepared) -> None:
                if not json:
                    _tell_prepared(found)
                if drawn is not None:
                    drawn.figure = found.figure

            common: dict[str, Any] = {
                "columns": columns,
                "drop": drop or (),
                "checkpoint": checkpoint,
                "resume": resume,
                "progress": drawn,
            }
            try:
                if presets is not None:
                    told = None if json else presets.tell_preset(preset, drawn)
                    own = {key: value for key, value in settings.items() if key not in _PLAIN}
                    own |= {**common, "metric": metric, "announce": told}
                    model = presets.trained(data, target, preset, own)
                else:
                    model = train_table(
                        data,
                        target,
                        hidden=None if hidden is None else _hidden(hidden),
                        validation=rows,
                        announce=announce,
                        **common,
                        **settings,
                    )
            except Interrupted as error:
                if error.model is None:
                    raise
                model, interrupted = error.model, True
            finally:
                asked.save()
                for one in kept():
                    sweep(one)  # what Ctrl-C broke off in the middle of its being written
        model.save(path, overwrite=overwrite)
        if not interrupted:  # the model holds all that counts now
            for one in kept():
                with suppress(OSError):
                    os.unlink(one)
        if json:
            console.print_json({"model": path, "interrupted": interrupted, **_summary(model)})
        else:
            _tell_outcome(model, path, data, interrupted and Path(checkpoint).exists())
    return 130 if interrupted else 0


def default_output(data: str) -> str:
    """Return where the model of a table is saved, unless the user says."""
    if is_query(data) or re.search(r"[*?\[]", data):
        return f"model{SUFFIX}"
    path = Path(data)
    if not path.name:
        raise FileError(f"{data!r} names no file; give the name of a table")
    while path.suffix.lower() in _ENDINGS:
        path = path.with_suffix("")
    return str(path.with_name(path.name + SUFFIX))


def _check_preset(preset: str | None, metric: str | None, given: Mapping[str, Any]) -> None:
    """See that a preset and a plain network are not both asked for.

    Raises
    ------
    UsageError
        If they are.
    """
    if preset is None:
        if metric is not None:
            raise UsageError(f"--metric {metric} is for a preset: give --preset default too")
        return
    for name, usual in _PLAIN.items():
        if given[name] != usual:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"--preset {preset} chooses the network and its training, and {flag} is for a "
                "plain one: leave one of them out"
            )


def _hidden(text: str) -> list[int]:
    if text.strip() in ("", "0"):
        return []  # no hidden layer: a linear model
    try:
        sizes = [int(part) for part in re.split(r"[,\s]+", text.strip())]
    except ValueError:
        sizes = [0]
    if min(sizes) < 1:
        raise UsageError(f"--hidden takes whole numbers such as 256,256, got {text!r}")
    return sizes


def roles_of(given: Sequence[str]) -> dict[str, str]:
    """Return what ``--column COLUMN=ROLE`` says of each column."""
    roles: dict[str, str] = {}
    for one in given:
        name, equals, role = one.rpartition("=")
        if not equals or not name:
            raise UsageError(f"--column takes COLUMN=ROLE, such as zip=category, got {one!r}")
        if name in roles:
            raise UsageError(
                f"--column says twice what {name!r} is, {roles[name]} and {role}: say it once"
            )
        roles[name] = role
    return roles


def _validation(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        if is_query(text) or files_of(text):
            return text
        raise FileError(
            f"--validation takes a share such as 0.2 or a file; there is no file {text!r}"
        ) from None


# -- what is told ---------------------------------------------------------------------------------
def _tell_prepared(found: Prepared) -> None:
    console.columns(found.table, found.decisions, found.notes)
    console.facts(
        [
            ("predicts", f"{console.aim(found.target)} ({found.target.why})"),
            ("rows", _rows(found.rows)),
            ("network", _network(found)),
            ("training", _settings(found)),
        ]
    )
    console.line()


def _rows(counts: Mapping[str, int]) -> str:
    told = [f"{counts['training']:,} train"]
    for part, verb in (("validation", "choose the epoch"), ("test", "test")):
        if counts[part]:
            told.append(f"{counts[part]:,} {verb}")
    if counts["unlabelled"]:
        told.append(f"{counts['unlabelled']:,} without a target are left out")
    return ", ".join(told)


def _network(found: Prepared) -> str:
    graph = found.network.graph
    shape, _, size = (
        repr(found.network).removesuffix(">").removeprefix("<Network ").rpartition(", ")
    )
    members = f"{graph.members} side by side, " if graph.members else ""
    return f"{shape}, {members}{size}"


def _settings(found: Prepared) -> str:
    settings = found.settings
    rule = optimizer(settings["optimizer"])
    if rule.whole:
        return f"{rule.name}, all rows in every step, up to {settings['epochs']} steps"
    rate = settings["learning_rate"] or rule.learning_rate
    return f"{rule.name}, learning rate {number(rate)}, up to {settings['epochs']} epochs"


def _tell_outcome(model: Model, path: str, data: str, unfinished: bool) -> None:
    if "preset" in model.provenance:
        importlib.import_module("clearprop.cli.presets").tell_runs(model)
    else:
        _tell_run(model)
    made = model.provenance
    if made["figures"]:
        console.line()
        console.figures(made["figures"])
    console.line()
    console.heading(f"saved {path}")
    quoted, table = shlex.quote(path), shlex.quote(data)
    if unfinished:
        console.line("the best so far is saved; the same command with --resume goes on")
        return
    console.line(f"try  clearprop predict {quoted} {table}", "dim")
    console.line(f"     clearprop describe {quoted}", "dim")


def _tell_run(model: Model) -> None:
    made = model.provenance
    judged = made["rows"]["validation"] and made["best_epoch"]
    kept = f"; epoch {made['best_epoch']} is kept" if judged else ""
    why = {
        "complete": f"trained {made['epochs']} epochs",
        "early_stopping": f"stopped after epoch {made['epochs']}, as it got no better",
        "converged": f"converged in epoch {made['epochs']}",
        "time_limit": f"stopped by the time limit in epoch {made['epochs']}",
        "max_steps": f"stopped by the limit of steps in epoch {made['epochs']}",
        "interrupted": f"interrupted in epoch {made['epochs'] + 1}",
    }.get(made["stopped"], f"stopped: {made['stopped']}")
    console.line(f"{why}{kept} ({number(made['seconds'], 2)} s)")
    for event in model.history.events:
        if event.kind in (
            "engine",
            "skipped",
            "checkpoint",
            "time_limit",
            "max_steps",
            "converged",
        ):
            console.line(f"  {event.text}", "dim")


def _summary(model: Model) -> dict[str, Any]:
    return {
        "task": model.task,
        "target": model.target.name,
        "labels": list(model.labels),
        "columns": list(model.columns),
        "network": model.network.graph.to_dict(),
        "events": [asdict(event) for event in model.history.events],
        **model.provenance,
    }
