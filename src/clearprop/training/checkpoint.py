"""Checkpoints: all that a run's future depends on, in one file that is whole or not there.

A run that is resumed from one ends with the same bits as a run that was never stopped; what it is
resumed with must be what it began with, and a difference is refused by name. Proved by
``tests/test_resume.py``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clearprop import storage
from clearprop.engine import Data, Flat, State
from clearprop.errors import FileError
from clearprop.network import Network
from clearprop.training.history import History
from clearprop.training.starting import begun
from clearprop.training.stopping import Watch
from clearprop.training.sums import Sums

__all__ = [
    "CHECKPOINT", "NETWORK", "STEPS", "Checkpoint", "destination", "digest_of", "fingerprint",
]  # fmt: skip

CHECKPOINT = storage.Kind("clearprop-checkpoint", "checkpoint", 1, "train again from the start")
DIGEST = "digest of "
"""What the names of digests begin with."""
NETWORK = f"{DIGEST}the network"
"""The name that a fingerprint has its network's digest by."""
STEPS = "steps of the run"
LATER = ("metric", "greater_is_better")
"""What the first files of format version 1 did not say: they go on with whatever is given."""


@dataclass
class Checkpoint:
    """A run at a border between two steps.

    Parameters
    ----------
    state : State
    best : (size,) array
        The parameters of the best epoch.
    watch : Watch
    sums : Sums
        Of the epoch under way.
    memory : mapping of str to float
        The schedule's.
    history : History
    seconds : float
        The time of training so far.
    why : str
        Why the run ended; empty if it has not.
    fingerprint : mapping of str to str
        What the run was given, by name: network, arrays (digests), settings.
    """

    state: State
    best: Flat
    watch: Watch
    sums: Sums
    memory: Mapping[str, float]
    history: History
    seconds: float
    why: str
    fingerprint: Mapping[str, str]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file, whole or not at all; an older one stands until then."""
        state, watch, sums = self.state, self.watch, self.sums
        # Numbers go as arrays: JSON has no NaN and no infinity.
        numbers = [watch.best, watch.reference, sums.rate, sums.cost, self.seconds]
        parts = state.parts()
        tensors = {
            "parameters": parts.pop("parameters"),
            **{f"slot.{name}": slot for name, slot in parts.items()},
            "best": self.best,
            "sums": sums.totals,
            "memory": np.array([self.memory[name] for name in sorted(self.memory)], np.float64),
            "history": self.history.to_array(),
            "numbers": np.array(numbers, np.float64),
        }
        content = {
            "position": [state.step, state.skipped, watch.epoch, watch.waited],
            "seed": state.seed,
            "family": state.family,
            "slots": list(parts),
            "memory": sorted(self.memory),
            "events": [asdict(event) for event in self.history.events],
            "why": self.why,
            "fingerprint": dict(self.fingerprint),
        }
        storage.write(path, CHECKPOINT, content, tensors)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Read a file; raise FileError if it is no checkpoint, cut short or edited."""
        content, tensors = storage.read(path, CHECKPOINT)
        step, skipped, epoch, waited = content["position"]
        best, reference, rate, cost, seconds = tensors["numbers"].tolist()
        return cls(
            State(
                tensors["parameters"],
                {name: tensors[f"slot.{name}"] for name in content["slots"]},
                step,
                content["seed"],
                skipped,
                content["family"],
            ),
            tensors["best"],
            Watch(best, epoch, reference, waited),
            Sums(tensors["sums"], cost, rate),
            dict(zip(content["memory"], tensors["memory"].tolist(), strict=True)),
            History.from_array(tensors["history"], content["events"]),
            seconds,
            content["why"],
            content["fingerprint"],
        )

    def require(self, fingerprint: Mapping[str, str], path: str | os.PathLike[str]) -> None:
        """Refuse to go on with anything else than the run began with.

        Raises
        ------
        FileError
            If the run diverged, or naming each thing that differs, with both values.
        """
        if self.why == "diverged":  # whatever it is resumed with, its parameters lead nowhere
            told = [event.text for event in self.history.events if event.kind == "diverged"]
            raise FileError(
                f"the run in {os.fspath(path)} diverged and cannot go on: "
                f"{''.join(told[-1:])}; start anew without resume"
            )
        another = self.fingerprint.get("optimizer") != fingerprint.get("optimizer")
        reseeded = self.fingerprint.get("seed") != fingerprint.get("seed")
        differ: list[str] = []
        names = dict.fromkeys([*fingerprint, *self.fingerprint])
        for name in sorted(names, key=lambda name: not name.startswith(DIGEST)):  # data come first
            if name == STEPS and differ:  # of other rows there are other steps
                continue
            if reseeded and name.startswith(DIGEST) and name != NETWORK:
                continue  # which rows of a table train is drawn by the seed
            old, new = self.fingerprint.get(name), fingerprint.get(name)
            own = another and (old is None or new is None)  # a setting of one optimizer only
            unsaid = old is None and name in LATER
            if old != new and not own and not unsaid:
                differ.append(_difference(name, old, new))
        if differ:
            raise FileError(
                f"cannot resume from {os.fspath(path)}: {'; '.join(differ)}. Give what the run "
                "began with, start it anew, or name another file: one is for one fit"
            )


def _difference(name: str, old: Any, new: Any) -> str:
    if name.startswith(DIGEST):
        return f"{name.removeprefix(DIGEST)} is not the same"
    if name == STEPS:
        return f"the run had {old} steps and would have {new}: epochs or batch_size is another"
    return f"{name} was {old or 'not given'} and is {new or 'not given'}"


def destination(path: str | os.PathLike[str], *, resume: bool) -> Path:
    """Return where checkpoints can be written, halves that a killed run left there swept away.

    Raises
    ------
    FileError
        If nothing can be written there, or what stands there is no checkpoint (to resume from what
        is none is refused by `Checkpoint.read`, which says what it is).
    """
    found = storage.check_writable(path)
    storage.sweep(found)
    if not resume and found.exists() and not storage.is_kind(found, CHECKPOINT):
        raise FileError(f"{found} exists and is no checkpoint; choose another name")
    return found


def digest_of(network: Network) -> str:
    """Return what tells a network from others, as fingerprints have it by `NETWORK`."""
    return hashlib.sha256(network.to_json().encode()).hexdigest()


def fingerprint(
    settings: Mapping[str, Any],
    network: Network,
    data: Data,
    validation: Data | None,
    parameters: Mapping[str, ArrayLike] | None,
) -> dict[str, str]:
    """Return what a run's bits depend on, by name, as text: arrays by their digests.

    ``parameters`` are those that the run was given to start from.
    """
    found = {name: str(value) for name, value in settings.items() if value is not None}
    found[NETWORK] = digest_of(network)
    for part, rows in (("", data), ("validation ", validation)):
        if rows is not None:
            found[f"rows of {part}data"] = str(len(rows))
            found |= {f"{DIGEST}{part}{name}": text for name, text in _digests(rows).items()}
    if parameters is not None:
        flat = begun(network, parameters)
        found[f"{DIGEST}the parameters given"] = hashlib.sha256(flat.data).hexdigest()
    return found


def _digests(data: Data) -> dict[str, str]:
    """SHA-256 of each array, by what people call it."""
    named = {f"X[{key!r}]": array for key, array in data.inputs.items()}
    named |= {f"Y[{key!r}]": array for key, array in data.targets.items()}
    if data.weights is not None:
        named["sample_weight"] = data.weights
    found = {}
    for name, array in named.items():
        made = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
        for start in range(0, len(array), 65536):  # in pieces: the array may not be contiguous
            made.update(np.ascontiguousarray(array[start : start + 65536]).data)
        found[name] = made.hexdigest()
    return found
