"""``clearprop derive`` as people and programs use it: data, models, exit codes, sentences."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest

import clearprop as cp
from clearprop.cli import main
from clearprop.derivation import NOTATIONS
from clearprop.derivation.command.calls import random_numbers
from clearprop.words import width


def run(line, capsys):
    code = main(line.split() if isinstance(line, str) else line)
    found = capsys.readouterr()
    return code, found.out, found.err


def values(text, kind="forward"):
    """The arrays a derivation in JSON shows, by the step's id."""
    return {
        step["id"]: step["equations"][0]["value"]
        for step in json.loads(text)["steps"]
        if step["kind"] == kind
    }


# -- data ---------------------------------------------------------------------------------------
def test_all_rows_of_a_table_are_a_batch_and_one_row_is_a_sample(tmp_path, capsys):
    file = tmp_path / "d.csv"
    file.write_text("a,b,c,d\n0.1,0.2,1,0\n0.3,0.4,0,1\n", "utf-8")
    code, text, _ = run(["derive", "2-3-2", "--data", str(file)], capsys)
    assert code == 0
    assert "sample 1 of 2" in text and "(1/m)" in text
    code, text, _ = run(["derive", "2-3-2", "--data", str(file), "--row", "2", "--json"], capsys)
    assert code == 0
    assert values(text)["a1"] == [0.3, 0.4]
    assert "1/m" not in text


def test_the_target_may_stand_anywhere_and_classes_may_be_words(tmp_path, capsys):
    file = tmp_path / "d.csv"
    file.write_text("kind,a,b\ncat,1,2\ndog,3,4\nowl,5,6\n", "utf-8")
    line = ["derive", "2-4-3", "--cost", "cross_entropy", "--data", str(file), "--target", "kind"]
    code, text, _ = run([*line, "--row", "3", "--json"], capsys)
    assert code == 0
    found = values(text)
    assert found["a1"] == [5.0, 6.0]
    share = np.asarray(found["a3"])
    cost = values(text, "cost")["J"]
    assert cost == pytest.approx(-np.log(share[2]), rel=1e-12)  # owl is the third


def test_any_table_that_train_reads_will_do(tmp_path, capsys):
    file = tmp_path / "d.jsonl"
    file.write_text('{"a": 1, "b": 2, "y": 0.5}\n{"a": 3, "b": 4, "y": 0.25}\n', "utf-8")
    code, text, _ = run(["derive", "2-3-1", "--data", str(file), "--row", "2", "--json"], capsys)
    assert code == 0
    assert values(text)["a1"] == [3.0, 4.0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    r = np.random.default_rng(2)
    rows = ["colour,size,kind"]
    for _ in range(60):
        size = r.normal()
        rows.append(f"{r.choice(['red', 'blue'])},{size:.3f},{'big' if size > 0 else 'small'}")
    data = folder / "t.csv"
    data.write_text("\n".join(rows) + "\n", "utf-8")
    model = cp.train_table(str(data), "kind", hidden=[3], members=1, epochs=2)
    model.save(folder / "t.clearprop")
    return model, folder / "t.clearprop", data


def test_a_model_is_derived_with_its_own_parameters_and_encoding(trained, capsys):
    model, file, data = trained
    line = ["derive", str(file), "--data", str(data), "--row", "7", "--json"]
    code, text, _ = run(line, capsys)
    assert code == 0
    seventh = data.read_text("utf-8").splitlines()[7].split(",")
    column = {"colour": [seventh[0]], "size": [float(seventh[1])]}
    expected = model.predict_probabilities(column)[0]
    found = values(text)
    shown = np.asarray(found[model.network.graph.outputs[0]])
    share = shown if len(shown) > 1 else np.array([1 - shown[0], shown[0]])
    assert share == pytest.approx(expected, abs=1e-5)


def test_a_model_without_data_has_its_own_parameters_and_random_inputs(trained, capsys):
    _, file, _ = trained
    code, text, _ = run(["derive", str(file), "--json", "--weight", "W1[2,1]"], capsys)
    assert code == 0
    assert json.loads(text)["verified"] is True
    code, text, _ = run(["derive", str(file)], capsys)
    assert code == 0
    assert "random" in text
    assert "the model itself was trained by adam (learning_rate 0.001)" in " ".join(text.split())


@pytest.mark.parametrize("rate", [0.5, 0.125])
def test_the_step_is_as_long_as_its_rate(rate, capsys):
    more = [] if rate == 0.5 else ["--learning-rate", str(rate)]
    _, text, _ = run(["derive", "2-3-2", "--json", *more], capsys)
    before = random_numbers(cp.Network("2-3-2"), 0, 1)[0]["W1"]
    gradient = np.asarray(values(text, "gradient")["dJ/dW1"])
    assert np.asarray(values(text, "update")["W1:="]) == pytest.approx(
        before - rate * gradient, rel=1e-12
    )


@pytest.mark.parametrize("told", [{}, None, "adam", {"name": None}, {"name": ["x"]}])
def test_a_model_that_does_not_say_its_optimizer_is_derived_all_the_same(
    told, trained, tmp_path, capsys
):
    model = cp.load(trained[1])
    model.provenance["optimizer"] = told
    model.save(tmp_path / "m.clearprop")
    code, text, said = run(["derive", str(tmp_path / "m.clearprop")], capsys)
    assert (code, said) == (0, "")
    assert "trained by" not in text


def test_a_terminal_of_billions_of_columns_has_help_of_the_usual_width(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "99999999999")
    code, text, _ = run("derive --help", capsys)
    assert code == 0
    assert max(map(width, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "text"),
    [("t.csv", "a,b\n1,2\n"), ("t.jsonl", '{"a": 1}\n{"a": 2}\n'), ("t.json", '[{"a": 1}]')],
)
def test_a_table_in_place_of_a_network_is_told_where_it_goes(name, text, tmp_path, capsys):
    file = tmp_path / name
    file.write_text(text, "utf-8")
    for language, said in (("en", "gives a chain its numbers"), ("zh", "表须先训练")):
        code, out, told = run(["derive", str(file), "--language", language], capsys)
        assert (code, out) == (1, "")
        assert said in told and f"clearprop train {file} --target COLUMN" in told
        assert len(told.strip().splitlines()) == 1


def test_a_text_s_number_derives_what_its_notation_does(capsys):
    pages = [
        run(f"derive 2-3-2 --notation {name} --weight V11", capsys) for name in ("S3", "scalar")
    ]
    assert pages[0] == pages[1]
    assert "b1" in pages[0][1] and "(35)" in pages[0][1]


# -- wrong use ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "code", "hint"),
    [
        ("derive 2-3-2 --weight V11", 2, "say W1[1,1], or take the notation 'scalar'"),
        ("derive 2-3-2 --notation scalar --weight V31", 2, "its last entry is V23"),
        ("derive 2-3-2 --notation scalar --weight v21", 2, "did you mean 'V21'"),
        ("derive 2-3-2 --weight H1", 2, "no 'H1'; there are 'W⁽¹⁾₁₁'"),
        ("derive 2-3-2 --weight W⁽¹⁾₁₉", 2, "its last entry is"),
        ("derive 2-3-2 --notation scalar --weight V14", 2, "its last entry is"),
        ("derive 2-2-2-2 --notation scalar --weight V12", 2, "say W1[2,1] or W2[2,1]"),
        ("derive 2-3-2 --notation indx", 2, "did you mean 'index'"),
        ("derive 2-3-2 --wieght V11", 2, "no such option: --wieght: did you mean '--weight'?"),
        ("derive 2-3-2 --learning-rate 0", 2, "learning_rate = 0.0; give a number above 0"),
        ("derive 2-3-2 --language fr", 2, "there are 'en', 'zh'"),
        ("derive 2-x-2", 2, "is no network"),
        ("derive 2-0-2", 2, "1 or more"),
        ("derive 2", 2, "written like 2-3-2"),
        ("derive nothing.json", 1, "nothing.json"),
        ("derive 2-3-2 --format pdf", 2, "no format 'pdf'"),
        ("derive 2-3-2 --cost squared_eror", 2, "did you mean 'squared_error'"),
        ("derive 2-3-2 --activation sigmod", 2, "did you mean 'sigmoid'"),
        ("derive 2-3-2 --bias many", 2, "bias"),
        ("derive 2-3-2 --l2 -1", 2, "l2"),
        ("derive 2-3-2 --expand", 2, "--weight"),
        ("derive 2-3-2 --shown 3", 2, "say which weight with --weight"),
        ("derive 2-3-2 --weight W1[1,1] --shown 0", 2, "shown"),
        ("derive 2-3-2 --row 2", 2, "--data"),
        ("derive 2-3-2 --row 0", 2, "row"),
        ("derive 2-3-2 --digits 0", 2, "digits"),
        ("derive 784-512-10 --weight W1[1,1] --expand", 2, "more than 400 equations"),
        ("derive 6-9-9-9-4 --weight W1[1,1] --expand", 2, "too large to multiply out"),
        ("derive 2-3-2 -o /nowhere/at/all.html", 1, "/nowhere"),
        ("derive 2-3-2 -o page.html/", 1, "cannot write page.html/: it is a folder; choose"),
        ("derive 2-3-2 --data nothing.csv", 1, "nothing.csv"),
        ("derive 2-3-2 --notation nothing.toml", 1, "nothing.toml"),
        ("notation --language fr", 2, "there are 'en', 'zh'"),
        ("notation 2-x", 2, "is no network"),
    ],
)  # fmt: skip
def test_a_wrong_command_ends_in_one_sentence(line, code, hint, capsys):
    found, out, said = run(line, capsys)
    assert out == ""
    assert hint in said
    assert len(said.strip().splitlines()) == 1
    assert found == code


@pytest.mark.parametrize(
    ("rows", "more", "hint"),
    [
        ("1,2,3\n4,5,6", "", "has 3 columns; the network needs 2 of inputs and then 2 of targets"),
        ("a,b,c,d\n1,2,x,4", "", "'c'"),
        ("a,b,c,d\n1,2,,4\n1,2,3,4", "", "row 1: column 'c' has no value"),
        ("a,b,c,d\n1,2,3,4", "--row 2", "there is no row 2"),
        ("a,b,c,d\n1,2,3,4", "--target e", "no column 'e'"),
    ],
)
def test_data_that_do_not_fit_are_refused_in_one_sentence(rows, more, hint, tmp_path, capsys):
    file = tmp_path / "d.csv"
    file.write_text(rows + "\n", "utf-8")
    code, _, said = run(["derive", "2-3-2", "--data", str(file), *more.split()], capsys)
    assert code == 1
    assert hint in said
    assert len(said.strip().splitlines()) == 1


def test_a_table_of_many_rows_asks_for_one(tmp_path, capsys):
    file = tmp_path / "d.csv"
    file.write_text("a,b,c,d\n" + "1,2,3,4\n" * 1001, "utf-8")
    code, _, said = run(["derive", "2-3-2", "--data", str(file)], capsys)
    assert code == 1 and "--row" in said
    assert run(["derive", "2-3-2", "--data", str(file), "--row", "1001"], capsys)[0] == 0


def test_a_file_says_its_own_functions(tmp_path, capsys):
    file = tmp_path / "n.json"
    file.write_text(cp.Network("2-3-1", "tanh").to_json(), "utf-8")
    assert run(["derive", str(file), "--verify"], capsys)[0] == 0
    code, _, said = run(["derive", str(file), "--activation", "relu"], capsys)
    assert code == 2 and "--activation belongs to a chain" in said
    file.write_text("{", "utf-8")
    code, _, said = run(["derive", str(file)], capsys)
    assert code == 1 and "no JSON" in said


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("symbols = [", "is no TOML"),
        ('levl = "matrix"', "did you mean 'level'"),
        ('level = "matrx"', "did you mean 'matrix'"),
        ("level = 3", "wrong type"),
        ('base = "grph"', "did you mean 'graph'"),
        ('[symbols]\nWW = "A"', "names the role 'WW'"),
        ("[symbols]\nW = 3", "give letters alone"),
        ("[offsets]\nW = 'one'", "give a whole number from -1 to 99"),
        ("base = 3", "base = 3"),
    ],
)
def test_a_broken_notation_is_refused_in_one_sentence(content, hint, tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text(content + "\n", "utf-8")
    code, _, said = run(["derive", "2-3-2", "--notation", str(file)], capsys)
    assert hint in said
    assert code in (1, 2)
    assert len(said.strip().splitlines()) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_notation_behind_a_pipe_is_refused_and_not_waited_for(tmp_path):
    pipe = tmp_path / "mine.toml"
    os.mkfifo(pipe)
    codes = []
    job = threading.Thread(
        target=lambda: codes.append(main(["derive", "2-3-2", "--notation", str(pipe)])),
        daemon=True,
    )
    job.start()
    job.join(20)
    assert codes == [1]


def test_a_derivation_that_does_not_verify_exits_3_and_says_so_first(capsys, monkeypatch):
    from clearprop.derivation.steps import writing

    kept = writing.minus
    monkeypatch.setattr(writing, "minus", lambda body: body)  # every sign is lost
    code, text, _ = run("derive 2-3-2", capsys)
    assert code == 3
    assert text.startswith("THIS DERIVATION DOES NOT VERIFY: (1) The function f = sigmoid differs")
    for shape in ("latex", "html", "json"):
        code, text, _ = run(f"derive 2-3-2 --format {shape}", capsys)
        assert code == 3
        assert ("DOES NOT VERIFY" in text) or json.loads(text)["verified"] is False
    monkeypatch.setattr(writing, "minus", kept)
    assert run("derive 2-3-2", capsys)[0] == 0


# -- how it looks ---------------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_text_fits_80_columns(notation, language, capsys):
    for line in (f"derive 2-3-2 --language {language} --notation {notation}",
                 f"derive 4-5-3 --cost cross_entropy --l2 0.1 --language {language} "
                 f"--notation {notation} --weight W1[2,1] --expand"):  # fmt: skip
        code, text, _ = run(line, capsys)
        assert code == 0
        assert [one for one in text.splitlines() if width(one) > 80] == []


def test_same_seed_same_page(capsys):
    first = run("derive 2-3-2", capsys)
    assert first == run("derive 2-3-2", capsys)
    assert first != run("derive 2-3-2 --seed 1", capsys)


def test_a_page_is_written_whole(tmp_path, capsys):
    file = tmp_path / "page.html"
    line = ["derive", "2-3-2", "--format", "html", "-o", str(file)]
    assert run(line, capsys) == (0, "", f"saved {file}\n")
    assert file.read_text("utf-8").endswith("</html>\n")
    assert run(line, capsys)[0] == 0  # a page of ours is made anew


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("p.html", "<!doctype html>"),
        ("p.HTM", "<!doctype html>"),
        ("p.tex", "\\documentclass"),
        ("p.json", "{"),
        ("p.txt", "Back-propagation"),
        ("p", "Back-propagation"),
    ],
)
def test_the_name_of_the_file_says_the_format(name, begins, tmp_path, capsys):
    file = tmp_path / name
    for language in ("en", "en", "zh", "en"):  # each page may be replaced by the next
        line = ["derive", "2-3-2", "-o", str(file), "--language", language]
        assert run(line, capsys)[0] == 0
    assert file.read_text("utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ("-o p.html --format text", "--format text"),
        ("-o p.tex --json", "--json"),
        ("-o p.json --format html", "--format html"),
        ("-o p.txt --format latex", "--format latex"),
        ("--format html --json", "--format html"),
        ("-o p.pdf", "'.pdf'"),
    ],
)
def test_a_name_and_a_format_that_contradict_are_refused(
    options, hint, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, out, said = run(f"derive 2-3-2 {options}", capsys)
    assert (code, out) == (2, "")
    assert hint in said and len(said.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_is_never_replaced(trained, tmp_path, capsys):
    data, net, mine = tmp_path / "d.csv", tmp_path / "n.json", tmp_path / "mine.toml"
    model = tmp_path / "t.clearprop"
    data.write_text("a,b,c,d\n1,2,3,4\n", "utf-8")
    net.write_text(cp.Network("2-3-2", "tanh").to_json(), "utf-8")
    mine.write_text('base = "graph"\n', "utf-8")
    model.write_bytes(trained[1].read_bytes())
    for read, line in ((data, ["derive", "2-3-2", "--data", str(data)]),
                       (net, ["derive", str(net)]),
                       (model, ["derive", str(model)]),
                       (mine, ["derive", "2-3-2", "--notation", str(mine)])):  # fmt: skip
        before = read.read_bytes()
        for more in ([], ["--overwrite"]):
            code, out, said = run([*line, "-o", str(read), *more], capsys)
            assert (code, out) == (2, "")
            assert "would replace" in said and len(said.strip().splitlines()) == 1
        assert read.read_bytes() == before


def test_what_is_no_page_is_replaced_only_if_asked(tmp_path, capsys):
    file = tmp_path / "thesis.tex"
    file.write_text("three years of work", "utf-8")
    code, out, said = run(["derive", "2-3-2", "-o", str(file)], capsys)
    assert (code, out) == (1, "")
    assert "--overwrite" in said and file.read_text("utf-8") == "three years of work"
    assert run(["derive", "2-3-2", "-o", str(file), "--overwrite"], capsys)[0] == 0
    assert file.read_text("utf-8").startswith("\\documentclass")


def test_a_hyphen_is_the_screen(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("derive 2-3-2 -o -", capsys) == run("derive 2-3-2", capsys)
    assert list(tmp_path.iterdir()) == []


def test_the_excerpt_in_the_readme_is_what_is_printed(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (line, excerpt) = re.search(r"\$ clearprop (derive .*)\n…\n([^`]*)```", readme).groups()
    code, text, _ = run(line, capsys)
    assert code == 0
    # How far it is off in the last bits is the machine's.
    figures = re.compile(r"\b\d+e-\d+\b")
    assert figures.sub("…", text).endswith(figures.sub("…", excerpt))


def test_a_page_says_where_its_numbers_come_from(trained, tmp_path, capsys):
    _, model, table = trained
    file = tmp_path / "d.csv"
    file.write_text("a,b,c,d\n1,2,3,4\n1,2,3,4\n", "utf-8")
    for line, said in (
        (["2-3-2"], "numbers: random, seed 0"),
        ([str(model)], "parameters: the model's; X and Y: random, seed 0"),
        (["2-3-2", "--data", str(file), "--row", "2"], "d.csv, row 2"),
        (["2-3-2", "--data", str(file)], "parameters: random, seed 0; X and Y:"),
        ([str(model), "--data", str(table), "--row", "2"], "encoded and standardised as in"),
    ):
        code, text, _ = run(["derive", *line], capsys)
        assert code == 0
        assert said in " ".join(text[:600].split())


@pytest.mark.parametrize("format", ["text", "latex", "html"])
def test_signs_in_names_that_move_the_cursor_are_shown_and_not_sent(format, tmp_path, capsys):
    file = tmp_path / "d\x1b[2J.csv"
    file.write_text("a\x1b[31mred,b\u202ez,c,d\n1,2,0.3,0.4\n", "utf-8")
    code, text, _ = run(["derive", "2-3-2", "--data", str(file), "--format", format], capsys)
    assert code == 0
    assert "\x1b" not in text and "\u202e" not in text
    assert "x1b[31mred" in text and "u202ez" in text and "x1b[2J.csv" in text


def test_only_a_chain_is_called_by_its_sizes():
    x = cp.Input(3)
    h = cp.Dense(3, "tanh")(x)
    graph = cp.Network(inputs=x, outputs=cp.Dense(1)(h + x), cost="squared_error")
    assert cp.derive(graph).title == "Back-propagation of a graph of 2 layers, derived"
    assert cp.derive(cp.Network("2-3-2")).title == "Back-propagation of 2-3-2, derived"


def test_the_columns_behind_the_inputs_and_the_target_are_named(trained, tmp_path, capsys):
    _, model, table = trained
    file = tmp_path / "d.csv"
    file.write_text("kind,length,width\nowl,1,2\ncat,1,2\ndog,3,4\n", "utf-8")
    classes = ["2-3", "--cost", "cross_entropy", "--target", "kind", "--data", str(file)]
    wide = tmp_path / "w.csv"
    wide.write_text(
        ",".join(f"c{i}" for i in range(21)) + "\n" + ",".join("1" * 21) + "\n", "utf-8"
    )
    for line, said in (
        (classes,
         "columns: a⁽¹⁾₁ length, a⁽¹⁾₂ width; y₁ kind=cat, y₂ kind=dog, y₃ kind=owl"),
        ([*classes, "--notation", "scalar"],
         "columns: X1 length, X2 width; Y1 kind=cat"),
        (["20-1", "--data", str(wide)],
         "₆ c5, …, a⁽¹⁾₂₀ c19; y₁ c20"),
        ([str(model), "--data", str(table), "--row", "2"],
         "columns: a⁽¹⁾₁ colour=blue, a⁽¹⁾₂ colour=red, a⁽¹⁾₃ size; y₁ kind=big, y₂ kind=small"),
        ([str(model), "--language", "zh"], "列：a⁽¹⁾₁ colour=blue"),
    ):  # fmt: skip
        code, text, _ = run(["derive", *line], capsys)
        assert code == 0
        assert said in " ".join(text[:900].split()), text[:900]
    code, text, _ = run(["derive", *classes, "--json"], capsys)
    assert json.loads(text)["columns"] == {
        "a1": ["length", "width"], "y": ["kind=cat", "kind=dog", "kind=owl"]
    }  # fmt: skip
    code, text, _ = run(["derive", "2-3-2", "--json"], capsys)
    assert json.loads(text)["columns"] == {}
