"""What an engine is given and what it gives back: State, Data, Window, Report, Runner.

Training, clusters and tests speak to any engine through these. The native engine and the float64
reference (`clearprop.engine.reference`) both are Runners.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from clearprop.expressions import Array
from clearprop.optimizers import Optimizer

Precision = Literal["float32", "float64", "bfloat16"]
Flat = NDArray[Any]
"""A flat vector in the canonical layout: the graph's parameters in order, row-major, unpadded."""


class State:
    """All that a training run's next step depends on, besides the data: what a checkpoint holds.

    An engine changes it by whole steps only: whatever ends a run, an exception out of a signal
    handler too, ``parameters``, ``slots``, ``step`` and ``skipped`` belong to one step. An engine
    may hold it (`Runner.hold`): then what is read of it are copies.

    Parameters
    ----------
    parameters : (size,) float32 or float64
        In the canonical layout and the master precision.
    slots : dict of str to array
        The optimizer's, by name: (size,) in the same layout, of a whole-batch rule any shape.
    step : int
        Steps done; the next is number ``step`` from 0, and the optimizer's t is ``step`` + 1.
    seed : int
        Of dropout and of the order of rows.
    skipped : int
        Batches of zero total weight, which change nothing but this count and ``step``.
    family : str
        Which instruction sequences made it: ``"fma"`` (AVX2, AVX-512 and NEON agree to the bit),
        ``"baseline"``, or ``"reference"``.
    """

    __slots__ = ("counters", "family", "parameters", "seed", "slots")

    def __init__(
        self,
        parameters: Flat,
        slots: MutableMapping[str, Flat] | None = None,
        step: int = 0,
        seed: int = 0,
        skipped: int = 0,
        family: str = "reference",
    ) -> None:
        self.parameters = parameters
        self.slots: MutableMapping[str, Flat] = {} if slots is None else slots
        self.counters: NDArray[np.int64] = np.array([step, skipped], dtype=np.int64)
        """(step, skipped), where the native engine counts them together with its last write."""
        self.seed, self.family = seed, family

    @property
    def step(self) -> int:
        return int(self.counters[0])

    @property
    def skipped(self) -> int:
        return int(self.counters[1])

    @classmethod
    def initial(
        cls, parameters: Flat, optimizer: Optimizer, seed: int, precision: Precision, family: str
    ) -> State:
        """Return the state before the first step: the slots at zero."""
        master = np.float64 if precision == "float64" else np.float32
        flat = np.array(parameters, dtype=master)
        return cls(flat, optimizer.begin(flat), 0, seed, 0, family)

    @property
    def nbytes(self) -> int:
        """Bytes of the parameters and of the slots."""
        return int(self.parameters.nbytes + sum(slot.nbytes for slot in self.slots.values()))

    @property
    def finite(self) -> bool:
        """Whether every parameter is a finite number."""
        return bool(np.isfinite(self.parameters).all())

    def read(self, out: Flat) -> None:
        """Write the parameters into an array."""
        out[...] = self.parameters

    def parts(self) -> dict[str, Any]:
        """Return the parameters, and the slots by name: arrays, or what `numpy.asarray` makes one.

        What an engine holds is copied only then.
        """
        return {"parameters": self.parameters, **self.slots}

    def copy(self) -> State:
        """Return a state of plain arrays that shares nothing with this one."""
        slots = {name: slot.copy() for name, slot in self.slots.items()}
        return State(self.parameters.copy(), slots, self.step, self.seed, self.skipped, self.family)


@dataclass(frozen=True)
class Data:
    """The rows that windows point into; may be read-only, unaligned, not contiguous.

    Parameters
    ----------
    inputs : mapping of str to array
        By the input's key: (n, width) float32 or float64, or (n,) integer indices.
    targets : mapping of str to array
        By the plan's target symbol: (n, width) floats, or (n,) integer classes for a cost whose
        target is a class.
    weights : (n,) array, optional
        Sample weights, 0 or more.
    """

    inputs: Mapping[str, NDArray[Any]]
    targets: Mapping[str, NDArray[Any]]
    weights: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True)
class Window:
    """Consecutive steps of a run: which rows each takes, in order.

    Parameters
    ----------
    rows : (total,) int64
        Rows of the data, batch after batch.
    borders : (steps + 1,) int64
        Step i takes ``rows[borders[i]:borders[i + 1]]``.
    rates : (steps,) float64
        The learning rate of each step.
    penalties : (steps,) float64, optional
        What the network's λ is multiplied by in each step; 1 if left out.
    dropouts : (steps,) float64, optional
        What the rate of every dropout is multiplied by in each step, the product below 1: a unit is
        kept with probability 1 − p f and divided by it. 1 if left out; 0 drops nothing.
    decays : (steps,) float64, optional
        What the optimizer's weight decay is multiplied by in each step; 1 if left out.
    """

    rows: NDArray[np.int64]
    borders: NDArray[np.int64]
    rates: Array
    penalties: Array | None = None
    dropouts: Array | None = None
    decays: Array | None = None

    def scales(self, step: int) -> tuple[float, float, float]:
        """Return what λ, the rates of dropout and the decay are multiplied by in a step."""
        of = (self.penalties, self.dropouts, self.decays)
        penalty, dropout, decay = (1.0 if one is None else float(one[step]) for one in of)
        return penalty, dropout, decay


@dataclass(frozen=True)
class Report:
    """What became of a window.

    Parameters
    ----------
    costs : (done,) float64
        J of each step's batch before its update (NaN for a skipped batch).
    norms : (done,) float64
        The gradient's 2-norm before clipping, where clipping is on; else empty.
    done : int
        Whole steps done, skipped ones counted. An interrupted step is discarded whole.
    why : str
        ``"done"``, ``"stopped"`` (the stop flag), or ``"diverged"`` (a cost that is not finite:
        the step is counted in ``done`` and its update was not applied), or ``"converged"`` (a
        whole-batch rule has no step to take: this one is counted, and changed nothing).
    text : str
        Of ``"converged"``: what was found, as the end of a sentence.
    """

    costs: Array
    norms: Array
    done: int
    why: Literal["done", "stopped", "diverged", "converged"]
    text: str = ""


@dataclass
class Looks:
    """Rows that are judged behind each epoch of a window, and what was found: see `NativeRunner`.

    Parameters
    ----------
    data : Data
        Whose J is the figure of an epoch.
    ends : (epochs,) int64
        Steps of the window after which its epochs end.
    least : float
        The least figure so far.
    best : (size,) array
        Where the parameters of the least figure go; left alone where none is less than ``least``.
    """

    data: Data
    ends: NDArray[np.int64]
    least: float
    best: Flat

    def __post_init__(self) -> None:
        self.figures, self.seconds = np.zeros(len(self.ends)), np.zeros(len(self.ends))
        """J of each epoch, and its seconds since the call began."""
        self._looked = np.zeros(1, dtype=np.int64)

    @property
    def looked(self) -> int:
        """How many looks are whole."""
        return int(self._looked[0])

    @property
    def native(self) -> tuple[Any, ...]:
        """What the engine reads and writes."""
        return self.ends, self.least, self.best, self.figures, self.seconds, self._looked


class Runner(Protocol):
    """What runs steps: opened for one plan, optimizer and data, driven in slices, closed."""

    @property
    def family(self) -> str:
        """Which instruction sequences it runs; see `State`."""

    @property
    def precision(self) -> Precision:
        """The precision of its steps."""

    def run(self, state: State, window: Window, stop: Callable[[], bool] | None = None) -> Report:
        """Do the window's steps, changing ``state`` in place. Slices never change the bits.

        ``stop`` is asked from Python between short slices; a signal handler may also call
        `interrupt`.
        """

    def hold(self, state: State) -> State:
        """Return the state to run with in place of one that is used no more.

        It stands where this runner's steps read it, and outlives the runner.
        """

    def broken_off(self) -> Report:
        """Return what the last run had done when an exception ended it (a signal handler's)."""

    def interrupt(self) -> None:
        """Ask a run in progress to stop within one tile; safe from a signal handler or thread."""

    def evaluate(self, parameters: Flat | State, data: Data) -> float:
        """Return J over all rows of ``data`` without dropout, float64 sums, in row blocks."""

    def forward(
        self, parameters: Flat | State, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, Array]:
        """Return each output (the members' mean) by value name, (n, width), without dropout."""

    def member_outputs(
        self, parameters: Flat | State, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, Array]:
        """Return each output by value name, (K, n, width), K = 1 for a plain network."""

    def judge(self, parameters: Flat | State, data: Data) -> tuple[float, dict[str, Array]]:
        """Return what `evaluate` and `forward` return, to the bit, of the same rows."""

    def close(self) -> None:
        """Give back threads and memory; a closed runner refuses to run."""


def flat_of(parameters: Flat | State) -> Flat:
    """Return the vector itself, or the parameters of a state."""
    return parameters.parameters if isinstance(parameters, State) else parameters


Open = Callable[..., Runner]
"""``open_runner(graph, optimizer, data, *, precision, threads, clip) -> Runner``."""
