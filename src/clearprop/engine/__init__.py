"""What runs a network's steps: the contract, the float64 reference, the native engine."""

from clearprop.engine.contract import (
    Data,
    Flat,
    Open,
    Precision,
    Report,
    Runner,
    State,
    Window,
)
from clearprop.engine.native import NativeRunner, open_native
from clearprop.engine.reference import ReferenceRunner, open_reference

__all__ = [
    "Data", "Flat", "NativeRunner", "Open", "Precision", "ReferenceRunner", "Report", "Runner", "State", "Window",
    "open_native", "open_reference",
]  # fmt: skip
