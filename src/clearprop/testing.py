"""For people's own test suites: assert that a gradient is right."""

from __future__ import annotations

from typing import Any

from clearprop.checking import GradientCheck, check_gradient
from clearprop.network import Network

__all__ = ["assert_gradient"]


def assert_gradient(
    network: Network, parameters: Any, X: Any, Y: Any, gradient: Any, **settings: Any
) -> GradientCheck:
    """Raise AssertionError with the whole report, the mistake named, if a gradient is wrong.

    Takes what `check_gradient` takes.

    Examples
    --------
    >>> net = Network([2, 1])
    >>> p = net.initial(seed=0)
    >>> assert_gradient(net, p, [[1.0, 2.0]], [[0.5]], net.gradient).passed
    True
    """
    return check_gradient(network, parameters, X, Y, gradient, **settings, raise_exception=True)
