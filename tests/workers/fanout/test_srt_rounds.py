"""Once a second the links of SRT players are read, and what they measured is counted."""

from types import SimpleNamespace
from typing import Any, cast

import trio
from trio.testing import MockClock

from engine.config import Config
from tests.workers.fanout.srt_stage import FilmStage, SrtSeat
from tests.workers.fanout.stage import staged
from workers.fanout.audience import Audience
from workers.fanout.player import Player
from workers.fanout.wire import SRT
from workers.runtime.srt_readings import Measured, Packets

ROUND_TRIPS_US = (40_000, 80_000, 120_000)


class Report:
    """What the rounds told, and `step`, to be done after each of them."""

    def __init__(self) -> None:
        self.measured: list[Measured] = []
        self.sent = 0
        self.rounds = 0
        self.step = trio.Event()

    def player_started(self, player: Player) -> None:
        """Not asked about here."""

    def srt_packets(self, packets: Packets) -> None:
        self.sent += packets.get(("out", "data"), 0)

    def srt_measured(self, measured: Measured) -> None:
        self.measured.append(measured)

    def flush(self, feeds: object) -> None:
        self.rounds += 1
        self.step.set()


def audience_of(stage: FilmStage, report: Report) -> Audience:
    quiet = SimpleNamespace(info=lambda event, **_: None)
    hub = SimpleNamespace(feeds={}, close_idle=lambda: None, settings_for=None)
    worker = SimpleNamespace(tracer=None, log=quiet, slot=SimpleNamespace(name="fanout0"), config=Config())
    return Audience(cast("Any", worker), cast("Any", hub), cast("Any", report))


async def test_every_round_observes_each_link_once(autojump_clock: MockClock) -> None:
    stage, report = FilmStage(), Report()
    stage.publish(5)
    async with staged(stage), trio.open_nursery() as nursery:
        audience = audience_of(stage, report)
        seat = SrtSeat("fanout0-000000000001")
        stage.seats.append(seat)
        audience.admit(seat.player, stage.feed, SRT, None)
        nursery.start_soon(audience.make_rounds)
        await _round(report)
        assert report.measured == [{}]  # nobody has acknowledged anything
        for round_trip_us in ROUND_TRIPS_US:
            seat.player.link.connection.rtt.told(round_trip_us, 1_000, both_ways=False)
            await _round(report)
        nursery.cancel_scope.cancel()
    told = [each.get("fanlight_srt_rtt_seconds") for each in report.measured[1:]]
    assert told == [0.04, 0.08, 0.12]
    assert report.rounds == 1 + len(ROUND_TRIPS_US)


async def _round(report: Report) -> None:
    """Wait for the end of the next round."""
    report.step = trio.Event()
    await report.step.wait()
