"""What a publisher may send; whether it keeps to that is `publisher_judge`'s affair.

Six limits, each of which may be absent: bitrate and frame rate, sustained (`excess`); picture size; time from
keyframe to keyframe; codecs; the length of a session. Who has set a limit is nobody's affair here: of several
the strictest counts.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeVar

from msgspec import Struct

Reason = Literal["bitrate", "frame_rate", "resolution", "keyframe_interval", "codec", "session_length"]
REASONS: Final[tuple[Reason, ...]] = (
    "bitrate",
    "frame_rate",
    "resolution",
    "keyframe_interval",
    "codec",
    "session_length",
)
"""The order is that of the bits in shared memory: append, never reorder."""

Number = TypeVar("Number", int, float)


class PublisherLimits(Struct, frozen=True, kw_only=True):
    """What one publisher is held to; 0 or nothing is no limit."""

    max_bitrate_bps: int = 0
    """Of all that it sends, whatever becomes of it; see `Sample.received_bytes`."""
    max_frame_rate: float = 0.0
    window_s: float = 10.0
    """How long twice the bitrate or frame rate is tolerated; see `excess`."""
    max_sizes: tuple[tuple[int, int], ...] = ()
    """Widths and heights that a picture must fit into, all of them; 0 is no limit for one of the two. A
    picture that stands on its side is measured lying where both are given; one of unknown size fits into
    none."""
    max_keyframe_interval_s: float = 0.0
    codecs: frozenset[str] | None = None
    """FourCCs that are allowed; None: all."""
    max_session_s: float = 0.0

    @property
    def any(self) -> bool:
        """Whether there is anything to judge."""
        return self != PublisherLimits(window_s=self.window_s)


def strictest(window_s: float, *of: PublisherLimits) -> PublisherLimits:
    """Limits that are kept exactly by who keeps all of these, at least one; judged over that window."""
    return PublisherLimits(
        max_bitrate_bps=_lowest([each.max_bitrate_bps for each in of]),
        max_frame_rate=_lowest([each.max_frame_rate for each in of]),
        window_s=window_s,
        max_sizes=tuple(size for each in of for size in each.max_sizes),
        max_keyframe_interval_s=_lowest([each.max_keyframe_interval_s for each in of]),
        codecs=_common(each.codecs for each in of),
        max_session_s=_lowest([each.max_session_s for each in of]),
    )


def _lowest(limits: Sequence[Number]) -> Number:
    """The lowest limit among them; 0, if each is 0, which is none."""
    return min(filter(None, limits), default=limits[0])


def _common(codecs: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """What all allow, which may be nothing; None, if all allow all."""
    lists = [allowed for allowed in codecs if allowed is not None]
    return frozenset.intersection(*lists) if lists else None


class Breach(Struct, frozen=True):
    """A limit that has begun to be broken: which, and a sentence for the log and the publisher."""

    reason: Reason
    text: str
