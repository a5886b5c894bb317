"""scikit-learn's own tests of its MLP, from the installed wheel, run against ours.

Nothing is excused. What a newer scikit-learn adds to the file is tested without a change here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
import sklearn.neural_network

import clearprop as cp

THEIRS = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"


@contextmanager
def ours_in_place_of_theirs() -> Iterator[None]:
    names = ("MLPClassifier", "MLPRegressor")
    theirs = {name: getattr(sklearn.neural_network, name) for name in names}
    for name in names:
        setattr(sklearn.neural_network, name, getattr(cp, name))
    try:
        yield
    finally:
        for name, value in theirs.items():
            setattr(sklearn.neural_network, name, value)


def suite() -> ModuleType:
    spec = importlib.util.spec_from_file_location("their_test_mlp", THEIRS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with ours_in_place_of_theirs():
        spec.loader.exec_module(module)
    return module


SUITE = suite()
TESTS = {name: test for name, test in vars(SUITE).items() if name.startswith("test_")}
globals().update(TESTS)


@pytest.fixture
def global_random_seed() -> int:
    return 42


def test_the_suite_drives_our_classes() -> None:
    assert SUITE.MLPClassifier is cp.MLPClassifier
    assert SUITE.MLPRegressor is cp.MLPRegressor
    assert len(TESTS) >= 30
