"""Who is let in at the door: whom the gate lets in, but for those whose key is banned."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.access.bans import Ban
from engine.access.shown import shown_in_query
from engine.access.verdict import Verdict
from engine.config import load
from engine.config.key_table import hash_line
from engine.config.secret import digest
from tests.engine.access.guarded import SIGNING, fresh_link
from tests.workers.control.house import Lines
from workers.fanout.audience import Audience
from workers.fanout.doorman import ask_at_the_gate, judge, refusal_of
from workers.fanout.guard import Guard
from workers.runtime.bans import write_bans
from workers.runtime.gate import Gate

HOST = "192.0.2.7"
CONFIG = load(
    f"""
[access.signing_keys]
now = "{SIGNING}"
[publish.publish_keys]
van = "{hash_line(digest("key of the van"), None)}"
studio = "{hash_line(digest("key of the studio"), None)}"
[play]
play_access = ["signature"]
[paths."open/*"]
play_access = ["open"]
""",
    {},
)


class Door:
    """What the doorman asks and tells."""

    def __init__(self, folder: Path) -> None:
        self.lines = Lines()
        self._folder = folder
        worker = SimpleNamespace(tracer=None, log=self.lines.logger())
        audience = SimpleNamespace(gate=Gate(CONFIG), guard=Guard(CONFIG, 1, folder), worker=worker)
        self.audience = cast("Audience", cast("Any", audience))

    def ban(self, key_id: str) -> None:
        made = Ban(id="1", kind="key", value=key_id, reason="", since_s=time.time(), until_s=None)
        write_bans(self._folder, [made])

    async def publish(self, query: str) -> Verdict:
        return await ask_at_the_gate(self.audience, "publish", "live/a", HOST, shown_in_query(query), "c1")


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


async def test_a_banned_key_opens_nothing_and_the_others_do(door: Door) -> None:
    assert (await door.publish("key=key of the van")).allowed
    door.ban("van")
    verdict = await door.publish("key=key of the van")
    assert (verdict.allowed, verdict.reason, verdict.key_id) == (False, "banned", "van")
    assert refusal_of(verdict, shown_in_query("key=key of the van"), None) == (403, ())
    assert (await door.publish("key=key of the studio")).allowed
    told = [(line["event"], line["key"], line.get("reason")) for line in door.lines.lines]
    assert told == [
        ("access_granted", "van", None),
        ("access_refused", "van", "banned"),
        ("access_granted", "studio", None),
    ]


async def test_who_does_not_have_the_key_does_not_hear_that_it_is_banned(door: Door) -> None:
    door.ban("van")
    assert (await door.publish("key=wrong")).reason == "key_wrong"


async def test_with_the_key_that_they_are_signed_with_all_links_are_banned(door: Door) -> None:
    async def play(name: str, query: str) -> Verdict:
        door.audience.guard.is_banned(HOST)
        return await judge(door.audience, "play", name, HOST, shown_in_query(query))

    link = fresh_link("live/a", action="play")
    assert (await play("live/a", link)).key_id == "now"
    door.ban("now")
    assert (await play("live/a", link)).reason == "banned"
    assert (await play("open/a", link)).allowed  # nothing was needed there


async def test_who_asks_at_each_request_is_judged_by_the_bans_that_were_looked_at_for_it(door: Door) -> None:
    shown = shown_in_query(fresh_link("live/a", action="play"))
    door.ban("now")
    assert (await judge(door.audience, "play", "live/a", HOST, shown)).allowed
    door.audience.guard.is_banned(HOST)
    assert (await judge(door.audience, "play", "live/a", HOST, shown)).reason == "banned"
