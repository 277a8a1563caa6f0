"""The text of the project holds on every machine, and says what is there, not what is to come."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import CODE, ROOT, modules, text_files

# Written in pieces, so that this file does not hold what it looks for.
MARKS = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK", "NotImplemented" + "Error")) + r")\b"
)
REGISTRIES = tuple(
    ".".join(words)
    for words in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
)
SHARED_FOLDERS = {
    Path(name) for name in ("/", "/tmp", "/var/tmp", "/home", "/root", "/srv", "/opt", "/mnt", "/src")
}


def machine_paths() -> Iterator[str]:
    """Give the paths that would betray where this copy of the project happens to lie."""
    for folder in {ROOT, ROOT.parent, Path.home()} - SHARED_FOLDERS:
        yield f"{folder}/"


def lines_with(words: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if any(word in line for word in words)
    ]


def test_no_file_names_a_path_of_this_machine() -> None:
    assert lines_with(tuple(machine_paths())) == []


def test_no_file_names_the_host_of_a_registry() -> None:
    assert lines_with(REGISTRIES) == []


def test_no_module_carries_a_mark_of_unfinished_work() -> None:
    marked = [
        f"{module.name}: {found[0]}" for module in modules(*CODE) if (found := MARKS.search(module.text))
    ]
    assert marked == []
