"""Files of every format version load for ever, and say what they said on the day they were made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import golden_files
import numpy as np
import pytest
from golden_files import CHECKPOINT, EXPECTED, GOLDEN, MODELS

import clearprop as cp

SAID: dict[str, dict[str, Any]] = {
    line["file"]: line for line in map(json.loads, EXPECTED.read_text("utf-8").splitlines())
}


def test_every_golden_file_is_the_one_that_was_made() -> None:
    assert set(SAID) == {*MODELS, CHECKPOINT}
    for name, told in SAID.items():
        assert golden_files.digest(GOLDEN / name) == told["sha256"], name


@pytest.mark.parametrize("name", MODELS)
def test_golden_models_predict_what_they_predicted(name: str) -> None:
    model = cp.load(GOLDEN / name)
    now, told = golden_files.answers(name, model), SAID[name]
    if model.task == "regression":
        np.testing.assert_allclose(now["predictions"], told["predictions"], rtol=1e-6)
    else:
        assert now["predictions"] == told["predictions"]
        np.testing.assert_allclose(now["probabilities"], told["probabilities"], atol=1e-6)


def test_golden_models_hold_what_the_format_has() -> None:
    models = {name: cp.load(GOLDEN / name) for name in MODELS}
    graphs = [model.network.graph for model in models.values()]
    assert any(graph.members for graph in graphs)
    assert any(given.levels for graph in graphs for given in graph.inputs)
    assert {model.task for model in models.values()} == {"classification", "regression"}
    uses = {column["use"] for model in models.values() for column in model.columns}
    assert {"number", "category", "boolean", "date", "target", "dropped"} <= uses
    assert any(model.encoder is None for model in models.values())
    assert all(len(model.history) and model.provenance["seed"] for model in models.values())


@pytest.mark.parametrize("name", MODELS)
def test_a_golden_model_saved_again_says_the_same(name: str, tmp_path: Path) -> None:
    model = cp.load(GOLDEN / name)
    again = cp.load(model.save(tmp_path / "again.clearprop"))
    assert golden_files.answers(name, again) == golden_files.answers(name, model)


def test_the_golden_checkpoint_resumes_to_the_end_it_had(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    shutil.copy(GOLDEN / CHECKPOINT, path)
    training = golden_files.run(path)
    assert training.step == 20
    training.run()
    told = SAID[CHECKPOINT]
    assert (training.step, training.why) == (told["steps"], told["why"])
    np.testing.assert_allclose(training.best.flat, told["best"], rtol=1e-6)
    np.testing.assert_allclose(training.history["cost"], told["costs"], rtol=1e-6)


def test_golden_files_are_never_made_again() -> None:
    with pytest.raises(SystemExit, match="never made again"):
        golden_files.write()
