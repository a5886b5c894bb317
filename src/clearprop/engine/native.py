"""The native runner: slices of training steps in C++, and their parts apart.

Owns the call into ``clearprop._native``: arrays made ready, the program lowered once, the state
changed in place. A step's parts (`NativeRunner.gradient`, `combine`, `NativeRunner.apply`) give the
bits of the whole, in pieces cut at any multiple of `ROW_BLOCK` rows. Proved by
``tests/test_engine_*.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clearprop import _native
from clearprop.backprop import mean_of_members
from clearprop.engine.contract import Data, Flat, Looks, Precision, Report, State, Window, flat_of
from clearprop.engine.given import Ready
from clearprop.engine.held import HeldState
from clearprop.engine.isa import choose, choose_bfloat16
from clearprop.engine.jacobian import outputs_of
from clearprop.engine.lowered import lowered
from clearprop.engine.pieces import ROW_BLOCK, Node
from clearprop.engine.program import Op, Program
from clearprop.engine.team import Team, Way
from clearprop.errors import DataError, NativeError, SettingError
from clearprop.expressions import Array
from clearprop.graph import Graph
from clearprop.optimizers import Optimizer

MOST_THREADS = 1024
WIDE = 1.5
"""Weights for each number of a batch's values from which threads may share units (team.py)."""

Why = Literal["done", "stopped", "diverged"]
_ENDS: tuple[Why, ...] = ("done", "stopped", "diverged")

PHASES = (*(op.name.lower() for op in Op), "rows", "sums and update", "update", "wait")
"""What `NativeRunner.ticks` counts: instructions by kind, then the rest of a step.

``"sums and update"`` is the gradients with the update behind them, of which ``"update"`` is a part.
"""


class NativeRunner:
    """Runs steps of one network and optimizer on one set of data, in C++.

    Parameters
    ----------
    graph : Graph
    optimizer : Optimizer or None
        None: for evaluation only.
    data : Data
        What windows point into.
    precision : {"float32", "float64", "bfloat16"}
    threads : int or None
        None: as many as the step's size is worth. Changes no bits.
    clip : float or None
        Largest 2-norm of the gradient, penalty included; a longer one is shortened to it.
    isa : str or None
        An instruction set by name; by default CLEARPROP_ISA, else the widest.
    fuse : bool
        Changes no bits.
    piece : int or None
        Rows of a batch that are done at once, `ROW_BLOCK` times a power of two; by default as many
        as their values find room for near the cores. Changes no bits.
    by_units : bool or None
        Whether threads share the units of layers, where they share the rows of a batch else; by
        default whichever is faster. Where gradients are clipped, or a batch is done in pieces, it
        is rows. Changes no bits.
    program : Program or None
        The graph's, where it is lowered already.

    Raises
    ------
    NativeError
        If a row has no native kernel, or the instruction set is not there.
    SettingError
        If a setting is out of its bounds.
    """

    def __init__(
        self,
        graph: Graph,
        optimizer: Optimizer | None,
        data: Data,
        *,
        precision: Precision = "float32",
        threads: int | None = None,
        clip: float | None = None,
        isa: str | None = None,
        fuse: bool = True,
        piece: int | None = None,
        by_units: bool | None = None,
        program: Program | None = None,
    ) -> None:
        if precision not in ("float32", "float64", "bfloat16"):
            raise SettingError(
                f"precision={precision!r}: the native engine has float32, float64 and bfloat16"
            )
        if threads is not None and not 1 <= threads <= MOST_THREADS:
            raise SettingError(f"threads={threads}: between 1 and {MOST_THREADS}")
        if piece is not None and piece not in [ROW_BLOCK << level for level in range(24)]:
            raise SettingError(f"piece={piece}: {ROW_BLOCK} times a power of two")
        if clip is not None and not clip > 0:
            raise SettingError(f"clip={clip}: a norm above 0, or None")
        chosen = choose_bfloat16(isa) if precision == "bfloat16" else choose(isa)
        self.graph, self.optimizer = graph, optimizer
        self.family, self.isa, self.precision = chosen.family, chosen.name, precision
        self.dtype = np.dtype(np.float64 if precision == "float64" else np.float32)
        self.threads, self.clip, self.fuse, self.piece = threads, clip, fuse, piece
        self._team = Team(threads, by_units)
        self.ticks: NDArray[np.uint64] | None = None
        """Where the first thread's time goes, `PHASES` by `PHASES`, if an array stands here."""
        self.program: Program = program or lowered(graph, fuse=fuse)
        self._work, whole = self.program.work, clip is not None or not fuse
        # Rows of a step up to which threads may share units: weights are many beside values, and
        # not where whole gradients are made, which the engine has by rows alone.
        self._wide_to = 0 if whole else self.program.weights / max(1.0, WIDE * self.program.values)
        self._engine = self._make_engine()
        self._stop = np.zeros(1, dtype=np.int32)  # of `run`; what else computes has its own
        self._pause = np.zeros(1, dtype=np.int32)
        self._closed = False
        self._scalars: tuple[int, Array] = (0, np.empty((0, 0)))
        self._books = (State(np.zeros(0)), 0, np.zeros(0), np.zeros(0))
        self.data = data
        self._given = Ready(graph, data)
        self._judged = self._given

    def _make_engine(self) -> Any:
        optimizer, settings, slots, number = self.optimizer, [0.0], 0, -1
        if optimizer is not None:
            names = _native.kernel_names("optimizer")
            if optimizer.name not in names:
                raise NativeError(
                    f"the optimizer {optimizer.name} has no native kernel; train with the float64 "
                    "reference (engine='reference')"
                )
            number, slots = names.index(optimizer.name), len(optimizer.slots)
            settings = [optimizer.weight_decay]
            settings += [float(optimizer.settings[attr.name]) for attr in optimizer.attrs]
            settings += [0.0] * len(optimizer.per_step(np.ones(1)))
        engine = _native.EngineF64 if self.precision == "float64" else _native.EngineF32
        program = self.program
        return engine(
            self.isa,
            *program.tables,
            list(program.attrs),
            list(program.constants),
            program.members,
            number,
            slots,
            settings,
            program.size,
        )

    # -- the contract -----------------------------------------------------------------------------
    def run(self, state: State, window: Window, stop: Callable[[], bool] | None = None) -> Report:
        """Do the window's steps, changing ``state`` in place; see `clearprop.engine.contract`."""
        steps, run = self._readied(state, window)
        start = state.step
        why: Why = "done"
        m = _rows_a_step(window)
        work, wide = self._work * m, m < self._wide_to
        # Some 20 ms, at 20 multiplications a nanosecond, go by between two questions.
        part = steps if stop is None else max(1, int(4e8 / (work + 2e4)))
        while (done := state.step - start) < steps and why == "done":
            if stop is not None and stop():
                why = "stopped"
                break
            way, count = self._team.next(work, min(part, steps - done), wide=wide)
            began = time.perf_counter()
            why = run(done, count, way, None)
            if why == "done":
                self._team.note(way, work * count, time.perf_counter() - began)
        return self._ended(why)

    def run_epochs(self, state: State, window: Window, looks: Looks) -> Report:
        """Do the window's steps, and behind each epoch judge rows; what was found is in ``looks``.

        It ends like `run`, or behind an epoch whose figures are no numbers, or not reasonable ones:
        its look is left to the caller. The bits are those of `run`, `evaluate` and `State.read` in
        turn.

        Parameters
        ----------
        state : State
            Held by this runner.
        window : Window
        looks : Looks
        """
        steps, run = self._readied(state, window)
        given, n = self._ready(looks.data), len(looks.data)
        m = _rows_a_step(window)
        way = self._team.certain(self._work * m, wide=m < self._wide_to) or Way(1)
        behind = (given.native, n, given.weight, self._threads_for(n), *looks.native)
        return self._ended(run(0, steps, way, behind))

    def epochs_at_once(self, state: State, size: int, steps: int, judged: int) -> int:
        """Return how many epochs are worth one call of `run_epochs`: some 5 ms; 1: none is.

        Parameters
        ----------
        state : State
        size, steps : int
            Rows of a step, steps of an epoch.
        judged : int
            Rows judged behind it.
        """
        step = self._work * size
        tried = self._team.certain(step, wide=size < self._wide_to) is None
        if tried or self.ticks is not None or not isinstance(state, HeldState):
            return 1
        return max(1, int(1e8 / (steps * (step + 2e4) + self._work * judged)))

    def _readied(self, state: State, window: Window) -> tuple[int, Callable[..., Why]]:
        """Return the window's steps, and what does some of them: (first, count, way, looks)."""
        self._open()
        if self.optimizer is None:
            raise NativeError("this runner has no optimizer: it evaluates and does not train")
        names = tuple(self.optimizer.slots)
        if isinstance(state, HeldState) and state.names != names:
            raise NativeError(
                f"the state is held with the slots {state.names}, and the optimizer "
                f"{self.optimizer.name} has {names}: give it one of its own"
            )
        held = isinstance(state, HeldState)
        stands: Any = state.native if isinstance(state, HeldState) else state.parameters
        slots = [] if held else [state.slots[name] for name in names]
        borders = np.ascontiguousarray(window.borders, dtype=np.int64)
        rows = np.ascontiguousarray(window.rows, dtype=np.int64)
        rates = np.ascontiguousarray(window.rates, dtype=np.float64)
        penalties, dropouts, decays = (
            None if scales is None else np.ascontiguousarray(scales, dtype=np.float64)
            for scales in (window.penalties, window.dropouts, window.decays)
        )
        self._check_rows(rows, borders)
        costs, norms = np.zeros(len(rates)), np.zeros(len(rates) if self.clip is not None else 0)
        start = state.step
        self._books = (state, start, costs, norms)
        state.family = self.family

        def run(first: int, count: int, way: Way, behind: tuple[Any, ...] | None) -> Why:
            last = first + count
            end: int = self._engine.run(
                stands,
                slots,
                state.counters,
                self._given.native,
                rows,
                borders[first : last + 1],
                rates[first:last],
                self._per_step(start + first, count),
                self.clip or 0.0,
                state.seed,
                *way,
                self.fuse,
                self.piece or 0,
                self._stop,
                costs[first:last],
                norms[first:last],
                None if penalties is None else penalties[first:last],
                self.ticks,
                behind,
                None if dropouts is None else dropouts[first:last],
                None if decays is None else decays[first:last],
            )
            return _ENDS[end]

        return len(rates), run

    def _ended(self, why: Why) -> Report:
        """Return what the run that ends here has done."""
        self._stop[0] = 0  # an interrupt stops one run: this one, or the next if none was on
        return self._report(why)

    def _report(self, why: Why) -> Report:
        state, start, costs, norms = self._books
        done = state.step - start
        return Report(costs[:done], norms[:done], done, why)

    def _per_step(self, start: int, count: int) -> Array:
        """Return the optimizer's scalars of some steps, (count, scalars); t is 1 in step 0.

        They are made for many steps at once and kept, because slices follow each other.
        """
        assert self.optimizer is not None
        first, table = self._scalars
        if not first <= start <= start + count <= first + len(table):
            made = max(count, 1024)
            scalars = self.optimizer.per_step(np.arange(start + 1.0, start + made + 1.0))
            table = np.empty((made, len(scalars)))
            for column, value in enumerate(scalars.values()):
                table[:, column] = value
            first, self._scalars = start, (start, table)
        return table[start - first : start - first + count]

    def hold(self, state: State) -> State:
        """Return the state in the engine's layout, where steps need no copy of it."""
        self._open()
        if self.optimizer is None or isinstance(state, HeldState):
            return state
        return HeldState(self._engine.hold(), state, tuple(self.optimizer.slots))

    def broken_off(self) -> Report:
        """Return what the last run had done when an exception ended it."""
        return self._report("stopped")

    def use(self, data: Data) -> None:
        """Point windows at other rows from now on."""
        self._open()
        self._given, self.data = Ready(self.graph, data), data
        self._judged = self._given  # no other rows are held on to

    def interrupt(self) -> None:
        """Ask a run in progress to stop within one tile; safe from a signal handler or thread."""
        self._stop[0] = 1

    def evaluate(self, parameters: Flat | State, data: Data) -> float:
        """Return J over all rows of ``data`` without dropout; see `clearprop.engine.contract`."""
        return self._cost(parameters, data, [], [])

    def judge(self, parameters: Flat | State, data: Data) -> tuple[float, dict[str, NDArray[Any]]]:
        """Return `evaluate` and `forward` of the same rows; see `clearprop.engine.contract`."""
        slots, out = self._outputs(len(data))
        cost = self._cost(parameters, data, slots, out)
        return cost, _means(dict(zip(self.program.outputs, out, strict=True)))

    def _cost(
        self, parameters: Flat | State, data: Data, slots: list[int], out: list[NDArray[Any]]
    ) -> float:
        """J over all rows of the data; the outputs of these slots go to ``out``."""
        self._open()
        self._pause[0] = 0
        weights_at = self._stands(parameters)
        given = self._ready(data)
        if not given.weight > 0:
            raise DataError("the sample weights sum to 0; the cost of such data is not defined")
        n = len(data)
        team = self._threads_for(n)
        cost = self._engine.weighted_cost(
            weights_at, given.native, None, n, team, self._pause, slots, out
        )
        return float(cost / given.weight + self._engine.penalty(weights_at))

    def forward(
        self, parameters: Flat | State, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return each output, the members' mean; see `clearprop.engine.contract`."""
        return _means(self.member_outputs(parameters, inputs))

    def member_outputs(
        self, parameters: Flat | State, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return each output by value name, (K, n, width), K = 1 for a plain network."""
        self._open()
        self._pause[0] = 0
        weights_at = self._stands(parameters)
        data = Data(inputs, {})
        given, n = Ready(self.graph, data).native, len(data)
        slots, out = self._outputs(n)
        team = self._threads_for(n)
        if n and not self._engine.forward(
            weights_at, given, None, n, slots, out, team, self._pause
        ):
            raise NativeError("the forward pass was interrupted")
        return dict(zip(self.program.outputs, out, strict=True))

    def _outputs(self, n: int) -> tuple[list[int], list[NDArray[Any]]]:
        """The outputs' slots, and an array (K, n, width) for each."""
        slots = list(self.program.outputs.values())
        tables = [self.program.slots[slot] for slot in slots]
        return slots, [np.empty((one.members, n, one.width), self.dtype) for one in tables]

    def compiled(self, parameters: Flat) -> tuple[Any, int]:
        """Return an engine that predicts with these parameters, and the slot of the first output.

        The engine is another one than this runner's, which does not touch it.
        """
        self._open()
        engine = self._make_engine()
        engine.prepare(np.ascontiguousarray(parameters, dtype=self.dtype))
        return engine, next(iter(self.program.outputs.values()))

    def close(self) -> None:
        """Give back the memory; a closed runner refuses to run."""
        if not self._closed:
            self._closed, self._engine = True, None
            del self._given, self._judged

    # -- a step's parts ---------------------------------------------------------------------------
    def total_weight(self, rows: NDArray[np.int64]) -> float:
        """Return Σ w of a whole batch: what every piece of it divides by."""
        self._open()
        return self._given.weight_of(rows)

    def gradient(
        self,
        state: State,
        rows: NDArray[np.int64],
        total_weight: float,
        *,
        place: int = 0,
        dropout: float = 1.0,
    ) -> list[Node]:
        """Return the sums of a piece of a batch, for `combine`.

        Parameters
        ----------
        state : State
            Not changed; its seed and step choose dropout's masks.
        rows : (m,) int64
            The piece's rows of the data.
        total_weight : float
            Σ w of the whole batch.
        place : int
            The first row's place in the whole batch, a multiple of `ROW_BLOCK`.
        dropout : float
            What the rate of every dropout is multiplied by; see `Window`.

        Returns
        -------
        list of Node
        """
        self._open()
        if place % ROW_BLOCK:
            raise DataError(f"place={place}: a piece starts at a multiple of {ROW_BLOCK} rows")
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        self._check_rows(rows, np.array([0, len(rows)]))
        self._pause[0] = 0
        team = self._threads_for(len(rows))
        found = self._engine.gradient(
            np.ascontiguousarray(state.parameters, dtype=self.dtype), self._given.native, rows,
            place, total_weight, state.seed, state.step, True, team, self._pause, dropout,
        )  # fmt: skip
        if found is None:
            raise NativeError("the gradient was interrupted")
        return [Node(*one) for one in found]

    def jacobian(self, parameters: Flat, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return ∂a/∂w of each output that a cost reads, (outputs, rows, size).

        Parameters
        ----------
        parameters : (size,) array
            Of a network without members, whose costs are squared errors.
        rows : (m,) int64
            Rows of the data.

        Raises
        ------
        NativeError
            After Ctrl-C.
        """
        self._open()
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        self._check_rows(rows, np.array([0, len(rows)]))
        self._pause[0] = 0
        flat = np.ascontiguousarray(parameters, dtype=self.dtype)
        out = np.empty((outputs_of(self.graph), len(rows), len(flat)), self.dtype)
        costs = self.program.seeds([cost.value for cost in self.graph.costs])
        if not self._engine.jacobian(flat, self._given.native, rows, costs, out, self._pause):
            raise NativeError("the Jacobian was interrupted")
        return out

    def apply(
        self, state: State, gradient: Flat, learning_rate: float, *, decay: float = 1.0
    ) -> float:
        """Update the state by a whole batch's gradient (without the penalty); return its norm.

        ``decay`` is what the weight decay is multiplied by.
        """
        self._open()
        if self.optimizer is None:
            raise NativeError("this runner has no optimizer: it evaluates and does not train")
        scalars = self.optimizer.per_step(np.array([state.step + 1.0]))
        per_step = np.array([float(value[0]) for value in scalars.values()])
        plain = state.copy() if isinstance(state, HeldState) else state
        norm = self._engine.apply(
            plain.parameters, [plain.slots[name] for name in self.optimizer.slots],
            np.ascontiguousarray(gradient, dtype=self.dtype), learning_rate, per_step,
            self.clip or 0.0, decay,
        )  # fmt: skip
        plain.counters[0] += 1
        plain.family = self.family
        if isinstance(state, HeldState):
            state.take(plain)
        return float(norm)

    # -- arrays -----------------------------------------------------------------------------------
    def _ready(self, data: Data) -> Ready:
        """The data made ready: kept, as the same rows are judged after every epoch."""
        if data is self.data:
            return self._given
        if data is not self._judged.data:
            self._judged = Ready(self.graph, data)
        return self._judged

    def _stands(self, parameters: Flat | State) -> Any:
        """Where the engine reads these parameters: a vector, or what holds them."""
        if isinstance(parameters, HeldState):
            return parameters.native
        return np.ascontiguousarray(flat_of(parameters), dtype=self.dtype)

    def _open(self) -> None:
        if self._closed:
            raise NativeError("this runner is closed")

    def _check_rows(self, rows: NDArray[np.int64], borders: NDArray[np.int64]) -> None:
        if _native.windows_fit(rows, borders, len(self.data)):
            return
        if (borders[1:] <= borders[:-1]).any() or borders[0] < 0 or borders[-1] > len(rows):
            raise DataError("every batch of a window needs a row at least, within its rows")
        raise DataError(f"a window names rows outside 0 … {len(self.data) - 1}")

    def _threads_for(self, n: int) -> int:
        """Threads for one pass over n rows; a multiplication in float64 takes as long as two."""
        return self._team.of_pass(self._work * n * self.dtype.itemsize / 4)


def _rows_a_step(window: Window) -> float:
    """Rows of a batch, in the mean."""
    return float(window.borders[-1] - window.borders[0]) / max(1, len(window.rates))


def _means(found: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the members' mean of each output."""
    return {name: mean_of_members(out) if len(out) > 1 else out[0] for name, out in found.items()}
