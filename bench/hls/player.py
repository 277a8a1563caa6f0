"""One player of Low-Latency HLS, as hls.js 1.x is one in its low-latency mode.

    programme ── media playlist ── blocking reload ── blocking reload ── …      on one connection
                     └ init, three newest parts ── new part ── new part ── …    on the other

It asks for the next playlist the moment it has one, with `_HLS_msn`, `_HLS_part` and `_HLS_skip`, and fetches
parts once they are listed, one after the other: hls.js reads the preload hint, but has not asked for it so
far (its issue 3988). A browser has two connections open for that over HTTP/1.1, since a held reload occupies
one.
"""

from collections import deque
from typing import NamedTuple
from urllib.parse import urljoin

from bench.hls.books import OK, Books
from bench.hls.exchange import Answer, Exchange
from bench.hls.playlist import Facts, Follower, directives, first_rendition, inflate, read_media
from bench.wire.answers import browser_request

#: Parts that a player which cannot follow has in front of it before it leaves the oldest out. hls.js moves on
#: when it is some target durations behind.
MAX_QUEUE = 12

#: Playlists and requests are the same for all players; of each kind so many are remembered.
REMEMBERED = 64


class Site:
    """What all players of one stream share, so that a thousand of them parse a playlist once."""

    def __init__(self, host: str, path: str) -> None:
        self.path = path
        self._host = host
        self._facts: dict[bytes, Facts] = {}
        self._requests: dict[str, bytes] = {}

    def facts(self, body: bytes) -> Facts:
        """What a media playlist says."""
        found = self._facts.get(body)
        if found is None:
            if len(self._facts) >= REMEMBERED:
                self._facts.clear()
            found = self._facts[body] = read_media(inflate(body))
        return found

    def request(self, path: str) -> bytes:
        """The request for a path."""
        found = self._requests.get(path)
        if found is None:
            if len(self._requests) >= REMEMBERED:
                self._requests.clear()
            found = self._requests[path] = browser_request(path, self._host)
        return found


class Asked(NamedTuple):
    """A playlist that was asked for."""

    path: str
    #: What it was asked with; None the first time.
    facts: Facts | None


class Player:
    """One player on two connections."""

    def __init__(self, lists: Exchange, parts: Exchange, site: Site, books: Books) -> None:
        self._lists, self._parts, self._site, self._books = lists, parts, site, books
        self._media = ""
        self._asked = Asked("", None)
        self._follower = Follower()
        self._queue: deque[str] = deque()
        self._has_init = False
        #: Whether a first part has come.
        self.playing = False
        lists.take, parts.take = self._take_programme, self._take_part

    def start(self) -> None:
        """Ask for the programme."""
        self._lists.ask(self._site.request(f"/{self._site.path}.m3u8"), keep=True)

    def ask_again(self) -> None:
        """After a refusal, ask for the playlist as if for the first time."""
        if self._lists.busy:
            return
        if self._media:
            self._ask_playlist(None)
        else:
            self.start()

    def _take_programme(self, answer: Answer) -> None:
        self._books.count("multivariant", answer)
        if answer.status == OK:
            self._media = urljoin(f"/{self._site.path}.m3u8", first_rendition(inflate(answer.body)))
            self._lists.take = self._take_playlist
            self._ask_playlist(None)

    def _ask_playlist(self, after: Facts | None) -> None:
        path = self._media + (directives(after) if after else "")
        self._asked = Asked(path, after)
        self._lists.ask(self._site.request(path), keep=True)

    def _take_playlist(self, answer: Answer) -> None:
        self._books.count("playlist", answer)
        if answer.status != OK:
            return
        facts, after = self._site.facts(answer.body), self._asked.facts
        if after is not None:
            self._books.reloaded(after.next, answer)
        if not facts.ended:
            self._ask_playlist(facts)
        if not self._has_init:
            self._queue.append(facts.init)
            self._has_init = True
        self._queue.extend(self._follower.take(facts))
        self._leave_out()
        self._fetch()

    def _leave_out(self) -> None:
        excess = len(self._queue) - MAX_QUEUE
        for _ in range(excess):
            self._queue.popleft()
        self._books.give_up(max(0, excess))

    def _fetch(self) -> None:
        if self._queue and not self._parts.busy:
            self._parts.ask(self._site.request(urljoin(self._media, self._queue.popleft())), keep=False)

    def _take_part(self, answer: Answer) -> None:
        self._books.count("part", answer)
        if answer.status == OK:
            self._books.fetched(answer)
            self.playing = True
        self._fetch()
