"""What HLS players ask for, and how it is answered.

    multivariant   the renditions of a programme; a stream by itself is the one rendition of its own
    media          its playlist: at once, or when what was asked for is there (blocking reload)
    file           init segments and segments out of the folder; parts out of the package's ring, also as
    they grow

Names of files are unique for ever, so caches may keep them; playlists live as long as the part they end with.
"""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import trio

from engine.config import Config
from engine.protocols.hls import (
    InitName,
    PartName,
    RemoteProtocolError,
    SegmentName,
    multivariant,
    parse_directives,
    parse_name,
    rendition_of,
)
from engine.protocols.hls.request import Directives
from engine.protocols.http import (
    ByteRange,
    Request,
    etag_of,
    growing_head,
    is_not_modified,
    media_head,
    not_modified_head,
    parse_range,
    playlist_head,
    range_holds,
)
from engine.protocols.http.media_responses import IMMUTABLE, MP4_TYPE, TS_TYPE
from shm.errors import Lapped
from workers.fanout.bodies import send_bytes, send_file, send_from_ring, send_growing
from workers.fanout.connection import Connection
from workers.fanout.library import Library
from workers.fanout.locations import media_uri
from workers.fanout.report import Report
from workers.fanout.shelf import GrowingPart, RenderedPlaylist, Shelf
from workers.runtime.packages import Packages

MAX_HELD: int = 10_000
"""Requests of one worker that wait for something, all players together."""

MAX_HELD_PER_ADDRESS: int = 256
"""The same of one address: a large household, or an office behind one router."""


class Unanswerable(Exception):
    """There is no such thing, or not now: `status`, and a sentence for the player."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Holds:
    """Requests that wait, counted."""

    def __init__(self) -> None:
        self.total = 0
        self._by_address: dict[str, int] = {}

    def take(self, address: str) -> None:
        """One more. Raises Unanswerable when there are as many as may be."""
        if self.total >= MAX_HELD or self._by_address.get(address, 0) >= MAX_HELD_PER_ADDRESS:
            raise Unanswerable(503, "too many requests wait here already")
        self.total += 1
        self._by_address[address] = self._by_address.get(address, 0) + 1

    def release(self, address: str) -> None:
        self.total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class HlsAnswers:
    """Answers requests for one stream's playlists, segments and parts.

    Args:
        packages: where finished segments are.
        config: the configuration as it is now.
        holds: counts the requests that wait.
        report: hears how late they were answered.
    """

    def __init__(
        self, packages: Packages, config: Callable[[], Config], holds: Holds, report: Report
    ) -> None:
        self._report = report
        self._packages = packages
        self._config = config
        self._holds = holds

    @property
    def _origin(self) -> str:
        return self._config().http.cors_origin

    @property
    def held(self) -> int:
        """Requests that wait now."""
        return self._holds.total

    # -- playlists

    async def send_multivariant(
        self, connection: Connection, request: Request, shelves: Sequence[Shelf]
    ) -> int:
        """Send the programme of these renditions; the status."""
        renditions = [
            rendition_of(shelf.window, media_uri(request.path, shelf.record.name)) for shelf in shelves
        ]
        plain = multivariant(renditions).encode()
        return await self._send_playlist(
            connection, request, RenderedPlaylist(plain, b"", etag_of(plain)), "public, max-age=1"
        )

    async def send_media(self, connection: Connection, request: Request, shelf: Shelf) -> int:
        """Send the media playlist, when it has what the request waits for; the status."""
        directives = self._directives(request)
        await self._hold(connection, shelf, directives)
        age_s = 1 if directives.msn is None else shelf.window.target_s
        return await self._send_playlist(
            connection, request, shelf.playlist(directives), f"public, max-age={age_s}"
        )

    def _directives(self, request: Request) -> Directives:
        try:
            return parse_directives(request.query)
        except RemoteProtocolError as error:
            raise Unanswerable(error.reply, str(error)) from None

    async def _hold(self, connection: Connection, shelf: Shelf, directives: Directives) -> None:
        """Wait until the playlist has what is asked for."""
        msn, part = directives.msn, directives.part
        if msn is None or shelf.window.has(msn, part):
            return
        if shelf.window.too_far(msn, part):
            raise Unanswerable(400, "the playlist is not there yet for long")
        await self._wait(connection, shelf, lambda: shelf.window.has(msn, part))

    async def _wait(self, connection: Connection, shelf: Shelf, is_there: Callable[[], bool]) -> None:
        address = connection.host
        self._holds.take(address)
        try:
            with trio.move_on_after(shelf.patience_s):
                while not is_there() and not shelf.over:
                    await shelf.changed.wait()
        finally:
            self._holds.release(address)
        if not is_there():
            raise Unanswerable(503, "it did not come in time")
        self._report.reload_held(shelf.lateness_s)

    async def _send_playlist(
        self, connection: Connection, request: Request, playlist: RenderedPlaylist, cache_control: str
    ) -> int:
        gzip = bool(playlist.gzipped) and takes_gzip(request.headers.get("accept-encoding", ""))
        etag = f'{playlist.etag[:-1]}-gz"' if gzip else playlist.etag
        if is_not_modified(request.headers, etag):
            await self._send_not_modified(connection, request, etag, cache_control, varies=True)
            return 304
        body = playlist.gzipped if gzip else playlist.plain
        head = playlist_head(
            len(body),
            etag=etag,
            cache_control=cache_control,
            request_id=connection.request_id,
            origin=self._origin,
            keep_alive=request.keep_alive,
            gzip=gzip,
        )
        await send_bytes(connection, head if request.method == "HEAD" else head + body)
        return 200

    # -- files and parts

    async def send_named(self, connection: Connection, request: Request, shelf: Shelf, file: str) -> int:
        """Send what `file` names; the status."""
        name = parse_name(file)
        if name is None:
            raise Unanswerable(404, "no such file")
        if isinstance(name, PartName):
            if name.stamp != shelf.window.settings.stamp:
                raise Unanswerable(404, "this part is gone")
            return await self._send_part(connection, request, shelf, name)
        return await self._send_file(connection, request, shelf, name, file)

    async def _send_file(
        self, connection: Connection, request: Request, shelf: Shelf, name: InitName | SegmentName, file: str
    ) -> int:
        try:
            fd = os.open(
                self._packages.folder_of(shelf.record.name) / file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            )
        except OSError:
            raise Unanswerable(404, "no such file, or not any more") from None
        try:
            return await self._send_open_file(connection, request, fd, file)
        finally:
            os.close(fd)

    async def _send_open_file(self, connection: Connection, request: Request, fd: int, file: str) -> int:
        size, etag = os.fstat(fd).st_size, f'"{file}"'
        if is_not_modified(request.headers, etag):
            await self._send_not_modified(connection, request, etag, IMMUTABLE)
            return 304
        wanted = request.headers.get("range") if range_holds(request.headers, etag) else None
        piece = parse_range(wanted, size)
        head = media_head(
            size,
            content_type=TS_TYPE if file.endswith(".ts") else MP4_TYPE,
            request_id=connection.request_id,
            etag=etag,
            piece=piece,
            origin=self._origin,
            keep_alive=request.keep_alive,
        )
        if request.method == "HEAD":
            await send_bytes(connection, head)
        else:
            await send_file(connection, head, fd, piece or ByteRange(0, size))
        return 206 if piece else 200

    async def _send_not_modified(
        self, connection: Connection, request: Request, etag: str, cache_control: str, *, varies: bool = False
    ) -> None:
        head = not_modified_head(
            etag=etag,
            cache_control=cache_control,
            request_id=connection.request_id,
            origin=self._origin,
            keep_alive=request.keep_alive,
            varies=varies,
        )
        await send_bytes(connection, head)

    async def _send_part(self, connection: Connection, request: Request, shelf: Shelf, name: PartName) -> int:
        window = shelf.window
        if window.part(name.msn, name.part) is None and (name.msn, name.part) == window.hint:
            await self._wait(connection, shelf, lambda: is_begun(shelf, name) or shelf.window.has(*name[1:]))
        growing = shelf.growing
        if growing is not None and is_begun(shelf, name) and not growing.whole:
            if request.http_version == "1.0":  # knows no chunks, and its connection may be kept
                await self._wait(connection, shelf, lambda: growing.whole or growing.broken)
                return await self._send_whole_part(connection, request, shelf, name)
            return await self._send_growing_part(connection, request, shelf, growing)
        return await self._send_whole_part(connection, request, shelf, name)

    async def _send_growing_part(
        self, connection: Connection, request: Request, shelf: Shelf, growing: GrowingPart
    ) -> int:
        head = growing_head(
            content_type=MP4_TYPE,
            request_id=connection.request_id,
            http_version=request.http_version,
            origin=self._origin,
            keep_alive=request.keep_alive,
        )
        if request.method == "HEAD":
            await send_bytes(connection, head)
        else:
            await send_growing(connection, shelf, growing, head)
        return 200

    async def _send_whole_part(
        self, connection: Connection, request: Request, shelf: Shelf, name: PartName
    ) -> int:
        part = shelf.window.part(name.msn, name.part)
        if part is None:
            raise Unanswerable(404, "no such part, or not any more")
        try:
            start, stop = shelf.ring.entry(part.first_seq).pos, shelf.ring.entry(part.stop_seq - 1).end
        except Lapped:
            raise Unanswerable(404, "this part is gone") from None
        head = media_head(
            stop - start,
            content_type=MP4_TYPE,
            request_id=connection.request_id,
            origin=self._origin,
            keep_alive=request.keep_alive,
        )
        if not shelf.ring.safe(start):
            raise Unanswerable(404, "this part is going")
        if request.method == "HEAD":
            await send_bytes(connection, head)
        else:
            await send_from_ring(connection, shelf.ring, start, stop, head)
        return 200


class Hls(NamedTuple):
    """What all HLS players of a worker share."""

    library: Library
    answers: HlsAnswers


def takes_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding has gzip in it, and not with a weight of zero (RFC 9110 section 12.5.3)."""
    for element in accepted.lower().split(","):
        coding, _, weight = element.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0").rstrip(".") not in ("q=", "q=0")
    return False


def is_begun(shelf: Shelf, name: PartName) -> bool:
    """Whether the part is being made."""
    growing = shelf.growing
    return growing is not None and (growing.msn, growing.part) == (name.msn, name.part)
