"""``clearprop check``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from clearprop.checking import check_command
from clearprop.cli import console
from clearprop.cli.describing import read_chain, read_network
from clearprop.errors import UsageError
from clearprop.network import Network

__all__ = ["check"]

FORMATS = ("text", "json", "html")


def check(
    target: str | None,
    *,
    network: str,
    template: str | None,
    output_format: str,
    seed: int,
    rows: int,
    seconds: int,
    memory: int,
    rtol: float | None,
    atol: float,
    nondet_tol: float,
    notation: str | None,
    json: bool,
    **chain: Any,
) -> int:
    """Check a hand-written gradient; 0 right, 3 wrong."""
    chosen = "json" if json else output_format
    if chosen not in FORMATS:
        raise UsageError(f"--format is one of {', '.join(FORMATS)}, got {chosen!r}")
    with _bar("looking for the mistake") as progress:
        text, code = check_command(
            target,
            _network(network, {name: value for name, value in chain.items() if value is not None}),
            template=template,
            output=chosen,  # type: ignore[arg-type]  # one of them
            seed=seed,
            rows=rows,
            seconds=seconds,
            memory_mb=memory,
            rtol=rtol,
            atol=atol,
            nondet_tol=nondet_tol,
            notation=notation,
            progress=progress,
        )
    console.lines(text.rstrip("\n"))
    return code


@contextmanager
def _bar(words: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give what draws how far a search is, on standard error, if that is a terminal."""
    screen = Console(stderr=True, highlight=False)
    if not screen.is_terminal:
        yield None
        return
    columns = (TextColumn(words), BarColumn(), TextColumn("{task.completed} of {task.total}"))
    with Progress(*columns, console=screen, transient=True) as drawn:
        task = drawn.add_task("", total=None, visible=False)

        def show(done: int, total: int) -> None:
            drawn.update(task, completed=done, total=total, visible=True)

        yield show


def _network(given: str, chain: dict[str, Any]) -> Network:
    if chain:
        if not re.fullmatch(r"\d+(-\d+)+", given):
            raise UsageError(
                f"--{next(iter(chain))} belongs to a chain such as 2-3-2; {given} says its own"
            )
        return read_chain(given, **chain)
    found = read_network(given)
    return found if isinstance(found, Network) else found.network
