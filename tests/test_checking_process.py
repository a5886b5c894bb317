"""A user's function in a process of its own: what it does is told, and harms nobody."""

from __future__ import annotations

import signal as signals
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checked_files import CHAIN, written

import clearprop as cp
from clearprop.checking import (
    AnswerError,
    check_file,
    numpy_template,
    process,
)
from clearprop.cli import main
from clearprop.errors import ClearPropError


@pytest.fixture
def net():
    return cp.Network([3, 4, 2], "sigmoid", output="sigmoid", l2=0.1)


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
            "used more than 2 s of processor time|did not end within 2 s",  # as busy as we are
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
        ("open('data.csv')", r"data.csv' \(it runs in a temporary folder; its own is .*\)$"),
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


def test_a_functions_limits_are_those_that_were_asked_for(tmp_path, net):
    body = """
        import resource
        def gradient(p, X, Y):
            for one in ("CPU", "AS", "CORE"):
                print(one, *resource.getrlimit(getattr(resource, "RLIMIT_" + one)))
            raise ValueError(open("printed.txt").read())
    """
    with pytest.raises(AnswerError, match=rf"CPU 7 8 AS {1 << 30} {1 << 30} CORE 0 0"):
        check_file(written(tmp_path, body), net, seconds=7, memory=1 << 30)


@pytest.mark.parametrize(
    ("signal", "spent", "said"),
    [
        ("SIGXCPU", 0.0, "used more than 2 s of processor time"),
        ("SIGKILL", 2.9, "used more than 2 s of processor time"),  # it ignored SIGXCPU
        ("SIGKILL", 0.4, "was killed"),
    ],
)
def test_a_killed_functions_limit_is_told_from_its_own_doing(signal, spent, said):
    told = process._why_it_ended(-getattr(signals, signal), "gradient", 2, spent, "")
    assert said in told


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


@pytest.mark.parametrize(
    "returned",
    [
        "[b1[:, None], b2[:, None]], [W1, W2]",  # all biases, as columns, and all weights
        "[W1, W2], [b1, b2]",
        "[(W1, b1), (W2, b2)]",
        "0.5, [W1, b1, W2, b2]",
        "np.float64(0.5), np.concatenate([g.ravel() for g in (W1, b1, W2, b2)])",
    ],
)
def test_a_function_may_return_its_gradients_in_lists(tmp_path, net, returned):
    lines = "    W1, b1, W2, b2 = (g[k] for k in ('W1', 'b1', 'W2', 'b2'))\n"
    body = numpy_template(net, filled=True).replace("    return {", "    g = {")
    assert check_file(written(tmp_path, f"{body}{lines}    return {returned}\n"), net).passed
    wrong = f"{body}{lines}    W2 = -W2\n    return {returned}\n"
    assert check_file(written(tmp_path, wrong), net).first_wrong == "W2"


def test_a_script_that_reads_options_has_none(tmp_path, net):
    options = "import argparse\nargparse.ArgumentParser().parse_args()\n"
    assert check_file(written(tmp_path, options + numpy_template(net, filled=True)), net).passed


def test_what_a_function_prints_moves_no_cursor(tmp_path, net):
    body = numpy_template(net, filled=True).replace("    m = ", "    print('\\x1b[31m!')\n    m = ")
    notes = check_file(written(tmp_path, body), net).notes
    assert notes[-1] == "the function printed 2 lines; the first: \\x1b[31m!"


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
        ("for k in g: kept.setdefault(k, 0 * g[k]); kept[k] += g[k]; g[k] = kept[k]",
         3, "grows from call to call: it is not set to zero before"),
        ("g['W1'] = g['W1'] * np.random.random()",
         3, "not the same from call to call: random numbers or state"),
        ("np.random.seed(1); g['W1'] = g['W1'] + 0 * np.random.random()", 0, "right"),
    ],
)  # fmt: skip
def test_a_file_whose_second_call_differs_is_wrong(tmp_path, net, capsys, before, code, words):
    body = numpy_template(net, filled=True).replace("    return {", "    g = {")
    target = written(tmp_path, f"{body}    {before}\n    return g\n\nkept = {{}}\n")

    assert main(["check", target, *CHAIN]) == code
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
