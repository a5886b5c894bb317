"""The pages of one weight, read back from LaTeX: every factor, every path, all multiplied out.

Proves `clearprop.derivation.weight` and `clearprop.derivation.expanding` with the reader of
``test_derivation_latex.py``, which shares nothing with what prints. A derivative between two
quantities of a chain is found here by a step in the imaginary direction, through layers written
by hand.
"""

from __future__ import annotations

import numpy as np
import pytest
from conftest import count
from latex_page import SIZED, Page, off
from latex_reader import Name, Reader
from random_networks import random_case, redrawn
from test_derivation import NETWORKS, data

import clearprop as cp
from clearprop.derivation import NOTATIONS
from clearprop.derivation.pages import article
from clearprop.errors import SettingError

STEP = 1e-30
FUNCTIONS = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "identity": lambda z: z}


class WeightPage(Page):
    """The numbers behind the page of one weight."""

    def __init__(self, network, notation, parameters, X, Y):
        super().__init__(network, notation, parameters, X, Y)
        self.paths: dict[int, float] = {}
        self.rest = 0.0  # what all paths of the sample that have no letter add up to

    def look(self, name: Name, bound) -> np.ndarray:
        if name.letter == "p":
            return np.float64(self.paths[self.number(name)])
        if name.letter == "R":
            return np.float64(self.rest)
        if name.under is None and self.is_part(name):
            return np.float64(self.part(self.arrays, name.below[0]).real)
        factor = self.letters[name.letter] != "J" or name.below
        if name.under is not None and factor and self.m == 1:
            return np.float64(self.slope(name, name.under))
        return super().look(name, bound)

    @staticmethod
    def number(name: Name) -> int:
        return int("".join(map(str, name.below)))

    def is_part(self, name: Name) -> bool:
        return self.letters[name.letter] == "J" and bool(name.below)

    # -- derivatives of one quantity by another, in a chain of two layers -------------------------
    def part(self, found, k: int) -> complex:
        """What output k adds to ½ ‖y − o‖²."""
        return 0.5 * (found["y"][0, k - 1] - found["a3"][0, k - 1]) ** 2

    def slope(self, top: Name, bottom: Name) -> float:
        assert self.graph.costs[0].op == "squared_error"
        assert self.m == 1
        symbol = self.symbol(bottom, {})
        place = tuple(p - 1 for p in bottom.below)
        moved = {n: np.array(a, complex) for n, a in self.arrays.items() if np.ndim(a) <= 2}
        moved[symbol][place[::-1] if symbol[0] == "W" else (0, *place)] += 1j * STEP
        fixed = ["a1", "z2", "a2", "z3", "a3"]
        start = int(symbol[1]) if symbol[0] == "W" else fixed.index(symbol) + 1
        functions = [node.op for node in self.graph.nodes if not node.params]
        for value in fixed[start if symbol[0] != "W" else 2 * start - 1 :]:
            layer = int(value[1]) - 1
            if value[0] == "z":
                moved[value] = moved[f"a{layer}"] @ moved[f"W{layer}"].T + moved[f"b{layer}"]
            else:
                moved[value] = FUNCTIONS[functions[layer - 1]](moved[f"z{layer + 1}"])
        if self.is_part(top):
            return self.part(moved, top.below[0]).imag / STEP
        return moved[self.symbol(top, {})][0, top.below[0] - 1].imag / STEP

    # -- equations --------------------------------------------------------------------------------
    def side(self, left, sign, right, defined, runs) -> float | None:
        """A path's first side says what its letter is; what letters of paths add up to is one
        sample's, the shown one's; all else as on every page."""
        own = left[0] == "p"
        if not own and "p" not in right and r"\sum" not in left:
            return self.other_side(left, sign, right, defined, runs)
        self.member = self.sample = 1
        if own:
            path = self.number(Reader(left, None, {}, {}).name())
            found = self.read(right, defined)
            if path not in self.paths:
                self.paths[path] = float(found)
                return None
            return off(found, np.float64(self.paths[path]))
        truth = self.truth(left, sign, {})
        self.rest = 0.0
        if "R" in right:  # its number stands in the next side, of numbers alone
            self.rest = float(truth - self.read(right, defined))
        return off(self.read(right, defined), truth)

    def other_side(self, left, sign, right, defined, runs) -> float | None:
        """Where 3 and 1 below a matrix may be an entry or its sizes, one of both holds."""
        found: float | None = np.inf
        for sized in (False, True) if self.notation in SIZED else (False,):
            self.sized = sized
            try:
                found = super().side(left, sign, right, defined, runs)
            except (AssertionError, IndexError, TypeError, ValueError):
                continue
            if found is None or found <= 1e-10:
                break
        return found

    def read(self, text, defined):
        return Reader(text, self.look, defined, {}, self.levels()).whole()


def read_weight(network, notation, parameters, X, Y, weight, *, expand=False):
    """Read the page of one weight: how many sides there are, and the worst of them."""
    d = cp.derive(network, notation, parameters, X, Y, weight=weight, digits=17)
    d = d.expand() if expand else d
    with pytest.MonkeyPatch.context() as patch:  # whether it verifies is another test's claim
        patch.setattr(article, "failure", lambda derived: "")
        patch.setattr(article, "header", lambda derived: ())
        page = d.to_latex()
    return WeightPage(network, notation, parameters, X, Y).check(page)


WEIGHTS = {"shared bias": "W1[2,1]", "softmax": "W1[3,2]", "residual": "W1[2,1]",
           "diamond": "W1[1,2]", "tied": "W1[1,2]", "mixed": "W2[1,2]"}  # fmt: skip
SMALL = ("shared bias", "softmax", "tied")  # these can be multiplied out


@pytest.mark.prove
@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_of_a_weight_read_back_is_what_is_executed(name, notation, m, full, proof):
    if not full and (list(NETWORKS).index(name) + list(NOTATIONS).index(notation) + m) % 3:
        pytest.skip("one in three in `make test`, all in `make prove`")
    network = NETWORKS[name]()
    case = (network, notation, *data(network, m), WEIGHTS[name])
    sides, worst = read_weight(*case)
    assert sides > 20
    assert worst <= 1e-10
    proof("sides of the equations of one weight, read back from LaTeX", sides, worst=worst)
    if name in SMALL and (full or m == 1 or name != "softmax"):
        more, worst = read_weight(*case, expand=True)
        assert more >= sides + 2  # what it is multiplied out, and its number
        assert worst <= 1e-10


@pytest.mark.parametrize(
    ("network", "weights"),
    [
        (NETWORKS["shared bias"], ["V11", "V23", "W32"]),
        (lambda: cp.Network("3-2-2", "tanh", output="sigmoid"), ["V11", "V32", "W12"]),
    ],
)
def test_every_factor_of_a_chain_read_back_is_a_derivative(network, weights):
    made = network()
    for weight in weights:
        sides, worst = read_weight(made, "scalar", *data(made, 1), weight)
        assert sides > 60 if weight.startswith("V") else sides > 25
        assert worst <= 1e-13


@pytest.mark.parametrize("first", count([3], list(range(3, 203, 25))))
def test_weights_of_random_graphs_read_back_are_what_is_executed(first, proof):
    worst, total, out = 0.0, 0, 0
    for seed in count((3, 5), range(first, first + 25)):
        for m in count((7,), (1, 7)):
            case = redrawn(random_case(seed, rows=m), 1e-3)
            sym, parameter = list(case.network.graph.parameters.items())[seed % 2]
            ones = ",".join("1" for _ in parameter.spec.type.shape)
            weight = f"{sym}[{ones}]" if ones else sym
            for notation in NOTATIONS:
                given = (case.network, notation, case.parameters, case.X, case.Y)
                found = read_weight(*given, weight)
                assert found[1] <= 1e-10, (seed, m, notation, weight)
                total, worst = total + found[0], max(worst, found[1])
                if notation != list(NOTATIONS)[seed % len(NOTATIONS)]:
                    continue
                try:
                    found = read_weight(*given, weight, expand=True)
                except SettingError:
                    continue
                assert found[1] <= 1e-10, (seed, m, notation, weight)
                out += 1
    assert out
    proof("sides of one weight of random graphs, read back from LaTeX", total, worst=worst)
