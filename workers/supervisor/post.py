"""The supervisor's end of the bus: it never waits, so a message either goes now or is given back."""

import socket
from collections.abc import Iterator, Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from workers.runtime.messages import AnyMessage
from workers.runtime.packets import BusError, Packet, Received, receive_packet, send_packet
from workers.runtime.slots import SUPERVISOR


class Post:
    """Sends orders to workers and reads what they report."""

    def __init__(
        self, inbox: socket.socket, outboxes: Mapping[int, socket.socket], log: FilteringBoundLogger
    ) -> None:
        self._inbox = inbox
        self._outboxes = outboxes
        self._log = log

    def fileno(self) -> int:
        return self._inbox.fileno()

    def send(self, to: int, message: AnyMessage, fds: Sequence[int] = ()) -> bool:
        """Send an order to a slot; whether it went. Where the worker is dead, its successor will read it.

        The kernel duplicates `fds`; the caller closes its own.
        """
        try:
            send_packet(self._outboxes[to], Packet(SUPERVISOR, 0, False, message), fds)
        except BusError as error:
            self._log.error("order_lost", to=to, order=type(message).__name__, error=str(error))
            return False
        return True

    def arrived(self) -> Iterator[tuple[int, AnyMessage]]:
        """Everything in the inbox now, each with the slot it came from."""
        while True:
            try:
                received = receive_packet(self._inbox)
            except BlockingIOError:
                return
            if isinstance(received, Received):
                received.descriptors.close()
                yield received.packet.source, received.packet.message
