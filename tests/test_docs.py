"""The documentation: every page has its place in the site, and links lead somewhere. ``make docs`` checks more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from helpers import ROOT

GENERATED = "reference/commands.md"
PAGES = sorted((ROOT / "docs").rglob("*.md"))
TEXTS = [*PAGES, *(ROOT / name for name in ("README.md", "CHANGELOG.md", "ARCHITECTURE.md", "requirements/README.md"))]


def pages_of(nav: Any) -> Iterator[str]:
    """The pages of a navigation of mkdocs, in its order."""
    if isinstance(nav, str):
        yield nav
    for entry in nav if isinstance(nav, list) else nav.values() if isinstance(nav, dict) else ():
        yield from pages_of(entry)


def links(text: str) -> list[str]:
    """The targets of the links in a text, outside of its code."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(?ms)^ *(```+).*?^ *\1$|`[^`\n]+`", "", text))


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and mkdocs both make them."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_stands_once_in_the_navigation() -> None:
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = [*pages_of(configuration["nav"])]
    there = {path.relative_to(ROOT / "docs").as_posix() for path in PAGES}
    assert sorted(listed) == sorted(there | {GENERATED}), "a new page needs a line in the nav of mkdocs.yml"


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings_that_are_there(text: Path) -> None:
    broken = []
    for link in links(text.read_text(encoding="utf-8")):
        parts = urlsplit(link)
        target = text.parent / parts.path if parts.path else text
        if parts.scheme:
            good = parts.scheme in ("http", "https") and "." in parts.netloc
        elif target == ROOT / "docs" / GENERATED:
            good = True
        else:
            good = target.exists() and (not parts.fragment or parts.fragment in anchors(target))
        if not good:
            broken.append(link)
    assert not broken


def test_the_first_page_leads_to_every_page_that_is_for_readers() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    readers = {path.relative_to(ROOT / "docs").as_posix() for path in PAGES if path.parent.name != "decisions"}
    assert readers - {"index.md"} <= {urlsplit(link).path for link in links(index)}
