"""Lines of a page: folds at exactly the width, brackets as tall as matrices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import clearprop as cp
from clearprop.derivation.command.calls import random_numbers
from clearprop.derivation.pages.heading import width, wrapped
from clearprop.derivation.pages.terminal import block, folded


# -- prose ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("第", 2), ("第 1 层", 7), ("Θ\u0304", 1), ("，", 2), ("Ａ", 2),
     ("½ δ⁽²⁾", 6), ("e\u0301e", 2)],
)  # fmt: skip
def test_chinese_signs_are_two_columns_wide_and_accents_none(text, columns):
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("", 8, [""]),
        ("one two three", 13, ["one two three"]),
        ("one two three", 12, ["one two", "three"]),
        ("one two three", 7, ["one two", "three"]),
        ("one two three", 6, ["one", "two", "three"]),
        ("abcdefghij kl", 5, ["abcdefghij", "kl"]),
        ("输入层隐藏层", 12, ["输入层隐藏层"]),
        ("输入层隐藏层", 11, ["输入层隐藏", "层"]),
        ("输入层，隐藏层", 7, ["输入", "层，隐", "藏层"]),
        ("输入层，隐藏层", 8, ["输入层，", "隐藏层"]),
        ("由（3）。得", 6, ["由（3", "）。得"]),
    ],
)
def test_prose_is_folded_where_it_is_wider_than_its_columns_by_one(text, columns, lines):
    found = list(wrapped(text, columns))
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    if "（" not in text:
        assert found == lines
    assert not any(line.startswith(tuple("，。；：、）")) for line in found)


# -- mathematics ------------------------------------------------------------------------------
LOOSE = {" + ": 0, " − ": 0, " - ": 0, " · ": 1, " ⊙ ": 1, " ": 2}
"""Before which sign a line breaks first: a sum's, then a product's, then any blank."""


@pytest.mark.parametrize(("first", "second"), [*itertools.product(LOOSE, LOOSE)])
def test_a_line_breaks_before_the_looser_sign_and_of_two_alike_before_the_last(first, second):
    pieces = [9 * "a", "bbbb", 20 * "c"]
    text = pieces[0] + first + pieces[1] + second + pieces[2]
    if LOOSE[first] < LOOSE[second]:
        lines = [pieces[0], first.lstrip() + pieces[1] + second + pieces[2]]
    else:
        lines = [pieces[0] + first + pieces[1], second.lstrip() + pieces[2]]
    found = list(folded(text, 24))
    assert found[0] == lines[0]
    assert " ".join(found).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "room", "lines"),
    [
        (24 * "a", 24, [24 * "a"]),
        (12 * "a" + " " + 11 * "b", 24, [12 * "a" + " " + 11 * "b"]),
        (12 * "a" + " " + 12 * "b", 24, [12 * "a", 12 * "b"]),
        (24 * "a" + " b", 24, [24 * "a", "b"]),
        (25 * "a" + " b", 24, [25 * "a" + " b"]),
        (25 * "a" + " b", 25, [25 * "a", "b"]),
        (20 * "a" + " b", 3, [20 * "a" + " b"]),  # no line is narrower than 24
        (9 * "a" + " " + 20 * "b", 24, [9 * "a", 20 * "b"]),
        (8 * "a" + " " + 20 * "b", 24, [8 * "a" + " " + 20 * "b"]),  # too near its start
        (20 * "a" + " + " + 20 * "b" + " + " + 20 * "c", 24,
         [20 * "a", "+ " + 20 * "b", "+ " + 20 * "c"]),
    ],
)  # fmt: skip
def test_mathematics_is_folded_where_it_is_wider_than_its_room_by_one(text, room, lines):
    assert list(folded(text, room)) == lines


@pytest.mark.parametrize("pair", ["()", "[]", "{}"])
def test_a_line_breaks_outside_brackets_rather_than_inside(pair):
    left, right = pair
    text = f"aaaaaaaaa {left}b + c + d{right} {16 * 'e'}"
    assert list(folded(text, 24)) == [f"aaaaaaaaa {left}b + c + d{right}", 16 * "e"]
    deep = f"aaaaaaaaa{left}{left}b + c{right} · {16 * 'd'}{right}"
    assert list(folded(deep, 24)) == [f"aaaaaaaaa{left}{left}b + c{right}", f"· {16 * 'd'}{right}"]
    after = f"{left}{left}aaaaaaaaaa{right}{right} + b · {16 * 'd'}"
    assert next(folded(after, 24)) == f"{left}{left}aaaaaaaaaa{right}{right}"


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        ([0.5], ["x = [ 0.5 ]"]),
        ([[1.0, -0.5, 22.0]], ["x = [ 1  −0.5  22 ]"]),
        ([1.0, -0.5], ["x = ⎡    1 ⎤", "    ⎣ −0.5 ⎦"]),
        ([1.0, -0.5, 22.0], ["    ⎡    1 ⎤", "x = ⎢ −0.5 ⎥", "    ⎣   22 ⎦"]),
        ([1.0, 2.0, 3.0, 4.0], ["    ⎡ 1 ⎤", "x = ⎢ 2 ⎥", "    ⎢ 3 ⎥", "    ⎣ 4 ⎦"]),
        ([[1.0, 10.0], [100.0, 2 / 3]], ["x = ⎡   1    10 ⎤", "    ⎣ 100  0.67 ⎦"]),
        ([1.0, 2, 3, 4, 5, 6, 7],
         ["    ⎡ 1 ⎤", "    ⎢ 2 ⎥", "x = ⎢ 3 ⎥", "    ⎢ 4 ⎥", "    ⎢ ⋮ ⎥", "    ⎣ 7 ⎦"]),
    ],
)  # fmt: skip
def test_numbers_stand_right_aligned_in_brackets_as_tall_as_they_are(array, lines):
    assert list(block(np.array(array), "x = ", 2)) == lines


def test_a_sign_before_numbers_may_be_wide():
    assert list(block(np.array([1.0, 2.0]), "层 = ", 2)) == ["层 = ⎡ 1 ⎤", "     ⎣ 2 ⎦"]


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (26, "x = [ 11  12  13  14  15 ]"),
        (25, "x = [ 11  12  …  15 ]"),
        (21, "x = [ 11  12  …  15 ]"),
        (20, "x = [ 11  …  15 ]"),
        (9, "x = [ 11  …  15 ]"),
    ],
)
def test_a_matrix_has_as_many_columns_as_the_page_has_room_for(columns, row):
    (line,) = block(np.array([[11.0, 12.0, 13.0, 14.0, 15.0]]), "x = ", 2, columns)
    assert line == row
    column = np.arange(11.0, 17.0)  # rows are not cut with them
    assert len(list(block(column, "x = ", 2, columns))) == 6


def test_no_line_of_all_digits_leaves_a_terminal():
    network = cp.Network("6-6-2", "sigmoid")
    page = cp.derive(network, "matrix", *random_numbers(network, 0, 1), digits=17).text()
    assert max(map(width, page.splitlines())) <= 80
