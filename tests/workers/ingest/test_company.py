"""Which bytes of a publisher wake its task; over real TCP, since the kernel decides it."""

import errno
import os
import select
import socket
from collections.abc import Iterator
from typing import NamedTuple, cast

import pytest

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.rtmp import Media
from workers.ingest.company import HEADER_BYTES, MAX_SOUND_BYTES, Company

SOUND = Media(KIND_AUDIO, 0, bytes(300))
PICTURE = Media(KIND_VIDEO, 0, bytes(5000))
SCRIPT = Media(18, 0, bytes(50))
ON_THE_WIRE = bytes(8 + len(SOUND.body))


class Wire(NamedTuple):
    publisher: socket.socket
    ours: socket.socket
    company: Company

    def wakes(self) -> bool:
        """Whether epoll, as trio asks it, would wake us."""
        with select.epoll() as epoll:
            epoll.register(self.ours, select.EPOLLIN)
            return bool(epoll.poll(0))

    def send(self, data: bytes) -> None:
        """Loopback delivers before `sendall` is back."""
        self.publisher.sendall(data)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as publisher,
        listener.accept()[0] as ours,
    ):
        yield Wire(publisher, ours, Company(ours))


def test_sound_alone_after_a_picture_waits_for_more_sound(wire: Wire) -> None:
    wire.company.heard([SOUND, PICTURE], may_wait=True)
    wire.send(ON_THE_WIRE)
    assert not wire.wakes()
    wire.send(ON_THE_WIRE)
    assert wire.wakes()


def test_sound_that_waits_comes_with_the_next_picture(wire: Wire) -> None:
    wire.company.heard([SOUND, PICTURE], may_wait=True)
    wire.send(ON_THE_WIRE)
    assert not wire.wakes()
    wire.send(PICTURE.body)
    assert wire.wakes()


def test_a_picture_waits_for_nobody(wire: Wire) -> None:
    wire.company.heard([SOUND, PICTURE], may_wait=True)
    wire.send(PICTURE.body)
    assert wire.wakes()


@pytest.mark.parametrize(
    "heard",
    [
        [],
        [SCRIPT],
        [SOUND],
        [PICTURE],
        [PICTURE, SOUND],
        [Media(KIND_AUDIO, 0, bytes(MAX_SOUND_BYTES + 1)), PICTURE],
        [Media(KIND_AUDIO, 0, b""), PICTURE],
    ],
)
def test_anything_wakes_where_there_is_nothing_to_wait_for(wire: Wire, heard: list[Media]) -> None:
    wire.company.heard(heard, may_wait=True)
    wire.send(b"!")
    assert wire.wakes()


def test_anything_wakes_again_after_a_read_that_ends_with_sound(wire: Wire) -> None:
    wire.company.heard([SOUND, PICTURE], may_wait=True)
    wire.company.heard([SOUND, SOUND], may_wait=True)
    wire.send(b"!")
    assert wire.wakes()


def test_sound_waits_for_nobody_whom_somebody_will_look_for_soon(wire: Wire) -> None:
    wire.company.heard([SOUND, PICTURE], may_wait=True)
    wire.company.heard([SOUND, PICTURE], may_wait=False)
    wire.send(b"!")
    assert wire.wakes()


def test_a_goodbye_without_company_is_found_when_it_is_looked_for(wire: Wire) -> None:
    wire.company.heard([SOUND, PICTURE], may_wait=True)
    wire.send(b"deleteStream")
    assert not wire.wakes()
    wire.company.give_up()
    assert wire.wakes()


def test_a_closed_connection_wakes_at_once(wire: Wire) -> None:
    wire.company.heard([SOUND, PICTURE], may_wait=True)
    wire.send(b"deleteStream")
    wire.publisher.close()
    assert wire.wakes()


def test_sound_that_varies_in_size_still_waits(wire: Wire) -> None:
    wire.company.heard([SOUND, PICTURE], may_wait=True)
    wire.send(bytes(len(SOUND.body) * 3 // 2 + HEADER_BYTES - 1))
    assert not wire.wakes()


class Gone:
    """A socket that the kernel takes no option of any more."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def setsockopt(self, _level: int, option: int, _value: int) -> None:
        self.asked.append(option)
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def test_a_connection_that_is_gone_is_left_for_the_next_read_to_find() -> None:
    gone = Gone()
    Company(cast("socket.socket", gone)).heard([SOUND, PICTURE], may_wait=True)
    assert gone.asked == [socket.SO_RCVLOWAT]
