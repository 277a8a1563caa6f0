"""One bus packet: how a message and its descriptors cross a SOCK_SEQPACKET socket. No waiting in here.

Both the trio side (`bus`) and the supervisor, which has no event loop, use these functions.
"""

import array
import errno
import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from workers.runtime.messages import AnyMessage

MAX_PACKET_BYTES: Final = 128 * 1024
# A frozen RTMP connection with a message half received before `publish` (64 KiB at most) fits with room to
# spare, and two packets fit the kernel's default socket buffer (net.core.wmem_default, 208 KiB, doubled).
MAX_PACKET_DESCRIPTORS: Final = 4  # a hand-over carries one; the kernel's own bound is 253 (SCM_MAX_FD)
_ANCILLARY_BYTES: Final = socket.CMSG_SPACE(MAX_PACKET_DESCRIPTORS * array.array("i").itemsize)


class BusError(Exception):
    """A message could not be delivered. The sender still owns its descriptors."""


class BusFull(BusError):
    """The receiver does not keep up, or the kernel holds too many descriptors in flight."""


class BusClosed(BusError):
    """Nobody will ever read that inbox again: worker and supervisor are both gone."""


class PacketTooLarge(BusError):
    """The message does not fit a packet."""


class Packet(msgspec.Struct, frozen=True, array_like=True):
    """The envelope on the wire. `request` is 0 for an order; `answer` marks the reply to that request."""

    source: int
    request: int
    answer: bool
    message: AnyMessage


class Descriptors:
    """Descriptors that came with a packet. What nobody takes is closed."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = deque(numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def first(self) -> int:
        """The next descriptor, to be looked at and left here; IndexError if there is none."""
        return self._numbers[0]

    def take(self) -> int:
        """The next descriptor, now owned by the caller; IndexError if there is none."""
        return self._numbers.popleft()

    def take_socket(self) -> socket.socket:
        """The next descriptor as a non-blocking socket, now owned by the caller."""
        taken = socket.socket(fileno=self.take())
        taken.setblocking(False)
        return taken

    def close(self) -> None:
        while self._numbers:
            os.close(self._numbers.popleft())


class Received(NamedTuple):
    packet: Packet
    descriptors: Descriptors


class Unusable(NamedTuple):
    """A packet that cannot be obeyed: why, and the kind of its message where that can be read."""

    why: str
    message: str


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Packet)

# The queue of the socket, or the count of descriptors in flight (unix(7), ETOOMANYREFS), is at its bound.
_FULL: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS})
_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ECONNREFUSED, errno.EBADF})


def send_packet(outbox: socket.socket, packet: Packet, descriptors: Iterable[int] = ()) -> None:
    """Put one packet into an inbox, or raise BusFull, BusClosed or PacketTooLarge. Never blocks.

    The kernel duplicates the descriptors; the caller's stay open and stay the caller's to close.
    """
    payload = _ENCODER.encode(packet)
    if len(payload) > MAX_PACKET_BYTES:
        name = type(packet.message).__name__
        raise PacketTooLarge(f"{name} of {len(payload)} bytes, which is more than {MAX_PACKET_BYTES}")
    try:
        outbox.sendmsg([payload], _ancillary(descriptors), socket.MSG_DONTWAIT)
    except OSError as error:
        raise _named(error) from error


def _ancillary(descriptors: Iterable[int]) -> list[tuple[int, int, "array.array[int]"]]:
    numbers = array.array("i", descriptors)
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)] if numbers else []


def _named(error: OSError) -> Exception:
    if error.errno in _FULL:
        return BusFull(str(error))
    if error.errno in _GONE:
        return BusClosed(str(error))
    if error.errno == errno.EMSGSIZE:
        return PacketTooLarge(str(error))
    return error


def receive_packet(inbox: socket.socket) -> Received | Unusable:
    """The next packet, whole; or what is known of one that is cut short, or not ours to read.

    Raises BlockingIOError when the inbox is empty, BusClosed at its end.
    """
    # Not socket.recv_fds, nor send_fds above: Python 3.11's forget their `flags` (found by a test).
    data, ancillary, flags, _ = inbox.recvmsg(
        MAX_PACKET_BYTES, _ANCILLARY_BYTES, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
    )
    descriptors = Descriptors(_numbers_in(ancillary))
    if not data:
        descriptors.close()
        raise BusClosed("end of the inbox")
    packet = _decoded(data)
    if packet is None or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        descriptors.close()
        return _unusable(packet, flags)
    return Received(packet, descriptors)


def _unusable(packet: Packet | None, flags: int) -> Unusable:
    message = type(packet.message).__name__ if packet else ""
    if flags & socket.MSG_CTRUNC:  # the connection or the memory that came with it is lost already
        return Unusable("no room for its descriptors: is this process at its limit of open files?", message)
    return Unusable("cannot be read", message)


def _numbers_in(ancillary: Iterable[tuple[int, int, bytes]]) -> Iterator[int]:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers = array.array("i")
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
            yield from numbers


def _decoded(data: bytes) -> Packet | None:
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the last two are not msgspec's own
        return None


def open_inboxes(addresses: Iterable[int]) -> dict[int, tuple[socket.socket, socket.socket]]:
    """For each address its (inbox, outbox) pair, both non-blocking. The supervisor keeps both ends open."""
    return {address: _open_pair() for address in addresses}


def _open_pair() -> tuple[socket.socket, socket.socket]:
    inbox, outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    inbox.setblocking(False)
    outbox.setblocking(False)
    return inbox, outbox
