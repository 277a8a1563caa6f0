"""What the pages for people point at is there."""

import re
import textwrap
from pathlib import Path

from engine.config import Config
from tests.house.source import ROOT
from workers.commands.addresses import KINDS, Address
from workers.commands.invitation import invitation

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


def test_the_readme_shows_what_the_demo_prints() -> None:
    addresses = {kind: Address(getattr(Config(), kind).listen) for kind in KINDS}
    shown = textwrap.indent(invitation("live/demo", addresses).strip("\n"), "    ")
    assert shown in (ROOT / "README.md").read_text()
