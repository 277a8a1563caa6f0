"""One player: a cursor on a log, and the few things that are its own.

A player is in exactly one of these states, and only its pump moves it between them:

    BEHIND    it has a cursor of its own; a task sends to it whenever its socket has room
    IN_STEP   it stands where the pump stands; the pump's loop sends to it and touches nothing else of it
    WAITING   it waits for a start point: start mode "live", a slow player told to wait, a new epoch
    DONE      it is over, `reason` says why

Accounts are kept as differences: while in step, the player's bytes and tags are those of the pump plus a
constant, so that a tick costs a player one system call and no arithmetic.
"""

import contextlib
import enum
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.policy.lag import SlowPlayer
from workers.fanout.sinks import Sink
from workers.fanout.visits import Visit

if TYPE_CHECKING:
    from workers.fanout.feed import Feed
    from workers.fanout.pumps import AnyPump
    from workers.fanout.stories import PlayerStory


class PlayerState(enum.Enum):
    BEHIND = "behind"
    IN_STEP = "in_step"
    WAITING = "waiting"
    DONE = "done"


class Player:
    """The state of one player.

    Args:
        client_id: unique over the daemon; begins with the worker's name.
        sock: connected. The connection that made it closes it.
        protocol: the wire's name.
        remote: "address:port" as logged.
        opening: bytes that come before everything else: response head, FLV header.
        farewell: what to say when the stream is over, asked for once.
    """

    __slots__ = (
        "bytes_sent",
        "client_id",
        "control",
        "cut_bytes",
        "debt_bytes",
        "debt_us",
        "delivered",
        "dropped",
        "epoch",
        "farewell",
        "feed",
        "generation",
        "index",
        "joined",
        "joined_ns",
        "jumps",
        "linger_until_s",
        "offset",
        "parting",
        "position",
        "protocol",
        "pump",
        "reason",
        "remote",
        "seq_from",
        "served",
        "slow",
        "sock",
        "started_ns",
        "state",
        "story",
        "tail",
        "tended",
        "user_agent",
        "visit",
        "wait_from_seq",
    )

    def __init__(
        self,
        client_id: str,
        sock: Sink,
        protocol: str,
        remote: str,
        *,
        opening: bytes = b"",
        farewell: Callable[[], bytes] | None = None,
        user_agent: str = "",
        started_ns: int = 0,
    ) -> None:
        self.client_id = client_id
        self.sock = sock
        self.protocol = protocol
        self.remote = remote
        self.user_agent = user_agent
        self.farewell = farewell
        self.started_ns = started_ns  # wall clock, of the connection
        self.joined_ns = 0  # monotonic, of the first media byte
        self.feed: Feed | None = None
        self.pump: AnyPump | None = None
        self.state = PlayerState.BEHIND
        self.reason = ""
        self.tail = opening  # private bytes that go out before the log goes on
        self.tended = False  # whether a task sends to it, which outlasts short visits to the ranks
        self.cut_bytes = 0  # at the front of `tail`: what finishes a tag that a jump has cut
        self.control = b""  # waits for a boundary between tags
        self.position = 0  # in the log; meaningless while IN_STEP
        self.offset = 0  # while IN_STEP: bytes_sent - pump.position
        self.epoch = 0
        self.generation = -1  # of the codec headers it was sent last
        self.index = -1  # place in the pump's list while IN_STEP
        self.served = False  # whether a byte of the log has gone out
        self.parting = ""  # why the connection ends once the control bytes are out
        self.joined = False  # whether the accounts of tags have begun
        self.seq_from = 0  # tags from here on are not yet in `delivered`
        self.wait_from_seq = 0  # while WAITING: the first sequence that may be the start
        self.delivered = 0
        self.dropped = 0
        self.bytes_sent = 0
        self.jumps = 0
        self.debt_bytes = 0  # what it started with; lag is judged beyond this
        self.debt_us = 0
        self.slow: SlowPlayer | None = None  # made when first needed: most players never are
        self.linger_until_s = 0.0
        self.visit: Visit | None = None  # as webhooks know it, and with the key that let it in
        self.story: PlayerStory | None = None  # as a trace tells it, if one does

    @property
    def key_id(self) -> str:
        """Of the key, link or token that let it in; empty where nothing was needed."""
        return self.visit.key_id if self.visit is not None else ""

    @property
    def done(self) -> bool:
        return self.state is PlayerState.DONE

    def settle(self, seq: int) -> None:
        """Book the tags before `seq` as delivered."""
        self.delivered += max(0, seq - self.seq_from)
        self.seq_from = seq

    def skip_to(self, seq: int) -> int:
        """Book the tags before `seq` as dropped and return how many those were."""
        skipped = max(0, seq - self.seq_from)
        self.dropped += skipped
        self.seq_from = seq
        return skipped

    def hang_up(self) -> None:
        """Close both directions now; the task that reads from the socket wakes and finishes the
        connection.
        """
        with contextlib.suppress(OSError):  # the peer was quicker
            self.sock.shutdown(socket.SHUT_RDWR)
