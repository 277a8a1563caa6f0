"""What a stream may and must look like after a lossy wire, without any protocol.

`must_arrive` is the reference: the packets that a receiver which only asks again once per round trip could
have had in time. `check_books` is what holds for every run, whatever the wire did.
"""

from itertools import pairwise

from engine.protocols.srt.numbers import SEQ_MASK
from tests.engine.srt.live_wire import MS, LiveRun, Script

RETRY_SLACK_US = 4 * MS
"""What an implementation may add to a round trip before it asks again."""


def must_arrive(script: Script, run: LiveRun, round_trip_us: int = 60 * MS) -> set[int]:
    """The packets that arrive with their first sending, or with one that was asked for in time.

    A loss shows when the next packet arrives at first sending; its answer is there a round trip later, and if
    that is lost too, the next a round trip and some slack after it. In time is before it would be played, for
    then the packets behind it may be played.
    """
    packets = len(run.sent_us)
    masks = [script.losses[n] if n < len(script.losses) else 0 for n in range(packets)]
    must = set()
    shown_us = None
    for n in reversed(range(packets)):
        if not masks[n] & 1:
            must.add(n)
            shown_us = run.sent_us[n] + run.one_way_us
        elif shown_us is not None and _is_saved(masks[n], shown_us, round_trip_us, _due_us(run, n)):
            must.add(n)
    return must


def _is_saved(mask: int, shown_us: int, round_trip_us: int, due_us: int) -> bool:
    sending, arrives_us = 1, shown_us + round_trip_us
    while arrives_us <= due_us:
        if not mask >> sending & 1:
            return True
        sending += 1
        arrives_us += round_trip_us + RETRY_SLACK_US
    return False


def _due_us(run: LiveRun, n: int) -> int:
    return run.sent_us[n] + run.one_way_us + run.latency_us


def check_books(run: LiveRun, *, tolerance_us: int = 0) -> None:
    """In order, once, in time; and what did not come is in exactly one gap, in the right place.

    Several packets lost in a row wait together for the one behind them, so the first of them may be played as
    much later as it was sent earlier: `tolerance_us`.
    """
    indexes = [each.index for each in run.delivered]
    assert all(earlier < later for earlier, later in pairwise(indexes))
    for each in run.delivered:
        assert abs(each.at_us - _due_us(run, each.index)) <= tolerance_us
    check_gaps(run)


def check_gaps(run: LiveRun) -> None:
    """Between two payloads delivered, the gaps name exactly what is missing."""
    initial_seq = run.publisher.negotiated.initial_seq
    pieces = [(each.index, 1) for each in run.delivered]
    gaps = [((gap.first_seq - initial_seq) & SEQ_MASK, gap.packets) for gap in run.gaps]
    for gap, (first, _) in zip(run.gaps, gaps, strict=True):
        assert gap.after == sum(index < first for index, _ in pieces)
    covered = sorted(pieces + gaps)
    assert all(first + length == following for (first, length), (following, _) in pairwise(covered))
    assert not covered or covered[0][0] == 0
