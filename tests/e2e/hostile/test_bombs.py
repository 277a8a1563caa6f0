"""Few bytes that are meant to cost much: each known attack on RTMP servers, on a server that runs."""

from typing import Final

import pytest

from engine.protocols import amf0
from tests.e2e.engine_process import RunningEngine
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import codes, exchange, rtmp_request
from tests.e2e.hostile.vitals import MIB, reset_peaks, vitals_of
from tests.engine.rtmp.wire import CONNECT, HANDSHAKE, command, head, message, set_chunk_size

pytestmark = pytest.mark.slow

GROWTH_BYTES: Final = 8 * MIB
REJECTED: Final = "NetConnection.Connect.Rejected"
FAILED: Final = "NetConnection.Call.Failed"

CONNECTED: Final = HANDSHAKE + CONNECT
BIG_CHUNKS: Final = set_chunk_size(65_536)
NESTED: Final = amf0.encode("connect", 1.0) + b"\x0a\x00\x00\x00\x01" * 13_000
PUBLISHED: Final = rtmp_request("publish", "live", "bomb")

STRANGERS: Final = {
    "a chunk size of two gigabytes (nginx-rtmp#1042)": (HANDSHAKE + set_chunk_size(0x7FFFFFFF), REJECTED),
    "sixty-two half messages of 10 MiB (gortmplib)": (
        HANDSHAKE + b"".join(head(0, csid, 0, 10 * MIB, 9, 1) + bytes(128) for csid in range(2, 64)),
        REJECTED,
    ),
    "half messages that are small enough each": (
        CONNECTED
        + set_chunk_size(20_000)
        + b"".join(head(0, csid, 0, 65_536, 18, 1) + bytes(20_000) for csid in range(3, 18)),
        FAILED,
    ),
    "thirteen thousand nested arrays (flvmeta#29)": (HANDSHAKE + message(3, 20, NESTED), REJECTED),
    "an array of four billion values (Red5#469)": (
        HANDSHAKE + message(3, 20, b"\x0a\xff\xff\xff\xff" + b"\x05" * 1_000),
        REJECTED,
    ),
    "createStream for ever (SRS#607)": (CONNECTED + command("createStream", 2, None) * 200, REJECTED),
    "empty messages for ever": (CONNECTED + head(0, 4, 0, 0, 3) + head(3, 4) * 50_000, FAILED),
    "one-byte chunks for ever (Red5#475)": (
        CONNECTED + set_chunk_size(1) + (head(0, 4, 0, 60_000, 9, 1) + b"a" + b"\xc4a" * 59_999) * 5,
        FAILED,
    ),
}

PUBLISHERS: Final = {
    "a message larger than configured": (head(0, 6, 0, MIB + 1, 9, 1), FAILED),
    "half messages": (
        BIG_CHUNKS + b"".join(head(0, csid, 0, MIB, 9, 1) + bytes(65_536) for csid in range(4, 62)),
        FAILED,
    ),
    "one-byte chunks": (set_chunk_size(1) + head(0, 6, 0, MIB, 9, 1) + b"a" + b"\xc6a" * 300_000, FAILED),
    "more chunk streams than tracks": (
        b"".join(b"\x00" + bytes((csid,)) + head(0, 0, 0, 1, 8, 1)[1:] + b"a" for csid in range(70)),
        FAILED,
    ),
}


@pytest.mark.parametrize(("bomb", "code"), STRANGERS.values(), ids=STRANGERS.keys())
async def test_a_strangers_bomb_costs_little_and_is_told_so(
    bomb: bytes, code: str, fortress: RunningEngine
) -> None:
    answer, grown_bytes = await explode(fortress, bomb)
    assert code in codes(answer)
    assert max(grown_bytes.values()) < GROWTH_BYTES, grown_bytes


@pytest.mark.parametrize(("bomb", "code"), PUBLISHERS.values(), ids=PUBLISHERS.keys())
async def test_a_publishers_bomb_costs_little_and_is_told_so(
    bomb: bytes, code: str, fortress: RunningEngine
) -> None:
    answer, grown_bytes = await explode(fortress, PUBLISHED + bomb)
    assert code in codes(answer)
    assert max(grown_bytes.values()) < GROWTH_BYTES, grown_bytes


async def explode(engine: RunningEngine, bomb: bytes) -> tuple[bytes, dict[str, int]]:
    """What the bomb is answered while players miss nothing, and how far each process's memory rose for it."""
    async with steady_stream(engine):
        reset_peaks(engine)
        before = vitals_of(engine)
        answer = await exchange(engine, "rtmp", bomb)
        after = vitals_of(engine)
    return answer, {name: vitals.peak_bytes - before[name].peak_bytes for name, vitals in after.items()}
