"""While nobody would look at it, a packet of sound waits for company: fewer wake-ups per stream.

Theory of operation
-------------------
An encoder sends 25 to 60 pictures and 43 to 50 packets of sound a second, each as it is made, and each wakes
this process. What a wake-up costs is less the work in it than that everything is cold: 193 µs for a trio task
that only reads, against 46 with an answer when there is no pause (`python -m bench.wakes`). Two in three are
for sound, a few hundred bytes that play together with pictures that come later.

So after a picture the kernel is told (SO_RCVLOWAT) to wake us for more than one packet of sound: for two, or
for the next picture, whichever comes first. After a read that ends with sound it wakes for anything again. A
packet of sound so comes at most one packet later than it could, and only where pictures flow; streams of
sound alone are never held. That saves four wake-ups in ten, and as much of what a stream costs.

Nobody sees the delay. A worker with players looks at the ring once a tick and says when it will do so next
(board.py, `looks_ns`); where that is sooner than a packet of sound may have to wait, every packet is fetched
as it comes. Were sound held regardless, the p99 from publisher to player at a fixed tick of 100 ms would be
122 to 136 ms instead of 104 to 108 (`python -m bench.compare`).

Whatever else is small, a good-bye above all, is found by the role's rounds; a closed connection always wakes.
SRS merges reads too (`mr`), all media of up to 350 ms, and leaves it off by default for the delay it costs.
"""

import contextlib
import socket
from collections.abc import Sequence
from typing import Final

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.rtmp import Event, Media

ANYTHING_BYTES: Final = 1
"""The kernel's own low-water mark."""

HEADER_BYTES: Final = 16
"""Of a message on the wire at most, where it is one chunk: 3 + 11, and what is left for luck."""

LONGEST_WAIT_NS: Final = 47_000_000
"""From a picture to our waking at the latest: two packets of sound of 1,024 samples at 44.1 kHz. Where those
of another codec are longer, the next picture mostly comes before."""

MAX_SOUND_BYTES: Final = 4096
"""A packet of sound above that (no codec of ours makes them in a stream with pictures) waits for nobody: it
might be half of what the receive buffer holds."""


class Company:
    """Decides what wakes one publisher's task.

    Args:
        sock: the publisher's. Only TCP heeds the mark; other sockets take it and wake for anything.
    """

    __slots__ = ("_low_water_bytes", "_sock", "_sound_bytes")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sound_bytes = 0  # of the newest packet of sound
        self._low_water_bytes = ANYTHING_BYTES

    def heard(self, events: Sequence[Event], *, may_wait: bool) -> None:
        """These came with the newest read; `may_wait`: nobody looks at the next for LONGEST_WAIT_NS."""
        newest = 0
        for event in events:
            if isinstance(event, Media):
                newest = event.kind
                if newest == KIND_AUDIO:
                    self._sound_bytes = len(event.body)
        holds = may_wait and newest == KIND_VIDEO
        self._wake_for(self._more_than_one() if holds else ANYTHING_BYTES)

    def give_up(self) -> None:
        """Nothing has come for a while: wake for whatever is there, now if it is."""
        self._wake_for(ANYTHING_BYTES)

    def _more_than_one(self) -> int:
        """Half more than one packet has, since the next one may be a little larger."""
        if not 0 < self._sound_bytes <= MAX_SOUND_BYTES:
            return ANYTHING_BYTES
        return HEADER_BYTES + self._sound_bytes * 3 // 2

    def _wake_for(self, low_water_bytes: int) -> None:
        if low_water_bytes != self._low_water_bytes:
            self._low_water_bytes = low_water_bytes
            with contextlib.suppress(OSError):  # closed by the peer a moment ago: the next read says so
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, low_water_bytes)
