"""What a connection tells its caller beside the payloads. Frozen values without behaviour."""

from enum import Enum
from typing import TypeAlias

import msgspec


class Gap(msgspec.Struct, frozen=True):
    """Packets that did not come in time; the next payload delivered stands behind them."""

    first_seq: int
    """31 bits, as on the wire."""
    packets: int
    after: int
    """Payloads that had been delivered before, since the connection began: where the gap is."""


class SendDropped(msgspec.Struct, frozen=True):
    """Packets that the peer had not acknowledged when they became too late for it."""

    packets: int
    unsent: int
    """How many of them had not been sent even once."""


class CloseReason(Enum):
    """Why a connection is over. The values are for metrics."""

    LOCAL = "local"
    SHUTDOWN = "shutdown"
    """The peer said so."""
    IDLE = "idle"
    """The peer said nothing for PEER_IDLE_US."""
    OUT_OF_RANGE = "out_of_range"
    """The peer's sequence numbers are beyond anything we can hold."""


class Closed(msgspec.Struct, frozen=True):
    """The last event of a connection."""

    reason: CloseReason


Event: TypeAlias = Gap | SendDropped | Closed
