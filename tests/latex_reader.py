"""A reader of LaTeX mathematics that shares nothing with what prints it: text in, numbers out.

`Reader` is a recursive-descent parser that evaluates while it reads. It knows LaTeX and arithmetic
and takes the values of names from a function; columns are
n × 1, shapes that do not multiply are errors.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np

TOKEN = re.compile(
    r"\\begin\{\w+\}|\\end\{\w+\}|\\operatorname\{[^}]*\}|\\mathrm\{[^}]*\}|\\text\{[^}]*\}"
    r"|\\mathsf\{T\}|\\mathbf\{1\}|\\\\|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|[A-Za-z]|\S"
)
CLOSING = {r"\left(": r"\right)", r"\left[": r"\right]", "(": ")"}
PRIMITIVES = {
    "tanh": np.tanh, "cosh": np.cosh, "log": np.log, "exp": np.exp, "abs": np.abs, "sign": np.sign,
    "erf": np.vectorize(math.erf, otypes=[float]), "sinh": np.sinh,
}  # fmt: skip


def tokens(text):
    found = TOKEN.findall(text)
    joined, place = [], 0
    while place < len(found):
        if found[place] in (r"\left", r"\right"):
            joined.append(found[place] + found[place + 1])
            place += 2
        elif found[place] in (r"\,", r"\;", r"\quad"):
            joined.append(r"\,")
            place += 1
        elif found[place] == "\\ ":  # room, no sign
            place += 1
        else:
            joined.append(found[place])
            place += 1
    return joined


class Place(int):
    """An index, and the letter it was written with, if it was."""

    letter = ""

    @classmethod
    def of(cls, value, letter=""):
        found = cls(value)
        found.letter = letter
        return found


@dataclass(frozen=True)
class Name:
    """A name as it is written."""

    letter: str
    above: str = ""
    below: tuple[Place, ...] = ()
    primed: bool = False
    barred: bool = False
    under: Name | None = None  # of a partial derivative, what stands below the line


def column(array):
    array = np.asarray(array, dtype=float)
    return array[:, None] if array.ndim == 1 else array


class Reader:
    """Reads one side of an equation.

    Parameters
    ----------
    text : str
    look : callable (Name, bound) -> array
    defined : dict
        Printed definitions of functions: name -> (index letter, text of the body in x).
    bound : dict of str to int
        Letters that stand for indices.
    levels : int
        Length of a unit vector, which the page does not say.
    """

    def __init__(self, text, look, defined, bound, levels=0):
        self.tokens = tokens(text) if isinstance(text, str) else text
        self.at, self.look, self.defined, self.bound = 0, look, defined, bound
        self.levels = levels
        self.letters = 0  # how many named quantities were read
        self.elided = False

    # -- tokens -----------------------------------------------------------------------------------
    @property
    def next(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted=None):
        found = self.next
        if wanted is not None and found != wanted:
            raise SyntaxError(f"{wanted!r} was expected, {found!r} came: {' '.join(self.tokens)}")
        self.at += 1
        return found

    def group(self):
        """The tokens of {…}, or one token."""
        if self.next != "{":
            return [self.take()]
        self.take("{")
        depth, found = 1, []
        while True:
            token = self.take()
            depth += (token == "{") - (token == "}")
            if not depth:
                return found
            if not token:
                raise SyntaxError("a brace is not closed")
            found.append(token)

    def inner(self, part):
        reader = type(self)(part, self.look, self.defined, self.bound, self.levels)
        value = reader.whole()
        self.letters += reader.letters
        self.elided |= reader.elided
        return value

    # -- the grammar ------------------------------------------------------------------------------
    def whole(self):
        value = self.sum()
        if self.at != len(self.tokens):
            raise SyntaxError(f"{self.next!r} is left over in {' '.join(self.tokens)}")
        return value

    def sum(self):
        if self.next == r"\begin{aligned}":
            return self.inner(self.aligned())
        total = self.signed()
        while self.next in ("+", "-"):
            sign = 1.0 if self.take() == "+" else -1.0
            total = add(total, sign * self.product())
        return total

    def aligned(self):
        """A sum over several lines: the same sum on one."""
        found, inside = [], []
        while True:
            token = self.take()
            if not token:
                raise SyntaxError("aligned is not closed")
            if token.startswith(r"\begin"):
                inside.append(token)
            elif token.startswith(r"\end"):
                inside.pop()
            if token not in ("&", r"\\") and not token.endswith("{aligned}"):
                found.append(token)
            elif inside and inside[-1] != r"\begin{aligned}":
                found.append(token)  # of a matrix in a line
            if not inside:
                break
        pairs = [i for i in range(len(found) - 1) if found[i : i + 2] == ["{", "}"]]
        empty = {j for i in pairs for j in (i, i + 1)}  # {}, which sets a sign apart
        return [token for i, token in enumerate(found) if i not in empty]

    def signed(self):
        if self.next == "-":
            self.take()
            return -self.product()
        return self.product()

    def product(self):
        value = self.factor()
        while self.next in PRODUCTS:
            value = PRODUCTS[self.take()](value, self.factor())
        return value

    def factor(self):
        value = self.atom()
        while self.next in ("^", "_"):
            value = self.script(value)
        return value

    def script(self, value):
        if self.take() == "^":
            part = self.group()
            if part == [r"\mathsf{T}"]:
                return column(value).T
            return np.asarray(value) ** self.inner(part)
        part = self.group()
        if self.elided:
            return value
        if part and part[0] == "[":  # rows first … last
            first, last = (int(t) for t in part if t.isdigit())
            return column(np.atleast_1d(value))[first - 1 : last]
        return column(np.atleast_1d(value))[self.index(part)[0] - 1, 0]

    def index(self, part):
        """Indices: digits and letters side by side or with commas, letters with an offset."""
        found, place = [], 0
        while place < len(part):
            token = part[place]
            if token == ",":
                place += 1
                continue
            if token in self.bound:
                value = self.bound[token]
                if place + 2 < len(part) and part[place + 1] in "+-":
                    shift = int(part[place + 2])
                    value += shift if part[place + 1] == "+" else -shift
                    place += 2
                found.append(Place.of(value, token))
            elif token.isdigit():
                alone = "," in part or (len(part) == 1 and len(token) == 1)
                found += [Place.of(t) for t in ([token] if alone else token)]
            else:
                raise SyntaxError(f"the index {token!r} is not bound")
            place += 1
        return tuple(found)

    # -- atoms ------------------------------------------------------------------------------------
    def atom(self):
        token = self.next
        if re.fullmatch(r"\d+(\.\d+)?", token):
            self.take()
            value = np.float64(token)
            if self.next == r"\pi":  # 2π
                self.take()
                value = value * math.pi
            if self.next == r"\cdot" and self.tokens[self.at + 1 : self.at + 3] == ["10", "^"]:
                self.at += 3
                value = value * 10.0 ** float(self.inner(self.group()))
            return value
        if token in CLOSING:
            return self.bracket()
        if token == r"\left|":
            return self.between(r"\right|", np.abs)
        if token == r"\left\|":
            value = self.between(r"\right\|", lambda x: np.sum(np.asarray(x) ** 2))
            self.take("^")
            assert self.group() == ["2"]
            return value
        if token == "{":
            return self.inner(self.group())
        if token in (r"\frac", r"\tfrac"):
            return self.fraction()
        if token == r"\sum":
            return self.total()
        if token == r"\sqrt":
            self.take()
            return np.sqrt(self.inner(self.group()))
        if token == r"\infty":
            self.take()
            return np.float64(np.inf)
        if token == r"\pi":
            self.take()
            return np.float64(math.pi)
        if token == r"\mathbf{1}":
            self.take()
            self.take("_")
            place = int(self.inner(self.group()))
            return np.eye(self.levels)[:, [place]]
        if token in (r"\begin{pmatrix}", r"\begin{bmatrix}"):
            return self.matrix()
        if token == r"\begin{cases}":
            return self.cases()
        if token == "e" and self.tokens[self.at + 1 : self.at + 2] == ["^"]:
            self.at += 2
            return np.exp(self.inner(self.group()))
        return self.named()

    def bracket(self):
        kind = self.take()
        close = CLOSING[kind]
        depth, part = 1, []
        while depth:
            token = self.take()
            if not token:
                raise SyntaxError(f"{kind} is not closed")
            depth += (token == kind) - (token == close)
            part.append(token)
        part.pop()
        if kind == r"\left[":  # [k = i]: 1 if index k is i; both count from 0
            where = part.index("=")
            return np.float64(int(self.inner(part[:where])) == self.index(part[where + 1 :])[0])
        above = split_at(part, ";")
        if len(above) > 1:  # a column, on one line
            return np.vstack([column(np.atleast_1d(self.inner(one))) for one in above])
        return self.inner(part)

    def between(self, close, then):
        self.take()
        part = []
        while self.next != close:
            part.append(self.take())
        self.take()
        return then(self.inner(part))

    def fraction(self):
        self.take()
        top, bottom = self.group(), self.group()
        if top and top[0] == r"\partial":
            self.letters += 1
            return self.partial(top[1:], bottom[1:])
        a, b = self.inner(top), self.inner(bottom)
        return over(a, b)

    def partial(self, top, bottom):
        if top and top[0].startswith(r"\left"):
            return self.partial_of_sum(top, bottom)
        any_sample = {"s": 0, **self.bound}  # Jₛ of the sample that is read, outside a sum over s
        above = type(self)(top, None, {}, any_sample).name()
        below = type(self)(bottom, None, {}, self.bound).name()
        return self.look(replace(above, under=below), self.bound)

    def partial_of_sum(self, top, bottom):
        """∂(a sum of products) by one of their factors, which it is linear in."""
        below = type(self)(bottom, None, {}, self.bound).name()

        def moved(by):
            def look(name, bound):
                return self.look(name, bound) + (by if name == below else 0.0)

            return type(self)(top, look, self.defined, self.bound, self.levels).sum()

        return (moved(1.0) - moved(-1.0)) / 2.0

    def total(self):
        self.take(r"\sum")
        self.take("_")
        letter = self.group()[0]
        self.take("^")
        upper = int(self.inner(self.group()))
        rest, kept = self.tokens[self.at :], self.bound
        total, used = 0.0, 0
        for step in range(1, upper + 1):
            reader = type(self)(rest, self.look, self.defined, {**kept, letter: step}, self.levels)
            total = add(total, reader.product()) if step > 1 else reader.product()
            used = reader.at
            self.letters += reader.letters
        self.at += used
        return total

    def cells(self, end):
        rows, cell, depth = [[]], [], 0
        self.take()
        while True:
            token = self.take()
            if not token:
                raise SyntaxError("a matrix is not closed")
            depth += token.startswith(r"\begin") - token.startswith(r"\end")
            if depth < 0:
                rows[-1].append(cell)
                return rows
            if depth == 0 and token in ("&", r"\\"):
                rows[-1].append(cell)
                cell = []
                if token == r"\\":
                    rows.append([])
            else:
                cell.append(token)

    def matrix(self):
        rows = self.cells(r"\end")
        if any(cell in ([r"\cdots"], [r"\vdots"], [r"\ddots"]) for row in rows for cell in row):
            self.elided = True
            return np.float64(np.nan)
        found = [[column(np.atleast_1d(self.inner(cell))) for cell in row] for row in rows]
        tall = [len(max(row, key=len)) for row in found]
        wide = [
            np.hstack([c if len(c) == h else np.full((h, 1), c[0, 0]) for c in row])
            for row, h in zip(found, tall, strict=True)
        ]
        return np.vstack(wide)

    def cases(self):
        (then, condition), (otherwise, _) = self.cells(r"\end")
        condition = condition[1:]  # "if"
        sign = next(t for t in condition if t in ("<", r"\le"))
        where = condition.index(sign)
        a, b = (self.place(part) for part in (condition[:where], condition[where + 1 :]))
        holds = a <= b if sign == r"\le" else a < b
        if np.ndim(holds) == 0:
            return self.inner(then if holds else otherwise)
        return np.where(holds, self.inner(then), self.inner(otherwise))

    def place(self, part):
        """A side of a condition: an index, an index with an offset, or a number."""
        if part[0] in self.bound:
            return np.float64(self.index(part)[0])
        return self.inner(part)

    # -- names ------------------------------------------------------------------------------------
    def name(self):
        barred = self.next == r"\bar"
        if barred:
            self.take()
            (letter,) = self.group()
        else:
            letter = self.take()
        letter = plain(letter)
        above, below, primed = "", (), False
        while self.next in ("^", "_"):
            if self.take() == "^":
                part = self.group()
                primed = part[:1] == [r"\prime"]
                above = "".join(map(plain, part[1:] if primed else part))
            else:
                below = self.index(self.group())
        return Name(letter, above, below, primed, barred)

    def named(self):
        found = self.name()
        if (
            self.next in (r"\left(", "(", r"\begin{pmatrix}")
            and not found.above
            and not found.below
        ):
            return self.call(found.letter, found.primed)
        self.letters += 1
        if not found.letter.isalpha():
            raise SyntaxError(f"{found.letter!r} is no name in {' '.join(self.tokens)}")
        return self.look(found, self.bound)

    def call(self, name, primed):
        argument = self.matrix() if self.next == r"\begin{pmatrix}" else self.bracket()
        if self.elided:
            return argument
        body = self.defined.get(name + "′" * primed)
        if body is None:
            return PRIMITIVES[name](argument)
        if body[0]:  # f(x)_i of a whole vector: entry by entry
            argument = column(np.atleast_1d(argument))  # of one unit, it may stand without a matrix
            found = [self.applied(body, argument, i) for i in range(1, len(argument) + 1)]
            return column(np.array(found))
        return np.vectorize(lambda x: float(self.applied(body, x, 0)), otypes=[float])(argument)[()]

    def applied(self, body, argument, i):
        letter, text = body

        def look(name, bound):
            assert name.letter == "x" and not name.above and not name.primed
            return column(argument)[name.below[0] - 1, 0] if name.below else argument

        bound = {letter: i} if letter else {}
        return type(self)(text, look, self.defined, bound).whole()


def split_at(found, sign):
    """What stands between such signs, outside all brackets."""
    parts, depth = [[]], 0
    for token in found:
        depth += (token in CLOSING or token == "{") - (token in CLOSING.values() or token == "}")
        if token == sign and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def plain(token):
    """A name without LaTeX's wrapping."""
    return re.sub(r"\\(?:mathrm|operatorname|text)\{(.*)\}", r"\1", token).replace(
        r"\_", "_").lstrip("\\")  # fmt: skip


# -- arithmetic that is strict about shapes -------------------------------------------------------
def shaped(a):
    return np.ndim(a) > 0


def add(a, b):
    if shaped(a) and shaped(b) and np.shape(a) != np.shape(b):
        raise ValueError(f"{np.shape(a)} + {np.shape(b)}")
    return a + b


def odot(a, b):
    if shaped(a) and shaped(b) and np.shape(a) != np.shape(b):
        raise ValueError(f"{np.shape(a)} ⊙ {np.shape(b)}")
    return a * b


def over(a, b):
    if shaped(a) and shaped(b) and np.shape(a) != np.shape(b):
        raise ValueError(f"{np.shape(a)} / {np.shape(b)}")
    return a / b


def dot(a, b):
    """A number times anything; else a matrix product, whose 1 × 1 is a number."""
    if not shaped(a) or not shaped(b):
        return a * b
    product = a @ b
    return product[0, 0] if product.shape == (1, 1) and a.shape != (1, 1) else product


PRODUCTS = {r"\,": dot, r"\cdot": dot, r"\odot": odot, r"\oslash": over, "/": over}
