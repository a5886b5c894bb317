"""What other rooms refuse is said in Chinese too: each common mistake is made, and read."""

from __future__ import annotations

import json
import re
import shlex

import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.cli.chinese import TEMPLATES, asked, chinese

PLACE = re.compile(r"\{(\w+)\}")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of files that are wrong, each in its own way."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "bad.json": "{\n", "empty.json": "{}", "list.json": "[]", "junk.clearprop": "hi",
        "old.json": '{"format":"clearprop-network","version":99}',
        "bad.csv": "a,b,c\n1,2,3\n4,x,6\n", "ok.csv": "a,b,c,d\n1,2,3,4\n", "none.csv": "",
        "classes.csv": "a,b,y\n1,2,red\n1,3,blue\n1,2,green\n2,2,black\n",
        "numbers.csv": "1,2,3,4\n5,6,7,8\n",
        "header.csv": "a,b,c,d\n", "ragged.csv": "a,b,c,d\n1,2,3,4\n1,2,3\n",
        "open.csv": 'a,b,c,d\n1,2,3,"4\n', "endless.csv": "a,b,c,d\n1,2,3,inf\n",
        "nul.csv": "a,b,c,d\n1,2,\0,4\n", "sheet.csv": "PK\x03\x04 and so on", "rows.json": "[1]",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "d").mkdir()


#: A mistake, and what is said of it.
MISTAKES = {
    "2-": "'2-' 不是网络：请给出 2-3-2 这样的链、JSON 文件或模型文件",
    "2": "链应写成 2-3-2 这样，而不是 '2'",
    "2-0-2": "链中各层的大小应是 1 以上的整数，而不是 0",
    "2-99999999999-2": "一层至多 2147483647 个单元，而不是 99999999999",
    "nofile.json": "没有文件 nofile.json",
    "nofile": "'nofile' 不是网络：请给出 2-3-2 这样的链、JSON 文件或模型文件",
    "bad.json": "bad.json 不是 JSON：见第 2 行第 1 列",
    "empty.json": "empty.json 描述的不是 ClearProp 网络",
    "list.json": "list.json 不是 ClearProp 模型：它是 JSON；表须先训练"
    "（clearprop train list.json --target COLUMN），"
    "或给链提供数值（clearprop derive 2-3-2 --data list.json）",
    "junk.clearprop": "junk.clearprop 不是 ClearProp 模型",
    "d": "d 是文件夹；请写出其中的文件",
    "2-3-2 --activation sigmiod": "没有函数 'sigmiod'；是否指 'sigmoid'？",
    "2-3-2 --cost squared_eror": "没有代价函数 'squared_eror'；是否指 'squared_error'？",
    "2-3-2 --bias foo": "affine.bias 应是 'unit', 'shared', 'none' 之一，而不是 'foo'",
    "2-3-2 --bias unti": "affine.bias 应是 'unit', 'shared', 'none' 之一，而不是 'unti'；"
    "是否指 'unit'？",
    "2-3-2 --l2 -1": "Network.l2 应是 [0, ∞) 中的数，而不是 -1.0",
    "2-3-2 --cost cross_entropy --output relu": "cross_entropy 需要输出函数 softmax"
    "（或 identity，它会变成 softmax），而不是 relu；请设 output='softmax'，或换一个代价函数",
    "2-3-2 --notation nofile.toml": "记号文件 nofile.toml 无法读取：没有此文件",
    "2-3-2 --data nofile.csv": "没有文件 nofile.csv",
    "2-3-2 --data d": "d 是文件夹：请写出其中的文件，或 d/*.csv 这样的模式",
    "2-3-2 --data none.csv": "none.csv 是空的：没有可读的内容",
    "2-1-1 --data bad.csv": "列 'b' 是数，但第 2 行是 'x'：请改正此值，或让单元格空着",
    "2-3-2 --data ok.csv --target zz": "ok.csv 没有列 'zz'：可用的有 'a', 'b', 'c', 'd'",
    "2-3-2 --data numbers.csv --target y": "numbers.csv 没有列 'y'："
    "可用的有 'x1', 'x2', 'x3', 'x4'；numbers.csv 没有表头：它的第一行全是数，被当作数据；"
    "各列称为 x1 至 x4",
    "2-3-3 --cost cross_entropy --data classes.csv": "目标有 4 个不同的类别"
    "（black, blue, green, red），而网络只区分 3 类；请让最后一层每个类别有一个输出",
    "2-3-2 --data header.csv": "header.csv 只有表头，没有行；没有可读的内容",
    "2-3-2 --data ragged.csv": "ragged.csv 第 3 行有 3 个单元格，而表头有 4 个："
    "请在那里增减 ','，或给含有它的单元格加引号",
    "2-3-2 --data open.csv": 'open.csv 第 2 行：带引号的单元格没有结束：请补上 "，或去掉 "',
    "2-3-2 --data endless.csv": "列 'd' 第 1 行是无穷大：请改正此值，或让单元格空着",
    "2-3-2 --data nul.csv": "nul.csv 是二进制文件，不是文本：请指定 CSV、JSON 或 Parquet 文件",
    "2-3-2 --data sheet.csv": "sheet.csv 是 zip 压缩包或 Excel 工作簿，而不是其名称所说的文本："
    "请把工作表另存为 CSV",
    "2-3-2 --data rows.json": 'rows.json 第 1 行不是记录，而是 1：每行请写成 {"x": 1} 这样的对象',
    "2-3-2 --cost binary_cross_entropy --data ok.csv": "目标：交叉熵需要 0 到 1 的值，而不是 3",
    "2-3-2 -o d": "无法写入 d：它是文件夹；请换一个文件名",
    "2-3-2 --data 'FROM ok.csv'": "查询中的文件名 ok.csv 没有加引号：请写成 'ok.csv'",
    "2-3-2 --data ok.csv -o ok.csv": "页面会覆盖要读取的 ok.csv：请换一个文件名",
}
#: What the parser of options refuses, before anything is read.
WRONG_USE = {
    "derive --language zh": "缺少参数 'NETWORK'",
    "derive 2-3-2 extra --language zh": "多出了参数（extra）",
    "derive 2-3-2 --nope --language zh": "没有选项 --nope",
    "derive 2-3-2 --row 0 --language=zh": "'--row' 的值不对：应大于或等于 1",
    "derive 2-3-2 --row x --language zh": "'--row' 的值不对：应是整数",
    "derive 2-3-2 --digits 99 --language zh": "'--digits' 的值不对：应小于或等于 17",
    "derive 2-3-2 --l2 x --language zh": "'--l2' 的值不对：应是数",
    "derive --language zh 2-3-2 --weight": "选项 '--weight' 需要一个值",
    "notation --nope --language zh": "没有选项 --nope",
}


def refused(line, capsys):
    assert main(line) != 0
    found = capsys.readouterr()
    assert found.out == ""
    (said,) = found.err.splitlines()
    return said


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_that_another_room_finds_is_told_in_chinese(mistake, folder, capsys):
    english = refused(["derive", *shlex.split(mistake)], capsys)
    assert not re.search("[一-鿿]", english)
    said = refused(["derive", *shlex.split(mistake), "--language", "zh"], capsys)
    assert said == f"clearprop: {MISTAKES[mistake]}"


@pytest.mark.parametrize("line", WRONG_USE)
def test_wrong_use_is_told_in_chinese_where_the_line_asks_for_it(line, capsys):
    said = refused(line.split(), capsys)
    assert f"：{WRONG_USE[line]}；见 '" in said
    plain = [word for word in line.split() if word not in ("--language", "zh", "--language=zh")]
    assert not re.search("[一-鿿]", refused(plain, capsys))


@pytest.mark.parametrize(("english", "told"), TEMPLATES)
def test_every_template_is_found_by_what_is_made_from_it(english, told):
    values = {name: f"‹{name}›" for name in PLACE.findall(english)}
    assert set(PLACE.findall(told)) <= set(values)
    assert chinese(english.format(**values)) == told.format(**values)


def test_a_folder_that_is_missing_is_named_in_chinese(folder, tmp_path, capsys):
    said = refused(["derive", "2-3-2", "-o", "no/x.html", "--language", "zh"], capsys)
    assert said == f"clearprop: 无法写入 no/x.html：没有文件夹 {tmp_path / 'no'}；请先建立它"


def test_what_has_no_template_is_said_as_it_is():
    assert chinese("the moon is blue") is None
    assert asked(["derive", "--language", "zh"]) and not asked(["derive", "--language", "zhx"])


#: What was changed in a network's file, and what is said of it.
DAMAGED = [
    (("inputs", None), "n.json 已损坏：'inputs' 应是列表，而不是 None"),
    (("inputs", []), "网络需要输入"),
    (("inputs", ["a1"]), "n.json, inputs[0] 已损坏：此处应是对象，而不是 'a1'"),
    (("inputs", 0, "width", 3.5), "'width' 应是 1 到 2147483647 的整数，而不是 3.5"),
    (("inputs", 0, "value", "zz"), "z2：之前没有节点产生它的输入 'a1'"),
    (("nodes", []), "没有节点产生输出 'a3'"),
    (("nodes", 0, "op", "zz"), "n.json 需要自定义的运算"),
    (("nodes", 0, "inputs", []), "z2：affine 需要 1 个输入，而不是 0 个"),
    (("nodes", 0, "params", {}), "z2：affine 需要参数 ['W', 'b']，而图中给出 []"),
    (("nodes", 0, "params", "W", "zz"), "参数的名称应是 W 加数字或 _名称，而不是 'zz'"),
    (("nodes", 0, "params", "b", "W1"), "z2"),
    (("outputs", []), "网络需要输出"),
    (("outputs", ["a3", "a3"]), "两个输出是同一个值；请各用一个值"),
]


@pytest.mark.parametrize(("change", "told"), DAMAGED)
def test_a_network_file_damaged_anywhere_is_told_in_chinese(
    change, told, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    damaged = json.loads(cp.Network("2-3-2").to_json())
    *path, last, value = change
    place = damaged
    for step in path:
        place = place[step]
    place[last] = value
    (tmp_path / "n.json").write_text(json.dumps(damaged), "utf-8")
    assert main(["derive", "n.json", "--language", "zh"]) in (1, 2)
    said = capsys.readouterr().err
    assert told in said
    assert not re.search("[a-z]{3,} [a-z]{2,}", said)
