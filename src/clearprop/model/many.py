"""Training many networks on the same arrays at once: seeds, rates, subsets, a search's points.

Each run is one that `clearprop.train` would do alone, with the same bits; here they share the
arrays, their checks and the cores (`clearprop.training.together`). The member axis, which makes the
members of one ensemble one network with one cost, is not used: members take the same rows in the
same order at one rate, and stop together. Proved by ``tests/test_train_many.py``.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clearprop.backprop.given import as_held
from clearprop.engine import Data
from clearprop.engine.limits import cores
from clearprop.errors import (
    ClearPropError,
    DataError,
    DivergenceError,
    FileError,
    SettingError,
)
from clearprop.graph import L2
from clearprop.model.arrays import Interrupted, keep_residuals, model_of
from clearprop.model.model import Model
from clearprop.model.targets import encode_target, find_target
from clearprop.network import Inputs, Network, check_network
from clearprop.optimizers import optimizer
from clearprop.settings import Attr, check_all, check_setting_names
from clearprop.storage import named
from clearprop.tables.target import Target
from clearprop.training import ATTRS, Progress, Training, schedule
from clearprop.training.arrays import gathered, read_sample_weight, taken
from clearprop.training.choices import check_patience, check_suited
from clearprop.training.scales import check_planned, greatest_dropout
from clearprop.training.starting import begun
from clearprop.training.together import Together
from clearprop.words import shown

__all__ = ["InterruptedMany", "ManyWatcher", "train_many"]

ManyWatcher = Callable[[Sequence[Progress | None]], object]
"""Called a few times a second with where each run stands; None before its first step."""

#: Of all runs together, or of none.
_COMMON = ("threads", "checkpoint", "resume")
_OWN = ("network", "rows", "l2")
_NO_ROWS = "rows leaves no rows to train on"
_THREADS = Attr("threads", int, None, bounds="[1, 1024]")


class InterruptedMany(Interrupted):
    """Ctrl-C while many networks were trained.

    Attributes
    ----------
    models : list of Model or None
        With the best parameters of each run so far; None where no step was done.
    """

    def __init__(self, models: list[Model | None]) -> None:
        super().__init__(None)
        self.models = models


@dataclass
class _Shared:
    """What the runs of one network are given: its arrays, checked, and what the targets are."""

    data: Data
    targets: NDArray[Any]
    target: Target


@dataclass
class _Run:
    """One run, not yet opened: called, it makes the `Training`."""

    network: Network
    shared: _Shared
    rows: NDArray[np.int64] | None
    settings: dict[str, Any]

    @property
    def copied(self) -> int:
        """Bytes of the rows it copies: where it takes not all of them."""
        if self.rows is None:
            return 0
        return len(self.rows) * sum(array[:1].nbytes for array in self.shared.data.inputs.values())

    def __call__(self) -> Training:
        data, targets = self.shared.data, self.shared.targets
        if self.rows is not None:
            data, targets = taken(data, self.rows), targets[self.rows]
        return Training(self.network, dict(data.inputs), targets, **self.settings)


def train_many(
    runs: Sequence[Mapping[str, Any]],
    X: Inputs,
    Y: Any,
    *,
    network: Network | None = None,
    threads: int | None = None,
    diverged: Literal["raise", "keep"] = "raise",
    progress: ManyWatcher | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **settings: Any,
) -> list[Model]:
    """Train many networks on the same arrays at once, on all cores.

    ``train_many(runs, X, Y, network=net, **settings)[i]`` has the bits, parameters and history, of
    ``train(net, X, Y, **settings, **runs[i])``: whatever runs beside it, however many threads there
    are. With ``rows`` it is that of ``X[rows], Y[rows]``, with the labels of all of Y. Faster than
    the runs one after another on all cores: no run waits for its own threads, and the arrays are
    held and checked once.

    Parameters
    ----------
    runs : sequence of mappings
        What each has of its own, over what all have: any setting of `clearprop.train`, such as
        ``seed``, ``learning_rate``, ``optimizer``, ``batch_size``, ``sample_weight``; and

        - ``network``: another Network of the same inputs and outputs;
        - ``l2``: λ, in place of the network's;
        - ``rows``: the rows it takes, (n,) truth values or (m,) row numbers, which may repeat.
    X : (n, width) array, or mapping by input
    Y : (n,) labels of any kind or numbers, or (n, outputs) array
    network : Network, optional
        Of every run that names none.
    threads : int, optional
        All runs' together, the cores by default. Changes no bits.
    diverged : {"raise", "keep"}
        What becomes of a run whose cost leaves the finite numbers: all end, or its model is that
        of its best epoch, its history saying so, and the others go on.
    progress : callable, optional
        Called a few times a second with the list of each run's `clearprop.training.Progress`, None
        before its first step; it changes no bits.
    checkpoint : path of a folder, optional
        In which each run keeps a checkpoint of its own; made if it is not there.
    resume : bool
        Go on from the checkpoints in the folder; runs that had ended are not trained again.
    **settings
        Of all runs: see `clearprop.train`. Callbacks and metrics are called on several threads.

    Returns
    -------
    list of Model
        In the order of ``runs``.

    Raises
    ------
    InterruptedMany
        After Ctrl-C; its ``models`` are the best so far.
    DivergenceError, SettingError, DataError, ShapeError, …
        As `clearprop.train`, naming the run.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(64, 2))
    >>> net = Network([2, 8, 2], "tanh", cost="cross_entropy")
    >>> runs = [{"seed": 0}, {"seed": 1, "learning_rate": 0.1}, {"rows": X[:, 1] > 0}]
    >>> models = train_many(runs, X, X[:, 0] > 0, network=net, learning_rate=0.01, epochs=50)
    >>> [len(model.history) for model in models]
    [50, 50, 50]
    """
    if not isinstance(runs, Sequence) or isinstance(runs, str):
        raise SettingError(f"train_many takes a list of runs, a dict each, got {shown(runs)}")
    if not isinstance(diverged, str) or diverged not in ("raise", "keep"):
        raise SettingError(f"diverged is 'raise' or 'keep', got {shown(diverged)}")
    if progress is not None and not callable(progress):
        raise SettingError(f"progress is a function of a list or None, got {shown(progress)}")
    if not isinstance(resume, bool):
        raise SettingError(f"resume is True or False, got {shown(resume)}")
    if resume and checkpoint is None:
        raise SettingError("resume=True needs the checkpoints to go on from: give their folder")
    asked = _THREADS.check(threads)
    prepared = _prepared(runs, X, Y, network, settings)
    if not prepared:
        return []
    total = asked if isinstance(asked, int) else cores()
    workers = min(total, len(prepared))
    paths = _paths(checkpoint, len(prepared))
    for run, path in zip(prepared, paths, strict=True):
        run.settings |= {"threads": max(1, total // workers)}
        if path is not None:
            run.settings |= {"checkpoint": path, "resume": resume}
    return _carry_out(prepared, workers, paths, diverged, progress)


def _carry_out(
    runs: list[_Run],
    workers: int,
    paths: list[Path | None],
    diverged: Literal["raise", "keep"],
    progress: ManyWatcher | None,
) -> list[Model]:
    models: list[Model | None] = [None] * len(runs)

    def ended(number: int, training: Training) -> None:
        models[number] = model = model_of(training, runs[number].shared.target)
        keep_residuals(model, training)

    together = Together(runs, [run.copied for run in runs], workers, ended, diverged == "keep")
    try:
        while (handler := together.run(progress)) is not None:
            _save(together, paths)
            handler(2, None)  # raises, or lets the runs go on
    except KeyboardInterrupt:
        for number, training in together.open.items():
            if training.step:
                ended(number, training)
        raise InterruptedMany(models) from None
    except ClearPropError as error:
        _save(together, paths)
        raise _naming(error) from None
    finally:
        together.close()
    return [model for model in models if model is not None]


def _save(together: Together, paths: list[Path | None]) -> None:
    """Write the checkpoints of the runs that are open; one that cannot be written is left out."""
    for number, training in together.open.items():
        path = paths[number]
        if path is not None and training.why != "diverged":
            try:
                training.save(path)
            except FileError:
                continue


def _naming(error: ClearPropError) -> ClearPropError:
    """The same error, saying which run it is of."""
    number = getattr(error, "run", None)
    if number is None:
        return error
    found = type(error)(f"runs[{number}]: {error}")
    if isinstance(found, DivergenceError):
        found.training = getattr(error, "training", None)
    return found


# -- looking before anything runs -----------------------------------------------------------------
def _prepared(
    runs: Sequence[Mapping[str, Any]],
    X: Inputs,
    Y: Any,
    network: Network | None,
    settings: Mapping[str, Any],
) -> list[_Run]:
    """Check what all runs are told before one begins, and each network's arrays once."""
    known = [*list(inspect.signature(Training).parameters)[3:], *_OWN]
    known = [name for name in known if name not in _COMMON]
    check_setting_names("train_many", settings, [*known, *_COMMON, "progress", "diverged"])
    shared: dict[Any, _Shared] = {}
    found = []
    for number, own in enumerate(runs):
        try:
            if not isinstance(own, Mapping):
                raise SettingError(f"a run is a dict of settings, got {shown(own)}")
            check_setting_names("a run", own, known)
            told = {"network": network, **settings, **own}
            net, l2, rows = told.pop("network"), told.pop("l2", None), told.pop("rows", None)
            check_network("train_many", net)
            if l2 is not None:
                net = Network(graph=replace(net.graph, l2=L2.check(l2)))
            _check_settings(net, told)
            key = _takes(net)
            if key not in shared:
                shared[key] = _read(net, X, Y)
            found.append(_run(net, shared[key], told, rows))
        except ClearPropError as error:
            error.run = number  # type: ignore[attr-defined]
            raise _naming(error) from None
    return found


def _check_settings(network: Network, told: Mapping[str, Any]) -> None:
    """See that what can be wrong without data is right, before the first run begins."""
    plain = {attr.name for attr in ATTRS}
    full = told.get("batch_size") == "full"
    given = {name: value for name, value in told.items() if name in plain}
    if told.get("patience") is None:  # as many epochs as are usual
        given.pop("patience", None)
    check_all(ATTRS, given | {"batch_size": None} if full else given)
    check_patience(told.get("patience"), told.get("validation"), told.get("early_stopping"))
    rate = told.get("learning_rate")
    settings = {} if rate is None else {"learning_rate": rate}
    rule = optimizer(told.get("optimizer", "adam"), **settings)
    rule.check(network.graph)
    planned = schedule(told.get("schedule", "constant"))
    size, precision = told.get("batch_size"), told.get("precision")
    check_suited(rule, planned, size, full, told.get("clip"), precision)
    scales = (told.get(name, "constant") for name in ("dropout_schedule", "decay_schedule"))
    check_planned(greatest_dropout(network.graph), rule, *scales)
    if told.get("parameters") is not None:
        begun(network, told["parameters"])


def _takes(network: Network) -> object:
    """What tells whether two networks read the same arrays."""
    graph = network.graph
    costs = [(one.op, one.value, graph.values[one.value].type.shape) for one in graph.costs]
    return (graph.inputs, *costs)


def _read(network: Network, X: Inputs, Y: Any) -> _Shared:
    """Read the arrays that the runs share, as `clearprop.train` does for one."""
    target = find_target(network, Y)
    targets = encode_target(target, Y)
    data = gathered(network, X, targets)
    return _Shared(Data(data.inputs, {}), targets, target)


def _run(network: Network, shared: _Shared, told: dict[str, Any], rows: Any) -> _Run:
    n, validation = len(shared.data), told.get("validation")
    if isinstance(validation, list | tuple) and len(validation) > 1:
        Xv, Yv, *rest = validation
        told["validation"] = (Xv, encode_target(shared.target, Yv), *rest)
    places = None if rows is None else _places(rows, n)
    if told.get("sample_weight") is not None:
        weights = read_sample_weight(told["sample_weight"], n)
        assert weights is not None
        told["sample_weight"] = weights if places is None else weights[places]
    return _Run(network, shared, places, told)


def _places(rows: Any, n: int) -> NDArray[np.int64]:
    """Row numbers of a subset, given as them or as truth values."""
    found = as_held("rows", rows)
    if found.ndim == 1 and not len(found):  # an empty list has no type
        raise DataError(_NO_ROWS)
    if found.ndim != 1 or found.dtype.kind not in "biu":
        raise DataError(
            f"rows are {n} truth values or row numbers, got {found.dtype} of shape {found.shape}"
        )
    if found.dtype.kind == "b":
        if len(found) != n:
            raise DataError(f"rows has {len(found)} truth values and X has {n} rows")
        found = np.flatnonzero(found)
    if not len(found):
        raise DataError(_NO_ROWS)
    wrong = (found < 0) | (found >= n)
    if wrong.any():
        raise DataError(f"rows holds {found[wrong][0]}; the rows of X are 0 to {n - 1}")
    return found.astype(np.int64)


def _paths(folder: str | os.PathLike[str] | None, count: int) -> list[Path | None]:
    """Where each run's checkpoint stands."""
    if folder is None:
        return [None] * count
    where = Path(named(folder, "folder"))
    try:
        where.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {where}: {error.strerror}") from None
    names = ((path, path.stem.removeprefix("run-")) for path in where.glob("run-*.checkpoint"))
    there = {int(name): path for path, name in names if name.isdecimal()}
    digits = len(str(count - 1))  # fewer where fewer runs began: what is there keeps its name
    return [
        there.get(number, where / f"run-{number:0{digits}}.checkpoint") for number in range(count)
    ]
