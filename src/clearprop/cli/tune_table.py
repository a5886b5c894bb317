"""``clearprop tune``: `clearprop.tune` on a tabular estimator, told as it goes."""

from __future__ import annotations

import math
import shlex
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from clearprop.cli import console
from clearprop.cli.training import model_path, roles_of
from clearprop.errors import UsageError
from clearprop.estimators import Tuned, tune
from clearprop.estimators.tabular_figures import check_metric
from clearprop.estimators.tabular_files import Opened, open_rows
from clearprop.estimators.tabular_ingredients import chosen
from clearprop.estimators.tuning import ATTRS, Searching
from clearprop.estimators.tuning_parameters import fitted_ingredient
from clearprop.estimators.tuning_space import Choices, Range, read_range
from clearprop.estimators.tuning_study import Trial
from clearprop.model import Model
from clearprop.model.choices import check_shares
from clearprop.settings import Attr, check_all
from clearprop.training import ATTRS as RUN
from clearprop.words import number

__all__ = ["tune_table"]

#: Trials that are shown: the best ones.
SHOWN = 5

_OPTIONS = (
    *(attr for attr in ATTRS if attr.name != "prune"),
    *(attr for attr in RUN if attr.name == "threads"),
    Attr("validation", float, None, bounds="(0, 1)", help="share of the rows that judge"),
    Attr("folds", int, None, bounds="[2, inf)", help="parts of the rows that judge in turn"),
)


def tune_table(
    data: str,
    target: str,
    *,
    trials: int,
    time_limit: float | None,
    search: Sequence[str] | None,
    preset: str,
    metric: str | None,
    study: str | None,
    seed: int,
    threads: int | None,
    validation: float | None,
    folds: int | None,
    output: str | None,
    overwrite: bool,
    json: bool,
    column: Sequence[str] | None,
    drop: Sequence[str] | None,
    **opening: Any,
) -> int:
    """Search, save the best, and tell what came of it."""
    space = _space(search or ())
    asked = {"trials": trials, "time_limit": time_limit, "seed": seed, "threads": threads}
    check_all(_OPTIONS, {**asked, "validation": validation, "folds": folds})
    check_shares(None, test=opening["test"], task=opening["task"])
    chosen(preset, "regression", "", {})  # a preset of no such name is told before all else
    if folds is not None and validation is not None:
        raise UsageError(
            f"--validation {number(validation)} is a share that judges once, and --folds {folds} "
            "judge by every row: leave one of them out"
        )
    if study is not None and not study:
        raise UsageError("--study '': the name of the study is empty; name a file")
    if metric is not None:
        check_metric(metric, opening["task"])
    path = model_path(output, data, study, overwrite=overwrite)
    opened = open_rows(
        data, target, columns=roles_of(column or ()), drop=drop or (), divided_again=True,
        seed=seed, **opening,
    )  # fmt: skip
    estimator = opened.estimator(preset=preset, metric=metric, random_state=seed, n_jobs=threads)
    if not json:
        _tell_opened(opened)
    with _bar(shown=not json) as progress, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "caution: ")  # told above, with the options to give
        found = tune(
            estimator, opened.X, opened.y, space or None,
            trials=trials, time_limit=time_limit, metric=metric, cv=folds,
            validation=validation, sample_weight=opened.weights, groups=opened.groups, study=study,
            seed=seed, progress=progress,
        )  # fmt: skip
    model = opened.model(found.best_estimator)
    model.provenance["tuning"] = _told(found)
    model.save(path, overwrite=overwrite)
    if json:
        console.print_json(
            {"model": path, "interrupted": found.interrupted, "notes": found.notes,
             **model.provenance["tuning"],
             "trials": found.to_dict(), "figures": model.provenance["figures"]}
        )  # fmt: skip
    else:
        _tell_found(found, model, path, data, study)
    return 130 if found.interrupted else 0


def _space(given: Sequence[str]) -> dict[str, Range | Choices]:
    space: dict[str, Range | Choices] = {}
    for one in given:
        name, equals, text = one.partition("=")
        name = name.strip()
        if not equals or not name or not text.strip():
            raise UsageError(
                f"--search takes NAME=RANGE, such as 'learning_rate=1e-3..0.2 log' or "
                f"activation=selu|mish, got {one!r}"
            )
        if name in space:
            raise UsageError(f"--search says twice what is tried of {name!r}: say it once")
        found = read_range(text) or _choices(name, text)
        space[name] = fitted_ingredient(name, found)
    return space


def _choices(name: str, text: str) -> Choices:
    """What is tried of an ingredient, one behind another; hidden layers may be one."""
    if ".." in text:
        raise UsageError(
            f"--search {name}={text}: a range is two numbers such as 16..256, or 1e-3..0.2 log"
        )
    values = [_value(one) for one in text.split("|")]
    if name == "hidden":
        values = [one if isinstance(one, tuple) else (one,) for one in values]
    return Choices(tuple(values))


def _value(text: str) -> Any:
    """A choice as the ingredient has it: a number, some numbers, on or off, or a name."""
    text = text.strip()
    if "," in text:
        return tuple(_value(part) for part in text.strip(",").split(","))
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@contextmanager
def _bar(shown: bool) -> Iterator[Callable[[Searching], None] | None]:
    """Give what draws a search on standard error, if that is a terminal."""
    screen = Console(stderr=True, highlight=False)
    if not (shown and screen.is_terminal):
        yield None
        return
    screen.width -= 3  # room for the ^C that a terminal echoes
    columns = (
        TextColumn("trial {task.fields[trial]}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[best]}"),
    )
    with Progress(*columns, console=screen, transient=True, expand=True) as drawn:
        task = drawn.add_task("", total=None, trial="1", best="")

        def show(at: Searching) -> None:
            best = "" if math.isnan(at.best_score) else f"best {at.metric} {number(at.best_score)}"
            epoch = f"epoch {at.epoch}  " if at.epoch else ""
            drawn.update(
                task, total=at.trials, completed=at.trial - 1, trial=f"{at.trial}/{at.trials}",
                best=epoch + best,
            )  # fmt: skip

        yield show


def _told(found: Tuned) -> dict[str, Any]:
    states = [trial.state for trial in found.trials]
    return {
        "metric": found.metric,
        "best_score": found.best_score,
        "best_params": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.best_params.items()
        },
        "counts": {state: states.count(state) for state in ("complete", "pruned", "failed")},
    }


def _tell_opened(opened: Opened) -> None:
    rows = opened.rows
    console.heading(opened.table.name, f"{opened.table.rows:,} rows")
    for note in opened.divided.notes:
        console.line(f"  {note}", "dim")
    told = [f"{rows['training']:,} train and judge trials"]
    if rows["test"]:
        told.append(f"{rows['test']:,} test")
    if rows["unlabelled"]:
        told.append(f"{rows['unlabelled']:,} without a target are left out")
    console.facts(
        [
            ("predicts", f"{console.aim(opened.target)} ({opened.target.why})"),
            ("from", f"{len(opened.decisions.roles)} columns"),
            ("rows", ", ".join(told)),
        ]
    )
    console.line()


def _tell_found(found: Tuned, model: Model, path: str, data: str, study: str | None) -> None:
    counts = model.provenance["tuning"]["counts"]
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    trials = "trial" if len(found.trials) == 1 else "trials"
    console.line(f"{'interrupted: ' if found.interrupted else ''}{told} {trials}")
    for note in found.notes:
        console.line(f"  {note}", "dim")
    for trial in found.trials:
        if trial.state == "failed":
            console.line(f"  trial {trial.number} failed: {trial.why}", "dim")
    console.line()
    best = found.best_params
    complete = [trial for trial in found.trials if trial.state == "complete"]
    complete.sort(key=lambda trial: abs(trial.score - found.best_score))
    best_few = complete[:SHOWN]
    differ = _differing(best_few)
    console.grid(
        ("trial", found.metric, "epochs", "seconds", *(["tried"] if differ else [])),
        [
            (
                str(t.number), number(t.score), str(t.epochs or ""), number(t.seconds, 2),
                *([_tried(t, differ)] if differ else []),
            )
            for t in best_few
        ],
        right=(0, 1, 2, 3),
    )  # fmt: skip
    console.line()
    console.facts([(name, _shown(value)) for name, value in best.items()])
    if model.provenance["figures"]:
        console.line()
        console.figures(model.provenance["figures"])
    console.line()
    console.heading(f"saved {path}")
    if found.interrupted:
        goes = f"with --study {shlex.quote(study)} goes on" if study else "begins anew"
        console.line(f"the best so far is saved; the same command {goes}")
        return
    console.line(f"try  clearprop predict {shlex.quote(path)} {shlex.quote(data)}", "dim")


def _differing(trials: Sequence[Trial]) -> list[str]:
    """The parameters of which trials tried more than one value: the others tell none apart."""
    names = dict.fromkeys(name for trial in trials for name in trial.parameters)
    return [name for name in names if len({_brief(t.parameters.get(name)) for t in trials}) > 1]


def _tried(trial: Trial, names: Sequence[str]) -> str:
    """What a trial tried, in words without blanks within, at which a narrow screen folds it."""
    return " ".join(f"{name}={_brief(trial.parameters.get(name))}" for name in names)


def _brief(value: Any) -> str:
    """A value as ``--search`` takes it, a number to three digits."""
    if isinstance(value, float):
        return number(value, 3)
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
