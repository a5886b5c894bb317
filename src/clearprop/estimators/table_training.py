"""`train_table`: a table and its target in, a model out.

Says which of two runs it is: a preset's, which chooses the network itself, or that of the plain
network that is asked for. Proved by ``tests/test_train_table.py``, ``tests/test_model_table.py``
and ``tests/test_accuracy.py``.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Never

from clearprop.estimators.preset_training import train_preset
from clearprop.model import Model
from clearprop.model.arrays import Watcher
from clearprop.model.choices import PLAIN, asks_for_plain, check_types
from clearprop.model.table import Prepared, train_plain
from clearprop.optimizers import Optimizer
from clearprop.settings import check_setting_names
from clearprop.tables.target import TaskName
from clearprop.training import Engine

__all__ = ["train_table"]


def train_table(
    data: object,
    target: str,
    *,
    preset: str | None = None,
    metric: str | None = None,
    quantile: float | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    hidden: Sequence[int] | None = None,
    activation: str | None = None,
    members: int | None = None,
    dropout: float | None = None,
    l2: float | None = None,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    schedule: Any = None,
    dropout_schedule: Any = None,
    decay_schedule: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    patience: int | None = None,
    engine: Engine | None = None,
    task: TaskName | None = None,
    validation: object = None,
    test: float = 0.0,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
    split_by: str | None = None,
    encoding: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    precision: Any = None,
    time_limit: float | None = None,
    max_steps: int | Sequence[int] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Watcher | None = None,
    announce: Callable[[Prepared], object] | None = None,
    **unknown: Never,
) -> Model:
    """Train a model on a table: one call, good defaults, every decision kept in the model.

    The networks are those of `TabularClassifier` or `TabularRegressor`, with nothing to choose;
    or one plain network, where anything of it is chosen.

    Parameters
    ----------
    data : str, path, frame, dict of columns, list of dicts
        A CSV, TSV, JSON lines or Parquet file, a pattern of names, an SQL query over files, a frame
        of any kind.
    target : str
        The column to predict. Rows without a value there are left out.
    preset : {"default", "fast", "best"}, optional
        How much is computed; see `TabularClassifier`. By default ``"default"``, unless a plain
        network is asked for.
    metric : str, optional
        What a preset is to be good at: ``"log_loss"``, ``"accuracy"``, ``"auc"``, ``"rmse"``,
        ``"mae"``, …
    quantile : float in (0, 1), optional
        Of a preset: predict the number that a share of such rows' numbers lie below, and not their
        mean.
    class_weight : {label: factor} or "balanced", optional
        Of a preset, where classes are predicted: see `TabularClassifier`. Figures count every row
        once all the same.
    hidden : sequence of int, optional
        This and those up to `engine` ask for a plain network. Units of the hidden layers; by
        default two layers, wider for more rows.
    activation : str, optional
        ``"relu"`` (the default), ``"tanh"``, ``"selu"``, ``"mish"``, …
    members : int, optional
        So many networks, which differ in their initial values alone, are trained side by side; the
        prediction is their mean, which is better than any one of them. By default 8, from 10,000
        rows 4.
    dropout : float in [0, 1), optional
    l2 : float, 0 or more, optional
        λ of the penalty λ/2 Σ W²; by default 3 / rows.
    optimizer, learning_rate, schedule, dropout_schedule, decay_schedule
        And ``epochs``, ``batch_size``, ``patience``: as in `train`.
    engine : {"native", "reference", "auto"}, optional
        The reference is float64 NumPy: slow, and able to run a row of your own without a kernel.
        ``"auto"`` takes it where the native engine cannot run the network.
    task : {"classification", "regression"}, optional
        By default found from the target's values.
    validation : float in [0, 1), or a table, optional
        The rows that tell which epoch is best; 0 for none. By default a fifth of the rows; with a
        preset, each of its networks holds back others.
    test : float in [0, 1)
        Share of the rows that are kept aside to judge the model by.
    columns : {name: "number", "category", "boolean" or "date"}
        What is known better than it looks: ``{"zip": "category"}``.
    drop : sequence of str
        Columns to leave out.
    weight, split_by : str
        The column of sample weights; the column whose equal values stay together when rows are
        divided (a patient, a household).
    encoding : str, optional
        Of the text files: any of Python's codecs for text, such as ``"big5"``, ``"shift_jis"`` or
        ``"cp1251"``. By default found from the bytes, and told where it is not UTF-8.
    precision : {"float32", "bfloat16", "float64"}, optional
        What products are done in, of a preset or a plain network: as in `train`.
    seed, threads, time_limit, checkpoint, resume
        As in `train`. The time limit is that of all runs of a preset together: where it is too
        short for them, fewer are done. Each has a checkpoint: that of the first is `checkpoint`,
        the others' have a number behind.
    max_steps : int, or sequence of int
        Most steps of each run: one number for all of them, or one for each, 0 for the last that
        are left out. With those that a time limit left time for (``provenance["runs"]`` of a
        preset), the same bits.
    progress : callable, optional
        Called with a `clearprop.training.Progress` a few times a second.
    announce : callable, optional
        Called with a `Prepared` once, before training.

    Returns
    -------
    Model
        ``provenance["figures"]`` has the figures of the test and the validation rows, each of the
        latter judged by networks that did not see it.

    Raises
    ------
    Interrupted
        After Ctrl-C; its ``model`` is the best so far.
    ClearPropError
        One sentence: what is wrong with the table or a setting, where, and the fix.

    Examples
    --------
    >>> x = list(range(60))
    >>> model = train_table({"x": x, "size": ["big" if v > 30 else "small" for v in x]}, "size")
    >>> model.predict({"x": [5, 55]}).tolist()
    ['small', 'big']
    """
    given = dict(locals())
    own_names = (one for one in inspect.signature(train_table).parameters if one != "unknown")
    check_setting_names("train_table", unknown, own_names)
    check_types(
        hidden=hidden, columns=columns, drop=drop,
        names={"target": target, "weight": weight, "split_by": split_by, "encoding": encoding},
        functions={"progress": progress, "announce": announce},
    )  # fmt: skip
    del given["unknown"]
    own = {"preset": preset, "metric": metric, "quantile": quantile, "class_weight": class_weight}
    if asks_for_plain(given, own) is None:
        told = {name: value for name, value in given.items() if name not in PLAIN}
        return train_preset(**{**told, "preset": "default" if preset is None else preset})
    usual = {"dropout": 0.0, "engine": "native", "validation": 0.2}
    told = {name: usual.get(name) if value is None else value for name, value in given.items()}
    return train_plain(**{name: value for name, value in told.items() if name not in own})
