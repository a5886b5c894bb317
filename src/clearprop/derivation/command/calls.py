"""``clearprop derive`` and ``clearprop notation``: what the command line calls."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from clearprop.derivation.command.rows import Columns, encoded_columns, read_rows
from clearprop.derivation.command.saving import check_page, format_of
from clearprop.derivation.derived import LEARNING_RATE
from clearprop.derivation.deriving import Derivation, check_size, derive
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import find_notation
from clearprop.derivation.pages.heading import WIDTH, verified, wrapped
from clearprop.derivation.rosetta.table import rosetta
from clearprop.derivation.weight.largest import SHOWN
from clearprop.derivation.wording.messages import MESSAGES
from clearprop.derivation.wording.refusals import refusal
from clearprop.errors import GraphError, UsageError
from clearprop.model import Model
from clearprop.network import Network
from clearprop.storage import written_whole
from clearprop.words import number, visible

__all__ = ["derive_command", "notation_command"]

DOES_NOT_VERIFY = 3
"""The exit code of a derivation that is not what is executed."""
_REACH = math.sqrt(6.0)
"""Weights in ±√(6/n) have the variance 2/n: relu passes on what comes in, of one size on every
layer (He et al., 2015), and no other function much more."""


def derive_command(
    source: Network | Model,
    *,
    notation: str,
    data: str,
    row: int | None,
    target: str,
    weight: str | None,
    shown: int | None,
    language: str,
    format: str,  # the flag's word
    out: str,
    overwrite: bool,
    digits: int,
    seed: int,
    learning_rate: float,
    verify: bool,
    expand: bool,
    json: bool,
) -> int:
    """Derive back-propagation of a network and print it; 3 if it does not verify."""
    if expand and weight is None:
        raise UsageError(refusal("expand_which"))
    if shown is not None and weight is None:
        raise UsageError(refusal("shown_which"))
    if (row is not None or target) and not data:
        raise UsageError(refusal("data_option", option="target" if target else "row"))
    chosen = format_of(format, json, out)
    if out:
        check_page(out, overwrite=overwrite)
    with busy("deriving", language):
        found = with_numbers(
            source, notation, weight, language, digits, seed, data, row, target, shown,
            learning_rate,
        )  # fmt: skip
        if expand:
            found = found.expand()
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    screen = not out and sys.stdout.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    with busy("verifying_too" if verify else "verifying", language):
        found.verify(symbolic=verify)
    with busy("writing", language):
        page = print_page(found, chosen, verify, screen and not plain, min(max(room, 60), 100))
    if out:
        with written_whole(out) as file:
            file.write(page.encode())
        print(f"saved {visible(out)}", file=sys.stderr)
    else:
        sys.stdout.write(page)
    return 0 if found.verify(symbolic=verify).passed else DOES_NOT_VERIFY


@contextmanager
def busy(doing: str, language: str) -> Iterator[None]:
    """Say what is being done, on a screen, until it is: a deep network takes half a minute."""
    if not sys.stderr.isatty():
        yield
        return
    said = MESSAGES(doing, "zh" if language == "zh" else "en")
    print(said, end="\r", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print("\033[K", end="", file=sys.stderr, flush=True)


def notation_command(
    source: Network | Model, *, language: str, notation: list[str], json: bool
) -> int:
    """Print the Rosetta table: each quantity in all notations, with numbers; mean and step."""
    net = source.network if isinstance(source, Model) else source
    p, X, Y = random_numbers(net, 0, 1)
    more = [find_notation(one) for one in notation]
    found = rosetta(net, _own(source) or p, X, Y, language, more)
    found = found.drawn(0, model=isinstance(source, Model))
    sys.stdout.write(found.to_json() if json else found.text())
    return 0


def _own(source: Network | Model) -> dict[str, Any]:
    """A model's own parameters; nothing of a network."""
    if not isinstance(source, Model):
        return {}
    return {name: np.asarray(array, np.float64) for name, array in source.parameters.items()}


def random_numbers(net: Network, seed: int, m: int) -> tuple[dict[str, Any], Any, Any]:
    """Return parameters, X and Y: random, the same for the same seed, short to read.

    All lie in ±1; weights of a unit with n > 6 inputs in ±√(6/n), with as many digits: so however
    many layers and units there are, what they add up to stays where it can be evaluated.
    """
    r = np.random.default_rng(seed)
    p = {}
    for name, array in net.initial(seed).items():
        spec = net.graph.parameters[name].spec
        summed = spec.fan[0] if len(spec.type.shape) == 2 else 1
        reach = min(1.0, _REACH / math.sqrt(summed))
        p[name] = np.round(reach * r.uniform(-1, 1, array.shape), 2 - round(math.log10(reach)))
    X = {
        g.key: r.integers(0, g.levels, m)
        if g.levels
        else np.round(r.uniform(-1, 1, (m, g.width)), 2)
        for g in net.graph.inputs
    }
    Y: dict[str, Any] = {}
    for cost in net.graph.costs:
        width = net.graph.values[cost.value].type.shape[0]
        kind = cost.row.target
        if kind == "class":
            Y[cost.value] = np.eye(width)[r.integers(0, width, m)]
        elif kind == "count":
            Y[cost.value] = r.integers(0, 5, (m, width)).astype(np.float64)
        else:
            Y[cost.value] = np.round(r.uniform(0, 1, (m, width)), 2)
    one_x, one_y = len(X) == 1, len(Y) == 1
    return p, next(iter(X.values())) if one_x else X, next(iter(Y.values())) if one_y else Y


def with_numbers(
    source: Network | Model,
    notation: str,
    weight: str | None,
    language: str,
    digits: int,
    seed: int,
    data: str,
    row: int | None,
    target: str,
    shown: int | None = None,
    learning_rate: float = LEARNING_RATE,
) -> Derivation:
    """Derive with the data's numbers and the model's parameters; with random ones for want."""
    net = source.network if isinstance(source, Model) else source
    if weight and weight.strip():
        try:
            Names(find_notation(notation), net.graph).parse(weight)
        except GraphError as error:
            raise UsageError(*error.args) from None
    check_size(net)
    p, X, Y = random_numbers(net, seed, 1)
    columns: Columns = {}
    if isinstance(source, Model):
        columns = encoded_columns(source) if source.encoder is not None else {}
        p = _own(source)
    if data:
        X, Y, columns = read_rows(data, source, target, row)
    found = derive(
        net, notation, p, X, Y, weight, language,
        digits=digits, learning_rate=learning_rate, shown=shown or SHOWN,
    )  # fmt: skip
    trained = _trained_by(source) if isinstance(source, Model) else ""
    if not data:
        origin = "seeded_model" if isinstance(source, Model) else "seeded"
        return found.seeded(seed, origin, columns=columns, trained=trained)
    if isinstance(source, Model):
        encoded = source.encoder is not None
        origin = "table_encoded" if encoded else "table_model"
    else:
        origin = "table"
    at = "" if row is None else f" 第 {row} 行" if language == "zh" else f", row {row}"
    return found.seeded(seed, origin, data + at, columns, trained)


def _trained_by(model: Model) -> str:
    """The optimizer and its rate, ``"adam (learning_rate 0.001)"``; nothing if it is not known."""
    match model.provenance.get("optimizer"):  # a file may say anything
        case {"name": str(name), "learning_rate": float(rate)}:
            return f"{name} (learning_rate {number(rate)})"
        case {"name": str(name)}:
            return name
    return ""


def print_page(found: Derivation, chosen: str, verify: bool, color: bool, room: int = WIDTH) -> str:
    """Return the derivation in a format, and what else was asked for."""
    if chosen == "json":
        return found.to_json(verify=verify) + "\n"
    if chosen == "latex":
        return found.to_latex(verify=verify)
    if chosen == "html":
        return found.to_html(verify=verify)
    tail = ""
    if verify and (lines := list(verified(found))):
        tail += "\n" + "".join(
            "\n".join(wrapped(f"{sign} {line}", room)) + "\n" for sign, line in lines
        )
    return found.text(color=color, width=room) + tail
