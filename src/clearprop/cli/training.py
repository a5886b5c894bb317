"""``clearprop train``: what `train_table` does, told as it goes.

Proved by ``tests/test_cli.py``, ``tests/test_cli_preset.py`` and ``tests/test_cli_interrupted.py``.
"""

from __future__ import annotations

import errno
import importlib
import math
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clearprop.cli import console
from clearprop.cli.classes import tell_never_predicted
from clearprop.cli.interrupting import only_once
from clearprop.cli.writing import files_of, refuse_to_replace
from clearprop.errors import FileError, UsageError
from clearprop.model import (
    SUFFIX,
    Interrupted,
    Model,
    check_destination,
    is_model,
)
from clearprop.model.choices import PLAIN, asks_for_plain
from clearprop.model.describing import mix_of
from clearprop.model.file import checkpoint_of, checkpoints
from clearprop.model.table import Prepared, train_plain
from clearprop.optimizers import optimizer
from clearprop.storage import sweep
from clearprop.tables.paths import check_table
from clearprop.tables.queries import is_query
from clearprop.words import number

__all__ = ["model_path", "roles_of", "train"]

_ENDINGS = (".gz", ".zst", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet",
            ".feather", ".arrow")  # fmt: skip


def train(
    data: str,
    target: str,
    *,
    output: str | None,
    overwrite: bool,
    resume: bool,
    json: bool,
    validation: str | None,
    hidden: str | None,
    max_steps: str | None,
    column: Sequence[str] | None,
    drop: Sequence[str] | None,
    preset: str | None,
    metric: str | None,
    quantile: float | None,
    class_weight: Sequence[str] | None,
    **settings: Any,
) -> int:
    """Train, save, and tell what was decided and what came of it."""
    own = {"preset": preset, "metric": metric, "quantile": quantile}
    written = {**own, "class_weight": " ".join(class_weight or ()) or None}
    plain = asks_for_plain({"hidden": hidden, **settings}, written, _flag)
    factors = _class_weight(class_weight or ())
    columns = roles_of(column or ())
    rows = None if validation is None else _validation(validation)
    path = model_path(output, data, rows, overwrite=overwrite)
    if isinstance(rows, str) and set(files_of(rows)) & set(files_of(data)):
        raise UsageError(
            f"--validation {rows}: these rows train, and cannot tell when to stop; name others, "
            "or give a share such as 0.2"
        )
    checkpoint = f"{path}.checkpoint"
    if resume and not Path(checkpoint).exists():
        raise FileError(
            f"there is nothing to resume: no {checkpoint}; run the command without --resume"
        )
    settings |= {"columns": columns, "drop": drop or (), "checkpoint": checkpoint, "resume": resume}
    settings["max_steps"] = None if max_steps is None else _steps(max_steps, plain)
    run: Callable[..., Model]
    if plain is None:
        # Loaded for presets alone: scikit-learn takes longer to load than a small network to train.
        run = importlib.import_module("clearprop.estimators.preset_training").train_preset
        settings = {name: value for name, value in settings.items() if name not in PLAIN}
        settings |= {
            **own,
            "class_weight": factors,
            "preset": "default" if preset is None else preset,
            "validation": rows,
        }
    else:
        run = train_plain
        if settings["dropout"] is None:
            settings["dropout"] = 0.0
        settings["hidden"] = None if hidden is None else _numbers("hidden", hidden)
        settings["validation"] = 0.2 if rows is None else rows

    interrupted = False
    with only_once() as asked:
        with console.bar(shown=not json) as drawn:

            def announce(found: Prepared) -> None:
                if not json:
                    _tell_prepared(found, plain, preset)
                if drawn is not None:
                    drawn.figure = found.figure

            try:
                model = run(data, target, announce=announce, progress=drawn, **settings)
            except Interrupted as error:
                if error.model is None:
                    raise
                model, interrupted = error.model, True
            finally:
                asked.save()
                left = checkpoints(checkpoint)
                for one in (*left, checkpoint_of(checkpoint, len(left) + 1)):
                    sweep(one)  # what Ctrl-C broke off in the middle of its being written
        _save(model, path, overwrite, [] if interrupted else left)
        if not interrupted:  # the model holds all that counts now
            for one in left:
                with suppress(OSError):
                    os.unlink(one)
        if json:
            console.print_json({"model": path, "interrupted": interrupted, **_summary(model)})
        else:
            _tell_outcome(model, path, data, interrupted and Path(checkpoint).exists())
    return 130 if interrupted else 0


def _save(model: Model, path: str, overwrite: bool, needless: Sequence[Path]) -> None:
    """Save a model; on a full disk, in the room of its own checkpoints, the last of them first."""
    for one in (*reversed(needless), None):
        try:
            model.save(path, overwrite=overwrite)
            return
        except FileError as error:
            cause = error.__context__
            full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
            if one is None or not full:
                raise
            with suppress(OSError):
                one.unlink()


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def model_path(output: str | None, data: str, *read: object, overwrite: bool) -> str:
    """Return where the model of a table is saved: as the user says, else by the table's name.

    Raises
    ------
    UsageError
        If it is no file, or one that is read.
    FileError
        If the data are no table, or the model cannot be saved there.
    """
    path = _default_output(data) if output is None else output
    if path == "-":
        raise UsageError("-o -: a model goes into a file, not to the screen; name one")
    if not is_model(path):  # one in the table's place is named when it is opened
        refuse_to_replace(path, "the model", data, *read)
    try:
        check_destination(path, overwrite=overwrite)
    except FileError:
        if not is_query(data):  # a name made of that of no table helps nobody
            check_table(data)
        raise
    return path


def _default_output(data: str) -> str:
    if is_query(data) or re.search(r"[*?\[]", data):
        return f"model{SUFFIX}"
    path = Path(data)
    if not path.name:
        raise FileError(f"{data!r} names no file; give the name of a table")
    while path.suffix.lower() in _ENDINGS:
        path = path.with_suffix("")
    return str(path.with_name(path.name + SUFFIX))


def _numbers(name: str, text: str) -> list[int]:
    """The whole numbers of a list, each 1 at least, or of steps 0 behind; none for 0."""
    if text.strip() == "0":
        return []
    try:
        found = [int(part) for part in re.split(r"[,\s]+", text.strip())]
    except ValueError:
        found = [0]
    done = [one for one in found if one] if name == "max_steps" else found
    if min(done, default=0) < 1 or done != found[: len(done)]:
        raise UsageError(f"{_flag(name)} takes whole numbers such as {_SUCH[name]}, got {text!r}")
    return found


_SUCH = {"hidden": "256,256", "max_steps": "500, or 31,30 for several runs"}


def _steps(text: str, plain: str | None) -> int | list[int]:
    found = _numbers("max_steps", text) or [0]
    if plain is not None and len(found) > 1:
        raise UsageError(
            f"--max-steps {text} is for the runs of a preset, and {_flag(plain)} asks for a plain "
            "network, which is one run: give one number"
        )
    return found[0] if len(found) == 1 else found


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


def _class_weight(given: Sequence[str]) -> str | dict[str, float] | None:
    """What ``--class-weight balanced`` or ``--class-weight LABEL=FACTOR`` says of the classes."""
    if list(given) == ["balanced"]:
        return "balanced"
    factors: dict[str, float] = {}
    for one in given:
        label, equals, factor = one.rpartition("=")
        try:
            weight = float(factor)
        except ValueError:
            weight = math.nan
        if not equals or not 0 <= weight < math.inf:
            raise UsageError(
                "--class-weight takes balanced alone, or LABEL=FACTOR with a number of 0 or more, "
                f"such as yes=10, got {one!r}"
            )
        if label in factors:
            raise UsageError(f"--class-weight says twice what {label!r} counts: say it once")
        factors[label] = weight
    return factors or None


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
def _tell_prepared(found: Prepared, plain: str | None, preset: str | None) -> None:
    console.columns(found.table, found.decisions, found.notes)
    console.facts(
        [
            ("predicts", f"{console.aim(found.target)} ({found.target.why})"),
            ("rows", _rows(found.rows)),
            ("run", _kind(found.settings, found.rows["validation"], plain, preset)),
            *_mix(found.settings),
            ("network", _network(found)),
            ("training", _settings(found)),
        ]
    )
    console.line()


def _kind(settings: Mapping[str, Any], judged: int, plain: str | None, preset: str | None) -> str:
    """Which of both runs it is, and why."""
    if plain is not None:
        return f"a plain network, as {_flag(plain)} is given; without, it is a preset"
    asked = "as asked" if preset else "as no option of a plain network is given"
    of = f", for the quantile {settings['quantile']:g}" if settings["metric"] == "pinball" else ""
    return f"preset {settings['preset']}, {asked}{of}: {_bags(settings, judged)}"


def _mix(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = mix_of(settings)
    return [("classes", told)] if told else []


def _bags(settings: Mapping[str, Any], judged: int) -> str:
    if settings["together"] == 1:
        return "one network"
    if judged or not settings["validation"]:
        return "networks of other initial values, whose mean predicts"
    refit = ", then another trains on all" if settings["refit"] else ""
    return f"each network holds back other rows to choose its epoch{refit}; their mean predicts"


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
    together = found.settings.get("together", 1)
    many = (f"{together} of them, ", " each") if together > 1 else ("", "")
    return f"{shape}, {members}{many[0]}{size}{many[1]}"


def _settings(found: Prepared) -> str:
    settings = found.settings
    rule = optimizer("adamw" if "preset" in settings else settings["optimizer"])
    if rule.whole:
        return f"{rule.name}, all rows in every step, up to {settings['epochs']} steps"
    rate = settings["learning_rate"] or rule.learning_rate
    return f"{rule.name}, learning rate {number(rate)}, up to {settings['epochs']} epochs"


def _tell_outcome(model: Model, path: str, data: str, unfinished: bool) -> None:
    _tell_run(model)
    made = model.provenance
    if made["figures"]:
        console.line()
        console.figures(made["figures"])
        tell_never_predicted(made.get("never_predicted", {}), weighed="class_weight" in made)
    console.line()
    console.heading(f"saved {path}")
    quoted, table = shlex.quote(path), shlex.quote(data)
    if unfinished:
        console.line("the best so far is saved; the same command with --resume goes on")
        return
    console.line(f"try  clearprop predict {quoted} {table}", "dim")
    console.line(f"     clearprop describe {quoted}", "dim")


#: Events that are told: what the run's own end does not say.
_TOLD = ("engine", "skipped", "checkpoint", "time_limit", "max_steps", "converged")


#: Fewer epochs than so many, of 64 or 128, have not learned what there is to learn.
_FEW_EPOCHS = 5


def _tell_run(model: Model) -> None:
    made = model.provenance
    told = _ended_runs(made) if "runs" in made else _ended(made)
    console.line(f"{told} ({number(made['seconds'], 2)} s)")
    if behind := made.get("behind"):  # of a bag, one run or two
        which = " and ".join(map(str, behind))
        what, verb = ("networks of runs", "are") if len(behind) > 1 else ("network of run", "is")
        console.line(f"  the {what} {which} predicted worse and {verb} left behind", "dim")
    # Several runs end as their steps are shared out; each saying so would say it many times.
    kinds = _TOLD[:3] if "runs" in made else _TOLD
    texts = [e.text for one in model.histories for e in one.events if e.kind in kinds]
    for text in dict.fromkeys(texts):
        console.line(f"  {text}", "dim")
    if made["stopped"] == "time_limit" and "runs" in made:
        steps = ",".join(str(run["steps"]) for run in made["runs"])
        console.line(f"  --max-steps {steps} gives the same parameters", "dim")
        if max(map(len, model.histories)) < _FEW_EPOCHS:
            console.line(
                "  caution: the time was enough for few epochs of one run; more time learns more, "
                "or a smaller network: --hidden 64"
            )


def _ended(made: Mapping[str, Any]) -> str:
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
    return f"{why}{kept}"


def _ended_runs(made: Mapping[str, Any]) -> str:
    why = {
        "time_limit": "stopped by the time limit",
        "max_steps": "stopped by the limit of steps",
        "interrupted": "interrupted",
    }.get(made["stopped"], "trained")
    runs = [run for run in made["runs"] if run["steps"]]
    kept = ", ".join(str(run["best_epoch"]) for run in runs)
    left = len(made["runs"]) - len(runs)
    late = f"; {left} left out" if left else ""
    if len(runs) == 1:
        return f"{why}: one run; epoch {kept} is kept{late}"
    return f"{why}: {len(runs)} runs; of their epochs {kept} are kept{late}"


def _summary(model: Model) -> dict[str, Any]:
    return {
        "task": model.task,
        "target": model.target.name,
        "labels": list(model.labels),
        "columns": list(model.columns),
        "network": model.network.graph.to_dict(),
        "events": [asdict(e) for history in model.histories for e in history.events],
        **model.provenance,
    }
