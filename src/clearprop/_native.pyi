# Written by tools/stubs.py from the built module: do not edit.
"""The native engine of ClearProp."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy
import numpy.typing
from numpy.typing import NDArray


row_block: int = 128

phases: int = 20

def version() -> str:
    """The version of the package this module was built for."""

def instruction_sets() -> list[tuple[str, str, bool]]:
    """(name, family, whether this processor has it), widest first."""

def kernel_names(kind: str) -> list[str]:
    """
    Rows with native kernels, by number: kind is function, cost or optimizer.
    """

def bfloat16_sets() -> list[str]:
    """Kernels of this processor's own bfloat16 products, fastest first."""

def available_cores() -> int:
    """Cores the system schedules this process on."""

def leave_cores(count: int) -> None:
    """Let threads spin while they wait only in teams of so many."""

def may_spin(threads: int) -> bool:
    """
    Whether threads of a team of so many spin while they wait for each other.
    """

def elementary_f32(isa: str, function: int, x: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float32]:
    """exp, expm1, log, log1p, tanh, erf, sqrt by number: for tests."""

def elementary_f64(isa: str, function: int, x: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float64]:
    """As elementary_f32."""

def product_f32(isa: str, A: Annotated[NDArray[numpy.float32], dict(shape=(None, None), writable=False)], B: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float32]:
    """A · B: for tests."""

def product_f64(isa: str, A: Annotated[NDArray[numpy.float64], dict(shape=(None, None), writable=False)], B: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float64]:
    """As product_f32."""

def philox(arg0: int, arg1: int, arg2: int, arg3: int, arg4: int, /) -> tuple[int, int, int, int]:
    """The four words Philox4x32-10 makes of a counter."""

def permutation(seed: int, epoch: int, n: int, start: int, count: int, isa: str = '') -> NDArray[numpy.int64]:
    """Rows start … start + count − 1 of the order of n rows in an epoch."""

def windows_fit(rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], borders: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], n: int) -> bool:
    """Whether batches have rows, within rows, that are 0 to n − 1."""

def total_weight(weights: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> float:
    """Σ w of a batch, in the one shape of every sum over rows."""

class Given:
    """The arrays of a call: inputs, targets, sample weights."""

    def __init__(self, inputs: list[numpy.typing.NDArray[Any]], targets: list[numpy.typing.NDArray[Any]], weights: numpy.typing.NDArray[numpy.float64] | None) -> None: ...

def structure_sizes() -> tuple[int, int, int, int]:
    """
    Bytes of a row of each table, so that both sides can be held to one layout.
    """

class HeldF32:
    """A state where steps read and write it; see native/held.hpp."""

    def put(self, part: int, flat: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None: ...

    def get(self, part: int, flat: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

    def copy(self, parts: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]], counters: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], count: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

    def finite(self) -> bool: ...

class EngineF32:
    """A program with its memory; see native/engine.hpp."""

    def __init__(self, isa: str, instructions: bytes, slots: bytes, parameters: bytes, uses: bytes, attrs: Sequence[float], constants: Sequence[float], members: int, optimizer: int, optimizer_slots: int, settings: Sequence[float], size: int) -> None: ...

    def hold(self) -> HeldF32: ...

    def run(self, state: HeldF32 | Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], slots: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]], counters: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], borders: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], rates: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], per_step: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], clip: float, seed: int, threads: int, by_units: bool, fuse: bool, piece: int, stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')], costs: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], norms: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], penalties: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, ticks: Annotated[NDArray[numpy.uint64], dict(shape=(None,), order='C', device='cpu')] | None = None, behind: tuple[Given, int, float, int, Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], float, Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')]] | None = None, dropouts: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, decays: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None) -> int: ...

    def forward(self, weights: HeldF32 | Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, m: int, outputs: Sequence[int], out: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]], threads: int, stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')]) -> bool: ...

    def prepare(self, flat: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None: ...

    def predict(self, x: numpy.typing.NDArray[Any], out: numpy.typing.NDArray[Any], width: int, output: int) -> None: ...

    def weighted_cost(self, weights: HeldF32 | Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, m: int, threads: int, stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')], outputs: Sequence[int] = [], out: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]] = []) -> float: ...

    def gradient(self, flat: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], place: int, total_weight: float, seed: int, step: int, training: bool, threads: int, stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')], dropout_scale: float = 1.0) -> list[tuple[int, int, NDArray[numpy.float32], float, float]] | None: ...

    def jacobian(self, flat: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], costs: Sequence[int], out: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu')], stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')]) -> bool: ...

    def apply(self, flat: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], slots: Sequence[Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')]], gradient: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], rate: float, per_step: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], clip: float, decay_scale: float = 1.0) -> float: ...

    def penalty(self, weights: HeldF32 | Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> float: ...

class HeldF64:
    """A state where steps read and write it; see native/held.hpp."""

    def put(self, part: int, flat: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None: ...

    def get(self, part: int, flat: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

    def copy(self, parts: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]], counters: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], count: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')]) -> None: ...

    def finite(self) -> bool: ...

class EngineF64:
    """A program with its memory; see native/engine.hpp."""

    def __init__(self, isa: str, instructions: bytes, slots: bytes, parameters: bytes, uses: bytes, attrs: Sequence[float], constants: Sequence[float], members: int, optimizer: int, optimizer_slots: int, settings: Sequence[float], size: int) -> None: ...

    def hold(self) -> HeldF64: ...

    def run(self, state: HeldF64 | Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], slots: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]], counters: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], borders: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], rates: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], per_step: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], clip: float, seed: int, threads: int, by_units: bool, fuse: bool, piece: int, stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')], costs: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], norms: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], penalties: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, ticks: Annotated[NDArray[numpy.uint64], dict(shape=(None,), order='C', device='cpu')] | None = None, behind: tuple[Given, int, float, int, Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], float, Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu')]] | None = None, dropouts: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, decays: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None) -> int: ...

    def forward(self, weights: HeldF64 | Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, m: int, outputs: Sequence[int], out: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]], threads: int, stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')]) -> bool: ...

    def prepare(self, flat: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> None: ...

    def predict(self, x: numpy.typing.NDArray[Any], out: numpy.typing.NDArray[Any], width: int, output: int) -> None: ...

    def weighted_cost(self, weights: HeldF64 | Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, m: int, threads: int, stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')], outputs: Sequence[int] = [], out: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]] = []) -> float: ...

    def gradient(self, flat: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], place: int, total_weight: float, seed: int, step: int, training: bool, threads: int, stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')], dropout_scale: float = 1.0) -> list[tuple[int, int, NDArray[numpy.float64], float, float]] | None: ...

    def jacobian(self, flat: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], given: Given, rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], costs: Sequence[int], out: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu')], stop: Annotated[NDArray[numpy.int32], dict(shape=(1), device='cpu')]) -> bool: ...

    def apply(self, flat: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], slots: Sequence[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]], gradient: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], rate: float, per_step: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], clip: float, decay_scale: float = 1.0) -> float: ...

    def penalty(self, weights: HeldF64 | Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> float: ...
