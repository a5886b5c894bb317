"""A model file gives back the same model, or says in one sentence why not."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import count
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import clearprop as cp
from clearprop import storage
from clearprop.errors import ClearPropError, FileError
from clearprop.model.file import KIND

TABLE = {
    "x": [0.1 * v for v in range(40)],
    "colour": ["red", "blue", None, "green"] * 10,
    "y": ["low", "high"] * 20,
}


@pytest.fixture(scope="module")
def model() -> cp.Model:
    return cp.train_table(TABLE, "y", hidden=[4], epochs=3, members=2)


@pytest.fixture
def file(model: cp.Model, tmp_path: Path) -> Path:
    return model.save(tmp_path / "m.clearprop")


def test_a_model_comes_back_to_the_bit(model: cp.Model, file: Path) -> None:
    back = cp.load(file)
    assert back.parameters.flat.dtype == np.float32
    assert back.parameters.flat.tobytes() == model.parameters.flat.tobytes()
    assert list(back.parameters) == list(model.parameters)
    assert back.network.graph == model.network.graph
    assert back.target == model.target
    assert back.encoder == model.encoder
    assert back.columns == model.columns
    assert back.provenance == model.provenance
    assert back.history.to_array().tobytes() == model.history.to_array().tobytes()
    assert back.history.events == model.history.events
    P = model.predict_probabilities(TABLE)
    assert back.predict_probabilities(TABLE).tobytes() == P.tobytes()


def test_a_model_of_arrays_comes_back_too(tmp_path: Path, rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    model = cp.train(cp.Network([3, 5, 2]), X, Y, epochs=2, precision="float64")
    back = cp.load(model.save(tmp_path / "m.clearprop"))
    assert back.encoder is None
    assert back.predict(X).tobytes() == model.predict(X).tobytes()


def test_the_same_model_is_the_same_bytes(model: cp.Model, tmp_path: Path) -> None:
    one, two = (model.save(tmp_path / name).read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_file_is_safetensors_with_named_arrays(model: cp.Model, file: Path) -> None:
    data = file.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    arrays = {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
    for name, array in model.parameters.items():
        assert arrays[f"parameters/{name}"] == list(array.shape)


@settings(max_examples=count(150, 5000), suppress_health_check=list(HealthCheck))
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_refused(file: Path, cut: float) -> None:
    data = file.read_bytes()
    short = file.with_name("short")
    short.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(FileError):
        cp.load(short)


@settings(max_examples=count(300, 5000), suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), early=st.booleans())
def test_a_flipped_bit_is_noticed(file: Path, place: float, bit: int, early: bool) -> None:
    """In the header too, where a flip that changes nothing (white space) may pass."""
    data = bytearray(file.read_bytes())
    span = 400 if early else len(data)
    data[int(place * span)] ^= 1 << bit
    flipped = file.with_name("flipped")
    flipped.write_bytes(data)
    try:
        back = cp.load(flipped)
    except FileError as error:
        assert "\n" not in str(error)
    else:
        intact = cp.load(file)
        assert back.parameters.flat.tobytes() == intact.parameters.flat.tobytes()
        assert back.network.graph == intact.network.graph
        assert back.encoder == intact.encoder
        assert back.target == intact.target


@settings(max_examples=count(150, 5000), suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=300))
def test_any_bytes_are_no_model(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(data)
    with pytest.raises(FileError):
        cp.load(file)


@settings(max_examples=count(400, 5000), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_header_that_was_edited_and_signed_again_builds_or_is_refused(
    file: Path, data: st.DataObject
) -> None:
    """Whoever writes the format themselves gets a sentence, never a traceback."""
    content, tensors = storage.read(file, KIND)
    paths = list(places(content))
    path = data.draw(st.sampled_from(paths))
    holder: Any = content
    for key in path[:-1]:
        holder = holder[key]
    wild = (
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})
    )
    if data.draw(st.booleans()) or isinstance(holder, list):
        holder[path[-1]] = data.draw(wild)
    else:
        del holder[path[-1]]
    edited = file.with_name("edited")
    storage.write(edited, KIND, content, tensors)
    try:
        back = cp.load(edited)
        back.describe()
        back.predict(TABLE)
    except ClearPropError:
        pass


@pytest.mark.parametrize("std", [0, 0.0, False])
def test_a_column_that_would_be_divided_by_nought_is_refused(file: Path, std: object) -> None:
    content, tensors = storage.read(file, KIND)
    column = next(c for c in content["encoder"]["columns"] if "std" in c["parameters"])
    column["parameters"]["std"] = std
    edited = file.with_name("divided")
    storage.write(edited, KIND, content, tensors)
    with pytest.raises(FileError, match="divide by zero"):
        cp.load(edited)


def places(data: Any, path: tuple[Any, ...] = ()) -> Any:
    """The path to everything inside plain data."""
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inside:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def test_a_newer_version_says_install_a_newer_one(file: Path) -> None:
    content, tensors = storage.read(file, KIND)
    newer = storage.Kind(KIND.format, KIND.word, KIND.version + 1, KIND.instead)
    storage.write(file, newer, content, tensors)
    with pytest.raises(FileError, match="install a newer one"):
        cp.load(file)


class Trap:
    """What a pickle would run."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("trapped",)


def test_loading_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.clearprop").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FileError, match="no code"):
        cp.load("m.clearprop")
    assert not (tmp_path / "trapped").exists()


def test_another_programs_safetensors_file_is_no_model(tmp_path: Path) -> None:
    save_file({"w": np.ones(3)}, tmp_path / "other.safetensors")
    with pytest.raises(FileError, match="no ClearProp model"):
        cp.load(tmp_path / "other.safetensors")


def test_parameters_of_another_network_are_refused(file: Path) -> None:
    content, tensors = storage.read(file, KIND)
    name = next(key for key in tensors if key.startswith("parameters/W"))
    storage.write(file, KIND, content, {**tensors, name: np.zeros((2, 2), np.float32)})
    with pytest.raises(FileError, match="shapes"):
        cp.load(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no file"):
        cp.load(tmp_path / "gone.clearprop")


def test_a_model_replaces_a_model_and_nothing_else(model: cp.Model, file: Path) -> None:
    model.save(file)
    precious = file.with_name("notes.txt")
    precious.write_text("precious")
    with pytest.raises(FileError, match="not replaced"):
        model.save(precious)
    assert precious.read_text() == "precious"
    model.save(precious, overwrite=True)
    assert cp.load(precious).target == model.target


def test_what_cannot_be_written_leaves_the_older_model(
    model: cp.Model, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="disk is full"):
        model.save(file)
    assert file.read_bytes() == before
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_a_folder_that_does_not_exist_is_named(model: cp.Model, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no folder"):
        model.save(tmp_path / "nowhere" / "m.clearprop")
