"""The command: run a user's function on random data of the right shapes, judge its gradient.

Exit codes: 0 right, 3 wrong, 1 could not run, 2 wrong use.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from clearprop.checking.batches import random_batch
from clearprop.checking.gradient import check_gradient
from clearprop.checking.lines import Lines
from clearprop.checking.looks import ALONE, first_sample
from clearprop.checking.process import run_function
from clearprop.checking.report import GradientCheck
from clearprop.checking.template import numpy_template
from clearprop.derivation.notations.notation import Notation
from clearprop.errors import ClearPropError, UsageError
from clearprop.network import Network

RIGHT, WRONG = 0, 3

#: So many numbers all values of a random batch may have, and so many parameters a network.
LARGEST, MOST = 10**7, 4 * 10**6

Format = Literal["text", "json", "html"]


def check_file(
    target: str,
    network: Network,
    *,
    seed: int = 0,
    rows: int = 6,
    seconds: int = 10,
    memory: int = 2 << 30,
    rtol: float | None = None,
    atol: float = 0.0,
    nondet_tol: float = 0.0,
    notation: str | Notation | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> GradientCheck:
    """Run ``FILE.py:FUNCTION`` in a process of its own on random data, and check its gradient.

    Parameters
    ----------
    target : str
        Such as ``"mine.py:gradient"``; without a function, ``gradient``.
    network : Network
    seed : int
        Of parameters and data.
    rows : int
        Samples in the batch.
    seconds, memory : int
        Limits in seconds and bytes.
    rtol, atol, nondet_tol : float
        As `check_gradient` takes them.
    notation : str or Notation, optional
        In which equations are written.
    progress : callable (done, total), optional

    Raises
    ------
    AnswerError, FileError, UsageError
        If it could not be run.
    """
    file, _, name = target.rpartition(":") if ":" in target else (target, "", "gradient")
    if not file or not name.isidentifier():
        raise UsageError(f"write FILE.py:FUNCTION, got {target!r}")
    if rows < 1 or seed < 0:
        raise UsageError(
            f"rows must be 1 or more and the seed 0 or more, got {rows} rows and the seed {seed}"
        )
    if network.graph.size > MOST:
        raise UsageError(
            f"the network has {network.graph.size:,} parameters, and a file is checked with at "
            f"most {MOST:,}: take fewer units; what is wrong with many is wrong with few"
        )
    widths = sum(value.type.shape[0] for value in network.graph.values.values() if value.type.shape)
    if rows * widths > LARGEST:
        raise UsageError(
            f"{rows} rows are more than a check needs; give at most {max(1, LARGEST // widths)}"
        )
    lines = Lines(network.plan, notation)  # which is refused, if it is, before anything is run
    rng = np.random.default_rng(seed)
    parameters = network.initial(seed=seed)
    parameters.flat[:] += 0.3 * rng.standard_normal(parameters.flat.shape)  # no bias is zero
    X, Y = random_batch(network, rows, rng)
    x: Any = X if len(X) > 1 else next(iter(X.values()))
    y: Any = Y if len(Y) > 1 else next(iter(Y.values()))
    masks = {
        symbol: np.where(rng.random((rows, *sym.shape)) < rate, 0.0, 1.0 / (1.0 - rate))
        for symbol, (sym, rate) in network.plan.masks.items()
    }
    batch = (x, y, masks or None)

    def run(x: Any, y: Any, masks: Any, **how: Any) -> tuple[GradientCheck, list[str]]:
        found, notes = run_function(
            Path(file), name, parameters, x, y, {"masks": masks}, seconds=seconds, memory=memory
        )
        result = check_gradient(
            network, parameters, x, y, found,
            masks=masks, rtol=rtol, atol=atol, nondet_tol=nondet_tol, **how,
        )  # fmt: skip
        return result, notes

    result, notes = run(*batch, notation=lines.notation, progress=progress)
    if result.unknown and rows > 1:
        with contextlib.suppress(ClearPropError):  # it is a hint, no more
            alone, _ = run(*map(first_sample, batch), diagnose_mistakes=False)
            notes += [ALONE] * alone.passed
    return replace(result, notes=(*result.notes, *notes))


def one_member(network: Network) -> Network:
    """Return a network with members as one of them alone."""
    if not network.graph.members:
        return network
    told = network.graph.to_dict()
    told["members"] = 0
    for node in told["nodes"]:
        if "members" in node["attrs"]:
            node["attrs"]["members"] = 0
    return Network.from_json(json.dumps(told))


def check_command(
    target: str | None,
    network: Network,
    *,
    template: str | None = None,
    output: Format = "text",
    seed: int = 0,
    rows: int = 6,
    seconds: int = 10,
    memory_mb: int = 2048,
    rtol: float | None = None,
    atol: float = 0.0,
    nondet_tol: float = 0.0,
    notation: str | Notation | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[str, int]:
    """Do what ``clearprop check`` does; return what it prints and its exit code.

    The code of the file runs with the user's rights: the limits stop accidents, they are no
    sandbox.

    Parameters
    ----------
    target : str or None
        ``FILE.py:FUNCTION``; None with ``template``.
    network : Network
        Of one with members, which are all alike, one alone is checked.
    template : {"numpy"}, optional
        Print a starting file in place of checking.
    output : {"text", "json", "html"}
    rtol, atol, nondet_tol : float
        As `check_gradient` takes them.
    notation : str or Notation, optional
        In which the report's equations, and the template's comments, are written.
    progress : callable (done, total), optional

    Raises
    ------
    ClearPropError
        Exit code 1 (could not run) or 2 (wrong use), as the error says.
    """
    if template is not None and target is not None:
        raise UsageError(
            f"--template writes a new file and {target} would be checked: ask one of the two"
        )
    members = network.graph.members
    network = one_member(network)
    if template is not None:
        if template != "numpy":
            raise UsageError(f"there is a template for numpy, none for {template!r}")
        text = numpy_template(network, notation=notation)
        if members:
            text = f"# one of the {members} members of the network: they are all alike\n{text}"
        return text, RIGHT
    if target is None:
        raise UsageError("give FILE.py:FUNCTION, or --template numpy")
    found = check_file(
        target, network, seed=seed, rows=rows, seconds=seconds, memory=memory_mb << 20,
        rtol=rtol, atol=atol, nondet_tol=nondet_tol, notation=notation, progress=progress,
    )  # fmt: skip
    text = {"text": found.__str__, "json": found.to_json, "html": found.to_html}[output]()
    return text, RIGHT if found.passed else WRONG
