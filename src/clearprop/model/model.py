"""The trained model: a network with its parameters, and what turns tables and labels into arrays.

Proved by ``tests/test_model.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clearprop import storage
from clearprop.backprop.given import as_array, check_finite
from clearprop.errors import DataError, SettingError, UsageError
from clearprop.model.compiled import Compiled
from clearprop.model.describing import facts_of, page_of
from clearprop.model.file import KIND, check_destination
from clearprop.model.forwarding import Forward
from clearprop.model.interval import Residuals
from clearprop.model.outcomes import figures, probabilities, values
from clearprop.model.targets import encode_target
from clearprop.network import Inputs, Network, Parameters, check_network
from clearprop.settings import Attr
from clearprop.tables import Chunk, Table
from clearprop.tables.places import by_place
from clearprop.tables.target import Target
from clearprop.tables.weights import read_weights
from clearprop.training.arrays import read_inputs, read_sample_weight
from clearprop.training.history import History
from clearprop.words import shown

if TYPE_CHECKING:
    from clearprop.tables.encoder import Encoded, Encoder  # a model of arrays has none

__all__ = ["Model", "Predictions", "input_arrays"]

#: Rows that are encoded and predicted at a time.
_ROWS = 8192
_OVERWRITE = Attr("overwrite", bool, False)


@dataclass(frozen=True)
class Predictions:
    """Some consecutive rows of a table, and what the model says of them.

    Attributes
    ----------
    start : int
        The first row's place in the table, from 0.
    values : (m,) array
        Labels, or numbers in the target's units.
    probabilities : (m, K) float64 array or None
        In the order of `Model.labels`; None for regression.
    ends : (m, 2) float64 array or None
        Of the interval, where a coverage was asked for.
    """

    start: int
    values: NDArray[Any]
    probabilities: NDArray[np.float64] | None
    ends: NDArray[np.float64] | None = None


@dataclass(eq=False, repr=False)
class Model:
    """A trained network that predicts in its users' terms.

    Made by `train`, `train_table` and `load`.

    Attributes
    ----------
    network : Network
    parameters : Parameters
        Named arrays, float32 or float64 as they were trained.
    target : Target
        What is predicted: the classes, or a number's mean and standard deviation.
    encoder : Encoder or None
        How a table's columns become inputs; None if it was trained from arrays.
    columns : list of dict
        What was decided about each column of the table, and why.
    history : History
        A row of figures for each epoch, and events: of the first run, where there were several.
    later : tuple of History
        Of the other runs that the model is made of, in order.
    residuals : Residuals or None
        What rows that were held back from training were off by, of one predicted number: see
        `predict_interval`.
    provenance : dict
        How it was made: versions, seed, optimizer and settings, rows, steps, why it stopped, and
        the figures of the test and validation rows.
    """

    network: Network
    parameters: Parameters
    target: Target
    encoder: Encoder | None = None
    columns: Sequence[Mapping[str, Any]] = ()
    history: History = field(default_factory=History)
    provenance: dict[str, Any] = field(default_factory=dict)
    later: tuple[History, ...] = ()
    residuals: Residuals | None = None

    def __post_init__(self) -> None:
        check_network("Model", self.network)
        for name, kind in (("parameters", Parameters), ("target", Target), ("history", History)):
            if not isinstance(getattr(self, name), kind):
                got = shown(getattr(self, name))
                raise SettingError(f"Model: {name} is a {kind.__name__}, got {got}")

    @property
    def histories(self) -> tuple[History, ...]:
        """The history of each run that the model is made of: one, or several of a preset."""
        return (self.history, *self.later)

    # -- what it predicts -------------------------------------------------------------------------
    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return self.target.task

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes as they were given, in the order of the probabilities."""
        return self.target.labels

    @property
    def quantile(self) -> float | None:
        """Which quantile of the number is predicted; None: its mean, or a class."""
        costs = self.network.graph.costs
        return next((cost.attrs["quantile"] for cost in costs if cost.op == "quantile"), None)

    def predict(self, X: object) -> Any:
        """Return a label, or a number in the target's own units, for each row.

        Parameters
        ----------
        X : (m, width) array; or, if the model was trained on a table, a table
            A file's name, a frame, a dict of columns; see `train_table`.

        Returns
        -------
        (m,) array; (m, outputs) for several numbers; a dict of them for several outputs

        Raises
        ------
        DataError, FileError, ShapeError
            Naming the column or the shape that is missing or wrong.
        """
        if len(self.network.graph.outputs) > 1:
            return self._forward(self._read(X), self.parameters)
        return self._values(self._outputs(X))

    def predict_probabilities(self, X: object) -> NDArray[np.float64]:
        """Return the probability of each class, (m, K), in the order of `labels`.

        Raises
        ------
        UsageError
            If the model predicts a number.
        """
        if self.task != "classification":
            raise UsageError(
                f"the model predicts the number {self.target.name!r}, which has no probabilities: "
                "predict without them"
            )
        return probabilities(self._outputs(X))

    def predict_interval(self, X: object, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return an interval for each row that holds a share of such rows' numbers.

        Conformal, from rows that were held back from training: of new rows that come as those did,
        each end leaves about (1 − coverage) / 2 out. That holds over all rows, and over rows of
        similar predictions, whatever the noise is like; not for every row by itself. Where most
        numbers lie on one side of the prediction, as those of a quantile do, a narrow interval
        lies there too. The rows that were held back chose the epoch as well, which flatters the
        model where they are few: of fits to 40 rows, intervals of 0.9 held 0.87 of new ones.

        Parameters
        ----------
        X : as for `predict`
        coverage : float in (0, 1)

        Returns
        -------
        (m, 2) float64
            The lower and the upper end, in the target's own units.

        Raises
        ------
        UsageError
            If the model predicts classes, or no row was held back from training.
        DataError
            If too few were for the coverage: at 0.9 it takes 19.

        Examples
        --------
        >>> from clearprop.model.arrays import train
        >>> x = np.linspace(-1, 1, 400)
        >>> y = 3 * x + np.random.default_rng(0).uniform(-0.1, 0.1, 400)
        >>> line = train(Network([1, 1]), x[:, None], y, validation=0.5, learning_rate=0.1)
        >>> line.predict_interval([[0.5]]).round(1).tolist()
        [[1.4, 1.6]]
        """
        known = self.residuals_known()
        return known.interval(np.asarray(self.predict(X), np.float64), coverage)

    def residuals_known(self) -> Residuals:
        """Return what rows that were held back were off by.

        Raises
        ------
        UsageError
            If the model predicts classes, or no row was held back from training.
        """
        if self.task == "classification":
            raise UsageError(
                f"the model predicts the class {self.target.name!r}, which has no interval: ask "
                "for probabilities"
            )
        if self.residuals is None:
            raise UsageError(
                "the model has no interval: that takes rows which were held back from training, "
                "to validate it, and one predicted number"
            )
        return self.residuals

    def evaluate(
        self, X: object, Y: Any = None, sample_weight: ArrayLike | None = None
    ) -> dict[str, float]:
        """Return how good the predictions are, by the name of the figure.

        Parameters
        ----------
        X : array or table
            A table holds the target in a column of its own, where Y is not given; rows without one
            are left out.
        Y : (m,) array, optional
            Labels or numbers, as they were in training; needed where the model was trained from
            arrays.
        sample_weight : (m,) array, optional
            A table's weights are those of the column that held them in training, if it is there.

        Returns
        -------
        dict of str to float
            accuracy, log_loss, auc, … for classes; rmse, mae, r2, … for numbers.
        """
        if self.encoder is not None:
            if Y is not None:
                return self._judge_apart(self.open(X), Y, sample_weight)
            table = self.open(X, judged=True)
            return self.judge(table, np.ones(table.rows, np.bool_), sample_weight)
        if Y is None:
            raise UsageError("evaluate: give the targets Y beside X")
        if len(self.network.graph.outputs) > 1:
            J = self.network.cost(self.parameters, self._arrays(X), Y, sample_weight)
            return {"cost": J}
        y, outputs = encode_target(self.target, Y), self._outputs(X)
        if len(y) != len(outputs):
            raise DataError(f"X has {len(outputs)} rows and Y has {len(y)}; give one a sample")
        if self.task == "regression":
            y = as_array("Y", y)
            check_finite("Y", y)
        return self._figures(y, outputs, read_sample_weight(sample_weight, len(y)))

    def open(self, data: object, *, judged: bool = False, encoding: str | None = None) -> Table:
        """Open a table to predict from, its columns checked; their order is free.

        Parameters
        ----------
        data : anything that holds a table
        judged : bool
            Whether it must hold the target too.
        encoding : str, optional
            Of a text file; by default found from its bytes.

        Raises
        ------
        UsageError
            If the model was trained from arrays.
        DataError
            If columns are missing; near names are suggested.
        """
        if self.encoder is None:
            raise UsageError(
                "the model was trained from arrays and reads arrays, not tables: in Python, "
                "cp.load(FILE).predict(X)"
            )
        data = by_place(data, self.given_columns(), self.target.name)
        texts: list[str] = []
        if judged and (self.target.form or (self.labels and self.target.kind == "text")):
            texts.append(self.target.name)
        table = self.encoder.open(data, as_text=texts, encoding=encoding)
        if judged:
            table.column(self.target.name)
        return table

    def predictions(self, table: Table, coverage: float | None = None) -> Iterator[Predictions]:
        """Yield the predictions of a table's rows in order, some thousands at a time.

        Parameters
        ----------
        table : Table
        coverage : float in (0, 1), optional
            Of the interval around each number: see `predict_interval`.
        """
        assert self.encoder is not None
        for chunk in table.chunks(_ROWS, self.encoder.names):
            outputs = self._chunk(chunk)
            found = self._values(outputs)
            P = probabilities(outputs) if self.task == "classification" else None
            ends = None if coverage is None else self.residuals_known().interval(found, coverage)
            yield Predictions(chunk.start, found, P, ends)

    def judge(
        self, table: Table, rows: NDArray[np.bool_], sample_weight: ArrayLike | None = None
    ) -> dict[str, float]:
        """Return the figures of some rows of a table, as `evaluate` does of all."""
        return self._figures(*self.judged(table, rows, sample_weight))

    def judged(
        self, table: Table, rows: NDArray[np.bool_], sample_weight: ArrayLike | None = None
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None]:
        """Return what `judge` goes by: those rows' encoded targets, outputs and weights."""
        assert self.encoder is not None
        outputs, targets, kept = [], [], []
        for chunk in table.chunks(_ROWS, [*self.encoder.names, self.target.name]):
            y, known = self.target.encode(chunk)
            counts = known & rows[chunk.start : chunk.start + chunk.rows]
            kept.append(counts)
            if counts.any():
                outputs.append(self._chunk(chunk)[counts])
                targets.append(y[counts])
        if not targets:
            raise DataError(f"{table.name}: no row has a value of the target {self.target.name!r}")
        weights = self._weights(table, sample_weight)
        if weights is not None:
            weights = weights[np.concatenate(kept)]
        return np.concatenate(targets), np.concatenate(outputs), weights

    def _judge_apart(
        self, table: Table, Y: Any, sample_weight: ArrayLike | None
    ) -> dict[str, float]:
        """The figures of a table's rows by targets that stand beside it."""
        if self.target.name in table.names:
            raise UsageError(
                f"evaluate: the table holds the target {self.target.name!r}; leave Y out"
            )
        y = encode_target(self.target, Y)
        if len(y) != table.rows:
            raise DataError(f"{table.name} has {table.rows} rows and Y has {len(y)}; give one each")
        if self.task == "regression":
            numbers = as_array("Y", y)
            check_finite("Y", numbers)
            y = (numbers - self.target.mean) / self.target.std
        weights = self._weights(table, sample_weight)
        outputs = np.concatenate([self._chunk(c) for c in table.chunks(_ROWS, table.names)])
        return self._figures(y, outputs, weights)

    def _weights(self, table: Table, sample_weight: ArrayLike | None) -> NDArray[np.float64] | None:
        """Those given, or those of the column that held them in training, if it is there."""
        name = self.column_used_as("weight")
        if sample_weight is None and name is not None and name in table.names:
            return read_weights(table, name)
        return read_sample_weight(sample_weight, table.rows)

    def column_used_as(self, use: str) -> str | None:
        """Return the name of the column that training used as ``"weight"`` or ``"group"``."""
        return next((str(c["name"]) for c in self.columns if c["use"] == use), None)

    def given_columns(self) -> list[str]:
        """Return the names of the columns that training had beside the target, in order."""
        return [str(c["name"]) for c in self.columns if c["use"] != "target"]

    def describe(self) -> str:
        """Return the network, the target, the columns and how it was trained, as text."""
        return "\n".join([self.network.describe(), "", *self.facts()])

    def facts(self) -> list[str]:
        """Return what is predicted, from what, and how it was trained, a line each."""
        names = None if self.encoder is None else self.encoder.names
        return facts_of(self.target, self.quantile, names, self.provenance)

    def __repr__(self) -> str:
        return f"<Model of {self.target.name!r}, {self.task}, {self.network!r}>"

    def _repr_html_(self) -> str:
        figures = self.provenance.get("figures", {})
        return page_of(repr(self)[1:-1], self.facts(), self.columns, figures)

    # -- in a file --------------------------------------------------------------------------------
    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the model to one file, whole or not at all; return its path.

        Parameters
        ----------
        path : str or path
            ``.clearprop`` by custom. A model at that path is replaced.
        overwrite : bool
            Whether a file that is no model may be replaced too.

        Raises
        ------
        FileError
            If it cannot be written; what stood there still stands.
        """
        target = check_destination(path, overwrite=bool(_OVERWRITE.check(overwrite, "save")))
        content = {
            "network": self.network.graph.to_dict(),
            "target": self.target.to_data(),
            "encoder": None if self.encoder is None else self.encoder.to_data(),
            "columns": [dict(column) for column in self.columns],
            "history": list(self.history.columns),
            "events": [asdict(event) for event in self.history.events],
            "provenance": self.provenance,
        }
        if self.later:  # all rows in one array; how many of them are each run's stands here
            content["runs"] = [
                {"epochs": len(one), "events": [asdict(event) for event in one.events]}
                for one in self.histories
            ]
        rows = np.concatenate([one.to_array() for one in self.histories])
        tensors = {f"parameters/{name}": array for name, array in self.parameters.items()}
        if self.residuals is not None:
            own = self.residuals.to_tensors()
            tensors |= {f"held/{name}": array for name, array in own.items()}
        storage.write(target, KIND, content, {**tensors, "history": rows})
        return Path(path)

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle and a copy hold: the engine's part is made again where it is needed."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    # -- inside -----------------------------------------------------------------------------------
    def _arrays(self, X: object) -> Inputs:
        if self.encoder is not None:
            raise UsageError("the model was trained on a table; give it one")
        return X  # type: ignore[return-value]  # read_inputs refuses what is no array

    def _read(self, X: object) -> dict[str, NDArray[Any]]:
        """The arrays, refused where the precision of training does not hold them."""
        greatest = float(np.finfo(self.parameters.flat.dtype).max)
        return read_inputs(self.network, self._arrays(X), greatest)

    def _outputs(self, X: object) -> NDArray[Any]:
        """What the network gives for all rows, (m, width)."""
        if self.encoder is None:
            few = self._forward.few(X, self.parameters)
            if few is not None:
                return few
            inputs = self._read(X)
            few = self._forward.few(next(iter(inputs.values())), self.parameters)
            return self._one(inputs) if few is None else few
        table = self.open(X)
        return np.concatenate([self._chunk(c) for c in table.chunks(_ROWS, self.encoder.names)])

    def _chunk(self, chunk: Chunk) -> NDArray[Any]:
        assert self.encoder is not None
        encoded = self.encoder.transform(chunk, self.parameters.flat.dtype)
        return self._one(input_arrays(self.network, encoded))

    def _one(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return self._forward(inputs, self.parameters)[self.network.graph.outputs[0]]

    def _each(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """What each member gives for all rows, (members, m, width)."""
        return self._forward.members(inputs, self.parameters)[self.network.graph.outputs[0]]

    @cached_property
    def _forward(self) -> Forward:
        return Forward(self.network, self.parameters.flat.dtype)

    @cached_property
    def compiled(self) -> Compiled:
        """What the network gives for rows of numbers, as fast as they come; see `Compiled`.

        Raises
        ------
        NativeError
            If the network has several inputs or outputs, or rows without a native kernel.
        """
        return Compiled(self.network, self.parameters)

    def _values(self, outputs: NDArray[Any]) -> NDArray[Any]:
        return values(self.target, outputs)

    def _figures(
        self, y: NDArray[Any], outputs: NDArray[Any], weights: NDArray[np.float64] | None
    ) -> dict[str, float]:
        return figures(self.target, y, outputs, weights, self.quantile or 0.5)


def input_arrays(network: Network, encoded: Encoded) -> dict[str, NDArray[Any]]:
    """Return encoded rows by the keys of the network's inputs: numbers first, then each index."""
    arrays = [encoded.X] if encoded.X.shape[1] else []
    arrays += [encoded.indices[:, place] for place in range(encoded.indices.shape[1])]
    return dict(zip([given.key for given in network.graph.inputs], arrays, strict=True))
