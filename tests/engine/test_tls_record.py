"""The first record of a TLS connection is known to be whole at its last byte, and what is none at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tls.record import MAX_FRAGMENT_BYTES, is_whole_record


@given(st.binary(max_size=600), st.binary(max_size=9), st.sampled_from([1, 2, 3, 4]))
def test_a_record_is_whole_at_its_last_byte_and_not_before(content: bytes, behind: bytes, minor: int) -> None:
    record = bytes([0x16, 3, minor]) + len(content).to_bytes(2, "big") + content
    assert not any(is_whole_record(record[:length]) for length in range(len(record)))
    assert is_whole_record(record)
    assert is_whole_record(record + behind)


@pytest.mark.parametrize("data", [b"G", b"\x80\x2e", b"\x15\x03", b"\x16\x02", b"\x16\x03\x01\x40\x01"])
def test_what_cannot_become_one_is_left_to_openssl_at_once(data: bytes) -> None:
    assert is_whole_record(data)


def test_the_largest_record_is_waited_for() -> None:
    head = b"\x16\x03\x03" + MAX_FRAGMENT_BYTES.to_bytes(2, "big")
    assert not is_whole_record(head)
    assert is_whole_record(head + bytes(MAX_FRAGMENT_BYTES))
