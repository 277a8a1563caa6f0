"""Chunks: every field of their boxes, where samples lie in time, and that cuts change nothing."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.fmp4 import ChunkWriter, LocalProtocolError, Sample
from tests.engine.fmp4.boxes import Stored, read_chunks, read_file, read_samples
from tests.engine.fmp4.material import (
    AAC_HEADER,
    AVC_HEADER,
    KIND_AUDIO,
    KIND_VIDEO,
    OPUS_STEREO,
    audio_track,
    cut,
    ex_config,
    learn,
    picture,
    sound,
    video_track,
)

BOTH = learn((KIND_VIDEO, AVC_HEADER), (KIND_AUDIO, AAC_HEADER)).tracks
OPUS = learn((KIND_AUDIO, ex_config(KIND_AUDIO, "Opus", OPUS_STEREO))).tracks[0]
SYNC, DELTA = 0x02000000, 0x01010000
FRAME_US = 1024 * 1_000_000 / 48_000


def audio_ticks(times_us: list[int], *, rate_config: str = "1190") -> list[int]:
    """Where frames of AAC at these times are put, in one chunk."""
    track = audio_track(bytes.fromhex(rate_config))
    samples = [sound(at) for at in times_us]
    return [stored.ticks for stored in read_samples(ChunkWriter([track]).chunk(samples, {}))[1]]


def test_a_chunk_byte_by_byte() -> None:
    writer = ChunkWriter(BOTH)
    samples = [picture(1_000_000, 1_080_000, key=True, data=b"KEY"), sound(1_000_000, b"sound")]
    chunk = writer.chunk(samples, {KIND_VIDEO: 1_040_000, KIND_AUDIO: 1_021_333})
    video = (
        struct.pack(">I4s", 84, b"traf")
        + struct.pack(">I4sIII", 20, b"tfhd", 0x020020, 1, DELTA)
        + struct.pack(">I4sIQ", 20, b"tfdt", 1 << 24, 90_000)
        + struct.pack(">I4sIIi", 36, b"trun", 0x01000F01, 1, 192)
        + struct.pack(">IIIi", 3_600, 3, SYNC, 7_200)
    )
    audio = (
        struct.pack(">I4s", 76, b"traf")
        + struct.pack(">I4sIII", 20, b"tfhd", 0x020020, 2, SYNC)
        + struct.pack(">I4sIQ", 20, b"tfdt", 1 << 24, 48_000)
        + struct.pack(">I4sIIi", 28, b"trun", 0x01000301, 1, 195)
        + struct.pack(">II", 1_024, 5)
    )
    moof = struct.pack(">I4sI4sII", 184, b"moof", 16, b"mfhd", 0, 1) + video + audio
    assert chunk == moof + struct.pack(">I4s", 16, b"mdat") + b"KEYsound"


def test_chunks_are_numbered_and_a_track_without_samples_is_absent() -> None:
    writer = ChunkWriter(BOTH)
    data = (
        writer.chunk([sound(0)], {})
        + writer.chunk([picture(0)], {})
        + writer.chunk([picture(1), sound(1)], {})
    )
    chunks = read_chunks(data)
    assert [(chunk.number, sorted(chunk.tracks)) for chunk in chunks] == [(1, [2]), (2, [1]), (3, [1, 2])]


def test_samples_of_both_kinds_may_come_in_any_mix() -> None:
    mix = [
        sound(0, b"a"),
        picture(0, data=b"1"),
        sound(21_333, b"b"),
        picture(40_000, data=b"2"),
        sound(42_667, b"c"),
    ]
    tracks = read_samples(ChunkWriter(BOTH).chunk(mix, {}))
    assert [[sample.data for sample in tracks[number]] for number in (1, 2)] == [
        [b"1", b"2"],
        [b"a", b"b", b"c"],
    ]


@pytest.mark.parametrize(
    ("samples", "words"),
    [([], "without samples"), ([sound(0)], "without a track"), ([Sample(18, 0, 0, True, b"")], "track")],
)
def test_what_cannot_be_written_is_our_mistake(samples: list[Sample], words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words):
        ChunkWriter([video_track()]).chunk(samples, {})


def test_a_writer_without_tracks_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="without tracks"):
        ChunkWriter([])


def test_pictures_shown_before_they_are_decoded() -> None:
    samples = [picture(80_000, 40_000), picture(120_000, 300_000)]
    assert [sample.offset for sample in read_samples(ChunkWriter(BOTH).chunk(samples, {}))[1]] == [
        -3_600,
        16_200,
    ]


def test_durations_where_the_end_is_not_known() -> None:
    writer = ChunkWriter(BOTH)
    data = writer.chunk([picture(0)], {}) + writer.chunk([picture(1_000_000), picture(1_050_000)], {})
    data += writer.chunk([sound(0)], {}) + writer.chunk([picture(2_000_000)], {})
    stored = read_samples(data)
    assert [sample.duration for sample in stored[1]] == [3_000, 4_500, 4_500, 4_500]
    assert [sample.duration for sample in stored[2]] == [1_024]


def test_decoding_times_that_go_back_stand_still_but_pictures_show_when_they_should() -> None:
    samples = [picture(100_000), picture(60_000), picture(140_000)]
    stored = read_samples(ChunkWriter(BOTH).chunk(samples, {}))[1]
    assert [sample.ticks for sample in stored] == [9_000, 9_000, 12_600]
    assert [sample.ticks + sample.offset for sample in stored] == [9_000, 5_400, 12_600]


def test_times_of_days_and_times_before_zero() -> None:
    days_us = 400 * 24 * 3600 * 1_000_000
    samples = [picture(days_us, days_us + 1_000), sound(days_us)]
    stored = read_samples(ChunkWriter(BOTH).chunk(samples, {KIND_VIDEO: 10 * days_us}))
    assert stored[1][0][:2] == (days_us * 9 // 100, 0xFFFFFFFF)
    assert stored[2][0].ticks == days_us * 48 // 1000
    early = read_samples(ChunkWriter(BOTH).chunk([picture(-50_000), sound(-50_000)], {}))
    assert [early[1][0].ticks, early[2][0].ticks] == [0, 0]


@pytest.mark.parametrize(("config", "rate"), [("1190", 48_000), ("1210", 44_100), ("1310", 24_000)])
def test_milliseconds_of_sound_snap_to_the_grid(config: str, rate: int) -> None:
    exact = [1024 * frame for frame in range(500)]
    times_us = [(tick * 1000 // rate + 7_000) * 1000 for tick in exact]
    assert audio_ticks(times_us, rate_config=config) == [tick + 7 * rate for tick in exact]


def test_jitter_below_three_quarters_of_a_frame_is_not_heard() -> None:
    off_us = [0, 15_000, -15_000, 0, 9_000]
    times_us = [1_000_000 + round(frame * FRAME_US) + off for frame, off in enumerate(off_us)]
    assert audio_ticks(times_us) == [48_000 + 1024 * frame for frame in range(5)]


def test_a_lost_frame_leaves_a_gap_of_its_length() -> None:
    times_us = [round(frame * FRAME_US) // 1000 * 1000 for frame in (0, 1, 3, 4)]
    ticks = audio_ticks(times_us)
    assert [ticks[1] - ticks[0], ticks[3] - ticks[2]] == [1024, 1024]
    assert abs(ticks[2] - 3 * 1024) < 48


def test_a_clock_that_runs_away_is_followed_in_steps() -> None:
    times_us = [round(frame * FRAME_US * 1.01) for frame in range(400)]
    ticks = audio_ticks(times_us)
    assert all(abs(tick - us * 48 / 1000) <= 769 for tick, us in zip(ticks, times_us, strict=True))
    steps = [after - before for before, after in pairwise(ticks)]
    assert steps.count(1024) > 390
    assert min(steps) == 1024


def test_sound_that_jumps_back_never_goes_back_in_a_chunk() -> None:
    ticks = audio_ticks([1_000_000, 1_021_333, 500_000, 521_333])
    assert ticks == [48_000, 49_024, 49_024, 49_024]


def test_opus_packets_lie_on_their_own_grid() -> None:
    lengths = {b"\xfc": 960, b"\xf4": 480, b"\xfd": 1920}
    order = [b"\xfc", b"\xf4", b"\xfd", b"\xf4", b"\xfc"]
    at, samples, expected = 0, [], []
    lead = OPUS.lead_ticks  # which the edit list cuts
    for packet in order:
        samples.append(sound((at * 1000 // 48_000) * 1000, packet))
        expected.append((lead + at, lengths[packet]))
        at += lengths[packet]
    stored = read_samples(ChunkWriter([OPUS]).chunk(samples, {}))[1]
    assert [sample[:2] for sample in stored] == expected


def test_the_next_chunk_begins_where_the_last_one_ends() -> None:
    track = audio_track()
    writer = ChunkWriter([track])
    first = writer.chunk([sound(0)], {KIND_AUDIO: 21_000})
    second = writer.chunk([sound(21_000)], {KIND_AUDIO: 43_000})
    stored = read_samples(first + second)[1]
    assert [sample[:2] for sample in stored] == [(0, 1024), (1024, 1024)]


def test_time_may_begin_anew_with_a_chunk() -> None:
    writer = ChunkWriter(BOTH)
    data = writer.chunk(
        [picture(9_000_000), sound(9_000_000)], {KIND_VIDEO: 9_040_000, KIND_AUDIO: 9_021_333}
    )
    data += writer.chunk([picture(1_000_000), sound(1_000_000)], {})
    stored = read_samples(data)
    assert [sample.ticks for sample in stored[1]] == [810_000, 90_000]
    assert [sample.ticks for sample in stored[2]] == [432_000, 48_000]


def test_when_a_chunk_was_captured() -> None:
    chunk = ChunkWriter([audio_track()]).chunk([sound(0)], {}, capture=(1_700_000_000_500_000, 2_000_000))
    prft, moof, mdat = read_file(chunk).children
    assert [prft.kind, moof.kind, mdat.kind] == ["prft", "moof", "mdat"]
    ntp = (1_700_000_000 + 2_208_988_800) << 32 | 1 << 31
    assert prft.content == struct.pack(">IIQQ", 1 << 24 | 24, 1, ntp, 96_000)


steps_us = st.one_of(st.integers(0, 90_000), st.sampled_from([21_333, 40_000, 3_000_000]))
frames = st.binary(min_size=1, max_size=12)


@st.composite
def scenes(draw: st.DrawFn) -> list[Sample]:
    """Pictures and sound, in order of decoding but for steps back."""
    now = {KIND_VIDEO: draw(st.integers(0, 10**12)), KIND_AUDIO: draw(st.integers(0, 10**12))}
    samples = []
    for kind in draw(st.lists(st.sampled_from([KIND_VIDEO, KIND_AUDIO]), min_size=1, max_size=20)):
        at = now[kind] = max(0, now[kind] + draw(st.one_of(steps_us, steps_us, steps_us.map(lambda us: -us))))
        data = draw(frames)
        if kind == KIND_VIDEO:
            shown = at + draw(st.integers(-100_000, 400_000))
            samples.append(picture(at, shown, key=draw(st.booleans()), data=data))
        else:
            samples.append(sound(at, data))
    return samples


def untimed(samples: list[Stored]) -> list[tuple[bytes, bool]]:
    return [(sample.data, sample.key) for sample in samples]


@given(scenes(), st.lists(st.integers(1, 20)))
def test_wherever_chunks_are_cut_the_samples_are_the_same(samples: list[Sample], cuts: list[int]) -> None:
    whole, pieces = (read_samples(cut(BOTH, samples, places)) for places in ([], cuts))
    assert pieces == whole
    for number, kind in ((1, KIND_VIDEO), (2, KIND_AUDIO)):
        own = [(sample.data, sample.key) for sample in samples if sample.kind == kind]
        assert untimed(whole.get(number, [])) == own
