"""Files that are whole or not there, and the one container for arrays: safetensors, no code.

Layout: safetensors' header (8 bytes of length, JSON), then the arrays. The header's metadata has
one key, ``clearprop``, whose text is a JSON object: the kind of file, its version, SHA-256 of all
content, and what the file says besides arrays. One key, because safetensors keeps several in no
particular order, and the same content shall give the same bytes. Proved by
``tests/test_resume.py``.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import FileError
from clearprop.words import shown

__all__ = [
    "Kind",
    "check_plain",
    "check_writable",
    "is_kind",
    "named",
    "read",
    "said",
    "sweep",
    "write",
    "written_whole",
]

Where = str | os.PathLike[str]

_DTYPES: dict[str, Any] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8")}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_LENGTH = 8  # bytes of the header's length in front of a safetensors file
_LONGEST_HEADER = 100_000_000  # safetensors' own limit
_FRONT = 256  # bytes that tell what a file is that is no such one
_SHOWN = 300  # characters of a name in a message


class Tensor(Protocol):
    """An array, or what has its type and shape and becomes one when NumPy asks for it."""

    @property
    def dtype(self) -> Any: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    def __array__(self, dtype: Any = None, /) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Parameters
    ----------
    format : str
        What its header calls it.
    word : str
        What people call it.
    version : int
        The newest that is read, and the one that is written.
    instead : str
        What to do with a damaged one.
    """

    format: str
    word: str
    version: int
    instead: str


def named(path: object, what: str = "file") -> str:
    """Return a path as text; refuse what cannot name a file.

    Raises
    ------
    FileError
        If it is no path, empty, or holds a character that no file's name has.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(name := os.fspath(path), str):
        raise FileError(f"the name of a {what} is a text or a path, got {shown(path)}")
    if not name:
        raise FileError(f"the name of the {what} is empty; name a {what}")
    try:
        usable = b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise FileError(f"{name!r} names no {what}: no file's name has such a character")
    return name


def check_plain(path: Where, what: str = "file") -> None:
    """Refuse what is there and no plain file: a pipe or a device may never end.

    Raises
    ------
    FileError
        If it is a folder, a pipe, a device or a socket. What is not there is for `open` to say.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if stat.S_ISDIR(mode):
        raise FileError(f"{os.fspath(path)} is a folder; name the {what} in it")
    if not stat.S_ISREG(mode):
        raise FileError(f"{os.fspath(path)} is no plain file; name a {what}")


@contextmanager
def written_whole(path: Where) -> Iterator[IO[bytes]]:
    """Give a stream whose bytes become the file at ``path`` when all is written, else nothing does.

    Raises
    ------
    FileError
        If the file cannot be written; what stood there stands.
    """
    target = Path(os.path.realpath(named(path)))
    # Beside the target, so that replacing it is one step of one file system.
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, target)
        finally:
            with suppress(OSError):  # after os.replace there is nothing left to remove
                os.unlink(beside)
    except FileError:
        raise
    except OSError as error:
        raise FileError(_cannot_write(os.fspath(path), error)) from None


def sweep(path: Where) -> None:
    """Remove what writers of ``path`` that were killed in the middle have left beside it."""
    target = Path(os.path.realpath(path))
    with suppress(OSError):
        for left in target.parent.iterdir():
            if left.name.startswith(f".{target.name[:100]}.") and left.suffix == ".part":
                with suppress(OSError):
                    left.unlink()


def check_writable(path: Where) -> Path:
    """See that a file can be written at a path; return where it will stand.

    Raises
    ------
    FileError
        If the folder does not exist or may not be written to, or the path is no file's.
    """
    name = named(path)
    target = Path(os.path.realpath(name))
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except OSError as error:
        raise FileError(_cannot_write(name, error)) from None
    if not target.parent.is_dir():
        raise FileError(f"cannot write {name}: there is no folder {target.parent}; make it first")
    folder = stat.S_ISDIR(mode) or name.endswith(os.sep)  # one to be: "page.html/" names no file
    if folder or not stat.S_ISREG(mode):
        what = "a folder" if folder else "no plain file"
        raise FileError(f"cannot write {name}: it is {what}; choose another name")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise FileError(_cannot_write(name, PermissionError(errno.EACCES, "")))
    return target


def write(
    path: Where, kind: Kind, content: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    """Write a file whole or not at all; what stood at the path stands until then.

    Parameters
    ----------
    path : str or path
    kind : Kind
    content : mapping of plain data
        What JSON can hold; no NaN.
    tensors : mapping of str to float32, float64 or int64 array
        Or what becomes one by `numpy.asarray`: asked for when its turn to be written has come, and
        let go then.

    Raises
    ------
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> kind = Kind("clearprop-example", "example", 1, "write it again")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/a", kind, {"said": 1}, {"x": np.arange(3.0)})
    ...     read(f"{folder}/a", kind)
    ({'said': 1}, {'x': array([0., 1., 2.])})
    """
    described = {"format": kind.format, "version": kind.version, "sha256": "0" * 64, **content}
    starts = _starts(tensors)
    front = _front(described, tensors, starts)
    with written_whole(path) as stream:
        found = hashlib.sha256(_json(content).encode())
        for name in sorted(tensors):  # as they are hashed, wherever they stand
            array = np.ascontiguousarray(tensors[name], _DTYPES[_CODES[tensors[name].dtype]])
            _add(found, name, array)
            stream.seek(len(front) + starts[name])
            stream.write(array.data)
            del array
        stream.seek(0)
        stream.write(_front(described | {"sha256": found.hexdigest()}, tensors, starts))


def read(path: Where, kind: Kind) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file: what it says, and its arrays, which are the caller's.

    Raises
    ------
    FileError
        If it cannot be read, is of another kind, truncated or edited, or needs a newer ClearProp.
    """
    from safetensors import SafetensorError, safe_open  # heavy: only when a file is touched

    name = named(path, f"{kind.word} file")
    check_plain(name, f"{kind.word} file")
    try:
        with open(name, "rb") as stream:
            front = _read_front(stream)
            content = said(front, kind)
            if content is None:
                raise FileError(f"{name} is no ClearProp {kind.word}{_what_else(front)}")
            version = content.pop("version", None)
            if isinstance(version, int) and version > kind.version:
                raise FileError(
                    f"{name} has format version {version}; this ClearProp reads up to "
                    f"{kind.version}: install a newer one"
                )
            tensors: dict[str, NDArray[Any]] = {}
            try:
                with safe_open(name, "numpy"):  # refuses what does not add up to such a file
                    wanted = content.pop("sha256", None)
                    found = hashlib.sha256(_json(content).encode())
                    for key, array in _arrays(stream, front):
                        _add(found, key, array)
                        tensors[key] = array
                intact = wanted == found.hexdigest()
            except (SafetensorError, KeyError, ValueError, TypeError, RecursionError):
                intact = False
    except FileError:  # an OSError too, and whole already
        raise
    except FileNotFoundError:
        raise FileError(f"there is no file {name}") from None
    except OSError as error:
        raise FileError(f"cannot read {_cut(name)}: {error.strerror or error}") from None
    if not intact or version != kind.version:
        raise FileError(
            f"{name} is damaged: it was cut short or changed after it was saved; {kind.instead}"
        )
    return content, tensors


def is_kind(path: Where, kind: Kind) -> bool:
    """Return whether a file is of a kind by its header, damaged or not."""
    try:
        if not stat.S_ISREG(os.stat(named(path)).st_mode):
            return False  # to open a pipe may wait for ever
        with open(path, "rb") as stream:
            return said(_read_front(stream), kind) is not None
    except (OSError, FileError):
        return False


def said(data: bytes, kind: Kind) -> dict[str, Any] | None:
    """Return what the header at the front of ``data`` says, or None if it is no such file's."""
    length = int.from_bytes(data[:_LENGTH], "little")
    try:
        header = json.loads(data[_LENGTH : _LENGTH + length])
        content = json.loads(header["__metadata__"]["clearprop"])
        if content["format"] != kind.format:
            return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    del content["format"]
    return dict(content)


def _starts(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Where each array begins behind the header: wide numbers first, so that all are aligned."""
    starts, start = {}, 0
    for name in sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name)):
        starts[name] = start
        start += tensors[name].dtype.itemsize * math.prod(tensors[name].shape)
    return starts


def _front(
    described: Mapping[str, Any], tensors: Mapping[str, Tensor], starts: Mapping[str, int]
) -> bytes:
    """The header with its length in front; as long for every checksum."""
    header: dict[str, Any] = {"__metadata__": {"clearprop": _json(described)}}
    for name, start in starts.items():
        one = tensors[name]
        end = start + one.dtype.itemsize * math.prod(one.shape)
        header[name] = {
            "dtype": _CODES[one.dtype],
            "shape": one.shape or (1,),  # a contiguous array has one axis at least
            "data_offsets": (start, end),
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)
    return len(text).to_bytes(_LENGTH, "little") + text


def _read_front(stream: IO[bytes]) -> bytes:
    """The header with its length in front, or some bytes of what has none."""
    length = stream.read(_LENGTH)
    size = int.from_bytes(length, "little")
    return length + stream.read(size if size <= _LONGEST_HEADER else _FRONT)


def _arrays(stream: IO[bytes], front: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays by name, in the order of names, of a file whose header adds up."""
    header = json.loads(front[_LENGTH:])
    del header["__metadata__"]
    for name in sorted(header):
        array = np.empty(header[name]["shape"], _DTYPES[header[name]["dtype"]])
        stream.seek(len(front) + header[name]["data_offsets"][0])
        if stream.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
            raise ValueError("the file was cut short meanwhile")
        yield name, array


def _add(found: Any, name: str, array: NDArray[Any]) -> None:
    """Go on with SHA-256 of everything a file says, in the order of names."""
    found.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
    found.update(array.data)


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True, allow_nan=False, separators=(",", ":"))


def _what_else(data: bytes) -> str:
    """What a file is that is not of the kind, as far as its first bytes tell."""
    if not data:
        return ": it is empty"
    if data.startswith(b"PAR1"):
        return ": it is a Parquet table"
    if data.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x04", b"\x80\x05")):
        return ": it is a pickle or an archive, and ClearProp runs no code from files"
    if data[:_FRONT].lstrip()[:1] in (b"{", b"["):
        return ": it is JSON"
    if data[_LENGTH : _LENGTH + 1] == b"{":
        return ": it is another safetensors file, or cut short"
    return ""


def _cut(name: str) -> str:
    """A file's name as messages show it."""
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def _cannot_write(name: str, error: OSError) -> str:
    name = _cut(name)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"cannot write {name}: the disk is full; free some space, or write elsewhere"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"cannot write {name}: no permission to write in its folder; choose another place"
    return f"cannot write {name}: {error.strerror or error}; choose another name or place"
