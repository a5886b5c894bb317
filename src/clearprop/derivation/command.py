"""``clearprop derive`` and ``clearprop notation``: what the command line calls."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from clearprop.derivation.deriving import Derivation, derive
from clearprop.derivation.notation import find_notation
from clearprop.derivation.rosetta import rosetta_json, rosetta_text
from clearprop.errors import DataError, FileError, UsageError
from clearprop.model import is_model, load
from clearprop.network import Network
from clearprop.operations import TABLE
from clearprop.storage import check_plain, written_whole
from clearprop.words import did_you_mean

FORMATS = ("text", "latex", "html", "json")
DOES_NOT_VERIFY = 3
"""The exit code of a derivation that is not what is executed."""


def derive_command(
    network: str,
    *,
    notation: str,
    activation: str,
    output: str,
    cost: str,
    bias: str,
    l2: float,
    data: str,
    row: int,
    weight: str,
    language: str,
    format: str,  # the flag's word
    out: str,
    digits: int,
    seed: int,
    verify: bool,
    expand: bool,
    json: bool,
) -> int:
    """Derive back-propagation of a network and print it; 3 if it does not verify."""
    if expand and not weight:
        raise UsageError("--expand multiplies one gradient out; say which with --weight")
    chosen = "json" if json else format
    if chosen not in FORMATS:
        raise UsageError(f"there is no format {chosen!r}; {did_you_mean(chosen, FORMATS)}")
    net = read_network(network, activation, output, cost, bias, l2, notation)
    found = with_numbers(net, notation, weight, language, digits, seed, data, row)
    page = print_page(found, chosen, verify, expand, color=not out and sys.stdout.isatty())
    if out:
        with written_whole(out) as file:
            file.write(page.encode())
    else:
        sys.stdout.write(page)
    return 0 if found.verify().passed else DOES_NOT_VERIFY


def notation_command(network: str, *, language: str, notation: list[str], json: bool) -> int:
    """Print the Rosetta table: each quantity in all five notations, with its numbers."""
    net = read_network(network, "sigmoid", "", "squared_error", "", 0.0, "scalar")
    p, X, Y = random_numbers(net, 0, 1)
    more = [find_notation(one) for one in notation]
    write = rosetta_json if json else rosetta_text
    sys.stdout.write(write(net, p, X, Y, language, more))
    return 0


def read_network(
    given: str, activation: str, output: str, cost: str, bias: str, l2: float, notation: str
) -> Network:
    """Return the network a command names: sizes, a JSON file or a model file."""
    if re.fullmatch(r"\d+(-\d+)+", given):
        last = output or ("sigmoid" if TABLE.cost(cost).link == "identity" else "identity")
        chosen = bias or ("shared" if notation == "scalar" else "unit")
        return Network(given, activation, output=last, cost=cost, bias=chosen, l2=l2)
    path = Path(given)
    if path.is_file() and is_model(path):
        return load(path).network
    check_plain(path, "network's JSON file")
    try:
        return Network.from_json(path.read_bytes(), where=given)
    except FileNotFoundError:
        raise FileError(
            f"{given!r} is neither sizes such as 2-3-2 nor a file; write the sizes with hyphens"
        ) from None
    except OSError as error:
        raise FileError(f"{given} cannot be read: {error.strerror}") from None


def random_numbers(net: Network, seed: int, m: int) -> tuple[dict[str, Any], Any, Any]:
    """Return parameters, X and Y: random, the same for the same seed, short to read."""
    r = np.random.default_rng(seed)
    p = {
        name: np.round(r.uniform(-1, 1, array.shape), 2)
        for name, array in net.initial(seed).items()
    }
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
    net: Network,
    notation: str,
    weight: str,
    language: str,
    digits: int,
    seed: int,
    data: str,
    row: int,
) -> Derivation:
    """Derive with the data's numbers, or with random ones."""
    p, X, Y = random_numbers(net, seed, 1)
    if data:
        X, Y = read_data(data, net)
    found = derive(net, notation, p, X, Y, weight or None, language, row=row, digits=digits)
    return found if data else found.seeded(seed)


def read_data(path: str, net: Network) -> tuple[Any, Any]:
    """Read rows of inputs and then targets (or one class, from 0) from a CSV file."""
    if len(net.graph.inputs) > 1 or len(net.graph.costs) > 1:
        raise DataError("--data needs a network of one input and one output")
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = [line for line in csv.reader(file) if line]
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    cost, given = net.graph.costs[0], net.graph.inputs[0]
    width = net.graph.values[cost.value].type.shape[0]
    inputs = given.width or 1
    numbers = []
    for place, line in enumerate(rows, 1):
        try:
            numbers.append([float(cell) for cell in line])
        except ValueError as error:
            if place == 1:  # the names of the columns
                continue
            raise DataError(f"{path}, row {place}: {error}") from None
    columns = {len(line) for line in numbers}
    one_class = cost.row.target == "class"
    wanted = {inputs + width} | ({inputs + 1} if one_class else set())
    if len(columns) != 1 or not columns <= wanted:
        raise DataError(
            f"{path} has rows of {sorted(columns)} numbers; the network needs {inputs} inputs and "
            f"then {'a class from 0' if one_class else f'{width} targets'}"
        )
    table = np.asarray(numbers)
    X: Any = table[:, :inputs] if given.width else table[:, 0]
    Y: Any = table[:, inputs:]
    return X, Y[:, 0].astype(np.int64) if one_class and Y.shape[1] == 1 < width else Y


def print_page(found: Derivation, chosen: str, verify: bool, expand: bool, color: bool) -> str:
    """Return the derivation in a format; one that does not verify says so at its top."""
    if chosen == "json":
        return found.to_json() + "\n"
    if chosen == "latex":
        return found.to_latex()
    if chosen == "html":
        return found.to_html()
    result = found.verify()
    head = ""
    if not result.passed:
        error = max(result.errors_trace.get(result.worst, 0.0),
                    result.errors_differences.get(result.worst, 0.0))  # fmt: skip
        head = found.say("not_verified", step=result.worst, error=f"{error:.2g}") + "\n\n"
    tail = ""
    if expand:
        tail = "\n" + found.expand() + "\n"
    if verify and result.passed:
        tail += "\n✓ " + found.say(
            "verified",
            trace=f"{result.max_error_trace:.1g}",
            differences=f"{result.max_error_differences:.1g}",
        ) + "\n"  # fmt: skip
    return head + found.text(color=color) + tail
