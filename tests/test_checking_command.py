"""The command: a user's file in a process of its own, judged in the reader's notation."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import clearprop as cp
from clearprop.checking import (
    CATALOGUE,
    AnswerError,
    check_command,
    check_file,
    command,
    numpy_template,
)
from clearprop.checking.lines import Lines
from clearprop.cli import main
from clearprop.errors import ClearPropError, FileError, UsageError


@pytest.fixture
def net():
    return cp.Network([3, 4, 2], "sigmoid", output="sigmoid", l2=0.1)


def written(tmp_path, body):
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(body), "utf-8")
    return f"{file}:gradient"


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
    chain = ["--network", "3-4-2", "--activation", "sigmoid", "--output", "sigmoid", "--l2", "0.1"]
    right = numpy_template(net, filled=True)
    file = tmp_path / "mine.py"
    target = f"{file}:gradient"
    for text, code, said in (
        (right, 0, "The gradient is right"),
        (right.replace("(a3 - y)", "(y - a3)"), 3, "sign-of-delta"),
        ("def gradient(p, X, Y): return p[1]", 1, "KeyError"),
    ):
        file.write_text(text, "utf-8")
        assert main(["check", target, *chain]) == code
        shown = capsys.readouterr()
        assert said in shown.out + shown.err
        assert "Traceback" not in shown.out + shown.err
    assert main(["check", target, *chain, "--format", "pdf"]) == 2
    assert main(["check", "nothing", "--network", "nothing"]) in (1, 2)
    assert main(["check", "--template", "numpy", *chain]) == 0
    assert "delta2 = ..." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("notation", "right"),
    [
        ("matrix", "δ⁽²⁾ = (W⁽²⁾ᵀ δ⁽³⁾) ⊙ f′(z⁽²⁾)"),
        ("graph", "δ²₄₁ = Δ³₄₁ ⊙ σ′(z²₄₁)"),
        ("delta-rule", "δ⁽²⁾ᵢ = (Σⱼ₌₁² w⁽³⁾ᵢⱼ δ⁽³⁾ⱼ) f′(u⁽²⁾ᵢ)"),
        ("scalar", "∂E/∂H1 = ∂E/∂P1 · f′(H1)"),
        ("index", "δ⁽²⁾ᵢ = (Σⱼ₌₁² w⁽²⁾ⱼᵢ δ⁽³⁾ⱼ) g′(z⁽²⁾ᵢ)"),
    ],
)
def test_the_right_line_is_in_the_readers_notation(tmp_path, net, capsys, notation, right):
    text = numpy_template(net, filled=True).replace("Delta2 * sigmoid_prime(z2)", "Delta2")
    chain = ["--network", "3-4-2", "--activation", "sigmoid", "--output", "sigmoid", "--l2", "0.1"]
    target = written(tmp_path, text)
    assert main(["check", target, *chain, "--notation", notation]) == 3
    shown = capsys.readouterr().out
    assert f"right:   {right}" in shown
    assert "f′" not in shown.split("written:")[1].split("right:")[0]
    assert main(["check", "--template", "numpy", *chain, "--notation", notation]) == 0
    assert "# " in capsys.readouterr().out
    assert main(["check", target, *chain, "--notation", "none"]) in (1, 2)


@pytest.mark.parametrize("notation", ["matrix", "graph", "delta-rule", "scalar", "index"])
def test_every_mistake_is_written_in_every_notation_unlike_the_right_line(notation):
    x = cp.Input(3)
    h = cp.Dense(3, "relu")(x)
    h = h + cp.Dense(3, "tanh")(h)
    twice = cp.Dense(3, "tanh")
    h = cp.concat(cp.Dropout(0.1)(twice(twice(h))), cp.Scale()(x))
    graph = cp.Network(inputs=x, outputs=cp.Dense(2, bias="shared")(h), cost="huber", l2=0.1)
    chain = cp.Network([2, 3, 3], "sigmoid", cost="cross_entropy", l2=0.1)
    ids = set()
    for network in (graph, chain):
        lines = Lines(network.plan, notation)
        for mistake in CATALOGUE.values():
            for edit in mistake.edits(network.plan):
                wrong, right = lines.both(edit.steps[0].id, {s.id: s for s in edit.steps}, 0.5)
                assert wrong and right and wrong != right, (mistake.id, edit.place)
                ids.add(mistake.id)
    assert len(ids) > 55


def test_the_template_of_several_inputs_counts_samples_not_inputs(tmp_path):
    a, b = cp.Input(2), cp.Input(3)
    net = cp.Network(inputs=[a, b], outputs=cp.Dense(1)(cp.Dense(3, "tanh")(cp.concat(a, b))))
    found = check_file(written(tmp_path, numpy_template(net, filled=True)), net)
    assert found.passed, str(found)


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


@pytest.mark.parametrize(
    ("notation", "lines"),
    [
        (None, ["# J = Σ[sample] C / m + penalty", "# C = 0.5 (Σ[unit] (a3 − y)^2)",
                "# penalty = l2 / 2 (Σ[unit] W1 ⊙ W1) + l2 / 2 (Σ[unit] W2 ⊙ W2)", "l2 = 0.1"]),
        ("matrix", ["# J = (1/m) Σₛ₌₁ᵐ Cₛ + Ω", "# C = ½ ‖a⁽³⁾ − y‖²",
                    "# Ω = (λ/2) ‖W⁽¹⁾‖² + (λ/2) ‖W⁽²⁾‖²", "l2 = 0.1  # λ"]),
        ("delta-rule", ["# E = (1/m) Σₛ₌₁ᵐ Cₛ + Ω", "# C = ½ Σᵢ₌₁² (yᵢ − t⁽³⁾ᵢ)²"]),
        ("scalar", ["# C = ½ · ((Y1 − O1)² + (Y2 − O2)²)"]),
    ],
)  # fmt: skip
def test_the_template_says_the_cost_and_the_penaltys_rate(net, notation, lines):
    text = numpy_template(net, notation=notation)
    shown = [line.strip() for line in text.splitlines()]
    assert set(lines) <= set(shown), text
    assert max(map(len, text.splitlines())) <= 80
    filled = numpy_template(net, notation=notation, filled=True)
    assert "dW1 = delta2.T @ a1 + l2 * W1" in filled
    assert "l2 =" not in numpy_template(cp.Network([2, 1]), notation=notation)


@pytest.mark.parametrize("notation", [None, "matrix", "graph", "delta-rule", "scalar", "index"])
def test_the_template_says_a_costs_own_numbers(notation):
    net = cp.Network([2, 3, 1], cost="huber", limit=0.25)
    assert "≤ 0.25" in numpy_template(net, notation=notation).split("# the cost")[1]
    for cost in ("squared_error", "cross_entropy", "poisson"):
        text = numpy_template(cp.Network([2, 30, 9], cost=cost), notation=notation)
        said = text.split("# the cost")[1].split("# backward")[0]
        assert "C = " in said or "cost = " in said, said
        assert len(said.splitlines()) < 20
        assert "z3" not in said and "z⁽³⁾" not in said and "z³" not in said  # of what it is


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


def test_lines_are_written_as_people_write_them(tmp_path):
    """−(a − y) / m without weights, −w (a − y) with them, no factors of 1 or −1."""
    net = cp.Network([2, 3, 1], "sigmoid")
    text = numpy_template(net, filled=True)
    assert "return np.ones_like(x)" in text
    shown = check_command(written(tmp_path, text.replace("(a3 - y)", "(y - a3)")), net)[0]
    assert "written: Δ3 = −(a3 − y) / m\n" in shown
    assert "right:   Δ3 = (a3 − y) / m\n" in shown
    scale = CATALOGUE["sign-of-delta"].edits(net.plan)
    weighted = [Lines(net.plan, None, True).both(e.steps[0].id, {s.id: s for s in e.steps})
                for e in scale]  # fmt: skip
    assert any("−w (a3 − y)" in wrong for wrong, _ in weighted), weighted
    for mistake in CATALOGUE.values():
        for edit in mistake.edits(net.plan):
            steps = {step.id: step for step in edit.steps}
            for one in Lines(net.plan).both(edit.steps[0].id, steps, 0.5):
                assert "(-1)" not in one and not re.search(r"(=|⊙) 1 [^/]", one), one


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


def test_the_template_is_a_file_with_blanks(tmp_path, net):
    text, code = check_command(None, net, template="numpy")
    assert code == 0
    assert "delta2 = ..." in text
    (tmp_path / "mine.py").write_text(text, "utf-8")
    with pytest.raises(AnswerError, match="blank"):
        check_file(f"{tmp_path / 'mine.py'}:gradient", net)
    with pytest.raises(UsageError):
        check_command(None, net, template="cobol")
    with pytest.raises(UsageError):
        check_command(None, net)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("def gradient(p, X, Y):\n    while True: pass", "did not end within|processor time"),
        ("def gradient(p, X, Y):\n    return None", "returned None"),
        ("def gradient(p, X, Y):\n    return p['W9']", r"line 2: .*KeyError"),
        ("def gradient(p, X, Y):\n    import numpy\n    numpy.ones((1 << 40,))", "memory"),
        ("def gradient(p, X, Y):\n    import os\n    os._exit(7)", "without a result"),
        ("def gradient(p, X, Y):\n    import os\n    os.abort()", "SIGABRT"),
        ("def gradient(p, X, Y):\n    raise SystemExit", "SystemExit"),
        ("x = 1 +", "SyntaxError"),
        ("def other(): pass", "no function 'gradient'; it has other"),
        ("def gradient(p, X, Y):\n    return {'W1': 'text'}", "W1 is str"),
        ("def gradient(p, X, Y):\n    return {'W1': 1j * p['W1']}", "W1 is complex"),
        (
            "def gradient(p, X, Y):\n    while True: print('x' * 1000000)",
            "wrote more|did not end|processor",
        ),
        (
            "import numpy as np\ndef gradient(p, X, Y):\n    x = []\n"
            "    while True: x.append(np.zeros(1 << 24))",
            "memory",
        ),
        (
            "def gradient(p, X, Y):\n    import os, signal\n    os.kill(os.getpid(), 9)",
            r"gradient was killed \(SIGKILL\): by its own code",
        ),
        (
            "import signal\ndef gradient(p, X, Y):\n"
            "    signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n    while True: pass",
            "used more than 2 s of processor time",
        ),
        ("def gradient(p, X, Y):\n    return {'W1': None}", "the gradient of W1 is None"),
        ("def gradient(p, X, Y):\n    raise ValueError('\\x1b[31mred')", r"\\x1b\[31mred"),
        (
            "def gradient(p, X, Y):\n    import os\n    print('\\x1b[31mred', flush=True)\n"
            "    os._exit(7)",
            r"\\x1b\[31mred",
        ),
        ("def gradient(p, X, Y):\n    return [1, 2]", "returned 2 arrays, the network has 4"),
        ("def gradient(p, X):\n    return p", "positional argument"),
        ("def gradient(p, X, Y):\n    yield p", "what gradient returned is generator"),
        (
            "def gradient(p, X, Y):\n    open('problem.txt', 'wb').write(b'\\xff')\n    return p",
            "\ufffd",
        ),
        ("gradient = 3", "'gradient' of .*mine.py is no function but of type int"),
        (
            "def gradient(p, X, Y):\n    import os, shutil\n    shutil.rmtree(os.getcwd())",
            "deletes the folder that it runs in",
        ),
        ("def gradient(p, X, Y):\n    return p['W9']", "parameters are W1, b1, W2, b2"),
        ("import numpy\ndef gradient(p, X, Y):\n    return {'W1': numpy.array('a')}", "W1 is <U1"),
        (
            "def gradient(p, X, Y):\n    raise Exception('one\\ntwo\\n' + 'x' * 5000)",
            r"Exception: one two x{100,400}…$",
        ),
    ],
)
def test_what_a_users_code_does_is_told_in_a_sentence(tmp_path, net, body, text):
    with pytest.raises(ClearPropError, match=text):
        check_file(written(tmp_path, body), net, seconds=2)


@pytest.mark.parametrize(
    "tail",
    [
        "    import os\n    for name in os.listdir('.'): os.remove(name)\n",
        "    import threading, time\n    threading.Thread(target=time.sleep, args=(99,)).start()\n",
        "    import atexit, os\n    atexit.register(os._exit, 9)\n",
    ],
)
def test_what_a_function_leaves_behind_is_no_hindrance(tmp_path, net, tail):
    """An emptied folder, a thread that goes on, a word at the exit."""
    body = numpy_template(net, filled=True).replace("    return {", f"{tail}    return {{")
    assert check_file(written(tmp_path, body), net, seconds=5).passed


def test_a_function_may_return_more_beside_its_gradient(tmp_path, net):
    body = numpy_template(net, filled=True).replace("    return {", "    return 1.0, a3, {")
    assert check_file(written(tmp_path, body), net).passed


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


def test_what_a_function_prints_moves_no_cursor(tmp_path, net):
    body = numpy_template(net, filled=True).replace("    m = ", "    print('\\x1b[31m!')\n    m = ")
    notes = check_file(written(tmp_path, body), net).notes
    assert notes[-1] == "the function printed 2 lines; the first: \\x1b[31m!"


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


def test_a_users_prints_and_changes_are_noted(tmp_path, net):
    body = numpy_template(net, filled=True).replace(
        "    m = len(X)\n", "    m = len(X)\n    print('hello')\n"
    ).replace("    return {", "    X *= 0\n    return {")  # fmt: skip
    found = check_file(written(tmp_path, body), net)
    assert found.passed
    assert any("printed 2 lines; the first: hello" in note for note in found.notes)
    assert any("changes its inputs X" in note for note in found.notes)
    body = numpy_template(net, filled=True).replace(
        "    return {", "    import os\n    os.chdir('/')\n    parameters.clear()\n    return {"
    )
    found = check_file(written(tmp_path, body), net)
    assert found.passed
    assert any("changes its inputs W1, b1, W2, b2" in note for note in found.notes)


@pytest.mark.parametrize(
    ("before", "code", "words"),
    [
        ("for k in ('W1', 'W2'): kept[k] = kept.get(k, 0) + g[k]; g[k] = kept[k] + 0",
         3, "grows from call to call: it is not set to zero before"),
        ("g['W1'] = g['W1'] * np.random.random()",
         3, "not the same from call to call: random numbers or state"),
        ("np.random.seed(1); g['W1'] = g['W1'] + 0 * np.random.random()", 0, "right"),
    ],
)  # fmt: skip
def test_a_file_whose_second_call_differs_is_wrong(tmp_path, net, capsys, before, code, words):
    body = numpy_template(net, filled=True).replace("    return {", "    g = {")
    target = written(tmp_path, f"{body}    {before}\n    return g\n\nkept = {{}}\n")
    chain = ["--network", "3-4-2", "--activation", "sigmoid", "--output", "sigmoid", "--l2", "0.1"]
    assert main(["check", target, *chain]) == code
    shown = capsys.readouterr().out
    assert f"W1         WRONG  {words}" in shown or code == 0
    assert ("id:      accumulated-twice" in shown) == ("grows" in words)


def test_what_a_users_code_leaves_running_is_ended(tmp_path, net):
    """A process that it has forked neither holds the check up nor outlives it."""
    body = numpy_template(net, filled=True).replace(
        "    m = len(X)\n",
        "    m = len(X)\n    import os, time\n    child = os.fork()\n    if child == 0:\n"
        "        time.sleep(600)\n"
        f"    open({str(tmp_path / 'child')!r}, 'w').write(str(child))\n",
    )
    assert check_file(written(tmp_path, body), net).passed
    child = int((tmp_path / "child").read_text("utf-8"))
    for _ in range(200):  # an orphan is buried by init, in a moment
        if not Path(f"/proc/{child}").exists():
            break
        if Path(f"/proc/{child}/stat").read_text("utf-8").split()[2] == "Z":
            break
        time.sleep(0.01)
    else:
        pytest.fail("the forked process is still there")


def test_a_users_file_may_import_its_neighbours_and_leaves_nothing_behind(tmp_path, net):
    (tmp_path / "helper.py").write_text("def half(x): return x / 2 * 2\n", "utf-8")
    body = "from helper import half\n" + numpy_template(net, filled=True)
    assert check_file(written(tmp_path, body), net).passed
    assert sorted(p.name for p in tmp_path.iterdir()) == ["helper.py", "mine.py"]


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
    chain = ["--network", "3-4-2", "--activation", "sigmoid", "--output", "sigmoid"]
    assert main(["check", target, *chain, *options]) == 2
    assert "mistake of ClearProp" not in capsys.readouterr().err


def test_too_little_memory_is_said(tmp_path, net):
    target = written(tmp_path, numpy_template(net, filled=True))
    with pytest.raises(AnswerError, match="--memory"):
        check_file(target, net, memory=1 << 20)


def test_the_caller_is_untouched_by_the_users_process(tmp_path, net):
    before = set(sys.modules)
    body = "import wave\n" + numpy_template(net, filled=True)
    check_file(written(tmp_path, body), net)
    assert "wave" not in set(sys.modules) - before
    assert subprocess.DEVNULL is not None


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
