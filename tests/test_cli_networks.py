"""A NETWORK on the command line: a chain, a JSON file or a model; what describe tells of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli_runs import PENGUINS, train
from conftest import Run

import clearprop as cp
from clearprop.words import number


def test_a_network_is_a_chain_a_json_file_or_a_model(run: Run) -> None:
    run(*train())
    Path("net.json").write_text(cp.Network([4, 5, 6]).to_json())
    for network, size in (("2-3-2", 17), ("net.json", 61), ("m.clearprop", None)):
        code, out, _ = run("describe", network, "--json")
        assert code == 0
        assert json.loads(out)["parameters"] == (
            size or cp.load("m.clearprop").parameters.flat.size
        )
    code, out, _ = run("describe", "2-3-2")
    assert "W1 3×2, b1 3" in out


def test_a_model_says_its_rows_its_date_its_columns_and_its_figures(run: Run) -> None:
    run(*train("--test", "0.2", "--drop", "island"))
    code, out, _ = run("describe", "m.clearprop")
    model = cp.load("m.clearprop")
    assert code == 0
    assert re.search(r"^rows: 206 training, 69 validation, 69 test$", out, re.M)
    assert f"created: {model.provenance['created']}" in out
    assert re.search(r"^island +dropped +as asked$", out, re.M)
    assert re.search(r"^species +target +the column to predict$", out, re.M)
    accuracy = number(model.provenance["figures"]["test"]["accuracy"])
    assert re.search(rf"^accuracy +{accuracy} ", out, re.M)
    assert run("describe", "2-3-2")[1].count("used as") == 0


@pytest.mark.parametrize("args", [["describe"], ["check", "--template", "numpy", "--network"]])
@pytest.mark.parametrize("network", ["two-three", "2--3", "2-0-2", "5", ""])
def test_a_malformed_network_is_wrong_use(run: Run, args: list[str], network: str) -> None:
    code, out, err = run(*args, network)
    assert (code, out) == (2, "")
    assert "2-3-2" in err or "1 or more" in err


def test_a_description_says_of_a_target_what_it_has(run: Run) -> None:
    for target, there, missing in (
        ("species", ["classes"], ["mean", "std"]),
        ("body_mass_g", ["mean", "std"], ["classes"]),
    ):
        run("train", PENGUINS, "-t", target, "--epochs", "1", "--members", "1", "-o", "m.clearprop")
        told = json.loads(run("describe", "m.clearprop", "--json")[1])["target"]
        assert all(key in told for key in there)
        assert not any(key in told for key in missing)


def test_a_missing_or_damaged_network_file_could_not_be_read(run: Run) -> None:
    run(*train())
    Path("cut.clearprop").write_bytes(Path("m.clearprop").read_bytes()[:-100])
    Path("cut.json").write_text(cp.Network([2, 3, 2]).to_json()[:-20])
    for name in ("no.json", "cut.clearprop", "cut.json"):
        code, _, err = run("describe", name)
        assert code == 1
        assert name in err
