"""The commands and their options, as users read them; what they do is loaded when they do it."""

from __future__ import annotations

from typing import Annotated

import typer

from clearprop import __version__
from clearprop.cli import deriving, options, tune_options
from clearprop.cli.calling import call
from clearprop.cli.help import Application

__all__ = ["app"]

_NETWORK = "Network"
_PRESET, _PLAIN, _RUN = "Nothing to choose", "A plain network instead", "Training"
_NEAR = "How near is right"

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


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
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


@app.command(
    epilog=(
        "[bold]Examples[/bold]\n\n"
        "clearprop train penguins.csv --target species --test 0.2\n\n"
        "clearprop train 'sales-*.parquet' --target price --column zip=category\n\n"
        "clearprop train visits.csv --target ill --split-by patient -o ill.clearprop\n\n"
        "clearprop train penguins.csv --target species --hidden 64,32 --epochs 200\n\n"
        "Ctrl-C stops and saves the best so far; the same command with --resume goes\n"
        "on to the same bits."
    )
)
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
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="float32, float64 or bfloat16.",
            rich_help_panel=_PLAIN,
            show_default="float32",
        ),
    ] = None,
    seed: Annotated[int, options.seed(_RUN)] = 0,
    threads: Annotated[int | None, options.threads(_RUN)] = None,
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
    split_by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            rich_help_panel=options.COLUMNS,
            help="Rows of one value there stay together when rows are divided.",
        ),
    ] = None,
    encoding: options.Encoding = None,
    output: options.Output = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Train a model on a table; DATA and --target are enough."""
    return call("training", "train", **locals())


@app.command(
    epilog="[bold]Example[/bold]   clearprop evaluate penguins.clearprop more-penguins.csv"
)
def evaluate(
    model: ModelFile,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table with the target in it.")],
    encoding: options.Encoding = None,
    json: Json = False,
) -> int:
    """Say how good a model's predictions are on a table."""
    return call("predicting", "evaluate", **locals())


@app.command(
    epilog=(
        "[bold]Examples[/bold]\n\n"
        "clearprop predict penguins.clearprop new.csv > predictions.csv\n\n"
        "clearprop predict penguins.clearprop new.csv --probabilities -o out.parquet"
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
    encoding: options.Encoding = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="A column for each class too.")
    ] = False,
    json: Json = False,
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
    json: Json = False,
) -> int:
    """Print the layers, shapes and parameters of a network, and how a model was made."""
    return call("describing", "describe", **locals())


deriving.add(app)


@app.command(
    epilog=(
        "[bold]Examples[/bold]\n\n"
        "clearprop check --template numpy --network 2-3-2 > mine.py\n\n"
        "clearprop check mine.py:gradient --network 2-3-2\n\n"
        "The gradient is held against the exact one, not against differences, so there is no step "
        "eps to choose; what rounding can do at this point is allowed for, and at a kink any "
        "subgradient is right.\n\n"
        "The function is run in a process of its own with limits, with your rights: this stops "
        "accidents and is no sandbox. Exit codes: 0 right, 3 wrong, 1 could not run, 2 wrong use."
    )
)
def check(
    network: Annotated[
        str,
        typer.Option(metavar="NETWORK", help="A chain such as 2-3-2, a JSON or a model file."),
    ],
    target: Annotated[
        str | None,
        typer.Argument(metavar="FILE.py:FUNCTION", help="A function of (parameters, X, Y)."),
    ] = None,
    template: Annotated[
        str | None, typer.Option(metavar="numpy", help="Print a file to fill in instead.")
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            help="Of a chain's hidden layers.", rich_help_panel=_NETWORK, show_default="relu"
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            help="A chain's output function.",
            rich_help_panel=_NETWORK,
            show_default="identity, or the cost's link",
        ),
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(
            help="What a chain minimises.", rich_help_panel=_NETWORK, show_default="squared_error"
        ),
    ] = None,
    l2: Annotated[
        float | None,
        typer.Option(
            help="λ of a chain's penalty λ/2 Σ W².", rich_help_panel=_NETWORK, show_default="0"
        ),
    ] = None,
    bias: Annotated[
        str | None,
        typer.Option(help="unit, shared or none.", rich_help_panel=_NETWORK, show_default="unit"),
    ] = None,
    notation: Annotated[
        str | None,
        typer.Option(
            help="Of the equations: matrix, graph, delta-rule, scalar, index, or a TOML file."
        ),
    ] = None,
    rows: Annotated[int, typer.Option(help="Random samples.")] = 6,
    seed: Annotated[int, typer.Option(help="Of the random parameters and samples.")] = 0,
    seconds: Annotated[int, typer.Option(help="Limit on the function's time.")] = 10,
    memory: Annotated[int, typer.Option(help="Limit on its memory, in MB; 0 for none.")] = 2048,
    rtol: Annotated[
        float | None,
        typer.Option(
            help="How far off, as a share of each tensor's largest entry, still is right.",
            rich_help_panel=_NEAR,
            show_default="1e-6; 1e-4 in float32, 2e-2 in float16",
        ),
    ] = None,
    atol: Annotated[
        float, typer.Option(help="So much is right beside that share.", rich_help_panel=_NEAR)
    ] = 0.0,
    nondet_tol: Annotated[
        float,
        typer.Option(
            help="How far two calls of the function may differ, beside rounding.",
            rich_help_panel=_NEAR,
        ),
    ] = 0.0,
    output_format: Annotated[
        str, typer.Option("--format", help="text, json or html.", rich_help_panel=options.OUTPUT)
    ] = "text",
    json: Json = False,
) -> int:
    """Tell whether a gradient written by hand is right, and if not, which mistake it is."""
    return call("checking", "check", **locals())


@app.command()
def info(json: Json = False) -> int:
    """Print versions and what the engine uses of this machine."""
    return call("describing", "info", **locals())
