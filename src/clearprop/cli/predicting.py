"""``clearprop predict`` and ``clearprop evaluate``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.cli import classes as class_screen
from clearprop.cli import console
from clearprop.cli.describing import read_model
from clearprop.cli.writing import (
    Column,
    check_name,
    check_replaced,
    plain,
    refuse_to_replace,
    write_rows,
)
from clearprop.errors import ClearPropError, FileError, UsageError
from clearprop.model import Model, is_model, outcomes
from clearprop.model.by_class import by_class
from clearprop.model.describing import mix_of
from clearprop.tables import Cells, Table
from clearprop.tables.fingerprint import fingerprint, fingerprint_as_read
from clearprop.words import visible

__all__ = ["evaluate", "predict"]


def evaluate(model: str, data: str, *, encoding: str | None, json: bool) -> int:
    """Judge a model by a table that has the target in it."""
    found = _model(model, data, "evaluate")
    table = found.open(data, judged=True, encoding=encoding)
    judged = found.judged(table, np.ones(table.rows, np.bool_))
    figures = outcomes.figures(found.target, *judged, found.quantile or 0.5)
    classes = by_class(found.target, *judged)
    known, seen = _known(found, table), _seen(found, table)
    if json:
        # Of some of the rows, or all in another order, nothing is known.
        told = {
            "model": model, "data": table.name, "rows": known, "trained_on_these_rows": seen or None
        }  # fmt: skip
        own = {} if classes is None else classes.to_dict()
        console.print_json({**told, "figures": figures, **own})
        return 0
    rows = f"{known:,} rows" if known == table.rows else f"{known:,} of {table.rows:,} rows"
    console.heading(table.name, f"{rows}, predicted by {model}")
    console.line()
    mix = mix_of(found.provenance)
    more = [("classes", mix)] if mix else []
    console.facts([("predicts", console.aim(found.target, found.quantile)), *more])
    console.line()
    console.figures({"": figures})
    if classes is not None:
        class_screen.tell(classes)
        if missed := classes.never_predicted():
            console.line()
            class_screen.tell_never_predicted(
                {"": missed}, weighed="class_weight" in found.provenance
            )
    if seen:
        console.line()
        for text in _CAUTION:
            console.line(text)
    return 0


_CAUTION = (
    "caution: the model was trained on this table, so these figures flatter it;",
    "judge it by other rows, or keep some aside: clearprop train … --test 0.2",
)


def _model(model: str, data: str, command: str) -> Model:
    """Return the model of a file; where it and the table changed places, say their order."""
    if is_model(data) and os.path.exists(model) and not is_model(model):
        raise FileError(
            f"{model} is no ClearProp model; the model comes first: "
            f"clearprop {command} {data} {model}"
        )
    return read_model(model)


def _known(model: Model, table: Table) -> int:
    """How many rows have a target, and are judged."""
    name = model.target.name
    return sum(int(chunk[name].valid.sum()) for chunk in table.chunks(names=[name]))


def _seen(model: Model, table: Table) -> bool:
    """Whether it is the table that the model was trained on."""
    kept = model.provenance.get("fingerprint")
    if kept is None or model.encoder is None:
        return False
    if kept == fingerprint_as_read(table, model.encoder, model.target):
        return True
    # Models saved before keep the digest of the cells as they stand.
    return bool(kept == fingerprint(table, [*model.encoder.names, model.target.name]))


def predict(
    model: str,
    data: str,
    *,
    encoding: str | None,
    output: str | None,
    overwrite: bool,
    probabilities: bool,
    interval: float | None,
    json: bool,
) -> int:
    """Write a prediction for each row, behind the columns that the model does not read."""
    found = _model(model, data, "predict")
    if probabilities and found.task != "classification":
        raise UsageError(
            f"--probabilities: the model predicts the number {found.target.name!r}, which has "
            "none; leave the option out"
        )
    if interval is not None:  # before the table is read
        try:
            found.residuals_known().interval(np.zeros(0), interval)
        except ClearPropError as error:
            raise type(error)(f"--interval {interval:g}: {error}") from None
    output = None if output == "-" else output
    if output is not None:
        check_name(output)
        refuse_to_replace(output, "the predictions", data, model)
    table = found.open(data, encoding=encoding)
    columns = _columns(found, table, probabilities, interval)
    if output is not None and not overwrite:
        check_replaced(output, columns)
    rows = _rows(found, table, probabilities, interval)
    if json and output is None:
        names = [column.name for column in columns]
        made = [
            dict(zip(names, row, strict=True))
            for block in rows
            for row in zip(*map(plain, block), strict=True)
        ]
        told = {"model": model, "data": table.name, "target": found.target.name}
        console.print_json({**told, "rows": made})
        return 0
    write_rows(output, columns, rows)
    if json:
        console.print_json({"model": model, "data": table.name, "rows": table.rows, "file": output})
    elif output is not None:
        console.heading(f"saved {output}", f"{table.rows:,} predictions of {found.target.name}")
    elif sys.stderr.isatty() and not sys.stdout.isatty():  # into a file or a pipe
        print(f"{table.rows:,} predictions of {visible(found.target.name)}", file=sys.stderr)
    return 0


def _kept(model: Model, table: Table) -> list[str]:
    """The columns that go through: identifiers and all else that the model does not read."""
    assert model.encoder is not None
    return [name for name in table.names if name not in model.encoder.names]


def _columns(
    model: Model, table: Table, probabilities: bool, interval: float | None
) -> list[Column]:
    kept = [Column(name, table.column(name).kind) for name in _kept(model, table)]
    taken = {column.name for column in kept}

    def free(name: str) -> str:
        while name in taken:
            name += "_"
        taken.add(name)
        return name

    kind = model.target.kind if model.task == "classification" else "real"
    made = [Column(free("prediction"), kind)]
    if probabilities:
        made += [Column(free(f"probability_{label}"), "real") for label in model.labels]
    if interval is not None:
        made += [Column(free(f"prediction_{end}"), "real") for end in ("low", "high")]
    return [*kept, *made]


def _rows(
    model: Model, table: Table, probabilities: bool, interval: float | None
) -> Iterator[list[Cells]]:
    names = _kept(model, table)
    kept: Iterator[Any] = table.chunks(8192, names) if names else iter(())
    for predicted in model.predictions(table, interval):
        chunk = next(kept) if names else {}
        beside = [chunk[name] for name in names]
        P = predicted.probabilities if probabilities else None
        yield [*beside, *_cells(predicted.values, P, predicted.ends)]


def _cells(values: NDArray[Any], *beside: NDArray[np.float64] | None) -> list[Cells]:
    """The predictions, and the columns of what stands beside them."""
    there = np.ones(len(values), np.bool_)
    columns = [block[:, k] for block in beside if block is not None for k in range(block.shape[1])]
    return [Cells(values, there), *(Cells(column, there) for column in columns)]
