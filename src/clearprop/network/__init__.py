"""The public network: a graph and its exact methods; its parameters; how its arguments are read."""

from clearprop.network.memory import require_memory, within_memory
from clearprop.network.network import Network, check_network
from clearprop.network.parameters import Parameters, check_known
from clearprop.network.reading import Inputs

__all__ = [
    "Inputs", "Network", "Parameters", "check_known", "check_network",
    "require_memory", "within_memory",
]  # fmt: skip
