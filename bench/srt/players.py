"""A crowd of SRT players that acknowledge and throw away: `python -m bench.srt.players --ports 10080`.

They answer as libsrt does, a full ACK every 10 ms, for that is work for a server too; but they reassemble
nothing and ask for nothing again: on loopback nothing is lost, and if it is, it is counted. The kernel hands
over runs of datagrams as one (UDP_GRO). With several ports, players take turns over them.

Commands on stdin: `join COUNT RATE` (answers when all have joined or failed), `mark` (answers with the books
since the last mark). Ends when its stdin does.
"""

import argparse
import itertools
import select
import socket
import struct
import time
from collections import Counter

from bench.lines import Commands, raise_descriptor_limit, say
from bench.servers import HOST
from bench.srt.call import Calling, Refused, now_us
from engine.protocols.srt.negotiated import Negotiated

SOL_UDP = 17
UDP_GRO = 104
MAX_RUN_BYTES = 65_535
HEADER_BYTES = 16
ACK_INTERVAL_S = 0.010
JOIN_DEADLINE_S = 30.0

_CONTROL_BIT = 1 << 31
_RESENT_BIT = 1 << 26
_SEQ_MASK = _CONTROL_BIT - 1
_ACK_TYPE = 0x8002_0000
_SHUTDOWN_TYPE = 0x8005_0000
_HEADER = struct.Struct(">IIII")
#: Header, then last sequence number, round trip and its variance, free packets, and three rates.
_ACK = struct.Struct(">IIII IIIIIII")
_RTT_US, _RTT_VAR_US, _FREE_PACKETS = 1000, 500, 8192
_CMSG_BYTES = socket.CMSG_SPACE(4)


class Player:
    """One connected player."""

    def __init__(self, sock: socket.socket, negotiated: Negotiated) -> None:
        self.socket = sock
        self.bytes = self.lost = self.resent = 0
        self._expected = negotiated.peer_initial_seq
        self._acked = -1
        self._ack_number = 0
        self._peer = negotiated.peer_socket_id
        self._start_us = negotiated.start_us
        sock.setsockopt(SOL_UDP, UDP_GRO, 1)

    def receive(self, buffer: bytearray) -> int:
        """Take what is there: its bytes of media. Raises `Refused` when it is over."""
        taken = 0
        while True:
            try:
                size, ancillary, _, _ = self.socket.recvmsg_into([buffer], _CMSG_BYTES)
            except BlockingIOError:
                return taken
            except OSError as error:
                raise Refused(str(error)) from error
            segment = int.from_bytes(ancillary[0][2][:4], "little") if ancillary else size
            for at in range(0, size, segment):
                taken += self._take(buffer, at, min(segment, size - at))

    def _take(self, buffer: bytearray, at: int, size: int) -> int:
        seq, marks, _, _ = _HEADER.unpack_from(buffer, at)
        if seq & _CONTROL_BIT:
            if seq == _SHUTDOWN_TYPE:
                raise Refused("shutdown")
            return 0
        if marks & _RESENT_BIT:
            self.resent += 1
        else:
            self.lost += seq - self._expected & _SEQ_MASK
            self._expected = seq + 1 & _SEQ_MASK
        return size - HEADER_BYTES

    def acknowledge(self, now: int) -> None:
        """A full ACK, if anything has come since the last."""
        if self._acked == self._expected:
            return
        self._acked = self._expected
        self._ack_number += 1
        stamp_us = (now - self._start_us) & 0xFFFF_FFFF
        state = (self._expected, _RTT_US, _RTT_VAR_US, _FREE_PACKETS, 1000, 100_000, 1_000_000)
        self.socket.send(_ACK.pack(_ACK_TYPE, self._ack_number, stamp_us, self._peer, *state))


class Crowd:
    """All players of this process."""

    def __init__(self, ports: list[int], stream_id: str, latency_ms: int) -> None:
        self._addresses = itertools.cycle([(HOST, port) for port in ports])
        self._stream_id, self._latency_ms = stream_id, latency_ms
        self._poll = select.epoll()
        self._buffer = bytearray(MAX_RUN_BYTES)
        self._calling: dict[int, Calling] = {}
        self._playing: dict[int, Player] = {}
        self._received: dict[int, int] = {}
        self._next_ack_s = time.monotonic()
        self.lost: Counter[str] = Counter()
        self.handshakes_ms: list[float] = []

    @property
    def joining(self) -> int:
        """Players in their handshake."""
        return len(self._calling)

    def join(self) -> None:
        """Begin one more player."""
        calling = Calling(next(self._addresses), self._stream_id, self._latency_ms)
        self._calling[calling.socket.fileno()] = calling
        self._poll.register(calling.socket, select.EPOLLIN)

    def turn(self) -> None:
        """Serve whatever is ready until the next acknowledgements are due."""
        wait_s = max(0.0, self._next_ack_s - time.monotonic())
        for descriptor, _ in self._poll.poll(wait_s):
            player = self._playing.get(descriptor)
            if player is None:
                self._advance(descriptor)
                continue
            try:
                self._received[descriptor] += player.receive(self._buffer)
            except Refused as error:
                self._drop(descriptor, str(error))
        if time.monotonic() >= self._next_ack_s:
            self._next_ack_s = max(self._next_ack_s + ACK_INTERVAL_S, time.monotonic())
            self._acknowledge()

    def _acknowledge(self) -> None:
        now = now_us()
        for descriptor, player in list(self._playing.items()):
            try:
                player.acknowledge(now)
            except OSError as error:
                self._drop(descriptor, str(error))
        for descriptor in list(self._calling):
            self._advance(descriptor)

    def _advance(self, descriptor: int) -> None:
        calling = self._calling[descriptor]
        try:
            negotiated = calling.advance()
        except Refused as error:
            del self._calling[descriptor]
            self.lost[str(error)] += 1
            return
        if negotiated is not None:
            del self._calling[descriptor]
            self.handshakes_ms.append(1000 * (time.monotonic() - calling.began_s))
            self._playing[descriptor] = Player(calling.socket, negotiated)
            self._received[descriptor] = 0

    def _drop(self, descriptor: int, why: str) -> None:
        self.lost[why] += 1
        self._received.pop(descriptor, None)
        self._playing.pop(descriptor).socket.close()

    def books(self) -> dict[str, object]:
        """Bytes since the last call, in all and for the player that got least; losses so far."""
        shares = sorted(self._received.values()) or [0]
        self._received = dict.fromkeys(self._received, 0)
        players = self._playing.values()
        return {
            "playing": len(self._playing),
            "bytes": sum(shares),
            "least": shares[0],
            "median": shares[len(shares) // 2],
            "packets_lost": sum(player.lost for player in players),
            "packets_resent": sum(player.resent for player in players),
            "handshakes_ms": sorted(self.handshakes_ms),
            "lost": self.lost,
            "cpu_s": time.process_time(),
        }


def serve(crowd: Crowd) -> None:
    """Play and take commands until stdin ends."""
    commands = Commands()
    left, gap_s, next_s, deadline_s = 0, 0.0, 0.0, 0.0
    joining = False
    say(event="ready")
    while not commands.ended:
        crowd.turn()
        while left and next_s <= time.monotonic():
            crowd.join()
            left, next_s = left - 1, next_s + gap_s
        if joining and not left and (not crowd.joining or time.monotonic() > deadline_s):
            joining = False
            say(event="joined", **crowd.books())
        for words in commands.read():
            if words[0] == "join":
                joining, left, gap_s = True, int(words[1]), 1 / float(words[2])
                next_s = time.monotonic()
                deadline_s = next_s + left * gap_s + JOIN_DEADLINE_S
            else:
                say(event="mark", **crowd.books())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", required=True, help="as in 10080 or 5000,5001")
    parser.add_argument("--stream-id", default="read:live/bench")
    parser.add_argument("--latency", type=int, default=120, help="milliseconds")
    given = parser.parse_args()
    raise_descriptor_limit()
    serve(Crowd([int(port) for port in given.ports.split(",")], given.stream_id, given.latency))


if __name__ == "__main__":
    main()
