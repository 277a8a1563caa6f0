"""What an SRT publisher's connection says of its network, as a record of the directory holds it.

It stands beside the stream's other statistics and not among them, because most streams have none: the first
word says whether the rest means anything.
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple, cast

from shm.layout import RECORD_LINK, RECORD_LINK_WORDS, WORD_BYTES


class LinkEncryption(IntEnum):
    """How a connection is encrypted."""

    NONE = 0
    AES_128_CTR = 1
    AES_192_CTR = 2
    AES_256_CTR = 3
    AES_128_GCM = 4
    AES_192_GCM = 5
    AES_256_GCM = 6


class LinkStats(NamedTuple):
    """What the owner last measured; packets since the connection began. 64 bits each, none negative."""

    rtt_us: int = 0
    rtt_variation_us: int = 0  # how restless the round trip is: jitter
    receive_bps: int = 0
    bandwidth_bps: int = 0  # of the link, estimated
    packets_received: int = 0
    packets_lost: int = 0  # seen missing, whatever became of them
    packets_recovered: int = 0  # of these, brought in time by a retransmission
    packets_dropped_late: int = 0  # of these, given up
    packets_retransmitted: int = 0  # received once more than needed, or instead of one that was lost
    packets_duplicate: int = 0
    packets_reordered: int = 0
    buffer_ms: int = 0  # held back now, of latency_ms
    latency_ms: int = 0  # negotiated
    flow_window: int = 0  # packets
    congestion_window: int = 0  # packets
    flight: int = 0  # packets sent and not acknowledged
    encryption: int = 0  # LinkEncryption
    peer_version: int = 0  # 0x010503 is 1.5.3


LINK_WORDS: Final = struct.Struct(f"@{RECORD_LINK_WORDS}Q")
LINK_START: Final = RECORD_LINK * WORD_BYTES

assert LINK_WORDS.size == (1 + len(LinkStats._fields)) * WORD_BYTES


def packed_link(link: LinkStats | None) -> bytes:
    """The words of a record; all zero for a stream that has no link."""
    return bytes(LINK_WORDS.size) if link is None else LINK_WORDS.pack(1, *link)


def link_of(record: bytes) -> LinkStats | None:
    """The link in the bytes of a record."""
    there, *words = cast("tuple[int, ...]", LINK_WORDS.unpack_from(record, LINK_START))
    return LinkStats._make(words) if there else None
