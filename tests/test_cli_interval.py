"""Intervals and quantiles of numbers, by the command: the bits that Python gives."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Run

import clearprop as cp


@pytest.fixture
def prices(run: Run) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, 300)
    y = 3 * x + rng.normal(size=300)
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    rows = "".join(f"{a!r},{b!r},id{k}\n" for k, (a, b) in enumerate(pairs))
    Path("prices.csv").write_text("x,price,id\n" + rows)
    args = ["train", "prices.csv", "-t", "price", "--drop", "id", "--preset", "fast", "-o", "m"]
    assert run(*args)[0] == 0
    return y


def test_the_ends_of_the_interval_stand_beside_each_prediction(
    run: Run, prices: np.ndarray
) -> None:
    code, out, err = run("predict", "m", "prices.csv", "--interval", "0.8")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(out.splitlines()))
    assert list(rows[0]) == ["price", "id", "prediction", "prediction_low", "prediction_high"]
    ends = np.array([[float(r["prediction_low"]), float(r["prediction_high"])] for r in rows])
    assert ends.tobytes() == cp.load("m").predict_interval("prices.csv", 0.8).tobytes()
    assert 0.74 < np.mean((ends[:, 0] <= prices) & (prices <= ends[:, 1])) < 0.9
    code, out, _ = run("predict", "m", "prices.csv", "--interval", "0.8", "--json")
    assert json.loads(out)["rows"][7]["prediction_high"] == ends[7, 1]
    assert run("predict", "m", "prices.csv", "--interval", "0.8", "-o", "p.parquet")[0] == 0


@pytest.mark.parametrize(
    ("share", "code", "said"),
    [
        ("1.5", 2, "--interval 1.5: coverage must be a number in (0, 1), got 1.5"),
        ("nan", 2, "--interval nan: coverage"),
        ("0.999", 1, "--interval 0.999: coverage=0.999 needs 1999 rows that were held back"),
        ("most", 2, "invalid value for '--interval': it takes a number"),
    ],
)
@pytest.mark.usefixtures("prices")
def test_an_interval_that_cannot_be_is_refused(run: Run, share: str, code: int, said: str) -> None:
    found, out, err = run("predict", "m", "prices.csv", "--interval", share)
    assert (found, out) == (code, "") and said in err


def test_classes_have_no_interval(run: Run) -> None:
    Path("t.csv").write_text("x,y\n" + "".join(f"{v},{'ab'[v % 2]}\n" for v in range(40)))
    assert run("train", "t.csv", "-t", "y", "--preset", "fast", "-o", "m")[0] == 0
    code, _, err = run("predict", "m", "t.csv", "--interval", "0.9")
    assert code == 2 and "--interval 0.9: the model predicts the class 'y'" in err


def test_a_quantile_is_what_so_many_lie_below(run: Run, prices: np.ndarray) -> None:
    args = ["train", "prices.csv", "-t", "price", "--drop", "id", "--preset", "fast", "-o", "q"]
    code, out, err = run(*args, "--quantile", "0.9")
    assert (code, err) == (0, "") and "for the quantile 0.9" in out
    model = cp.load("q")
    assert 0.8 < np.mean(prices <= model.predict("prices.csv")) < 0.97
    assert model.provenance["quantile"] == 0.9 and "the quantile 0.9" in model.describe()
    assert "price: a number, quantile 0.9" in run("evaluate", "q", "prices.csv")[1]
    told = json.loads(run("evaluate", "q", "prices.csv", "--json")[1])["figures"]
    off = prices - model.predict("prices.csv")
    assert told["pinball"] == pytest.approx(np.mean(np.maximum(0.9 * off, -0.1 * off)))
    same = cp.train_table("prices.csv", "price", drop=["id"], preset="fast", quantile=0.9)
    assert same.parameters.flat.tobytes() == model.parameters.flat.tobytes()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--quantile", "9"], "quantile must be a number in (0, 1), got 9.0"),
        (["--quantile", "0.2", "--hidden", "3"], "--quantile 0.2 is for a preset"),
        (["--quantile", "0.2", "--metric", "rmse"], "the metric of a quantile is 'pinball'"),
        (["--quantile", "0.2", "--task", "classification"], "quantile=0.2 is of a number"),
    ],
)
@pytest.mark.usefixtures("prices")
def test_a_quantile_that_cannot_be_is_refused(run: Run, more: list[str], said: str) -> None:
    code, _, err = run("train", "prices.csv", "-t", "price", "-o", "q", *more)
    assert code == 2 and said in err and not Path("q").exists()
