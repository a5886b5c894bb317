"""How ``--help`` looks: the same short lines whatever release of Typer draws them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from rich.markup import escape
from typer.core import TyperArgument, TyperCommand, TyperGroup

__all__ = ["Application"]

#: What stands behind an option that takes a value and does not say of what kind.
_VALUES = {"integer": "N", "int": "N", "float": "X"}


class _Command(TyperCommand):
    """A command whose flags show no type, and whose defaults stand once, in brackets."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for parameter in self.params:
            _mend(parameter)

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters and ``--help``, which is made when it is asked for."""
        found = super().get_params(ctx)
        for parameter in found:
            _mend(parameter)
        return found

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what the command cannot do without, then the rest."""
        needed = []
        for parameter in self.params:
            name = parameter.metavar or ""
            if isinstance(parameter, TyperArgument):
                needed.append(name if parameter.required else f"[{name}]")
            elif parameter.required:
                needed.append(f"{parameter.opts[0]} {name}")
        return [*needed, "[OPTIONS]"]


class _Group(TyperGroup):
    """The commands together."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All options and ``--help``."""
        found = super().get_params(ctx)
        for parameter in found:
            _mend(parameter)
        return found


class Application(typer.Typer):
    """Typer, with the commands' help as above."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_Group, **settings)

    def command(
        self, name: str | None = None, **settings: Any
    ) -> Callable[[Callable[..., Any]], Any]:
        """Put a command into the application."""
        return super().command(name, cls=_Command, **settings)


def _mend(parameter: Any) -> None:
    if isinstance(parameter, TyperArgument):
        # The name says what it is; the column of types would say <str> of each.
        parameter.display_type_rich = lambda ctx: None  # type: ignore[method-assign]
    elif parameter.metavar is None:
        flag = getattr(parameter, "is_flag", False)
        parameter.metavar = "" if flag else _VALUES.get(_kind(parameter), "TEXT")
    given = parameter.show_default
    default = parameter.default
    if given is True and default is not None and default is not False and default != "":
        given = f"{default:g}" if isinstance(default, float) else str(default)
    if isinstance(given, str):
        parameter.help = f"{parameter.help} [dim]{escape(f'[default: {given}]')}[/dim]"
    parameter.show_default = False


def _kind(parameter: Any) -> str:
    """The type's name, which releases of Typer keep in different places."""
    older = getattr(getattr(parameter, "type", None), "name", None)
    newer = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    return str(older or getattr(newer, "__name__", ""))
