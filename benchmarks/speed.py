"""How fast ClearProp is beside its peers, part by part, in one run on one machine.

    python -m benchmarks.speed [--parts step,sweep,…] [--quick] [--nets tiny,small,…]
                               [--rounds 5] [--json FILE]

step     a training step of five nets; what other functions and optimizers cost; where time goes
sweep    a training step over widths, batches and depths
predict  one row, and batches
startup  imports, and a new process's first model
memory   a run's peak beside its bound
scaling  with threads, rows and parameters
many     many networks at once

Everyone starts from the same weights, and one step on the same rows is held to the exact one before
anything is timed. An epoch is timed as a whole, the shuffling inside; order rotating; medians and
spread; of each library the best of its settings counts, and a slow one that has no chance to be it
is timed for one round only. The products' peaks are measured in the
same run. A run that was broken off goes on where it was; a part that is run again takes the place
of the one before. Everything takes up to 55 minutes on two quiet cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import many, peaks, prediction, processes, record, scaling, step, sweep, variants
from benchmarks.problem import NETS

PARTS = ("step", "sweep", "predict", "startup", "memory", "scaling", "many")
MOST_SWEEP = 1320.0
"""Seconds after which no further point of the sweep is begun."""


class Run:
    """One call of the benchmark: what was asked for, and what is kept."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.quick: bool = options.quick
        self.rounds: int = 2 if options.quick else options.rounds
        self.nets: list[str] = options.nets.split(",")
        settings = {"rounds": self.rounds, "quick": self.quick, "nets": self.nets}
        settings["load"] = record.load()
        self.kept = record.Kept(options.json, settings)
        self.began = time.perf_counter()

    def say(self, text: str) -> None:
        """Print where the run stands, with the time since it began."""
        seconds = time.perf_counter() - self.began
        print(f"[{int(seconds) // 60:2}:{int(seconds) % 60:02}] {text}", flush=True)

    def peak(self) -> dict[str, Any]:
        """The machine's, measured once."""
        self.say("peaks")
        found: dict[str, Any] = self.kept.piece(
            "peaks", partial(peaks.peaks, self.rounds, 1024 if self.quick else 4096)
        )
        return found

    def step(self) -> dict[str, Any]:
        """Five nets beside everyone, the phases of a step, its variants."""
        peak, nets = self.peak(), {}
        for name in self.nets:
            self.say(f"step: {name}")
            nets[name] = self.kept.piece(
                f"step {name}", partial(step.measure, name, self.rounds, self.quick, peak)
            )
            step.shown(nets[name])
        self.say("step: phases and variants")
        phases = self.kept.piece("phases", partial(variants.phases, self.nets, self.quick))
        others = self.kept.piece("variants", partial(variants.variants, self.rounds, self.quick))
        for name, row in others.items():
            print(f"  {name:16} {row['times plain']:6.2f}× the plain step")
        return {"peaks": peak, "nets": nets, "phases": phases, "variants": others}

    def sweep(self) -> dict[str, Any]:
        """Widths by batches by depths, until the time is up."""
        points = sweep.points(self.quick)
        found, left, end = [], [], time.perf_counter() + MOST_SWEEP
        for number, point in enumerate(points):
            name = "sweep {}, batch {}, {} hidden".format(*point)
            if time.perf_counter() > end and name not in self.kept.pieces:
                left.append(point)
                continue
            made = partial(sweep.measure, point, self.rounds, self.quick)
            row = self.kept.piece(name, made)
            found.append(row)
            beside = f"{row['ratio']:6.2f}× {row['peer']}" if "ratio" in row else "alone"
            self.say(f"{number + 1:3} of {len(points)}  {name:38} {beside}")
        return {"points": found, "left out for time": left}

    def predict(self) -> dict[str, Any]:
        """One row and batches."""
        peak = self.peak()
        self.say("predict")
        one = self.kept.piece("one row", partial(prediction.one_row, self.rounds, self.quick))
        for name, row in one.items():
            print(f"  {name:40} {row['median']:8.2f} µs")
        of = partial(prediction.batches, self.rounds, self.quick, peak)
        return {"one row": one, "batches": self.kept.piece("batches", of)}

    def startup(self) -> dict[str, Any]:
        """New processes."""
        self.say("startup")
        found: dict[str, Any] = self.kept.piece(
            "startup", partial(processes.startup, 3 if self.quick else 11)
        )
        for name, row in found["seconds"].items():
            print(f"  {name:64} {1e3 * row['median']:7.1f} ms  {row['times numpy']:6.2f} × numpy's")
        return found

    def memory(self) -> dict[str, Any]:
        """Peaks beside their bounds."""
        self.say("memory")
        cases = self.kept.piece("memory", partial(processes.memory, self.quick))
        for name, row in cases.items():
            print(f"  {name:34} {row['peak'] / 1e6:8.1f} MB of {row['bound'] / 1e6:8.1f}")
        return {"cases": cases}

    def scaling(self) -> dict[str, Any]:
        """Threads, rows, parameters."""
        peak = self.peak()
        self.say("scaling")
        found: dict[str, Any] = self.kept.piece(
            "scaling", partial(scaling.measure, self.rounds, self.quick, peak)
        )
        return found

    def many(self) -> dict[str, Any]:
        """Many networks at once."""
        self.say("many")
        cases = self.kept.piece("many", partial(many.measure, self.rounds, self.quick))
        for name, case in cases.items():
            told = ", ".join(f"{of} {row['median']:.2f} s" for of, row in case["seconds"].items())
            print(f"  {case['runs']} runs of {name}: {told}")
        return {"cases": cases}


def main() -> None:
    """Measure the parts asked for and put them into the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default=",".join(PARTS), help="names, with commas between")
    parser.add_argument("--quick", action="store_true", help="short rounds and few points: a look")
    parser.add_argument("--nets", default=",".join(NETS), help="of the step, with commas between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=record.RESULTS / "speed.json")
    options = parser.parse_args()
    for what, given, known in (("parts", options.parts, PARTS), ("nets", options.nets, NETS)):
        unknown = [name for name in given.split(",") if name not in known]
        if unknown:
            parser.error(f"--{what}: there is no {unknown[0]!r}; there are {', '.join(known)}")
    if options.quick and options.json == record.RESULTS / "speed.json":
        parser.error("--quick is a look and not for the record: give --json FILE")
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least one, of which a median is taken")
    record.check_installed()
    run, found = Run(options), {}
    with tempfile.TemporaryDirectory(prefix="clearprop-speed-") as folder:
        # A library that a run broken off has left half written would end this one.
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        for name in options.parts.split(","):
            measure: Callable[[], dict[str, Any]] = getattr(run, name)
            found[name] = measure()
    run.kept.finish(found)
    run.say(f"done; {options.json}")


if __name__ == "__main__":
    main()
