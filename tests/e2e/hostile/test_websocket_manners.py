"""WebSocket players who break the rules: refused by status, or closed by code behind whole frames."""

from typing import Final

import pytest
from wsproto.frame_protocol import FrameProtocol, Opcode

from engine.protocols.websocket.limits import MAX_FRAMES_PER_S, MAX_MESSAGE_BYTES
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import scrape
from tests.e2e.hostile.counting import counted
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import (
    UPGRADE,
    exchange,
    http_request,
    status_of,
    stranger,
    upgrade_request,
)

pytestmark = pytest.mark.slow

PATH: Final = b"/live/steady.flv"
VERSION, KEY = UPGRADE[2:]
PING: Final = b"\x89\x80\x00\x00\x00\x00"


def handshake(version: bytes = VERSION, key: bytes = KEY) -> bytes:
    return http_request(PATH, *UPGRADE[:2], version, key)


HANDSHAKES: Final = {
    "an old version": (handshake(version=b"Sec-WebSocket-Version: 8"), 426),
    "no version": (handshake(version=b"X: y"), 426),
    "no key": (handshake(key=b"X: y"), 400),
    "a key of three bytes": (handshake(key=b"Sec-WebSocket-Key: YWJj"), 400),
    "a key that is no base64": (handshake(key=b"Sec-WebSocket-Key: ????????????????????????"), 400),
    "HTTP/1.0": (upgrade_request(PATH).replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
}


async def test_handshakes_that_break_the_rules_are_refused(fortress: RunningEngine) -> None:
    async with steady_stream(fortress):
        answers = {
            name: await exchange(fortress, "http", request) for name, (request, _) in HANDSHAKES.items()
        }
    assert {name: status_of(answer) for name, answer in answers.items()} == {
        name: status for name, (_, status) in HANDSHAKES.items()
    }
    assert b"Sec-WebSocket-Version: 13\r\n" in answers["an old version"]


def masked(first: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + bytes(4) + payload
    length = size.to_bytes(2) if size < 1 << 16 else size.to_bytes(8)
    return bytes((first, 0xFE if len(length) == 2 else 0xFF)) + length + bytes(4) + payload


FAULTS: Final = {
    "a frame that is not masked": (b"\x89\x01x", 1002),
    "a reserved bit": (b"\xc9\x80\x00\x00\x00\x00", 1002),
    "an opcode that is none": (b"\x83\x80\x00\x00\x00\x00", 1002),
    "text that is none": (masked(0x81, b"\xff"), 1007),
    "a message too big": (masked(0x82, bytes(MAX_MESSAGE_BYTES + 1)), 1009),
    "a message too big, in pieces": (
        masked(0x02, bytes(MAX_MESSAGE_BYTES)) + masked(0x80, bytes(1)),
        1009,
    ),
    "a message of four exabytes": (b"\x82\xff" + (1 << 62).to_bytes(8) + bytes(100_000), 1009),
    "pings without end": (PING * (MAX_FRAMES_PER_S + 1), 1008),
    "empty messages without end": (b"\x81\x80\x00\x00\x00\x00" * (MAX_FRAMES_PER_S + 1), 1008),
    "a goodbye": (b"\x88\x82\x00\x00\x00\x00\x03\xe8", 1000),
}


@pytest.mark.parametrize(("fault", "code"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_player_that_breaks_the_rules_gets_a_close_code_behind_whole_frames(
    fault: bytes, code: int, fortress: RunningEngine
) -> None:
    reason = "closed" if code == 1000 else "protocol_error"
    async with steady_stream(fortress):
        before = scrape(fortress)
        async with stranger(fortress, "http") as client:
            await client.say(upgrade_request(PATH))
            await client.hear(b"FLV\x01")
            await client.say(fault)
            opcode, payload = last_frame((await client.hear()).partition(b"\r\n\r\n")[2])
        assert (opcode, payload[0]) == (Opcode.CLOSE, code)
        assert counted(before, fortress, "fanlight_players_ended_total", reason, 1)


def last_frame(data: bytes) -> tuple[Opcode, tuple[int, str]]:
    """Read to the last byte, as a client does; half a frame at the end would leave nothing to return."""
    client = FrameProtocol(client=True, extensions=[])
    client.receive_bytes(data)
    *_, frame = client.received_frames()
    assert isinstance(frame.payload, tuple)
    return frame.opcode, frame.payload


async def test_pings_are_answered_between_frames(fortress: RunningEngine) -> None:
    async with steady_stream(fortress), stranger(fortress, "http") as client:
        await client.say(upgrade_request(PATH))
        await client.hear(b"FLV\x01")
        await client.say(b"\x89\x84\x00\x00\x00\x00here" * 3)
        assert b"\x8a\x04here" * 3 in await client.hear(b"\x8a\x04here" * 3)
