"""The engine takes no more cores than it may: affinity, control groups, OMP_NUM_THREADS, limits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_info, threadpool_limits

import clearprop as cp
from clearprop import _native
from clearprop.engine import Data, NativeRunner, limits
from clearprop.engine.limits import MANY, cores, quota
from clearprop.engine.team import Team


def plenty(monkeypatch: pytest.MonkeyPatch, count: int = 8) -> None:
    """Let the machine have so many cores, and nobody ask for fewer."""
    monkeypatch.setattr(_native, "available_cores", lambda: count)
    monkeypatch.setattr(limits, "quota", lambda: MANY)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


# -- what joblib and others set ------------------------------------------------------------------
def test_workers_that_are_told_to_take_few_do(monkeypatch: pytest.MonkeyPatch) -> None:
    plenty(monkeypatch)
    for asked, expected in (("1", 1), ("3,4", 3), ("100000", 8), ("", 8), ("many", 8), ("0", 8)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert cores() == expected
    monkeypatch.setattr(limits, "quota", lambda: 2)
    assert cores() == 2


def test_workers_of_joblib_share_the_cores() -> None:
    """As many workers as cores leave each one; a number asked for by name reaches the engine."""
    with joblib.parallel_config(backend="loky", n_jobs=2, inner_max_num_threads=1):
        assert joblib.Parallel()(joblib.delayed(cores)() for _ in range(4)) == [1] * 4
    everyone = joblib.cpu_count()
    with joblib.parallel_config(backend="loky", n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(cores)() for _ in range(4))
    assert max(found) <= max(1, everyone // 2)
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_a_process_on_one_core_takes_one() -> None:
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
        "from clearprop.engine.limits import cores; print(cores())"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "1"


# -- control groups ------------------------------------------------------------------------------
def machine(root: Path, told: str, files: dict[str, str]) -> Path:
    """A file system of its own: what the process is told of its groups, and their files."""
    for name, text in {"proc/self/cgroup": told, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("told", "files", "expected"),
    [
        pytest.param("0::/\n", {"cpu.max": "150000 100000\n"}, 2, id="a container's, rounded up"),
        pytest.param("0::/\n", {"cpu.max": "50000 100000\n"}, 1, id="half a core"),
        pytest.param("0::/\n", {"cpu.max": "max 100000\n"}, MANY, id="no limit"),
        pytest.param("0::/\n", {}, MANY, id="no file"),
        pytest.param("0::/a/b\n", {"a/b/cpu.max": "300000 100000\n"}, 3, id="a service's"),
        pytest.param(
            "0::/a/b\n",
            {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2, id="one above",
        ),
        pytest.param(
            "0::/the/host/s/path\n", {"cpu.max": "400000 100000\n"}, 4, id="the host's path"
        ),
        pytest.param("0::/\n", {"cpu.max": "nonsense"}, MANY, id="damaged"),
        pytest.param(
            "4:cpu:/x\n0::/\n",
            {"cpu/x/cpu.cfs_quota_us": "250000\n", "cpu/x/cpu.cfs_period_us": "100000\n"}, 3,
            id="version 1",
        ),
        pytest.param(
            "4:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, MANY,
            id="version 1, no limit",
        ),
        pytest.param(
            "4:cpu,cpuacct:/\n",
            {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1,
            id="version 1, two controllers in one",
        ),
        pytest.param(
            "4:memory:/\n5:cpuset:/\n",
            {"memory/cpu.max": "100000 100000\n", "cpuset/cpu.max": "100000 100000\n"}, MANY,
            id="other controllers",
        ),
    ],
)  # fmt: skip
def test_the_groups_leave_so_many_cores(
    tmp_path: Path, told: str, files: dict[str, str], expected: int
) -> None:
    there = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    assert quota(machine(tmp_path, told, there)) == expected


def test_a_system_without_groups_limits_nothing(tmp_path: Path) -> None:
    assert quota(tmp_path) == MANY


def test_no_thread_spins_for_a_core_that_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group's time would be spent on waiting, also by threads that are asked for by name."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    net, here = cp.Network([1, 1]), _native.available_cores()
    data = Data({"X": np.zeros((1, 1))}, {"y": np.zeros((1, 1))})
    for left in (1, 2, MANY):
        monkeypatch.setattr(limits, "quota", lambda left=left: left)
        for threads in (2, 3, here, here + 1):
            NativeRunner(net.graph, None, data, threads=threads)
            assert _native.may_spin(threads) == (threads <= min(here, left))
        _native.leave_cores(MANY)
        assert Team(None).of_pass(1e9) == min(here, left)  # a number that was chosen
        assert _native.may_spin(2) == (min(here, left) >= 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as in a worker, where others have the other cores
    NativeRunner(net.graph, None, data, threads=2)
    assert not _native.may_spin(2)


# -- threadpoolctl -------------------------------------------------------------------------------
def ours() -> list[dict[str, object]]:
    return [one for one in threadpool_info() if one["user_api"] == "clearprop"]


def test_threadpoolctl_sees_the_engine_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no other package's library of the same name: hypothesis has one."""
    plenty(monkeypatch)
    (found,) = ours()
    assert found["num_threads"] == 8
    assert found["version"] == cp.__version__
    assert Path(str(found["filepath"])).samefile(str(_native.__file__))


def test_limits_hold_while_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    plenty(monkeypatch)
    with threadpool_limits(3):
        assert cores() == 3
        with threadpool_limits({"clearprop": 1}):
            assert cores() == 1
            heard: list[int] = []
            thread = threading.Thread(target=lambda: heard.append(cores()))
            thread.start()
            thread.join()
            assert heard == [1]
        assert cores() == 3
        with threadpool_limits(1, user_api="blas"):
            assert cores() == 3  # of others
    assert cores() == 8
    plenty(monkeypatch, 16)
    assert cores() == 16  # what was put back is no limit


def test_a_limit_changes_no_bits(rng: np.random.Generator) -> None:
    """On a step large enough that without a limit all cores would take part."""
    X = rng.normal(size=(64, 600)).astype(np.float32)
    net = cp.Network([600, 900, 1])
    free = cp.train(net, X, X[:, 0], epochs=2, batch_size=64)
    with threadpool_limits(1):
        limited = cp.train(net, X, X[:, 0], epochs=2, batch_size=64)
    assert free.parameters.flat.tobytes() == limited.parameters.flat.tobytes()


def test_many_runs_share_what_a_limit_leaves(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty(monkeypatch)
    X = rng.normal(size=(64, 3))
    at_once: set[int] = set()

    def look(progress: object) -> None:
        at_once.add(threading.get_ident())

    runs = [{"seed": seed} for seed in range(4)]
    with threadpool_limits(1):
        cp.train_many(
            runs, X, X[:, 0], network=cp.Network([3, 4, 1]), epochs=3, callbacks=look
        )  # fmt: skip
    assert len(at_once) == 1
