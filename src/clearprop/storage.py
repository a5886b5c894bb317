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
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

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

Tensors = Mapping[str, NDArray[Any]]
Where = str | os.PathLike[str]

_DTYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "I64": np.dtype("<i8")}
_LENGTH = 8  # bytes of the header's length in front of a safetensors file
_LONGEST_HEADER = 100_000_000  # safetensors' own limit
_SHOWN = 300  # characters of a name in a message


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
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no plain file"
        raise FileError(f"cannot write {name}: it is {what}; choose another name")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise FileError(_cannot_write(name, PermissionError(errno.EACCES, "")))
    return target


def write(path: Where, kind: Kind, content: Mapping[str, Any], tensors: Tensors) -> None:
    """Write a file whole or not at all; what stood at the path stands until then.

    Parameters
    ----------
    path : str or path
    kind : Kind
    content : mapping of plain data
        What JSON can hold; no NaN.
    tensors : mapping of str to float32, float64 or int64 array

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    from safetensors.numpy import save  # heavy: only when a file is touched

    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    described = {
        "format": kind.format,
        "version": kind.version,
        "sha256": _digest(content, arrays),
        **content,
    }
    data = save(arrays, metadata={"clearprop": _json(described)})
    with written_whole(path) as stream:
        stream.write(data)


def read(path: Where, kind: Kind) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file: what it says, and its (read-only) arrays.

    Raises
    ------
    FileError
        If it cannot be read, is of another kind, truncated or edited, or needs a newer ClearProp.
    """
    from safetensors import SafetensorError, deserialize  # heavy: only when a file is touched

    name = named(path, f"{kind.word} file")
    check_plain(name, f"{kind.word} file")
    try:
        data = Path(name).read_bytes()
    except FileNotFoundError:
        raise FileError(f"there is no file {name}") from None
    except OSError as error:
        raise FileError(f"cannot read {_cut(name)}: {error.strerror or error}") from None
    content = said(data[: _LENGTH + _LONGEST_HEADER], kind)
    if content is None:
        raise FileError(f"{name} is no ClearProp {kind.word}{_what_else(data)}")
    version = content.pop("version", None)
    if isinstance(version, int) and version > kind.version:
        raise FileError(
            f"{name} has format version {version}; this ClearProp reads up to {kind.version}: "
            "install a newer one"
        )
    try:
        tensors = {
            key: _array(item)
            for key, item in deserialize(data)  # type: ignore[no-untyped-call]
        }
        intact = content.pop("sha256", None) == _digest(content, tensors)
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError):
        intact = False
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
            length = int.from_bytes(stream.read(_LENGTH), "little")
            if length > _LONGEST_HEADER:
                return False
            return said(length.to_bytes(_LENGTH, "little") + stream.read(length), kind) is not None
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


def _array(item: Mapping[str, Any]) -> NDArray[Any]:
    dtype: Any = _DTYPES[item["dtype"]]
    return np.frombuffer(item["data"], dtype).reshape(item["shape"])


def _digest(content: Mapping[str, Any], tensors: Tensors) -> str:
    """SHA-256 of everything a file says, whatever the order it is kept in."""
    found = hashlib.sha256(_json(content).encode())
    for name in sorted(tensors):
        array = tensors[name]
        found.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


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
    if data[:256].lstrip()[:1] in (b"{", b"["):
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
