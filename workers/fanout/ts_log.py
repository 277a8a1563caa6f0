"""The transport stream of one ring in this worker: encoded once, for all SRT players of the stream.

Unlike the other wire formats, transport stream depends on history (continuity counters, clock), so this log
has no positions that another worker could rebuild; it only grows at its new end. It is kept in groups, the
payload of one datagram each, back to the newest start point: that is where a player joins.
"""

from engine.media.tags import KIND_SCRIPT
from engine.protocols.mpegts import TsWriter
from engine.protocols.mpegts.writer import Group
from shm.errors import Lapped
from shm.ring import FLAG_START, Entry, RingReader

BACK_POINTER_BYTES: int = 4
TAG_HEADER_BYTES: int = 11


class TsLog:
    """Tags in, groups out.

    Args:
        reader: the ring.
        headers: gives the codec headers that a start point needs, as FLV tags; None if they are not to be
        had.
    """

    def __init__(self, reader: RingReader) -> None:
        self._reader = reader
        self._writer = TsWriter()
        self._since_start: list[bytes] = []  # groups from the newest start point on
        self.seq = -1  # the next tag to encode; -1 before the first start point
        self.epoch = -1

    @property
    def since_start(self) -> list[bytes]:
        """What a player that joins now is sent first."""
        return self._since_start

    def begin(self, start: Entry, headers: bytes) -> None:
        """Begin, or begin anew, at a start point: what follows does not continue what was."""
        if self.seq >= 0:
            self._writer.restart()
        self._since_start = []
        self._writer.write_tags(headers)
        self.seq, self.epoch = start.seq, start.epoch

    def advance(self, stop_seq: int) -> list[bytes]:
        """Encode tags up to `stop_seq`; the new groups. Raises Lapped."""
        if stop_seq <= self.seq:
            return []
        entries = self._reader.entries(self.seq, stop_seq)
        raw = b"".join(self._reader.views(entries[0].pos, entries[-1].end))
        if not self._reader.valid(entries[0].pos):
            raise Lapped("the ring was overwritten while its tags were encoded")
        groups: list[Group] = []
        for entry in entries:
            groups += self._encode(entry, raw, entries[0].pos)
        groups += (
            self._writer.flush()
        )  # a pass ends with what it has: the rest of a group must not wait for more
        self.seq = stop_seq
        return self._keep(groups)

    def _encode(self, entry: Entry, raw: bytes, base: int) -> list[Group]:
        if entry.kind == KIND_SCRIPT:
            return []
        begin = entry.pos - base + TAG_HEADER_BYTES
        body = raw[begin : entry.end - base - BACK_POINTER_BYTES]
        start = bool(entry.flags & FLAG_START)
        return self._writer.write(entry.kind, entry.dts_us, entry.pts_us, body, start=start)

    def _keep(self, groups: list[Group]) -> list[bytes]:
        for group in groups:
            if group.start:
                self._since_start = []
            self._since_start.append(group.data)
        return [group.data for group in groups]
