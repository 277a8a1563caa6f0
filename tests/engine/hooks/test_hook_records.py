"""The spool's codec: whatever becomes of a file, what comes out is whole, and in order."""

import struct
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.hooks.book import Book
from engine.hooks.limits import MAX_RECORD_BYTES, NUMBERS_AT_A_TIME
from engine.hooks.records import (
    HEADER_BYTES,
    MAGIC,
    MARKER,
    AnyRecord,
    Done,
    Snapshot,
    TooLong,
    encode,
    header,
    in_parts,
    scan,
)
from tests.engine.hooks.records import SALT, any_records, queued, session

lists_of_records = st.lists(any_records, max_size=6)


def file_of(records: list[AnyRecord], salt: bytes = SALT) -> bytes:
    return header(salt) + encode(records, salt)


def is_subsequence(some: list[AnyRecord], of_all: list[AnyRecord]) -> bool:
    rest = iter(of_all)
    return all(record in rest for record in some)


@given(lists_of_records)
def test_what_is_written_is_read(records: list[AnyRecord]) -> None:
    assert scan(file_of(records)) == (records, 0)


@given(lists_of_records, st.data())
def test_a_file_cut_anywhere_has_its_first_records(records: list[AnyRecord], data: st.DataObject) -> None:
    whole = file_of(records)
    cut = data.draw(st.integers(0, len(whole)))
    found = scan(whole[:cut]).records
    assert found == records[: len(found)]
    lengths = [len(file_of(records[:count])) for count in range(len(records) + 1)]
    assert len(found) == max((count for count, length in enumerate(lengths) if length <= cut), default=0)


@given(st.lists(any_records, min_size=1, max_size=6), st.data())
def test_a_byte_that_flips_costs_the_record_it_is_in_and_no_other(
    records: list[AnyRecord], data: st.DataObject
) -> None:
    damaged = bytearray(file_of(records))
    at = data.draw(st.integers(HEADER_BYTES, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    found, damaged_bytes = scan(bytes(damaged))
    hit = max(count for count in range(len(records)) if len(file_of(records[:count])) <= at)
    assert found == records[:hit] + records[hit + 1 :]
    assert damaged_bytes > 0


@given(st.lists(any_records, min_size=1, max_size=6), st.data())
def test_garbage_anywhere_lets_nothing_out_that_was_not_written(
    records: list[AnyRecord], data: st.DataObject
) -> None:
    damaged = bytearray(file_of(records))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged)))
        stop = data.draw(st.integers(start, len(damaged)))
        damaged[start:stop] = data.draw(st.binary(max_size=40))
    assert is_subsequence(scan(bytes(damaged)).records, records)


@given(st.binary(max_size=300))
def test_a_file_of_anything_has_no_records(garbage: bytes) -> None:
    assert scan(header(SALT) + garbage).records == []
    assert scan(garbage).damaged_bytes == len(garbage) or garbage.startswith(MAGIC)


def test_a_half_written_record_costs_nothing_that_was_written_behind_it() -> None:
    first, lost, last = queued(1), queued(2), queued(3)
    half = encode([lost], SALT)[:-3]
    found = scan(file_of([first]) + half + encode([last], SALT))
    assert found == ([first, last], len(half))


def test_a_record_that_a_client_has_put_into_its_parameters_is_not_one() -> None:
    smuggled = encode([queued(666)], bytes(16))
    carrier = replace(queued(1), body=smuggled)
    whole = encode([carrier], SALT)
    assert MARKER in whole[4:]
    damaged = header(SALT) + b"\x00" + whole[1:]
    assert scan(damaged).records == []


def test_an_event_of_a_version_that_knew_no_paths_is_delivered_still() -> None:
    event = queued(1)
    assert scan(file_of_a_version_without(1, event)).records == [event]


def test_a_snapshot_of_a_version_that_counted_no_parts_is_read_as_it_was_meant() -> None:
    first, part = Snapshot(True, 7, [], {}), Snapshot(False, 7, [session()], {"live/cam": 3})
    book = Book()
    book.ledger.begin(session("over"))
    for snapshot in (first, part):
        book.read(scan(file_of_a_version_without(2, snapshot)).records)
    assert book.ledger.open.keys() == {"s1"}
    assert book.next_sequence("live/cam") == 4


def file_of_a_version_without(fields: int, record: AnyRecord) -> bytes:
    """What one wrote that did not know the last fields of the record."""
    old: list[object] = msgspec.msgpack.decode(msgspec.msgpack.encode(record))[:-fields]
    payload = msgspec.msgpack.encode(old)
    check = zlib.crc32(payload, zlib.crc32(len(payload).to_bytes(4, "big"), zlib.crc32(SALT)))
    return header(SALT) + struct.pack(">4sII", MARKER, len(payload), check) + payload


def test_a_length_beyond_all_records_is_damage_and_not_an_allocation() -> None:
    assert scan(header(SALT) + MARKER + b"\xff" * 8 + b"x").records == []


def test_a_record_that_nobody_could_read_again_is_not_written() -> None:
    with pytest.raises(TooLong):
        encode([queued(1, size=MAX_RECORD_BYTES)], SALT)


def test_as_many_numbers_as_a_record_may_have_fit_into_one() -> None:
    numbers = list(range(2**60, 2**60 + NUMBERS_AT_A_TIME + 1))
    parts = list(in_parts(numbers))
    assert [len(part) for part in parts] == [NUMBERS_AT_A_TIME, 1]
    records: list[AnyRecord] = [Done(part) for part in parts]
    assert scan(file_of(records)).records == records
