"""Training: the steppable run, and what it is made of: order, schedules, history, checkpoints."""

from clearprop.training.batches import Batches, Shuffled, Whole, automatic_size
from clearprop.training.checkpoint import CHECKPOINT, Checkpoint
from clearprop.training.choices import ATTRS, Engine
from clearprop.training.history import COLUMNS, Event, History
from clearprop.training.progress import Callback, Progress
from clearprop.training.scales import check_planned
from clearprop.training.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    CosLog4,
    Exponential,
    FlatCos,
    Given,
    Horizon,
    OneCycle,
    Plateau,
    Schedule,
    StepDecay,
    WarmUp,
    schedule,
)
from clearprop.training.training import DEFAULT_EPOCHS, Training

__all__ = [
    "ATTRS", "CHECKPOINT", "COLUMNS", "DEFAULT_EPOCHS", "SCHEDULES", "Batches", "Callback",
    "Checkpoint", "Constant", "CosLog4", "Cosine", "Engine", "Event", "Exponential", "FlatCos",
    "Given", "History", "Horizon", "OneCycle", "Plateau", "Progress", "Schedule", "Shuffled",
    "StepDecay", "Training", "WarmUp", "Whole", "automatic_size", "check_planned", "schedule",
]  # fmt: skip
