"""Byte ranges, RFC 9110 section 14: which piece of a file a player asks for.

One range is served. Several in one request are ignored, as section 14.2 allows: the whole file is then the
answer, and no multipart body has to be built for whoever asks for a thousand overlapping ones.
"""

import re
from typing import NamedTuple

from engine.protocols.http import limits
from engine.protocols.http.errors import RemoteProtocolError

#: Sections 14.1 (units have no case) and 14.1.2: an int-range or a suffix-range, one of them.
_DIGITS = f"([0-9]{{0,{limits.MAX_RANGE_DIGITS}}})"
_SINGLE = re.compile(rf"bytes=[ \t]*{_DIGITS}-{_DIGITS}[ \t]*", re.IGNORECASE)


class ByteRange(NamedTuple):
    """Bytes `[first, stop)` of a file; never empty, never outside of it."""

    first: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.first


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The piece of a file of `size` bytes that a Range field asks for, or None to send the whole.

    Raises `RemoteProtocolError` 416, with the Content-Range field it must be answered with, when no byte of
    the file is in the range (section 15.5.17). What is malformed or of another unit is ignored, as section
    14.2 allows.
    """
    match = _SINGLE.fullmatch(header) if header else None
    if match is None:
        return None
    first, last = match[1], match[2]
    if first:
        return _from_positions(int(first), int(last) if last else None, size)
    return _from_end(int(last), size) if last else None


def _from_positions(first: int, last: int | None, size: int) -> ByteRange | None:
    if last is not None and last < first:
        return None  # section 14.1.1: invalid, which is not unsatisfiable
    if first >= size:
        raise _unsatisfiable(size)
    return ByteRange(first, size if last is None else min(last + 1, size))


def _from_end(length: int, size: int) -> ByteRange | None:
    if length == 0:
        raise _unsatisfiable(size)
    # Satisfiable in an empty file too (section 14.1.2), but no Content-Range can say so.
    return ByteRange(max(size - length, 0), size) if size else None


def _unsatisfiable(size: int) -> RemoteProtocolError:
    return RemoteProtocolError(
        "no such range", reply=416, fields=(("Content-Range", f"bytes */{size}"),)
    )  # section 14.4
