"""The numbers behind one LaTeX article, by the names its text gives them, to evaluate it whole."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
from conftest import count
from latex_reader import Name, Reader, column, tokens

from clearprop.backprop import plan, run

#: How each text names what the trace holds: letter -> role, and by how much its number is larger.
COMMON = {"b": "b", "y": "y", "delta": "delta", "Delta": "Delta", "Omega": "penalty", "C": "C",
          "cost": "C", "m": "m", "K": "K", "lambda": "l2", "s": "s", "kappa": "alpha", "r": "r",
          "E": "E", "S": "width"}  # fmt: skip
LETTERS = {
    "matrix": {"W": "W", "z": "z", "a": "a", "x": "x", "J": "J", "alpha": "rate"},
    "graph": {"Theta": "W", "z": "z", "a": "a", "x": "x", "Cost": "J", "alpha": "rate"},
    "delta-rule": {"w": "W", "u": "z", "t": "a", "x": "x", "E": "J", "eta": "rate", "T": "E"},
    "scalar": {"V": "W", "W": "W", "H": "z", "Q": "z", "X": "a", "P": "a", "O": "a", "Y": "y",
               "E": "J", "eta": "rate", "T": "E"},
    "index": {"w": "W", "z": "z", "a": "a", "x": "x", "J": "J", "alpha": "rate"},
}  # fmt: skip
MORE = {"graph": {"Delta": 1}, "delta-rule": {"W": 1, "b": 1}}
SOURCE_FIRST = {"delta-rule", "scalar"}
COLUMN = {"graph"}  # the bias is one more column of the weights
SIZED = {"graph"}  # matrices have their sizes below
MEMBER = r"\kappa"
RUNNING = {"s", MEMBER}  # they count samples and members
OWN_LETTERS = {"hidden": {"V", "H", "P"}, "output": {"W", "Q", "O"}, "input": {"X"}}


class Page:
    """The numbers behind one article, looked up by what its text calls them."""

    def __init__(self, network, notation, parameters, X, Y):
        self.network, self.notation, self.graph = network, notation, network.graph
        trace = network.trace(parameters, X, Y)
        inputs = {g.key: trace[g.value] for g in self.graph.inputs}
        targets = {n: a for n, a in trace.arrays.items() if re.fullmatch(r"y\d*|y_\w+", n)}
        general = plan(self.graph, fuse=False)
        with np.errstate(all="ignore"):
            self.arrays = {**run(general, parameters, inputs, targets).arrays, **trace.arrays}
        self.m = len(trace["w"])
        self.sample = self.member = 1
        self.sized = notation in SIZED
        self.letters = {**COMMON, **LETTERS[notation]}
        self.finals = {c.value[1:] for c in self.graph.costs}
        self.sources = {g.value[1:] for g in self.graph.inputs}
        self.users = {n: self.graph.nodes[p.users[0]].output[1:]
                      for n, p in self.graph.parameters.items()}  # fmt: skip
        self.bias = {}
        for node in self.graph.nodes:
            roles = dict(node.params)
            if "W" in roles and "b" in roles:
                self.bias[roles["W"]] = roles["b"]

    # -- names ------------------------------------------------------------------------------------
    def symbol(self, name: Name, bound) -> str:
        role = self.letters[name.letter]
        if name.above.strip("()"):
            text = layer(name, bound)
            if not text.isdigit():
                return f"{role}_{text}"
            if role == "x":
                return f"a{text}"
            return f"{role}{int(text) - MORE.get(self.notation, {}).get(role, 0)}"
        if role in ("J", "C", "penalty", "m", "K", "l2", "rate"):
            return role
        if role == "y":
            return "y"
        if role == "x":
            (given,) = self.graph.inputs
            return given.value
        return role + self.only(name, role)

    def only(self, name: Name, role: str) -> str:
        """The layer of a letter that has no number, because only one layer has it."""
        layers = {"output": self.finals, "input": self.sources}
        kind = next((k for k, has in OWN_LETTERS.items() if name.letter in has), "")
        if role == "b":
            return "".join(str(place) for place in name.below if place.letter not in RUNNING)
        found = []
        for symbol in (*self.graph.parameters, *self.graph.values):
            label = re.sub(r"^[A-Za-z]+", "", symbol)
            layer = self.users.get(symbol, label)
            here = layers.get(kind)
            fits = layer in here if here else layer not in self.finals | self.sources
            if symbol == role + label and (not kind or fits):
                found.append(label)
        (label,) = found
        return label

    def look(self, name: Name, bound) -> np.ndarray:
        if name.letter == "S":  # how many units a layer has
            (place,) = name.below
            return np.float64(self.graph.values[f"a{place}"].type.shape[0])
        if name.under is not None:
            return self.derivative(name, name.under, bound)
        units = [place for place in name.below if place.letter not in RUNNING]
        if name.letter == "x" and self.notation == "delta-rule" and len(units) == 2:
            return self.connection(name, bound)
        symbol = self.symbol(name, bound)
        if name.primed:
            symbol = f"dJ/d{symbol}"
        return self.entry(symbol, name, bound)

    def derivative(self, top: Name, below: Name, bound) -> np.ndarray:
        """∂J/∂W, of the whole cost; ∂C/∂z and ∂Jₛ/∂z, of one sample's; ∂J/∂z, a share of 1/m."""
        role, symbol = self.letters[top.letter], self.symbol(below, bound)
        if symbol in self.graph.parameters:
            assert role == "J" and not top.below
            return self.entry(f"dJ/d{symbol}", below, bound)
        single = len(self.graph.costs) == 1 and not self.graph.members
        assert role == "J" or (role == "C" and single), f"{role} is no cost of one sample"
        running = [place for place in below.below if place.letter == "s"]
        assert not running or list(top.below) == running, "a sample's cost, another's value"
        assert not top.below or [place.letter for place in top.below] == ["s"]
        own = {"a": "Delta", "z": "delta"}[symbol[0]]
        found = self.entry(own + symbol[1:], below, bound)  # of one sample's cost
        return found if role == "C" or top.below else found / self.m

    def connection(self, name: Name, bound) -> np.ndarray:
        """x^(l)_ij: what goes from unit i into unit j of layer l."""
        node = next(n for n in self.graph.nodes if n.output == f"z{layer(name, bound)}")
        places = tuple(p for p in name.below if p.letter not in RUNNING)
        sample = tuple(p for p in name.below if p.letter in RUNNING)
        values = []
        for read in node.inputs:
            values.append(self.entry(read, Name("", "", (*sample, places[0])), bound))
        return values[0]

    # -- numbers ----------------------------------------------------------------------------------
    def axes(self, symbol: str) -> tuple[bool, bool]:
        """Whether an array has the axes (member, sample)."""
        if symbol in ("J", "penalty") or symbol.startswith("dJ/d"):
            of = self.graph.parameters.get(symbol[4:])
            return (of is not None and of.spec.type.member, False)
        if symbol in self.graph.parameters:
            return (self.graph.parameters[symbol].spec.type.member, False)
        value = symbol
        for role, own in (("Delta", "a"), ("delta", "z"), ("r", "a")):  # r: dropout's factors
            if symbol.startswith(role):
                value = own + symbol[len(role) :]
        if value in self.graph.values:
            kind = self.graph.values[value].type
            return (kind.member, kind.sample)
        return (symbol.startswith("C") and bool(self.graph.members), True)  # C, or y

    def whole(self, symbol: str, sample: int, member: int) -> np.ndarray:
        """A symbol's numbers for one sample and member, as the text orients and scales them."""
        scalars = {"m": self.m, "K": self.graph.members, "l2": self.graph.l2, "rate": 0.5}
        if symbol in scalars:
            return np.float64(scalars[symbol])
        array = np.asarray(self.arrays[symbol])
        of_member, of_sample = self.axes(symbol)
        if of_member:
            array = array[member - 1]
        if of_sample:
            array = array[sample - 1]
            if symbol.startswith(("delta", "Delta")):
                array = array * self.m  # every text writes 1/m at the gradient
        return np.asarray(array, float)

    def entry(self, symbol: str, name: Name, bound) -> np.ndarray:
        sample = next((int(p) for p in name.below if p.letter == "s"), self.sample)
        member = next((int(p) for p in name.below if p.letter == MEMBER), self.member)
        array = self.whole(symbol, sample, member)
        places = [p for p in name.below if p.letter not in RUNNING]
        base = symbol.removeprefix("dJ/d")
        if self.notation in SOURCE_FIRST and base.startswith("W") and array.ndim == 2:
            array = array.T
        if self.notation in COLUMN and base in self.bias and not name.barred:
            array = self.with_column(symbol, base, array, member)
        if self.notation == "scalar" and base.startswith("b") and not name.above:
            places = []  # b1 is the bias of layer 1
        sized = self.sized or (self.notation in SIZED and array.ndim == 1)  # 11 of one unit: 1 × 1
        if sized and places and not any(p.letter for p in places):
            sizes = array.shape if array.ndim == 2 else (*array.shape, 1)
            if len(places) == 2 and tuple(places) == sizes:
                places = []  # sizes of the whole
        if len(places) > array.ndim == 1:  # one index of several digits
            places = [int("".join(map(str, places)))]
        for place in places:
            if not 1 <= place <= len(array):
                return np.float64(np.nan)  # of a case that does not hold
            array = array[place - 1]
        return column(array) if array.ndim else array

    def with_column(self, symbol, weight, matrix, member) -> np.ndarray:
        """[W | b], and its gradient: each unit's own share where the bias is one for all."""
        bias = self.bias[weight]
        if not symbol.startswith("dJ/d"):
            side = np.broadcast_to(self.whole(bias, 1, member), len(matrix))
        elif self.graph.parameters[bias].spec.type.shape:
            side = self.whole(f"dJ/d{bias}", 1, member)
        else:
            side = np.zeros(len(matrix))
            for node in self.graph.nodes:
                if ("b", bias) in node.params:
                    delta = np.asarray(self.arrays["delta" + node.output[1:]])
                    if self.axes("delta" + node.output[1:])[0]:
                        own = self.graph.parameters[bias].spec.type.member
                        delta = delta[member - 1] if own else delta.sum(axis=0)
                    side = side + delta.sum(axis=0)
        return np.column_stack([matrix, side])

    # -- equations --------------------------------------------------------------------------------
    def check(self, article: str) -> tuple[int, float]:
        """Read every equation of an article; how many sides were read, and the worst of them."""
        defined: dict[str, tuple[str, str]] = {}
        sides, worst = 0, 0.0
        for block in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", article, re.S):
            for left, sign, rights, runs in equations(block):
                for right in rights:
                    if left == right or left[:2] == ["e", "^"]:
                        continue  # a primitive, named after itself
                    if r"\left(" in left:
                        define(defined, left, right)
                        continue
                    for part in members(right):
                        error = self.side(left, sign, part, defined, runs)
                        if error is not None:
                            sides += 1
                            worst = max(worst, error)
        return sides, worst

    def places(self, left, runs) -> list[dict[str, int]]:
        """Every place an equation says it holds for: all there are, and no other."""
        free = [t for t in dict.fromkeys(left) if t in letters_below(left)]
        whole = without_index(left) if free else left
        layers = [letter for letter in runs if letter not in free]
        assert set(layers) <= letters_above(left)
        assert set(runs) == {*free, *layers}
        found = []
        for chosen in product(*(self.run(runs[letter], {}) for letter in layers)):
            at = dict(zip(layers, chosen, strict=True))
            units = [self.run(runs[letter], at) for letter in free]
            sizes = np.shape(self.truth(whole, "=", at))[: len(free)]
            assert [list(range(1, size + 1)) for size in sizes] == units
            found += [at | dict(zip(free, place, strict=True)) for place in product(*units)]
        return found

    def run(self, run, bound) -> list[int]:
        """The numbers a letter takes: those that stand there, or from the first to the last."""
        parts = split_at(run, [","])
        found = [
            int(Reader(part, self.look, {}, bound).whole()) for part in parts if part != [r"\ldots"]
        ]
        if [r"\ldots"] not in parts:
            return found
        first, last = found
        return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))

    def side(self, left, sign, right, defined, runs) -> float | None:
        """How far one side is from the truth, at every place it holds for; None if dots stand."""
        whole = without_index(left) if letters_below(left) else left
        worst = 0.0
        members = range(1, max(1, self.graph.members) + 1)
        samples = sorted({1, self.m})  # one text holds for all: the first and the last will do
        places = spread(self.places(left, runs), PLACES)
        for member, sample, bound in product(members, samples, places):
            self.member, self.sample = member, sample
            reader = Reader(right, self.look, defined, bound, self.levels())
            found = reader.whole()
            if reader.elided:
                return None
            numeric = reader.letters == 0  # the shown sample's numbers, all at once
            truth = self.truth(whole if numeric else left, sign, {} if numeric else bound)
            worst = max(worst, off(found, truth))
            if numeric:
                return worst
        return worst

    def levels(self) -> int:
        return max((g.levels for g in self.graph.inputs), default=0)

    def truth(self, left, sign, bound) -> np.ndarray:
        """What the left-hand side is; of an update, what it ought to become."""
        value = Reader(left, self.look, {}, bound).whole()
        if sign == r"\leftarrow":
            name = Reader(left, None, {}, bound).name()
            symbol = self.symbol(name, bound)
            factor = self.graph.parameters[symbol].spec.lr_factor
            return value - 0.5 * factor * self.entry(f"dJ/d{symbol}", name, bound)
        return value


PLACES = count(3, 1_000_000)
"""An equation is evaluated at so many of the places it holds for."""


def spread(places: list, most: int) -> list:
    """The first, the last and some between, if there are more than so many."""
    if len(places) <= most:
        return places
    return [places[round(i * (len(places) - 1) / (most - 1))] for i in range(most)]


def layer(name: Name, bound) -> str:
    """What stands above a name: a layer's number, also as l + 1, or its own name."""
    text = name.above.strip("()")
    found = re.fullmatch(r"([a-z])([+-]\d+)?", text)
    return str(bound[found[1]] + int(found[2] or 0)) if found and found[1] in bound else text


def letters_below(left) -> set[str]:
    """Letters that stand as indices in a left-hand side; Jₛ is the cost of the sample shown."""
    return letters_in(left, "_") - {"s"}


def letters_above(left) -> set[str]:
    """Letters that stand in a superscript of a left-hand side."""
    return letters_in(left, "^")


def letters_in(left, script) -> set[str]:
    found, inside = set(), []
    for before, token in zip(["", *left], left, strict=False):
        if token == "{":
            inside.append(before == script or (bool(inside) and inside[-1]))
        elif token == "}":
            inside.pop()
        elif inside and inside[-1] and token.isalpha():
            found.add(token)
    return found


def without_index(left) -> list[str]:
    """The whole quantity of which an entry stands on the left."""
    found, place = [], 0
    while place < len(left):
        if left[place] == "_" and left[place + 1] == "{" and left[place + 2] != "s":
            depth, place = 1, place + 2
            while depth:
                depth += (left[place] == "{") - (left[place] == "}")
                place += 1
            continue
        found.append(left[place])
        place += 1
    return found


def equations(block: str) -> list[tuple]:
    """The equations of an align*: left, sign, right-hand sides, and where its letters run."""
    found = []
    for line in lines(block):
        where = line.index("&")
        if where:
            found.append((line[:where], line[where + 1], [], {}))
        cut = line.index(r"\qquad") if r"\qquad" in line else len(line)
        rest = line[where + 2 : cut]
        if line[where + 1] == r"\,":  # further to the right: the line above goes on
            assert not where
            found[-1][2][-1] += without_empty(rest)
        elif rest:
            found[-1][2].append(rest)
        for letter in filter(None, split_at(line[cut + 1 :], [",", r"\,"])):
            found[-1][3][letter[0]] = letter[2:]
    return found


def without_empty(line: list[str]) -> list[str]:
    """A line without the {} that keep a sign at its head between terms."""
    assert line[:2] == ["{", "}"]
    return line[2:]


def split_at(found: list[str], between: list[str]) -> list[list[str]]:
    """Cut a row of tokens wherever these stand one after the other."""
    parts, place = [[]], 0
    while place < len(found):
        if found[place : place + len(between)] == between:
            parts.append([])
            place += len(between)
        else:
            parts[-1].append(found[place])
            place += 1
    return parts


def lines(block: str) -> list[list[str]]:
    """The lines of an align*, in tokens."""
    found, depth = [[]], 0
    for token in tokens(block):
        depth += token.startswith(r"\begin") - token.startswith(r"\end")
        if token == r"\\" and depth == 0:
            found.append([])
        else:
            found[-1].append(token)
    return [line for line in found if line]


def members(right: list[str]) -> list[list[str]]:
    """What stands between the = signs of a line."""
    found, depth = [[]], 0
    for token in right:
        depth += token == "{" or token.startswith((r"\left", r"\begin"))
        depth -= token == "}" or token.startswith((r"\right", r"\end"))
        if token == "=" and depth == 0:
            found.append([])
        else:
            found[-1].append(token)
    return found


def define(defined, left, right) -> None:
    """Take a printed definition, f(x) = …, f′(x) = … or f(x)ᵢ = …, at its word; the first holds."""
    cut = left.index(r"\left(")
    name = Reader(left[:cut], None, {}, {}).name()
    letter = left[-2] if "_" in left[cut:] else ""
    if right != left:
        defined.setdefault(name.letter + "′" * name.primed, (letter, right))


def off(found, truth) -> float:
    a, b = np.asarray(found, float), np.asarray(truth, float)
    if a.shape != b.shape:
        assert a.size == b.size == 1, (a.shape, b.shape)
        a, b = a.reshape(()), b.reshape(())
    error = np.abs(a - b) / np.maximum(1.0, np.abs(b))
    error = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, error)
    return float(np.max(np.nan_to_num(error, nan=np.inf), initial=0.0))
