"""The command: what it prints, its exit codes, what it refuses."""

from __future__ import annotations

import html
import json
import re

import pytest
from checked_files import CHAIN, written

import clearprop as cp
from clearprop.checking import (
    check_command,
    check_file,
    command,
    numpy_template,
)
from clearprop.cli import main
from clearprop.errors import FileError, UsageError


@pytest.fixture
def net():
    return cp.Network([3, 4, 2], "sigmoid", output="sigmoid", l2=0.1)


def test_a_learners_file_is_judged_and_the_fix_passes(tmp_path, net):
    right = numpy_template(net, filled=True)
    file = tmp_path / "mine.py"
    file.write_text(right.replace("Delta2 * sigmoid_prime(z2)", "Delta2"), "utf-8")
    text, code = check_command(f"{file}:gradient", net)
    assert code == 3
    assert "derivative-missing" in text
    assert "layer 2" in text
    assert "δ2 = Δ2 ⊙ sigmoid′(z2)" in text
    file.write_text(right, "utf-8")
    assert check_command(f"{file}:gradient", net)[1] == 0
    assert json.loads(check_command(f"{file}:gradient", net, output="json")[0])["passed"]


def test_the_command_exits_with_0_3_1_and_2(tmp_path, net, capsys):

    right = numpy_template(net, filled=True)
    file = tmp_path / "mine.py"
    target = f"{file}:gradient"
    for text, code, said in (
        (right, 0, "The gradient is right"),
        (right.replace("(a3 - y)", "(y - a3)"), 3, "sign-of-delta"),
        ("def gradient(p, X, Y): return p[1]", 1, "KeyError"),
    ):
        file.write_text(text, "utf-8")
        assert main(["check", target, *CHAIN]) == code
        shown = capsys.readouterr()
        assert said in shown.out + shown.err
        assert "Traceback" not in shown.out + shown.err
    assert main(["check", target, *CHAIN, "--format", "pdf"]) == 2
    assert main(["check", "nothing", "--network", "nothing"]) in (1, 2)
    assert main(["check", "--template", "numpy", *CHAIN]) == 0
    assert "delta2 = ..." in capsys.readouterr().out


def test_the_network_is_named_and_asked_about_where_no_mistake_fits(tmp_path, net, capsys):
    """A right file of another network: the report says what it was held against."""
    target = written(tmp_path, numpy_template(net, filled=True))
    assert main(["check", target, "--network", "3-4-2"]) == 3
    shown = " ".join(capsys.readouterr().out.split())
    meant = "3-4-2, hidden relu, output identity, cost squared_error"
    assert f"network: {meant}" in shown
    assert f"Is this your network: {meant}? If not, say yours: --activation" in shown
    sigmoid = ["--activation", "sigmoid", "--output", "sigmoid", "--l2", "0.1"]
    assert main(["check", target, "--network", "3-4-2", *sigmoid]) == 0
    shown = capsys.readouterr().out
    assert "network: 3-4-2, hidden sigmoid, output sigmoid, cost squared_error, λ 0.1" in shown
    assert "your network" not in shown
    assert main(["check", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for default in ("relu", "identity, or", "squared_error", "unit"):
        assert f"[default: {default}" in told


def test_of_a_network_with_members_one_is_written_and_checked(tmp_path, capsys):
    """A model made by defaults has eight; they are alike."""
    n = list(range(60))
    colour = [str(k % 40) for k in n]  # so many that they are embedded
    model = cp.train_table({"n": [k % 9 for k in n], "c": colour, "y": ["ab"[k % 2] for k in n]},
                           "y", hidden=[3], epochs=1)  # fmt: skip
    model.save(tmp_path / "m.clearprop")
    file = tmp_path / "mine.py"
    given = ["--network", str(tmp_path / "m.clearprop")]
    assert main(["check", "--template", "numpy", *given]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# one of the 8 members of the network")
    assert " = ..." in text
    one = command.one_member(model.network)
    file.write_text(numpy_template(one, filled=True), "utf-8")
    assert main(["check", f"{file}:gradient", *given]) == 0
    assert "The gradient is right" in capsys.readouterr().out


def test_the_page_says_what_the_text_says(tmp_path, net):
    text = numpy_template(net, filled=True)
    for body, headings in (
        (text, []),
        (text.replace("Delta2 * sigmoid_prime(z2)", "Delta2"), ["Worst entries", "The mistake"]),
        (text.replace("sigmoid_prime(z2)", "z2"), ["Worst entries", "What it looks like"]),
    ):
        target = written(tmp_path, body)
        page, plain = (check_command(target, net, output=form)[0] for form in ("html", "text"))
        found = re.findall("<h2>(.*?)</h2>", page)
        assert found == ["Parameters, from the output back", *headings]
        said = " ".join(html.unescape(re.sub("<[^>]*>", " ", page)).split())
        for number in re.findall(r"(?:given|right) (-?[0-9.e-]+)", plain):
            assert number in said
        for line in re.findall(r"(?:written|right): +(.*)", plain):
            assert line in said
        assert "network: 3-4-2, hidden sigmoid, output sigmoid" in said
        assert "<p></p>" not in page and "<ul></ul>" not in page


def test_what_is_asked_wrongly_is_refused_before_the_file_is_run(tmp_path, net, capsys):
    ran = tmp_path / "ran"
    target = written(tmp_path, f"open({str(ran)!r}, 'w')\n" + numpy_template(net, filled=True))
    chain = ["--network", "3-4-2"]
    notation = tmp_path / "mine.toml"
    notation.write_text("title = 3", "utf-8")
    for wrong in (["--notation", "nope"], ["--notation", str(notation)], ["--seed", "-1"],
                  ["--rows", "0"], ["--seconds", "0"], ["--memory", "-1"], ["--format", "pdf"],
                  ["--template", "numpy"], ["--activation", "nope"], ["--l2", "-1"]):  # fmt: skip
        assert main(["check", target, *chain, *wrong]) == 2, wrong
        shown = capsys.readouterr()
        assert shown.out == "" and len(shown.err.splitlines()) == 1, shown
    assert not ran.exists()


@pytest.mark.parametrize(
    ("network", "code", "words"),
    [
        ("5000-5000-2", 2, "25,015,002 parameters, and a file is checked with at most 4,000,000"),
        ("1000000-1000000", 2, "1,000,001,000,000 parameters"),
        ("2-99999999999999999-2", 2, "a layer has at most"),
        ("2000000-1", 2, "6 rows are more than a check needs"),
    ],
)
def test_a_network_too_large_is_refused_by_its_size(tmp_path, net, capsys, network, code, words):
    target = written(tmp_path, numpy_template(net, filled=True))
    assert main(["check", target, "--network", network]) == code
    assert words in capsys.readouterr().err


def test_a_network_without_a_version_is_not_called_new(tmp_path, capsys):
    file = tmp_path / "network.json"
    for version, words in (("", "has no format version"), (', "version": 99', "a newer one")):
        file.write_text(f'{{"format": "clearprop-network"{version}}}', "utf-8")
        assert main(["check", "mine.py", "--network", str(file)]) in (1, 2)
        shown = capsys.readouterr().err
        assert words in shown and ("newer" in shown) == bool(version)


def test_one_limit_that_cannot_be_is_said_alone(tmp_path, net, capsys):
    target = written(tmp_path, numpy_template(net, filled=True))
    for option, value, other in (("--seconds", "0", "memory"), ("--memory", "-1", "--seconds")):
        assert main(["check", target, "--network", "3-4-2", option, value]) == 2
        shown = capsys.readouterr().err
        assert option in shown and other not in shown


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}", "null", '{"format": "clearprop-network"}',
     '{"format": "clearprop-network", "version": 1, "nodes": 3}',
     '{"format": "clearprop-network", "version": 1, "inputs": [], "nodes": [], "outputs": []}'],
)  # fmt: skip
def test_a_file_that_is_no_network_is_told_in_a_sentence(tmp_path, net, capsys, text):
    file = tmp_path / "network.json"
    file.write_text(text, "utf-8")
    target = written(tmp_path, numpy_template(net, filled=True))
    assert main(["check", target, "--network", str(file)]) in (1, 2)
    shown = capsys.readouterr()
    assert "network.json" in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_file_that_is_not_there_is_said(net):
    with pytest.raises(FileError, match="no file"):
        check_file("nowhere.py:gradient", net)
    with pytest.raises(UsageError):
        check_file("nowhere.py:not a name", net)


@pytest.mark.parametrize(
    "options", [("--seed", "-1"), ("--rows", "0"), ("--rows", "999999999"), ("--seconds", "0"),
                ("--memory", "-1"), ("--notation", "nope"), ("--template", "cobol")]
)  # fmt: skip
def test_settings_that_cannot_be_are_wrong_use(tmp_path, net, capsys, options):
    target = written(tmp_path, numpy_template(net, filled=True))
    assert main(["check", target, *CHAIN, *options]) == 2
    assert "mistake of ClearProp" not in capsys.readouterr().err


UNSTEADY = """
    off = [1e-3, -1e-3]  # of the first call and of the second

    def gradient(parameters, X, Y):
        a = X @ parameters["W1"].T + parameters["b1"]
        delta = (a - Y) / len(X) * (1 + off.pop(0))
        return {"W1": delta.T @ X, "b1": delta.sum(axis=0)}
"""


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 3),
        (["--nondet-tol", "1"], 3),  # still too far from the right one
        (["--rtol", "1e-2"], 3),  # and the two calls too far from each other
        (["--nondet-tol", "1", "--rtol", "1e-2"], 0),
        (["--nondet-tol", "1", "--atol", "1"], 0),
        (["--rtol", "2"], 2),
        (["--nondet-tol", "-1"], 2),
    ],
)
def test_how_near_is_right_can_be_said(tmp_path, capsys, options, code):
    target = written(tmp_path, UNSTEADY)
    assert main(["check", target, "--network", "2-3", *options]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err


def test_help_says_why_there_is_no_step(capsys):
    assert main(["check", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "--rtol" in told
    assert "--nondet-tol" in told
    assert "no step eps" in told
