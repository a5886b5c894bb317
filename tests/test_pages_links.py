"""Links between the pages lead somewhere, on the site's first page too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "_build" not in page.parts
)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
#: Written when the pages are built.
MADE = ("reference.md",)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_page_leads_to_one(page: Path) -> None:
    text = re.sub(r"^(`{3,}).*?^\1", "", page.read_text("utf-8"), flags=re.M | re.S)
    links = [link for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text)) if "." in link]
    gone = [link for link in links if not (page.parent / link).exists()]
    assert [link for link in gone if not link.endswith(MADE)] == []


def test_the_sites_first_page_finds_the_readmes_links() -> None:
    """They begin at the top of the tree, and the page that includes them stands in docs."""
    options = (ROOT / "docs" / "index.md").read_text("utf-8").split("```")[1]
    assert options.splitlines() == ["{include} ../README.md", ":relative-docs: docs/"]
    assert "](docs/" in (ROOT / "README.md").read_text("utf-8")
