"""Many players in one process: they ask, and from then on the kernel throws their bytes away.

`recv` with MSG_TRUNC takes bytes off a TCP socket without copying them, so a player costs this process one
system call per wake-up and no memory traffic. What such a player knows is how many bytes came and when it
was closed; what was in them is for the probes to say.
"""

import errno
import select
import socket
import time
from collections import Counter

from bench.dialogue import Dialogue, Refused

#: The most one `recv` discards; never touched, so never paged in.
DISCARD_BYTES = 4 * 1024 * 1024

SIGN_OF_LIFE_S = 5.0


class Joining:
    """A player that is still talking."""

    __slots__ = ("asked", "began_s", "received", "socket")

    def __init__(self, connection: socket.socket, began_s: float) -> None:
        self.socket = connection
        self.began_s = began_s
        self.received = b""
        self.asked = False


class Crowd:
    """Players of one stream over one protocol."""

    def __init__(self, address: tuple[str, int], dialogue: Dialogue, receive_bytes: int = 0) -> None:
        self._address = address
        self._dialogue = dialogue
        self._receive_bytes = receive_bytes
        self._poll = select.epoll()
        self._joining: dict[int, Joining] = {}
        self._playing: dict[int, socket.socket] = {}
        self._discard = memoryview(bytearray(DISCARD_BYTES))
        self._next_sign_s = time.monotonic() + SIGN_OF_LIFE_S
        #: Bytes of each player since the last `books`, by descriptor.
        self._received: dict[int, int] = {}
        self.total_bytes = 0
        self._said_bytes = 0  # what was read before media flowed
        self.lost: Counter[str] = Counter()
        self.join_s: list[float] = []

    @property
    def playing(self) -> int:
        """Players whose media is flowing."""
        return len(self._playing)

    @property
    def joining(self) -> int:
        """Players that are still connecting or asking."""
        return len(self._joining)

    @property
    def heard_bytes(self) -> int:
        """All that was ever received, from the server's first word on."""
        return self._said_bytes + self.total_bytes + sum(self._received.values())

    def fileno(self) -> int:
        """For an outer poll."""
        return self._poll.fileno()

    def join(self) -> None:
        """Begin one more player."""
        connection = socket.socket()
        connection.setblocking(False)
        if self._receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        code = connection.connect_ex(self._address)
        if code not in (0, errno.EINPROGRESS):
            self._lose(connection, errno.errorcode.get(code, str(code)))
            return
        self._joining[connection.fileno()] = Joining(connection, time.monotonic())
        self._poll.register(connection, select.EPOLLOUT)

    def leave(self, count: int) -> None:
        """Close that many players, the newest first."""
        for fd in list(self._playing)[len(self._playing) - count :]:
            self.total_bytes += self._received.pop(fd)
            self._playing.pop(fd).close()

    def poll(self, timeout_s: float) -> None:
        """Serve whatever is ready, waiting at most `timeout_s` for it."""
        playing, received, discard = self._playing, self._received, self._discard
        for fd, events in self._poll.poll(timeout_s):
            player = playing.get(fd)
            if player is None:
                self._advance(fd, events)
                continue
            try:
                size = player.recv_into(discard, DISCARD_BYTES, socket.MSG_TRUNC)
            except OSError as error:
                self._drop(fd, error.__class__.__name__)
                continue
            if not size:
                self._drop(fd, "closed")
                continue
            received[fd] += size
        if time.monotonic() >= self._next_sign_s:
            self._give_signs_of_life()

    def books(self) -> dict[str, object]:
        """Bytes since the last call, in all and for the player that got least and most of them."""
        shares = sorted(self._received.values()) or [0]
        self._received = dict.fromkeys(self._received, 0)
        self.total_bytes += sum(shares)
        joins, self.join_s = sorted(self.join_s), []
        return {
            "playing": self.playing,
            "joining": self.joining,
            "bytes": sum(shares),
            "least": shares[0],
            "median": shares[len(shares) // 2],
            "most": shares[-1],
            "lost": dict(self.lost),
            "join_ms": [round(joins[len(joins) * part // 100] * 1e3, 2) for part in (50, 99)]
            if joins
            else [],
            "cpu_s": time.process_time(),
        }

    def close(self) -> None:
        """Close every player."""
        for player in self._playing.values():
            player.close()
        for joining in self._joining.values():
            joining.socket.close()
        self._poll.close()

    def _advance(self, fd: int, events: int) -> None:
        player = self._joining[fd]
        try:
            self._converse(player, events)
        except OSError as error:
            self._lose(player.socket, error.__class__.__name__)
        except Refused as refusal:
            self._lose(player.socket, str(refusal))

    def _converse(self, player: Joining, events: int) -> None:
        if not player.asked:
            player.socket.send(self._dialogue.opening)
            player.asked = True
            self._poll.modify(player.socket, select.EPOLLIN)
        elif events:
            data = player.socket.recv(65536)
            if not data:
                raise Refused("closed while joining")
            player.received += data
            self._said_bytes += len(data)
            answer = self._dialogue.answer(player.received)
            if answer is not None:
                self._settle(player, answer)

    def _settle(self, player: Joining, answer: bytes) -> None:
        if answer:
            player.socket.send(answer)
        fd = player.socket.fileno()
        self._playing[fd] = self._joining.pop(fd).socket
        self._received[fd] = 0
        self.join_s.append(time.monotonic() - player.began_s)

    def _lose(self, connection: socket.socket, reason: str) -> None:
        self.lost[reason] += 1
        self._joining.pop(connection.fileno(), None)
        connection.close()

    def _drop(self, fd: int, reason: str) -> None:
        self.lost[reason] += 1
        self.total_bytes += self._received.pop(fd)
        self._playing.pop(fd).close()

    def _give_signs_of_life(self) -> None:
        self._next_sign_s = time.monotonic() + SIGN_OF_LIFE_S
        if self._dialogue.sign_of_life:
            for fd, player in list(self._playing.items()):
                try:
                    player.send(self._dialogue.sign_of_life)
                except OSError as error:
                    self._drop(fd, error.__class__.__name__)
