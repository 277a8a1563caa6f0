"""FLV, written and taken apart (Adobe Flash Video File Format 10.1, annex E)."""

from collections.abc import Callable

HEADER = b"FLV\x01\x05\0\0\0\x09\0\0\0\0"

_TAG_BYTES = 11
_BACK_BYTES = 4


def tag(kind: int, timestamp_ms: int, body: bytes) -> bytes:
    """One tag with its back pointer."""
    size = len(body)
    stamp = timestamp_ms & 0xFFFFFFFF
    return b"".join(
        (
            bytes((kind,)),
            size.to_bytes(3, "big"),
            (stamp & 0xFFFFFF).to_bytes(3, "big"),
            bytes((stamp >> 24,)),
            b"\0\0\0",
            body,
            (size + _TAG_BYTES).to_bytes(4, "big"),
        )
    )


class Scanner:
    """Calls `take(kind, body)` for every whole tag; raises `ValueError` where the bytes are no FLV."""

    def __init__(self, take: Callable[[int, bytes], None]) -> None:
        self._take = take
        self._pending = bytearray()
        self._begun = False

    def feed(self, data: bytes) -> None:
        """More bytes, cut anywhere."""
        self._pending += data
        if not self._begun and not self._skip_header():
            return
        position = 0
        while (end := self._tag_end(position)) is not None:
            body = bytes(self._pending[position + _TAG_BYTES : end - _BACK_BYTES])
            self._check_back_pointer(position, end)
            self._take(self._pending[position] & 0x1F, body)
            position = end
        del self._pending[:position]

    def _skip_header(self) -> bool:
        if len(self._pending) < len(HEADER):
            return False
        if self._pending[:3] != b"FLV":
            raise ValueError("no FLV signature")
        del self._pending[: len(HEADER)]
        self._begun = True
        return True

    def _tag_end(self, position: int) -> int | None:
        if len(self._pending) < position + _TAG_BYTES:
            return None
        size = int.from_bytes(self._pending[position + 1 : position + 4], "big")
        end = position + _TAG_BYTES + size + _BACK_BYTES
        return end if end <= len(self._pending) else None

    def _check_back_pointer(self, position: int, end: int) -> None:
        given = int.from_bytes(self._pending[end - _BACK_BYTES : end], "big")
        if given != end - _BACK_BYTES - position:
            raise ValueError(f"back pointer says {given}, tag has {end - _BACK_BYTES - position} bytes")
