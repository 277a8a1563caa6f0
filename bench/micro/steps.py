"""The steps that are timed, in the order of a frame's way."""

from collections.abc import Callable
from itertools import count

from bench.micro.clock import Step
from bench.micro.sample import lap, messages, tags
from bench.stream import KIND_AUDIO
from bench.wire import rtmp
from engine.media.classify import classify
from engine.media.gop import GopLimits, StartMode, choose_start
from engine.media.intake import Intake
from engine.media.tags import split_tags
from engine.protocols.rtmp.play_frames import encode_message
from engine.protocols.rtmp.server import ServerConnection
from engine.protocols.websocket import frame_header
from shm.ring import Entry

STREAM = 1


def all_steps() -> list[Step]:
    """Built when asked for: a ring and two seconds of media come with it."""
    return [*_parsing(), *_writing(), *_reading(), *_framing()]


def _parsing() -> list[Step]:
    sample = messages()
    video = sample[-2] if sample[-1].kind == KIND_AUDIO else sample[-1]
    intake = Intake()
    return [
        Step("RTMP parse, 4 KiB chunks, read in 64 KiB", _rtmp_parse(), len(sample), "message"),
        Step("classify a video body", lambda: classify(video.kind, video.body)),
        Step("intake: message to tag", lambda: intake.take(video.kind, video.timestamp_ms, video.body, 0)),
    ]


def _rtmp_parse() -> Callable[[], None]:
    server = ServerConnection(seed=b"bench")
    hello = (
        rtmp.C0C1
        + bytes(rtmp.HANDSHAKE_BYTES)
        + rtmp.set_chunk_size()
        + rtmp.connect("live", "rtmp://a/live")
    )
    server.receive(hello, 0.0)
    server.receive(rtmp.create_stream() + rtmp.publish("bench", STREAM), 0.0)
    server.accept_publish()
    server.receive(b"", 0.0)
    wire = b"".join(
        rtmp.message(
            message.kind,
            message.body,
            csid=4 if message.kind == KIND_AUDIO else 6,
            stream=STREAM,
            timestamp_ms=message.timestamp_ms,
        )
        for message in messages()
    )
    pieces = [memoryview(wire)[begin : begin + 65536] for begin in range(0, len(wire), 65536)]

    clock_s = count(0.0, 2.0)  # the stream's own time: rates that the server limits are those of the media

    def parse() -> None:
        now = next(clock_s)
        for piece in pieces:
            server.receive(piece, now)
        server.take_output()

    return parse


def _writing() -> list[Step]:
    writer, sample = lap("writing").writer, tags()
    single, eight = [sample[-1]], sample[-8:]
    return [
        Step("ring write, one tag a batch", lambda: writer.write(single), 1, "tag"),
        Step("ring write, eight tags a batch", lambda: writer.write(eight), 8, "tag"),
    ]


def _reading() -> list[Step]:
    _, writer, reader = lap("reading")

    def read() -> None:
        head = reader.head_pos
        reader.views(head - 12_500, head)
        reader.safe(head - 12_500)

    def scan() -> None:
        head = reader.head_seq
        reader.entries(head - 64, head)

    def start() -> Entry | None:
        newest = reader.newest_start()
        assert newest is not None
        starts = iter([newest, reader.previous_start(newest) or newest])
        limits = GopLimits()
        return choose_start(
            StartMode.KEYFRAME,
            starts,
            reader.head_pos,
            newest.dts_us,
            newest.generation,
            newest.epoch,
            limits,
        )

    writer.write(tags())
    flat = b"".join(bytes(tag.data) for tag in tags())
    return [
        Step("ring read: view of 12.5 KB and its check", read),
        Step("ring read: index entries", scan, 64, "entry"),
        Step("GOP start: newest allowed start point", start),
        Step("tag parse: split a GOP", lambda: sum(1 for _ in split_tags(flat)), len(tags()), "tag"),
    ]


def _framing() -> list[Step]:
    message = messages()[-1]
    return [
        Step("RTMP framing of a tag", lambda: encode_message(message.kind, 1000, message.body)),
        Step("WebSocket header", lambda: frame_header(5000)),
    ]
