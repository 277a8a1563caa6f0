"""Whatever comes in whatever order, it comes out once and in order, and the marks fold."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.media.flags import START
from engine.media.tags import KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO
from engine.protocols.hls.cut_settings import CutSettings
from engine.protocols.hls.cutter import Cutter
from tests.engine.hls.cutting_room import (
    AAC_44K,
    AAC_48K,
    AVC_CONFIG,
    OTHER_AVC_CONFIG,
    WALL_US,
    Folder,
    Tag,
    audio_header,
    picture,
    sound,
    video_header,
)

SETTINGS = st.builds(
    CutSettings,
    segment_s=st.sampled_from([0.5, 1.0, 2.0]),
    max_segment_s=st.sampled_from([2.0, 4.0, 10.0]),
    part_s=st.sampled_from([0.0, 0.2, 0.5]),
    chunk_s=st.sampled_from([0.03, 0.1]),
)

STEPS_MS = st.one_of(
    st.sampled_from([16, 21, 33, 40, 40, 40]),
    st.integers(-900, 3_000),
    st.sampled_from([0, 0, -3_000, 9_000, 60_000, 10_000_000]),
)

CONFIGS = st.sampled_from(
    [
        *(video_header(config) for config in (AVC_CONFIG, OTHER_AVC_CONFIG)),
        *(audio_header(config) for config in (AAC_48K, AAC_44K)),
    ]
)

MEDIA = st.tuples(st.sampled_from([KIND_VIDEO, KIND_VIDEO, KIND_AUDIO]), STEPS_MS, st.integers(0, 7))
MOVES = st.lists(st.one_of(MEDIA, MEDIA, MEDIA, MEDIA, CONFIGS, st.just("break")), max_size=120)

GARBAGE = st.tuples(
    st.sampled_from([KIND_VIDEO, KIND_AUDIO, KIND_SCRIPT, 0, 255]),
    st.integers(0, 63),
    st.integers(0, 1 << 50),
    st.integers(-(1 << 50), 1 << 50),
    st.binary(max_size=40),
)


def frame(number: int, kind: int, ms: int, dice: int) -> Tag:
    if kind == KIND_VIDEO:
        return picture(number, ms, key=dice == 0, cts_ms=40 * (dice % 3))
    return sound(number, ms, start=dice == 0)


def run(settings: CutSettings, moves: list[object]) -> tuple[Cutter, Folder, list[Tag]]:
    """Play the moves; the media that went in, in order."""
    cutter, folder = Cutter(settings), Folder(parts=settings.part_s > 0)
    sent, ms = [], 1_000
    for number, move in enumerate([video_header(), audio_header(), *moves]):
        if move == "break":
            folder.take(cutter.break_off())
            continue
        if isinstance(move, Tag):
            tag = move
        else:
            assert isinstance(move, tuple)
            ms = max(0, ms + move[1])
            tag = frame(number, move[0], ms, move[2])
            sent.append(tag)
        folder.take(cutter.take(*tag, WALL_US + ms * 1000))
    folder.take(cutter.finish())
    return cutter, folder, sent


@given(SETTINGS, MOVES)
def test_what_goes_in_comes_out_once_and_in_order(settings: CutSettings, moves: list[object]) -> None:
    cutter, folder, sent = run(settings, moves)
    assert folder.ended
    assert len(folder.pieces) == len(sent) - cutter.skipped
    for kind in (KIND_VIDEO, KIND_AUDIO):
        out = folder.data(kind)
        remaining = iter(tag.payload for tag in sent if tag.kind == kind)
        assert all(data in remaining for data in out)  # a subsequence


@given(SETTINGS, MOVES)
def test_lengths_are_what_was_promised(settings: CutSettings, moves: list[object]) -> None:
    _, folder, _ = run(settings, moves)
    longest_s = settings.max_segment_s + 0.051
    for segment in folder.segments:
        assert segment.s <= longest_s + 1e-6
    if settings.part_s:
        for before, after in pairwise(folder.segments):
            if not after.begin.discontinuity and after.begin.independent and before.begin.independent:
                assert before.s >= settings.segment_s - 0.05 - 1e-6


STEADY = st.lists(
    st.tuples(st.sampled_from([KIND_VIDEO, KIND_AUDIO]), st.integers(1, 60), st.integers(0, 20)), max_size=150
)


@given(SETTINGS, STEADY)
def test_pictures_whose_times_rise_fill_all_time(settings: CutSettings, moves: list[object]) -> None:
    _, folder, sent = run(settings, moves)
    pictures = [piece for piece in folder.pieces if piece.kind == KIND_VIDEO]
    assert all(one.dts + one.duration == other.dts for one, other in pairwise(pictures)) or is_sparse(sent)
    for segment in folder.segments:
        assert segment.begin.discontinuity is False


def is_sparse(tags: list[Tag]) -> bool:
    """Whether pictures are so far apart that their durations have to be guessed."""
    times = [tag.dts_us for tag in tags if tag.kind == KIND_VIDEO]
    return any(later - before > 190_000 for before, later in pairwise(times))


@given(st.lists(GARBAGE, max_size=40))
def test_garbage_never_raises(tags: list[tuple[int, int, int, int, bytes]]) -> None:
    cutter, folder = Cutter(CutSettings(part_s=0.2)), Folder()
    for tag in [video_header(), audio_header(), picture(0, 0, key=True), *tags]:
        folder.take(cutter.take(*tag, WALL_US))
    folder.take(cutter.finish())


@given(
    st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(-(1 << 60), 1 << 60)), min_size=1, max_size=30)
)
def test_no_time_and_no_clock_raises(times: list[tuple[int, int]]) -> None:
    cutter, folder = Cutter(CutSettings(part_s=0.2)), Folder()
    folder.take(cutter.take(*video_header(), 0))
    for number, (dts_us, wall_us) in enumerate(times):
        tag = picture(number, 0, key=number % 3 == 0)._replace(dts_us=dts_us, pts_us=dts_us, flags=START)
        for output in cutter.take(*tag, max(0, wall_us % (1 << 52))):
            folder.take([output])
    folder.take(cutter.finish())
    assert len(folder.pieces) == len(times) - cutter.skipped
