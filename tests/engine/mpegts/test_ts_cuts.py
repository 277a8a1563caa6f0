"""However the bytes are cut, the same comes out; and whatever they are, nothing but the protocol's own
error."""

from hypothesis import given
from hypothesis import strategies as st

from engine.media.classify import Role, classify
from engine.protocols.mpegts import Media, RemoteProtocolError, TsEvent, TsReader, TsStats, TsWriter
from engine.protocols.mpegts.codecs import DVB_EXTENSION, REGISTRATION, encode_descriptor
from engine.protocols.mpegts.tables import encode_pat, encode_pmt
from tests.engine.mpegts.packets import PACKET_BYTES, Wire, packet
from tests.engine.mpegts.studio import (
    ADTS,
    AUDIO,
    DELIMITER,
    H264,
    HEVC,
    IDR,
    PMT,
    PPS,
    SLICE,
    SPS,
    VIDEO,
    Studio,
    adts,
    annexb,
    audio_pes,
    nal_bytes,
    untimed_pes,
    video_pes,
)


def scene() -> bytes:
    """A little of everything that is good."""
    studio = Studio((VIDEO, H264), (AUDIO, ADTS))
    for number in range(24):
        if number % 8:
            studio.picture(number * 3600, b"\x41" + bytes((number,)) * 30 * number)
        else:
            studio.key(number * 3600)
        studio.sound(number * 3600, b"sound" * number, b"more")
    return studio.data


SCENE = scene()


def feed(pieces: list[bytes]) -> tuple[list[TsEvent], bool, TsStats]:
    """Return the events, whether the stream was refused, and the statistics."""
    reader, events = TsReader(), list[TsEvent]()
    try:
        for piece in pieces:
            events += reader.receive(piece, 0)
        events += reader.finish()
    except RemoteProtocolError as error:
        return [*events, *error.events], True, reader.stats()
    return events, False, reader.stats()


@st.composite
def cuts_of(draw: st.DrawFn, data: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@given(st.data())
def test_random_cuts_are_the_same(data: st.DataObject) -> None:
    assert feed(data.draw(cuts_of(SCENE))) == feed([SCENE])


def test_byte_by_byte_is_the_same() -> None:
    assert feed([SCENE[at : at + 1] for at in range(len(SCENE))]) == feed([SCENE])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The scene with bytes changed, packets lost, doubled and swapped, and noise in between."""
    packets = [SCENE[at : at + PACKET_BYTES] for at in range(0, len(SCENE), PACKET_BYTES)]
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(packets) - 2))
        blow = draw(st.sampled_from(["lose", "double", "swap", "byte", "head", "noise", "garbage"]))
        if blow == "lose":
            del packets[at : at + draw(st.integers(1, 20))]
            packets.append(SCENE[:PACKET_BYTES])
        elif blow == "double":
            packets.insert(at, packets[at])
        elif blow == "swap":
            packets[at : at + 2] = packets[at + 1], packets[at]
        elif blow == "noise":
            packets.insert(at, draw(st.binary(max_size=400)))
        elif blow == "garbage":
            packets.insert(at, draw(st.sampled_from([b"G", b"\0", b"\xff"])) * draw(st.integers(1, 70_000)))
        else:
            torn = bytearray(packets[at])
            where = draw(st.integers(0, min(len(torn), 8 if blow == "head" else 188) - 1)) if torn else 0
            torn[where : where + 1] = draw(st.binary(min_size=1, max_size=1))
            packets[at] = bytes(torn)
    return b"".join(packets)


@given(damaged(), st.data())
def test_damage_is_the_same_however_cut(stream: bytes, data: st.DataObject) -> None:
    events, refused, stats = feed([stream])
    again, refused_again, _ = feed(data.draw(cuts_of(stream)))
    assert (again, refused_again) == (events, refused)
    assert all(sound(event) for event in events)
    assert stats.packets * PACKET_BYTES + stats.skipped_bytes <= len(stream)


def sound(event: TsEvent) -> bool:
    """Whether intake would know what to do with it."""
    if not isinstance(event, Media):
        return True
    found = classify(event.kind, event.body)
    return found.role in (Role.FRAME, Role.CONFIG) and 0 <= event.timestamp_ms < 1 << 32


OPUS = encode_descriptor(REGISTRATION, b"Opus")
AUDIO_STREAMS = [
    (ADTS, b""),
    (0x11, b""),
    (0x03, b""),
    (0x81, b""),
    (0x06, OPUS + encode_descriptor(DVB_EXTENSION, b"\x80\x06")),
    (0x06, OPUS),
]
nal_starts = st.sampled_from([b"\x67", b"\x68", b"\x65", b"\x41", b"\x06", b"\x09", b"\x40\1", b"\x42\1",
b"\x44\1",
                              b"\x26\1", b"\x02\1", b"\x4e\1", b"\x46\1"])  # fmt: skip
nals = st.one_of(
    st.sampled_from([SPS, PPS, IDR, SLICE, DELIMITER]),
    st.tuples(nal_starts, st.one_of(st.binary(max_size=40), nal_bytes())).map(b"".join),
)
pictures = st.lists(nals, max_size=6).map(lambda units: annexb(*units))
fragments = st.one_of(
    st.binary(max_size=40),
    st.binary(max_size=40).map(adts),
    st.binary(max_size=60).map(lambda raw: b"\x56" + bytes((0xE0, len(raw))) + raw),
    st.binary(max_size=30).map(lambda raw: b"\x7f\xe0" + bytes((len(raw),)) + raw),
    st.tuples(st.sampled_from([b"\xff\xfb", b"\xff\xf3", b"\xff\xfd", b"\x0b\x77", b"\x7f\xfc"]),
    st.binary(max_size=500)) .map(b"".join),
)  # fmt: skip
times = st.integers(0, (1 << 33) - 1)


@given(
    st.sampled_from([H264, HEVC]),
    st.sampled_from(AUDIO_STREAMS),
    st.lists(
        st.one_of(
            st.tuples(st.just(VIDEO), st.builds(video_pes, pictures, times, times)),
            st.tuples(
                st.just(AUDIO), st.builds(audio_pes, st.lists(fragments, max_size=4).map(b"".join), times)
            ),
            st.tuples(st.sampled_from([AUDIO, VIDEO]), st.builds(untimed_pes, fragments)),
            st.tuples(st.sampled_from([AUDIO, VIDEO, 0, PMT]), st.binary(min_size=1, max_size=300)),
        ),
        max_size=12,
    ),
    st.data(),
)
def test_any_payloads_in_good_packets(
    video: int, audio: tuple[int, bytes], units: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    wire = Wire()
    wire.put_table(0, encode_pat({1: PMT}))
    wire.put_table(PMT, encode_pmt(1, VIDEO, [(VIDEO, video, b""), (AUDIO, *audio)]))
    for pid, unit in units:
        wire.put_unit(pid, unit)
    events, refused, _ = feed([wire.data])
    assert not refused
    assert all(sound(event) for event in events)
    assert feed(data.draw(cuts_of(wire.data)))[0] == events
    writer = TsWriter()
    for event in events:
        if isinstance(event, Media):
            writer.write(event.kind, event.dts_us, event.pts_us, event.body)


@given(st.lists(st.tuples(st.sampled_from([0, PMT, VIDEO, AUDIO]), st.binary(min_size=184, max_size=184),
                          st.booleans(), st.integers(0, 15)), max_size=12))  # fmt: skip
def test_any_packets(parts: list[tuple[int, bytes, bool, int]]) -> None:
    head = SCENE[: 4 * PACKET_BYTES]
    rest = b"".join(
        packet(pid, payload, start=start, counter=counter) for pid, payload, start, counter in parts
    )
    events, refused, _ = feed([head + rest])
    assert not refused
    assert all(sound(event) for event in events)


@given(st.binary(max_size=4096))
def test_any_bytes(data: bytes) -> None:
    events, _, _ = feed([data])
    assert all(sound(event) for event in events)


bodies = st.one_of(
    st.binary(max_size=60),
    st.tuples(
        st.sampled_from(
            [b"\x17\0", b"\x17\1", b"\x27\1", b"\x90hvc1", b"\x91hvc1", b"\xa1hvc1", b"\xaf\0", b"\xaf\1",
            b"\x2f",
             b"\x90Opus", b"\x91Opus", b"\x91ac-3", b"\x1c\0", b"\x1c\1", b"\x96\1hvc1\1"]
        ),
        st.one_of(st.binary(max_size=60), pictures, st.just(b"\0\0\0" +
        b"\x01\x64\0\x0d\xff\xe1\0\1\x67\1\0\1\x68")),
    ).map(b"".join),
)  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from([8, 9, 18]),
            st.integers(0, 1 << 45),
            st.integers(0, 1 << 45),
            bodies,
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_any_messages_are_written_or_counted(messages: list[tuple[int, int, int, bytes, bool]]) -> None:
    writer = TsWriter()
    groups = []
    for kind, dts_us, pts_us, body, start in messages:
        groups += writer.write(kind, dts_us, pts_us, body, start=start)
    groups += writer.flush()
    written = b"".join(group.data for group in groups)
    _, refused, stats = feed([written])
    assert not refused
    assert (stats.continuity_errors, stats.malformed_packets, stats.bad_tables, stats.stray_packets) == (
        0,
        0,
        0,
        0,
    )
