"""What a player needs before the first frame: newest metadata, codec headers, colour information, channel
layouts.

Headers are kept per kind, track and role, as they came. A message that configures several tracks at once is
kept as one message per track, so that a later one for a single track replaces just that.

Two counters: `generation` rises when what a decoder needs has really changed (an identical header sent again
does not count), because a player that crosses such a change must get the new headers first; `version` rises
with the blob, so also with new metadata.

A returning publisher may have fewer tracks. `begin_session` marks what there is as left over and `settle`,
called at the session's first start point, drops what was not sent again.
"""

from typing import Final, NamedTuple

from engine.media.classify import Classified, Role, classify
from engine.media.limits import MAX_BLOB_BYTES
from engine.media.multitrack import one_track_body
from engine.media.tags import (
    KIND_AUDIO,
    KIND_SCRIPT,
    KIND_VIDEO,
    TAG_OVERHEAD_BYTES,
    Body,
    encode_tag,
    retime,
    split_tags,
)

_ORDER: Final = {
    (KIND_SCRIPT, Role.METADATA): 0,
    (KIND_VIDEO, Role.CONFIG): 1,
    (KIND_VIDEO, Role.TS_CONFIG): 2,
    (KIND_VIDEO, Role.COLOUR): 3,
    (KIND_AUDIO, Role.CONFIG): 4,
    (KIND_AUDIO, Role.CHANNELS): 5,
}
_PACKET_TYPES: Final = {Role.CONFIG: 0, Role.COLOUR: 4, Role.TS_CONFIG: 5, Role.CHANNELS: 4}
_ENHANCED_FIRST: Final = {KIND_VIDEO: 0x96, KIND_AUDIO: 0x95}  # key frame, multitrack; ExHeader, multitrack


class Slot(NamedTuple):
    """Where a header is kept: order of sending, kind of tag, track."""

    order: int
    kind: int
    track: int


class HeaderSet:
    """The headers of one stream.

    `refused` counts headers that would not fit in MAX_BLOB_BYTES: they pass to the players who are there, but
    nobody who joins later can be told.
    """

    def __init__(self, generation: int = 0) -> None:
        self.generation = generation
        self.version = 0
        self.refused = 0
        self._bodies: dict[Slot, bytes] = {}
        self._left_over: set[Slot] = set()
        self._blob: bytes | None = b""

    @classmethod
    def restore(cls, generation: int, blob: Body) -> "HeaderSet":
        """Go on from what the directory holds, in a new ingest process: the same headers sent again change
        nothing."""
        headers = cls()
        for kind, _, body in split_tags(blob):
            headers.take(kind, body, classify(kind, body))
        headers.generation = generation
        headers.begin_session()
        return headers

    def take(self, kind: int, body: Body, classified: Classified) -> bool:
        """Keep a header or metadata. Return whether a decoder needs to know (the generation rose)."""
        order = _ORDER.get((kind, classified.role))
        if order is None:
            return self._forget_metadata() if classified.role is Role.CLEAR_METADATA else False
        changed = False
        for track, single in _single_tracks(kind, body, classified):
            changed |= self._keep(Slot(order, kind, track), single)
        return self._note(changed and kind != KIND_SCRIPT, changed)

    def begin_session(self) -> None:
        """A publisher comes (again): what it does not send again by its first start point will be dropped."""
        self._left_over = set(self._bodies)

    def settle(self) -> bool:
        """Drop what the session has not sent again. Return whether the generation rose."""
        if not self._left_over:
            return False
        dropped, self._left_over = self._left_over, set()
        for slot in dropped:
            del self._bodies[slot]
        return self._note(any(slot.kind != KIND_SCRIPT for slot in dropped), True)

    def has(self, kind: int) -> bool:
        """Whether there is a header of this kind from the present session."""
        return any(slot.kind == kind and slot not in self._left_over for slot in self._bodies)

    def blob(self) -> bytes:
        """Return all of it as whole FLV tags with timestamp 0, in the order in which players must get
        them."""
        if self._blob is None:
            slots = sorted(self._bodies)
            self._blob = b"".join(encode_tag(slot.kind, 0, self._bodies[slot]) for slot in slots)
        return self._blob

    def _keep(self, slot: Slot, body: bytes) -> bool:
        self._left_over.discard(slot)
        if self._bodies.get(slot) == body:
            return False
        others = sum(len(kept) + TAG_OVERHEAD_BYTES for at, kept in self._bodies.items() if at != slot)
        if others + len(body) + TAG_OVERHEAD_BYTES > MAX_BLOB_BYTES:
            self.refused += 1
            return False
        self._bodies[slot] = body
        return True

    def _forget_metadata(self) -> bool:
        gone = self._bodies.pop(Slot(0, KIND_SCRIPT, 0), None)
        self._left_over.discard(Slot(0, KIND_SCRIPT, 0))
        return self._note(False, gone is not None)

    def _note(self, generation: bool, version: bool) -> bool:
        self.generation += generation
        if version:
            self.version += 1
            self._blob = None
        return generation


def retime_blob(blob: Body, timestamp_ms: int) -> bytes:
    """Return the same tags with another timestamp: a player that joins late must not see time start at 0.

    Metadata belongs to no moment and stays at 0: with any other time FFmpeg's demuxer takes it for the first
    packet of a subtitle track (libavformat/flvdec.c, flv_read_packet), which `-c copy` then cannot write.
    """
    view, parts, at = memoryview(blob), [], 0
    while at < len(view):
        end = at + TAG_OVERHEAD_BYTES + int.from_bytes(view[at + 1 : at + 4], "big")
        parts.append(retime(view[at:end], 0 if view[at] == KIND_SCRIPT else timestamp_ms))
        at = end
    return b"".join(parts)


def _single_tracks(kind: int, body: Body, classified: Classified) -> list[tuple[int, bytes]]:
    """Split a message into (track, body of a message for that track alone)."""
    parts = classified.parts
    if len(parts) < 2:
        return [(classified.track, bytes(body))]
    first, packet_type = _ENHANCED_FIRST[kind], _PACKET_TYPES[classified.role]
    return [(part.track, one_track_body(body, first, packet_type, part)) for part in parts]
