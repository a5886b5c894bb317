"""A user's function in a process of its own: limits on time, memory and processor, a folder.

This protects against accidents (an endless loop, a huge array, prints, a crash), not against
malice: the code runs with the user's rights. Nothing of it is imported into this process.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clearprop.checking.answer import Calls
from clearprop.checking.calling import LONGEST, AnswerError
from clearprop.errors import FileError, UsageError
from clearprop.words import visible

#: Seconds that Python and NumPy may take to start, beside the function's own.
STARTING = 5

#: Of what is printed, so many bytes are looked at, and so many may be written to any file.
SHOWN, WRITTEN = 1 << 20, 1 << 28

#: What runs there. It reads arrays, calls the function, and writes arrays; no ClearProp in it.
_CHILD = """
import os, sys, runpy, traceback, inspect, resource
import numpy as np
home = os.getcwd() + "/"  # wherever the function goes
file, name, seconds, memory = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sys.argv[:] = [file]  # a script that reads its own options has none
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN, WRITTEN))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.path.insert(0, file.rpartition("/")[0])
if memory:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
def end(code):
    for screen in (sys.stdout, sys.stderr):
        try:
            screen.flush()
        except Exception:
            pass
    os._exit(code)  # at once: threads that it has left running are not waited for
def fail(text):
    try:
        with open(home + "problem.txt", "w", encoding="utf-8") as out:
            out.write(text)
    except OSError:
        pass  # the folder is gone, and that is seen
    end(1)
def cut(words, longest=LONGEST):
    words = " ".join(words.split())
    return words if len(words) <= longest else words[:longest - 1] + "\u2026"
def told(error):
    try:
        words = str(error)
    except Exception:  # its text is the user's code too
        words = ""
    return cut(type(error).__name__ + (": " if words else "") + words)
def why(error):
    lost = isinstance(error, FileNotFoundError) and not os.path.isabs(str(error.filename))
    return told(error) + (f" (it runs in a temporary folder; its own is {file.rpartition('/')[0]})"
                          if lost else "")
def line_of(error):
    spots = [t for t in traceback.extract_tb(error.__traceback__) if t.filename == file]
    return f", line {spots[-1].lineno}: {cut(spots[-1].line, 100)}" if spots else ""
given = {}
with np.load(home + "in.npz", allow_pickle=False) as data:  # once: the function may delete it
    given = {k: data[k] for k in data.files}
def load(prefix):
    found = {k[len(prefix):]: given[k].copy() for k in given if k.startswith(prefix)}
    return found[""] if list(found) == [""] else found
try:
    names = runpy.run_path(file)
except BaseException as error:
    fail(f"{file}{line_of(error)}: {why(error)}")
f = names.get(name)
if f is not None and not callable(f):
    fail(f"{name!r} of {file} is no function but of type {type(f).__name__}")
if not callable(f):
    known = [k for k, v in names.items() if inspect.isfunction(v)]
    fail(f"{file} has no function {name!r}; it has {', '.join(known) or 'none'}")
p, X, Y = load("p:"), load("X:"), load("Y:")
extra = {k: load(k + ":") for k in ("sample_weight", "masks") if load(k + ":") is not None
         and not (isinstance(load(k + ":"), dict) and not load(k + ":"))}
try:
    known = inspect.signature(f).parameters
except (TypeError, ValueError):
    known = {}
out = {}
for call in ("1", "2"):
    p, X, Y = load("p:"), load("X:"), load("Y:")
    try:
        g = f(p, X, Y, **{k: v for k, v in extra.items() if k in known})
    except MemoryError:
        fail(f"{name} asks for more memory than the limit; raise it with --memory")
    except OSError as error:
        if error.errno == 27:
            fail(f"{name} wrote more than WRITTEN bytes; does it print in an endless loop?")
        fail(f"{name}{line_of(error)}: {why(error)}")
    except BaseException as error:
        hint = ""
        if isinstance(error, KeyError) and error.args[:1] and error.args[0] not in load("p:"):
            hint = f" (the network's parameters are {', '.join(load('p:'))})"
        fail(f"{name}{line_of(error)}: {told(error)}{hint}")
    was = load("p:")
    changed = [k for k in was
               if k not in p or not np.array_equal(p[k], was[k], equal_nan=True)]
    for what, now in (("X", X), ("Y", Y)):
        before = load(what + ":")
        if not isinstance(before, dict):
            before, now = {"": before}, {"": now}
        if any(not np.array_equal(now.get(k), before[k]) for k in before):
            changed.append(what)
    if changed:
        out["changed:" + " ".join(changed)] = np.zeros(0)
    if isinstance(g, tuple):  # (cost, gradient), or with more beside it
        named = [one for one in g if isinstance(one, dict)]
        g = named[0] if len(named) == 1 else g
        if len(g) == 2 and isinstance(g[0], (int, float, np.ndarray)) and np.ndim(g[0]) == 0:
            g = g[1]
    if isinstance(g, (list, tuple)) and any(
        isinstance(one, (list, tuple)) and any(hasattr(x, "shape") for x in one) for one in g
    ):  # lists of arrays in a list: all weights and all biases, or those of each layer
        rows = [one if isinstance(one, (list, tuple)) else [one] for one in g]
        g = {f"[{i}][{j}]": x for i, one in enumerate(rows) for j, x in enumerate(one)}
    if g is None:
        fail(f"{name} returned None; return a dict of arrays by parameter "
             "(does it end without a return?)")
    if isinstance(g, (list, tuple)):
        if len(g) != len(was):
            fail(f"{name} returned {len(g)} arrays, the network has {len(was)} parameters: "
                 + ", ".join(was))
        g = dict(zip(was, g))
    if not isinstance(g, dict):
        g = {"flat": g}
    for k, v in g.items():
        if v is None:
            fail(f"the gradient of {k} is None; it must be an array of numbers")
        try:
            array = np.array(v)  # a copy: it may be added to in the second call
            if array.dtype.kind == "c":
                fail(f"the gradient of {k} is complex; it must be an array of real numbers")
            if array.dtype.kind not in "fiub":
                array = array.astype(float)
        except (TypeError, ValueError):
            kind = getattr(v, "dtype", type(v).__name__)
            what = "is still a blank (...)" if v is Ellipsis else f"is {kind}"
            whose = f"what {name} returned" if k == "flat" else f"the gradient of {k}"
            fail(f"{whose} {what}; it must be an array of numbers")
        out[f"{call}:{k}"] = array
try:
    np.savez(home + "out.npz", **out)
except OSError:
    end(1)  # the folder is gone, and that is seen
end(0)
""".replace("WRITTEN", str(WRITTEN)).replace("LONGEST", str(LONGEST))


def run_function(
    file: Path,
    name: str,
    parameters: Mapping[str, Any],
    X: Any,
    Y: Any,
    extra: Mapping[str, Any],
    *,
    seconds: int = 10,
    memory: int = 2 << 30,
) -> tuple[Calls, list[str]]:
    """Call ``name`` of ``file`` in a process of its own, twice; return what it gave and notes.

    Parameters
    ----------
    file : Path
    name : str
        The function; it is given (parameters, X, Y), and what of ``extra`` it has arguments for.
    parameters, X, Y, extra
        Arrays, and mappings of arrays by name.
    seconds : int
        Limit on time, and on processor time.
    memory : int
        Limit in bytes; 0 for none.

    Raises
    ------
    AnswerError, FileError
        Saying what went wrong in the user's words; never a traceback of ours.
    """
    if not file.is_file():
        raise FileError(f"there is no file {file}")
    if seconds < 1:
        raise UsageError(f"the limit on time is 1 s or more, got {seconds} s (--seconds)")
    if memory < 0:
        raise UsageError(f"the limit on memory is 0 (none) or more, got {memory} bytes (--memory)")
    arrays: dict[str, Any] = {}
    for prefix, value in (("p", parameters), ("X", X), ("Y", Y), *extra.items()):
        if isinstance(value, Mapping):
            arrays |= {f"{prefix}:{key}": np.asarray(item) for key, item in value.items()}
        elif value is not None:
            arrays[f"{prefix}:"] = np.asarray(value)
    # what a function does with its folder is its own matter: none is missed at the end
    with tempfile.TemporaryDirectory(
        prefix="clearprop-check-", ignore_cleanup_errors=True
    ) as folder:
        np.savez(Path(folder, "in.npz"), **arrays)
        environment = dict(os.environ) | {
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        words = [str(file.resolve()), name, str(seconds), str(memory)]
        output = Path(folder, "printed.txt")
        with output.open("wb") as screen:
            child = subprocess.Popen(
                [sys.executable, "-c", _CHILD, *words],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        before = _processor_time()
        try:
            child.wait(timeout=seconds + STARTING)
        except subprocess.TimeoutExpired:
            raise AnswerError(
                f"{name} did not end within {seconds} s; is there an endless loop? (--seconds)"
            ) from None
        finally:  # with all that it has started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if not Path(folder).is_dir():
            raise AnswerError(
                f"{name} deletes the folder that it runs in, so nothing came back; that folder is "
                "a temporary one, made for the check, and needs no tidying"
            )
        printed = ""
        if output.exists():
            with output.open("rb") as screen:
                printed = screen.read(SHOWN).decode("utf-8", "replace")
        problem, result = Path(folder, "problem.txt"), Path(folder, "out.npz")
        if problem.exists():
            raise AnswerError(visible(problem.read_text("utf-8", "replace")))
        if child.returncode or not result.exists():
            spent = _processor_time() - before
            raise AnswerError(_why_it_ended(child.returncode, name, seconds, spent, printed))
        with np.load(result, allow_pickle=False) as data:
            found = {key: data[key] for key in data.files}
    return _read(found, printed)


def _processor_time() -> float:
    """Seconds of processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _why_it_ended(code: int, name: str, seconds: int, spent: float, printed: str) -> str:
    if -code == signal.SIGXCPU or (-code == signal.SIGKILL and spent >= seconds):
        return f"{name} used more than {seconds} s of processor time (--seconds)"
    if -code == signal.SIGKILL:
        return f"{name} was killed (SIGKILL): by its own code, or for want of memory"
    if code < 0:
        return f"{name} crashed with signal {signal.Signals(-code).name}"
    last = printed.strip().splitlines()
    if last and "MemoryError" in last[-1]:
        return "the limit on memory is too small for Python and NumPy themselves (--memory)"
    return f"{name} ended without a result (exit code {code})" + (
        f": {visible(last[-1])}" if last else ""
    )


def _read(found: Mapping[str, Any], printed: str) -> tuple[Calls, list[str]]:
    notes = []
    first = {key[2:]: array for key, array in found.items() if key.startswith("1:")}
    second = {key[2:]: array for key, array in found.items() if key.startswith("2:")}
    for key in found:
        if key.startswith("changed:"):
            names = key.removeprefix("changed:").replace(" ", ", ")
            notes.append(f"the function changes its inputs {names} (an in-place operation)")
    if printed.strip():
        lines = printed.strip().splitlines()
        some = "lines" if len(lines) > 1 else "line"
        more = "" if len(printed.encode()) < SHOWN else "more than "
        notes.append(
            f"the function printed {more}{len(lines)} {some}; the first: {visible(lines[0][:100])}"
        )
    return Calls(_form(first), _form(second)), notes


def _form(found: dict[str, Any]) -> Any:
    """What a function returned: arrays by name, one alone, or lists of them in a list."""
    if not found or not all(key.startswith("[") for key in found):
        return found.get("flat", found)
    rows: dict[str, list[Any]] = {}
    for key, array in found.items():
        rows.setdefault(key.partition("]")[0], []).append(array)
    return list(rows.values())
