"""What real programs say, turn by turn: order of commands, chunk streams and oddities are theirs.

A turn is what the program sends before it waits for the server. Media is short and made up.
"""

from typing import NamedTuple

from engine.protocols import amf0
from engine.protocols.amf0 import EcmaArray
from tests.engine.rtmp.wire import HANDSHAKE, command, head, message, noise, set_chunk_size

METADATA = EcmaArray(width=1280.0, height=720.0, encoder="test")
SCRIPT = amf0.encode("onMetaData", METADATA)
WRAPPED = amf0.encode("@setDataFrame", "onMetaData", METADATA)
AVC_HEADER = b"\x17\x00\x00\x00\x00" + noise("avc header", 40)
AAC_HEADER = b"\xaf\x00\x12\x10"
KEYFRAME = b"\x17\x01\x00\x00\x00" + noise("keyframe", 9000)
HEVC_KEYFRAME = b"\x91hvc1\x00\x00\x00" + noise("hevc keyframe", 3000)
AUDIO = b"\xaf\x01" + noise("audio", 300)


class Dialogue(NamedTuple):
    """One program's side."""

    name: str
    turns: tuple[bytes, ...]
    replies: tuple[str, ...]
    """Names of the commands, and codes of the statuses, that the server answers with, in order."""
    media: tuple[tuple[int, int, bytes], ...] = ()
    """Kind, time and body of what is published."""


def buffer_length(stream: int, milliseconds: int, chunk_type: int = 0) -> bytes:
    """SetBufferLength; librtmp begins chunk stream 2 with a type 1 header."""
    body = b"\x00\x03" + stream.to_bytes(4) + milliseconds.to_bytes(4)
    return head(chunk_type, 2, 0, len(body), 4) + body


def connect(app: str = "live", chunk: int = 128, **more: amf0.Value) -> bytes:
    """`connect` with what everybody sends and `more`."""
    return command("connect", 1, {"app": app, "tcUrl": f"rtmp://host:1935/{app}", **more}, chunk=chunk)


PUBLISH_REPLIES = (
    "_result", "_result", "_result", "onFCPublish", "_result", "NetStream.Publish.Start",
)  # fmt: skip
PLAY_REPLIES = ("NetStream.Play.Reset", "NetStream.Play.Start")

FFMPEG_PUBLISH = Dialogue(
    "ffmpeg publishes",
    (
        HANDSHAKE,
        connect(type="nonprivate", flashVer="FMLE/3.0 (compatible; Lavf60.16.100)"),
        set_chunk_size(65536)
        + command("releaseStream", 2, None, "cam")
        + command("FCPublish", 3, None, "cam")
        + command("createStream", 4, None),
        command("publish", 5, None, "cam", "live", csid=8, stream=1),
        message(4, 18, WRAPPED, stream=1, chunk=65536)
        + message(6, 9, AVC_HEADER, stream=1, chunk=65536)
        + message(4, 8, AAC_HEADER, stream=1, chunk=65536)
        + message(6, 9, KEYFRAME, time=40, stream=1, chunk=65536)
        + head(1, 4, 23, len(AUDIO), 8)
        + AUDIO
        + head(3, 4)
        + AUDIO,
        command("FCUnpublish", 6, None, "cam") + command("deleteStream", 7, None, 1.0),
    ),
    (*PUBLISH_REPLIES, "_result", "onFCUnpublish", "NetStream.Unpublish.Success"),
    (
        (18, 0, SCRIPT),
        (9, 0, AVC_HEADER),
        (8, 0, AAC_HEADER),
        (9, 40, KEYFRAME),
        (8, 23, AUDIO),
        (8, 46, AUDIO),
    ),
)

OBS_PUBLISH = Dialogue(
    "OBS publishes, its key in the stream name, HEVC in enhanced RTMP",
    (
        HANDSHAKE,
        set_chunk_size(4096)
        + connect(
            chunk=4096,
            type="nonprivate",
            flashVer="FMLE/3.0 (compatible; FMSc/1.0)",
            swfUrl="rtmp://host:1935/live",
            fourCcList=["av01", "hvc1"],
        ),
        command("releaseStream", 2, None, "cam", chunk=4096)
        + command("FCPublish", 3, None, "cam", chunk=4096)
        + command("createStream", 4, None, chunk=4096),
        command("publish", 5, None, "cam", "live", csid=4, stream=1, chunk=4096),
        message(4, 18, WRAPPED, stream=1, chunk=4096)
        + head(1, 4, 0, len(AAC_HEADER), 8)
        + AAC_HEADER
        + message(4, 9, HEVC_KEYFRAME, time=33, stream=1, chunk=4096)
        + head(1, 4, 10, len(AUDIO), 8)
        + AUDIO,
        command("FCUnpublish", 6, None, "cam", chunk=4096)
        + command("deleteStream", 7, None, 1.0, chunk=4096),
    ),
    (*PUBLISH_REPLIES, "_result", "onFCUnpublish", "NetStream.Unpublish.Success"),
    ((18, 0, SCRIPT), (8, 0, AAC_HEADER), (9, 33, HEVC_KEYFRAME), (8, 43, AUDIO)),
)

GSTREAMER_PUBLISH = Dialogue(
    "GStreamer's rtmp2sink publishes and reports its window",
    (
        HANDSHAKE
        + connect(type="nonprivate", flashVer="LNX 10,0,32,18", fpad=False, capabilities=15.0)
        + set_chunk_size(65536),
        message(2, 5, (2_500_000).to_bytes(4), chunk=65536)
        + command("releaseStream", 2, None, "cam")
        + command("FCPublish", 3, None, "cam")
        + command("createStream", 4, None),
        command("publish", 0, None, "cam", "live", csid=4, stream=1),
        message(4, 18, WRAPPED, stream=1, chunk=65536) + message(5, 9, KEYFRAME, stream=1, chunk=65536),
        command("deleteStream", 5, None, 1.0),
    ),
    (*PUBLISH_REPLIES, "NetStream.Unpublish.Success"),
    ((18, 0, SCRIPT), (9, 0, KEYFRAME)),
)

FFMPEG_PLAY = Dialogue(
    "ffmpeg plays",
    (
        HANDSHAKE,
        connect(flashVer="LNX 9,0,124,2", fpad=False, capabilities=15.0, audioCodecs=4071.0),
        message(2, 5, (2_500_000).to_bytes(4)) + command("createStream", 2, None),
        command("getStreamLength", 3, None, "cam", csid=8)
        + command("play", 4, None, "cam", -2000.0, csid=8, stream=1)
        + buffer_length(1, 3000),
    ),
    ("_result", "_result", "_result", *PLAY_REPLIES),
)

RTMPDUMP_PLAY = Dialogue(
    "rtmpdump plays live: librtmp subscribes first and begins chunk streams with type 1 headers",
    (
        HANDSHAKE,
        connect(flashVer="LNX 10,0,32,18", fpad=False, capabilities=15.0, videoFunction=1.0),
        message(2, 5, (2_500_000).to_bytes(4))
        + buffer_length(0, 300, chunk_type=1)
        + command("createStream", 2, None)
        + command("FCSubscribe", 3, None, "cam"),
        command("play", 4, None, "cam", -1000.0, csid=8, stream=1) + buffer_length(1, 36_000_000, 1),
        command("pause", 5, None, True, 1000.0, csid=8, stream=1),
        command("pause", 6, None, False, 1000.0, csid=8, stream=1),
        command("deleteStream", 7, None, 1.0),
    ),
    (
        "_result", "_result", "_result", "onFCSubscribe", *PLAY_REPLIES,
        "NetStream.Pause.Notify", "NetStream.Unpause.Notify",
    ),
)  # fmt: skip

VLC_PLAY = Dialogue(
    "VLC plays and turns video off",
    (
        HANDSHAKE + connect(flashVer="LNX 10,0,32,18", objectEncoding=3.0),
        message(3, 17, b"\x00" + amf0.encode("createStream", 2.0, None)),
        command("play", 3, None, "cam", csid=8, stream=1),
        command("receiveVideo", 0, None, False, csid=8, stream=1),
        command("closeStream", 0, None, csid=8, stream=1),
    ),
    ("_result", "_result", *PLAY_REPLIES),
)

FLASH_PUBLISH = Dialogue(
    "Flash publishes with AMF3 messages, aggregates, a bandwidth check and publish(false)",
    (
        HANDSHAKE,
        message(3, 17, b"\x00" + amf0.encode("connect", 1.0, {"app": "live", "objectEncoding": 3.0})),
        command("_checkbw", 2, None) + command("initStream", 0, None) + command("createStream", 3, None),
        command("publish", 0, None, "cam", csid=8, stream=1),
        message(8, 15, b"\x00" + WRAPPED, stream=1)
        + message(
            8,
            22,
            b"\x08\x00\x00\x04\x00\x00\x64\x00\x00\x00\x00" + AAC_HEADER + b"\x00\x00\x00\x0f"
            + b"\x09\x00\x00\x2d\x00\x00\x78\x00\x00\x00\x00" + AVC_HEADER + b"\x00\x00\x00\x38",
            time=5000,
            stream=1,
        ),
        command("publish", 0, None, False, csid=8, stream=1),
    ),
    ("_result", "_result", "_result", "NetStream.Publish.Start", "NetStream.Unpublish.Success"),
    ((18, 0, SCRIPT), (8, 5000, AAC_HEADER), (9, 5020, AVC_HEADER)),
)  # fmt: skip

LATE_PUBLISH = Dialogue(
    "an encoder that has run for five hours: extended timestamps, deltas and an abort",
    (
        HANDSHAKE + connect() + command("createStream", 2, None),
        command("publish", 3, None, "cam", csid=8, stream=1),
        message(6, 9, KEYFRAME[:400], time=0x1000000, stream=1)
        + message(4, 8, AUDIO, time=0x1000005, stream=1)
        + head(1, 4, 20, 4, 8)
        + b"abcd"
        + head(0, 6, 0x1000028, 400, 9, 1)
        + KEYFRAME[:128]
        + message(2, 2, (6).to_bytes(4))
        + message(6, 9, AVC_HEADER, time=0x1000028, stream=1)
        + head(2, 6, 0x1000000)
        + AVC_HEADER,
        command("receiveAudio", 0, None, True, stream=1),
    ),
    ("_result", "_result", "NetStream.Publish.Start"),
    (
        (9, 0x1000000, KEYFRAME[:400]),
        (8, 0x1000005, AUDIO),
        (8, 0x1000019, b"abcd"),
        (9, 0x1000028, AVC_HEADER),
        (9, 0x2000028, AVC_HEADER),
    ),
)

ALL = (
    FFMPEG_PUBLISH,
    OBS_PUBLISH,
    GSTREAMER_PUBLISH,
    FLASH_PUBLISH,
    LATE_PUBLISH,
    FFMPEG_PLAY,
    RTMPDUMP_PLAY,
    VLC_PLAY,
)
