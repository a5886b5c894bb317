"""Every example in a docstring and in the README gives what it shows."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from clearprop.operations import TABLE

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
MODULES = sorted(
    ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for file in SOURCE.rglob("*.py")
    if file.name != "__main__.py"
)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """Rows that an example registers are gone after it."""
    monkeypatch.setattr(TABLE, "_rows", dict(TABLE._rows))


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_on_pages_run(page, tmp_path, monkeypatch):
    # A fence ends an example as a blank line does; doctest knows blank lines only.
    text = page.read_text("utf-8").replace("\n```", "\n\n```")
    (tmp_path / "examples").symlink_to(ROOT / "examples")  # a page is read at the top of the tree
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner(optionflags=FLAGS).run(test).failed == 0
