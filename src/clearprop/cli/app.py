"""The commands and their options, as users read them; what they do is loaded when they do it."""

from __future__ import annotations

from typing import Annotated

import typer

from clearprop import __version__
from clearprop.cli import check_options, derive_options, options, train_options, tune_options
from clearprop.cli.calling import call
from clearprop.cli.help import Application

__all__ = ["app"]

app = Application(
    help="Feed-forward networks with nothing hidden, trained on a table.",
    epilog=(
        "[bold]Start with[/bold]   clearprop train data.csv --target price\n\n"
        "Exit codes: 0 done, 1 could not, 2 wrong use, 3 the answer is no, 130 interrupted."
    ),
    rich_markup_mode="rich",
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A .clearprop file.")]


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"clearprop {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


train_options.add(app)


@app.command(
    epilog="[bold]Example[/bold]   clearprop evaluate penguins.clearprop more-penguins.csv"
)
def evaluate(
    model: ModelFile,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table with the target in it.")],
    encoding: options.Encoding = None,
    json: options.BareJson = False,
) -> int:
    """Say how good a model's predictions are on a table."""
    return call("predicting", "evaluate", **locals())


@app.command(
    epilog=(
        "[bold]Examples[/bold]\n\n"
        "clearprop predict penguins.clearprop new.csv > predictions.csv\n\n"
        "clearprop predict penguins.clearprop new.csv --probabilities -o out.parquet\n\n"
        "clearprop predict prices.clearprop new.csv --interval 0.9"
    )
)
def predict(
    model: ModelFile,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table with the model's columns.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A .csv, .tsv, .parquet, .json or .jsonl file.",
            show_default="CSV on the screen",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace the file even if it is another table."),
    ] = False,
    encoding: options.Encoding = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="A column for each class too.")
    ] = False,
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Two columns too: ends between which so large a share of such rows' numbers lie.",
        ),
    ] = None,
    json: options.BareJson = False,
) -> int:
    """Predict the rows of a table, in their order, beside the columns that identify them."""
    return call("predicting", "predict", **locals())


tune_options.add(app)


@app.command(
    epilog=(
        "[bold]Examples[/bold]\n\nclearprop describe 2-3-2\n\nclearprop describe penguins.clearprop"
    )
)
def describe(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="A chain such as 2-3-2 (relu, then identity), a JSON or a model file.",
        ),
    ],
    json: options.BareJson = False,
) -> int:
    """Print the layers, shapes and parameters of a network, and how a model was made."""
    return call("describing", "describe", **locals())


derive_options.add(app)


check_options.add(app)


@app.command()
def info(json: options.BareJson = False) -> int:
    """Print versions and what the engine uses of this machine."""
    return call("describing", "info", **locals())
