"""What leaves the playlist, and when its files may go (RFC 8216bis §6.2.2).

A segment stays available after it left for at least its own duration and that of the longest playlist that
had it. The time at which it leaves is the end of the newest segment, so that all who fold the marks say the
same.
"""

from engine.protocols.hls.limits import MAX_REMOVED
from engine.protocols.hls.marks import InitMade
from engine.protocols.hls.names import init_name, segment_name
from engine.protocols.hls.state import Removed, Segment, WindowState


def remove_oldest(state: WindowState) -> None:
    """Let the oldest segment leave, and its init segment if it was the last to need it."""
    longest_us = max(segment.window_us for segment in state.segments)
    oldest = state.segments.pop(0)
    state.lasts_us -= oldest.duration_us
    keep_us = oldest.duration_us + longest_us
    settings = state.settings
    _list(state, segment_name(settings.stamp, oldest.msn, settings.suffix), keep_us)
    if not _needs_init_of(state, oldest):
        _list(state, init_name(settings.stamp, oldest.init), keep_us)
    state.discontinuity_sequence += oldest.discontinuity
    state.dependent_segments -= not oldest.independent


def replace_init(state: WindowState, newest: InitMade) -> None:
    """Take a new init segment; the one before leaves at once if no segment ever used it."""
    used = {segment.init for segment in state.segments}
    if state.growing is not None:
        used.add(state.growing.init)
    if state.inits and state.inits[-1].number not in used:
        _list(state, init_name(state.settings.stamp, state.inits[-1].number), keep_us=0)
    state.inits = [*(init for init in state.inits if init.number in used), newest]


def due_names(removed: list[Removed], now_us: int, delete_after_us: int) -> list[str]:
    """Take out of `removed` what has had its time."""
    due = [gone for gone in removed if now_us - gone.left_us >= max(delete_after_us, gone.keep_us)]
    if due:
        names = {gone.name for gone in due}
        removed[:] = [gone for gone in removed if gone.name not in names]
    return [gone.name for gone in due]


def _needs_init_of(state: WindowState, oldest: Segment) -> bool:
    """Whether the init segment of `oldest` has a use left. Segments use them one after the other."""
    growing = state.growing
    if oldest.init == state.segments[0].init or (growing is not None and growing.init == oldest.init):
        return True
    return bool(state.inits) and state.inits[-1].number == oldest.init


def _list(state: WindowState, name: str, keep_us: int) -> None:
    newest = state.segments[-1] if state.segments else None
    left_us = newest.began_us + newest.duration_us if newest is not None else 0
    state.removed.append(Removed(name, left_us, keep_us))
    del state.removed[:-MAX_REMOVED]
