"""What the pages for people point at is there."""

import re
from pathlib import Path

from tests.house.source import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
OWN_PATH = re.compile(r"`((?:tests|configs|docs|bench|scripts|engine|shm|workers)/[\w./-]+)`")
MAKE_COMMAND = re.compile(r"\bmake ([a-z-]+)\b(?=[`\s]+(?:#|$)|`)", re.MULTILINE)


def missing(page: Path, pattern: re.Pattern[str], folder: Path) -> list[str]:
    return [target for target in pattern.findall(page.read_text()) if not (folder / target).exists()]


def test_links_lead_somewhere() -> None:
    assert {page.name: targets for page in PAGES if (targets := missing(page, LINK, page.parent))} == {}


def test_paths_in_prose_are_there() -> None:
    assert {page.name: targets for page in PAGES if (targets := missing(page, OWN_PATH, ROOT))} == {}


def test_commands_in_prose_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {command for page in PAGES for command in MAKE_COMMAND.findall(page.read_text())}
    assert used >= {"demo", "test"}
    assert used <= targets
