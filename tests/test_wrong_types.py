"""What is of the wrong type or names no file gets one sentence of ours, at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import clearprop as cp
from clearprop import storage
from clearprop.cli.describing import read_network
from clearprop.errors import ClearPropError, DataError, FileError, SettingError
from clearprop.optimizers import optimizer
from clearprop.tables.opening import open_table
from clearprop.training.checkpoint import CHECKPOINT


def refused(kind: type[ClearPropError], call: Callable[[], object], *parts: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600, message
    for part in parts:
        assert part in message, message


# -- paths --------------------------------------------------------------------------------------
def within(seconds: float, call: Callable[[], object]) -> Exception:
    """What a call raises, which must not wait for a writer that never comes."""
    raised: list[Exception] = []

    def try_it() -> None:
        try:
            call()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=try_it, daemon=True)
    thread.start()
    thread.join(seconds)
    assert raised, "it waits, or nothing was refused"
    return raised[0]


@pytest.mark.parametrize("device", [False, True])
def test_no_reader_waits_at_a_pipe_or_reads_an_endless_device(tmp_path: Path, device: bool) -> None:
    path = tmp_path / "ff.csv"
    if device:
        path = Path("/dev/zero")
    else:
        os.mkfifo(path)
    readers: list[Callable[[], object]] = [
        lambda: cp.load(path),
        lambda: open_table(path),
        lambda: storage.read(path, CHECKPOINT),
        lambda: read_network(str(path)),
    ]
    for call in readers:
        error = within(20, call)
        assert isinstance(error, FileError) and "is no plain file; name a" in str(error), error
    assert not storage.is_kind(path, CHECKPOINT)


@pytest.mark.parametrize("name", [5, None, b"m.clearprop"])
def test_what_is_no_path_is_refused(name: Any) -> None:
    refused(FileError, lambda: cp.load(name), "the name of a model file is a text", repr(name))
    refused(FileError, lambda: storage.check_writable(name), "is a text or a path", repr(name))
    assert not storage.is_kind(name, CHECKPOINT)


@pytest.mark.parametrize("name", ["a\0b", "a\udcff\ud800b"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    refused(FileError, lambda: cp.load(name), "names no model file")
    refused(FileError, lambda: storage.check_writable(name), "names no file")
    refused(FileError, lambda: open_table(name), "names no table")


def test_a_name_that_is_too_long_is_refused() -> None:
    long = "a" * 5000
    refused(FileError, lambda: cp.load(long), "cannot read aaa", "name too long")
    refused(FileError, lambda: storage.check_writable(long), "cannot write aaa", "name too long")
    refused(FileError, lambda: open_table(long), "cannot be read", "name too long")


def test_an_empty_name_is_called_empty() -> None:
    refused(FileError, lambda: cp.load(""), "the name of the model file is empty")
    refused(FileError, lambda: storage.check_writable(""), "the name of the file is empty")
    refused(FileError, lambda: open_table(""), "the name of the table is empty")


def test_a_path_through_a_file_and_the_home_of_nobody_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    refused(FileError, lambda: open_table(tmp_path / "f" / "a.csv"), "no folder")
    refused(FileError, lambda: open_table("~nobody_of_this_name/a.csv"), "there is no file")


def test_a_query_may_be_longer_than_any_files_name(tmp_path: Path) -> None:
    columns = ", ".join(f"{k} AS column_{k}" for k in range(100))
    assert open_table(f"SELECT {columns}").columns[99].name == "column_99"


# -- columns --------------------------------------------------------------------------------------
def test_a_missing_column_is_told_beside_the_columns_there_are() -> None:
    model = cp.train_table({"n": [1.0, 2, 3, 4], "q": [1.0, 3, 2, 5], "y": [1.0, 2, 3, 4]}, "y",
                           epochs=1)  # fmt: skip
    refused(DataError, lambda: model.predict({"q": [1.0]}), "has no column 'n'", "there are 'q'")


# -- optimizers -----------------------------------------------------------------------------------
@pytest.mark.parametrize("given", [5, None, ["adam"]])
def test_what_is_no_optimizer_is_refused(given: Any) -> None:
    refused(SettingError, lambda: optimizer(given), f"no optimizer {given!r}; there are 'sgd'")
