"""A client of finished files: at each tick it asks for a playlist and for a part, as a player of HLS would
when both are new, and on two connections as well."""

from collections.abc import Sequence

from bench.hls.books import OK, Books
from bench.hls.exchange import Answer, Exchange


class Fetcher:
    """One client; the parts take turns."""

    def __init__(
        self, lists: Exchange, parts: Exchange, playlist: bytes, media: Sequence[bytes], books: Books
    ) -> None:
        self._lists, self._parts, self._books = lists, parts, books
        self._playlist, self._media = playlist, media
        self._turn = 0
        #: Nothing has to come before the first tick.
        self.playing = True
        lists.take, parts.take = self._take_playlist, self._take_part

    def start(self) -> None:
        """Nothing yet: ticks begin it all."""

    def tick(self) -> None:
        """Ask for the next part; one that the last tick's is not over for is given up."""
        if self._lists.busy or self._parts.busy:
            self._books.give_up(1)
            return
        self._turn += 1
        self._lists.ask(self._playlist, keep=True)
        self._parts.ask(self._media[self._turn % len(self._media)], keep=False)

    def _take_playlist(self, answer: Answer) -> None:
        self._books.count("playlist", answer)

    def _take_part(self, answer: Answer) -> None:
        self._books.count("part", answer)
        if answer.status == OK:
            self._books.fetched(answer)
