"""``clearprop describe`` and ``clearprop info``."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from clearprop import __version__, _native
from clearprop.cli import console
from clearprop.cli.classes import tell_never_predicted
from clearprop.engine.isa import choose, instruction_sets
from clearprop.errors import FileError, GraphError, UsageError
from clearprop.model import SUFFIX, Model, is_model
from clearprop.model.loading import load
from clearprop.network import Network
from clearprop.tables.paths import is_table
from clearprop.tables.target import Target
from clearprop.words import nearest

__all__ = ["describe", "info", "read_chain", "read_model", "read_network"]


def read_chain(given: str, **settings: Any) -> Network:
    """Return the network of a chain such as 2-3-2.

    Raises
    ------
    UsageError
        If it is no chain of a network.
    """
    try:
        return Network(given, **settings)
    except GraphError as error:
        raise UsageError(str(error)) from None


def read_network(given: str) -> Network | Model:
    """Return what a NETWORK of the command line is: a chain, a JSON file, or a model file.

    Raises
    ------
    UsageError
        If the text can be none of these.
    FileError, GraphError
        If the file is missing or damaged.
    """
    if not given:
        raise UsageError("the NETWORK is empty: give a chain such as 2-3-2, a JSON or a model file")
    path = Path(given)
    if re.fullmatch(r"\d+(-\d+)*", given) and not path.exists():
        return read_chain(given)
    table = is_table(path.name)
    if path.is_file() and not is_model(path) and (path.suffix == ".json" or not table):
        with path.open("rb") as stream:
            if stream.read(256).lstrip()[:1] == b"{":
                return Network.from_json(path.read_bytes(), given)
    if not path.exists() and "." not in path.name:
        raise UsageError(
            f"{given!r} is no network: give a chain such as 2-3-2, a JSON file or a model file"
        )
    try:
        return read_model(given)
    except FileError as error:
        if not (table and path.is_file()):
            raise
        raise FileError(
            f"{error}; a table is learned first (clearprop train {given} --target COLUMN), or "
            f"gives a chain its numbers (clearprop derive 2-3-2 --data {given})"
        ) from None


def read_model(given: str) -> Model:
    """Return the model of a file; if there is none, say which is near.

    Raises
    ------
    FileError
        If the file is missing or damaged.
    """
    path = Path(given)
    if given and not path.exists() and path.parent.is_dir():
        models = {file.stem: str(file) for file in path.parent.glob(f"*{SUFFIX}")}
        near = nearest(path.stem, models)
        if near is not None:
            raise FileError(f"there is no file {given}: did you mean {models[near]!r}?")
    return load(given)


def describe(network: str, *, json: bool) -> int:
    """Print a network, and how a model was made."""
    found = read_network(network)
    if not json:
        _tell(found)
        return 0
    if isinstance(found, Network):
        console.print_json({"network": found.graph.to_dict(), "parameters": found.graph.size})
        return 0
    console.print_json(
        {
            "task": found.task,
            "target": _target(found.target),
            "columns": list(found.columns),
            "parameters": found.network.graph.size,
            "network": found.network.graph.to_dict(),
            "encoder": None if found.encoder is None else found.encoder.to_data(),
            "history": found.history.to_dict(),
            "later": [history.to_dict() for history in found.later],
            "provenance": found.provenance,
        }
    )
    return 0


def _tell(found: Network | Model) -> None:
    if isinstance(found, Network):
        console.lines(found.describe())
        return
    console.lines(found.network.describe())
    console.line()
    for text in found.facts():
        console.line(text)
    if found.columns:
        console.line()
        console.uses([(c["name"], c["use"], c["why"]) for c in found.columns])
    if figures := found.provenance.get("figures"):
        console.line()
        console.figures(figures)
        tell_never_predicted(
            found.provenance.get("never_predicted", {}),
            weighed="class_weight" in found.provenance,
        )


def _target(target: Target) -> dict[str, Any]:
    """What a target of its task has: classes, or a mean and a standard deviation."""
    other = ("mean", "std") if target.task == "classification" else ("classes",)
    return {key: value for key, value in target.to_data().items() if key not in other}


def info(*, json: bool) -> int:
    """Print versions and what the engine uses of this machine."""
    names = ("numpy", "duckdb", "narwhals", "safetensors", "scikit-learn", "typer", "rich")
    sets = instruction_sets()
    told = {
        "clearprop": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "instruction_set": choose().name,
        "instruction_sets": {one.name: one.supported for one in sets},
        "forced_by_CLEARPROP_ISA": os.environ.get("CLEARPROP_ISA") or None,
        "cores": _native.available_cores(),
        "versions": {name: _version(name) for name in names},
    }
    if json:
        console.print_json(told)
        return 0
    able = ", ".join(one.name for one in sets if one.supported)
    console.facts(
        [
            ("clearprop", __version__),
            ("python", str(told["python"])),
            ("platform", str(told["platform"])),
            ("instruction set", f"{choose().name} (this processor has {able})"),
            ("cores", str(told["cores"])),
            *((name, _version(name) or "not installed") for name in names),
        ]
    )
    return 0


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
