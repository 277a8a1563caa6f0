"""The players of HLS ask for what the engine lists, in the order in which hls.js does."""

import gzip

import pytest

from bench.hls.books import Books
from bench.hls.exchange import Answer, Exchange
from bench.hls.fetcher import Fetcher
from bench.hls.player import MAX_QUEUE, Player, Site
from bench.hls.playlist import HOLD_BACK_PARTS, Follower, directives, first_rendition, read_media
from bench.wire.answers import browser_request
from engine.protocols.hls import multivariant, parse_directives, part_name, rendition_of
from engine.protocols.http import RequestReader
from tests.engine.hls.packager import LONG, PLAIN, STAMP, Packager, broadcast
from tests.engine.hls.packager import Player as MarkReader

ARRIVED_NS = 7_000_000
OK_EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def ignore(answer: Answer) -> None:
    """Nobody is there yet."""


class Line:
    """A line that remembers what was asked, and says what it is told to."""

    hides = False

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[bytes] = []

    def fileno(self) -> int:
        return -1

    def send(self, data: bytes) -> None:
        request = RequestReader().receive(data)
        assert request is not None
        query = "&".join(f"{key}={value}" for key, value in request.query.items())
        self.asked.append(request.path + (f"?{query}" if query else ""))

    def read(self, size: int) -> tuple[bytes, int]:
        answer = self.answers.pop(0)
        self.answers[:0] = [answer[size:]] if len(answer) > size else []
        return answer[:size], ARRIVED_NS

    def discard(self, size: int) -> int:
        return len(self.read(size)[0])

    def close(self) -> None:
        pass


class Couch:
    """One player in front of two lines, and the server at their other end."""

    def __init__(self) -> None:
        self.lists, self.parts, self.books = Line(), Line(), Books()
        self._lists, self._parts = Exchange(self.lists, ignore), Exchange(self.parts, ignore)
        self.player = Player(self._lists, self._parts, Site("localhost", "live/cam"), self.books)

    def list(self, text: str, status: int = 200) -> None:
        """Answer the playlist that was asked for."""
        self._say(self._lists, self.lists, gzip.compress(text.encode()), status)

    def part(self, status: int = 200) -> None:
        """Answer the part that was asked for."""
        self._say(self._parts, self.parts, bytes(5000), status)

    @staticmethod
    def _say(exchange: Exchange, line: Line, body: bytes, status: int) -> None:
        line.answers += [b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body]
        while line.answers:
            exchange.advance()


def live(segments: int = 2) -> tuple[MarkReader, Packager]:
    """A stream whose third segment has one part."""
    reader, packager = MarkReader(LONG), Packager()
    broadcast(reader, segments, packager)
    reader.hear([packager.begin(), packager.part()])
    return reader, packager


def test_parts_are_counted_as_the_engine_names_them() -> None:
    reader, _ = live()
    facts = read_media(reader.fetch())
    assert [part.uri for part in facts.parts] == [part_name(STAMP, *part.place) for part in facts.parts]
    assert facts.next == reader.window.hint == (2, 1)
    assert facts.init == f"{STAMP}-0.mp4"


def test_after_the_last_part_of_a_segment_the_first_of_the_next_is_asked_for() -> None:
    reader = MarkReader(LONG)
    broadcast(reader, 2)
    assert read_media(reader.fetch()).next == (2, 0)


def test_a_delta_update_tells_the_same_as_the_whole_playlist() -> None:
    reader = MarkReader(LONG)
    broadcast(reader, 12)
    whole, delta = reader.fetch(), reader.fetch(_HLS_skip="YES")
    assert "#EXT-X-SKIP" in delta
    assert read_media(delta).parts == read_media(whole).parts
    assert read_media(delta).next == read_media(whole).next


def test_the_engine_understands_the_directives() -> None:
    reader, _ = live()
    query = directives(read_media(reader.fetch())).removeprefix("?")
    asked = parse_directives(dict(pair.split("=") for pair in query.split("&")))
    assert (asked.msn, asked.part, asked.skip) == (2, 1, "YES")


def test_a_playlist_without_parts_has_nothing_to_fetch_and_no_delta_updates() -> None:
    reader, packager = MarkReader(PLAIN), Packager()
    reader.hear([packager.new_init(), *packager.whole()])
    facts = read_media(reader.fetch())
    assert (facts.parts, facts.skip, facts.next) == ((), "", (1, 0))


def test_what_is_no_playlist_is_refused() -> None:
    with pytest.raises(ValueError, match="not a playlist"):
        read_media("not found\n")
    with pytest.raises(ValueError, match="no rendition"):
        first_rendition("#EXTM3U\n")


def test_the_first_rendition_is_the_engines() -> None:
    reader, _ = live()
    assert first_rendition(multivariant([rendition_of(reader.window, "cam/media.m3u8")])) == "cam/media.m3u8"


def test_a_follower_begins_a_little_behind_and_then_misses_nothing() -> None:
    reader, packager = live()
    follower = Follower()
    assert len(follower.take(read_media(reader.fetch()))) == HOLD_BACK_PARTS
    reader.hear([packager.part()])
    reader.hear([packager.part()])
    assert follower.take(read_media(reader.fetch())) == [f"{STAMP}-2.1.m4s", f"{STAMP}-2.2.m4s"]
    assert follower.take(read_media(reader.fetch())) == []


def test_a_player_holds_one_reload_and_fetches_parts_beside_it() -> None:
    reader, packager = live()
    couch = Couch()
    couch.player.start()
    couch.list(multivariant([rendition_of(reader.window, "cam/media.m3u8")]))
    couch.list(reader.fetch())
    assert couch.lists.asked == [
        "/live/cam.m3u8",
        "/live/cam/media.m3u8",
        "/live/cam/media.m3u8?_HLS_msn=2&_HLS_part=1&_HLS_skip=YES",
    ]
    for _ in range(1 + HOLD_BACK_PARTS):
        couch.part()
    reader.hear([packager.part()])
    couch.list(reader.fetch())
    assert couch.lists.asked[-1].endswith("?_HLS_msn=2&_HLS_part=2&_HLS_skip=YES")
    names = ["0.mp4", "1.2.m4s", "1.3.m4s", "2.0.m4s", "2.1.m4s"]
    assert couch.parts.asked == [f"/live/cam/{STAMP}-{name}" for name in names]


def test_a_refused_reload_begins_anew() -> None:
    reader, _ = live()
    couch = Couch()
    couch.player.start()
    couch.list("no stream", status=404)
    couch.player.ask_again()
    couch.list(multivariant([rendition_of(reader.window, "cam/media.m3u8")]))
    couch.list(reader.fetch())
    couch.player.ask_again()  # it waits for an answer: nothing to do
    couch.list("too many", status=503)
    couch.player.ask_again()
    assert [path for path in couch.lists.asked if "_HLS" not in path] == [
        *["/live/cam.m3u8"] * 2,
        *["/live/cam/media.m3u8"] * 2,
    ]
    assert couch.books.mark()["answers"] == {
        "multivariant 404": 1,
        "multivariant 200": 1,
        "playlist 200": 1,
        "playlist 503": 1,
    }


def test_a_player_that_cannot_follow_leaves_parts_out_and_says_so() -> None:
    reader, packager = live()
    couch = Couch()
    couch.player.start()
    couch.list(multivariant([rendition_of(reader.window, "cam/media.m3u8")]))
    for _ in range(MAX_QUEUE):
        couch.list(reader.fetch())
        reader.hear([packager.part()])
    # The init, three parts, and one with each later playlist, less the init that is being fetched.
    assert couch.books.mark()["given_up"] == HOLD_BACK_PARTS + MAX_QUEUE - 1 - MAX_QUEUE


def test_a_fetcher_takes_turns_over_the_parts_and_gives_up_a_tick_that_comes_too_early() -> None:
    lists, parts, books = Line(), Line(), Books()
    exchanges = Exchange(lists, ignore), Exchange(parts, ignore)
    requests = [browser_request(path, "localhost") for path in ("/list.m3u8", "/0.m4s", "/1.m4s")]
    fetcher = Fetcher(*exchanges, requests[0], requests[1:], books)
    fetcher.tick()
    fetcher.tick()
    for exchange, line in zip(exchanges, (lists, parts), strict=True):
        line.answers.append(OK_EMPTY)
        exchange.advance()
    fetcher.tick()
    assert (lists.asked, parts.asked) == (["/list.m3u8"] * 2, ["/1.m4s", "/0.m4s"])
    found = books.mark()
    assert (found["given_up"], found["parts"], found["bytes"]) == (1, 1, 2 * len(OK_EMPTY))
