"""How a text writes: symbols, numbers of layers, order of indices, where the mean stands.

Owns `Notation` and the five of the sources. A notation of one's own is a ``Notation(…)`` or a TOML
file. `clearprop.derivation.notations.names.Names` is a notation at work on one network. Proved by
``tests/test_notation.py``.
"""

from __future__ import annotations

import errno
import re
import tomllib
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from clearprop.derivation.wording.messages import CHINESE
from clearprop.derivation.wording.refusals import refusal, unknown
from clearprop.errors import FileError, SettingError
from clearprop.storage import check_plain, named
from clearprop.words import Sentence, did_you_mean, shown

__all__ = ["NOTATIONS", "SYMBOLS", "Level", "Notation", "find_notation"]

Level = Literal["matrix", "graph", "unit", "index", "scalar"]

SYMBOLS = {
    "input": "a", "W": "W", "b": "b", "z": "z", "a": "a", "y": "y", "C": "C", "J": "J",
    "delta": "δ", "Delta": "Δ", "learning_rate": "α", "l2": "λ", "f": "f", "E": "E", "s": "s",
    "alpha": "κ", "r": "r", "penalty": "Ω", "m": "m", "K": "K",
    "width": "S",
}  # fmt: skip


@dataclass(frozen=True)
class Notation:
    """A way of writing back-propagation, as data.

    Parameters
    ----------
    name : str
        The word on the command line.
    title : str
        What people call it.
    level : {"matrix", "graph", "unit", "index", "scalar"}
        Whole matrices; whole matrices along the drawn graph, where what gathers at a ⊕ is a step of
        its own, whether it has a letter or not; sums over the wires of a unit, where what gathers
        stands inside the unit's δ; sums over indices; every unit and weight written out.
    symbols : mapping of str to str
        The letter of each role: ``input W b z a y C J delta Delta learning_rate l2 f E s alpha r
        penalty m K width``, width being a layer's size; ``input`` is as ``a`` if only that is
        given. An empty ``Delta`` or ``delta`` is written as a partial derivative of J.
    hidden, output : mapping of str to str
        Letters of a hidden and of an output layer where each layer has letters of its own.
    offsets : mapping of str to int
        What a role's layer number is more than ours.
    script : {"(l)", "l", ""}
        How the layer stands above the letter; empty: not at all, where the letter says it.
    orientation : {"target-first", "source-first"}
        Which index of a weight comes first; matrices are printed so too.
    bias_view : {"vector", "column"}
        A vector, or one more column of the weights for a constant input 1 (of whole matrices,
        target first).
    mean_at : {"delta", "gradient"}
        Whether 1/m stands inside δ or in the gradient.
    batch : {"mean", "one"}
        Whether the text derives for a batch or for one sample.
    error_sign : {"output-target", "target-output"}
        a − y, or −(y − a).
    target_index, source_index : str
        The letters of a weight's two units.
    connection : str
        The letter of a connection's input, where it has one (S2's x).
    gradient : {"partial", "prime"}
        ∂J/∂W or W′.
    sizes : bool
        Sizes as subscripts of whole matrices (S1).
    times : str
        The sign of a product of numbers: ``""`` or ``"·"``.
    arrangement : {"plan", "chain-rule"}
        Whether one weight is derived by the plan's δ or factor by factor, as S3 does.
    chinese : mapping of str to str
        What the text calls ``cost``, ``delta`` and ``weight`` in Chinese: S0's words 目标函数,
        残差 and 权重, or its own.
    source : str
        The text it comes from.

    Examples
    --------
    >>> mine = Notation("mine", symbols={"W": "A"}, orientation="source-first")
    >>> from clearprop.derivation.notations.names import Names
    >>> from clearprop.network import Network
    >>> Names(mine, Network("2-3-2").graph).name("W1", (2, 0))
    'A⁽¹⁾₁₃'
    """

    name: str
    title: str = ""
    level: Level = "matrix"
    symbols: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    output: Mapping[str, str] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    script: str = "(l)"
    orientation: str = "target-first"
    bias_view: str = "vector"
    mean_at: str = "gradient"
    batch: str = "mean"
    error_sign: str = "output-target"
    target_index: str = "i"
    source_index: str = "j"
    connection: str = ""
    gradient: str = "partial"
    sizes: bool = False
    times: str = ""
    arrangement: str = "plan"
    chinese: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    @property
    def whole(self) -> bool:
        """Whether vectors and matrices are written whole, rather than entry by entry."""
        return self.level in ("matrix", "graph")

    @property
    def gathers(self) -> bool:
        """Whether what arrives at a value, Δ, is a step of its own, rather than put into its δ."""
        if self.level in ("graph", "unit"):
            return self.level == "graph" or not self.symbols["delta"]
        return bool(self.symbols["Delta"]) or not self.symbols["delta"]

    def __post_init__(self) -> None:
        for key, allowed in CHOICES.items():
            given = getattr(self, key)
            if not (isinstance(given, str) and given in allowed):
                raise self._wrong(key, given, did_you_mean(given, allowed))
        for key, roles in ROLES.items():
            if not isinstance(getattr(self, key), Mapping):
                raise self._wrong(key, getattr(self, key), refusal("fix_roles"))
            for role, given in getattr(self, key).items():
                if not (isinstance(role, str) and role in roles):
                    raise SettingError(refusal(
                        "notation_role", name=shown(self.name), key=key, role=shown(role),
                        hint=did_you_mean(role, roles),
                    ))  # fmt: skip
                if key == "offsets":
                    self._check_offset(role, given)
                elif not (_empty(given) and key == "symbols" and role in MAY_BE_EMPTY):
                    self._check_letters(f"{key}.{role}", given)
        self._check_words()
        if self.orientation == "source-first" and self.bias_view == "column":
            raise SettingError(refusal("notation_column", name=shown(self.name)))
        if self.bias_view == "column" and not self.whole:
            level = shown(self.level)
            raise SettingError(refusal("notation_column_level", name=shown(self.name), level=level))
        own = {"input": self.symbols["a"]} if "a" in self.symbols else {}
        object.__setattr__(self, "symbols", {**SYMBOLS, **own, **self.symbols})
        object.__setattr__(self, "chinese", {**CHINESE, **self.chinese})
        self._check_distinct()

    def _wrong(self, key: str, given: object, fix: Sentence) -> SettingError:
        name = shown(self.name)
        return SettingError(
            refusal("notation_word", name=name, key=key, given=shown(given), hint=fix)
        )

    def _check_words(self) -> None:
        """Titles on one line, indices of one letter each, two of them."""
        for key in ("name", "title", "source"):
            self._check_line(key, getattr(self, key))
        if not isinstance(self.sizes, bool):
            raise self._wrong("sizes", self.sizes, refusal("fix_bool"))
        if not _empty(self.connection):
            self._check_letters("connection", self.connection)
        for key in ("target_index", "source_index"):
            given = getattr(self, key)
            self._check_letters(key, given)
            if len(given) > 1 or given in TAKEN:
                raise self._wrong(key, given, refusal("fix_one_letter"))
        if self.target_index == self.source_index:
            both = "target_index = source_index"
            raise self._wrong(both, self.target_index, refusal("fix_two_letters"))

    def _check_line(self, key: str, given: object) -> None:
        if not isinstance(given, str) or not given.isprintable():
            raise self._wrong(key, given, refusal("fix_text"))

    def _check_letters(self, key: str, given: object) -> None:
        """One letter or more, accents included: what every page can print, and no mark-up."""
        if isinstance(given, str) and given[:1].isalpha() and len(given) <= LETTERS and all(
            sign.isalpha() or unicodedata.combining(sign) for sign in given
        ):  # fmt: skip
            return
        fix = "fix_word" if key.startswith("chinese") else "fix_letters" + "_empty" * _empty(given)
        raise self._wrong(key, given, refusal(fix, most=LETTERS))

    def _check_offset(self, role: str, given: object) -> None:
        least, most = OFFSETS
        whole = isinstance(given, int) and not isinstance(given, bool)
        if not (whole and least <= given <= most):  # type: ignore[operator]
            fix = refusal("fix_offset", least=least, most=most)
            raise self._wrong(f"offsets.{role}", given, fix)

    def _check_distinct(self) -> None:
        """No letter for two quantities; the input may share that of the other activations."""
        if self.symbols["f"] in OF_FUNCTIONS:
            raise self._wrong("symbols.f", self.symbols["f"], refusal("fix_argument"))
        keys = ("target_index", "source_index", "connection")
        written: dict[str, tuple[str, str]] = {}
        for key in filter(lambda key: getattr(self, key), keys):
            other, _ = written.setdefault(getattr(self, key), (key, key))
            if other != key:
                letter = repr(getattr(self, key))
                raise SettingError(refusal(
                    "notation_letters", name=shown(self.name), first=other, second=key,
                    letter=letter,
                ))  # fmt: skip
        tables = ("symbols",) if self.script else ("symbols", "hidden", "output")
        for table in tables:
            for role, letter in getattr(self, table).items():
                key, kind = f"{table}.{role}", "a" if role == "input" else role
                other, before = written.setdefault(letter, (key, kind))
                if letter and before != kind:
                    raise SettingError(refusal(
                        "notation_letters", name=shown(self.name), first=other, second=key,
                        letter=repr(letter),
                    ))  # fmt: skip

    @classmethod
    def from_toml(cls, path: str | Path) -> Notation:
        """Read a notation from a TOML file whose keys are the parameters of `Notation`.

        The key ``base`` names one of the five to start from.

        Raises
        ------
        FileError, SettingError
            Naming the file and what is wrong in it.
        """
        check_plain(named(path, "notation"), "notation")
        try:
            data = tomllib.loads(Path(path).read_text("utf-8-sig"))
        except OSError as error:
            key = UNREADABLE.get(error.errno or 0)
            reason = refusal(key) if key else error.strerror
            raise FileError(refusal("notation_file", path=path, reason=reason)) from None
        except (ValueError, RecursionError) as error:  # no TOML, no text, too deep, too many digits
            raise FileError(refusal("notation_toml", path=path, reason=_reason(error))) from None
        base = data.pop("base", None)
        if base is not None and (not isinstance(base, str) or base not in NOTATIONS):
            hint = did_you_mean(base, NOTATIONS)
            raise SettingError(refusal("notation_base", path=path, given=shown(base), hint=hint))
        known = {entry.name: entry for entry in fields(cls)}
        for key in data:
            if key not in known:
                hint = did_you_mean(key, known)
                raise SettingError(refusal("notation_key", path=path, key=shown(key), hint=hint))
        for key, given in data.items():
            wanted: type = dict if key in ROLES else bool if key == "sizes" else str
            if not isinstance(given, wanted):
                fix = refusal({dict: "type_table", bool: "type_bool", str: "type_text"}[wanted])
                raise SettingError(
                    refusal("notation_type", path=path, key=key, given=shown(given), fix=fix)
                )
        data.setdefault("name", Path(path).stem)
        if base is None:
            return cls(**data)
        started = replace(NOTATIONS[base], title="", source="")  # what is one's own is no text's
        for key in ROLES:
            data[key] = {**getattr(started, key), **data.get(key, {})}
        if data["symbols"]["input"] == started.symbols["a"]:  # the same letter: it stays so
            data["symbols"]["input"] = data["symbols"]["a"]
        return replace(started, **data)

    def to_dict(self) -> dict[str, Any]:
        """Return the notation as plain data, as the TOML file holds it."""
        return {e.name: dict(v) if isinstance(v := getattr(self, e.name), Mapping) else v
                for e in fields(self)}  # fmt: skip


CHOICES: dict[str, tuple[str, ...]] = {
    "level": ("matrix", "graph", "unit", "index", "scalar"),
    "script": ("(l)", "l", ""),
    "orientation": ("target-first", "source-first"),
    "bias_view": ("vector", "column"),
    "mean_at": ("delta", "gradient"),
    "batch": ("mean", "one"),
    "error_sign": ("output-target", "target-output"),
    "gradient": ("partial", "prime"),
    "times": ("", "·"),
    "arrangement": ("plan", "chain-rule"),
}

LAYERED = ("W", "z", "a")
"""Roles that may have a letter of their own in hidden and in output layers."""
ROLES: dict[str, Collection[str]] = {
    "symbols": SYMBOLS, "hidden": LAYERED, "output": LAYERED, "offsets": SYMBOLS,
    "chinese": CHINESE,
}  # fmt: skip
"""The tables of a notation, and which roles each may name."""
MAY_BE_EMPTY = ("delta", "Delta")
TAKEN = ("s", "κ")
"""Letters that count samples and members in every notation."""
OF_FUNCTIONS = ("x", "e")
"""Every function is written of x, many with Euler's e."""
UNREADABLE = {
    errno.ENOENT: "no_such_file", errno.EACCES: "no_permission", errno.ENOTDIR: "no_folder",
    errno.ENAMETOOLONG: "long_name",
}  # fmt: skip
"""What is said of a file that cannot be read, by the system's number."""
LETTERS = 20
"""So many letters a symbol or a word has at most."""
OFFSETS = (-1, 99)
"""Our first layer is 1, so no number is below 0."""


def _empty(given: object) -> bool:
    return isinstance(given, str) and given == ""


MATRIX = Notation(
    "matrix",
    "S0 · 矩阵 matrix",
    symbols={"Delta": ""},
    source="S0: 前馈神经网络与反向传播算法（推导过程）, Joe-Han, 2016",
)
GRAPH = Notation(
    "graph",
    "S1 · 图 graph",
    level="graph",
    symbols={"W": "Θ", "f": "σ", "J": "Cost", "C": "cost"},
    offsets={"Delta": 1},
    script="l",
    bias_view="column",
    gradient="prime",
    sizes=True,
    chinese={"cost": "损失函数", "delta": "误差"},
    source="S1: 神经网络反向传播通用算法快速入门指南, 刘佳, 2018",
)
DELTA_RULE = Notation(
    "delta-rule",
    "S2 · δ 规则 delta-rule",
    level="unit",
    symbols={"W": "w", "z": "u", "a": "t", "input": "t", "J": "E", "Delta": "",
             "learning_rate": "η", "E": "T"},
    offsets={"W": 1, "b": 1},
    orientation="source-first",
    batch="one",
    error_sign="target-output",
    target_index="j",
    source_index="i",
    connection="x",
    chinese={"cost": "损失函数", "delta": "误差", "weight": "权值"},
    source="S2: BP神经网络的推导, Cosmo",
)  # fmt: skip
SCALAR = Notation(
    "scalar",
    "S3 · 标量 scalar",
    level="scalar",
    symbols={"input": "X", "y": "Y", "J": "E", "Delta": "", "delta": "",
             "learning_rate": "η", "E": "T"},
    hidden={"W": "V", "z": "H", "a": "P"},
    output={"W": "W", "z": "Q", "a": "O"},
    script="",
    orientation="source-first",
    batch="one",
    error_sign="target-output",
    target_index="j",
    source_index="i",
    times="·",
    arrangement="chain-rule",
    chinese={"cost": "损失函数", "delta": "误差"},
    source="S3: 以三层神经网络的正向和反向传播推导",
)  # fmt: skip
INDEX = Notation(
    "index",
    "S4 · 下标 index",
    level="index",
    symbols={"W": "w", "f": "g", "Delta": ""},
    batch="one",
    error_sign="target-output",
    chinese={"cost": "代价函数"},
    source="S4: 反向传播算法推导, nowgood, 2018",
)

NOTATIONS: dict[str, Notation] = {
    one.name: one for one in (MATRIX, GRAPH, DELTA_RULE, SCALAR, INDEX)
}
_BY_SOURCE = {one.source[:2]: one for one in NOTATIONS.values()}
"""S0 to S4, as the pages call the texts."""


def _reason(error: Exception) -> Sentence:
    """Why a file cannot be read as TOML: the parser's words, and in Chinese where it stopped."""
    place = re.search(r"\(at line (\d+), column (\d+)\)$", str(error))
    if place:
        return refusal("toml_at", parser=str(error), line=place[1], column=place[2])
    if isinstance(error, UnicodeDecodeError):
        return refusal("toml_text", parser=str(error))
    if isinstance(error, tomllib.TOMLDecodeError):
        return refusal("toml_end", parser=str(error))
    return refusal("toml_large")


def find_notation(given: str | Notation) -> Notation:
    """Return a notation by its name, its text's number, or from a TOML file (``.toml``).

    Examples
    --------
    >>> find_notation("scalar").hidden["W"], find_notation("S3").name
    ('V', 'scalar')
    """
    if isinstance(given, Notation):
        return given
    if not isinstance(given, str):
        raise SettingError(refusal("notation_kind", given=shown(given)))
    if given.endswith(".toml"):
        return Notation.from_toml(given)
    if given.upper() in _BY_SOURCE:
        return _BY_SOURCE[given.upper()]
    if given not in NOTATIONS:
        raise SettingError(unknown("notation", given, NOTATIONS))
    return NOTATIONS[given]
