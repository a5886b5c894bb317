"""A learner's file on the disk, and the chain that most of them are about."""

from __future__ import annotations

import textwrap

#: The command's words for the network 3-4-2, all sigmoid, with a penalty.
CHAIN = ["--network", "3-4-2", "--activation", "sigmoid", "--output", "sigmoid", "--l2", "0.1"]


def written(tmp_path, body):
    """Write mine.py; return what the command calls its function."""
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(body), "utf-8")
    return f"{file}:gradient"
