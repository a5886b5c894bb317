"""``clearprop check`` as users read it."""

from __future__ import annotations

from typing import Annotated

import typer

from clearprop.cli import options
from clearprop.cli.calling import call

__all__ = ["add"]

_NETWORK, _NEAR = "Network", "How near is right"


def add(app: typer.Typer) -> None:
    """Put the command into the command line."""
    app.command(
        epilog=(
            "[bold]Examples[/bold]\n\n"
            "clearprop check --template numpy --network 2-3-2 > mine.py\n\n"
            "clearprop check mine.py:gradient --network 2-3-2\n\n"
            "The gradient is held against the exact one, not against differences, so there is no "
            "step eps to choose; what rounding can do at this point is allowed for, and at a kink "
            "any subgradient is right.\n\n"
            "The function is run in a process of its own with limits, with your rights: this stops "
            "accidents and is no sandbox. Exit codes: 0 right, 3 wrong, 1 could not run, 2 wrong "
            "use."
        )
    )(check)


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
    json: options.BareJson = False,
) -> int:
    """Tell whether a gradient written by hand is right, and if not, which mistake it is."""
    return call("checking", "check", **locals())
