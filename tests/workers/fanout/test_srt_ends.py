"""Why an SRT player has gone: in the words of the counters, whatever its link calls it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from engine.config import Config
from engine.metrics import CATALOGUE
from engine.protocols.srt.connection import SrtConnection
from engine.protocols.srt.live_events import CloseReason
from tests.workers.fanout.srt_stage import film, negotiated_pair, udp_pair
from workers.fanout.audience import Audience
from workers.fanout.player import Player
from workers.fanout.srt_player import SrtPlayer
from workers.fanout.srt_session import ENDS, serve_player
from workers.fanout.stories import CLEAN_ENDS
from workers.runtime.circle import now_us

ENDED = next(metric for metric in CATALOGUE if metric.name == "fanlight_players_ended_total")
OF_THE_LINK = {reason.value for reason in CloseReason} - {"local"} | {"connection_lost", "error"}
"""Every word for its end that a link has."""


class Report:
    """Why players ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def player_started(self, player: Player) -> None:
        """Not asked about here."""

    def player_ended(self, player: Player) -> None:
        self.ends.append(player.reason)


class Scene:
    """One player that is being served, and its peer."""

    def __init__(self, audience: Audience, report: Report) -> None:
        self.ours, self.theirs = udp_pair()
        there, self.here = negotiated_pair()
        self.peer = SrtConnection(there, now_us())
        self.audience = audience
        self.report = report

    @property
    def player(self) -> SrtPlayer:
        (player,) = self.audience
        assert isinstance(player, SrtPlayer)
        return player

    def say_goodbye(self) -> None:
        self.peer.close()
        for header, payload in self.peer.poll(now_us()):
            self.theirs.send(header + bytes(payload))
        self.player.serve(now_us())  # as the circle does


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Its player is over at the end of the block, by whatever was done in it."""
    quiet = SimpleNamespace(info=lambda event, **_: None)
    async with film(5) as stage:
        worker = SimpleNamespace(
            tracer=None, log=quiet, slot=SimpleNamespace(name="fanout0"), config=Config()
        )
        hub, report = SimpleNamespace(settings_for=None), Report()
        audience = Audience(cast("Any", worker), cast("Any", hub), cast("Any", report))
        scene = Scene(audience, report)
        with scene.theirs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    serve_player,
                    audience,
                    "fanout0-000000000001",
                    cast("Any", None),
                    stage.feed,
                    scene.here,
                    scene.ours,
                    "test",
                    None,
                )
                await wait_all_tasks_blocked()
                yield scene


async def test_who_says_goodbye_has_closed(autojump_clock: MockClock) -> None:
    async with scene() as now:
        now.say_goodbye()
    assert now.report.ends == ["closed"]


@pytest.mark.parametrize("end", sorted(OF_THE_LINK))
async def test_every_end_of_a_link_has_a_word_in_the_counters(end: str, autojump_clock: MockClock) -> None:
    async with scene() as now:
        now.player.link.end = end
        now.player.over.set()
    (reason,) = now.report.ends
    assert ENDED.fold("reason", reason) == reason != "other"
    assert (reason in CLEAN_ENDS) == (end == "shutdown")


def test_no_word_is_foreseen_that_a_link_does_not_have() -> None:
    assert ENDS.keys() - {""} <= OF_THE_LINK
