"""A model read from its file: numbers and JSON, no code, and tried out before it is given back.

Proved by ``tests/test_model_file.py`` and ``tests/test_golden.py``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop import storage
from clearprop.errors import ClearPropError, DataError, FileError, RowError
from clearprop.graph import Graph
from clearprop.model.file import KIND
from clearprop.model.interval import Residuals
from clearprop.model.model import Model
from clearprop.network import Network, Parameters
from clearprop.tables import Cells, Chunk
from clearprop.tables.encoder import Encoder
from clearprop.tables.target import Target
from clearprop.training.history import Event, History

__all__ = ["load"]

#: What stands before the name of an array of the rows that were held back.
_HELD = "held/"


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model from a file that `Model.save` wrote; runs no code from it.

    Parameters
    ----------
    path : path

    Returns
    -------
    Model
        Which predicts the bits that the saved one did.

    Raises
    ------
    FileError
        If there is no such file, or it is no model, is damaged, or needs a newer ClearProp.

    Examples
    --------
    >>> import tempfile
    >>> from clearprop.model.arrays import train
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> model = train(Network([1, 1]), X, [1.0, 3.0, 5.0], epochs=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/line.clearprop"
    ...     _ = model.save(path)
    ...     bool((load(path).predict(X) == model.predict(X)).all())
    True
    """
    content, tensors = storage.read(path, KIND)
    where = os.fspath(path)
    try:
        network = Network(graph=Graph.from_dict(content["network"], where))
        history, *later = _histories(content, tensors["history"])
        encoder = content["encoder"]
        model = Model(
            network,
            _parameters(network, tensors, where),
            Target.from_data(content["target"]),
            None if encoder is None else Encoder.from_data(encoder),
            [dict(column) for column in content["columns"]],
            history,
            dict(content["provenance"]),
            tuple(later),
            _residuals(tensors),
        )
        _try_out(model)
        return model
    except FileError:
        raise
    except RowError as error:
        raise FileError(str(error)) from None
    except (
        ClearPropError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
    ) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise FileError(
            f"{where} holds a model that cannot be built: {what}; train again"
        ) from None


def _histories(content: Mapping[str, Any], rows: NDArray[Any]) -> list[History]:
    """The history of each run; a file of one run says nothing of runs."""
    one = {"epochs": len(rows), "events": content["events"]}
    found, start = [], 0
    for run in content.get("runs", [one]):
        history, end = History(), start + run["epochs"]
        for row in rows[start:end].tolist():
            history.append(**dict(zip(content["history"], row, strict=True)))
        history.events.extend(Event(**event) for event in run["events"])
        found.append(history)
        start = end
    if start != len(rows):
        raise DataError(f"the history has {len(rows)} rows, and its runs {start}")
    return found


def _residuals(tensors: Mapping[str, NDArray[Any]]) -> Residuals | None:
    """What the rows held back were off by; a file of none says nothing of them."""
    held = {k.removeprefix(_HELD): v for k, v in tensors.items() if k.startswith(_HELD)}
    return Residuals.from_tensors(held) if held else None


def _try_out(model: Model) -> None:
    """Predict a row without values: what a file says must fit together, or fail while loading."""
    model.given_columns()
    if model.target.task not in ("classification", "regression"):
        raise DataError(f"there is no task {model.target.task!r}")
    if model.encoder is not None:
        missing = {
            name: Cells(np.array([""], object), np.zeros(1, np.bool_))
            for name in model.encoder.names
        }
        with np.errstate(divide="raise", invalid="raise"):  # a standard deviation of nought
            outputs = model._chunk(Chunk(0, 1, missing))
        if outputs.shape[1] != max(len(model.labels), 1):
            raise DataError("the network's outputs are not the classes")
        model._values(outputs)


def _parameters(network: Network, tensors: Mapping[str, NDArray[Any]], where: str) -> Parameters:
    graph = network.graph
    found = {
        name.removeprefix("parameters/"): array
        for name, array in tensors.items()
        if name != "history" and not name.startswith(_HELD)
    }
    shapes = {name: parameter.shape for name, parameter in graph.parameters.items()}
    if {name: array.shape for name, array in found.items()} != shapes:
        raise FileError(f"{where}: its parameters do not have the shapes of its network")
    if not found:
        return Parameters(graph, np.zeros(0, np.float32))
    flat = np.concatenate([found[name].reshape(-1) for name in shapes])
    return Parameters(graph, flat)
