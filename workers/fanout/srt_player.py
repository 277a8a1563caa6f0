"""A player over SRT: the same register and accounts as all players, with a link in place of a byte stream."""

import trio

from engine.protocols.srt.errors import LocalProtocolError
from workers.fanout.player import Player
from workers.runtime.srt_link import SrtLink

PROTOCOL = "srt"


class SrtPlayer(Player):
    """One SRT player; a member of the worker's circle.

    Args:
        client_id, remote, started_ns: as for all players.
        link: the connection.
    """

    __slots__ = ("fault", "link", "over")

    def __init__(self, client_id: str, remote: str, link: SrtLink, *, started_ns: int) -> None:
        super().__init__(client_id, link.sock, PROTOCOL, remote, started_ns=started_ns)
        self.link = link
        self.over = trio.Event()
        self.fault: Exception | None = None  # a bug of ours that ended it

    def fileno(self) -> int:
        return self.link.fileno()

    def serve(self, now_us: int) -> int:
        """In the circle: hear acknowledgements, send what they ask for."""
        self.link.pull(now_us)
        self.link.push(now_us)
        if self.link.end:
            self.over.set()
        return self.link.connection.next_deadline_us()

    def fail(self, error: Exception) -> None:
        self.link.end = self.link.end or "error"
        self.fault = self.fault or error
        self.over.set()

    def queue(self, groups: list[bytes], now_us: int) -> int:
        """Give groups to the link; returns how many bytes of payload it took."""
        taken = 0
        try:
            for group in groups:
                self.link.connection.send(group, now_us)
                taken += len(group)
        except LocalProtocolError:
            self.over.set()
        return taken

    def hang_up(self) -> None:
        self.over.set()
