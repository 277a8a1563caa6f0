"""Streams that are not steady: far keyframes, silence, other codecs, breaks, jumps, floods."""

from itertools import pairwise

import pytest

from engine.media.flags import START
from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.hls.cut_outputs import Chunk
from engine.protocols.hls.cut_settings import MAX_CHUNK_BYTES, MAX_CHUNK_SAMPLES, CutSettings
from engine.protocols.hls.cutter import Cutter
from engine.protocols.hls.marks import StreamEnd
from tests.engine.hls.cutting_room import (
    AAC_44K,
    LOW_LATENCY,
    OTHER_AVC_CONFIG,
    WALL_US,
    Folder,
    Tag,
    audio_header,
    cut,
    feed,
    headers,
    mixed,
    picture,
    pictures,
    sound,
    sounds,
    video_header,
)

HALF = CutSettings(part_s=0.5)
MP3_FRAME = bytes.fromhex("fffb9064") + bytes(413)  # 128 kbit/s, 44.1 kHz, joint stereo


def payloads(tags: list[Tag], kind: int) -> list[bytes]:
    return [tag.payload for tag in tags if tag.kind == kind]


def lengths(folder: Folder) -> list[float]:
    return [round(segment.s, 2) for segment in folder.segments]


# Keyframes that are far apart


def test_keyframes_further_apart_than_the_limit_force_a_cut() -> None:
    tags = mixed(pictures(60, 25, 15), sounds(60))
    cutter, folder = cut([*headers(), *tags])
    assert lengths(folder)[:-1] == [10, 5, 10, 5, 10, 5, 10]
    assert [segment.begin.independent for segment in folder.segments] == [True, False] * 4
    assert [segment.parts[0].end.independent for segment in folder.segments] == [True, False] * 4
    assert cutter.forced_cuts == 4
    assert folder.window.target_s == 10
    for kind in (KIND_VIDEO, KIND_AUDIO):
        assert folder.data(kind) == payloads(tags, kind)


def test_no_segment_is_longer_than_the_limit_even_if_the_stream_freezes() -> None:
    tags = pictures(5, 25, 100) + [picture(1000 + n, 13_000 + n * 40, key=False) for n in range(100)]
    _, folder = cut([video_header(), *tags])
    assert lengths(folder) == [4.96, 8.04 + 1.96, 2.04]
    assert folder.data(KIND_VIDEO) == payloads(tags, KIND_VIDEO)


def test_a_keyframe_a_frame_after_the_limit_is_waited_for() -> None:
    cutter, folder = cut([*headers(), *pictures(30, 25, 10.04)])
    assert lengths(folder)[:2] == [10.04, 10.04]
    assert cutter.forced_cuts == 0
    assert folder.window.target_s == 10


def test_after_a_forced_cut_the_next_keyframe_cuts_however_near_it_is() -> None:
    _, folder = cut([*headers(), *pictures(33, 25, 10.52)])
    assert lengths(folder)[:5] == [10, 0.52, 10, 0.52, 10]


# Pictures that are far apart


def test_sound_cuts_parts_where_pictures_are_too_far_apart_to_do_so() -> None:
    tags = mixed(pictures(12, 5, 2), sounds(12))
    _, folder = cut([*headers(), *tags], HALF)
    inner = [part for segment in folder.segments for part in segment.parts[:-1]]
    assert len(inner) == 18
    assert all(500 <= part.ms <= 588 for part in inner)
    for kind in (KIND_VIDEO, KIND_AUDIO):
        assert folder.data(kind) == payloads(tags, kind)


@pytest.mark.parametrize("fps", [0.5, 1, 2])
def test_slides_hold_nothing_up(fps: float) -> None:
    tags = mixed(pictures(20, fps, 4), sounds(20))
    cutter, folder, out_us = Cutter(LOW_LATENCY), Folder(), {}
    for tag in [*headers(), *tags]:
        for output in cutter.take(*tag, WALL_US + tag.dts_us):
            folder.take([output])
            if isinstance(output, Chunk):
                out_us[output.dts_us] = tag.dts_us
    folder.take(cutter.finish())
    assert max(came - dts for dts, came in out_us.items()) <= 700_000
    for segment in folder.segments:
        assert all(part.ms <= 236 for part in segment.parts[:-1])
        assert segment.begin.independent
        assert b"picture" in b"".join(chunk.data for chunk in segment.parts[0].chunks)
    for kind in (KIND_VIDEO, KIND_AUDIO):
        assert folder.data(kind) == payloads(tags, kind)


def test_slow_pictures_alone_never_exceed_the_target_of_parts() -> None:
    _, folder = cut([video_header(), *pictures(12, 12, 2)])
    assert all(part.ms <= 236 for segment in folder.segments for part in segment.parts)


# Silence


def test_sound_that_stops_holds_nothing_up() -> None:
    tags = mixed(pictures(12, 30, 2), sounds(3), sounds(2, begin_ms=9_000))
    _, folder = cut([*headers(), *tags])
    assert lengths(folder) == [2.0] * 6
    for segment in folder.segments:
        assert all(195 <= part.ms <= 236 for part in segment.parts[:-1])
    assert folder.data(KIND_AUDIO) == payloads(tags, KIND_AUDIO)
    last = max(piece for piece in folder.segments[1].pieces if piece.kind == KIND_AUDIO)
    assert last.duration == 1024  # not until the next sound, which nobody could know


def test_pictures_that_stop_hold_nothing_up() -> None:
    frames = pictures(3, 30, 2) + pictures(2, 30, 2, begin_ms=9_000)
    tags = mixed(frames, sounds(11))
    _, folder = cut([*headers(), *tags])
    for segment in folder.segments:
        assert segment.s <= 10
        assert all(part.ms <= 236 for part in segment.parts)
    assert folder.data(KIND_VIDEO) == payloads(tags, KIND_VIDEO)
    assert folder.data(KIND_AUDIO) == payloads(tags, KIND_AUDIO)


def test_when_pictures_are_gone_for_good_sound_cuts_at_its_start_points() -> None:
    later = [tag._replace(flags=START if n % 47 == 0 else 0) for n, tag in enumerate(sounds(10))]
    later = [tag._replace(dts_us=tag.dts_us + 14_000_000) for tag in later]
    tags = mixed(pictures(4, 30, 2), sounds(14), later)
    _, folder = cut([*headers(), *tags])
    assert len(lengths(folder)) > 5
    assert all(2 <= length <= 2.1 for length in lengths(folder)[-5:-1])
    assert folder.data(KIND_AUDIO) == payloads(tags, KIND_AUDIO)


# Other tracks


def test_another_codec_header_makes_a_new_init_and_a_discontinuity() -> None:
    before, after = pictures(3, 25, 2), pictures(4, 25, 2, begin_ms=3_000)
    _, folder = cut([video_header(), *before, video_header(OTHER_AVC_CONFIG), *after])
    assert lengths(folder) == [2, 1, 2, 2]
    assert [segment.begin.discontinuity for segment in folder.segments] == [False, False, True, False]
    assert [segment.begin.init for segment in folder.segments] == [0, 0, 1, 1]
    assert [segment.begin.independent for segment in folder.segments] == [True] * 4
    assert [made.codecs for _, made in folder.inits] == ["avc1.64000d", "avc1.64000d"]
    assert folder.inits[0][0].data != folder.inits[1][0].data
    assert folder.data(KIND_VIDEO) == payloads([*before, *after], KIND_VIDEO)


def test_the_same_header_again_changes_nothing() -> None:
    tags = pictures(6, 25, 2)
    _, folder = cut([*headers(), *tags[:60], *headers(), *tags[60:]])
    assert lengths(folder) == [2, 2, 2]
    assert len(folder.inits) == 1


def test_both_headers_changed_at_once_are_one_discontinuity() -> None:
    before, after = (mixed(pictures(3, 25, 2, begin_ms=ms), sounds(3, begin_ms=ms)) for ms in (0, 3_000))
    changes = [audio_header(AAC_44K), video_header(OTHER_AVC_CONFIG)]
    _, folder = cut([*headers(), *before, *changes, *after])
    assert [segment.begin.discontinuity for segment in folder.segments] == [False, False, True, False]
    assert [segment.begin.independent for segment in folder.segments] == [True] * 4
    for kind in (KIND_VIDEO, KIND_AUDIO):
        assert folder.data(kind) == payloads([*before, *after], kind)


def test_sound_changed_amid_pictures_waits_for_no_keyframe() -> None:
    before, after = pictures(3, 25, 5), pictures(5, 25, 5)[75:]
    tags = mixed(before, sounds(3)), mixed(after, sounds(2, begin_ms=3_000))
    cutter, folder = cut([*headers(), *tags[0], audio_header(AAC_44K), *tags[1]])
    assert [segment.begin.independent for segment in folder.segments] == [True, False]
    assert cutter.forced_cuts == 1
    assert folder.data(KIND_VIDEO) == payloads([*before, *after], KIND_VIDEO)


def test_a_keyframe_soon_after_other_sound_makes_the_segment_independent() -> None:
    before, after = pictures(2, 25, 2), pictures(2, 25, 2, begin_ms=2_000)
    changed = [sound(n, 1_950 + n * 21) for n in range(2)]
    cutter, folder = cut([*headers(), *mixed(before, sounds(1.9)), audio_header(AAC_44K), *changed, *after])
    assert [segment.begin.independent for segment in folder.segments] == [True, True]
    assert cutter.forced_cuts == 0


def test_a_track_known_by_its_first_frame_costs_no_discontinuity() -> None:
    mp3 = [tag._replace(body=b"\x2f" + MP3_FRAME) for tag in sounds(4, rate=44_100, begin_ms=20)]
    tags = mixed(pictures(4, 25, 2), mp3)
    _, folder = cut([video_header(), *tags])
    assert [segment.begin.discontinuity for segment in folder.segments] == [False, False]
    ((_, made),) = folder.inits
    assert made.has_audio
    assert made.codecs.startswith("avc1.64000d,mp4a.")
    assert len(folder.data(KIND_AUDIO)) == len(mp3)


def test_a_track_that_comes_later_makes_a_new_init() -> None:
    tags = pictures(8, 25, 2)
    late = mixed(tags[75:], sounds(5, begin_ms=3_000))
    _, folder = cut([video_header(), *tags[:75], audio_header(), *late])
    assert [made.has_audio for _, made in folder.inits] == [False, True]
    assert [segment.begin.discontinuity for segment in folder.segments][:3] == [False, False, True]


# Breaks


def test_what_is_broken_off_ends_as_it_is_and_goes_on_at_a_keyframe() -> None:
    cutter, folder = Cutter(LOW_LATENCY), Folder()
    first, second = mixed(pictures(3, 25, 2), sounds(3)), mixed(pictures(4, 25, 2), sounds(4))
    feed(cutter, folder, [*headers(), *first])
    folder.take(cutter.break_off())
    assert lengths(folder) == [2, 1]
    assert folder.data(KIND_VIDEO) == payloads(first, KIND_VIDEO)
    feed(cutter, folder, second[5:])  # a new epoch, time begins anew, in the middle of a group of pictures
    folder.take(cutter.finish())
    assert [segment.begin.discontinuity for segment in folder.segments] == [False, False, True]
    assert folder.data(KIND_VIDEO)[75][-10:] == b"picture 50"
    assert cutter.skipped > 40
    assert len(folder.inits) == 1


def test_a_break_before_anything_is_no_discontinuity() -> None:
    cutter, folder = Cutter(LOW_LATENCY), Folder()
    assert cutter.break_off() == []
    feed(cutter, folder, [*headers(), *pictures(1, 25, 2)])
    assert [*cutter.break_off(), *cutter.break_off()][-1:] != []
    assert cutter.finish() == [StreamEnd()]


def test_after_a_break_the_clock_is_read_anew() -> None:
    cutter, folder = Cutter(LOW_LATENCY), Folder()
    feed(cutter, folder, [*headers(), *pictures(3, 25, 2)])
    folder.take(cutter.break_off())
    for tag in pictures(2, 25, 2, begin_ms=1_000):
        folder.take(cutter.take(*tag, WALL_US + 60_000_000 + tag.dts_us))
    folder.take(cutter.finish())
    assert [segment.begin.began_us - WALL_US for segment in folder.segments] == [0, 2_000_000, 61_000_000]


def test_dates_do_not_overlap_when_the_clock_is_a_little_behind() -> None:
    cutter, folder = Cutter(LOW_LATENCY), Folder()
    for tag in [*headers(), *pictures(3, 25, 2)]:
        folder.take(cutter.take(*tag, WALL_US))  # all at once
    folder.take(cutter.break_off())
    for tag in pictures(2, 25, 2):
        folder.take(cutter.take(*tag, WALL_US + 1_000_000))
    folder.take(cutter.finish())
    begins = [segment.begin.began_us for segment in folder.segments]
    ends = [segment.begin.began_us + segment.end.duration_us for segment in folder.segments]
    assert all(end <= begin for end, begin in zip(ends, begins[1:], strict=False))


def test_tracks_that_are_forgotten_must_be_named_anew() -> None:
    cutter, folder = Cutter(LOW_LATENCY), Folder()
    feed(cutter, folder, [*headers(), *mixed(pictures(3, 25, 2), sounds(3))])
    folder.take(cutter.break_off(forget_tracks=True))
    feed(cutter, folder, [video_header(), *pictures(2, 25, 2)])
    folder.take(cutter.finish())
    assert [(made.has_video, made.has_audio) for _, made in folder.inits] == [(True, True), (True, False)]


@pytest.mark.parametrize("jump_ms", [-5_000, 11_000, 3_600_000])
def test_a_jump_beyond_all_sense_is_a_discontinuity(jump_ms: int) -> None:
    before, after = pictures(6, 25, 2), pictures(4, 25, 2, begin_ms=6_000 + jump_ms)
    cutter, folder = cut([video_header(), *before, *after])
    assert cutter.gaps == 1
    assert lengths(folder) == [2, 2, 2, 2, 2]
    assert [segment.begin.discontinuity for segment in folder.segments] == [False] * 3 + [True, False]
    assert folder.data(KIND_VIDEO) == payloads([*before, *after], KIND_VIDEO)


def test_times_that_go_back_a_little_stand_still() -> None:
    order = [0, 120, 40, 80, 240, 160, 200, 360, 280, 320]
    tags = [picture(n, ms, key=n == 0) for n, ms in enumerate(order)]
    _, folder = cut([video_header(), *tags])
    assert folder.data(KIND_VIDEO) == payloads(tags, KIND_VIDEO)
    assert all(one.dts <= other.dts for one, other in pairwise(folder.pieces))


# Floods


def test_a_chunk_of_many_samples_is_closed_early() -> None:
    tags = [picture(0, 0, key=True), *(picture(n, 10, key=False) for n in range(1, 2_000))]
    _, folder = cut([video_header(), *tags])
    sizes = [chunk.data.count(b"picture ") for segment in folder.segments for chunk in segment.chunks]
    assert max(sizes) == MAX_CHUNK_SAMPLES
    assert folder.data(KIND_VIDEO) == payloads(tags, KIND_VIDEO)


def test_a_chunk_of_many_bytes_is_closed_early() -> None:
    nal = b"\x41" + bytes(MAX_CHUNK_BYTES // 3)
    large = b"\x27\1\0\0\0" + len(nal).to_bytes(4, "big") + nal
    tags = [picture(0, 0, key=True), *(picture(n, n, key=False)._replace(body=large) for n in range(1, 10))]
    _, folder = cut([video_header(), *tags])
    chunks = [chunk.data for segment in folder.segments for chunk in segment.chunks]
    assert len(chunks) == 5
    assert all(len(chunk) < MAX_CHUNK_BYTES * 1.01 for chunk in chunks)
    assert len(folder.data(KIND_VIDEO)) == 10
    times = [piece.dts + piece.duration for piece in folder.pieces[:-1]]
    assert times == [piece.dts for piece in folder.pieces[1:]]
