"""What `clearprop derive` refuses: the nearest weight is named, and Chinese speaks Chinese."""

from __future__ import annotations

import re

import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation.wording.refusals import REFUSALS
from clearprop.errors import SettingError


def refused(line, capsys):
    code = main(line)
    found = capsys.readouterr()
    assert found.out == "" and len(found.err.strip().splitlines()) == 1
    return code, found.err


@pytest.mark.parametrize(
    ("notation", "weight", "near"),
    [
        ("scalar", "V41", "V21"),
        ("scalar", "V31", "V13"),  # the indices the other way round
        ("scalar", "b1[1]", "b1"),
        ("scalar", "W2[9,9]", "W2[2,3]"),
        ("scalar", "W1[3]", "W1[3,1]"),
        ("matrix", "b1[4]", "b1[3]"),
        ("matrix", "W⁽¹⁾₄₂", "W⁽¹⁾₃₂"),
    ],
)
def test_of_a_weight_that_does_not_exist_the_nearest_is_named(notation, weight, near, capsys):
    line = ["derive", "2-3-2", "--notation", notation, "--weight", weight]
    if notation == "matrix":
        line += ["--bias", "unit"]
    code, said = refused(line, capsys)
    assert code == 2
    assert f"did you mean {near!r}?" in said
    assert main([*line[:-1], near] if notation == "scalar" else [*line[:5], near]) == 0


def test_a_gradients_name_asks_for_the_derivative_by_its_weight():
    net = cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")
    asked = cp.derive(net, "scalar", weight="∂E/∂V11")
    assert asked.target == ("W1", (0, 0))
    assert [step.id for step in asked.steps] == [
        step.id for step in cp.derive(net, "scalar", weight="V11").steps
    ]


@pytest.mark.parametrize("weight", ["", "  "])
def test_an_empty_weight_is_refused_and_not_taken_for_all(weight, capsys):
    line = ["derive", "2-3-2", "--notation", "scalar", "--weight", weight]
    code, said = refused(line, capsys)
    assert code == 2 and "name is empty" in said and "V11" in said
    with pytest.raises(SettingError, match="empty"):
        cp.derive(cp.Network("2-3-2"), weight=weight)


@pytest.mark.parametrize("option", ["--data", "--target", "-o"])
def test_an_option_with_nothing_behind_it_is_not_taken_for_none(option, capsys):
    code, said = refused(["derive", "2-3-2", option, ""], capsys)
    assert code == 2 and "is empty" in said
    assert "是空的" in refused(["derive", "2-3-2", option, "", "--language", "zh"], capsys)[1]


def test_a_number_out_of_bounds_is_told_with_its_bound(capsys):
    assert (
        "'--digits': it takes 17 at most;"
        in refused(["derive", "2-3-2", "--digits", "18"], capsys)[1]
    )
    assert "'--row': it takes 1 or more;" in refused(["derive", "2-3-2", "--row", "0"], capsys)[1]


@pytest.mark.parametrize(
    "line",
    [
        "derive 2-3-2 --weight V11",
        "derive 2-3-2 --notation scalar --weight V41",
        "derive 2-3-2 --notation indx",
        "derive 2-2-2-2 --notation scalar --weight V12",
        "derive 2-3-2 --notation scalar --weight H1",
        "derive 2-3-2 --weight W1",
        "derive 2-3-2 --format pdf",
        "derive 2-3-2 -o p.pdf",
        "derive 2-3-2 --expand",
        "derive 2-3-2 --row 2",
        "derive 2-3-2 --notation nothing.toml",
        "derive 784-512-10 --weight W1[1,1] --expand",
        "derive 6-9-9-9-4 --weight W1[1,1] --expand",
        "derive 2-3-2 --cost squared_eror",
        "derive nothing.json",
        "notation 2-x",
        "notation --notation indx",
    ],
)
def test_every_refusal_speaks_chinese_where_chinese_is_asked_for(line, capsys):
    english = refused(line.split(), capsys)
    chinese = refused([*line.split(), "--language", "zh"], capsys)
    assert english[0] == chinese[0]
    assert not re.search("[一-鿿]", english[1])
    assert re.search("[一-鿿]", chinese[1])


def test_data_that_do_not_fit_are_refused_in_chinese(tmp_path, capsys):
    file = tmp_path / "d.csv"
    for rows, said in (
        ("1,2,3\n4,5,6", "网络需要 2 列输入，然后是 2 列目标"),
        ("a,b,c,d\n1,2,,4\n1,2,3,4", "列 'c' 没有值"),
    ):
        file.write_text(rows + "\n", "utf-8")
        line = ["derive", "2-3-2", "--data", str(file), "--language", "zh"]
        assert said in refused(line, capsys)[1]


def test_every_sentence_of_refusal_is_chinese_in_chinese():
    for key in REFUSALS.keys():  # noqa: SIM118
        chinese = REFUSALS._table[key]["zh"]
        assert re.search("[一-鿿]", chinese) or key == "type_bool", key
