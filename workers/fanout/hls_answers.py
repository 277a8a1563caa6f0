"""What HLS players ask for, and how it is answered.

    multivariant   the renditions of a programme; a stream by itself is the one rendition of its own
    media          its playlist: at once, or when what was asked for is there (blocking reload)
    file           init segments and segments out of the folder; parts out of the package's ring, also as
    they grow

Names of files are unique for ever, so caches may keep them; playlists live as long as the part they end with.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
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
    Fields,
    etag_of,
    growing_head,
    is_not_modified,
    media_head,
    not_modified_head,
    parse_range,
    playlist_head,
    range_holds,
    takes_gzip,
)
from engine.protocols.http.media_responses import IMMUTABLE, MP4_TYPE, TS_TYPE
from shm.errors import Lapped
from workers.fanout.bodies import send_growing
from workers.fanout.exchange import Exchange
from workers.fanout.library import Library
from workers.fanout.locations import media_uri
from workers.fanout.open_files import OpenFile, OpenFiles
from workers.fanout.report import Report
from workers.fanout.shelf import GrowingPart, RenderedPlaylist, Shelf
from workers.fanout.ticket import Ticket
from workers.runtime.packages import Packages

MAX_HELD: int = 10_000
"""Requests of one worker that wait for something, all players together."""

MAX_HELD_PER_ADDRESS: int = 256
"""The same of one address: a large household, or an office behind one router."""


class Unanswerable(Exception):
    """There is no such thing, or not now: `status`, and a sentence for the player."""

    def __init__(self, status: int, text: str, fields: Fields = ()) -> None:
        super().__init__(text)
        self.status = status
        self.fields = fields


class TooManyHeld(Unanswerable):
    """As many requests wait as may: of the "address", or of all in this "worker" (`reason`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(503, "too many requests wait here already")
        self.reason = reason


class Holds:
    """Requests that wait, counted."""

    def __init__(self) -> None:
        self.total = 0
        self._by_address: dict[str, int] = {}

    def take(self, address: str) -> None:
        """One more. Raises TooManyHeld."""
        if self.total >= MAX_HELD:
            raise TooManyHeld("worker")
        if self._by_address.get(address, 0) >= MAX_HELD_PER_ADDRESS:
            raise TooManyHeld("address")
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
        self.files = OpenFiles(report)
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

    async def send_multivariant(self, exchange: Exchange, shelves: Sequence[Shelf], ticket: Ticket) -> int:
        """Send the programme of these renditions; the status."""
        path = exchange.request.path
        renditions = [rendition_of(shelf.window, media_uri(path, shelf.record.name)) for shelf in shelves]
        plain = multivariant(renditions).encode()
        rendered = RenderedPlaylist(plain, b"", etag_of(plain))
        return await self._send_playlist(exchange, rendered, "public, max-age=1", ticket)

    async def send_media(self, exchange: Exchange, shelf: Shelf, ticket: Ticket) -> int:
        """Send the media playlist, when it has what the request waits for; the status."""
        directives = self._directives(exchange.request.query)
        await self._hold(exchange, shelf, directives)
        age_s = 1 if directives.msn is None else shelf.window.target_s
        cache_control = f"public, max-age={age_s}"
        return await self._send_playlist(exchange, shelf.playlist(directives), cache_control, ticket)

    def _directives(self, query: dict[str, str]) -> Directives:
        try:
            return parse_directives(query)
        except RemoteProtocolError as error:
            raise Unanswerable(error.reply, str(error)) from None

    async def _hold(self, exchange: Exchange, shelf: Shelf, directives: Directives) -> None:
        """Wait until the playlist has what is asked for."""
        msn, part = directives.msn, directives.part
        if msn is None or shelf.window.has(msn, part):
            return
        if shelf.window.too_far(msn, part):
            raise Unanswerable(400, "the playlist is not there yet for long")
        await self._wait(exchange, shelf, lambda: shelf.window.has(msn, part))

    async def _wait(self, exchange: Exchange, shelf: Shelf, is_there: Callable[[], bool]) -> None:
        address = exchange.host
        try:
            self._holds.take(address)
        except TooManyHeld as full:
            self._report.hold_refused(full.reason)
            raise
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
        self, exchange: Exchange, rendered: RenderedPlaylist, cache_control: str, ticket: Ticket
    ) -> int:
        playlist, cache_control = ticket.playlist(rendered), ticket.caching(cache_control)
        gzip = bool(playlist.gzipped) and takes_gzip(exchange.request.headers.get("accept-encoding", ""))
        etag = f'{playlist.etag[:-1]}-gz"' if gzip else playlist.etag
        if is_not_modified(exchange.request.headers, etag):
            await self._send_not_modified(exchange, etag, cache_control, varies=True)
            return 304
        body = playlist.gzipped if gzip else playlist.plain
        head = playlist_head(
            len(body),
            etag=etag,
            cache_control=cache_control,
            request_id=exchange.request_id,
            origin=self._origin,
            gzip=gzip,
        )
        await exchange.send(head, body)
        return 200

    # -- files and parts

    async def send_named(self, exchange: Exchange, shelf: Shelf, file: str, ticket: Ticket) -> int:
        """Send what `file` names; the status."""
        name = parse_name(file)
        if name is None:
            raise Unanswerable(404, "no such file")
        if isinstance(name, PartName):
            if name.stamp != shelf.window.settings.stamp:
                raise Unanswerable(404, "this part is gone")
            return await self._send_part(exchange, shelf, name, ticket)
        return await self._send_file(exchange, shelf, name, file, ticket)

    async def _send_file(
        self, exchange: Exchange, shelf: Shelf, name: InitName | SegmentName, file: str, ticket: Ticket
    ) -> int:
        with ExitStack() as stack:
            try:
                opened = stack.enter_context(
                    self.files.using(self._packages.folder_of(shelf.record.name) / file)
                )
            except OSError:
                raise Unanswerable(404, "no such file, or not any more") from None
            return await self._send_open_file(exchange, opened, file, ticket.caching(IMMUTABLE))

    async def _send_open_file(
        self, exchange: Exchange, opened: OpenFile, file: str, cache_control: str
    ) -> int:
        size, etag = opened.size, f'"{file}"'
        if is_not_modified(exchange.request.headers, etag):
            await self._send_not_modified(exchange, etag, cache_control)
            return 304
        headers = exchange.request.headers
        piece = parse_range(headers.get("range") if range_holds(headers, etag) else None, size)
        head = media_head(
            size,
            content_type=TS_TYPE if file.endswith(".ts") else MP4_TYPE,
            request_id=exchange.request_id,
            etag=etag,
            piece=piece,
            cache_control=cache_control,
            origin=self._origin,
        )
        if exchange.request.method == "HEAD":
            await exchange.send(head)
        else:
            await exchange.send_file(head, opened.fd, piece or ByteRange(0, size))
        return 206 if piece else 200

    async def _send_not_modified(
        self, exchange: Exchange, etag: str, cache_control: str, *, varies: bool = False
    ) -> None:
        head = not_modified_head(
            etag=etag,
            cache_control=cache_control,
            request_id=exchange.request_id,
            origin=self._origin,
            varies=varies,
        )
        await exchange.send(head)

    async def _send_part(self, exchange: Exchange, shelf: Shelf, name: PartName, ticket: Ticket) -> int:
        cache_control = ticket.caching(IMMUTABLE)
        window = shelf.window
        if window.part(name.msn, name.part) is None and (name.msn, name.part) == window.hint:
            await self._wait(exchange, shelf, lambda: is_begun(shelf, name) or shelf.window.has(*name[1:]))
        growing = shelf.growing
        if growing is not None and is_begun(shelf, name) and not growing.whole:
            if not exchange.takes_growing:
                await self._wait(exchange, shelf, lambda: growing.whole or growing.broken)
                return await self._send_whole_part(exchange, shelf, name, cache_control)
            return await self._send_growing_part(exchange, shelf, growing, cache_control)
        return await self._send_whole_part(exchange, shelf, name, cache_control)

    async def _send_growing_part(
        self, exchange: Exchange, shelf: Shelf, growing: GrowingPart, cache_control: str
    ) -> int:
        head = growing_head(
            content_type=MP4_TYPE,
            request_id=exchange.request_id,
            cache_control=cache_control,
            origin=self._origin,
        )
        if exchange.request.method == "HEAD":
            await exchange.send(head)
        else:
            await send_growing(exchange, shelf, growing, head)
        return 200

    async def _send_whole_part(
        self, exchange: Exchange, shelf: Shelf, name: PartName, cache_control: str
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
            request_id=exchange.request_id,
            cache_control=cache_control,
            origin=self._origin,
        )
        if not shelf.ring.safe(start):
            raise Unanswerable(404, "this part is going")
        if exchange.request.method == "HEAD":
            await exchange.send(head)
        else:
            await exchange.send_from_ring(head, shelf.ring, start, stop)
        return 200


class Hls(NamedTuple):
    """What all HLS players of a worker share."""

    library: Library
    answers: HlsAnswers


def is_begun(shelf: Shelf, name: PartName) -> bool:
    """Whether the part is being made."""
    growing = shelf.growing
    return growing is not None and (growing.msn, growing.part) == (name.msn, name.part)
