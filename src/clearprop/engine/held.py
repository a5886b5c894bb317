"""A state that stands where the native engine reads and writes it: once in memory, not twice.

Proved by ``tests/test_engine_held.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop import _native
from clearprop.engine.contract import Flat, State
from clearprop.errors import NativeError

__all__ = ["HeldState"]


class HeldState(State):
    """A state whose numbers the engine holds, in its own layout.

    Reading ``parameters`` or a slot gives a copy that cannot be written to; assigning to them
    writes. While a step is under way in another thread, both wait for the end of its slice; what
    `copy` returns is of one step, and is what a pickle of it holds.

    Parameters
    ----------
    native : HeldF32 or HeldF64
        What holds it; it does not need the engine that made it.
    state : State
        What it begins with.
    names : tuple of str
        The optimizer's slots, in the engine's order.

    Raises
    ------
    NativeError
        On reading in a process that was forked in the middle of another thread's step.
    """

    __slots__ = ("_dtype", "_size", "names", "native")

    def __init__(
        self,
        native: _native.HeldF32 | _native.HeldF64,
        state: State,
        names: tuple[str, ...],
    ) -> None:
        self.native: Any = native
        self.names = names
        self._size, self._dtype = state.parameters.size, state.parameters.dtype
        self.take(state)

    def take(self, state: State) -> None:
        """Become another state of the same network and optimizer."""
        self.parameters, self.slots = state.parameters, state.slots
        self.counters = state.counters.copy()
        self.seed, self.family = state.seed, state.family

    @property
    def parameters(self) -> Flat:
        return self._copy(0)

    @parameters.setter
    def parameters(self, flat: Flat) -> None:
        self._put(0, flat)

    @property
    def slots(self) -> MutableMapping[str, Flat]:
        return _Slots(self)

    @slots.setter
    def slots(self, slots: Mapping[str, Flat]) -> None:
        for name in self.names:
            self.slots[name] = slots[name]

    @property
    def nbytes(self) -> int:
        return self._size * self._dtype.itemsize * (1 + len(self.names))

    @property
    def finite(self) -> bool:
        try:
            return bool(self.native.finite())
        except RuntimeError as error:
            raise NativeError(str(error)) from None

    def read(self, out: Flat) -> None:
        self._get(0, out)

    def parts(self) -> dict[str, Any]:
        names = ("parameters", *self.names)
        return {name: _Part(self, part) for part, name in enumerate(names)}

    def copy(self) -> State:
        flats = [np.empty(self._size, self._dtype) for _ in ("parameters", *self.names)]
        count = np.empty_like(self.counters)
        try:
            self.native.copy(flats, self.counters, count)
        except RuntimeError as error:
            raise NativeError(str(error)) from None
        slots: MutableMapping[str, Flat] = dict(zip(self.names, flats[1:], strict=True))
        step, skipped = count.tolist()
        return State(flats[0], slots, step, self.seed, skipped, self.family)

    def __reduce__(self) -> tuple[Any, ...]:
        state = self.copy()
        slots = dict(state.slots)
        return State, (state.parameters, slots, state.step, self.seed, state.skipped, self.family)

    def _copy(self, part: int) -> Flat:
        flat = np.empty(self._size, self._dtype)
        self._get(part, flat)
        flat.flags.writeable = False
        return flat

    def _get(self, part: int, flat: Flat) -> None:
        try:
            self.native.get(part, flat)
        except RuntimeError as error:
            raise NativeError(str(error)) from None

    def _put(self, part: int, flat: Flat) -> None:
        flat = np.ascontiguousarray(flat, dtype=self._dtype)
        if flat.shape != (self._size,):
            raise NativeError(f"a state of {self._size} numbers was given {flat.shape}")
        try:
            self.native.put(part, flat)
        except RuntimeError as error:
            raise NativeError(str(error)) from None


class _Part:
    """The parameters or a slot: what becomes an array when NumPy asks for one."""

    def __init__(self, state: HeldState, part: int) -> None:
        self._state, self._number = state, part
        self.shape, self.dtype = (state._size,), state._dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self._state._copy(self._number), dtype)


class _Slots(MutableMapping[str, Flat]):
    """The optimizer's slots, unpacked when they are read."""

    def __init__(self, state: HeldState) -> None:
        self._state = state

    def __getitem__(self, name: str) -> Flat:
        return self._state._copy(self._part(name))

    def __setitem__(self, name: str, flat: Flat) -> None:
        self._state._put(self._part(name), flat)

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"the slot {name} belongs to the optimizer")

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.names)

    def __len__(self) -> int:
        return len(self._state.names)

    def _part(self, name: str) -> int:
        if name not in self._state.names:
            raise KeyError(name)
        return 1 + self._state.names.index(name)
