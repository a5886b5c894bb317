"""``clearprop tune`` as users read it."""

from __future__ import annotations

from typing import Annotated

import typer

from clearprop.cli import options
from clearprop.cli.calling import call

__all__ = ["add"]

_SEARCH = "Search"


def add(app: typer.Typer) -> None:
    """Put the command into the command line."""
    app.command(
        epilog="[bold]Examples[/bold]\n\n"
        "clearprop tune penguins.csv --target species --test 0.2\n\n"
        "clearprop tune sales.csv -t price --trials 100 --study sales.study\n\n"
        "clearprop tune sales.csv -t price --search 'learning_rate=1e-3..0.2 log'\n"
        "               --search 'activation=selu|mish'\n\n"
        "Ctrl-C ends the search and saves the best so far; with --study the same command goes on."
    )(tune)


def tune(
    data: options.Data,
    target: options.Target,
    trials: Annotated[
        int, typer.Option(help="Trials in all, those of the study too.", rich_help_panel=_SEARCH)
    ] = 50,
    time_limit: Annotated[
        float | None,
        typer.Option(help="No trial begins after so many seconds.", rich_help_panel=_SEARCH),
    ] = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RANGE",
            help="What is tried of an ingredient: 1e-3..0.2 log, 2..8 or selu|mish. Several times.",
            rich_help_panel=_SEARCH,
            show_default="what is worth it",
        ),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="fast, default or best: what begins.", rich_help_panel=_SEARCH
        ),
    ] = "fast",
    metric: Annotated[str | None, options.metric(_SEARCH)] = None,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Keeps the trials; one that is there is gone on with.",
            rich_help_panel=_SEARCH,
        ),
    ] = None,
    seed: Annotated[int, options.seed(_SEARCH)] = 0,
    threads: Annotated[int | None, options.threads(_SEARCH)] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            help="Share of the rows that judge.",
            rich_help_panel=options.COLUMNS,
            show_default="0.2",
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Judge by so many parts of the rows in turn.",
            rich_help_panel=options.COLUMNS,
            show_default="one share",
        ),
    ] = None,
    test: options.Test = 0.0,
    task: options.Task = None,
    column: options.Columns = None,
    drop: options.Drop = None,
    weight: options.Weight = None,
    split_by: options.SplitBy = None,
    encoding: options.Encoding = None,
    output: options.Output = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Search for the settings that predict a table best, and save the best model."""
    return call("tune_table", "tune_table", **locals())
