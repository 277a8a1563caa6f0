"""Extensions, texts and addresses in handshakes."""

import contextlib
import struct
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.srt.control import Handshake
from engine.protocols.srt.errors import LocalProtocolError, RemoteProtocolError
from engine.protocols.srt.handshake import (
    OUR_FLAGS,
    Extensions,
    Flag,
    Hello,
    decode_answer,
    decode_request,
    encode_answer,
    encode_ip,
    encode_request,
    encode_text,
    version_text,
)
from engine.protocols.srt.limits import MAX_STREAM_ID_BYTES
from engine.protocols.srt.rejections import Rejection
from tests.engine.srt.handshakes import code_of_refusal

halves = st.integers(0, 0xFFFF)
hellos = st.builds(Hello, st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF).map(Flag), halves, halves)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100)
key_material = st.none() | st.binary(max_size=25).map(lambda data: data * 4)
HELLO = Hello(0x010507, OUR_FLAGS, 120, 0)


def handshake_with(bits: int, blocks: bytes) -> Handshake:
    return Handshake(5, 0, bits, 1, 1500, 8192, 0xFFFF_FFFF, 2, 3, bytes(16), blocks)


@given(st.builds(Extensions, hellos, key_material, texts, texts))
def test_a_callers_extensions_read_back(extensions: Extensions) -> None:
    assert decode_request(handshake_with(*encode_request(extensions))) == extensions


@given(st.builds(Extensions, hellos, key_material))
def test_a_listeners_extensions_read_back(extensions: Extensions) -> None:
    assert decode_answer(handshake_with(*encode_answer(extensions))) == extensions


@given(st.integers(0, 7), st.binary(max_size=60).map(lambda data: data[: len(data) // 4 * 4]))
def test_any_words_are_extensions_or_refused_with_a_code(bits: int, blocks: bytes) -> None:
    handshake = handshake_with(bits, blocks)
    for decode in (decode_request, decode_answer):
        code = code_of_refusal(partial(decode, handshake))
        assert code in (None, Rejection.ROGUE, Rejection.BAD_REQUEST)


@given(st.builds(Extensions, hellos, key_material, texts, texts), st.data())
def test_extensions_cut_anywhere_are_refused_or_fewer(extensions: Extensions, data: st.DataObject) -> None:
    bits, blocks = encode_request(extensions)
    cut = blocks[: 4 * data.draw(st.integers(0, len(blocks) // 4 - 1))]
    with contextlib.suppress(RemoteProtocolError):
        assert decode_request(handshake_with(bits, cut)) != extensions


def test_a_text_goes_over_the_wire_with_its_words_turned_round() -> None:
    assert encode_text("abcdefghij") == b"dcbahgfe\0\0ji"


def test_a_text_ends_at_its_first_zero() -> None:
    bits, blocks = encode_request(Extensions(HELLO, None, "abc\0secret"))
    assert decode_request(handshake_with(bits, blocks)).stream_id == "abc"


def with_stream_id(data: bytes) -> Handshake:
    bits, blocks = encode_request(Extensions(HELLO))
    return handshake_with(bits | 4, blocks + struct.pack(">HH", 5, len(data) // 4) + data)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Rejection.ROGUE),
        (b"a" * (MAX_STREAM_ID_BYTES + 4), Rejection.ROGUE),
        (b"\xff\xff\xff\xff", Rejection.BAD_REQUEST),
    ],
    ids=["empty", "too long", "not UTF-8"],
)
def test_a_stream_id_that_is_none_is_refused(data: bytes, code: Rejection) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_request(with_stream_id(data))
    assert caught.value.reply == code


def test_the_longest_stream_id_passes() -> None:
    longest = "a" * MAX_STREAM_ID_BYTES
    assert decode_request(with_stream_id(encode_text(longest))).stream_id == longest
    with pytest.raises(LocalProtocolError):
        encode_text(longest + "a")


@pytest.mark.parametrize(
    ("bits", "blocks"),
    [
        (0, "00010003 00010507 000000bf 00780000"),
        (1, ""),
        (1, "0001"),
        (1, "00010002 00010507 000000bf"),
        (1, "00010004 00010507 000000bf 00780000"),
        (1, "00050001 61626364"),
        (1, "00010003 00010507 000000bf 00780000 00010003 00010507 000000bf 00780000"),
        (3, "00010003 00010507 000000bf 00780000"),
    ],
    ids=[
        "no bit",
        "no blocks",
        "half a block head",
        "two words of HSREQ",
        "a block that is cut off",
        "no HSREQ",
        "two of them",
        "no key",
    ],
)
def test_extensions_that_do_not_fit_together_are_refused(bits: int, blocks: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_request(handshake_with(bits, bytes.fromhex(blocks)))
    assert caught.value.reply == Rejection.ROGUE


def test_blocks_without_their_bit_are_not_looked_at() -> None:
    _, blocks = encode_request(Extensions(HELLO, b"keys", "live/cam", "file"))
    assert decode_request(handshake_with(1, blocks)) == Extensions(HELLO)


def test_a_hello_of_the_future_may_be_longer() -> None:
    blocks = bytes.fromhex("00010004 00010507 0000003f 00780000 ffffffff")
    assert decode_request(handshake_with(1, blocks)).hello == HELLO


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "0100007f 00000000 00000000 00000000"),
        ("192.0.2.7", "070200c0 00000000 00000000 00000000"),
        ("::1", "00000000 00000000 00000000 01000000"),
        ("fd12:3456:789a::abcd", "563412fd 00009a78 00000000 cdab0000"),
        ("fe80::1%eth0", "000080fe 00000000 00000000 01000000"),
        ("::ffff:192.0.2.7", "070200c0 00000000 00000000 00000000"),
    ],
)
def test_addresses_look_as_those_of_libsrt(host: str, expected: str) -> None:
    assert encode_ip(host) == bytes.fromhex(expected)


def test_versions_for_people() -> None:
    assert version_text(0x010507) == "1.5.7"
