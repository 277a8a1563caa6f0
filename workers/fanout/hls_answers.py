"""What HLS players ask for, and how it is answered.

    multivariant   the renditions of a programme; a stream by itself is the one rendition of its own
    media          its playlist: at once, or when what was asked for is there (blocking reload)
    file           init segments and segments out of the folder; parts out of the package's ring, also as
    they grow

Names of files are unique for ever, so caches may keep them; playlists live as long as the part they end with.
"""

from collections.abc import Callable, Mapping, Sequence
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
    Answer,
    ByteRange,
    Head,
    Request,
    answer_to,
    growing_head,
    is_not_modified,
    media_head,
    not_modified_head,
    parse_range,
    range_holds,
    takes_gzip,
)
from engine.protocols.http.media_responses import IMMUTABLE, MP4_TYPE, TS_TYPE
from shm.errors import Lapped
from workers.fanout.bodies import send_growing
from workers.fanout.exchange import Exchange, waiting
from workers.fanout.holds import Holds, NotInTime, TooManyHeld, Unanswerable
from workers.fanout.library import Library
from workers.fanout.locations import media_uri
from workers.fanout.open_files import OpenFile, OpenFiles
from workers.fanout.prepared import RenderedPlaylist, WholePart
from workers.fanout.report import Report
from workers.fanout.shelf import GrowingPart, Shelf
from workers.fanout.ticket import PUBLIC, Ticket
from workers.runtime.packages import Packages


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
        self.holds = holds

    @property
    def _origin(self) -> str:
        return self._config().http.cors_origin

    @property
    def held(self) -> int:
        """Requests that wait now."""
        return self.holds.total

    # -- playlists

    async def send_multivariant(self, exchange: Exchange, shelves: Sequence[Shelf], ticket: Ticket) -> int:
        """Send the programme of these renditions; the status."""
        path = exchange.request.path
        renditions = [rendition_of(shelf.window, media_uri(path, shelf.record.name)) for shelf in shelves]
        rendered = RenderedPlaylist(multivariant(renditions).encode())
        answer = self._playlist_answer(exchange.request, exchange.request_id, rendered, 1, ticket)
        await exchange.send(*answer)
        return answer.head.status

    async def send_media(self, exchange: Exchange, shelf: Shelf, ticket: Ticket) -> int:
        """Send the media playlist, when it has what the request waits for; the status."""
        directives = self._directives(exchange.request.query)
        await self._hold(exchange, shelf, directives)
        answer = self.media_answer(exchange.request, exchange.request_id, shelf, directives, ticket)
        await exchange.send(*answer)
        return answer.head.status

    def media_answer(
        self,
        request: Request,
        request_id: str,
        shelf: Shelf,
        directives: Directives,
        ticket: Ticket = PUBLIC,
    ) -> Answer:
        """The media playlist as it is now."""
        age_s = 1 if directives.msn is None else shelf.window.target_s
        return self._playlist_answer(request, request_id, shelf.playlist(directives), age_s, ticket)

    def _directives(self, query: Mapping[str, str]) -> Directives:
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
        await self._wait(exchange, shelf, lambda: shelf.window.has(msn, part), news=lambda: shelf.advanced)

    async def _wait(
        self,
        exchange: Exchange,
        shelf: Shelf,
        is_there: Callable[[], bool],
        news: Callable[[], trio.Event],
    ) -> None:
        address = exchange.host
        try:
            self.holds.take(address)
        except TooManyHeld as full:
            self._report.hold_refused(full.reason)
            raise
        try:
            with waiting(exchange), trio.move_on_after(shelf.patience_s):
                while not is_there() and not shelf.over:
                    await news().wait()
        finally:
            self.holds.release(address)
        if not is_there():
            raise NotInTime
        self._report.reload_held(shelf.lateness_s)

    def _playlist_answer(
        self, request: Request, request_id: str, rendered: RenderedPlaylist, age_s: int, ticket: Ticket
    ) -> Answer:
        playlist, cache_control = ticket.playlist(rendered), ticket.caching(f"public, max-age={age_s}")
        gzip = bool(playlist.gzipped) and takes_gzip(request.headers.get("accept-encoding", ""))
        etag = playlist.gzip_etag if gzip else playlist.etag
        if is_not_modified(request.headers, etag):
            return Answer(self._not_modified(etag, cache_control, request_id, varies=True))
        head = answer_to(playlist.head(gzip, cache_control, self._origin), request_id)
        return Answer(head, playlist.gzipped if gzip else playlist.plain)

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
            await exchange.send(self._not_modified(etag, cache_control, exchange.request_id))
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

    def _not_modified(self, etag: str, cache_control: str, request_id: str, *, varies: bool = False) -> Head:
        return not_modified_head(
            etag=etag,
            cache_control=cache_control,
            request_id=request_id,
            origin=self._origin,
            varies=varies,
        )

    async def _send_part(self, exchange: Exchange, shelf: Shelf, name: PartName, ticket: Ticket) -> int:
        cache_control = ticket.caching(IMMUTABLE)
        window = shelf.window
        if window.part(name.msn, name.part) is None and (name.msn, name.part) == window.hint:
            await self._wait(
                exchange,
                shelf,
                lambda: is_begun(shelf, name) or shelf.window.has(*name[1:]),
                news=lambda: shelf.changed,
            )
        growing = shelf.growing
        if growing is not None and is_begun(shelf, name) and not growing.whole:
            if not exchange.takes_growing:
                await self._wait(
                    exchange, shelf, lambda: growing.whole or growing.broken, news=lambda: shelf.changed
                )
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
            with waiting(exchange):
                await send_growing(exchange, shelf, growing, head)
        return 200

    async def _send_whole_part(
        self, exchange: Exchange, shelf: Shelf, name: PartName, cache_control: str
    ) -> int:
        head, part = self.part_answer(shelf, name, exchange.request_id, cache_control)
        if exchange.request.method == "HEAD":
            await exchange.send(head)
        else:
            await exchange.send_part(head, part)
        return 200

    def part_answer(
        self, shelf: Shelf, name: PartName, request_id: str, cache_control: str = IMMUTABLE
    ) -> tuple[Head, WholePart]:
        """A whole part and its head. Raises Unanswerable."""
        try:
            part = shelf.part(name.msn, name.part)
        except Lapped:
            raise Unanswerable(404, "this part is gone") from None
        if part is None:
            raise Unanswerable(404, "no such part, or not any more")
        if not part.ring.safe(part.start):
            raise Unanswerable(404, "this part is going")
        return answer_to(part.head(cache_control, self._origin), request_id), part


class Hls(NamedTuple):
    """What all HLS players of a worker share."""

    library: Library
    answers: HlsAnswers


def is_begun(shelf: Shelf, name: PartName) -> bool:
    """Whether the part is being made."""
    growing = shelf.growing
    return growing is not None and (growing.msn, growing.part) == (name.msn, name.part)
