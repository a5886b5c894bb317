"""Notations: names read back to what they name, arrays turned as the text turns them."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from random_networks import random_case

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import NOTATIONS, Notation, find_notation
from clearprop.derivation.notations.names import Names
from clearprop.derivation.notations.notation import CHOICES, SYMBOLS
from clearprop.errors import FileError, GraphError, SettingError
from clearprop.graph import Graph
from clearprop.operations import TABLE

S3 = cp.Network("2-3-2", "sigmoid", output="sigmoid", bias="shared")


def everything(names: Names):
    for sym in names._all_symbols:
        shape = names._shape(sym)
        for index in np.ndindex(*shape):
            yield sym, tuple(int(i) for i in index)


@pytest.mark.parametrize("name", NOTATIONS)
@pytest.mark.parametrize("sizes", ["2-3-2", "3-12-11-2", "1-1"])
def test_every_name_reads_back_to_what_it_names(name, sizes):
    names = Names(NOTATIONS[name], cp.Network(sizes).graph)
    for sym, index in everything(names):
        assert names.parse(names.name(sym, index)) == (sym, index)


@pytest.mark.parametrize("name", NOTATIONS)
def test_names_of_a_network_are_all_different(name):
    for seed in range(12):
        case = random_case(seed, rows=1)
        names = Names(NOTATIONS[name], case.network.graph)
        written = [names.name(sym, index) for sym, index in everything(names)]
        assert len(set(written)) == len(written)


@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        ("matrix", "W⁽¹⁾₂₁ W⁽²⁾₁₃ a⁽¹⁾₂ z⁽²⁾₃ δ⁽³⁾₁ ∂J/∂W⁽¹⁾₂₁"),
        ("graph", "Θ¹₂₁ Θ²₁₃ a¹₂ z²₃ δ³₁ Θ′¹₂₁"),
        ("delta-rule", "w⁽²⁾₁₂ w⁽³⁾₃₁ t⁽¹⁾₂ u⁽²⁾₃ δ⁽³⁾₁ ∂E/∂w⁽²⁾₁₂"),
        ("scalar", "V12 W31 X2 H3 ∂E/∂Q1 ∂E/∂V12"),
        ("index", "w⁽¹⁾₂₁ w⁽²⁾₁₃ a⁽¹⁾₂ z⁽²⁾₃ δ⁽³⁾₁ ∂J/∂w⁽¹⁾₂₁"),
    ],
)
def test_the_five_texts_name_the_same_entries_as_they_do_in_print(notation, expected):
    names = Names(NOTATIONS[notation], S3.graph)
    entries = [("W1", (1, 0)), ("W2", (0, 2)), ("a1", (1,)), ("z2", (2,)), ("delta3", (0,)),
               ("dJ/dW1", (1, 0))]  # fmt: skip
    assert " ".join(names.name(*entry) for entry in entries) == expected


def test_a_text_s_number_names_its_notation():
    for source, name in zip(("S0", "S1", "s2", "S3", "S4"), NOTATIONS, strict=True):
        assert find_notation(source) is NOTATIONS[name]
    with pytest.raises(SettingError, match="there is no notation 'S5'; there are 'matrix'"):
        find_notation("S5")


def test_our_own_names_are_understood_in_every_notation_and_counted_from_1():
    for notation in NOTATIONS.values():
        assert Names(notation, S3.graph).parse("W2[1,3]") == ("W2", (0, 2))


def test_what_arrives_is_numbered_one_higher_by_s1():
    assert Names(NOTATIONS["graph"], S3.graph).name("Delta2", (0,)) == "Δ³₁"


def test_source_first_matrices_are_turned_and_nothing_else():
    W = np.arange(6.0).reshape(3, 2)
    assert (Names(NOTATIONS["scalar"], S3.graph).oriented("W1", W) == W.T).all()
    assert (Names(NOTATIONS["matrix"], S3.graph).oriented("W1", W) == W).all()
    assert (Names(NOTATIONS["scalar"], S3.graph).oriented("a2", W) == W).all()


@pytest.mark.parametrize(
    ("text", "hint"),
    [("V41", "last entry is V23"), ("Z11", "there are|did you mean"), ("W1[3,3]", r"W1\[3,2\]")],
)
def test_a_name_that_does_not_exist_is_refused_with_the_nearest(text, hint):
    with pytest.raises(GraphError, match=hint):
        Names(NOTATIONS["scalar"], S3.graph).parse(text)


def test_an_unknown_notation_suggests_the_nearest():
    with pytest.raises(SettingError, match="did you mean 'matrix'"):
        find_notation("matrx")


def test_a_notation_of_ones_own_comes_from_toml(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('base = "index"\ntarget_index = "p"\n[symbols]\nW = "A"\n', "utf-8")
    mine = find_notation(str(file))
    assert (mine.name, mine.symbols["W"], mine.level) == ("mine", "A", "index")
    assert mine.symbols["z"] == "z"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("level = 'metrix'", "did you mean 'matrix'"),
        ("levl = 'matrix'", "did you mean 'level'"),
        ("level = 3", "wrong type"),
        ("level =", "no TOML"),
        ("[symbols]\nWW = 'A'", "role 'WW'"),
        ("bias_view = 'column'\norientation = 'source-first'", "target-first"),
        ("base = ['matrix']", r"base = \['matrix'\]; there are"),
        ("base = 'matrix'\nsizes = 1", "sizes = 1 has the wrong type; give true or false"),
        ("base = 'matrix'\nsymbols = 1", "symbols = 1 has the wrong type; give a table"),
        ("base = 'matrix'\n[symbols]\nW = 'b'", "symbols.W and symbols.b are both 'b'; give each"),
        ("base = 'scalar'\n[hidden]\nz = 'V'", "hidden.W and hidden.z are both 'V'; give each"),
        ("[symbols]\nW = ''", "symbols.W = ''; give letters alone.*only symbols.delta"),
        ("[symbols]\nW = 3", "symbols.W = 3; give letters"),
        (r"[symbols]" + "\n" + r'W = "\n"', r"symbols.W = '\\n'; give letters"),
        (r"[symbols]" + "\n" + r'W = "W\u0007"', "symbols.W = .*; give letters"),
        (r'title = "a\u001b[31m"', "title = .*; give text of one line"),
        ("[offsets]\nW = true", "offsets.W = True; give a whole number from -1 to 99"),
        ("[offsets]\nW = -5", "offsets.W = -5; give a whole number from -1 to 99"),
        ("[offsets]\nW = 99999999999999999999", "offsets.W = 9+; give a whole number"),
        ("[offsets]\nW = 1.0", "offsets.W = 1.0; give a whole number"),
        ("[hidden]\nWW = 'A'", "hidden names the role 'WW'; did you mean 'W'"),
        ("[output]\nq = 'A'", "output names the role 'q'; there are"),
        (
            "target_index = 'i'\nsource_index = 'i'",
            "target_index = source_index = 'i'; give the two",
        ),
        ("target_index = 's'", "target_index = 's'; give one letter"),
        ("target_index = 'ij'", "target_index = 'ij'; give one letter"),
        ("target_index = ''", "target_index = ''; give letters"),
        ("connection = '$'", r"connection = '\$'; give letters"),
    ],
)
def test_a_wrong_notation_file_is_refused_in_one_sentence(tmp_path, text, hint):
    file = tmp_path / "n.toml"
    file.write_text(text, "utf-8")
    with pytest.raises((SettingError, FileError), match=hint):
        find_notation(str(file))


def test_a_notation_in_python_is_held_to_the_same_rules():
    for given, hint in (
        ({"symbols": {"W": "b"}}, "symbols.W and symbols.b"),
        ({"symbols": ["W"]}, "symbols = .*give a table"),
        ({"sizes": 1}, "sizes = 1; give true or false"),
        ({"offsets": {"W": True}}, "offsets.W = True"),
        ({"target_index": 3}, "target_index = 3; give letters"),
    ):
        with pytest.raises(SettingError, match=hint):
            Notation("mine", **given)


def test_layers_may_be_counted_from_0_and_letters_may_have_accents():
    offsets = dict.fromkeys(("W", "b", "z", "a", "delta"), -1)
    mine = Notation("mine", symbols={"W": "w\u0302", "delta": ""}, offsets=offsets)
    names = Names(mine, S3.graph)
    assert names.name("W1", (1, 0)) == "w\u0302⁽⁰⁾₂₁"
    assert names.name("z2", (2,)) == "z⁽¹⁾₃"
    assert names.name("delta2", (2,)) == "∂J/∂z⁽¹⁾₃"


def test_the_rosetta_table_shows_one_number_under_five_names(capsys):
    assert main(["notation"]) == 0
    text = capsys.readouterr().out
    line = next(one for one in text.splitlines() if "V12" in one)
    assert all(name in line for name in ("W⁽¹⁾₂₁", "Θ¹₂₁", "w⁽²⁾₁₂", "V12", "w⁽¹⁾₂₁"))


def test_the_rosetta_numbers_are_the_networks(capsys):
    assert main(["notation", "--json"]) == 0
    rows = {r["symbol"]: r for r in json.loads(capsys.readouterr().out)["quantities"]}
    z = rows["z2"]["value"]
    assert rows["a2"]["value"] == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-12)
    assert rows["dJ/dW1"]["value"] != 0


def test_only_a_chain_is_called_by_its_sizes(tmp_path, capsys):
    x, k = cp.Input(2), cp.Input(levels=4)
    h = cp.Dense(2, "tanh")(x)
    forked = cp.Network(inputs=x, outputs=cp.Dense(3)(h + x))
    looked_up = cp.Network(inputs=[k, x], outputs=cp.Dense(1)(cp.concat(cp.Embedding(2)(k), x)))
    assert repr(forked) == "<Network graph of 2 layers, 2 → 3, 15 parameters>"
    assert repr(looked_up) == "<Network graph of 2 layers, index + 2 → 1, 13 parameters>"
    assert repr(cp.Network("2-2-3-2", dropout=0.1)) == "<Network 2-2-3-2, 23 parameters>"
    for network, title in ((forked, "a graph of 2 layers"), (cp.Network("2-2-3"), "2-2-3")):
        file = tmp_path / "net.json"
        file.write_text(network.to_json(), "utf-8")
        assert main(["notation", str(file)]) == 0
        first = capsys.readouterr().out.splitlines()[0]
        assert first == f"The same numbers in 5 notations: {title}, one sample"


def test_a_user_notation_writes_a_networks_steps():
    mine = Notation(
        "mine", level="index", symbols={"W": "A", "delta": "e"}, orientation="source-first"
    )
    d = cp.derive(S3, mine, S3.initial(0), [[0.1, 0.2]], [[1.0, 0.0]])
    assert d.verify().passed
    assert "∂J/∂A⁽¹⁾" in d.text()


# -- the pages that say what stands in the files ------------------------------------------------
def page(name, kind):
    text = (Path(__file__).parents[1] / "docs" / name).read_text("utf-8")
    return text, re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def test_the_page_of_notations_has_every_key_and_every_word(tmp_path):
    text, examples = page("notation.md", "toml")
    keys = {entry.name for entry in fields(Notation)} | {"base"}
    listed = {
        key
        for line in text.splitlines()
        if line.startswith("| `") and line.count("|") == 4
        for key in re.findall(r"`\[?(\w+)\]?`", line.split("|")[1])
    }
    assert keys <= listed
    for words in CHOICES.values():
        assert all(word in ("", "·") or f"`{word}`" in text for word in words)
    assert all(f"`{role}`" in text for role in SYMBOLS)
    assert set(tomllib.loads(examples[-1])) == keys
    for number, example in enumerate(examples):
        file = tmp_path / f"n{number}.toml"
        file.write_text(example, "utf-8")
        mine = find_notation(str(file))
        d = cp.derive(S3, mine, S3.initial(0), [[0.1, 0.2]], [[1.0, 0.0]])
        assert d.verify().passed
    assert Names(mine, S3.graph).name("W1", (2, 0)) == "U13"


def test_the_page_of_networks_has_every_key_and_loads():
    text, (example,) = page("networks.md", "json")
    net = cp.Network.from_json(example)
    made = {"cp": cp}
    exec(page("networks.md", "python")[1][0], made)
    assert made["net"].to_json() == net.to_json()
    for key in (*Graph.FIELDS, "value", "key", "width", "levels", "op", "params", "attrs"):
        assert f"`{key}`" in text, key
    for row in TABLE.rows():
        assert f"`{row.name}`" in text, row.name
        for attr in row.attrs:
            assert f"`{attr.name}`" in text, (row.name, attr.name)


@pytest.mark.parametrize("name", NOTATIONS)
def test_a_derivative_is_understood_by_any_name_of_the_cost_and_of_the_weight(name):
    names = Names(NOTATIONS[name], S3.graph)
    own = names.notation.symbols["J"]
    for weight in ("W1[2,1]", names.name("W1", (1, 0))):
        for by in ("∂J/∂", f"∂{own}/∂", f"d{own}/d", "dJ/d", "∂E_total/∂", "∂Eₜₒₜₐₗ/∂"):
            assert names.parse(by + weight) == ("dJ/dW1", (1, 0))
    for wrong in ("∂H1/∂W1[1,1]", "∂J/∂a2[1]", "∂J/∂", "∂J/∂∂J/∂"):
        with pytest.raises(GraphError, match="the network has no '∂"):
            names.parse(wrong)
    with pytest.raises(GraphError, match=r"the network has no 'W1\[9,9\]': "):
        names.parse("∂J/∂W1[9,9]")


# -- the Chinese words of each text ---------------------------------------------------------------
@pytest.mark.parametrize(("name", "cost", "delta", "weight"), [
    ("matrix", "目标函数", "残差", "权重"), ("graph", "损失函数", "误差", "权重"),
    ("delta-rule", "损失函数", "误差", "权值"), ("scalar", "损失函数", "误差", "权重"),
    ("index", "代价函数", "残差", "权重"),
])  # fmt: skip
def test_a_chinese_page_speaks_its_text_s_own_words(name, cost, delta, weight):
    page = cp.derive(S3, name, language="zh").text()
    assert f"\n{cost}\n──" in page
    assert f"输出层的{delta} " in page
    assert f"每个神经元把到达的信号按{weight}求和" in page
    for others, own in (
        (("目标函数", "损失函数", "代价函数"), cost),
        (("权重", "权值"), weight),
        (("残差",), delta),
    ):
        assert not any(other in page for other in others if other != own)


def test_a_notation_of_ones_own_has_chinese_words_of_its_own(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "index"\n[chinese]\ndelta = "敏感度"\n', "utf-8")
    page = cp.derive(S3, str(mine), language="zh").text()
    assert "输出层的敏感度 δ" in page and "\n代价函数\n──" in page and "残差" not in page
    for key, given, said in (
        ("bias", '"阈值"', "chinese names the role 'bias'"),
        ("cost", "1", "chinese.cost"),
        ("cost", '"两\\n行"', "chinese.cost"),
    ):
        mine.write_text(f"[chinese]\n{key} = {given}\n", "utf-8")
        with pytest.raises(SettingError, match=re.escape(said)):
            find_notation(str(mine))


def test_the_letter_of_an_index_is_that_of_no_quantity():
    with pytest.raises(SettingError, match=r"target_index and symbols\.m are both 'm'"):
        Notation("mine", target_index="m")


@pytest.mark.parametrize(("text", "chinese"), [
    (b'name = "a"\nlevel =\n', "第 2 行第 8 列不合语法"),
    (b'name = "a\xff"\n', "文件不是 UTF-8 文字"), (b"[symbols\n", "第 1 行第 9 列不合语法"),
    (b"a = [1,\n", "读到文件末尾，仍不合语法"),
])  # fmt: skip
def test_what_is_no_toml_is_refused_with_its_place_in_chinese_too(tmp_path, text, chinese):
    file = tmp_path / "mine.toml"
    file.write_bytes(text)
    with pytest.raises(FileError, match=r"mine.toml is no TOML: .") as caught:
        find_notation(str(file))
    said = caught.value.args[0].speak("zh")
    assert said.endswith(f" 不是 TOML：{chinese}")


# -- what no page could print, or would read as its own ------------------------------------------
@pytest.mark.parametrize("word", ["<b>", "a&b", r"\input", "}{", "", "   ", "词" * 21, 1, None])
def test_a_chinese_word_is_letters_alone(word):
    with pytest.raises(SettingError, match=r"chinese\.cost = .*give a word of 1 to 20 letters"):
        Notation("mine", chinese={"cost": word})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"connection": "w", "symbols": {"W": "w"}}, "connection and symbols.W are both 'w'"),
        ({"connection": "i"}, "target_index and connection are both 'i'"),
        ({"symbols": {"f": "x"}}, "symbols.f = 'x'; give another letter: functions are written"),
        ({"symbols": {"f": "e"}}, "symbols.f = 'e'; give another letter"),
        ({"symbols": {"W": "W" * 21}}, "symbols.W = .*; give letters alone, 20 at most"),
    ],
)
def test_a_letter_means_one_thing(given, said):
    with pytest.raises(SettingError, match=said):
        Notation("mine", **given)


ODD = [np.float64(1), np.array([1, 2]), 10**5000, b"W", object()]


@pytest.mark.parametrize("odd", ODD, ids=type)
def test_values_of_any_kind_are_refused_in_one_line(odd):
    given = [{key: odd} for key in (*CHOICES, "connection", "target_index", "name", "sizes")]
    roles = {"symbols": "W", "hidden": "z", "output": "a", "offsets": "W", "chinese": "cost"}
    given += [{table: {role: odd}} for table, role in roles.items()]
    for one in given:
        with pytest.raises(SettingError) as caught:
            Notation(**{"name": "mine", **one})
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "[offsets]\nW = " + "9" * 5000])
def test_a_file_too_deep_or_too_long_is_no_notation(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(FileError, match=r"mine\.toml is no TOML: it is nested too deep") as caught:
        find_notation(str(file))
    assert caught.value.args[0].speak("zh").endswith("不是 TOML：嵌套过深，或数的位数过多")


def test_a_name_of_thousands_of_signs_is_refused_in_one_line():
    for text in ("W1[" + "9" * 5000 + ",1]", "V" * 5000):
        with pytest.raises(GraphError, match=r"the network has no '.{50,60}\.\.\.'?; ") as caught:
            Names(NOTATIONS["scalar"], S3.graph).parse(text)
        assert len(str(caught.value)) < 300


# -- a bias that is a column ----------------------------------------------------------------------
def test_an_entry_of_the_constant_s_column_is_the_bias():
    names = Names(NOTATIONS["graph"], cp.Network("2-3-2").graph)
    for unit in range(3):
        assert names.name("b1", (unit,)) == f"Θ¹{'₁₂₃'[unit]}₃"
        assert names.parse(names.name("b1", (unit,))) == ("b1", (unit,))
        assert names.name("dJ/db1", (unit,)) == f"Θ′¹{'₁₂₃'[unit]}₃"
    shared = Names(NOTATIONS["graph"], S3.graph)
    assert shared.parse("Θ¹₂₃") == ("b1", ())
    with pytest.raises(GraphError, match=r"Θ¹₃₃ has the shape \(3, 3\), its last entry is Θ¹₃₃;"):
        names.parse("Θ¹₄₃")
    with pytest.raises(GraphError, match=r"V has the shape \(2, 3\), its last entry is V23; did"):
        Names(NOTATIONS["scalar"], S3.graph).parse("V41")
