"""Whatever frames go into a transport stream, the same come out, at the same times."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from engine.media.tags import KIND_AUDIO, KIND_VIDEO, encode_tag
from engine.protocols.mpegts import Media, TsReader, TsWriter
from engine.protocols.mpegts.clock import ms_of, ticks_of_us, us_of
from tests.engine.mpegts.packets import split_packets
from tests.engine.mpegts.studio import AVC_CONFIG, lengths, media_of, nal_bytes

AVC_HEADER = b"\x17\x00\x00\x00\x00" + AVC_CONFIG
AAC_HEADER = b"\xaf\x00\x11\x90"


class Shot(NamedTuple):
    """A frame to be written."""

    kind: int
    dts_us: int
    pts_us: int
    body: bytes


@st.composite
def pictures(draw: st.DrawFn) -> bytes:
    key = draw(st.booleans())
    first = b"\x65" if key else b"\x41"
    extra = [b"\x06\x05" + draw(nal_bytes())] if draw(st.booleans()) else []
    nals = [*extra, *(first + tail for tail in draw(st.lists(nal_bytes(), min_size=1, max_size=3)))]
    return (b"\x17\x01" if key else b"\x27\x01") + b"CTS" + lengths(*nals)


sounds = st.binary(min_size=1, max_size=900).map(lambda raw: b"\xaf\x01" + raw)
steps_us = st.one_of(st.integers(0, 200_000), st.sampled_from([33_333, 21_333, 40_000, 1_100_000]))


@st.composite
def scenes(draw: st.DrawFn) -> list[Shot]:
    """Pictures and sound on one time line, which may begin shortly before the 33 bits wrap."""
    now_us = draw(st.sampled_from([0, 1_400_000, 95_443_717_000, 3 * 95_443_717_000]))
    shots = []
    for body in draw(st.lists(st.one_of(pictures(), sounds), min_size=1, max_size=12)):
        now_us += draw(steps_us)
        cts_us = draw(st.sampled_from([0, 0, 66_667, 9_000_000]))
        if body[0] == 0xAF:
            shots.append(Shot(KIND_AUDIO, now_us, now_us, body))
        else:
            cts_ms = ms_of(ticks_of_us(now_us + cts_us)) - ms_of(ticks_of_us(now_us))
            shots.append(Shot(KIND_VIDEO, now_us, now_us + cts_us, with_cts(body, cts_ms)))
    return shots


# A reader cannot know that a large picture without stuffing was the last one: this one is.
LAST = b"\x27\x01\0\0\0" + lengths(b"\x41last")


def written(shots: list[Shot]) -> bytes:
    writer = TsWriter()
    groups = writer.write(KIND_VIDEO, 0, 0, AVC_HEADER) + writer.write(KIND_AUDIO, 0, 0, AAC_HEADER)
    for shot in shots:
        groups += writer.write(*shot)
    groups += writer.write(KIND_VIDEO, shots[-1].dts_us, shots[-1].dts_us, LAST)
    assert writer.stats.left_out == 0
    return b"".join(group.data for group in groups + writer.flush())


def expected(shots: list[Shot], kind: int) -> list[Media]:
    made = []
    for shot in shots:
        if shot.kind == kind:
            dts, pts = ticks_of_us(shot.dts_us), ticks_of_us(shot.pts_us)
            made.append(Media(kind, ms_of(dts) & 0xFFFFFFFF, shot.body, us_of(dts), us_of(pts)))
    return made


def same_line(media: list[Media], like: list[Media]) -> list[Media]:
    """Times start at whatever 33 bits say: move them to the line they were written on, on which milliseconds
    are rounded elsewhere."""
    if not media:
        return media
    wraps = round((like[0].dts_us - media[0].dts_us) * 9 / 100 / (1 << 33))
    moved = []
    for event in media:
        dts, pts = (ticks_of_us(us) + (wraps << 33) for us in (event.dts_us, event.pts_us))
        body = with_cts(event.body, ms_of(pts) - ms_of(dts)) if event.kind == KIND_VIDEO else event.body
        moved.append(Media(event.kind, ms_of(dts) & 0xFFFFFFFF, body, us_of(dts), us_of(pts)))
    return moved


def with_cts(body: bytes, cts_ms: int) -> bytes:
    return body[:2] + cts_ms.to_bytes(3, "big") + body[5:]


def has_sets(shots: list[Shot]) -> list[Shot]:
    """Pictures before the first key frame have nothing to be decoded with, and are left out."""
    first = next((at for at, shot in enumerate(shots) if shot.body[:1] == b"\x17"), len(shots))
    return [shot for at, shot in enumerate(shots) if shot.kind == KIND_AUDIO or at >= first]


def without_last(media: list[Media]) -> list[Media]:
    return [event for event in media if event.body != LAST]


@given(scenes())
def test_the_same_frames_at_the_same_times(shots: list[Shot]) -> None:
    reader = TsReader()
    media = without_last(media_of(reader.receive(written(shots), 0) + reader.finish()))
    for kind, header in ((KIND_VIDEO, AVC_HEADER), (KIND_AUDIO, AAC_HEADER)):
        found = [event for event in media if event.kind == kind]
        assert [event.body for event in found[:1]] in ([], [header])
        like = expected(has_sets(shots), kind)
        assert same_line(found[1:], like) == like
    stats = reader.stats()
    assert (stats.continuity_errors, stats.damaged_units, stats.bad_units, stats.bad_frames) == (0, 0, 0, 0)


@given(scenes())
def test_the_same_from_tags_up_to_a_millisecond(shots: list[Shot]) -> None:
    """FLV tags have milliseconds, so that half of one may be lost."""
    tags = [encode_tag(KIND_VIDEO, 0, AVC_HEADER), encode_tag(KIND_AUDIO, 0, AAC_HEADER)]
    base_us = shots[0].dts_us
    tags += [encode_tag(shot.kind, (shot.dts_us - base_us) // 1000, shot.body) for shot in shots]
    tags.append(encode_tag(KIND_VIDEO, (shots[-1].dts_us - base_us) // 1000, LAST))
    writer, reader = TsWriter(), TsReader()
    groups = writer.write_tags(b"".join(tags)) + writer.flush()
    stream = b"".join(group.data for group in groups)
    media = without_last(media_of(reader.receive(stream, 0) + reader.finish()))
    for kind in (KIND_VIDEO, KIND_AUDIO):
        found = [event for event in media if event.kind == kind][1:]
        like = [shot for shot in has_sets(shots) if shot.kind == kind]
        assert [event.body for event in found] == [shot.body for shot in like]
        assert [event.timestamp_ms for event in found] == [(shot.dts_us - base_us) // 1000 for shot in like]


@given(scenes())
def test_every_packet_is_well_formed(shots: list[Shot]) -> None:
    following: dict[int, int] = {}
    for packet in split_packets(written(shots)):
        counter = packet.counter if packet.payload else packet.counter + 1 & 15
        assert counter == following.get(packet.pid, counter)
        following[packet.pid] = counter + 1 & 15 if packet.payload else counter
