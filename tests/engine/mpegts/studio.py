"""Small streams made by hand: tables, pictures and sound that are real enough to be read."""

from typing import Final

from hypothesis import strategies as st

from engine.protocols.mpegts import Media, TsEvent, TsReader
from engine.protocols.mpegts.pes import AUDIO_ID, VIDEO_ID, encode_pes_header
from engine.protocols.mpegts.tables import encode_pat, encode_pmt
from tests.engine.mpegts.packets import Wire

PMT: Final = 0x1000
VIDEO: Final = 0x100
AUDIO: Final = 0x101
H264: Final = 0x1B
HEVC: Final = 0x24
ADTS: Final = 0x0F
LATM: Final = 0x11

START: Final = b"\0\0\0\1"
DELIMITER: Final = b"\x09\xf0"
# 322x182, High, level 1.3, as x264 writes it
SPS: Final = bytes.fromhex("6764000dacd941519e226c0440000003004000000c83c50a6580")
PPS: Final = bytes.fromhex("68ebe3cb22c0")
AVC_CONFIG: Final = (
    bytes.fromhex("0164000dffe1001a") + SPS + bytes.fromhex("010006") + PPS + b"\xfd\xf8\xf8\x00"
)
IDR: Final = b"\x65\x88\x84key"
SLICE: Final = b"\x41\x9a\x02slice"
SAMPLES: Final = 1920  # ticks of 90 kHz that 1024 samples at 48 kHz take


def annexb(*nals: bytes) -> bytes:
    return b"".join(START + nal for nal in nals)


def lengths(*nals: bytes) -> bytes:
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


def adts(raw: bytes, *, config: int = 0x1190, crc: bool = False) -> bytes:
    """An ADTS frame: LC, 48 kHz, stereo unless told otherwise."""
    length = 7 + 2 * crc + len(raw)
    fixed = 0xFFF0 | (not crc)
    profile, rate, channels = (config >> 11) - 1, config >> 7 & 15, config >> 3 & 15
    bits = fixed << 40 | profile << 38 | rate << 34 | channels << 30 | length << 13 | 0x1FFC
    return bits.to_bytes(7, "big") + b"\0\0" * crc + raw


def video_pes(payload: bytes, pts: int, dts: int | None = None, *, bounded: bool = False) -> bytes:
    """A PES packet of video, without its length unless it is to have one."""
    header = encode_pes_header(VIDEO_ID, pts, pts if dts is None else dts, len(payload))
    return header + payload if bounded else header[:4] + b"\0\0" + header[6:] + payload


def audio_pes(payload: bytes, pts: int) -> bytes:
    return encode_pes_header(AUDIO_ID, pts, pts, len(payload)) + payload


def untimed_pes(payload: bytes, stream_id: int = AUDIO_ID) -> bytes:
    """A PES packet without times."""
    length = 3 + len(payload)
    return b"\0\0\1" + bytes((stream_id, length >> 8, length & 0xFF, 0x80, 0, 0)) + payload


class Studio(Wire):
    """A transport stream in the making: one programme with the given streams."""

    def __init__(self, *streams: tuple[int, int], pcr_pid: int = VIDEO) -> None:
        super().__init__()
        self.put_table(0, encode_pat({1: PMT}))
        self.put_table(PMT, encode_pmt(1, pcr_pid, [(pid, kind, b"") for pid, kind in streams]))

    def key(self, time: int) -> None:
        """A key frame with its parameter sets."""
        self.put_unit(VIDEO, video_pes(annexb(DELIMITER, SPS, PPS, IDR), time))

    def picture(self, time: int, data: bytes = SLICE) -> None:
        self.put_unit(VIDEO, video_pes(annexb(DELIMITER, data), time))

    def sound(self, time: int, *frames: bytes) -> None:
        self.put_unit(AUDIO, audio_pes(b"".join(map(adts, frames)), time))


def read(data: bytes) -> tuple[list[Media], TsReader]:
    """Read a whole stream; return the media and the reader, for its statistics."""
    reader = TsReader()
    events = reader.receive(data, 0) + reader.finish()
    return media_of(events), reader


def media_of(events: list[TsEvent]) -> list[Media]:
    return [event for event in events if isinstance(event, Media)]


def bodies(media: list[Media], kind: int) -> list[bytes]:
    """The bodies of frames of a kind, without FLV's few bytes before a classic frame, headers left out."""
    skip = 5 if kind == 9 else 2
    return [event.body[skip:] for event in media if event.kind == kind and event.body[1] == 1]


def escape(data: bytes) -> bytes:
    """Make bytes fit for a NAL unit: no start codes inside, no zero at the end."""
    escaped, zeros = bytearray(), 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(escaped) + b"\x80"


@st.composite
def nal_bytes(draw: st.DrawFn) -> bytes:
    """What may follow a NAL unit's header: many zeros, and sizes all around what packets hold."""
    size = draw(st.one_of(st.integers(0, 400), st.integers(20_000, 70_000)))
    pattern = draw(st.binary(min_size=1, max_size=12))
    return escape((pattern * (size // len(pattern) + 1))[:size])
