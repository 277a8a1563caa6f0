"""What a receiver misses, and when it asks for it.

Ranges of positions (sequence numbers without wrap), ascending and disjoint. A range is asked for

- at first, as soon as as many later packets have come as the reorder tolerance says, or after the interval of
  periodic NAKs, whatever comes first. Without tolerance that is at once;
- again, when a packet sent in answer should have been here: the round trip has passed, and what it varies by;
  where waiting for all of that would leave the packet too few chances, the time that it has left is divided
  into equal parts, none shorter than the round trip and its mean deviation: on a restless link, or where one
  of the ends is too busy to be punctual;
- and once in between, in case the NAK was lost and not the packet. A sender leaves repeated NAKs alone for
  `Rtt.lower_us` after it has sent a packet again (libsrt 1.5, and ours), so this costs no packet, as long as
  it is inside of that time;
- not at all any more, once a packet sent in answer would come too late to be played.

libsrt repeats its whole loss list every (RTT + 4 RTTVar) / 2, whatever is already on its way. Where the round
trip varies that asks for the same packet twice, and gets it; where it does not, the times above are the same.

Hostile peers: a gap is one range, however wide, and a range costs a packet, so the list is never longer than
the buffer it belongs to. What is let go of leaves the list of what is wanted for good, so that a peer cannot
have it walked through again and again.
"""

from bisect import bisect_right
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, NamedTuple

from engine.protocols.srt.limits import MAX_LOSS_WORDS
from engine.protocols.srt.live_limits import (
    ANSWER_MARGIN_US,
    ENOUGH_CHANCES,
    MIN_INSURANCE_US,
    MIN_NAK_INTERVAL_US,
    MIN_RETRY_MARGIN_US,
)
from engine.protocols.srt.ranges import RangeSet
from engine.protocols.srt.rtt import Rtt

NEVER: Final = 1 << 62
"""Later than any clock, and beyond any position."""


class _State(Enum):
    """Where a range stands. `since_us` counts from the discovery while FRESH, then from the last attempt."""

    FRESH = auto()
    ASKED = auto()
    INSURED = auto()


class Spans(NamedTuple):
    """How long to wait, from the round trip of the moment."""

    retry_us: int
    """From a NAK to the next attempt."""
    insurance_us: int
    """From a NAK to its repetition; 0 for none."""
    fresh_us: int
    """From the discovery to the first NAK, at most."""
    least_us: int
    """From a NAK to the next attempt, if time is short: as often as not the answer is here before that."""
    answer_us: int
    """From a NAK to the latest that its answer is likely to be played."""


Useless = Callable[[int], bool]
"""Says of a position whether what is missing right before it would come too late."""


def spans_of(rtt: Rtt, peer_leaves_repeats_alone: bool) -> Spans:
    """The waiting times for a link."""
    insurance_us = rtt.lower_us // 2 if peer_leaves_repeats_alone else 0
    return Spans(
        retry_us=max(MIN_NAK_INTERVAL_US, rtt.rtt_us + max(3 * rtt.var_us, MIN_RETRY_MARGIN_US)),
        insurance_us=insurance_us if insurance_us >= MIN_INSURANCE_US else 0,
        fresh_us=max(MIN_NAK_INTERVAL_US, rtt.upper_us // 2),
        least_us=max(MIN_NAK_INTERVAL_US, rtt.rtt_us + max(rtt.var_us, MIN_RETRY_MARGIN_US)),
        answer_us=rtt.rtt_us + rtt.var_us + ANSWER_MARGIN_US,
    )


class _Range:
    """Missing packets that share a fate."""

    __slots__ = ("first", "last", "play_us", "since_us", "state")

    def __init__(self, first: int, last: int, state: _State, since_us: int, play_us: int) -> None:
        """`play_us`: when the packet behind it is to be played, as it was known at the discovery."""
        self.first = first
        self.last = last
        self.state = state
        self.since_us = since_us
        self.play_us = play_us

    def part(self, first: int, last: int) -> "_Range":
        """What is left of it."""
        return _Range(first, last, self.state, self.since_us, self.play_us)

    def due_us(self, spans: Spans) -> int:
        """When to ask for it."""
        if self.state is _State.FRESH:
            return self.since_us + spans.fresh_us
        if self.state is _State.ASKED:
            return self.since_us + self._insurance_us(spans)
        return self.retry_at_us(spans)

    def _insurance_us(self, spans: Spans) -> int:
        """From the last attempt to its repetition. The very last one is worth it on any link."""
        left_us = self.play_us - spans.answer_us - self.since_us
        if spans.insurance_us:
            return spans.insurance_us
        if MIN_INSURANCE_US <= left_us // 2 < spans.least_us // 2:
            return left_us // 2
        return self.retry_at_us(spans) - self.since_us

    def retry_at_us(self, spans: Spans) -> int:
        """When to make the next attempt, counted from the last."""
        left_us = self.play_us - spans.answer_us - self.since_us
        chances = min(ENOUGH_CHANCES, left_us // spans.least_us)
        return self.since_us + (min(spans.retry_us, left_us // chances) if chances > 0 else spans.retry_us)


class Losses:
    """The loss list of a receiver."""

    __slots__ = ("_fresh", "_missing", "_starts", "_wanted", "next_due_us", "ripe_at")

    def __init__(self) -> None:
        self._missing = RangeSet()
        self._wanted: list[_Range] = []
        self._starts: list[int] = []
        self._fresh = 0
        self.next_due_us = NEVER
        """No range is due before; it may be that none is due then either."""
        self.ripe_at = NEVER
        """Once a packet of this position or a later one has come, `take_ripe` has something to give."""

    @property
    def first_wanted(self) -> int | None:
        """The first position that is still hoped for: where an acknowledgement has to end."""
        return self._starts[0] if self._starts else None

    def hole_end(self, position: int) -> int:
        """The last position of the hole that begins at `position`, the first of all that is missing; one less
        than that if none does."""
        first = self._missing.first
        return first[1] if first is not None and first[0] == position else position - 1

    def add(self, first: int, last: int, now_us: int, tolerance: int, spans: Spans, play_us: int) -> None:
        """A gap was found, behind all others. With a tolerance of 0 it is ripe already. `play_us` is when the
        packet behind it is to be played."""
        self._missing.insert(first, last)
        self._starts.append(first)
        self._wanted.append(_Range(first, last, _State.FRESH, now_us, play_us))
        self._fresh += 1
        self.next_due_us = min(self.next_due_us, now_us + spans.fresh_us)
        self.ripe_at = min(self.ripe_at, last + 1 + tolerance)

    def take_ripe(self, newest: int, now_us: int, tolerance: int, spans: Spans) -> list[tuple[int, int]]:
        """The ranges to ask for now because enough later packets have come; `newest` is the last of them."""
        ripe = []
        self.ripe_at = NEVER
        unseen = self._fresh
        for each in reversed(self._wanted):
            if not unseen:
                break
            if each.state is not _State.FRESH:
                continue
            unseen -= 1
            if each.last + 1 + tolerance <= newest:
                self._ask(each, now_us, spans)
                ripe.append((each.first, each.last))
            else:
                self.ripe_at = min(self.ripe_at, each.last + 1 + tolerance)
        ripe.reverse()
        return ripe

    def take_due(self, now_us: int, spans: Spans, useless: Useless) -> list[tuple[int, int]]:
        """The ranges to ask for now because their time has come: as many as one NAK holds."""
        due: list[tuple[int, int]] = []
        for each in [each for each in self._wanted if each.due_us(spans) <= now_us]:
            if useless(each.last + 1):
                self.give_up(each.first, each.last)
            elif len(due) < MAX_LOSS_WORDS // 2:
                self._ask(each, now_us, spans)
                due.append((each.first, each.last))
        self.reschedule(spans)
        return due

    def reschedule(self, spans: Spans) -> None:
        """The round trip has changed, and all waiting times with it."""
        self.next_due_us = min((each.due_us(spans) for each in self._wanted), default=NEVER)

    def remove(self, position: int) -> None:
        """A missing packet has come."""
        if self._missing.remove(position):
            self.give_up(position, position)

    def drop_through(self, last: int) -> None:
        """Nothing up to `last` is of interest any more."""
        self._missing.drop_before(last + 1)
        if self._starts and self._starts[0] <= last:
            self.give_up(self._starts[0], last)

    def give_up(self, first: int, last: int) -> None:
        """Ask for these no more. What of them is missing stays missing."""
        begin = bisect_right(self._starts, first) - 1
        begin += begin < 0 or self._wanted[begin].last < first
        end = bisect_right(self._starts, last)
        if begin >= end:
            return
        touched = self._wanted[begin:end]
        head, tail = touched[0], touched[-1]
        kept = [
            source.part(*part)
            for source, part in ((head, (head.first, first - 1)), (tail, (last + 1, tail.last)))
            if part[0] <= part[1]
        ]
        self._wanted[begin:end] = kept
        self._starts[begin:end] = [each.first for each in kept]
        self._fresh += _count_fresh(kept) - _count_fresh(touched)

    def _ask(self, each: _Range, now_us: int, spans: Spans) -> None:
        """A NAK is leaving: an attempt, or the insurance of one."""
        if each.state is _State.ASKED and now_us < each.retry_at_us(spans):
            self._change(each, _State.INSURED)
            return
        self._change(each, _State.ASKED)
        each.since_us = now_us
        self.next_due_us = min(self.next_due_us, each.due_us(spans))

    def _change(self, each: _Range, state: _State) -> None:
        self._fresh -= each.state is _State.FRESH
        each.state = state


def _count_fresh(ranges: list[_Range]) -> int:
    return sum(each.state is _State.FRESH for each in ranges)
