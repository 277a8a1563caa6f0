"""Fragmented MP4 of one ring in this worker: one WebSocket message per frame, encoded once for all.

What is before the log when somebody joins is encoded by a machine of its own: durations and the audio's
grid may differ there by less than a sample from what another player got, and nobody gets both.
"""

import time
from collections.abc import Callable
from typing import Protocol

from engine.media.tags import BACK_POINTER_BYTES, TAG_HEADER_BYTES
from engine.protocols.fmp4 import Fragments
from engine.protocols.websocket import encode_frame
from shm.ring import Entry, RingReader
from workers.fanout.logs import DerivedLog, Head, Log, RingLog
from workers.fanout.wire import FLV, WEBSOCKET_FLV, WEBSOCKET_MP4, Wire, encode_opening


class Mp4Log(DerivedLog):
    """The frames of one ring as fragments.

    Args:
        reader: the ring.
        headers: gives codec headers as they are now.
        head: the log begins here, empty.
    """

    def __init__(self, reader: RingReader, headers: Callable[[], bytes], head: Head) -> None:
        super().__init__(reader, WEBSOCKET_MP4.encode, head, frames=True)
        self._headers = headers
        self._fragments = Fragments(headers())
        self._wall_offset_ns = time.time_ns() - time.monotonic_ns()

    def reach(self, seq: int) -> None:
        live, self._fragments = self._fragments, Fragments(self._headers())
        try:
            super().reach(seq)
        finally:
            self._fragments = live

    def _encode_tag(self, entry: Entry, tag: bytes) -> bytes:
        body = tag[TAG_HEADER_BYTES : len(tag) - BACK_POINTER_BYTES]
        captured_us = (entry.ingest_ns + self._wall_offset_ns) // 1000
        fragment = self._fragments.take(entry.kind, entry.dts_us, entry.pts_us, body, captured_us)
        if fragment is None:
            return b""
        opening = encode_opening(fragment.opening) if fragment.opening else b""
        return opening + encode_frame(fragment.data)


class Origin(Protocol):
    """What a log is made from."""

    reader: RingReader

    def codec_headers(self) -> bytes: ...


def log_for(wire: Wire, source: Origin, head: Head) -> Log:
    """The log that players of `wire` are sent from, beginning empty at `head`."""
    if wire is FLV:
        return RingLog(source.reader, head)
    if wire is WEBSOCKET_MP4:
        return Mp4Log(source.reader, source.codec_headers, head)
    return DerivedLog(source.reader, wire.encode, head, frames=wire is WEBSOCKET_FLV)
