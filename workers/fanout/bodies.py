"""Bodies of HTTP answers on their way out: bytes, files, and what lies in a ring.

Each sends all of it or raises: PeerGone when the player has left, `trio.TooSlowError` when it takes too
long, and Overwritten when a ring was faster than the player: what it got is wrong then, and only closing
says so.
"""

import trio

from engine.protocols.http import (
    CHUNK_END,
    LAST_CHUNK,
    ByteRange,
    Request,
    chunk_opening,
    document_head,
    is_not_modified,
    not_modified_head,
)
from engine.protocols.http.media_responses import REVALIDATE, Fields
from shm.ring import RingReader
from workers.fanout.connection import Connection, PeerGone
from workers.fanout.pages import Asset
from workers.fanout.shelf import GrowingPart, Shelf
from workers.fanout.sinks import Sink, send_from_file, wait_for_room

SEND_S: float = 30.0
"""An answer must be taken within so long, seconds: the largest segments in ten, and patience for bad
networks. Who takes longer is holding memory and descriptors, or watches a stream that its network cannot
carry."""

SENDFILE_BYTES: int = 1 << 20
"""At most so many bytes per call: the others have their turn in between."""


class Overwritten(Exception):
    """The ring's writer came by while its bytes were being sent."""


async def send_bytes(connection: Connection, data: bytes) -> None:
    with trio.fail_after(SEND_S):
        await connection.write(data)


async def send_document(connection: Connection, request: Request, document: Asset, extra: Fields) -> int:
    """Send a page or what it loads, unless the browser has it; the status."""
    if is_not_modified(request.headers, document.etag):
        head = not_modified_head(
            etag=document.etag,
            cache_control=REVALIDATE,
            request_id=connection.request_id,
            keep_alive=request.keep_alive,
        )
        await send_bytes(connection, head)
        return 304
    head = document_head(
        len(document.body),
        content_type=document.content_type,
        etag=document.etag,
        request_id=connection.request_id,
        keep_alive=request.keep_alive,
        extra=extra,
    )
    await send_bytes(connection, head if request.method == "HEAD" else head + document.body)
    return 200


async def send_file(connection: Connection, head: bytes, fd: int, piece: ByteRange) -> None:
    """Send `head`, then bytes of a file that never changes, without a copy in this process."""
    with trio.fail_after(SEND_S):
        await connection.write(head)
        await _sendfile(connection.sock, fd, piece)


async def _sendfile(sock: Sink, fd: int, piece: ByteRange) -> None:
    at = piece.first
    while at < piece.stop:
        try:
            sent = send_from_file(sock, fd, at, min(SENDFILE_BYTES, piece.stop - at))
        except BlockingIOError:
            await wait_for_room(sock)
            continue
        except OSError:
            raise PeerGone from None
        if sent == 0:  # shorter than it was a moment ago; our files never are
            raise PeerGone
        at += sent
        await trio.lowlevel.checkpoint()


async def send_from_ring(
    connection: Connection, ring: RingReader, start: int, stop: int, before: bytes = b"", after: bytes = b""
) -> None:
    """Send bytes `[start, stop)` of a ring between two others, straight out of shared memory.

    What the socket does not take at once is copied aside, so that a slow player does not race the writer.
    """
    pieces: tuple[bytes | memoryview, ...] = (before, *ring.views(start, stop), after)
    total = sum(map(len, pieces))
    try:
        sent = connection.sock.sendmsg(pieces)
    except BlockingIOError:
        sent = 0
    except OSError:
        raise PeerGone from None
    rest = b"" if sent == total else b"".join(pieces)[sent:]
    if not ring.valid(start):
        raise Overwritten
    if rest:
        await send_bytes(connection, rest)


async def send_growing(connection: Connection, shelf: Shelf, growing: GrowingPart, head: bytes) -> None:
    """Send a part as it grows, in HTTP chunks."""
    await send_bytes(connection, head)
    sent = 0
    with trio.fail_after(shelf.patience_s):
        while sent < len(growing.chunks) or not growing.whole:
            changed, chunks = shelf.changed, growing.chunks[sent:]
            for entry in chunks:
                opening = chunk_opening(entry.length)
                await send_from_ring(connection, shelf.ring, entry.pos, entry.end, opening, CHUNK_END)
            sent += len(chunks)
            if not chunks:
                if shelf.over or growing.broken:
                    raise Overwritten
                await changed.wait()
    await send_bytes(connection, LAST_CHUNK)
