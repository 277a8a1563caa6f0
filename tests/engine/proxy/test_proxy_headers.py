"""PROXY headers: read to their last byte and not one further, however they arrive; anything else is
refused.
"""

import ipaddress
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.proxy import LocalProtocolError, ProxyHeader, ProxyReader, RemoteProtocolError
from tests.engine.proxy.headers import LOCAL, SIGNATURE, UNKNOWN, Address, v1, v2

BEHIND: Final = b"\x03C0C1 and whatever comes after it, a line end \r\n among it"

ports = st.integers(0, 65_535)
headers = st.one_of(
    st.builds(lambda source, port: (v1(source, port), str(source), port), st.ip_addresses(), ports),
    st.builds(
        lambda source, port, more: (v2(source, port, more), str(source), port),
        st.ip_addresses(),
        ports,
        st.binary(max_size=300),
    ),
    st.sampled_from([(LOCAL, "", 0), (UNKNOWN, "", 0)]),
)


def read(data: bytes, cuts: list[int]) -> tuple[ProxyHeader | None, int]:
    """The header, and how many bytes it took, from `data` that arrives in pieces of these sizes.

    What was not taken is shown again with the next piece, as a socket that is peeked at does it.
    """
    reader, taken, arrived = ProxyReader(), 0, 0
    for size in [*cuts, len(data)]:
        arrived = min(len(data), arrived + size)
        while taken < arrived and reader.header is None:
            taken += reader.receive(data[taken:arrived])
    return reader.header, taken


@given(headers, st.lists(st.integers(1, 40), max_size=20))
def test_a_header_is_read_the_same_however_it_is_cut(header: tuple[bytes, str, int], cuts: list[int]) -> None:
    data, address, port = header
    wanted = ProxyHeader(address, port), len(data)
    for pieces in ([], [1] * len(data), cuts):
        assert read(data + BEHIND, pieces) == wanted


@given(headers, st.data())
def test_half_a_header_is_none_yet(header: tuple[bytes, str, int], data: st.DataObject) -> None:
    half = header[0][: data.draw(st.integers(0, len(header[0]) - 1))]
    assert read(half, []) == (None, len(half))


@given(st.binary(max_size=200), st.lists(st.integers(1, 9), max_size=30))
def test_only_its_own_error_comes_of_any_bytes(junk: bytes, cuts: list[int]) -> None:
    for front in (b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"):
        outcomes: list[object] = []
        for pieces in ([], [1] * 300, cuts):
            try:
                outcomes.append(read(front + junk, pieces))
            except RemoteProtocolError as error:
                outcomes.append((None, hash(str(error))))
        assert len(set(outcomes)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xaa\xbb",
        b"\x03" + b"\x00" * 20,
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 1\r\n",
        b"PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 example.org 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4\xff192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2" + b" " * 100,
        b"PROXY  TCP4 192.0.2.1\r\n",
        SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),
        SIGNATURE + b"\x21\x21\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x41\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read(data, [])


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY UNKNOWN 2001:db8::1 2001:db8::2 1 2\r\n",
        SIGNATURE + b"\x21\x00\x00\x00",
        SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216),
        v2(ipaddress.ip_address("192.0.2.1"), 1, command=0),
    ],
)
def test_a_proxy_that_speaks_for_nobody_says_so(data: bytes) -> None:
    assert read(data, []) == (ProxyHeader(), len(data))


@given(st.ip_addresses(), ports)
def test_there_is_one_header_on_a_connection(source: Address, port: int) -> None:
    reader = ProxyReader()
    reader.receive(v1(source, port))
    with pytest.raises(LocalProtocolError):
        reader.receive(b"PROXY")


def test_a_reader_that_has_refused_reads_no_more() -> None:
    reader = ProxyReader()
    with pytest.raises(RemoteProtocolError):
        reader.receive(b"GET / HTTP/1.1")
    with pytest.raises(LocalProtocolError):
        reader.receive(b"PROXY")
