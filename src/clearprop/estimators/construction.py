"""Constructors whose settings stand in one place, for several estimators.

scikit-learn reads an estimator's settings from the signature of its constructor, so that every
class must name them all. Here a class names its own, and takes the others from a table.
Proved by ``tests/test_estimators_more.py``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

__all__ = ["constructed", "documented"]

Constructor = TypeVar("Constructor", bound=Callable[..., None])
Class = TypeVar("Class", bound=type)


def constructed(types: type, defaults: Mapping[str, Any]) -> Callable[[Constructor], Constructor]:
    """Return a decorator of constructors: they keep what they are given, and do nothing else.

    Parameters
    ----------
    types : TypedDict class
        What the constructor's ``**settings`` may be: for type checkers, and the signature.
    defaults : mapping
        The value of each where none is given.
    """

    def decorate(init: Constructor) -> Constructor:
        settings = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default,
                annotation=_written(types.__annotations__[name]),
            )
            for name, default in defaults.items()
        ]  # fmt: skip
        own = inspect.signature(init)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        first = [p for p in named if p.kind is not p.KEYWORD_ONLY]
        signature = own.replace(parameters=[*first, *settings, *named[len(first) :]])

        usual = {p.name: p.default for p in [*signature.parameters.values()][1:]}
        by_place = [p.name for p in first[1:]]

        @functools.wraps(init)
        def keep(estimator: Any, /, *args: Any, **given: Any) -> None:
            told = dict(zip(by_place, args, strict=False))
            if (
                len(args) > len(by_place)
                or told.keys() & given.keys()
                or given.keys() - usual.keys()
            ):
                try:
                    signature.bind(estimator, *args, **given)
                except TypeError as error:
                    raise TypeError(f"{init.__qualname__}(): {error}") from None
            for name, value in {**usual, **told, **given}.items():
                setattr(estimator, name, value)  # unchanged, as `clone` asks for

        keep.__signature__ = signature  # type: ignore[attr-defined]
        return cast(Constructor, keep)

    return decorate


def documented(**texts: str) -> Callable[[Class], Class]:
    """Return a decorator that puts texts in the place of their ``{names}`` in a class's docstring.

    Parameters
    ----------
    **texts : str
        Lines as they stand at the docstring's own margin.
    """

    def decorate(kind: Class) -> Class:
        written = inspect.cleandoc(kind.__doc__ or "")
        for name, text in texts.items():
            written = written.replace(f"{{{name}}}", text.strip("\n"))
        kind.__doc__ = written + "\n"
        return kind

    return decorate


def _written(annotation: Any) -> Any:
    """An annotation as it is written, as that of a function is."""
    return getattr(annotation, "__forward_arg__", annotation)
