"""The synthetic stream of `bench.stream` as a transport stream, with stamps in digits.

The stamps of other protocols have zero bytes, and those would look like start codes in a transport stream.
"""

import time
from collections.abc import Iterator

from bench.stream import AAC_HEADER, AVC_HEADER, KIND_AUDIO, KIND_VIDEO, Bodies, Due, Shape, Stamp, schedule
from engine.protocols.mpegts import TsWriter

_MAGIC = b"FANt"
_NUMBER_DIGITS, _SENT_DIGITS = 12, 20
STAMP_BYTES = len(_MAGIC) + _NUMBER_DIGITS + _SENT_DIGITS
#: FLV's packet headers; for video the length and the header of the NAL unit too.
_STAMP_AT = {KIND_VIDEO: 10, KIND_AUDIO: 2}
NS_PER_US = 1000


class DigitBodies(Bodies):
    """Message bodies of one shape, all with room for a stamp."""

    def __init__(self, shape: Shape) -> None:
        self._fillers = {
            True: b"." * max(0, shape.key_bytes - _STAMP_AT[KIND_VIDEO] - STAMP_BYTES),
            False: b"." * max(0, shape.inter_bytes - _STAMP_AT[KIND_VIDEO] - STAMP_BYTES),
        }
        self._audio_filler = b"." * max(0, shape.audio_bytes - _STAMP_AT[KIND_AUDIO] - STAMP_BYTES)

    def body(self, due: Due, sent_ns: int) -> bytes:
        """The body of one message, stamped."""
        stamp = _MAGIC + b"%0*d%0*d" % (_NUMBER_DIGITS, due.number, _SENT_DIGITS, sent_ns)
        if due.kind == KIND_AUDIO:
            return b"\xaf\x01" + stamp + self._audio_filler
        nal = (b"\x65" if due.key else b"\x41") + stamp + self._fillers[due.key]
        return (b"\x17" if due.key else b"\x27") + b"\x01\0\0\0" + len(nal).to_bytes(4, "big") + nal


def read_digits(kind: int, body: bytes) -> Stamp | None:
    """The stamp of a media body; None for codec headers and foreign frames."""
    at = _STAMP_AT.get(kind, len(body))
    number_at, sent_at = at + len(_MAGIC), at + len(_MAGIC) + _NUMBER_DIGITS
    if body[at:number_at] != _MAGIC or len(body) < at + STAMP_BYTES:
        return None
    key = kind == KIND_VIDEO and body[0] >> 4 == 1
    return Stamp(int(body[number_at:sent_at]), int(body[sent_at : at + STAMP_BYTES]), kind, key)


class Film:
    """One stream; `next` is when its next message is due."""

    def __init__(self, shape: Shape) -> None:
        self._bodies = DigitBodies(shape)
        self._writer = TsWriter()
        self._writer.write(KIND_VIDEO, 0, 0, AVC_HEADER)
        self._writer.write(KIND_AUDIO, 0, 0, AAC_HEADER)
        self._messages: Iterator[Due] = schedule()
        self.next: Due = next(self._messages)

    def advance(self) -> list[bytes]:
        """The message that is due, as the payloads of datagrams."""
        due = self.next
        body = self._bodies.body(due, time.monotonic_ns())
        at_us = due.due_ns // NS_PER_US
        groups = self._writer.write(due.kind, at_us, at_us, body, start=due.key)
        self.next = next(self._messages)
        return [group.data for group in (*groups, *self._writer.flush())]
