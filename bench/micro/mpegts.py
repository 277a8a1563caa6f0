"""What seven transport packets cost, the payload of one SRT datagram: read, and written.

Two seconds of the synthetic stream, at a few bit rates: at a low one most of the work is per frame, at a high
one per packet. A step's work is the whole stream, so that set-up, tables and sound have their share.
"""

from collections.abc import Callable

from bench.micro.clock import Step
from bench.micro.sample import MESSAGES_PER_GOP
from bench.stream import AAC_HEADER, AVC_HEADER, KIND_AUDIO, KIND_VIDEO, Bodies, schedule, shape_of
from engine.protocols.mpegts import TsReader, TsWriter

GROUP_BYTES = 7 * 188
BITRATES_BPS = (1_000_000, 5_000_000, 20_000_000)

Shot = tuple[int, int, bytes]


def ts_steps() -> list[Step]:
    """Built when asked for: some megabytes of media come with it."""
    steps: list[Step] = []
    for bitrate_bps in BITRATES_BPS:
        shots = _shots(bitrate_bps)
        stream = _write(shots)
        groups = len(stream) // GROUP_BYTES
        rate = f"{bitrate_bps // 1_000_000} Mbit/s"
        steps += [
            Step(f"TS read, {rate}", _reading(stream), groups, "datagram"),
            Step(f"TS read without lengths, {rate}", _reading(_without_lengths(stream)), groups, "datagram"),
            Step(f"TS write, {rate}", _writing(shots), groups, "datagram"),
        ]
    return steps


def _shots(bitrate_bps: int) -> list[Shot]:
    """Codec headers and one GOP: kind, time in microseconds, body."""
    bodies = Bodies(shape_of(bitrate_bps))
    shots = [(KIND_VIDEO, 0, AVC_HEADER), (KIND_AUDIO, 0, AAC_HEADER)]
    for due, _ in zip(schedule(), range(MESSAGES_PER_GOP), strict=False):
        shots.append((due.kind, due.due_ns // 1000, bodies.body(due, 0)))
    return shots


def _writing(shots: list[Shot]) -> Callable[[], object]:
    return lambda: _write(shots)


def _write(shots: list[Shot]) -> bytes:
    writer = TsWriter()
    groups = [group for kind, us, body in shots for group in writer.write(kind, us, us, body)]
    return b"".join(group.data for group in groups + writer.flush())


def _reading(stream: bytes) -> Callable[[], None]:
    groups = [stream[at : at + GROUP_BYTES] for at in range(0, len(stream), GROUP_BYTES)]

    def read() -> None:
        reader = TsReader()
        for group in groups:
            reader.receive(group, 0)

    return read


def _without_lengths(stream: bytes) -> bytes:
    """The same with video as most multiplexers send it: no PES packet of video says how long it is."""
    made = bytearray(stream)
    at = stream.find(b"\0\0\1\xe0")
    while at >= 0:
        made[at + 4 : at + 6] = b"\0\0"
        at = stream.find(b"\0\0\1\xe0", at + 6)
    return bytes(made)
