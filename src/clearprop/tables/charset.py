"""Which bytes make up a text file: its encoding found from the whole of it, and made UTF-8."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from encodings.aliases import aliases
from pathlib import Path
from typing import BinaryIO, cast

from clearprop.errors import FileError
from clearprop.words import nearest

__all__ = ["TextFile", "prepare", "signature"]

_BLOCK = 1 << 20

#: How the files begin that people meet, what they are, and the suffix they should have.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PAR1", "a Parquet file", ".parquet"),
    (b"\x1f\x8b", "gzip-compressed", ".gz"),
    (b"ARROW1", "an Arrow file", ".arrow"),
    (b"\xff\xff\xff\xff", "a stream of Arrow batches", ".arrow"),
    (b"FEA1", "a Feather file of version 1", ".feather"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook", ".xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document", ".xls"),
    (b"\x89PNG", "a PNG picture", ".png"),
    (b"\xff\xd8\xff", "a JPEG picture", ".jpg"),
    (b"GIF8", "a GIF picture", ".gif"),
    (b"%PDF", "a PDF document", ".pdf"),
    (b"SQLite format 3", "a SQLite database", ".sqlite"),
    (b"BZh", "bzip2-compressed", ".bz2"),
    (b"\xfd7zXZ", "xz-compressed", ".xz"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", ".zst"),
    (b"7z\xbc\xaf", "a 7-Zip archive", ".7z"),
    (b"\x93NUMPY", "a NumPy array", ".npy"),
    (b"ORC", "an ORC file", ".orc"),
    (b"\x89HDF", "an HDF5 file", ".h5"),
    (b"\x7fELF", "a program", ""),
    (b"<!DOCTYPE html", "a web page", ".html"),
    (b"<!doctype html", "a web page", ".html"),
    (b"<html", "a web page", ".html"),
    (b"<?xml", "an XML document", ".xml"),
)


def signature(start: bytes) -> tuple[str, str] | None:
    """What a file is by its first bytes, as (words, suffix); None for what may be plain text.

    Examples
    --------
    >>> signature(b"PAR1..."), signature(b"a,b")
    (('a Parquet file', '.parquet'), None)
    """
    for magic, words, suffix in _SIGNATURES:
        if start.startswith(magic):
            return words, suffix
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a Python pickle", ".pkl"
    if len(start) > 10 and start[8:9] == b"{" and start[:8].endswith(b"\0\0\0\0"):
        return "a safetensors or model file", ".safetensors"
    return None


class _Copy:
    """A temporary file that goes when nobody holds it any more."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="clearprop-")
        os.close(handle)
        self.path = Path(name)
        weakref.finalize(self, self.path.unlink, missing_ok=True)


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file ready to be read as UTF-8.

    Attributes
    ----------
    shown : Path
        The file the user named.
    path : Path
        Where its UTF-8 text is: the same file, or a copy that lasts as long as `keeper`.
    encoding : str
        What it was written in.
    compressed : bool
        Whether `path` is gzip-compressed.
    head : str
        The first characters, for looking at the header.
    """

    shown: Path
    path: Path
    encoding: str
    compressed: bool
    head: str
    mixed_newlines: bool
    keeper: _Copy | None = None


def prepare(path: Path, encoding: str | None = None) -> TextFile:
    """Find out a text file's encoding from all its bytes; copy it as UTF-8 if it has another.

    Parameters
    ----------
    path : Path
        Plain, or gzip-compressed if its name ends in ``.gz``.
    encoding : str or None
        What the user says it is; None to find out.

    Raises
    ------
    FileError
        If it is empty, is no text, is not what its name says, or cannot be read.

    Notes
    -----
    A byte-order mark decides; else valid UTF-8 is UTF-8; else zero bytes in every second place are
    UTF-16; else bytes that all pair up as GB 18030, nine in ten of the pairs in the GB 2312 plane
    where everyday Chinese is, are GB 18030 (accented Latin letters pair up with ASCII letters,
    which are outside that plane); anything else is Windows-1252, or Latin-1 where that has no
    character.
    """
    compressed = path.suffix.lower() == ".gz"
    start = _start(path, compressed)
    if encoding is None:
        encoding = _detect(path, compressed, start)
    else:
        encoding = _known(encoding)
        for _ in _decoded(path, compressed, encoding):
            pass  # the first byte that means nothing in it is named
    mixed = False
    if encoding in ("utf-8", "utf-8-sig"):
        mixed = _mixed_newlines(path, compressed)
    if encoding in ("utf-8", "utf-8-sig") and not mixed:
        head = start.decode("utf-8-sig", "ignore")
        return TextFile(path, path, encoding, compressed, head, mixed)
    keeper = _Copy()
    with open(keeper.path, "w", encoding="utf-8", newline="") as out:
        for text in _decoded(path, compressed, encoding):
            out.write(text)
    with open(keeper.path, encoding="utf-8", newline="") as back:
        head = back.read(_BLOCK)
    return TextFile(path, keeper.path, encoding, False, head, mixed, keeper)


def _known(encoding: str) -> str:
    """The codec's own name, if there is one for text."""
    try:
        with suppress(UnicodeError):
            b"a".decode(encoding)  # refuses those that make bytes of bytes, such as hex
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):  # ValueError: a null character in the name
        near = nearest(encoding, sorted({*aliases.values(), *aliases}))
        known = near is not None and near != encoding  # else one that makes bytes of bytes
        hint = f"did you mean {near!r}?" if known else "try 'utf-8', 'cp1252' or 'big5'"
        raise FileError(f"there is no encoding {encoding!r} of text: {hint}") from None


def _open(path: Path, compressed: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb") if compressed else open(path, "rb"))


def _blocks(path: Path, compressed: bool) -> Iterator[bytes]:
    try:
        with _open(path, compressed) as file:
            while block := file.read(_BLOCK):
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(f"{path}: its gzip data is damaged or cut short ({error})") from error
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error


def _start(path: Path, compressed: bool) -> bytes:
    raw = next(_blocks(path, False), b"")
    if not raw:
        raise FileError(f"{path} is empty: there is nothing to read in it")
    if compressed and not raw.startswith(b"\x1f\x8b"):
        raise FileError(f"{path} is not gzip-compressed, though its name ends in .gz: rename it")
    start = next(_blocks(path, True), b"") if compressed else raw
    if not start.strip():
        raise FileError(f"{path} is empty: there is nothing to read in it")
    found = signature(start)
    if found is not None:
        words, suffix = found
        inside = "holds, compressed, " if compressed else "is "
        fix = f"rename it to end in {suffix}" if suffix else "name a table"
        if suffix in (".xlsx", ".xls"):
            fix = "save the sheet as CSV"
        elif suffix not in (".parquet", ".gz", ".arrow", ".feather"):
            fix = "name a CSV, TSV, JSON lines or Parquet file"
        raise FileError(f"{path} {inside}{words}, not the text its name says: {fix}")
    first = start.split(b"\n", 1)[0].strip()
    if path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv")) and first[:1] == b"{":
        try:
            json.loads(first)
        except ValueError:
            return start
        raise FileError(f"{path} holds JSON lines, not the text its name says: rename it .jsonl")
    return start


def _detect(path: Path, compressed: bool, start: bytes) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            return name
    sample = start[:4096]
    if sample.count(0):
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        half = len(sample) // 2
        if odd > 0.4 * half > even:
            return "utf-16-le"
        if even > 0.4 * half > odd:
            return "utf-16-be"
        raise FileError(
            f"{path} is a binary file, not text: name a CSV, JSON lines or Parquet file"
        )
    if _decodes(path, compressed, "utf-8"):
        return "utf-8"
    if _decodes(path, compressed, "gb18030") and _everyday_chinese(path, compressed):
        return "gb18030"
    return "cp1252" if _decodes(path, compressed, "cp1252") else "latin-1"


def _decodes(path: Path, compressed: bool, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in _blocks(path, compressed):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _everyday_chinese(path: Path, compressed: bool) -> bool:
    pairs = within = 0
    for block in _blocks(path, compressed):
        place = 0
        while place < len(block) - 1:
            if block[place] < 0x80:
                place += 1
                continue
            pairs += 1
            within += block[place] >= 0xA1 and block[place + 1] >= 0xA1
            place += 2
        if pairs >= 10000:
            break
    return pairs > 0 and within >= 0.9 * pairs


def _decoded(path: Path, compressed: bool, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    held = ""
    line, read = 1, 0
    try:
        for block in _blocks(path, compressed):
            read += len(block)
            text = held + decoder.decode(block)
            # A pair \r\n may be cut between blocks: keep the \r for the next.
            held = "\r" if text.endswith("\r") else ""
            text = text.removesuffix(held).replace("\r\n", "\n")
            line += text.count("\n")
            yield text
        yield held + decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += error.object[: error.start].count(b"\n")
        place = read - len(error.object) + error.start + 1  # what is decoded ends where was read to
        raise FileError(
            f"{path} is not written in {encoding}: byte 0x{error.object[error.start]:02x} in line "
            f"{line} (byte {place:,} of its text) means nothing in it; give the one it is "
            "written in, such as cp1252 or big5"
        ) from error
    except UnicodeError as error:  # of codecs that are for names of hosts
        raise FileError(f"{path} is not written in {encoding}: {error}") from error


def _mixed_newlines(path: Path, compressed: bool) -> bool:
    pairs = singles = 0
    last = b""
    for block in _blocks(path, compressed):
        pairs += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
        singles += block.count(b"\n")
        last = block[-1:]
    return 0 < pairs < singles
