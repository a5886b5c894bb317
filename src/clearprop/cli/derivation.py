"""``clearprop derive`` and ``clearprop notation``: which network, then what to print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clearprop.cli.chinese import chinese
from clearprop.cli.describing import read_chain, read_network
from clearprop.cli.writing import refuse_to_replace
from clearprop.derivation.command.calls import derive_command, notation_command
from clearprop.derivation.notations.notation import find_notation
from clearprop.derivation.wording.refusals import refusal
from clearprop.errors import ClearPropError, GraphError, UsageError
from clearprop.model import Model
from clearprop.network import Network
from clearprop.operations import TABLE
from clearprop.words import Sentence

__all__ = ["derive", "notation"]


@contextmanager
def _spoken(language: str) -> Iterator[None]:
    """Say in Chinese what is refused, where Chinese was asked for."""
    try:
        yield
    except ClearPropError as error:
        if language != "zh":
            raise
        said = error.args[0] if error.args else ""
        if isinstance(said, Sentence):
            told = said.speak("zh")
        else:
            text = str(error)
            told = chinese(text) or refusal("elsewhere", reason=text).speak("zh")
        raise type(error)(told) from None


def derive(language: str, **options: Any) -> int:
    """Derive back-propagation of a network and print it; 3 if it does not verify."""
    with _spoken(language):
        return _derive(language=language, **options)


def _derive(
    network: str,
    *,
    notation: str,
    out: str | None,
    data: str | None,
    target: str | None,
    **options: Any,
) -> int:
    out, data, target = (
        _named(option, given)
        for option, given in (("out", out), ("data", data), ("target", target))
    )
    out = "" if out == "-" else out
    if out:
        refuse_to_replace(out, "the page", data, network, notation)
    chain = {name: options.pop(name) for name in ("activation", "output", "cost", "bias", "l2")}
    found = _network(network, {k: v for k, v in chain.items() if v is not None}, notation)
    return derive_command(found, notation=notation, out=out, data=data, target=target, **options)


def _named(option: str, given: str | None) -> str:
    """What stands behind an option, "" where it is left out.

    One that is there and empty, as an unset variable of a shell makes it, is no option left out:
    without its table a page would have other numbers.
    """
    if given is not None and not given.strip():
        raise UsageError(refusal("option_empty", name=option))
    return given or ""


def notation(network: str, language: str, notation: list[str] | None, **options: Any) -> int:
    """Print the Rosetta table: each quantity in all five notations, with its numbers."""
    with _spoken(language):
        found = _network(network, {}, "scalar")
        return notation_command(found, notation=notation or [], language=language, **options)


def _network(given: str, chain: dict[str, Any], notation: str) -> Network | Model:
    """A chain as the texts mean it: sigmoid, at the output too, one bias a layer in S3's notation.

    A file says all this itself.
    """
    if not re.fullmatch(r"\d+(-\d+)*", given):
        if chain:
            raise UsageError(refusal("chain_option", name=next(iter(chain)), given=given))
        return read_network(given)
    settings = {"activation": "sigmoid", "cost": "squared_error"} | chain
    try:
        linked = TABLE.cost(settings["cost"]).link != "identity"
    except GraphError as error:
        raise UsageError(*error.args) from None
    settings.setdefault("output", "identity" if linked else "sigmoid")
    scalar = find_notation(notation).name == "scalar"
    settings.setdefault("bias", "shared" if scalar else "unit")
    return read_chain(given, **settings)
