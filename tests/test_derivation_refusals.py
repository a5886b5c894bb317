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


def test_a_network_without_a_layer_and_one_of_a_billion_units_are_refused(tmp_path, capsys):
    given = cp.Input(9)
    with pytest.raises(SettingError, match="the network has no layer: there is nothing to derive"):
        cp.derive(cp.Network(inputs=given, outputs=given))
    for language, said in (
        ("en", "the network has 1,999,999,998 parameters, and 10,000,000 at most are derived"),
        ("zh", "网络有 1,999,999,998 个参数，至多推导 10,000,000 个"),
    ):
        assert main(["derive", "999999998-2", "--language", language]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(("options", "said"), [
    (["--data", "x.xlsx"], "x.xlsx 是 zip 压缩包或 Excel 工作簿：请指定 CSV"),
    (["--data", "http://127.0.0.1/x"], "http://127.0.0.1/x 是网址：请先下载文件"),
    (["--data", "select 1 as a"], "查询结果 有 1 列；网络需要 2 列输入"),
    (["--seed", "9" * 30], "种子 999999999999999999999999999999 不在 0 到 2⁶⁴ − 1 之间"),
    (["-o", "x.xlsx/x.txt"], "无法写入 x.xlsx/x.txt：路径中有一处不是文件夹；请换一个名称或位置"),
    (["--notation", "x.xlsx/x.toml"], "记号文件 x.xlsx/x.toml 无法读取：应是文件夹之处是一个文件"),
])  # fmt: skip
def test_what_a_file_or_a_system_refuses_is_said_in_chinese(
    options, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04" + b"a" * 60)
    assert main(["derive", "2-3-1", *options, "--language", "zh"]) in (1, 2)
    assert said in capsys.readouterr().err


def test_a_saved_page_s_name_stays_on_its_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["derive", "2-2", "-o", "a\nb.txt"]) == 0
    assert capsys.readouterr().err == "saved a\\nb.txt\n"
