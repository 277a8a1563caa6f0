"""Hostile AMF0: refused early, in bounded work, by the package's own error."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols import amf0
from engine.protocols.amf0.limits import MAX_NODES, MAX_STRING_BYTES

OBJECT = b"\x03\x00\x01k"
STRICT_ARRAY_OF_ONE = b"\x0a\x00\x00\x00\x01"

BOMBS = {
    "70000 nested arrays (flvmeta#29)": STRICT_ARRAY_OF_ONE * 70_000,
    "70000 nested objects": OBJECT * 70_000,
    "70000 nested typed objects": b"\x10\x00\x01c\x00\x01k" * 70_000,
    "array of 4 billion values": b"\x0a\xff\xff\xff\xff" + b"\x05" * 100,
    "long string of 4 GiB": b"\x0c\xff\xff\xff\xff",
    "long string over the limit": b"\x0c\x00\x01\x00\x01" + b"x" * (MAX_STRING_BYTES + 1),
    "more values than allowed": b"\x05" * (MAX_NODES + 1),
    "more values than allowed in one array": b"\x0a\x00\x00\x04\x00" + b"\x05" * MAX_NODES,
    "object without an end": b"\x03\x00\x01k\x05",
    "key without a value": b"\x03\x00\x01k",
    "number cut short": b"\x00\x40\x00",
    "reference": b"\x07\x00\x00",
    "xml document": b"\x0f\x00\x00\x00\x00",
    "switch to amf3": b"\x11\x01",
    "stray object end": b"\x09",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_refused(body: bytes) -> None:
    with pytest.raises(amf0.RemoteProtocolError):
        amf0.decode_all(body)


def test_announced_sizes_are_not_allocated() -> None:
    tracemalloc.start()
    try:
        for body in (b"\x0a\xff\xff\xff\xff", b"\x0c\xff\xff\xff\xff", b"\x08\xff\xff\xff\xff\x00"):
            with pytest.raises(amf0.RemoteProtocolError):
                amf0.decode_all(body)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024
    finally:
        tracemalloc.stop()


def test_an_ecma_array_may_lie_about_its_count() -> None:
    assert amf0.decode(b"\x08\xff\xff\xff\xff\x00\x01k\x05\x00\x00\x09")[0] == {"k": None}


markers = st.sampled_from([bytes((marker,)) for marker in range(0x12)])
pieces = st.one_of(
    markers, st.binary(max_size=6), st.just(OBJECT), st.just(b"\x00\x00\x09"), st.just(STRICT_ARRAY_OF_ONE)
)


@given(st.lists(pieces, max_size=60).map(b"".join))
def test_any_bytes_are_values_or_refused(body: bytes) -> None:
    try:
        values = amf0.decode_all(body)
    except amf0.RemoteProtocolError:
        return
    again = amf0.decode_all(amf0.encode(*values))
    assert repr(again) == repr(values)  # not ==: there may be NaN
