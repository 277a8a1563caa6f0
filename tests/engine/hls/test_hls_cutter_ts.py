"""Transport stream segments: the same rules, and each can be played from its first byte."""

from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.classify import Role, classify
from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.hls.cut_settings import CutSettings
from engine.protocols.hls.ts_cutter import TsCutter
from engine.protocols.mpegts import Media, TsReader
from tests.engine.hls.cutting_room import (
    AAC_44K,
    OTHER_AVC_CONFIG,
    WALL_US,
    Folder,
    Segment,
    Tag,
    audio_header,
    feed,
    headers,
    mixed,
    picture,
    pictures,
    sound,
    sounds,
    video_header,
)

PACKET_BYTES: Final = 188


def cut(tags: Iterable[Tag], settings: CutSettings | None = None) -> tuple[TsCutter, Folder]:
    cutter, folder = TsCutter(settings or CutSettings()), Folder(parts=False, files=False)
    feed(cutter, folder, tags)
    folder.take(cutter.finish())
    return cutter, folder


def pids(segment: Segment) -> list[int]:
    data = segment.file
    assert len(data) % PACKET_BYTES == 0
    return [int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF for at in range(0, len(data), PACKET_BYTES)]


def frames(data: bytes, kind: int) -> list[bytes]:
    """What a player gets from these bytes alone: the frames without what surrounds their names."""
    reader = TsReader()
    events = reader.receive(data, 0) + reader.finish()
    bodies = [event.body for event in events if isinstance(event, Media) and event.kind == kind]
    return [body for body in bodies if classify(kind, body).role is Role.FRAME]


def names(tags: Iterable[Tag], kind: int) -> list[bytes]:
    word = b"picture" if kind == KIND_VIDEO else b"sound"
    return [tag.body[tag.body.index(word) :] for tag in tags if tag.kind == kind and word in tag.body]


def assert_all_there(folder: Folder, tags: list[Tag]) -> None:
    for kind in (KIND_VIDEO, KIND_AUDIO):
        found = [body for segment in folder.segments for body in frames(segment.file, kind)]
        wanted = names(tags, kind)
        assert len(found) == len(wanted)
        assert all(body.endswith(name) for body, name in zip(found, wanted, strict=True))


def test_each_segment_of_a_steady_film_plays_alone() -> None:
    tags = mixed(pictures(8, 25, 2), sounds(8))
    cutter, folder = cut([*headers(), *tags])
    assert [segment.s for segment in folder.segments] == pytest.approx([2, 2, 2, 2], abs=0.05)
    assert all(pids(segment)[:3] == [0, 0x1000, 0x100] for segment in folder.segments)
    assert all(segment.begin.independent for segment in folder.segments)
    assert_all_there(folder, tags)
    assert cutter.forced_cuts == 0


def test_the_playlist_learns_the_codecs() -> None:
    _, folder = cut([*headers(), *mixed(pictures(3, 25, 2), sounds(3))])
    ((_, made),) = folder.inits
    assert made.codecs == "avc1.64000d,mp4a.40.2"
    assert (made.width, made.height, made.has_video, made.has_audio) == (322, 182, True, True)


def test_sound_alone_is_cut_at_its_start_points() -> None:
    tags = sounds(9, start_s=1)
    _, folder = cut([audio_header(), *tags])
    assert all(2 <= segment.s <= 2.05 for segment in folder.segments[:-1])
    assert_all_there(folder, tags)


def test_keyframes_further_apart_than_the_limit_force_a_cut() -> None:
    tags = mixed(pictures(40, 25, 15), sounds(40))
    cutter, folder = cut([*headers(), *tags])
    assert [segment.s for segment in folder.segments][:5] == pytest.approx([10, 5, 10, 5, 10], abs=0.05)
    assert all(segment.s <= 10 for segment in folder.segments)
    assert [segment.begin.independent for segment in folder.segments] == [True, False, True, False, True]
    assert all(pids(segment)[:2] == [0, 0x1000] for segment in folder.segments)
    assert cutter.forced_cuts == 2


def test_other_codec_headers_are_a_discontinuity() -> None:
    before, after = (mixed(pictures(3, 25, 2, begin_ms=ms), sounds(3, begin_ms=ms)) for ms in (0, 3_000))
    changes = [audio_header(AAC_44K), video_header(OTHER_AVC_CONFIG)]
    _, folder = cut([*headers(), *before, *changes, *after])
    assert [segment.begin.discontinuity for segment in folder.segments] == [False, False, True, False]
    assert [segment.begin.init for segment in folder.segments] == [0, 0, 1, 1]
    assert_all_there(folder, [*before, *after])


def test_what_is_broken_off_goes_on_at_a_keyframe() -> None:
    cutter, folder = TsCutter(CutSettings(), next_msn=5), Folder(parts=False, files=False, next_msn=5)
    feed(cutter, folder, [*headers(), *pictures(3, 25, 2)])
    folder.take(cutter.break_off(forget_tracks=True))
    feed(cutter, folder, [*headers(), picture(0, 0, key=False), *pictures(3, 25, 2, begin_ms=40)])
    folder.take(cutter.finish())
    assert [segment.s for segment in folder.segments] == [2, 1, 2, 1]
    assert [segment.begin.discontinuity for segment in folder.segments] == [True, False, True, False]
    assert cutter.skipped == 1
    assert cutter.finish() == []
    assert cutter.take(*picture(0, 9_000, key=True), WALL_US) == []


def test_a_jump_beyond_all_sense_is_a_discontinuity() -> None:
    before, after = pictures(4, 25, 2), pictures(4, 25, 2, begin_ms=100_000)
    cutter, folder = cut([video_header(), *before, *after])
    assert cutter.gaps == 1
    assert [segment.begin.discontinuity for segment in folder.segments] == [False, False, True, False]


def test_a_segment_of_what_cannot_be_written_never_was() -> None:
    alien = picture(0, 0, key=True)._replace(body=b"\x9fvp09" + bytes(20))
    cutter, folder = cut([alien, alien])
    assert folder.segments == []
    assert folder.ended
    assert cutter.skipped == 2


MOVES = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([KIND_VIDEO, KIND_AUDIO]),
            st.one_of(st.just(40), st.integers(-500, 5_000), st.sampled_from([-9_000, 20_000])),
            st.integers(0, 7),
        ),
        st.sampled_from([video_header(OTHER_AVC_CONFIG), video_header(), audio_header(AAC_44K)]),
        st.just(None),
    ),
    max_size=80,
)


@given(st.sampled_from([CutSettings(), CutSettings(segment_s=0.5, max_segment_s=3)]), MOVES)
def test_whatever_comes_the_marks_fold(settings: CutSettings, moves: list[object]) -> None:
    cutter, folder, ms, sent = TsCutter(settings), Folder(parts=False, files=False), 1_000, 0
    for number, move in enumerate([*headers(), *moves]):
        if move is None:
            folder.take(cutter.break_off())
        elif isinstance(move, Tag):
            folder.take(cutter.take(*move, WALL_US))
        else:
            assert isinstance(move, tuple)
            ms, sent = max(0, ms + move[1]), sent + 1
            key = move[2] == 0
            tag = picture(number, ms, key=key) if move[0] == KIND_VIDEO else sound(number, ms, start=key)
            folder.take(cutter.take(*tag, WALL_US + ms * 1000))
    folder.take(cutter.finish())
    assert all(pids(segment)[:2] == [0, 0x1000] for segment in folder.segments)
    assert all(segment.s <= settings.max_segment_s + 0.051 for segment in folder.segments)
    data = b"".join(segment.file for segment in folder.segments)
    assert data.count(b"picture") + data.count(b"sound") == sent - cutter.skipped
