"""The container of files: plain safetensors, written piece by piece, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from clearprop import storage
from clearprop.errors import FileError

KIND = storage.Kind("clearprop-test", "test", 1, "write it again")


def arrays() -> dict[str, np.ndarray[Any, Any]]:
    """Of every type, odd sizes, no axis, no number, columns in memory, names of any letters."""
    return {
        "b": np.arange(3, dtype=np.float32),
        "a": np.array([np.nan, np.inf, -0.0]),
        "c": np.arange(7, dtype=np.int64),
        "empty": np.zeros((0, 4)),
        "number": np.array(0.5, dtype=np.float32),
        'schicht/größe "1" 层': np.arange(12.0).reshape(3, 4).T,
    }


def test_what_is_written_is_read_and_can_be_written_to(tmp_path: Path) -> None:
    said = {"text": "ü 层", "sha256 of": "0" * 64, "numbers": [1, 0.1, None]}
    storage.write(tmp_path / "file", KIND, said, arrays())
    content, found = storage.read(tmp_path / "file", KIND)
    assert content == said
    assert found.keys() == arrays().keys()
    for name, array in arrays().items():
        wanted = np.atleast_1d(array)
        assert found[name].dtype == wanted.dtype and found[name].shape == wanted.shape
        assert found[name].tobytes() == wanted.tobytes()
        assert found[name].flags.writeable and found[name].flags.aligned


def test_safetensors_itself_reads_it_and_each_array_is_aligned(tmp_path: Path) -> None:
    path = tmp_path / "file"
    storage.write(path, KIND, {"said": 1}, arrays())
    with safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()["clearprop"])["said"] == 1
        for name, array in arrays().items():
            np.testing.assert_array_equal(file.get_tensor(name), np.atleast_1d(array))
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    for name, array in arrays().items():
        assert header[name]["data_offsets"][0] % array.itemsize == 0


def test_a_file_that_safetensors_wrote_whole_is_read(tmp_path: Path) -> None:
    """As all were written once: arrays in its own order, the checksum over them by name."""
    kept = {name: np.ascontiguousarray(array) for name, array in arrays().items()}
    found = hashlib.sha256(b'{"said":1}')
    for name, array in sorted(kept.items()):
        found.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    told = {"format": "clearprop-test", "version": 1, "sha256": found.hexdigest(), "said": 1}
    (tmp_path / "file").write_bytes(save(kept, metadata={"clearprop": json.dumps(told)}))
    content, tensors = storage.read(tmp_path / "file", KIND)
    assert content == {"said": 1}
    assert all(tensors[name].tobytes() == array.tobytes() for name, array in kept.items())


class Made:
    """Becomes an array of a million numbers when NumPy asks; the last one of some fails."""

    dtype, shape = np.dtype(np.float64), (1_000_000,)

    def __init__(self, value: float) -> None:
        self.value = value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self.value < 0:
            raise RuntimeError("no memory for it")
        return np.full(self.shape, self.value, self.dtype)


def test_arrays_are_in_memory_one_at_a_time(tmp_path: Path) -> None:
    parts = {str(i): Made(i) for i in range(6)}
    storage.write(tmp_path / "warm", KIND, {}, {})
    tracemalloc.start()
    try:
        storage.write(tmp_path / "file", KIND, {}, parts)
        _, writing = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        _, tensors = storage.read(tmp_path / "file", KIND)
        _, reading = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert writing < 1.1 * 8e6
    assert reading < 6.1 * 8e6
    assert all((array == int(name)).all() for name, array in tensors.items())


def test_what_fails_in_the_middle_leaves_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    storage.write(path, KIND, {"said": "before"}, {})
    with pytest.raises(RuntimeError, match="no memory for it"):
        storage.write(path, KIND, {"said": "after"}, {"a": Made(1), "b": Made(-1)})
    assert storage.read(path, KIND) == ({"said": "before"}, {})
    assert list(tmp_path.iterdir()) == [path]


def test_a_header_that_claims_more_than_the_file_has_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "file"
    storage.write(path, KIND, {}, {"a": np.zeros(4)})
    whole = path.read_bytes()
    for old, new in (
        (b'"shape":[4]', b'"shape":[9]'),
        (b'"data_offsets":[0,32]', b'"data_offsets":[0,99]'),
        (b'"dtype":"F64"', b'"dtype":"F16"'),
        (b'"shape":[4]', b'"shape":4  '),
    ):
        assert whole.count(old) == 1
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(FileError, match="is damaged"):
            storage.read(path, KIND)
    path.write_bytes((1 << 60).to_bytes(8, "little") + whole[8:])
    with pytest.raises(FileError, match="is no ClearProp test"):
        storage.read(path, KIND)
    assert not storage.is_kind(path, KIND)


def test_a_file_of_another_kind_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "junk"
    path.write_bytes(b"no container at all")
    with pytest.raises(FileError) as told:
        storage.read(path, KIND)
    assert str(told.value) == f"{path} is no ClearProp test"
