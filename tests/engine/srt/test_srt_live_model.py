"""A stream over a wire whose losses hypothesis chooses, beside the reference model."""

import os
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.protocols.srt.numbers import SEQ_MASK
from tests.engine.srt.live_model import check_books, must_arrive
from tests.engine.srt.live_wire import LiveRun, Script, Weather

NIGHTLY = "NIGHTLY" in os.environ
pytestmark = pytest.mark.hard_timeout(1_800 if NIGHTLY else 120)
INTERVAL_US = 5_000
"""200 packets a second: a loss is found late, which makes the sums harder to come out right."""
WARM_UP = 50
"""Packets without loss, until the round trip is known."""

masks = st.integers(0, 63) | st.just(0) | st.just(1)
scripts = st.lists(masks, min_size=1, max_size=150)
initial_seqs = st.integers(0, SEQ_MASK) | st.integers(SEQ_MASK - 200, SEQ_MASK)


@settings(max_examples=5_000 if NIGHTLY else 40)
@given(losses=scripts, initial_seq=initial_seqs, latency_ms=st.integers(100, 400))
def test_what_can_arrive_in_time_is_delivered_in_time(
    losses: list[int], initial_seq: int, latency_ms: int
) -> None:
    script = Script([0] * WARM_UP + losses, initial_seq)
    run = LiveRun(script, interval_us=INTERVAL_US, latency_ms=latency_ms, initial_seq=initial_seq)
    run.publish(len(script.losses) + 60)
    run.finish()
    assert {each.index for each in run.delivered} >= must_arrive(script, run)
    longest = max(len(list(lost)) for _, lost in groupby(mask & 1 for mask in [*losses, 0]))
    check_books(run, tolerance_us=(longest + 1) * INTERVAL_US)


@settings(max_examples=5_000 if NIGHTLY else 25)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from((0.0, 0.01, 0.05, 0.2, 0.5)),
    jitter_us=st.sampled_from((0, 1_000, 15_000)),
    reorder=st.sampled_from((0.0, 0.25)),
    duplicate=st.sampled_from((0.0, 0.01, 0.3)),
    latency_ms=st.sampled_from((20, 120, 250)),
)
def test_the_books_balance_whatever_the_weather(
    seed: int, loss: float, jitter_us: int, reorder: float, duplicate: float, latency_ms: int
) -> None:
    there, back = (
        Weather(seed + way, loss=loss, jitter_us=jitter_us, reorder=reorder, duplicate=duplicate)
        for way in range(2)
    )
    run = LiveRun(there, back, latency_ms=latency_ms)
    run.publish(300)
    run.finish()
    check_books(run, tolerance_us=2 * run.latency_us)
    stats = run.player.stats(run.now_us)
    assert stats.pktRcvDelivered == stats.pktRecvUniqueTotal == len(run.delivered)
    assert stats.pktRcvDropTotal == sum(gap.packets for gap in run.gaps)
    assert (
        stats.pktRecvTotal
        == stats.pktRecvUniqueTotal + stats.pktRcvBelated + run.player.receiver.counts.duplicates
    )
    assert stats.pktRefused == run.publisher.tallies.refused == 0
