"""``clearprop check``."""

from __future__ import annotations

import re
from typing import Any

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
    json: bool,
    **chain: Any,
) -> int:
    """Check a hand-written gradient; 0 right, 3 wrong."""
    chosen = "json" if json else output_format
    if chosen not in FORMATS:
        raise UsageError(f"--format is one of {', '.join(FORMATS)}, got {chosen!r}")
    text, code = check_command(
        target,
        _network(network, {name: value for name, value in chain.items() if value is not None}),
        template=template,
        output=chosen,  # type: ignore[arg-type]  # one of them
        seed=seed,
        rows=rows,
        seconds=seconds,
        memory_mb=memory,
    )
    console.lines(text.rstrip("\n"))
    return code


def _network(given: str, chain: dict[str, Any]) -> Network:
    if chain:
        if not re.fullmatch(r"\d+(-\d+)+", given):
            raise UsageError(
                f"--{next(iter(chain))} belongs to a chain such as 2-3-2; {given} says its own"
            )
        return read_chain(given, **chain)
    found = read_network(given)
    return found if isinstance(found, Network) else found.network
