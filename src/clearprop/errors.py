"""The errors a user can meet: each says what was wrong, the value, where, and the fix."""

from __future__ import annotations

__all__ = [
    "ClearPropError",
    "DataError",
    "DivergenceError",
    "FileError",
    "GraphError",
    "NativeError",
    "OutOfMemoryError",
    "RowError",
    "SettingError",
    "ShapeError",
    "UsageError",
]


class ClearPropError(Exception):
    """Something the user can mend; its text is one clear sentence with the fix.

    Attributes
    ----------
    exit_code : int
        What the command line returns for it: 1, it could not be done; 2, the command was wrong.
    """

    exit_code = 1


class UsageError(ClearPropError):
    """A command or a call asks for something that makes no sense, whatever the data."""

    exit_code = 2


class SettingError(UsageError, ValueError):
    """A setting has the wrong type, is out of bounds, or does not exist."""


class GraphError(ClearPropError, ValueError):
    """A network cannot be built as described."""


class RowError(GraphError):
    """A network names a row that is not registered in this session."""


class ShapeError(GraphError):
    """An array or a layer has another shape than its place needs."""


class DataError(ClearPropError, ValueError):
    """A table or an array holds what cannot be trained on or predicted from."""


class FileError(ClearPropError, OSError):
    """A file is missing, cannot be read or written, or is not what its name says."""


class NativeError(ClearPropError):
    """The native engine cannot run this network, or is not built."""


class OutOfMemoryError(ClearPropError, MemoryError):
    """A network is larger than the machine's memory."""


class DivergenceError(ClearPropError, ArithmeticError):
    """Training left the finite numbers.

    Attributes
    ----------
    training : object
        The run that did: its ``best`` parameters and ``history`` are kept.
    """

    training: object = None
