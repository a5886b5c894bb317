"""Derive a network's back-propagation, and print it on any page.

Owns `Derivation` and `derive`, the public entry. Proved by ``tests/test_derivation.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

from clearprop import notebook
from clearprop.backprop import plan
from clearprop.derivation.batch import check_parameters, numbers_of, row_of
from clearprop.derivation.derived import LEARNING_RATE, Derived, called
from clearprop.derivation.expanding import STEP, multiplied_out
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import Notation, find_notation
from clearprop.derivation.pages.article import latex_page
from clearprop.derivation.pages.data import data_page
from clearprop.derivation.pages.heading import WIDTH
from clearprop.derivation.pages.html import html_page
from clearprop.derivation.pages.terminal import text_page
from clearprop.derivation.steps.author import write_steps
from clearprop.derivation.weight.alone import write_weight
from clearprop.derivation.weight.largest import SHOWN, Largest, Ways
from clearprop.derivation.wording.refusals import refusal, unknown
from clearprop.errors import DataError, SettingError
from clearprop.expressions import Array
from clearprop.network import Inputs, Network, check_network
from clearprop.optimizers import SGD
from clearprop.words import LANGUAGES, Sentence
from clearprop.words import shown as shown_value

DIGITS = 17
"""So many significant digits tell any two numbers of floating point apart."""
LARGEST_NETWORK = 10_000_000
"""Parameters of the largest network that is derived."""
NARROWEST = 20
"""Columns that a page of text needs."""


class Derivation(Derived):
    """The derivation of one network in one notation, as `derive` returns it."""

    def text(self, *, color: bool = False, width: int = WIDTH) -> str:
        """Return the derivation as Unicode text, aligned.

        Parameters
        ----------
        color : bool
            With a terminal's colours.
        width : int, at least 20
            Columns; sentences and equations are folded there.

        Raises
        ------
        SettingError
            For a width that is none.
        """
        if isinstance(width, bool) or not isinstance(width, Integral) or width < NARROWEST:
            raise SettingError(_no_such_value("width", width, least=NARROWEST))
        return text_page(self, color, int(width))

    def to_latex(self, *, verify: bool = False) -> str:
        """Return the derivation as a standalone LaTeX article (Chinese: XeLaTeX with ctex).

        Parameters
        ----------
        verify : bool
            Say how far it was verified, by SymPy too.
        """
        return latex_page(self, verify)

    def to_html(self, *, verify: bool = False) -> str:
        """Return the derivation as one self-contained HTML page.

        Parameters
        ----------
        verify : bool
            Say how far it was verified, by SymPy too.
        """
        return html_page(self, verify)

    def to_dict(self, *, symbolic: bool = False) -> dict[str, Any]:
        """Return the derivation as plain data: every step on every page, numbers, links.

        Parameters
        ----------
        symbolic : bool
            Verified by SymPy too, as `verify` does; where it is not, ``symbolic_skipped`` says why.
        """
        found = data_page(self, symbolic)
        if self.steps[-1].id == STEP:
            found[STEP] = multiplied_out(self).to_dict()
        return found

    def to_json(self, *, verify: bool = False) -> str:
        """Return the derivation as JSON text.

        Parameters
        ----------
        verify : bool
            Verified by SymPy too; where it is not, ``symbolic_skipped`` says why.
        """
        return json.dumps(self.to_dict(symbolic=verify), ensure_ascii=False, indent=1)

    def expand(self) -> Derivation:
        """Return the derivation with one step more: the gradient multiplied out, no factor shared.

        Its sentence counts the multiplications and divisions with δ and without. The same as a
        SymPy expression stands in `to_dict` as text.

        Raises
        ------
        SettingError
            If no weight was asked for, or the network is too large.

        Examples
        --------
        >>> d = derive(Network("1-1-1", "sigmoid"), notation="scalar", weight="W11").expand()
        >>> d.printer_text(d.step("expanded").equations[0].members[0])
        '−(Y1 − (W11 · f(V11 · X1 + b⁽¹⁾₁) + b⁽²⁾₁)) · f(V11 · X1 + b⁽¹⁾₁)'
        """
        step = multiplied_out(self).step(self)
        return replace(self, steps=(*self.steps, step))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        of = f"{self.weight} in " if self.weight else ""
        network = called(self.network, "en")
        return f"<Derivation of {of}{network}, {self.notation.name}, {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        return notebook.framed(self.to_html(), self.title)


def derive(
    network: Network,
    notation: str | Notation = "matrix",
    parameters: Mapping[str, Array] | None = None,
    X: Inputs | None = None,
    Y: Any = None,
    weight: str | None = None,
    language: str = "en",
    *,
    row: int = 1,
    digits: int = 4,
    learning_rate: float = LEARNING_RATE,
    shown: int = SHOWN,
) -> Derivation:
    """Derive back-propagation for a network, in a notation, with numbers where data are given.

    Parameters
    ----------
    network : Network
    notation : str or Notation
        ``"matrix"``, ``"graph"``, ``"delta-rule"``, ``"scalar"``, ``"index"``, a TOML file, or
        a `Notation` of your own.
    parameters : mapping of str to array, optional
        By name; those of ``network.initial(seed=0)`` if only X and Y are given.
    X, Y : arrays, optional
        A batch: its numbers stand beside the steps.
    weight : str, optional
        Derive one weight alone: ``"V11"`` as the notation calls it, or ``"W2[1,3]"`` from 1.
    language : {"en", "zh"}
    row : int
        The sample whose numbers are shown, from 1.
    digits : int
        Significant digits.
    learning_rate : float
        Of the update that is shown.
    shown : int, at least 1
        Of a weight with too many paths to multiply out, so many are shown: the largest.

    Returns
    -------
    Derivation

    Raises
    ------
    SettingError, GraphError, ShapeError, DataError
        For a notation or a weight that does not exist, with the nearest; for data that do not fit.

    Examples
    --------
    >>> d = derive(Network("2-3-2", "sigmoid", output="sigmoid"), notation="index")
    >>> d.printer_text(d.step("delta2").equations[0].members[0])
    '(Σⱼ₌₁² w⁽²⁾ⱼᵢ δ⁽³⁾ⱼ) g′(z⁽²⁾ᵢ)'
    """
    check_network("derive", network)
    chosen = find_notation(notation)
    if not (isinstance(language, str) and language in LANGUAGES):
        raise SettingError(unknown("language", language, LANGUAGES))
    if not network.graph.costs:
        raise SettingError(refusal("no_cost"))
    if not network.graph.nodes:
        raise SettingError(refusal("no_layer"))
    check_size(network)
    if isinstance(shown, bool) or not isinstance(shown, Integral) or shown < 1:
        raise SettingError(refusal("shown_few", given=shown_value(shown)))
    if isinstance(digits, bool) or not isinstance(digits, Integral) or not 1 <= digits <= DIGITS:
        raise SettingError(_no_such_value("digits", digits, most=DIGITS))
    real = isinstance(learning_rate, Real) and not isinstance(learning_rate, bool)
    if not real or not 0 < learning_rate < math.inf:
        raise SettingError(_no_such_value("rate", learning_rate))
    learning_rate = float(learning_rate)
    if weight is not None and not isinstance(weight, str):
        raise SettingError(_no_such_value("weight", weight))
    names = Names(chosen, network.graph)
    numbers = None
    if X is not None or Y is not None:
        if X is None or Y is None:
            raise DataError(refusal("x_and_y"))
        parameters = network.initial(seed=0) if parameters is None else parameters
        numbers = numbers_of(network, names, parameters, X, Y, learning_rate)
        check_parameters(numbers)
        row = row_of(row, numbers.m)
    samples = numbers.m if numbers else 1 if chosen.batch == "one" else None
    names = Names(chosen, network.graph, samples)
    optimizer = SGD(learning_rate)
    general = plan(network.graph, optimizer, fuse=False)
    fused = plan(network.graph)
    if weight is not None and not weight.strip():
        first = next(iter(network.graph.parameters))
        rank = names.rank(first)
        raise SettingError(refusal("weight_empty", first=names.name(first, (0,) * rank)))
    target = _parameter(names.parse(weight)) if weight else None
    largest: Largest | None = None
    ways: Ways | None = None
    if target is None:
        steps = write_steps(general, fused, names, samples)
    else:
        steps, largest = write_weight(general, fused, names, samples, *target, shown)
    if largest and numbers:
        steps, ways = largest.after(steps, numbers, row)
    return Derivation(
        network, chosen, steps, names, "zh" if language == "zh" else "en", digits, numbers, row,
        weight=weight or "", target=target, learning_rate=learning_rate,
        largest=largest, ways=ways,
    )  # fmt: skip


def check_size(network: Network) -> None:
    """Refuse a network whose numbers alone would take minutes and gigabytes.

    Raises
    ------
    SettingError
        Above 10 million parameters.
    """
    if (size := network.graph.size) > LARGEST_NETWORK:
        counts = {"count": f"{size:,}", "most": f"{LARGEST_NETWORK:,}"}
        raise SettingError(refusal("network_large", **counts))


def _no_such_value(what: str, given: object, **bounds: object) -> Sentence:
    name = {"rate": "learning_rate"}.get(what, what)
    fix = refusal(f"fix_{what}", **bounds)
    return refusal("no_such_value", name=name, given=shown_value(given), fix=fix)


def _parameter(asked: tuple[str, tuple[int, ...]]) -> tuple[str, tuple[int, ...]]:
    """A gradient's name asks for the derivative by its parameter."""
    return asked[0].removeprefix("dJ/d"), asked[1]
