"""How good the tabular estimators are, beside their peers, on public tables.

``python -m benchmarks.accuracy`` makes what is missing: one record a (table, split, model), written
to ``results/accuracy.json`` as soon as it is there, so that a run can be broken off and gone on
with. ``--ablation`` makes the records of ``results/accuracy_ablation.json``: a preset with one
ingredient changed. ``--tiles`` makes those of ``results/accuracy_tiles.json``, on a machine whose
processor has tiles for bfloat16: presets with and without them beside the slow models, all on that
machine, a table's records one after another. ``--outside`` makes those of
``results/accuracy_outside.json``: one split of each of other tables
(`benchmarks.accuracy_outside`). ``tools/accuracy_page.py`` writes ``docs/accuracy.md`` from all.

Protocol: random splits of 80 to 20, stratified by class, the seed the split's number; every model
gets the same rows, its own defaults, one thread (``--threads``). Classification error, log-loss,
expected calibration error, RMSE over the standard deviation of the test targets; seconds of the
clock and of the processor while fitting; of ours the arithmetic too, in operations, and the peak of
one core in GFLOP/s that was known then (``--flop`` adds both to records that lack them).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy_flop import flop, peak
from benchmarks.accuracy_outside import LOOKED_AT, OUTSIDE
from benchmarks.accuracy_tables import DRAWN, TABLES, PublicTable
from benchmarks.record import RESULTS, provenance, write
from clearprop import _native

RESULT, ABLATION = RESULTS / "accuracy.json", RESULTS / "accuracy_ablation.json"
TILES, ELSEWHERE = RESULTS / "accuracy_tiles.json", RESULTS / "accuracy_outside.json"

Model = Any
Make = Callable[[str, int], Model]
"""(task, threads) -> an estimator in scikit-learn's form."""


def _ours(
    preset: str, changes: Mapping[str, Any] | None = None, precision: str = "float32"
) -> Make:
    def make(task: str, threads: int) -> Model:
        import clearprop as cp

        kind = cp.TabularClassifier if task == "classification" else cp.TabularRegressor
        own: dict[str, Any] = {"random_state": 0, "n_jobs": threads, "precision": precision}
        return kind(preset=preset, changes=changes, **own)

    return make


def _scikit_learn(task: str, threads: int) -> Model:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    kind = MLPClassifier if task == "classification" else MLPRegressor
    numbers = make_column_selector(dtype_include="number")
    texts = make_column_selector(dtype_exclude="number")
    inputs = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), texts),
    )
    return make_pipeline(inputs, kind(random_state=0))


def _lightgbm(task: str, threads: int) -> Model:
    import lightgbm

    kind = lightgbm.LGBMClassifier if task == "classification" else lightgbm.LGBMRegressor
    return _Categorical(kind(n_jobs=threads, random_state=0, verbose=-1))


def _xgboost(task: str, threads: int) -> Model:
    import xgboost

    kind = xgboost.XGBClassifier if task == "classification" else xgboost.XGBRegressor
    return _Categorical(kind(n_jobs=threads, random_state=0, enable_categorical=True))


def _catboost(task: str, threads: int) -> Model:
    import catboost

    kind = catboost.CatBoostClassifier if task == "classification" else catboost.CatBoostRegressor
    plain = {"verbose": 0, "allow_writing_files": False, "random_seed": 0}
    return _Categorical(kind(thread_count=threads, **plain), by_name=True)


def _pytabkit(name: str) -> Make:
    def make(task: str, threads: int) -> Model:
        import pytabkit
        import torch

        torch.set_num_threads(threads)
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        kind = "Classifier" if task == "classification" else "Regressor"
        # Its own number of threads, by default all cores, takes the place of torch's
        told = {"random_state": 0, "device": "cpu", "n_threads": threads}
        return getattr(pytabkit, f"{name}_{kind}")(**told)

    return make


class _Categorical:
    """A tree model with texts handed over in the form it wants; labels as numbers."""

    def __init__(self, model: Model, *, by_name: bool = False) -> None:
        self.model, self.by_name = model, by_name

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> _Categorical:
        self.texts = [name for name in X.columns if X[name].dtype.kind not in "iufb"]
        self.levels = {
            name: pd.CategoricalDtype(sorted(column.unique()))
            for name, column in self._told(X).items()
        }
        self.classes_, codes = np.unique(y, return_inverse=True)
        target = codes if y.dtype.kind in "OUT" else y
        own = {"cat_features": self.texts} if self.by_name else {}
        self.model.fit(self._columns(X), target, **own)
        return self

    def _columns(self, X: pd.DataFrame) -> pd.DataFrame:
        kinds = {name: str if self.by_name else self.levels[name] for name in self.texts}
        return X.assign(**self._told(X)).astype(kinds)

    def _told(self, X: pd.DataFrame) -> dict[str, pd.Series[Any]]:
        """The columns of texts; a missing one is the empty text."""
        return {name: X[name].astype(str).fillna("") for name in self.texts}

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model.predict(self._columns(X)))

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model.predict_proba(self._columns(X)))


#: The models by name: the package each needs, and how it is made.
MODELS: dict[str, tuple[str, Make]] = {
    "clearprop fast": ("clearprop", _ours("fast")),
    "clearprop default": ("clearprop", _ours("default")),
    "clearprop best": ("clearprop", _ours("best")),
    "scikit-learn MLP": ("sklearn", _scikit_learn),
    "LightGBM": ("lightgbm", _lightgbm),
    "XGBoost": ("xgboost", _xgboost),
    "CatBoost": ("catboost", _catboost),
    "RealMLP-TD-S": ("pytabkit", _pytabkit("RealMLP_TD_S")),
    "RealMLP-TD": ("pytabkit", _pytabkit("RealMLP_TD")),
    "TabM-D": ("pytabkit", _pytabkit("TabM_D")),
}
#: What is compared where bfloat16 has tiles, and the tables that this takes minutes on.
TILED: dict[str, tuple[str, Make]] = {
    **{name: MODELS[name] for name in ("clearprop fast", "clearprop default")},
    **{
        f"clearprop {preset}, bfloat16": ("clearprop", _ours(preset, precision="bfloat16"))
        for preset in ("fast", "default")
    },
    **{name: MODELS[name] for name in ("CatBoost", "RealMLP-TD", "TabM-D")},
}
TILED_TABLES = "breast_cancer,diabetes,digits,spambase,phoneme,satimage,compactiv,hotel_rates,magic"
#: What is compared on other tables.
COMPARED = (
    "clearprop fast", "clearprop default", "LightGBM", "XGBoost", "CatBoost", "RealMLP-TD-S",
)  # fmt: skip

#: Models that take minutes: one split of tables of more rows than this.
SLOW = ("RealMLP-TD-S", "RealMLP-TD", "TabM-D")
SLOW_ONE_SPLIT = 50_000

#: What the ablation looks at: two small tables, and so many rows of larger ones, which leaves
#: thousands to judge by.
ABLATED_TABLES = "breast_cancer,diabetes,phoneme/2000,magic/500,adult/500,casp/2000,diamonds/500"

#: The preset "default" with one ingredient of it changed.
ABLATED: dict[str, dict[str, Any]] = {
    "as it is": {},
    # What is trained, and how often.
    "not trained again on all rows (which is *fast*)": {"refit": False},
    "trained again in place of the first, not beside": {"beside": False},
    "one bag": {"bags": 1},
    "no rows held back: each network keeps its last epoch": {"validation": 0.0},
    "eight bags": {"bags": 8},
    "eight bags, not trained again (as many networks)": {"bags": 8, "refit": False},
    "two networks a bag": {"members": 2},
    "four in a bag that share all but factors and last layers": {
        "members": 4,
        "sharing": "mini",
        "factors": "signs",
    },
    "layers of 256 units": {"hidden": (256, 256, 256)},
    "two layers": {"hidden": (128, 128)},
    # Rules that look at the table.
    "numbers without pieces": {"numbers": "robust"},
    "numbers standardised": {"numbers": "standard"},
    "pieces for every bag whatever the number of columns": {"pieces_up_to": 10**6},
    "pieces for no bag where columns are many": {"by_turns": False},
    "rare values cut as all others": {"rare": False},
    "waves (sines and cosines) for pieces": {"numbers": "periodic"},
    "an input for each level however many": {"one_hot_up_to": 10**6},
    "categories of more than 8 levels embedded": {"one_hot_up_to": 8},
    "64 rows a step however many there are": {"batch_size": 64},
    "256 rows a step however few there are": {"batch_size": 256},
    "256 rows a step above thirty thousand": {"batch_size": 256},
    "512 rows a step above a hundred thousand": {"batch_size": 512},
    "both kinds of networks whichever is worse": {"leave_worse": False},
    "numbers free to leave those of training": {"clip": False},
    # The network, and the way down.
    "no trained factors in front": {"scale_lr_factor": 0.0},
    "each unit trains how far it bends": {"parametric": True},
    "ReLU": {"activation": "relu"},
    "Mish for classes too": {"activation": "mish"},
    "SELU for numbers too": {"activation": "selu"},
    "one rate for all layers": {"equal_rates": False},
    "initial values that look at what reaches a layer": {
        "weights": "standardising",
        "biases": "he_plus_5",
    },
    "β₂ = 0.999": {"beta2": 0.999},
    "a cosine for the schedule of four cycles": {"schedule": "cosine"},
    "all epochs, whatever many rows that judge say": {"by_cycles": False},
    "32 epochs": {"epochs": 32},
    "128 epochs": {"epochs": 128},
    "rate 0.02": {"learning_rate": 0.02},
    "dropout 0.1": {"dropout": 0.1},
    "dropout 0.1 that fades in the second half": {"dropout": 0.1, "dropout_schedule": "flat_cos"},
    "dropout 0.15": {"dropout": 0.15},
    "dropout 0.15 that fades in the second half": {"dropout": 0.15, "dropout_schedule": "flat_cos"},
    "weight decay 0.02": {"weight_decay": 0.02},
    "weight decay 0.02 that fades in the second half": {
        "weight_decay": 0.02,
        "decay_schedule": "flat_cos",
    },
    "labels not smoothed": {"label_smoothing": 0.0},
    "labels smoothed by 0.1": {"label_smoothing": 0.1},
    "no temperature behind": {"temperature": False},
}


def parted(
    table: PublicTable, split: int, rows: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]:
    """Return X, X_test, y, y_test of a split."""
    from sklearn.model_selection import train_test_split

    X, y = table.load()
    share: dict[str, Any] = {"train_size": rows} if rows else {"test_size": 0.2}
    X, X_test, y, y_test = train_test_split(
        X, y, random_state=split, stratify=y if table.task == "classification" else None, **share
    )
    return X.reset_index(drop=True), X_test.reset_index(drop=True), y, y_test


def judged(
    table: PublicTable, make: Make, split: int, threads: int, rows: int = 0
) -> dict[str, Any]:
    """Fit a model to four fifths of a table, or to so many rows, and judge it by the rest."""
    from sklearn.metrics import log_loss

    X, X_test, y, y_test = parted(table, split, rows)
    classes = table.task == "classification"
    model = make(table.task, threads)
    clock, processor = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
        seconds, cpu = time.perf_counter() - clock, time.process_time() - processor
        clock = time.perf_counter()
        found = model.predict_proba(X_test) if classes else model.predict(X_test)
    record: dict[str, Any] = {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "predict_seconds": round(time.perf_counter() - clock, 4),
        "rows": len(X),
        "columns": X.shape[1],
    }
    if classes:
        labels = np.unique(y)
        place = np.searchsorted(labels, y_test)
        P = np.asarray(found, np.float64)
        record["error"] = float((P.argmax(axis=1) != place).mean())
        every = np.arange(len(labels))  # a rare class may have no row of test
        record["log_loss"] = float(log_loss(place, P / P.sum(axis=1, keepdims=True), labels=every))
        record["calibration_error"] = _calibration_error(place, P)
    else:
        difference = y_test - np.asarray(found, np.float64).reshape(-1)
        record["rmse"] = float(np.sqrt(np.square(difference).mean()) / y_test.std())
    if hasattr(model, "n_steps_"):
        record |= {"steps": model.n_steps_, "best_epoch": model.best_epoch_}
        record["epochs"] = model.n_iter_
        record |= {"flop": flop(model), "peak": peak()}
    return record


def counted(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arithmetic of a fit that is on record: that of its steps, one of which is done."""
    table, split = TABLES[record["table"]], record["split"]
    preset = record["model"].removeprefix("clearprop ")
    X, _, y, _ = parted(table, split)
    make = _ours(preset, {"temperature": False})  # which is not counted, and would take a while
    kind = make(table.task, record["threads"]).set_params(max_steps=1)
    steps = record["steps"] if isinstance(record["steps"], list) else [record["steps"]]
    return {"flop": flop(kind.fit(X, y), steps), "peak": peak()}


def _calibration_error(place: np.ndarray, P: np.ndarray, bins: int = 15) -> float:
    confidence, right = P.max(axis=1), P.argmax(axis=1) == place
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs((right[at == b] - confidence[at == b]).sum()) for b in range(bins)]
    return float(sum(gaps) / len(place))


def main() -> None:
    told = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    told.add_argument(
        "--tables", default="", help="names, with commas between; magic/500 is 500 rows of magic"
    )
    told.add_argument("--models", default="", help="names, with semicolons between")
    told.add_argument(
        "--splits", type=int, default=0, help="of each table; 5, of --tiles and --outside 1"
    )
    told.add_argument("--threads", type=int, default=1, help="as in the records")
    told.add_argument("--ablation", action="store_true", help="one ingredient changed at a time")
    told.add_argument("--tiles", action="store_true", help="presets in bfloat16, on this machine")
    told.add_argument("--outside", action="store_true", help="other tables")
    told.add_argument("--only", default="", help="of the ablation: names, with commas between")
    told.add_argument("--again", action="store_true", help="replace what is there already")
    told.add_argument("--flop", action="store_true", help="count the arithmetic of what is there")
    asked = told.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(asked.threads)
    if asked.flop:
        _count(asked.again)
        return
    path, tables, models = _chosen(asked)
    names = (asked.tables or tables).split(",")
    whole = asked.tiles or asked.outside  # a table's records one after another
    splits = asked.splits or (1 if whole else 5)
    found = {}
    for name, one in models.items():
        if missing := _missing(name, one[0]):
            print(f"{name}: skipped, {missing}")
        else:
            found[name] = one
    by_model = [(table, name) for name in found for table in names]
    by_table = [(table, name) for table in names for name in found]
    for table, name in by_table if whole else by_model:
        for split in range(splits):
            _make_one(path, table, split, name, found[name][1], asked.threads, asked.again)


def _missing(name: str, package: str) -> str:
    """Return what a model lacks here; nothing: it can be judged."""
    if importlib.util.find_spec(package) is None:
        return f"{package} is not installed"
    lacks = "bfloat16" in name and not _native.bfloat16_sets()
    return "this processor has no bfloat16 products" if lacks else ""


def _chosen(asked: argparse.Namespace) -> tuple[Path, str, Mapping[str, tuple[str, Make]]]:
    """Return where records go, on which tables they are made, and the models."""
    if asked.ablation:
        chosen = asked.only.split(",") if asked.only else list(ABLATED)
        changed = {name: ("clearprop", _ours("default", ABLATED[name])) for name in chosen}
        return ABLATION, ABLATED_TABLES, changed
    models = TILED if asked.tiles else MODELS
    usual = COMPARED if asked.outside else models
    wanted = asked.models.split(";") if asked.models else list(usual)
    for name in wanted:
        if name not in models:
            raise SystemExit(f"there is no model {name!r}; there are {'; '.join(models)}")
    path, tables = (TILES, TILED_TABLES) if asked.tiles else (RESULT, ",".join(TABLES))
    if asked.outside:
        path, tables = ELSEWHERE, ",".join(OUTSIDE)
    return path, tables, {name: models[name] for name in wanted}


def _make_one(
    path: Any, table: str, split: int, name: str, make: Make, threads: int, again: bool
) -> None:
    key = {"table": table, "split": split, "model": name}
    records = json.loads(path.read_text("utf-8"))["records"] if path.exists() else []
    known = [record for record in records if key.items() <= record.items()]
    if known and not again:
        return
    if name in SLOW and split and known_rows(records, table) > SLOW_ONE_SPLIT:
        return
    load = os.getloadavg()[0]
    place, _, rows = table.partition("/")
    known_as = (TABLES | OUTSIDE | DRAWN)[place]
    try:
        record = judged(known_as, make, split, threads, int(rows or 0))
    except Exception as error:
        if name.startswith("clearprop"):
            raise
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        print(f"{table} {split} {name}: refused, {why}", flush=True)
        return
    where = provenance()
    about = {"threads": threads, "load": round(load, 1), "commit": where["commit"],
             "date": where["date"], "machine": where["machine"],
             "task": known_as.task, "looked at": place in LOOKED_AT}  # fmt: skip
    _keep(path, {**key, **record, **about})
    figure = record.get("error", record.get("rmse"))
    loss = f" {record['log_loss']:.4f}" if "log_loss" in record else ""
    print(f"{table} {split} {name}: {figure:.4f}{loss}, {record['cpu_seconds']:.1f} s", flush=True)


def _keep(path: Any, record: dict[str, Any]) -> None:
    """Put a record in the place of the one of its table, split and model."""
    key = {name: record[name] for name in ("table", "split", "model")}
    # Read again: another process may have written meanwhile.
    records = json.loads(path.read_text("utf-8"))["records"] if path.exists() else []
    records = [one for one in records if not key.items() <= one.items()]
    records.append(record)
    order = [*TABLES, *OUTSIDE, *DRAWN]
    records.sort(
        key=lambda one: (order.index(one["table"].partition("/")[0]), one["model"], one["split"])
    )
    write(path, {"records": records})


def _count(again: bool) -> None:
    for record in json.loads(RESULT.read_text("utf-8"))["records"]:
        if "steps" in record and (again or "flop" not in record):
            found = counted(record)
            _keep(RESULT, record | found)
            print(f"{record['table']} {record['split']} {record['model']}: "
                  f"{found['flop'] / 1e9:.3g} GFLOP", flush=True)  # fmt: skip


def known_rows(records: list[dict[str, Any]], table: str) -> int:
    """Rows of a table, as far as a record tells."""
    return max((record["rows"] for record in records if record["table"] == table), default=0)


if __name__ == "__main__":
    main()
