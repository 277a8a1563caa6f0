"""Bit rates of a stream, measured from its segments (RFC 8216bis §4.4.6.2, BANDWIDTH and AVERAGE-BANDWIDTH).

The peak is the largest rate of any run of segments that lasts between half and one and a half target
durations, since the newest init segment: an encoder that comes back with other settings is measured anew.
"""

from collections.abc import Sequence

from engine.protocols.hls.state import Measured, Segment
from engine.protocols.hls.times import SECOND_US


def add_segment(measured: Measured, segments: Sequence[Segment], target_s: int) -> None:
    """Take the newest of `segments` into account, and the runs that end with it."""
    newest = segments[-1]
    measured.size_bytes += newest.size_bytes
    measured.duration_us += newest.duration_us
    measured.peak_bps = max(measured.peak_bps, _peak_of_runs(segments, target_s * SECOND_US))


def rate_bps(size_bytes: int, duration_us: int) -> int:
    """Rounded up: what is promised has to suffice."""
    return -(-size_bytes * 8 * SECOND_US // duration_us) if duration_us else 0


def _peak_of_runs(segments: Sequence[Segment], target_us: int) -> int:
    newest = segments[-1]
    size_bytes = duration_us = peak_bps = 0
    for segment in reversed(segments):
        size_bytes += segment.size_bytes
        duration_us += segment.duration_us
        if segment.init != newest.init or (segment is not newest and 2 * duration_us > 3 * target_us):
            break
        if 2 * duration_us >= target_us:
            peak_bps = max(peak_bps, rate_bps(size_bytes, duration_us))
    return peak_bps
