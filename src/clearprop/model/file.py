"""The ``.clearprop`` file: what stands at a path, beside it, and what may be replaced there.

The container is `clearprop.storage`'s. Proved by ``tests/test_model_file.py``.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from clearprop import storage
from clearprop.errors import FileError
from clearprop.training import CHECKPOINT

__all__ = ["KIND", "SUFFIX", "check_destination", "checkpoint_of", "checkpoints", "is_model"]

KIND = storage.Kind("clearprop-model", "model", 1, "use another copy, or train again")
SUFFIX = ".clearprop"

Where = str | os.PathLike[str]


def is_model(path: Where) -> bool:
    """Whether a file is a model by its header, damaged or not."""
    return storage.is_kind(path, KIND)


def check_destination(path: Where, *, overwrite: bool = False) -> Path:
    """See, before hours of training, that a model can be saved at a path.

    Raises
    ------
    FileError
        If the folder does not exist or cannot be written to, or a file stands there that is no
        model and `overwrite` is False.
    """
    target = storage.check_writable(path)
    if target.exists() and not overwrite and not is_model(target):
        raise FileError(
            f"{os.fspath(path)} exists and is no ClearProp model, so it is not replaced: choose "
            "another name, or overwrite it (overwrite=True; --overwrite)"
        )
    return target


def checkpoint_of(first: Where, run: int) -> Path:
    """Return the checkpoint of the run of this number, from 1: the first's, a number behind."""
    return Path(first if run == 1 else f"{os.fspath(first)}.{run}")


def checkpoints(first: Where) -> list[Path]:
    """Return the files that runs one after another with this checkpoint have left.

    A file that is no checkpoint is somebody's own, and not among them.
    """
    later: list[Path] = []
    for run in count(2):
        one = checkpoint_of(first, run)
        if not storage.is_kind(one, CHECKPOINT):
            break
        later.append(one)
    return [Path(first), *later] if storage.is_kind(first, CHECKPOINT) else later
