"""The spool's log as bytes: what is written, and what can be read again after anything has happened to it.

    segment file                                   record
    0   8 bytes   b"FLHOOKS1"                      0   4 bytes   marker
    8  16 bytes   salt, random per file            4   4 bytes   length of the payload, big endian
    24  ...       records, one behind the other    8   4 bytes   CRC-32 of salt, length and payload
                                                   12  ...       payload, msgpack of one Record

Only ever appended to, so what a killed process leaves is whole records and the front of one more. A disk may
do worse; then reading goes on at the next marker behind which a record is whole, and what comes out are
always records that were written. The salt is why nobody can smuggle one in: a stream's parameter that
contains a record is not one in a file whose salt its author has not seen.

A checksum per record and not per file, because the file is read after a crash, when its end was not written.
CRC-32 and not a keyed hash: the folder is private to us, and this guards against accidents.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from engine.hooks.limits import MAX_RECORD_BYTES, NUMBERS_AT_A_TIME
from engine.hooks.sessions import Session
from engine.hooks.settings import Action

MAGIC: Final = b"FLHOOKS1"
SALT_BYTES: Final = 16
HEADER_BYTES: Final = len(MAGIC) + SALT_BYTES
MARKER: Final = b"\xf1\x48\x4b\x0a"  # not UTF-8, so that no text contains it
_HEAD: Final = struct.Struct(">4sII")


class Record(Struct, frozen=True, tag=True, array_like=True):
    """Root of all records."""


class Snapshot(Record, frozen=True):
    """Part of what was true when the segment was begun: older segments may be gone. `first` begins a new
    one.

    `parts` is how many follow the first one: who is killed while he writes leaves fewer, and those are not
    the whole truth. `on_air`: the names with a sequence are those of streams, not only asked for.
    """

    first: bool
    next_number: int
    sessions: list[Session]
    sequences: dict[str, int]
    on_air: bool = True
    parts: int = 0


class Opened(Record, frozen=True):
    """A session began, or its facts changed; `sequence` is the newest of its stream."""

    session: Session
    sequence: int


class Closed(Record, frozen=True):
    """A session ended."""

    session_id: str


class Queued(Record, frozen=True):
    """An event that has to get to `url`. Numbers grow by one over all events; `body` is the JSON.

    `path` is what the hooks are looked up by, where that is not the stream: what the client had asked for,
    before a service renamed it.
    """

    number: int
    url: str
    action: Action
    stream: str
    sequence: int
    queued_ms: int
    event_id: str
    body: bytes
    path: str = ""


class Done(Record, frozen=True):
    """These events need no further attempt: delivered, refused for good, or dropped."""

    numbers: list[int]


class Moved(Record, frozen=True):
    """These events go to `url` from now on: the address that they were queued for was corrected."""

    numbers: list[int]
    url: str


def in_parts(numbers: list[int]) -> Iterator[list[int]]:
    """As many numbers of events as one record has, and the next ones, to the last."""
    for at in range(0, len(numbers), NUMBERS_AT_A_TIME):
        yield numbers[at : at + NUMBERS_AT_A_TIME]


AnyRecord = Snapshot | Opened | Closed | Queued | Done | Moved

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(AnyRecord)


class Scan(NamedTuple):
    """What a file has: its records in order, and how many of its bytes belong to none."""

    records: list[AnyRecord]
    damaged_bytes: int


class TooLong(Exception):
    """The record is larger than any may be: a bug of ours, since everything in it is bounded."""


def header(salt: bytes) -> bytes:
    """The beginning of a segment file."""
    assert len(salt) == SALT_BYTES
    return MAGIC + salt


def encode(records: Iterable[AnyRecord], salt: bytes) -> bytes:
    """Records as they are appended. Raises TooLong."""
    return b"".join(_encoded(_ENCODER.encode(record), salt) for record in records)


def scan(data: bytes) -> Scan:
    """Read a whole segment file, whatever has become of it. Never raises."""
    salt = data[len(MAGIC) : HEADER_BYTES]
    if not data.startswith(MAGIC) or len(salt) < SALT_BYTES:
        return Scan([], len(data))
    records: list[AnyRecord] = []
    at = HEADER_BYTES
    whole_bytes = HEADER_BYTES
    while (at := data.find(MARKER, at)) >= 0:
        found = _record_at(data, at, salt)
        if found is None:
            at += 1
            continue
        record, size = found
        records.append(record)
        whole_bytes += size
        at += size
    return Scan(records, len(data) - whole_bytes)


def _encoded(payload: bytes, salt: bytes) -> bytes:
    if len(payload) > MAX_RECORD_BYTES:
        raise TooLong(f"{len(payload)} bytes")
    return _HEAD.pack(MARKER, len(payload), _check(salt, len(payload), payload)) + payload


def _record_at(data: bytes, at: int, salt: bytes) -> tuple[AnyRecord, int] | None:
    """The record that begins at this marker and its size; None if it is not whole."""
    start = at + _HEAD.size
    if start > len(data):
        return None
    _, length, check = _HEAD.unpack_from(data, at)
    payload = data[start : start + length] if length <= MAX_RECORD_BYTES else b""
    if len(payload) != length or _check(salt, length, payload) != check:
        return None
    try:
        return _DECODER.decode(payload), _HEAD.size + length
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # written by another version
        return None


def _check(salt: bytes, length: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(length.to_bytes(4, "big"), zlib.crc32(salt)))
