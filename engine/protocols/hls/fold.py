"""How a mark changes a window. The rules in prose stand in `window.py`."""

from typing import Final

from msgspec.structs import replace

from engine.protocols.hls.errors import BadMark
from engine.protocols.hls.limits import MAX_WINDOW_SEGMENTS
from engine.protocols.hls.marks import InitMade, Mark, PartEnd, SegmentBegin, SegmentEnd, StreamEnd
from engine.protocols.hls.measure import add_segment
from engine.protocols.hls.removal import remove_oldest, replace_init
from engine.protocols.hls.settings import KEPT_TARGETS, PARTS_TARGETS
from engine.protocols.hls.state import Growing, Measured, Part, Segment, WindowState
from engine.protocols.hls.times import SECOND_US

HELD_TARGETS: Final = PARTS_TARGETS + 1
"""Parts are held for one target duration more than they are listed: players ask for what they read of."""


def fold(state: WindowState, mark: Mark) -> None:
    """Change `state` as `mark` says. BadMark if it cannot follow; the state is then what it was."""
    match mark:
        case PartEnd():
            _end_part(state, mark)
        case SegmentBegin():
            _begin_segment(state, mark)
        case SegmentEnd():
            _end_segment(state, mark)
        case InitMade():
            _take_init(state, mark)
        case StreamEnd():
            _abandon(state)
            state.ended = True
    state.changes += 1


def next_init(state: WindowState) -> int:
    return state.inits[-1].number + 1 if state.inits else 0


def next_msn(state: WindowState) -> int:
    """The number of the next segment, if nobody ends the growing one: without parts that one never was."""
    growing = state.growing
    if growing is not None:
        return growing.msn + bool(growing.parts)
    return state.next_msn or 0


def _take_init(state: WindowState, mark: InitMade) -> None:
    if mark.number < next_init(state):
        raise BadMark(f"init segment {mark.number} again")
    replace_init(state, mark)
    state.measured = Measured()


def _begin_segment(state: WindowState, mark: SegmentBegin) -> None:
    is_first = state.growing is None and state.next_msn is None
    if not is_first and mark.msn != next_msn(state):
        raise BadMark(f"segment {mark.msn} begins where {next_msn(state)} is due")
    _abandon(state)
    before = state.segments[-1].init if state.segments else None
    state.growing = Growing(
        msn=mark.msn,
        began_us=mark.began_us,
        init=mark.init,
        shows_init=mark.discontinuity or mark.init != before,
        discontinuity=mark.discontinuity,
        independent=mark.independent,
        parts=[],
    )
    state.ended = False


def _end_part(state: WindowState, mark: PartEnd) -> None:
    growing = state.growing
    if growing is None or (mark.msn, mark.part) != (growing.msn, len(growing.parts)):
        raise BadMark(f"part {mark.part} of segment {mark.msn} is not what follows")
    part = Part(mark.duration_us, mark.independent, mark.size_bytes, mark.first_seq, mark.stop_seq)
    growing.parts.append(part)
    growing.duration_us += mark.duration_us
    growing.size_bytes += mark.size_bytes
    _raise_target(state, growing.duration_us)


def _end_segment(state: WindowState, mark: SegmentEnd) -> None:
    growing = state.growing
    if growing is None or growing.msn != mark.msn:
        raise BadMark(f"segment {mark.msn} ends and has not begun")
    _finish(state, growing, mark.duration_us, mark.size_bytes, gap=mark.gap)


def _abandon(state: WindowState) -> None:
    growing = state.growing
    if growing is None:
        return
    if growing.parts:
        _finish(state, growing, growing.duration_us, growing.size_bytes, gap=True)
    else:
        state.growing, state.next_msn = None, growing.msn


def _finish(state: WindowState, growing: Growing, duration_us: int, size_bytes: int, *, gap: bool) -> None:
    state.lasts_us += duration_us
    segment = Segment(
        msn=growing.msn,
        began_us=growing.began_us,
        duration_us=duration_us,
        size_bytes=size_bytes,
        init=growing.init,
        shows_init=growing.shows_init,
        discontinuity=growing.discontinuity,
        independent=growing.independent,
        gap=gap,
        window_us=state.lasts_us,
        part_count=len(growing.parts),
        parts=tuple(growing.parts),
    )
    state.segments.append(segment)
    state.growing, state.next_msn = None, segment.msn + 1
    state.dependent_segments += not segment.independent
    _raise_target(state, duration_us)
    add_segment(state.measured, state.segments, state.target_s)
    _trim(state)
    _age_parts(state)


def _raise_target(state: WindowState, duration_us: int) -> None:
    # Rounded to the nearest, since that is what EXTINF is compared by (RFC 8216bis §4.4.3.1).
    state.target_s = max(state.target_s, (duration_us + SECOND_US // 2) // SECOND_US)


def _trim(state: WindowState) -> None:
    least_us = KEPT_TARGETS * state.target_s * SECOND_US
    while len(state.segments) > state.settings.playlist_segments:
        lasts_us = state.lasts_us - state.segments[0].duration_us
        if lasts_us < least_us and len(state.segments) <= MAX_WINDOW_SEGMENTS:
            break
        remove_oldest(state)


def _age_parts(state: WindowState) -> None:
    """Only where a segment ends, and never back: players must not see parts go and come."""
    target_us, after_us = state.target_s * SECOND_US, 0
    for place in range(len(state.segments) - 1, -1, -1):
        segment = state.segments[place]
        if after_us >= HELD_TARGETS * target_us and not (segment.parts or segment.lists_parts):
            break  # nor have those before it
        if segment.parts and after_us >= HELD_TARGETS * target_us:
            state.segments[place] = replace(segment, parts=(), lists_parts=False)
        elif segment.lists_parts and after_us >= PARTS_TARGETS * target_us:
            state.segments[place] = replace(segment, lists_parts=False)
        after_us += segment.duration_us
