"""Finds packets in bytes: 0x47 every 188 bytes.

While in step a packet needs nothing but its own sync byte, so that whole packets never wait for what follows.
Out of step, one that stands 188 bytes before another is taken. What happens depends on the bytes alone and
not on how they were cut: while the second one is not there yet, the search waits.
"""

from typing import Final

from engine.protocols.mpegts.limits import MAX_SYNC_SEARCH_BYTES
from engine.protocols.mpegts.packets import PACKET_BYTES, SYNC_BYTE
from engine.protocols.mpegts.statistics import TsStats

_SYNC: Final = bytes((SYNC_BYTE,))


class Aligner:
    """Bytes in, whole packets in one piece out. `hopeless` says that the search has been given up."""

    def __init__(self, stats: TsStats) -> None:
        self._stats = stats
        self._rest = b""
        self._in_step = False
        self._searched = 0  # bytes skipped since the last packet
        self.hopeless = False

    def take(self, data: bytes) -> bytes:
        """Return the packets that are complete now, without what lies between them."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if self._in_step:
            count = len(data) // PACKET_BYTES
            if count * PACKET_BYTES == len(data) and data[::PACKET_BYTES].count(_SYNC) == count:
                return data
        return self._walk(data)

    def _walk(self, data: bytes) -> bytes:
        """The general way: runs of packets, and searches between them."""
        runs, at = [], 0
        while not self.hopeless:
            if not self._in_step:
                at = self._search(data, at)
                if not self._in_step:
                    break
            end = self._run_end(data, at)
            runs.append(data[at:end])
            at = end
            if at + PACKET_BYTES > len(data) and (at == len(data) or data[at] == SYNC_BYTE):
                break
            self._in_step = False
            self._stats.sync_losses += 1
        self._rest = data[at:]
        return b"".join(runs)

    def _run_end(self, data: bytes, at: int) -> int:
        """Return where the packets that follow each other from there on end."""
        count = (len(data) - at) // PACKET_BYTES
        marks = data[at : at + count * PACKET_BYTES : PACKET_BYTES]
        in_step = len(marks) - len(marks.lstrip(_SYNC))
        if in_step:
            self._searched = 0
        return at + in_step * PACKET_BYTES

    def _search(self, data: bytes, at: int) -> int:
        """Look for two sync bytes at the right distance; return where the first is, or where to go on."""
        begin, last = at, at + MAX_SYNC_SEARCH_BYTES - self._searched
        while at <= last:
            found = data.find(_SYNC, at)
            at = min(len(data) if found < 0 else found, last + 1)
            if at + PACKET_BYTES >= len(data):
                break
            if at <= last and data[at + PACKET_BYTES] == SYNC_BYTE:
                self._in_step = True
                break
            at += 1
        self._stats.skipped_bytes += at - begin
        self._searched += at - begin
        self.hopeless = at > last
        return at
