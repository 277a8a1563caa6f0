"""A crowd of players of Low-Latency HLS that count what they get, beside those of `bench.crowd`."""

import time
from collections import Counter
from typing import Final

from bench.hls.books import OK, Books
from bench.hls.crowd import Crowd
from bench.hls.exchange import Answer, Exchange
from bench.hls.player import Player, Site

REFUSED: Final = 400
RETRY_S: Final = 1.0


class HlsBooks(Books):
    """Also answers by kind and status, and bytes of those that were no refusals, heads and all."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.heard_bytes = 0

    def count(self, kind: str, answer: Answer) -> None:
        super().count(kind, answer)
        self.answers[kind, answer.status] += 1
        if answer.status < REFUSED:
            self.heard_bytes += answer.size


class HlsPlayer(Player):
    """One that knows when it has all there is."""

    def __init__(self, lists: Exchange, parts: Exchange, site: Site, books: HlsBooks) -> None:
        super().__init__(lists, parts, site, books)
        self._knows_end = False

    @property
    def over(self) -> bool:
        """Whether its stream has ended, and nothing is on its way."""
        return self._knows_end and not self._lists.busy and not self._parts.busy

    def _take_playlist(self, answer: Answer) -> None:
        super()._take_playlist(answer)
        self._knows_end = answer.status == OK and self._site.facts(answer.body).ended

    def go_on(self) -> None:
        """Ask anew where a playlist was refused."""
        if not self._knows_end:
            self.ask_again()


class HlsCrowd:
    """Players of one stream, each of an address of its own, so that the engine tells them apart."""

    def __init__(self, address: tuple[str, int], stream: str) -> None:
        self.books = HlsBooks()
        self._players: list[HlsPlayer] = []
        self._site = Site(f"{address[0]}:{address[1]}", stream)
        self._crowd = Crowd[HlsPlayer](address, self._make, self.books)
        self._again_s = 0.0

    def _make(self, lists: Exchange, parts: Exchange) -> HlsPlayer:
        player = HlsPlayer(lists, parts, self._site, self.books)
        self._players.append(player)
        return player

    def join(self) -> None:
        self._crowd.join()

    def poll(self, timeout_s: float) -> None:
        """Serve whatever is ready, and now and then those who were refused."""
        self._crowd.poll(timeout_s)
        if time.monotonic() > self._again_s:
            self._again_s = time.monotonic() + RETRY_S
            self._crowd.each(HlsPlayer.go_on)

    def close(self) -> None:
        self._crowd.close()

    @property
    def joining(self) -> int:
        return self._crowd.joining

    @property
    def playing(self) -> int:
        return sum(player.playing and not player.over for player in self._players) - self.lost.total()

    @property
    def heard_bytes(self) -> int:
        return self.books.heard_bytes

    @property
    def lost(self) -> Counter[str]:
        return self.books.lost
