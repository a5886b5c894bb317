"""How long a check takes is recorded, and a bar is drawn where somebody looks."""

from __future__ import annotations

import contextlib
import itertools
import os
import pty
import re
import subprocess
import sys
import time

import numpy as np
import pytest

import clearprop as cp
from clearprop.checking import check_function, check_gradient, numpy_template

CHECK = [sys.executable, "-m", "clearprop", "check"]
CHAIN = ["--network", "60-30-10", "--activation", "tanh"]


@pytest.fixture
def strange(tmp_path):
    """A file with a wrong gradient that no known mistake gives, so that pairs are asked too."""
    network = cp.Network([60, 30, 10], "tanh")
    text = numpy_template(network, filled=True)
    file = tmp_path / "mine.py"
    file.write_text(text.replace("* tanh_prime(z2)", "* np.cos(z2) ** 3"), "utf-8")
    return f"{file}:gradient"


def on_a_terminal(command):
    """What a command writes on a terminal of 80 columns, as it was sent, and its exit code."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    environment = {k: v for k, v in environment.items() if k not in ("NO_COLOR", "CI")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, stdin=theirs,
                          env=environment) as running:  # fmt: skip
        os.close(theirs)
        sent = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while more := os.read(ours, 4096):
                sent += more
        os.close(ours)
        assert running.stdout is not None
        printed = running.stdout.read().decode()
    return sent.decode(), printed, running.returncode


SLOWLY = """
import time
import clearprop.cli.checking as checking
looking = checking.check_command
def slowly(*given, progress, **more):
    def show(done, total):
        progress(done, total)
        time.sleep(0.05)
    return looking(*given, progress=show, **more)
checking.check_command = slowly
from clearprop.cli import main
raise SystemExit(main())
"""


def test_a_bar_is_drawn_on_a_terminal_moves_and_is_gone_at_the_end(strange):
    drawn, printed, code = on_a_terminal(
        [sys.executable, "-c", SLOWLY, "check", strange, *CHAIN]
    )  # so slowly that a quick machine draws it more than once
    assert code == 3
    counts = re.findall(r"looking for the mistake.*?(\d+) of (\d+)", drawn)
    assert len(set(counts)) > 1, drawn
    assert all(int(done) <= int(total) for done, total in counts)
    # at the end its line is erased, and the cursor shows again
    tail = drawn[drawn.rindex(" of ") :]
    assert "\x1b[2K" in tail
    assert "\x1b[?25h" in tail
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn)
    assert max(map(len, re.split(r"[\r\n]+", plain))) <= 80
    assert printed.startswith("The gradient is wrong")
    assert "looking for" not in printed


def test_no_bar_is_drawn_where_no_terminal_is(strange):
    done = subprocess.run([*CHECK, strange, *CHAIN], check=False, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr == ""
    assert "looking for" not in done.stdout


def test_progress_goes_up_to_its_end():
    network = cp.Network([4, 5, 3], "tanh")
    p = network.initial(seed=0)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
    noise = {name: g + rng.normal(size=g.shape) for name, g in network.gradient(p, X, Y).items()}
    seen = []
    assert not check_gradient(network, p, X, Y, noise, progress=lambda *at: seen.append(at))
    assert all(0 <= done <= total for done, total in seen)
    rounds = [0, *(i for i in range(1, len(seen)) if seen[i][1] != seen[i - 1][1]), len(seen)]
    for start, stop in itertools.pairwise(rounds):
        done = [done for done, _ in seen[start:stop]]
        assert done == sorted(done)


@pytest.mark.prove_only
def test_a_large_network_is_checked_and_diagnosed_in_seconds(proof):
    """Figures to read, not to fail by: how fast it is depends on what else the machine does."""
    network = cp.Network([784, 128, 10], "relu", cost="cross_entropy")
    p = network.initial(seed=0)
    rng = np.random.default_rng(0)
    X, Y = rng.random((64, 784)), rng.integers(0, 10, 64)
    trace = network.trace(p, X, Y)
    right = {name: np.array(g) for name, g in trace.gradient.items()}
    delta3 = 64 * trace["delta3"]
    delta2 = delta3 @ p["W2"]
    two = {"W2": delta3.T @ trace["a2"], "b2": delta3.sum(0), "W1": delta2.T @ X,
           "b1": delta2.sum(0)}  # fmt: skip
    point = {name: np.array(w) for name, w in p.items()}
    noise = {n: g + 1e-3 * rng.normal(size=g.shape) for n, g in right.items()}

    def seconds(call, times=3):
        took = []
        for _ in range(times):
            start = time.perf_counter()
            found = call()
            took.append(time.perf_counter() - start)
        return round(min(took), 2), found

    sampled, one = seconds(lambda: check_function(lambda p: network.cost(p, X, Y), right, point))
    exact, other = seconds(lambda: check_gradient(network, p, X, Y, right))
    assert one.passed and other.passed
    proof("784-128-10, 64 samples: a sampled check by differences, exactly; bar 2 s", one.checked,
          sampled_seconds=sampled, exact_seconds=exact)  # fmt: skip
    single, one = seconds(
        lambda: check_gradient(network, p, X, Y, {n: 64 * g for n, g in right.items()})
    )
    pair, both = seconds(lambda: check_gradient(network, p, X, Y, two))
    none, nothing = seconds(lambda: check_gradient(network, p, X, Y, noise))
    assert one.diagnosis[0].mistake.id == "mean-missing"
    assert len(both.diagnosis[0].also) == 1
    assert nothing.diagnosis == ()
    proof("784-128-10, 64 samples: a mistake, a pair, none diagnosed; bar 10 s", one.known,
          one_seconds=single, pair_seconds=pair, none_seconds=none)  # fmt: skip
