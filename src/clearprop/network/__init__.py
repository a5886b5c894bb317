"""The public network: a graph and its exact methods; its parameters; how its arguments are read."""

from clearprop.network.memory import require_memory, within_memory
from clearprop.network.network import Inputs, Network, as_target, check_network
from clearprop.network.parameters import Parameters, check_known

__all__ = [
    "Inputs", "Network", "Parameters", "as_target", "check_known", "check_network",
    "require_memory", "within_memory",
]  # fmt: skip
