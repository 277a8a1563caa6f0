"""Streams of other kinds: SRT's datagrams, transport streams, FLV bodies on their way into MP4, marks of HLS.

Datagrams are a sequence of messages and no stream, so an input holds several of them, each behind its length.
"""

from collections.abc import Iterator

from engine.media.classify import classify
from engine.protocols import mpegts, srt
from engine.protocols.fmp4 import ChunkWriter, Sample, Track, Tracks, init_segment
from engine.protocols.hls import BadMark, decode_mark, encode_mark
from engine.protocols.srt.control import HANDSHAKE_BYTES, Unknown, decode_control, encode_control
from engine.protocols.srt.cookie import bake
from engine.protocols.srt.limits import HEADER_BYTES
from tests.engine.fmp4.boxes import read_boxes
from tests.engine.srt.handshakes import CALLER, PASSPHRASE, SECRET, START_US, listener_terms, new_listener
from tests.engine.srt.live_wire import MS, PLAYER_ID, negotiated
from tests.fuzz.target import Pieces, Target

CONTROL_WORDS = (
    *(b"\x80" + bytes((kind, 0, 0)) for kind in range(9)),
    b"\xff\xff\x00\x03",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
)
HANDSHAKE_WORDS = (
    b"\xff\xff\xff\xff",
    b"\x00\x00\x4a\x17",
    *(bytes((0, kind, 0, 1)) for kind in range(1, 9)),
    b"\x12\x20\x29",
    b"evil",
    b"::!#",
    b"=r,m",
)
DATA_WORDS = (*CONTROL_WORDS, PLAYER_ID.to_bytes(4), b"\xc0\x00\x00\x01", b"\x14\x00\x10")
TS_WORDS = (
    b"\x47\x40\x00\x10\x00",
    b"\x47\x01\x00\x30",
    b"\x00\x00\x01\xe0",
    b"\x00\x00\x00\x01\x67",
    b"\x00\x00\x01\x65",
    b"\xff\xf1\x4c\x80",
    b"\x07\x10",
)
BODY_WORDS = (
    b"\x17\x00\x00\x00\x00",
    b"\x17\x01",
    b"\xaf\x00",
    b"\xaf\x01",
    b"\x90hvc1",
    b"\x90av01",
    b"\x90vp09",
    b"\x90Opus",
    b"\x90fLaC",
    b"\x91ac-3",
    b"\x91ec-3",
    b"OpusHead",
    b"\x49\x83\x42",
)
MARK_WORDS = (b"\x97", b"\xa7PartEnd", b"\xaaSegmentEnd", b"\xa8InitMade", b"\xc2", b"\xcf", b"\xd3", b"\xdd")

COOKIE_AT = HEADER_BYTES + 28  # seven words of the handshake stand before it
FIRST_SEQ = 0x7FFF_FFFC  # so that sequence numbers turn over at once
SENT_PACKETS = 12
TS_PIECE_BYTES = 150  # of 188, so that every packet is cut somewhere else


def read_control(pieces: Pieces) -> str:
    """One datagram. What can be read can be written, and read again."""
    try:
        packet = decode_control(b"".join(pieces))
    except srt.RemoteProtocolError as error:
        return str(error)
    if not isinstance(packet.body, Unknown):
        written = encode_control(packet.body, packet.timestamp_us, packet.dst_socket_id)
        assert decode_control(written) == packet
    return repr(packet)


def shake_hands(pieces: Pieces) -> list[str]:
    """A listener hears each datagram as it came, and with the cookie that it would have given its sender."""
    listener, heard = new_listener(), list[str]()
    for datagram in split(b"".join(pieces)):
        heard += [listen(listener, datagram), listen(listener, with_cookie(datagram))]
        assert listener.exchanges <= len(heard)
    return heard


def split(data: bytes) -> Iterator[bytes]:
    while len(data) > 2:
        end = 2 + int.from_bytes(data[:2])
        yield data[2:end]
        data = data[end:]


def with_cookie(datagram: bytes) -> bytes:
    if len(datagram) < HEADER_BYTES + HANDSHAKE_BYTES:
        return datagram
    return datagram[:COOKIE_AT] + bake(SECRET, CALLER, START_US).to_bytes(4) + datagram[COOKIE_AT + 4 :]


def listen(listener: srt.Listener, datagram: bytes) -> str:
    try:
        outcome = listener.receive(datagram, CALLER, START_US)
        if outcome is None:
            return ""
        if isinstance(outcome, srt.ConnectionRequest):
            return decide(listener, outcome, len(datagram))
    except srt.RemoteProtocolError as error:
        return str(error)
    answer = outcome.datagram if isinstance(outcome, srt.Answer) else outcome.answer
    assert len(answer) <= len(datagram), "an answer longer than its question"
    return answer.hex()


def decide(listener: srt.Listener, request: srt.ConnectionRequest, question_bytes: int) -> str:
    """As a worker does: the stream id first, then the passphrase, then a connection that begins at once."""
    try:
        stream = srt.parse_stream_id(request.stream_id, "publish")
    except srt.RemoteProtocolError as error:
        code = srt.Rejection.ROGUE if error.reply is None else error.reply
        return listener.refuse(request, code, START_US).answer.hex()
    terms = listener_terms(PASSPHRASE if request.encrypted else "")
    decision = listener.accept(request, terms, START_US)
    assert len(decision.answer) <= question_bytes, "an answer longer than its question"
    if isinstance(decision, srt.Negotiated):
        srt.SrtConnection(decision, START_US).poll(START_US)
    return f"{stream} {decision.answer.hex()}"


def converse(pieces: Pieces) -> list[str]:
    """A live connection: some time goes by, a datagram comes, and again. Nothing is ever raised."""
    connection = srt.SrtConnection(negotiated(PLAYER_ID, initial_seq=FIRST_SEQ, latency_ms=60), START_US)
    for index in range(SENT_PACKETS):
        connection.send(bytes(10), START_US + index)
    now_us, said, delivered = START_US, list[str](), 0
    data = b"".join(pieces)
    while len(data) > 3:
        now_us, end = now_us + data[0] * MS, 3 + int.from_bytes(data[1:3])
        said += map(repr, connection.receive(data[3:end], now_us))
        delivered += len(connection.deliver(now_us))
        said += (header.hex() for header, _ in connection.poll(now_us))
        assert connection.next_deadline_us() >= 0
        data = data[end:]
    delivered += len(connection.drain())
    assert delivered == connection.receiver.counts.delivered
    connection.stats(now_us)
    return said


def read_ts(pieces: Pieces) -> tuple[list[mpegts.TsEvent], str]:
    """Whole and in pieces. Byte by byte, as a target with cuts, it would take longer than all others here."""
    data = b"".join(pieces)
    events, refusal = feed_ts([data])
    in_pieces = [data[at : at + TS_PIECE_BYTES] for at in range(0, len(data), TS_PIECE_BYTES)]
    assert feed_ts(in_pieces) == (events, refusal), "in pieces it is something else"
    write_ts(events)
    return events, refusal


def feed_ts(pieces: Pieces) -> tuple[list[mpegts.TsEvent], str]:
    reader, events = mpegts.TsReader(), list[mpegts.TsEvent]()
    try:
        for piece in pieces:
            events += reader.receive(piece, 0)
        events += reader.finish()
    except mpegts.RemoteProtocolError as error:
        return [*events, *error.events], str(error)
    reader.stats()
    return events, ""


def write_ts(events: list[mpegts.TsEvent]) -> None:
    """Whatever was read can be written, or is left out."""
    writer = mpegts.TsWriter()
    for event in events:
        if isinstance(event, mpegts.Media):
            assert 0 <= event.timestamp_ms < 1 << 32
            writer.write(event.kind, event.dts_us, event.pts_us, event.body)
    writer.flush()


def make_mp4(pieces: Pieces) -> list[Sample]:
    """A stream's tags as in the `media` target: kind, time and length, then a body, and again.

    Tracks never raise, and each sample can be written with the tracks that it came with.
    """
    tracks, samples, known = Tracks(), list[Sample](), dict[int, tuple[Track, ...]]()
    for kind, dts_us, body in tags_of(b"".join(pieces)):
        pts_us = max(0, dts_us + classify(kind, body).cts_ms * 1000)
        sample = tracks.take(kind, dts_us, pts_us, body)
        known[tracks.version] = tracks.tracks
        if sample is not None:
            assert sample.track_key == tracks.version
            samples.append(sample)
    write_files(samples, known)
    return samples


def tags_of(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """In the ring time does not run backwards."""
    dts_ms = 0
    while len(data) > 7:
        kind, end = (8, 9, 18)[data[0] % 3], 7 + int.from_bytes(data[5:7])
        dts_ms = max(dts_ms, int.from_bytes(data[1:5]))
        yield kind, dts_ms * 1000, data[7:end]
        data = data[end:]


def write_files(samples: list[Sample], known: dict[int, tuple[Track, ...]]) -> None:
    """One file for each set of tracks: its boxes fill it exactly."""
    for version, tracks in known.items():
        own = [sample for sample in samples if sample.track_key == version]
        if tracks:
            assert [box.kind for box in read_boxes(init_segment(tracks))] == ["ftyp", "moov"]
        if own:
            chunk = ChunkWriter(tracks).chunk(own, {})
            assert [box.kind for box in read_boxes(chunk)] == ["moof", "mdat"]


def read_mark(pieces: Pieces) -> str:
    """What can be read can be written, and read again."""
    try:
        mark = decode_mark(b"".join(pieces))
    except BadMark as error:
        return str(error)
    assert decode_mark(encode_mark(mark)) == mark
    return repr(mark)


STREAM_TARGETS = (
    Target(name="srt_control", run=read_control, words=CONTROL_WORDS, cuts=False, lines_per_byte=3),
    Target(name="srt_handshake", run=shake_hands, words=HANDSHAKE_WORDS, cuts=False, lines_per_byte=30),
    Target(
        name="srt_live", run=converse, words=DATA_WORDS, cuts=False, lines_per_byte=100, bytes_per_byte=200
    ),
    Target(name="mpegts", run=read_ts, words=TS_WORDS, cuts=False, lines_per_byte=10),
    Target(name="fmp4", run=make_mp4, words=BODY_WORDS, cuts=False, lines_per_byte=20, bytes_per_byte=100),
    Target(name="hls_marks", run=read_mark, words=MARK_WORDS, cuts=False, lines_per_byte=1),
)
