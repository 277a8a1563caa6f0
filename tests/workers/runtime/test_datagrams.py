"""Datagrams in bulk: whatever is sent in a few calls arrives one by one, as it was."""

import errno
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.runtime.datagrams import (
    MAX_DATAGRAM_BYTES,
    MAX_SEGMENTS,
    UDP_SEGMENT,
    Datagram,
    delay_us,
    receive_datagrams,
    receive_stamped,
    send_datagrams,
)

Ancillary = Sequence[tuple[int, int, bytes]]
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two connected UDP sockets on loopback; the second has room for what the first sends."""
    here, there = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for sock in (here, there):
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        sock.bind(("127.0.0.1", 0))
    here.connect(there.getsockname())
    there.connect(here.getsockname())
    with here, there:
        yield here, there


def numbered(sizes: list[int]) -> list[Datagram]:
    """Headers of 16 bytes with a number, payloads that fill up to the size."""
    return [(at.to_bytes(16, "big"), bytes([at % 251]) * (size - 16)) for at, size in enumerate(sizes)]


def joined(datagrams: list[Datagram]) -> list[bytes]:
    return [header + bytes(payload) for header, payload in datagrams]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.sampled_from([16, 20, 44, 204, 1332, 1472]) | st.integers(16, 1472), max_size=60))
def test_what_was_sent_arrives_in_order_and_whole(pair: Pair, sizes: list[int]) -> None:
    here, there = pair
    datagrams = numbered(sizes)
    assert send_datagrams(here, datagrams) == len(datagrams)
    assert receive_datagrams(there) == joined(datagrams)


def test_the_kernel_knows_how_long_a_datagram_has_waited(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = pair
    assert delay_us(there) == 0  # nothing has come; and it takes note from now on
    for number in range(4):
        here.send(b"ABCD"[number % 2 :] + b"%d" % number)
    later_ns = time.time_ns() + 50_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later_ns)
    datagrams, delays_us = receive_stamped(there, b"AB")
    assert datagrams == [b"ABCD0", b"BCD1", b"ABCD2", b"BCD3"]
    assert list(delays_us) == [0, 2]
    # A millisecond less: the wall clock may be set right meanwhile, if only by little.
    assert 49_000 <= delays_us[2] <= delays_us[0] + 1_000 < 1_000_000


@pytest.mark.parametrize("step_s", [-5, 5])
def test_a_wall_clock_that_was_set_makes_nobody_wait(
    step_s: int, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    delay_us(there)
    here.send(b"AB")
    now_ns = time.time_ns() + step_s * 1_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: now_ns)
    assert receive_stamped(there, b"AB") == ([b"AB"], {0: 0})


@pytest.mark.parametrize("count", [1, 2, MAX_SEGMENTS, MAX_SEGMENTS + 1, 3 * MAX_SEGMENTS])
def test_a_run_of_the_largest_packets_is_cut_where_the_kernel_ends(pair: Pair, count: int) -> None:
    here, there = pair
    datagrams = numbered([1472] * count)
    assert send_datagrams(here, datagrams) == count
    assert receive_datagrams(there) == joined(datagrams)


class Counting:
    """A socket that counts its calls and cannot segment, if told so."""

    def __init__(self, sock: socket.socket, refusal: int = 0) -> None:
        self.calls = 0
        self._sock = sock
        self._refusal = refusal

    def sendmsg(self, pieces: list[bytes], ancillary: Ancillary = ()) -> int:
        self.calls += 1
        if ancillary and self._refusal:
            raise OSError(self._refusal, "no segments here")
        return self._sock.sendmsg(pieces, ancillary)


def test_a_run_takes_one_call(pair: Pair) -> None:
    here, there = pair
    counting = Counting(here)
    send_datagrams(cast("Any", counting), numbered([1332] * 40 + [500] + [44] * 10))
    assert counting.calls == 3
    assert len(receive_datagrams(there)) == 51


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.EIO, errno.EMSGSIZE])
def test_where_the_kernel_cannot_segment_they_go_one_by_one(pair: Pair, refusal: int) -> None:
    here, there = pair
    datagrams = numbered([1332] * 10)
    assert send_datagrams(cast("Any", Counting(here, refusal)), datagrams) == 10
    assert receive_datagrams(there) == joined(datagrams)


def test_no_room_ends_the_turn_and_says_where(pair: Pair) -> None:
    here, there = pair
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    answers = iter([None, OSError(errno.EAGAIN, "full"), *repeat(None, 9)])

    class Full(Counting):
        def sendmsg(self, pieces: list[bytes], ancillary: Ancillary = ()) -> int:
            if (error := next(answers)) is not None:
                raise error
            return super().sendmsg(pieces, ancillary)

    assert send_datagrams(cast("Any", Full(here)), numbered([100, 200, 300])) == 1
    assert len(receive_datagrams(there)) == 1


def test_a_turn_of_reading_is_bounded_and_overlong_datagrams_are_cut(pair: Pair) -> None:
    here, there = pair
    for _ in range(5):
        here.send(bytes(4000))
    assert [len(each) for each in receive_datagrams(there, 3)] == [MAX_DATAGRAM_BYTES] * 3
    assert len(receive_datagrams(there)) == 2
    assert receive_datagrams(there) == []


def test_nobody_there_is_an_error_of_either_direction(pair: Pair) -> None:
    here, there = pair
    there.close()
    here.send(b"anybody?")
    with pytest.raises(ConnectionRefusedError):
        receive_datagrams(here)
    here.send(b"anybody?")
    with pytest.raises(ConnectionRefusedError):
        send_datagrams(here, numbered([100, 100]))


def test_the_kernel_has_the_option(pair: Pair) -> None:
    here, _ = pair
    assert here.getsockopt(socket.IPPROTO_UDP, UDP_SEGMENT) == 0
