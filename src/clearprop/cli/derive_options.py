"""``clearprop derive`` and ``clearprop notation`` as users read them."""

from __future__ import annotations

from typing import Annotated

import typer

from clearprop.cli import options
from clearprop.cli.calling import call

__all__ = ["add"]

_NUMBERS, _OUTPUT = "Numbers", "Output"
Net = Annotated[
    str, typer.Argument(metavar="NETWORK", help="A chain such as 2-3-2, a JSON or a model file.")
]
Tongue = Annotated[str, typer.Option(help="en or zh.")]


def add(app: typer.Typer) -> None:
    """Put both commands into the command line."""
    app.command(
        epilog="[bold]Examples[/bold]\n\n"
        "clearprop derive 2-3-2 --notation scalar --weight V11\n\n"
        "clearprop derive 4-5-3 --cost cross_entropy -o page.html"
    )(derive)
    app.command()(notation)


def derive(
    network: Net,
    notation: Annotated[
        str, typer.Option(help="matrix, graph, delta-rule, scalar, index, or a TOML file.")
    ] = "matrix",
    activation: Annotated[
        str | None,
        typer.Option(help="Of a chain's hidden layers.", show_default="sigmoid"),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="A chain's output function.", show_default="sigmoid or the cost's link"),
    ] = None,
    cost: Annotated[
        str | None, typer.Option(help="What a chain minimises.", show_default="squared_error")
    ] = None,
    bias: Annotated[
        str | None,
        typer.Option(help="unit, shared or none.", show_default="unit; in scalar: shared"),
    ] = None,
    l2: Annotated[
        float | None, typer.Option(help="λ of a chain's penalty λ/2 Σ W².", show_default="0")
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(help="One weight alone: V11, or W2[1,3] counted from 1.", show_default=False),
    ] = None,
    shown: Annotated[
        int | None,
        typer.Option(
            help="Of a weight with too many paths, the largest to show.", min=1, show_default="8"
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A table: inputs, then targets.", rich_help_panel=_NUMBERS
        ),
    ] = None,
    row: Annotated[
        int | None,
        typer.Option(
            help="One sample of the table, from 1.",
            min=1,
            show_default="all of them",
            rich_help_panel=_NUMBERS,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COL", help="The column to predict.", rich_help_panel=_NUMBERS),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Of random numbers.", min=0, rich_help_panel=_NUMBERS)
    ] = 0,
    digits: Annotated[
        int, typer.Option(help="Significant digits.", min=1, max=17, rich_help_panel=_NUMBERS)
    ] = 4,
    learning_rate: Annotated[
        float,
        typer.Option(metavar="X", help="Of the step that is shown.", rich_help_panel=_NUMBERS),
    ] = 0.5,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Say how far it was verified.", rich_help_panel=_NUMBERS),
    ] = False,
    expand: Annotated[
        bool,
        typer.Option(
            "--expand", help="Multiply the weight's gradient out.", rich_help_panel=_NUMBERS
        ),
    ] = False,
    language: Tongue = "en",
    format: Annotated[
        str,
        typer.Option(
            help="text, latex, html, json.",
            show_default="text, or by the file's name",
            rich_help_panel=_OUTPUT,
        ),
    ] = "",
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write to this file: .txt, .tex, .html or .json.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace the file even if it is no page.", rich_help_panel=_OUTPUT
        ),
    ] = False,
    json: options.BareJson = False,
) -> int:
    """Derive back-propagation of a network, step by step, in the notation of your text."""
    return call("derivation", "derive", **locals())


def notation(
    network: Net = "2-3-2",
    language: Tongue = "en",
    notation: Annotated[
        list[str] | None, typer.Option(help="A column more: a TOML file of your own.")
    ] = None,
    json: options.BareJson = False,
) -> int:
    """Print the Rosetta table: each quantity in all five notations, with its number."""
    return call("derivation", "notation", **locals())
