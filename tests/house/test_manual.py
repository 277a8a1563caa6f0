"""`configs/fanlight.toml` is the manual: complete, equal to the defaults, and right about every limit."""

import re
import tomllib
from itertools import pairwise
from typing import Annotated, get_args, get_origin

import pytest
from msgspec import Meta

from engine.access.allowed import AllowList
from engine.config import (
    KEYS,
    Config,
    HookUrls,
    Key,
    Listen,
    Passphrases,
    Programmes,
    Secret,
    StreamPorts,
    diff,
    for_path,
    load,
)
from engine.config.key_limits import KeyLimits
from engine.config.key_table import KeyTable
from engine.config.networks import Networks
from engine.config.public_keys import PublicKeys
from engine.config.shared_secrets import SharedSecrets
from engine.config.word_sets import ProxiedPorts, Ways
from engine.metrics import GROUPS, markdown
from tests.house.source import ROOT

MANUAL = (ROOT / "configs" / "fanlight.toml").read_text()
TEXTS_WITH_RULES = {"allowed_codecs": "h264,aac", "exempt": "10.0.0.0/8"}
FREE_TEXTS = (
    "cors_origin",
    "certificate",
    "key",
    "folder",
    "jwt_keys_url",
    "jwt_issuer",
    "jwt_audience",
    "file",
    "url",
)
GO_TOGETHER = (  # the first is refused without the other, or each of the two
    ("tls.certificate", "tls.key"),
    ("access.jwt_algorithm", "access.jwt_secrets"),
    ("access.trusted_proxies", "access.proxy_protocol"),
)

TABLES_AND_LISTS: dict[type, str] = {
    KeyTable: f'{{studio = "sha256:{"0" * 64} until 2026-12-31"}}',
    KeyLimits: "{guest = {max_bitrate_bps = 3000000}}",
    SharedSecrets: f'{{autumn = "{"x" * 32}"}}',
    PublicKeys: "{issuer = '-----BEGIN PUBLIC KEY----- MCow -----END PUBLIC KEY-----'}",
    Networks: "10.0.0.0/8, 2001:db8::/32",
    Ways: "key",
    ProxiedPorts: "rtmp, https",
}


def comments() -> dict[str, str]:
    """The comment directly above each key, by dotted name; empty where there is none."""
    found: dict[str, str] = {}
    section, comment = "", ""
    for line in MANUAL.splitlines():
        if line.startswith("#"):
            comment += line.removeprefix("#")
        elif line.startswith("["):
            section, comment = line.strip("[]"), ""
        elif name := re.match(r"(\w+) = ", line):
            found[f"{section}.{name[1]}"], comment = comment, ""
        else:
            comment = ""
    return found


def bounds(key: Key) -> list[str]:
    """The numbers and choices that the key's type allows, as an operator writes them."""
    if get_origin(key.annotation) is Annotated:
        metas = [meta for meta in get_args(key.annotation) if isinstance(meta, Meta)]
        return [f"{bound:.15g}" for meta in metas for bound in (meta.ge, meta.le) if bound is not None]
    return [f'"{choice}"' for choice in get_args(key.annotation)]


def other_value(key: Key) -> str:
    """A value that the key allows and that is not its default, as the environment would hold it."""
    if isinstance(key.default, Listen):
        return "127.0.0.1:0"
    if isinstance(key.default, bool):
        return str(not key.default).lower()
    if isinstance(key.default, int | float):
        # Chosen so that no rule between keys is broken: a larger ring, a smaller anything else.
        half = key.default / 2 if isinstance(key.default, float) else key.default // 2
        return str(key.default * 2 if key.name == "bytes" else half or 10)
    if isinstance(key.default, StreamPorts):
        return '{10081 = "live/cam1"}'
    if isinstance(key.default, Passphrases):
        return '{"key of the van" = "0123456789"}'
    if isinstance(key.default, HookUrls):
        return "https://example.org/hook"
    if isinstance(key.default, AllowList):
        return '["127.0.0.1/32"]'
    if isinstance(key.default, Programmes):
        return '{"live/final" = ["live/final_1080"]}'
    if key.name in TEXTS_WITH_RULES:
        return TEXTS_WITH_RULES[key.name]
    for kind, text in TABLES_AND_LISTS.items():
        if isinstance(key.default, kind):
            return text
    if isinstance(key.default, Secret) or key.name in FREE_TEXTS:
        return "https://example.org"
    return next(str(choice) for choice in get_args(key.annotation) if choice != key.default)


def test_the_manual_is_the_defaults() -> None:
    assert load(MANUAL, {}) == Config()


def test_the_manual_has_every_key_and_no_other() -> None:
    written = {f"{section}.{name}" for section, content in tomllib.loads(MANUAL).items() for name in content}
    assert written == set(KEYS)


def test_every_key_has_a_reason_directly_above() -> None:
    assert [name for name, comment in comments().items() if len(comment.split()) < 2] == []
    assert comments().keys() == KEYS.keys()


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.dotted)
def test_the_manual_tells_the_limits(key: Key) -> None:
    comment = comments()[key.dotted]
    assert [bound for bound in bounds(key) if bound not in comment] == []


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.dotted)
def test_the_manual_tells_what_needs_a_restart(key: Key) -> None:
    assert comments()[key.dotted].endswith("(restart)") == key.restart


def test_sections_are_divided_by_what_they_are() -> None:
    heads = [before for before, line in pairwise(MANUAL.splitlines()) if line.startswith("[")]
    assert all(head.startswith("# ") for head in heads)


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.dotted)
def test_every_key_has_an_environment_name_that_works(key: Key) -> None:
    company = next((pair for pair in GO_TOGETHER if key.dotted in pair), (key.dotted,))
    keys = [KEYS[name] for name in company]
    changed = diff(Config(), load(MANUAL, {one.environment_name: other_value(one) for one in keys}))
    assert changed.hot + changed.restart == tuple(one.dotted for one in keys)


def test_the_example_of_paths_works_as_the_manual_says() -> None:
    example = MANUAL[MANUAL.index('# [paths."live/*"]') :]
    config = load(re.sub("(?m)^# ?", "", example), {})
    final = for_path(config, "live/final")
    assert final.publish_key.matches("change-me")
    assert (final.grace_s, final.start, final.slow_player, final.gop.max_gops) == (30, "burst", "wait", 1)
    assert for_path(config, "live/other").start == "keyframe"


def test_the_page_of_metrics_is_the_catalogue() -> None:
    how = "write markdown(GROUPS) of engine.metrics to docs/metrics.md"
    assert (ROOT / "docs" / "metrics.md").read_text() == markdown(GROUPS), how
