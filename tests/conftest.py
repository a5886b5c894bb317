"""What every test file may use: full or small counts, fixed randomness, proofs."""

from __future__ import annotations

import os
import zlib

import numpy as np
import pytest
from hypothesis import settings

#: True under `make prove`, where every count is the full one.
PROVING = os.environ.get("CLEARPROP_PROVE", "") == "1"


def count(small: int, full: int) -> int:
    """How many cases to run: `small` in `make test`, `full` in `make prove`."""
    return full if PROVING else small


# The same examples on every run and every machine; nothing kept on disk, no time limits.
settings.register_profile(
    "fixed", derandomize=True, database=None, deadline=None, max_examples=count(30, 500)
)
settings.load_profile("fixed")


@pytest.fixture
def full() -> bool:
    """Whether this run proves the claims with their full counts."""
    return PROVING


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded with the test's own name: the same numbers on every run."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))
