"""``clearprop train`` as users read it."""

from __future__ import annotations

from typing import Annotated

import typer

from clearprop.cli import options
from clearprop.cli.calling import call

__all__ = ["add"]

_PRESET, _PLAIN, _RUN = "Nothing to choose", "A plain network instead", "Training"


def add(app: typer.Typer) -> None:
    """Put the command into the command line."""
    app.command(
        epilog=(
            "[bold]Examples[/bold]\n\n"
            "clearprop train penguins.csv --target species --test 0.2\n\n"
            "clearprop train 'sales-*.parquet' --target price --column zip=category\n\n"
            "clearprop train visits.csv --target ill --split-by patient -o ill.clearprop\n\n"
            "clearprop train penguins.csv --target species --hidden 64,32 --epochs 200\n\n"
            "Ctrl-C stops and saves the best so far; the same command with --resume goes\n"
            "on to the same bits."
        )
    )(train)


def train(
    data: options.Data,
    target: options.Target,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="fast, default or best: how much is computed. The networks are those of "
            "TabularClassifier and TabularRegressor.",
            rich_help_panel=_PRESET,
            show_default="default",
        ),
    ] = None,
    metric: Annotated[str | None, options.metric(_PRESET)] = None,
    quantile: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Predict what so large a share of such rows' numbers lie below.",
            rich_help_panel=_PRESET,
            show_default="the mean",
        ),
    ] = None,
    class_weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="balanced|LABEL=FACTOR",
            help="Let a class's rows count so many times, or every class as much: a rare one is "
            "predicted more often. Several times.",
            rich_help_panel=_PRESET,
        ),
    ] = None,
    hidden: Annotated[
        str | None,
        typer.Option(
            metavar="256,256",
            help="Units of the hidden layers.",
            rich_help_panel=_PLAIN,
            show_default="two layers of 128 or 256",
        ),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="relu, tanh, selu, mish, …",
            rich_help_panel=_PLAIN,
            show_default="relu",
        ),
    ] = None,
    members: Annotated[
        int | None,
        typer.Option(
            help="Networks trained side by side, whose mean predicts.",
            rich_help_panel=_PLAIN,
            show_default="8, from 10,000 rows 4",
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="Share of hidden units left out.", rich_help_panel=_PLAIN, show_default="none"
        ),
    ] = None,
    l2: Annotated[
        float | None,
        typer.Option(
            help="λ of the penalty λ/2 Σ W² in the cost.",
            rich_help_panel=_PLAIN,
            show_default="3 / rows",
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="adam: any network. lm: regression, up to 5,000 weights (MATLAB's trainlm). "
            "lbfgs: smooth, some thousand rows. rprop: all rows at once, no rate to tune. "
            "schedule_free: a run of any length. muon: wide layers. lion: half of Adam's memory. "
            "Also adamw, rmsprop, nesterov, momentum, sgd.",
            rich_help_panel=_PLAIN,
            show_default="adam",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Size of a step.", rich_help_panel=_PLAIN, show_default="the optimizer's"
        ),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="constant, cosine, one_cycle, plateau, …",
            rich_help_panel=_PLAIN,
            show_default="cosine",
        ),
    ] = None,
    dropout_schedule: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Takes dropout's share along: flat_cos, to 0 in the second half.",
            rich_help_panel=_PLAIN,
            show_default="constant",
        ),
    ] = None,
    decay_schedule: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The same of the weight decay of adamw, muon, lion.",
            rich_help_panel=_PLAIN,
            show_default="constant",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Times through the rows.", rich_help_panel=_PLAIN, show_default="100"),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Rows of a step.",
            rich_help_panel=_PLAIN,
            show_default="a 32nd of the rows, 32 to 256",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Epochs without progress before stopping.",
            rich_help_panel=_PLAIN,
            show_default="30",
        ),
    ] = None,
    seed: Annotated[int, options.seed(_RUN)] = 0,
    threads: Annotated[int | None, options.threads(_RUN)] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="float32, float64 or bfloat16.",
            rich_help_panel=_RUN,
            show_default="float32",
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(help="Stop after so many seconds in all.", rich_help_panel=_RUN),
    ] = None,
    max_steps: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Stop each run after so many steps; 31,30,… for several runs. The counts of a "
            "time limit give its bits.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on where it was stopped, to the same bits.",
            rich_help_panel=_RUN,
        ),
    ] = False,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|FILE",
            help="Rows that choose the best epoch.",
            rich_help_panel=options.COLUMNS,
            show_default="0.2; of a preset, others for each network",
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
    """Train a model on a table; DATA and --target are enough."""
    return call("training", "train", **locals())
