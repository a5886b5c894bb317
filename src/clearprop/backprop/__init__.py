"""Back-propagation: the plan (its steps), the reference that runs it, the paths through it."""

from clearprop.backprop.asked import Asked, Choice, Some
from clearprop.backprop.entries import Places
from clearprop.backprop.following import Follower, Path, Paths, paths
from clearprop.backprop.planning import (
    SAMPLE_WEIGHT,
    Plan,
    Step,
    Term,
    adjoint_name,
    gradient_name,
    plan,
    target_name,
)
from clearprop.backprop.running import Position, Trace, mean_of_members, run, sample_gradients

__all__ = [
    "SAMPLE_WEIGHT", "Asked", "Choice", "Follower", "Path", "Paths", "Places", "Plan", "Position",
    "Some", "Step", "Term", "Trace", "adjoint_name", "gradient_name", "mean_of_members", "paths",
    "plan", "run", "sample_gradients", "target_name",
]  # fmt: skip
