"""Steady streams: segments, parts and chunks are as long as they are to be, and nothing is lost."""

from itertools import pairwise

import pytest

from engine.media.flags import METADATA
from engine.media.tags import KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO
from engine.protocols.hls.cut_outputs import Chunk
from engine.protocols.hls.cut_settings import CutSettings
from engine.protocols.hls.cutter import Cutter
from engine.protocols.hls.marks import PartEnd, SegmentBegin, SegmentEnd
from tests.engine.hls.cutting_room import (
    LOW_LATENCY,
    SECOND_US,
    WALL_US,
    Folder,
    Part,
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

HALF: CutSettings = CutSettings(part_s=0.5)


def payloads(tags: list[Tag], kind: int) -> list[bytes]:
    return [tag.payload for tag in tags if tag.kind == kind]


def inner_parts(folder: Folder) -> list[Part]:
    """All parts but the last of each segment."""
    return [part for segment in folder.segments for part in segment.parts[:-1]]


@pytest.mark.parametrize("settings", [LOW_LATENCY, HALF])
@pytest.mark.parametrize("fps", [24, 25, 30, 30_000 / 1001, 50, 60])
def test_parts_of_a_steady_film_keep_to_their_target(settings: CutSettings, fps: float) -> None:
    tags = mixed(pictures(12, fps, 2), sounds(12))
    _, folder = cut([*headers(), *tags], settings)
    part_ms = settings.part_s * 1000
    for part in inner_parts(folder):
        assert part_ms - 5 <= part.ms <= part_ms / 0.85
    assert all(segment.parts[-1].ms <= part_ms / 0.85 for segment in folder.segments)
    assert all(len(segment.parts) <= 2000 / part_ms + 1 for segment in folder.segments)
    for kind in (KIND_VIDEO, KIND_AUDIO):
        assert folder.data(kind) == payloads(tags, kind)


def test_segments_of_a_steady_film_are_its_groups_of_pictures() -> None:
    _, folder = cut([*headers(), *mixed(pictures(9, 30, 2), sounds(9))], HALF)
    assert [segment.s for segment in folder.segments] == pytest.approx([2, 2, 2, 2, 1], abs=0.03)
    assert all(segment.begin.independent for segment in folder.segments)
    assert not any(segment.begin.discontinuity for segment in folder.segments)
    assert [segment.data(KIND_VIDEO)[0][-10:] for segment in folder.segments[1:3]] == [
        b"picture 60",
        b"icture 120",
    ]
    assert folder.ended


def test_a_keyframe_that_is_a_hair_early_cuts_and_one_that_is_much_too_early_does_not() -> None:
    _, folder = cut([*headers(), *pictures(8, 25, 1.96)])
    assert [segment.s for segment in folder.segments] == pytest.approx([1.96] * 4 + [0.16], abs=0.001)
    _, folder = cut([*headers(), *pictures(8, 25, 1.6)])
    assert [segment.s for segment in folder.segments] == pytest.approx([3.2, 3.2, 1.6], abs=0.001)


def test_short_groups_of_pictures_come_together_in_segments() -> None:
    _, folder = cut([*headers(), *pictures(6, 30, 0.5)])
    assert [segment.s for segment in folder.segments] == pytest.approx([2, 2, 2], abs=0.002)


def test_dates_advance_by_durations_and_begin_with_the_clock() -> None:
    cutter, folder = Cutter(HALF), Folder()
    tags = [*headers(), *mixed(pictures(10, 30, 2, begin_ms=7_000), sounds(10, begin_ms=7_000))]
    for number, tag in enumerate(tags):
        folder.take(cutter.take(*tag, WALL_US + tag.dts_us + number * 100))  # a clock that runs too fast
    folder.take(cutter.finish())
    begins = [segment.begin.began_us for segment in folder.segments]
    assert begins[0] == WALL_US + 7 * SECOND_US + 200
    assert [later - begins[0] for later in begins] == [n * 2 * SECOND_US for n in range(5)]


def test_a_chunk_holds_a_tenth_of_a_second() -> None:
    _, folder = cut([*headers(), *mixed(pictures(10, 30, 2), sounds(10))], HALF)
    for segment in folder.segments:
        times = [chunk.dts_us for chunk in segment.chunks]
        assert all(60_000 <= later - before <= 140_000 for before, later in pairwise(times))
        assert len(segment.chunks) == 20


def test_a_picture_is_out_a_tenth_of_a_second_and_a_frame_after_it_came() -> None:
    cutter, waiting, waits = Cutter(LOW_LATENCY), 0, []
    for tag in [*headers(), *mixed(pictures(4, 30, 2), sounds(4))]:
        outputs = cutter.take(*tag, WALL_US)
        waiting += tag.kind == KIND_VIDEO and tag.flags & 4 == 0
        if any(isinstance(output, Chunk) for output in outputs):
            waits.append(waiting)
            waiting = 1  # the picture that closed the chunk is held
    assert max(waits) <= 5


def test_the_mark_of_a_part_comes_with_the_first_picture_after_it() -> None:
    cutter = Cutter(LOW_LATENCY)
    at_us = [
        tag.dts_us
        for tag in [*headers(), *mixed(pictures(3, 25, 2), sounds(3))]
        for output in cutter.take(*tag, WALL_US)
        if isinstance(output, PartEnd)
    ]
    assert at_us == [n * 200_000 for n in range(1, 15)]


def test_parts_begin_independent_only_at_keyframes() -> None:
    _, folder = cut([*headers(), *mixed(pictures(4, 25, 2), sounds(4))])
    flags = [[part.end.independent for part in segment.parts] for segment in folder.segments]
    assert flags == [[True] + [False] * 9] * 2


def test_without_parts_there_are_chunks_and_segments() -> None:
    tags = mixed(pictures(4, 30, 2), sounds(4))
    _, folder = cut([*headers(), *tags], CutSettings(part_s=0))
    assert [segment.s for segment in folder.segments] == pytest.approx([2, 2], abs=0.02)
    assert [len(segment.chunks) for segment in folder.segments] == [20, 20]
    assert folder.data(KIND_AUDIO) == payloads(tags, KIND_AUDIO)


def test_sound_alone_is_cut_at_its_start_points() -> None:
    tags = sounds(9, start_s=1)
    cutter, folder = cut([audio_header(), *tags])
    assert all(2 <= segment.s <= 2.05 for segment in folder.segments[:-1])
    assert all(195 <= part.ms <= 200 / 0.85 for part in inner_parts(folder))
    assert all(part.end.independent for segment in folder.segments for part in segment.parts)
    assert folder.data(KIND_AUDIO) == payloads(tags, KIND_AUDIO)
    ((_, made),) = folder.inits
    assert (made.codecs, made.has_video, made.has_audio) == ("mp4a.40.2", False, True)
    assert cutter.forced_cuts == 0


def test_pictures_alone_need_no_sound() -> None:
    tags = pictures(4, 30, 2)
    _, folder = cut([video_header(), *tags])
    assert folder.data(KIND_VIDEO) == payloads(tags, KIND_VIDEO)
    ((_, made),) = folder.inits
    assert (made.codecs, made.width, made.height) == ("avc1.64000d", 322, 182)
    assert (made.has_video, made.has_audio) == (True, False)


@pytest.mark.parametrize(
    ("fps", "milli"),
    [(12, 12_000), (24, 24_000), (25, 25_000), (30_000 / 1001, 30_000), (40, 40_000), (60, 60_000)],
)
def test_the_frame_rate_is_read_off_the_first_chunk(fps: float, milli: int) -> None:
    _, folder = cut([*headers(), *mixed(pictures(1, fps, 2), sounds(1))])
    assert folder.inits[0][1].frame_rate_milli == milli


def test_one_picture_has_no_frame_rate() -> None:
    _, folder = cut([*headers(), picture(0, 0, key=True)])
    assert folder.inits[0][1].frame_rate_milli == 0


def test_sound_that_comes_late_goes_into_the_segment_it_comes_in() -> None:
    tags = mixed(pictures(6, 30, 2), sounds(6), late_ms=150)
    _, folder = cut([*headers(), *tags])
    assert [segment.s for segment in folder.segments] == pytest.approx([2, 2, 2], abs=0.03)
    assert folder.data(KIND_AUDIO) == payloads(tags, KIND_AUDIO)
    second = [piece for piece in folder.segments[1].pieces if piece.kind == KIND_AUDIO]
    assert 1.8 <= second[0].dts / 48_000 < 2


@pytest.mark.parametrize("late_ms", [-300, 300])
def test_a_track_that_is_always_late_changes_no_part(late_ms: int) -> None:
    tags = mixed(pictures(8, 30, 2), sounds(8), late_ms=late_ms)
    _, folder = cut([*headers(), *tags])
    assert all(200 * 0.85 <= part.ms <= 200 / 0.85 for part in inner_parts(folder)[1:])
    assert folder.data(KIND_VIDEO) == payloads(tags, KIND_VIDEO)
    before_any_picture = -late_ms * 48 // 1024 + 1 if late_ms < 0 else 0
    assert folder.data(KIND_AUDIO) == payloads(tags, KIND_AUDIO)[before_any_picture:]


def test_samples_in_the_file_follow_each_other_without_a_gap() -> None:
    _, folder = cut([*headers(), *mixed(pictures(8, 30, 2), sounds(8))])
    for kind in (KIND_VIDEO, KIND_AUDIO):
        pieces = [piece for piece in folder.pieces if piece.kind == kind]
        assert all(one.dts + one.duration == other.dts for one, other in pairwise(pieces))


def test_what_comes_before_a_start_point_or_its_headers_is_skipped_and_counted() -> None:
    cutter, folder = Cutter(LOW_LATENCY), Folder()
    feed(cutter, folder, [picture(0, 0, key=True)])  # nobody knows what this is yet
    feed(cutter, folder, [*headers(), picture(1, 40, key=False), sound(0, 50)])
    assert cutter.skipped == 3
    feed(cutter, folder, [picture(2, 80, key=True), picture(3, 120, key=False)])
    folder.take(cutter.finish())
    assert cutter.skipped == 3
    assert [data[-9:] for data in folder.data(KIND_VIDEO)] == [b"picture 2", b"picture 3"]
    assert folder.data(KIND_AUDIO) == []


def test_metadata_is_passed_over() -> None:
    cutter = Cutter(LOW_LATENCY)
    assert cutter.take(KIND_SCRIPT, METADATA, 0, 0, b"\x02\0\x0aonMetaData", WALL_US) == []
    assert cutter.skipped == 0


def test_marks_come_in_the_order_in_which_they_are_written() -> None:
    cutter = Cutter(LOW_LATENCY)
    outputs = [output for tag in [*headers(), *pictures(2.2, 25, 2)] for output in cutter.take(*tag, WALL_US)]
    names = [type(output).__name__ for output in outputs]
    assert names[:5] == ["Init", "InitMade", "SegmentBegin", "Chunk", "Chunk"]
    end = next(at for at, output in enumerate(outputs) if isinstance(output, SegmentEnd))
    assert names[end - 2 : end + 3] == ["Chunk", "PartEnd", "SegmentEnd", "SegmentBegin", "Chunk"]


def test_a_resumed_stream_goes_on_counting_with_a_discontinuity() -> None:
    cutter, folder = Cutter(LOW_LATENCY, next_msn=41, next_init=3), Folder(next_msn=41, next_init=3)
    feed(cutter, folder, [*headers(), *pictures(5, 25, 2)])
    folder.take(cutter.finish())
    assert [segment.begin.msn for segment in folder.segments] == [41, 42, 43]
    assert [segment.begin.discontinuity for segment in folder.segments] == [True, False, False]
    assert [segment.begin.init for segment in folder.segments] == [3, 3, 3]


def test_the_first_picture_of_a_part_says_when_it_came() -> None:
    _, folder = cut([*headers(), *pictures(2, 25, 2)])
    for part in folder.segments[0].parts:
        first, *others = part.chunks
        assert first.data[4:8] == b"prft"
        assert all(chunk.data[4:8] == b"moof" for chunk in others)
        ntp = int.from_bytes(first.data[16:24], "big")
        wall_us = (ntp * SECOND_US >> 32) - 2_208_988_800 * SECOND_US
        assert wall_us == pytest.approx(WALL_US + first.dts_us, abs=2)


def test_nothing_is_taken_when_the_stream_is_over() -> None:
    cutter, folder = cut([*headers(), *pictures(1, 25, 2)])
    assert folder.ended
    assert cutter.finish() == []
    assert cutter.take(*picture(0, 2000, key=True), WALL_US) == []


def test_a_stream_that_never_began_ends_with_one_mark() -> None:
    _, folder = cut(headers())
    assert folder.ended
    assert folder.segments == []


def test_begin_marks_of_all_segments_name_their_init() -> None:
    cutter = Cutter(HALF)
    outputs = [o for tag in [*headers(), *pictures(7, 25, 2)] for o in cutter.take(*tag, WALL_US)]
    assert [output.init for output in outputs if isinstance(output, SegmentBegin)] == [0, 0, 0, 0]
