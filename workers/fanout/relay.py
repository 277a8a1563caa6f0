"""A publisher over TLS: its bytes go on to ingest through a pair of sockets.

A TLS connection cannot be passed on, since what makes it one is in this process. So ingest gets one end of a
pair and knows no difference, and this relay copies between the other end and the connection, at most
RELAY_BYTES and the kernel's buffer of the pair at a time: whoever is slow holds the other up, as TCP does.

It costs a publisher two things. Its bytes are copied once more. And it lives no longer than this worker:
when the worker dies, or has not drained in time, the encoder has to connect again, within the stream's grace
time. A draining worker ends no relay by itself: ingest, which drains in the same moment when the engine ends,
says good-bye to its publishers, and that word goes out here.
"""

import socket
from contextlib import suppress
from typing import Final

import trio

from workers.fanout.connection import READ_BYTES, Connection, PeerGone

RELAY_BYTES: Final = READ_BYTES
"""Copied at once: a TLS record. Keyframes are larger, and take a few turns."""


def open_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends, non-blocking: ours, and the one for ingest. Raises OSError."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


async def relay(connection: Connection, ours: socket.socket) -> None:
    """Copy both ways until ingest has ended, or the publisher has and ingest knows."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_copy_in, connection, ours)
        await _copy_out(ours, connection)
        nursery.cancel_scope.cancel()
    await connection.refuse(b"")  # as ingest does: time to read the last word, and to close


async def _copy_in(connection: Connection, ours: socket.socket) -> None:
    """From the publisher to ingest."""
    try:
        while True:
            data = memoryview(await connection.read(RELAY_BYTES))
            while data:
                data = data[await _send(ours, data) :]
    except (PeerGone, OSError):
        with suppress(OSError):  # ingest was quicker
            ours.shutdown(socket.SHUT_WR)


async def _send(ours: socket.socket, data: memoryview) -> int:
    while True:
        try:
            return ours.send(data)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(ours)


async def _copy_out(ours: socket.socket, connection: Connection) -> None:
    """From ingest to the publisher, until ingest closes."""
    try:
        while True:
            await trio.lowlevel.wait_readable(ours)
            try:
                data = ours.recv(RELAY_BYTES)
            except BlockingIOError:
                continue
            if not data:
                return
            await connection.write(data)
    except (PeerGone, OSError):
        return
