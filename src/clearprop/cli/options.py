"""Options that several commands take, declared once: what is read, columns, and what is written."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["COLUMNS", "OUTPUT", "BareJson", "Columns", "Data", "Drop", "Encoding", "Json", "Output",
           "Overwrite", "SplitBy", "Target", "Task", "Test", "Weight", "metric", "seed",
           "threads"]  # fmt: skip

COLUMNS, OUTPUT = "Rows and columns", "Output"


def metric(panel: str) -> Any:
    """What is to be good, in the panel of a command."""
    return typer.Option(
        metavar="NAME",
        help="What is to be good: log_loss, accuracy, auc, rmse, mae, …",
        rich_help_panel=panel,
        show_default="log_loss or rmse",
    )


def seed(panel: str) -> Any:
    """The seed, in the panel of a command."""
    return typer.Option(help="Same seed, same bits.", rich_help_panel=panel)


def threads(panel: str) -> Any:
    """How many threads, in the panel of a command."""
    return typer.Option(
        help="Changes no bits.", rich_help_panel=panel, show_default="as many as help"
    )


Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A CSV, TSV, JSON lines or Parquet file (gzip too), a pattern, or SQL.",
    ),
]
Target = Annotated[
    str, typer.Option("--target", "-t", metavar="COLUMN", help="The column to predict.")
]
Task = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="classification or regression.",
        rich_help_panel=COLUMNS,
        show_default="by the target's values",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN=ROLE",
        rich_help_panel=COLUMNS,
        help="Say what a column is: number, category, boolean or date. Several times.",
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of the text files: big5, shift_jis, cp1251, or another that Python knows.",
        rich_help_panel=COLUMNS,
        show_default="found from the bytes",
    ),
]
Test = Annotated[
    float,
    typer.Option(
        help="Share of rows kept aside to judge by.", rich_help_panel=COLUMNS, show_default="none"
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="MODEL",
        help="Where the model is saved.",
        rich_help_panel=OUTPUT,
        show_default="DATA's name with .clearprop",
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN", help="Leave a column out. Several times.", rich_help_panel=COLUMNS
    ),
]
Weight = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="The column of the rows' weights.", rich_help_panel=COLUMNS
    ),
]
SplitBy = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Rows of one value there stay together when rows are divided.",
        rich_help_panel=COLUMNS,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace the file even if it is no model.", rich_help_panel=OUTPUT
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object and nothing else.", rich_help_panel=OUTPUT),
]
BareJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
"""The same of a command whose options stand in no panels."""
