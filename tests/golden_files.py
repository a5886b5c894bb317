"""The golden files of format version 1, which must load for ever: how they were made.

``python tests/golden_files.py`` writes those of a new format version into ``tests/golden`` and
refuses to touch any that is there; ``v1-expected.jsonl`` holds what each gave on the day it was
made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import clearprop as cp
from clearprop.training import Training

GOLDEN = Path(__file__).parent / "golden"
VERSION = "v1"
EXPECTED = GOLDEN / f"{VERSION}-expected.jsonl"

#: Four rows to predict: as in training, with cells missing, and of levels training has not seen.
ROWS: dict[str, list[Any]] = {
    "length": [1.5, None, -20.0, 7.25],
    "colour": ["red", "blue", None, "never seen"],
    "smokes": ["yes", "no", None, "yes"],
    "since": ["2020-01-01", None, "1999-12-31", "2021-06-30"],
    "town": ["town 7", "town 55", None, "nowhere"],
}


def table() -> dict[str, list[Any]]:
    """120 rows of every kind of column, some cells missing; numbers without rounding."""
    k = range(120)
    return {
        "length": [None if i % 11 == 3 else i * 0.25 - 8 for i in k],
        "colour": [None if i % 13 == 5 else ("red", "green", "blue")[i % 3] for i in k],
        "smokes": [None if i % 17 == 2 else ("no", "yes")[i // 3 % 2] for i in k],
        "since": [None if i % 19 == 4 else f"20{i % 20:02}-0{i % 9 + 1}-1{i % 10}" for i in k],
        "town": [f"town {i * 7 % 60}" for i in k],
        "size": [("small", "middle", "large")[i // 40] for i in k],
        "price": [100.0 + 3 * i + (i % 3) * 50 for i in k],
    }


def _trained(target: str, drop: tuple[str, ...], **settings: Any) -> cp.Model:
    given = {"hidden": [4], "members": 1, "epochs": 60, "patience": 60, "seed": 1}
    uses = {"town": "category", "smokes": "boolean", "since": "date"}
    columns = {name: use for name, use in uses.items() if name not in drop}
    return cp.train_table(table(), target, drop=drop, columns=columns, **(given | settings))


def classification() -> cp.Model:
    return _trained("size", ("price",), learning_rate=0.02)


def regression() -> cp.Model:
    return _trained("price", ("size", "town"), activation="selu", dropout=0.1)


def members() -> cp.Model:
    """Three networks side by side, one input an index of many levels."""
    return _trained("size", ("price",), members=3, test=0.2)


def binary() -> cp.Model:
    """Trained from arrays: labels of text, one output with the logistic link."""
    X = np.arange(48.0).reshape(24, 2) / 16 - 1.5
    net = cp.Network([2, 3, 1], "tanh", cost="binary_cross_entropy")
    return cp.train(net, X, ["no", "yes"] * 12, epochs=20, seed=2, optimizer=cp.AdamW(0.01))


MODELS: dict[str, Callable[[], cp.Model]] = {
    f"{VERSION}-model-{make.__name__}.clearprop": make
    for make in (classification, regression, members, binary)
}
CHECKPOINT = f"{VERSION}-checkpoint"


def run(path: Path) -> Training:
    """The run that the golden checkpoint was written in the middle of, in the float64 reference."""
    X = np.arange(80.0).reshape(40, 2) / 32 - 1.25
    x = cp.Input(2)
    h = cp.Dropout(0.25)(cp.Dense(5, "tanh")(x))
    net = cp.Network(inputs=x, outputs=cp.Dense(1)(cp.concat(h, x)), l2=1e-3)
    return Training(
        net, X, X[:, :1] * X[:, 1:], epochs=8, batch_size=7, validation=(X[::4], X[::4, :1]),
        sample_weight=np.arange(40) % 3 + 1.0, schedule="plateau", clip=1.0, seed=3, patience=8,
        optimizer=cp.Nesterov(0.05), engine="reference", checkpoint=path, resume=True,
    )  # fmt: skip


def given(name: str) -> Any:
    """What a golden model is asked to predict."""
    return np.array([[0.5, 0.25], [-1.0, 1.5]]) if "binary" in name else ROWS


def answers(name: str, model: cp.Model) -> dict[str, Any]:
    """What a model says of its rows."""
    said = model.predict(given(name)).tolist()
    found: dict[str, Any] = {"predictions": said}
    if model.task == "classification":
        found["probabilities"] = model.predict_probabilities(given(name)).tolist()
    return found


def write() -> None:
    if EXPECTED.exists():
        raise SystemExit(f"{EXPECTED} exists: golden files are never made again; raise VERSION")
    lines = []
    for name, make in MODELS.items():
        path = make().save(GOLDEN / name)
        told = answers(name, cp.load(path))
        lines.append({"file": name, "sha256": digest(path), **told})
    first = run(GOLDEN / CHECKPOINT)
    first.advance(steps=20)  # in the fourth epoch
    first.save(GOLDEN / CHECKPOINT)
    whole = digest(GOLDEN / CHECKPOINT)
    kept = (GOLDEN / CHECKPOINT).read_bytes()
    first.run()  # writes its end over the checkpoint
    (GOLDEN / CHECKPOINT).write_bytes(kept)
    end = {"steps": first.step, "best": first.best.flat.tolist(), "why": first.why,
           "costs": first.history["cost"].tolist()}  # fmt: skip
    lines.append({"file": CHECKPOINT, "sha256": whole, **end})
    EXPECTED.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    write()
