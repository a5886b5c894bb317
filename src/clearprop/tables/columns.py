"""What each column is, decided by looking at it, printed, kept, and open to correction.

Looking goes wrong on somebody's zip codes: every decision carries its reason, and every one can be
overruled by name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clearprop.errors import DataError, SettingError
from clearprop.tables.cells import READERS, Role, UnreadableError
from clearprop.tables.facts import Asked, Facts
from clearprop.tables.fold import gather
from clearprop.tables.nearly import odd_date
from clearprop.tables.table import Chunk, Column, Kind, Table
from clearprop.words import did_you_mean

__all__ = ["Decision", "Decisions", "Use", "check_uses", "decide", "noted"]

#: What a column is used for: an input of some role, or something else.
Use = Literal["number", "category", "boolean", "date", "target", "weight", "group", "dropped"]

_ROLE: Mapping[str, Role] = {
    "number": "number",
    "category": "category",
    "boolean": "boolean",
    "date": "date",
}
_ROLE_OF: Mapping[Kind, Role] = {
    "integer": "number",
    "real": "number",
    "boolean": "boolean",
    "date": "date",
    "text": "category",
}

#: Names whose whole numbers, if all different, count rows and tell nothing.
_IDENTIFIER = re.compile(
    r"(.*[_\s-])?(id|ids|idx|index|key|uid|uuid|guid|row|rownum|rowid|row_?number|rownames?)"
    r"|.*[a-z](Id|ID)|unnamed:?[_\s]*\d+|column_1|",
)
#: Names that say a number or a code of something, which may be read or may only identify.
_CALLED_A_NUMBER = re.compile(r"(.*[_\s.-])?(nr|no|num|number|nummer|key|code|id)[.]?")
#: Columns that a message lists at most.
_TOLD = 8
#: Levels counted while looking: of texts, and of whole numbers.
_TEXT_LEVELS, _NUMBER_LEVELS = 100_000, 1_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one column.

    Attributes
    ----------
    name : str
    kind : Kind
        The kind of its cells.
    use : Use
    why : str
    missing : int
        Cells without a value, over the whole table.
    levels : int or None
        Different values, where they were counted and were not too many.
    """

    name: str
    kind: Kind
    use: Use
    why: str
    missing: int
    levels: int | None


@dataclass(frozen=True)
class Decisions:
    """All columns of a table, decided.

    Attributes
    ----------
    columns : tuple of Decision
    rows : int
    facts : {column: Facts}
        What was seen; not kept in files.
    """

    columns: tuple[Decision, ...]
    rows: int
    facts: Mapping[str, Facts]

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> Decision:
        return next(column for column in self.columns if column.name == name)

    @property
    def roles(self) -> dict[str, Role]:
        """The inputs and their roles, in the table's order: what `fit_encoder` takes."""
        return {c.name: _ROLE[c.use] for c in self.columns if c.use in _ROLE}

    def named(self, use: Use) -> str | None:
        """The column of some use, such as the target, or None."""
        return next((column.name for column in self.columns if column.use == use), None)

    def describe(self) -> list[str]:
        """Lines of text: column, use, levels, missing cells, why."""
        rows = [("column", "used as", "levels", "missing", "because")]
        for c in self.columns:
            levels = "" if c.levels is None else str(c.levels)
            rows.append((c.name, c.use, levels, str(c.missing or ""), c.why))
        widths = [max(len(row[place]) for row in rows) for place in range(4)]
        return [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}  {e}".rstrip()
            for a, b, c, d, e in rows
        ]

    def to_data(self) -> list[dict[str, Any]]:
        """The decisions as plain data."""
        return [asdict(column) for column in self.columns]


def decide(
    table: Table,
    *,
    target: str | None = None,
    columns: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
    split_by: str | None = None,
    rows_per_chunk: int = 65536,
    needed: bool = True,
) -> Decisions:
    """Look at every cell and decide what each column is.

    Parameters
    ----------
    table : Table
    target : str or None
        The column to predict.
    columns : {name: "number", "category", "boolean" or "date"} or None
        What the user knows better.
    drop : sequence of str
        Columns to leave out.
    weight : str or None
        The column with the rows' weights; it is no input.
    split_by : str or None
        Rows with the same value there stay together when the table is divided; it is no input.
    needed : bool
        Whether a table that leaves no column to learn from is refused.

    Returns
    -------
    Decisions

    Raises
    ------
    DataError
        If a column does not exist, has a cell that is not what the column is said to hold, or none
        is left to learn from and one is needed.
    SettingError
        If a role does not exist, or a column is given two uses.

    Notes
    -----
    Whole numbers are numbers however few there are; texts are categories, and so are whole numbers
    with leading zeros. Left out: columns of one value; whole numbers that are all different in a
    column named like an identifier; texts that are nearly all different.

    Examples
    --------
    >>> from clearprop.tables.opening import open_table
    >>> table = open_table({"id": [1, 2, 3], "age": [30, 40, 30], "y": ["a", "b", "a"]})
    >>> print("\\n".join(decide(table, target="y").describe()))
    column  used as  levels  missing  because
    id      dropped       3           an identifier: its whole numbers are all different
    age     number        2           whole numbers
    y       target        2           the column to predict
    """
    roles = dict(columns or {})
    check_uses(target=target, columns=roles, drop=drop, weight=weight, split_by=split_by)
    for name in (target, weight, split_by, *roles, *drop):
        if name is not None:
            table.column(name)
    for name, role in roles.items():
        _check_role(table, name, _ROLE[role], rows_per_chunk)
    aside = {*drop, *roles, weight, split_by}
    facts = _look(table, target, aside, rows_per_chunk)
    decided = []
    for column in table.columns:
        seen = facts[column.name]
        use, why = _use(column, seen, target, roles, drop, weight, split_by)
        levels = None if seen.levels is None else len(seen.levels)
        decided.append(Decision(column.name, column.kind, use, why, seen.missing, levels))
    decisions = Decisions(tuple(decided), table.rows, facts)
    if needed and not decisions.roles:
        others = [_unread(table, column) for column in decisions if column.name != target]
        more = len(others) - _TOLD
        listed = "; ".join([*others[:_TOLD], *([f"and {more} more"] if more > 0 else [])])
        raise DataError(
            f"{table.name} has no column to learn from: "
            + (listed or f"there is the target {target!r} alone")
            + _overrule(table, decisions)
        )
    return decisions


def _check_role(table: Table, name: str, role: Role, rows_per_chunk: int) -> None:
    """See that every cell can be read as the user says; what was found by looking can."""
    if role in ("category", _ROLE_OF[table.column(name).kind]):
        return
    try:
        for chunk in table.chunks(rows_per_chunk, [name]):
            READERS[role](chunk[name], name, chunk.start)
    except UnreadableError as error:
        raise _unfit(table, name, role, error) from None


def _unfit(table: Table, name: str, role: Role, error: UnreadableError) -> DataError:
    """The error at a cell; of dates that do not begin with the year, at one unlike most others."""
    if role == "date" and table.column(name).kind == "text":
        odd = odd_date(table, name)
        if odd is not None:
            form, row, text = odd
            error = UnreadableError("", name, row, f"{text!r} where most are like {form}")
        why = noted(table, name)
        if odd is None and "dates" in why:
            return DataError(f"column {name!r} is asked for as a date, and is text: {why}")
    return error.as_asked("column", f"a {role}")


def _unread(table: Table, column: Decision) -> str:
    """Why a column is no input, and why it is text, if that was noted."""
    why = noted(table, column.name)
    text = f" (it is text: {why})" if why else ""
    return f"{column.name!r} is {column.use}, {column.why}{text}"


def noted(table: Table, name: str) -> str:
    """Return what was noted of a column of texts that were nearly read as something else; or ""."""
    front = f"column {name!r} is text: "
    return next((note.removeprefix(front) for note in table.notes if note.startswith(front)), "")


def _overrule(table: Table, decisions: Decisions) -> str:
    """How to keep a column that was dropped by looking, as the end of a sentence."""
    for column in decisions:
        seen = decisions.facts[column.name]
        if (
            column.use == "dropped"
            and column.why != "as asked"
            and seen.count
            and not (column.levels == 1 or seen.low == seen.high)
        ):
            numbers = column.kind in ("integer", "real") or _are_numbers(table, column.name)
            if not numbers and noted(table, column.name):
                continue  # which says how its cells are to be written
            role = "number" if numbers else "category"
            return f"; to keep one, say what it is, such as {column.name}={role}"
    return ""


def _are_numbers(table: Table, name: str) -> bool:
    """Whether texts can be numbers that were not read as such: zeros lead, 64 bits are too few."""
    try:
        for chunk in table.chunks(names=[name]):
            READERS["number"](chunk[name], name, chunk.start)
    except DataError:
        return False
    return True


def check_uses(
    *,
    target: str | None,
    columns: Mapping[str, str],
    drop: Sequence[str],
    weight: str | None,
    split_by: str | None,
) -> None:
    """See that what is asked of columns makes sense, whatever table they are in.

    Raises
    ------
    SettingError
        If a role does not exist, a name is empty, or a column is given two uses.
    """
    for name, role in columns.items():
        if role not in _ROLE:
            raise SettingError(f"column {name!r} cannot be a {role!r}: {did_you_mean(role, _ROLE)}")
    special = [("the target", target), ("the weight", weight), ("split_by", split_by)]
    given = [(use, name) for use, name in special if name is not None]
    given += [("dropped", name) for name in drop]
    given += [(f"a {role}", name) for name, role in columns.items()]
    for place, (use, name) in enumerate(given):
        if not name:
            raise SettingError(f"the name of the column that is {use} is empty: name a column")
        for other, same in given[:place]:
            # The same column may keep rows together and be dropped: both leave it out.
            if same != name or {use, other} == {"split_by", "dropped"}:
                continue
            if use == other:
                raise SettingError(f"column {name!r} is {use} twice: say it once")
            if other == "the target" and use in ("a category", "a number"):
                task = "classification" if use == "a category" else "regression"
                hint = f"to say what it is, ask for task {task!r}"
            else:
                hint = "choose one"
            raise SettingError(f"column {name!r} is given as {other} and as {use}: {hint}")


def _look(
    table: Table, target: str | None, aside: Set[str | None], rows_per_chunk: int
) -> dict[str, Facts]:
    asked = {}
    for column in table.columns:
        levels = _TEXT_LEVELS if column.kind in ("text", "boolean") else _NUMBER_LEVELS
        named = _named_as_identifier(column.name) or _CALLED_A_NUMBER.fullmatch(column.name.lower())
        if column.name == target or named:
            levels = _TEXT_LEVELS
        if column.kind in ("real", "date") and column.name != target:
            levels = 0
        # Columns that are decided already may hold anything: they are looked at as names only.
        role = "category" if column.name in aside else _ROLE_OF[column.kind]
        asked[column.name] = Asked(role, levels=levels)

    def chunks(names: Sequence[str]) -> Iterator[tuple[Chunk, NDArray[np.bool_] | None]]:
        return ((chunk, None) for chunk in table.chunks(rows_per_chunk, names))

    return gather(asked, table.rows, chunks)


def _use(
    column: Column,
    seen: Facts,
    target: str | None,
    roles: Mapping[str, str],
    drop: Sequence[str],
    weight: str | None,
    split_by: str | None,
) -> tuple[Use, str]:
    name = column.name
    if name == target:
        return "target", "the column to predict"
    if name == weight:
        return "weight", "the rows' weights, as asked"
    if name == split_by:
        return "group", "keeps rows together, as asked"
    if name in drop:
        return "dropped", "as asked"
    if name in roles:
        return _ROLE[roles[name]], "as asked"
    return _looked(column, seen)


def _looked(column: Column, seen: Facts) -> tuple[Use, str]:
    if not seen.count:
        return "dropped", "no cell has a value"
    different = None if seen.levels is None else len(seen.levels)
    single = seen.low == seen.high if column.kind in ("integer", "real", "date") else different == 1
    if single and not seen.missing:
        return "dropped", "all cells are the same"
    if single:
        return "category", "one value, or missing"
    if column.kind == "integer":
        if _named_as_identifier(column.name) and different is None:
            return "dropped", f"an identifier: more than {_TEXT_LEVELS} different whole numbers"
        if _named_as_identifier(column.name) and different == seen.count:
            return "dropped", "an identifier: its whole numbers are all different"
        return "number", "whole numbers" + _caution(column.name, seen, different)
    if column.kind == "text":
        return _text_use(seen, different)
    why = {"real": "numbers", "boolean": "true or false", "date": "dates"}[column.kind]
    return _ROLE_OF[column.kind], why


def _caution(name: str, seen: Facts, different: int | None) -> str:
    """What is said of whole numbers that look like an identifier, and may yet tell something.

    All different, and either without a gap, which counts the rows, or called a number or a code.
    """
    if seen.count < 3 or different != seen.count:
        return ""
    gapless = seen.high - seen.low + 1 == seen.count
    if gapless or _CALLED_A_NUMBER.fullmatch(name.lower()):
        return f", all different: an identifier? --drop {shlex.quote(name)}"
    return ""


def _named_as_identifier(name: str) -> bool:
    return any(_IDENTIFIER.fullmatch(spelt) for spelt in (name, name.lower()))


def _text_use(seen: Facts, different: int | None) -> tuple[Use, str]:
    if different is None:
        return "dropped", f"more than {_TEXT_LEVELS} different texts"
    if different == seen.count and seen.count > 2:
        return "dropped", "an identifier: its texts are all different"
    if seen.count >= 50 and different > 0.9 * seen.count:
        return "dropped", f"free text: {different} different texts in {seen.count} cells"
    return "category", "text"
