"""What runs a network's steps: the contract, the float64 reference, the native engine."""

from clearprop.engine.contract import (
    Data,
    Flat,
    Looks,
    Open,
    Precision,
    Report,
    Runner,
    State,
    Window,
)
from clearprop.engine.isa import InstructionSet, instruction_sets
from clearprop.engine.lowering import lower
from clearprop.engine.native import NativeRunner
from clearprop.engine.opening import open_native, open_reference
from clearprop.engine.pieces import ROW_BLOCK, Node, combine
from clearprop.engine.program import Program
from clearprop.engine.reference import ReferenceRunner
from clearprop.engine.stepping import SteppingRunner

__all__ = [
    "ROW_BLOCK", "Data", "Flat", "InstructionSet", "Looks", "NativeRunner", "Node", "Open",
    "Precision", "Program", "ReferenceRunner", "Report", "Runner", "State", "SteppingRunner",
    "Window", "combine", "instruction_sets", "lower", "open_native", "open_reference",
]  # fmt: skip
