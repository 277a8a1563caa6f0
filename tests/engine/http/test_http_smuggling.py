"""No head means one thing here and another to the proxy before us.

A corpus of known attempts, and h11 as the second opinion: whatever is taken here, h11 takes too and reads the
same out of it. (Not the other way round: h11 takes bare line feeds, folded lines and repeated lengths.)
"""

from collections.abc import Mapping
from typing import NamedTuple

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.protocols.http import RemoteProtocolError, Request, RequestReader, limits
from engine.protocols.http.target import parse_target
from tests.engine.http.feeds import (
    BROWSER,
    LAST,
    OFFER,
    OLD,
    PLAIN,
    UPGRADE,
    read_all,
    refusal_of,
    with_field,
)

TWO_LENGTHS = {
    "two_lengths_that_differ": b"Content-Length: 0\r\nContent-Length: 5",
    "two_lengths_that_agree": b"Content-Length: 5\r\nContent-Length: 5",
    "two_empty_lengths": b"Content-Length: 0\r\nContent-Length: 0",
    "a_list_of_lengths": b"Content-Length: 0, 0",
    "a_list_of_different_lengths": b"Content-Length: 0, 5",
    "a_signed_length": b"Content-Length: +0",
    "a_negative_length": b"Content-Length: -1",
    "a_hexadecimal_length": b"Content-Length: 0x0",
    "a_length_with_a_space": b"Content-Length: 0 0",
    "a_length_of_nothing": b"Content-Length:",
    "a_length_beyond_64_bits": b"Content-Length: 18446744073709551616",
    "a_length": b"Content-Length: 5",
}
TRANSFER_ENCODINGS = {
    "chunked": b"Transfer-Encoding: chunked",
    "chunked_in_capitals": b"TRANSFER-ENCODING: CHUNKED",
    "chunked_beside_a_length": b"Content-Length: 0\r\nTransfer-Encoding: chunked",
    "a_length_beside_chunked": b"Transfer-Encoding: chunked\r\nContent-Length: 0",
    "chunked_twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "chunked_not_last": b"Transfer-Encoding: chunked, identity",
    "identity": b"Transfer-Encoding: identity",
    "an_unknown_encoding": b"Transfer-Encoding: xchunked",
    "no_encoding": b"Transfer-Encoding:",
    "a_quoted_encoding": b'Transfer-Encoding: "chunked"',
    "an_encoding_behind_a_tab": b"Transfer-Encoding:\tchunked",
    "an_encoding_behind_a_vertical_tab": b"Transfer-Encoding:\x0bchunked",
    "a_space_before_the_colon": b"Transfer-Encoding : chunked",
    "a_tab_before_the_colon": b"Transfer-Encoding\t: chunked",
    "an_encoding_in_a_folded_line": b"X: y\r\n Transfer-Encoding: chunked",
    "a_folded_encoding": b"Transfer-Encoding:\r\n chunked",
    "an_encoding_behind_a_bare_lf": b"X: y\nTransfer-Encoding: chunked",
    "an_encoding_behind_a_bare_cr": b"X: y\rTransfer-Encoding: chunked",
    "an_encoding_behind_a_nul": b"X: y\x00Transfer-Encoding: chunked",
}
FIELD_LINES = {
    "a_folded_line": b"X: y\r\n z",
    "a_line_folded_by_a_tab": b"X: y\r\n\tz",
    "a_fold_of_nothing": b"X: y\r\n ",
    "a_bare_lf": b"X: y\nY: z",
    "a_bare_lf_in_place_of_the_last": b"X: y\n",
    "a_bare_cr": b"X: y\rY: z",
    "cr_cr_lf": b"X: y\r\r\nY: z",
    "a_nul_in_a_value": b"X: a\x00b",
    "a_nul_in_a_name": b"X\x00: a",
    "an_escape_in_a_value": b"X: a\x1bb",
    "a_delete_in_a_value": b"X: a\x7fb",
    "a_space_before_a_colon": b"X : y",
    "a_space_in_a_name": b"X Y: z",
    "a_high_byte_in_a_name": b"X\xff: y",
    "no_name": b": y",
    "no_colon": b"X",
    "a_second_host": b"Host: other.example",
    "a_second_host_in_capitals": b"HOST: media.example",
}
START_LINES = {
    "a_bare_lf_after_the_start": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "bare_lfs_alone": b"GET / HTTP/1.1\nHost: a\n\n",
    "an_empty_line_first": b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a_space_first": b" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a_folded_first_field": b"GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n",
    "two_spaces": b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a_tab_for_a_space": b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a_space_in_the_target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a_space_at_the_end": b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "a_high_byte_in_the_target": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a_nul_in_the_target": b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no_version": b"GET /\r\nHost: a\r\n\r\n",
    "a_version_of_three_digits": b"GET / HTTP/1.10\r\nHost: a\r\n\r\n",
    "a_version_in_small_letters": b"GET / http/1.1\r\nHost: a\r\n\r\n",
    "another_protocol": b"GET / ICE/1.0\r\nHost: a\r\n\r\n",
    "the_preface_of_http_2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a_method_in_small_letters": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "no_host": b"GET / HTTP/1.1\r\nX: y\r\n\r\n",
    "no_fields": b"GET / HTTP/1.1\r\n\r\n",
}
CORPUS = {
    **{name: with_field(line) for name, line in {**TWO_LENGTHS, **TRANSFER_ENCODINGS, **FIELD_LINES}.items()},
    **START_LINES,
}


@pytest.mark.parametrize("name", CORPUS)
def test_an_attempt_is_refused(name: str) -> None:
    assert refusal_of(CORPUS[name]) is not None


@pytest.mark.parametrize("name", CORPUS)
def test_an_attempt_behind_a_good_request_is_refused_too(name: str) -> None:
    for before in (BROWSER, OFFER):
        story, _ = read_all(before + CORPUS[name] + PLAIN, [])
        assert isinstance(story[0], Request)
        assert [type(entry) for entry in story[1:]] == [int]


@pytest.mark.parametrize("length", [b"0", b"00", b" 0 "])
def test_a_body_of_nothing_is_no_body(length: bytes) -> None:
    head = with_field(b"Content-Length: " + length)
    assert refusal_of(head) is None
    assert len(read_all(head + head, [])[0]) == 2


class Head(NamedTuple):
    """What is read out of one head, and how much stands behind it."""

    method: str
    path: str
    query: Mapping[str, str]
    http_version: str
    headers: Mapping[str, str]
    trailing_bytes: int


def by_us(data: bytes) -> Head | None:
    """What is read here; None if it is refused or waited for."""
    reader = RequestReader()
    try:
        read = reader.receive(data)
    except RemoteProtocolError:
        return None
    if read is None:
        return None
    waiting_bytes = limits.MAX_HEAD_BYTES - reader.room_bytes
    trailing_bytes = len(read.trailing) + waiting_bytes
    return Head(read.method, read.path, read.query, read.http_version, read.headers, trailing_bytes)


def by_h11(data: bytes) -> Head | None:
    """What h11 reads, in our words; None if it refuses or waits."""
    connection = h11.Connection(h11.SERVER)
    try:
        connection.receive_data(data)
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.Request):
        return None
    headers: dict[str, str] = {}
    for raw_name, raw_value in event.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    method, version = event.method.decode(), event.http_version.decode()
    return Head(method, *parse_target(event.target), version, headers, len(connection.trailing_data[0]))


EDITS = st.sampled_from(
    [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b"\x7f", b"\xff", b":", b",", b'"', b"\r\n\r\n", b"\r\n "]
    + [line + b"\r\n" for line in (*TWO_LENGTHS.values(), *TRANSFER_ENCODINGS.values())]
    + [line + b"\r\n" for line in FIELD_LINES.values()]
)


@given(st.data())
@settings(max_examples=300)
def test_h11_takes_what_is_taken_here_and_reads_the_same(data: st.DataObject) -> None:
    head = bytearray(data.draw(st.sampled_from([BROWSER, PLAIN, OLD, LAST, UPGRADE, OFFER])))
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(head)))
        replaced = data.draw(st.integers(0, 1))
        head[place : place + replaced] = data.draw(st.one_of(EDITS, st.binary(max_size=2)))
    read = by_us(bytes(head))
    assert read is None or read == by_h11(bytes(head))


@given(st.binary(max_size=20))
@example(b" \t ")
@example(b"a\t b \t")
@example(b"\xe9\x80")
def test_values_are_read_as_h11_reads_them(value: bytes) -> None:
    for head in (with_field(b"X:" + value), with_field(b"User-Agent: " + value)):
        read = by_us(head)
        assert read is None or read == by_h11(head)
