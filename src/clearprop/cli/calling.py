"""A command's body: loaded when it is called, and broken off by Ctrl-C in a sentence."""

from __future__ import annotations

import importlib
from typing import Any

import typer

__all__ = ["call"]


def call(module: str, name: str, /, **given: Any) -> int:
    """Call a command's body in the module that is loaded for it alone.

    Typer ends a command that Ctrl-C breaks off without a word: it is said here.

    Parameters
    ----------
    module : str
        In `clearprop.cli`.
    name : str
        The function's.
    **given
        The options.
    """
    try:
        result: int = getattr(importlib.import_module(f"clearprop.cli.{module}"), name)(**given)
    except KeyboardInterrupt:
        typer.echo("clearprop: interrupted; nothing was saved", err=True)
        return 130
    return result
