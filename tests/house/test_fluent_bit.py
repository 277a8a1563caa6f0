"""The files for Fluent Bit say what it understands, and its parser understands our lines.

Debian 12 has no Fluent Bit, so what is checked is what its classic format demands (docs.fluentbit.io,
"Format and Schema"), and the keys of the plugins that are used here, as its manual has them.
"""

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from engine.config import Log
from tests.house.source import ROOT
from workers.runtime.logs import configure_logs, open_log

FOLDER: Final = ROOT / "configs" / "fluent-bit"
COMMON: Final = {
    "input": {"name", "tag", "alias"},
    "filter": {"name", "match"},
    "output": {"name", "match", "retry_limit"},
}
SERVICE_KEYS: Final = {
    "flush",
    "log_level",
    "parsers_file",
    "health_check",
    "http_server",
    "http_listen",
    "http_port",
}
PARSER_KEYS: Final = {"name", "format", "time_key", "time_format", "time_keep"}
PLUGIN_KEYS: Final = {
    ("input", "tail"): {
        "path",
        "parser",
        "db",
        "read_from_head",
        "rotate_wait",
        "refresh_interval",
        "buffer_max_size",
        "skip_long_lines",
        "mem_buf_limit",
    },
    ("input", "systemd"): {"systemd_filter", "db", "strip_underscores"},
    ("filter", "modify"): {"add"},
    ("filter", "rewrite_tag"): {"rule"},
    ("filter", "parser"): {"key_name", "parser"},
    ("output", "stdout"): {"format", "json_date_key"},
    ("output", "loki"): {"host", "port", "labels", "label_keys", "line_format"},
}
NUMBERS: Final = {"flush", "http_port", "port", "rotate_wait", "refresh_interval"}
SIZES: Final = {"buffer_max_size", "mem_buf_limit"}
SWITCHES: Final = {
    "health_check",
    "http_server",
    "read_from_head",
    "skip_long_lines",
    "time_keep",
    "strip_underscores",
}


class Section(NamedTuple):
    """`[KIND]` and what stands in it, keys in lower case."""

    kind: str
    entries: list[tuple[str, str]]

    def get(self, key: str) -> str:
        return dict(self.entries)[key]


def read(path: Path, *, with_alternatives: bool = False) -> list[Section]:
    """Read a file as Fluent Bit does; raises AssertionError for what it would refuse.

    with_alternatives: sections that are commented out stand there too.
    """
    sections: list[Section] = []
    indent = ""
    text = path.read_text()
    if with_alternatives:
        text = re.sub(r"(?m)^# (\[[A-Z]+\])((?:\n#     .*)*)", _uncommented, text)
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if head := re.fullmatch(r"\[([A-Z_]+)\]", line):
            sections.append(Section(head[1].lower(), []))
            indent = ""
            continue
        entry = re.fullmatch(r"( +)(\S.*)", line)
        assert entry, line
        indent = indent or entry[1]
        assert entry[1] == indent, f"indented otherwise than its section: {line}"
        if not entry[2].startswith("#"):
            key, value = entry[2].split(maxsplit=1)
            sections[-1].entries.append((key.lower(), value))
    return sections


def _uncommented(section: re.Match[str]) -> str:
    return section[1] + section[2].replace("\n# ", "\n")


def allowed_keys(section: Section) -> set[str]:
    if section.kind == "service":
        return SERVICE_KEYS
    if section.kind == "parser":
        return PARSER_KEYS
    return COMMON[section.kind] | PLUGIN_KEYS[section.kind, section.get("name")]


@pytest.mark.parametrize("alternatives", [False, True])
def test_every_section_has_keys_that_its_plugin_knows(alternatives: bool) -> None:
    for path in FOLDER.glob("*.conf"):
        for section in read(path, with_alternatives=alternatives):
            keys = {key for key, _ in section.entries}
            assert keys <= allowed_keys(section), (path.name, section.kind, keys - allowed_keys(section))
            for key, value in section.entries:
                assert key not in NUMBERS or value.isdigit(), (path.name, key)
                assert key not in SIZES or re.fullmatch(r"\d+[kMG]", value), (path.name, key)
                assert key not in SWITCHES or value in ("On", "Off"), (path.name, key)


def test_what_comes_in_goes_out_once() -> None:
    sections = read(FOLDER / "fluent-bit.conf")
    tags = [section.get("tag") for section in sections if section.kind == "input"]
    tags += [rule.split()[2] for section in sections for key, rule in section.entries if key == "rule"]
    matches = [section.get("match") for section in sections if section.kind == "output"]
    assert tags == ["fanlight", "fanlight.alarm"]
    for tag in tags:
        assert sum(bool(re.fullmatch(match.replace("*", ".*"), tag)) for match in matches) == 1, tag


def test_what_a_receiver_does_not_take_is_kept_for_it() -> None:
    """As installed Fluent Bit tries a second time and then throws the lines away."""
    sections = read(FOLDER / "fluent-bit.conf", with_alternatives=True)
    outputs = [section for section in sections if section.kind == "output"]
    assert [section.get("retry_limit") for section in outputs] == ["no_limits"] * 3


def test_a_line_of_the_journal_is_taken_apart_before_other_filters_look_at_its_fields() -> None:
    sections = read(FOLDER / "fluent-bit.conf", with_alternatives=True)
    assert [section.get("name") for section in sections if section.kind == "filter"] == [
        "parser",
        "modify",
        "rewrite_tag",
    ]


def test_parsers_that_are_named_are_there() -> None:
    sections = read(FOLDER / "fluent-bit.conf", with_alternatives=True)
    (service,) = (section for section in sections if section.kind == "service")
    parsers = {section.get("name") for section in read(FOLDER / service.get("parsers_file"))}
    named = {value for section in sections for key, value in section.entries if key == "parser"}
    assert named == parsers


def test_the_parser_understands_a_line_of_ours() -> None:
    (parser,) = read(FOLDER / "parsers.conf")
    line = json.loads(a_line())
    assert parser.get("format") == "json"
    # %L is Fluent Bit's own: fractions of a second, as many digits as there are.
    form = parser.get("time_format").replace("%L", "%f")
    assert datetime.strptime(line[parser.get("time_key")], form).year > 2000


def test_the_rule_for_alarms_fits_the_levels_that_somebody_has_to_act_upon() -> None:
    (rule,) = (
        value
        for section in read(FOLDER / "fluent-bit.conf")
        for key, value in section.entries
        if key == "rule"
    )
    key, pattern, _, keep = rule.split()
    levels = ("trace", "debug", "info", "warning", "error", "critical")
    assert key == "$level"
    assert [level for level in levels if re.search(pattern, level)] == ["error", "critical"]
    assert keep == "true"


def a_line() -> bytes:
    """One, as the engine writes it."""
    configure_logs(Log(format="json"))
    reader, writer = os.pipe()
    try:
        open_log("fanout0", writer).info("playing", stream="live/a")
        return os.read(reader, 4096)
    finally:
        os.close(reader)
        os.close(writer)
