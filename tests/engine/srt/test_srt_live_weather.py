"""A stream of five megabits a second through bad weather: what is delivered, and what it costs.

The figures are those of a link with 60 ms round trip at 250 ms latency, which leaves time for four attempts.
"""

import os

import pytest

from tests.engine.srt.live_model import check_books, must_arrive
from tests.engine.srt.live_wire import MS, LiveRun, Script, Weather

NIGHTLY = "NIGHTLY" in os.environ
PACKETS = 60_000 if NIGHTLY else 3_000
MAX_OVERHEAD = 1.3
"""Packets sent again, per packet lost."""
BY_CHANCE = 0.004
"""What a run may be off by chance: retransmissions per packet sent."""
LOSSES = (0.01, 0.02, 0.05, 0.1, 0.2)


def stream(there: Weather, back: Weather) -> LiveRun:
    run = LiveRun(there, back)
    run.publish(PACKETS)
    run.finish()
    return run


def missing(run: LiveRun) -> float:
    return 1 - len(run.delivered) / PACKETS


def overhead(run: LiveRun) -> float:
    return run.publisher.sender.counts.retransmitted / PACKETS


def hopeless(loss: float, attempts: int) -> float:
    """The share of packets that neither their first sending nor so many attempts bring; an attempt needs its
    NAK and its packet to arrive."""
    return loss * (1 - (1 - loss) ** 2) ** attempts


def test_a_clean_link_costs_nothing() -> None:
    run = stream(Weather(), Weather())
    assert len(run.delivered) == PACKETS
    assert run.events == []
    assert overhead(run) == 0
    assert run.player.tallies.naks_sent == 0
    check_books(run)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_one_way_are_recovered_as_far_as_time_allows(loss: float) -> None:
    chance = Weather(seed=7, loss=loss).chance
    masks = [sum((chance.random() < loss) << sending for sending in range(8)) for _ in range(PACKETS)]
    script = Script([0] * 100 + masks[100:], 0x1234567)
    run = LiveRun(script)
    run.publish(PACKETS)
    run.finish()
    assert {each.index for each in run.delivered} >= must_arrive(script, run)
    assert missing(run) <= loss**4 + 3 / PACKETS
    assert overhead(run) <= MAX_OVERHEAD * loss
    check_books(run, tolerance_us=run.interval_us)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_both_ways_cost_no_more_than_they_must(loss: float) -> None:
    run = stream(Weather(seed=11, loss=loss), Weather(seed=12, loss=loss))
    assert missing(run) <= hopeless(loss, attempts=3) + BY_CHANCE / 2
    assert overhead(run) <= MAX_OVERHEAD * loss
    check_books(run, tolerance_us=run.interval_us + 2 * MS)


@pytest.mark.parametrize("loss", [0.0, *LOSSES])
def test_a_link_that_reorders_and_doubles_is_not_taken_for_a_lossy_one(loss: float) -> None:
    run = stream(
        Weather(seed=21, loss=loss, reorder=0.25, duplicate=0.01), Weather(seed=22, loss=loss, reorder=0.25)
    )
    assert missing(run) <= hopeless(loss, attempts=3) + BY_CHANCE / 2
    assert overhead(run) <= MAX_OVERHEAD * loss + BY_CHANCE
    assert run.player.receiver.counts.reordered > PACKETS * 0.15
    check_books(run, tolerance_us=run.interval_us + 8 * MS)


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.1])
def test_jitter_is_not_taken_for_loss(loss: float) -> None:
    run = stream(
        Weather(seed=31, loss=loss, jitter_us=10 * MS), Weather(seed=32, loss=loss, jitter_us=10 * MS)
    )
    assert missing(run) <= hopeless(loss, attempts=2) + BY_CHANCE / 2
    assert overhead(run) <= MAX_OVERHEAD * loss + BY_CHANCE
    check_books(run, tolerance_us=run.interval_us + 10 * MS)


def test_after_an_outage_comes_what_the_sender_still_has_and_the_rest_is_missing_in_one_piece() -> None:
    """The sender keeps a second. It is late then, but nothing behind it was played, so it is played."""

    def outage(_datagram: bytes, now_us: int) -> list[int]:
        return [] if began_us < now_us < began_us + 1_500 * MS else [30 * MS]

    run = LiveRun(outage, outage)
    began_us = run.now_us + 500 * MS
    run.publish(2_000)
    run.finish()
    missing = sum(gap.packets for gap in run.gaps)
    assert missing == pytest.approx((1_500 - 1_020 + 60) * MS / run.interval_us, abs=10)
    assert run.gaps[-1].first_seq + run.gaps[-1].packets - run.gaps[0].first_seq == missing
    assert run.delivered[-1].index == 1_999
    assert run.player.closed is None
    check_books(run, tolerance_us=1_200 * MS)
