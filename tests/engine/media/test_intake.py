"""From messages to tags: start points, flags, generations, times and figures."""

from hypothesis import given
from hypothesis import strategies as st

from engine.media import flags
from engine.media.headers import HeaderSet
from engine.media.intake import Intake, IntakeTag
from engine.media.limits import AUDIO_START_MS, EPOCH_SOFT_MS, EPOCH_START_MS, VIDEO_GONE_MS
from engine.media.tags import encode_tag
from engine.media.timeline import Timeline
from tests.engine.media.bodies import (
    AAC_FRAME,
    AAC_HEADER,
    AVC_HEADER,
    CLEAR_DATA_FRAME,
    KIND_AUDIO,
    KIND_SCRIPT,
    KIND_VIDEO,
    ON_METADATA,
    SET_DATA_FRAME,
    avc_frame,
    ex_video,
    sized_track,
)

MS = 1_000_000  # nanoseconds


def take(intake: Intake, kind: int, ms: int, body: bytes) -> IntakeTag:
    """One message that arrives when it says."""
    (tag,) = intake.take(kind, ms, body, ms * MS)
    return tag


def starts(tags: list[IntakeTag]) -> list[int]:
    return [tag.dts_us // 1000 for tag in tags if tag.flags & flags.START]


def audio_from(intake: Intake, first_ms: int, last_ms: int) -> list[IntakeTag]:
    return [take(intake, KIND_AUDIO, ms, AAC_FRAME) for ms in range(first_ms, last_ms, 20)]


def test_a_session_as_an_encoder_begins_it() -> None:
    intake = Intake()
    seen = [
        take(intake, KIND_SCRIPT, 0, SET_DATA_FRAME + ON_METADATA),
        take(intake, KIND_VIDEO, 0, AVC_HEADER),
        take(intake, KIND_AUDIO, 0, AAC_HEADER),
        take(intake, KIND_VIDEO, 0, avc_frame(key=True, cts_ms=80)),
        take(intake, KIND_AUDIO, 3, AAC_FRAME),
        take(intake, KIND_VIDEO, 40, avc_frame()),
    ]
    assert [tag.flags for tag in seen] == [
        flags.METADATA,
        flags.HEADER,
        flags.HEADER,
        flags.START | flags.KEYFRAME,
        0,
        0,
    ]
    assert [tag.generation for tag in seen] == [0, 1, 2, 2, 2, 2]
    assert seen[0].data == encode_tag(KIND_SCRIPT, 0, ON_METADATA)
    assert (seen[3].dts_us, seen[3].pts_us) == (0, 80_000)
    assert seen[5] == IntakeTag(
        encode_tag(KIND_VIDEO, 40, avc_frame()), KIND_VIDEO, 0, 40_000, 40_000, 2, 40 * MS
    )


def ahead_ms(intake: Intake) -> int:
    """How far video is ahead of audio."""
    return intake.stats(0).video_ahead_ms


def test_the_gap_between_audio_and_video_is_that_of_the_newest_of_each() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 0, avc_frame(key=True, cts_ms=80))
    assert ahead_ms(intake) == 0
    take(intake, KIND_AUDIO, 30, AAC_FRAME)
    assert ahead_ms(intake) == -30
    take(intake, KIND_VIDEO, 400, avc_frame())
    assert ahead_ms(intake) == 370


def test_the_gap_grows_while_one_of_them_is_silent_and_is_over_with_the_session() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    audio_from(intake, 0, 3_000)
    assert ahead_ms(intake) == -2_980
    intake.begin_session()
    take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    assert ahead_ms(intake) == 0


def test_nanoseconds_refine_the_index() -> None:
    body = ex_video(7, b"\x02\x07\xa1\x20\x01avc1\x00\x00\x10picture", frame_type=1)  # 500,000 ns, cts 16 ms
    tag = take(Intake(), KIND_VIDEO, 20, body)
    assert (tag.dts_us, tag.pts_us) == (20_500, 36_500)


def test_bodies_pass_whole_and_empty_ones_too() -> None:
    intake = Intake()
    for kind in (KIND_AUDIO, KIND_VIDEO, KIND_SCRIPT):
        assert take(intake, kind, 5, b"").data == encode_tag(kind, 5, b"")


def test_a_word_to_the_server_yields_no_tag() -> None:
    intake = Intake()
    take(intake, KIND_SCRIPT, 0, ON_METADATA)
    assert intake.take(KIND_SCRIPT, 0, CLEAR_DATA_FRAME, 0) == []
    assert intake.headers.blob() == b""


def test_audio_alone_has_a_start_point_a_second() -> None:
    intake = Intake()
    take(intake, KIND_AUDIO, 0, AAC_HEADER)
    assert starts(audio_from(intake, 0, 4_500)) == [1_020, 2_020, 3_020, 4_020]


def test_audio_starts_nothing_while_video_is_announced() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 0, AVC_HEADER)
    assert starts(audio_from(intake, 0, VIDEO_GONE_MS)) == []
    assert starts(audio_from(intake, VIDEO_GONE_MS, VIDEO_GONE_MS + 500)) == [VIDEO_GONE_MS + 20]


def test_key_frames_take_over_when_video_shows_up() -> None:
    intake = Intake()
    audio_from(intake, 0, 2_000)
    assert starts([take(intake, KIND_VIDEO, 2_000, avc_frame(key=True))]) == [2_000]
    assert starts(audio_from(intake, 2_000, 5_000)) == []


def test_audio_leads_again_when_video_is_gone() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    found = starts(audio_from(intake, 0, VIDEO_GONE_MS + 2_500))
    assert len(found) == 3
    assert found[0] > VIDEO_GONE_MS
    assert found[1] - found[0] == AUDIO_START_MS


def test_only_the_main_track_starts_players() -> None:
    intake = Intake()
    other = ex_video(6, b"\x01hvc1\x01\x00\x00\x00picture", frame_type=1)
    assert starts([take(intake, KIND_VIDEO, 0, other)]) == [0]  # as long as it is the lowest seen
    assert starts([take(intake, KIND_VIDEO, 10, avc_frame(key=True))]) == [10]
    late = take(intake, KIND_VIDEO, 20, other)
    assert late.flags == flags.KEYFRAME
    both = ex_video(6, b"\x11hvc1" + sized_track(1, bytes(3)) + sized_track(0, bytes(3)), frame_type=1)
    assert starts([take(intake, KIND_VIDEO, 40, both)]) == [40]
    assert intake.stats(40 * MS).keyframes == 3


def test_a_repaired_time_is_flagged_and_counted() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 50_000, avc_frame(key=True))
    assert take(intake, KIND_VIDEO, 0, avc_frame()).flags == flags.REPAIRED
    assert take(intake, KIND_VIDEO, 90_000, avc_frame()).flags == flags.REPAIRED
    figures = intake.stats(0)
    assert (figures.repairs_backwards, figures.repairs_ahead) == (1, 1)


def test_metadata_in_the_middle_gets_the_present_time() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 50_000, avc_frame(key=True))
    tag = take(intake, KIND_SCRIPT, 0, ON_METADATA)
    assert (tag.dts_us, tag.flags) == (50_000_000, flags.METADATA)


def test_a_publisher_comes_back_and_nothing_jumps() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 0, AVC_HEADER)
    take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    take(intake, KIND_VIDEO, 40, avc_frame())
    intake.begin_session()
    header = take(intake, KIND_VIDEO, 0, AVC_HEADER)
    assert (header.dts_us, header.generation) == (40_000, 1)
    frame = take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    assert (frame.dts_us, frame.generation, frame.flags) == (80_000, 1, flags.START | flags.KEYFRAME)


def test_a_publisher_comes_back_without_video() -> None:
    intake = Intake()
    for kind, body in ((KIND_VIDEO, AVC_HEADER), (KIND_AUDIO, AAC_HEADER), (KIND_VIDEO, avc_frame(key=True))):
        take(intake, kind, 0, body)
    intake.begin_session()
    take(intake, KIND_AUDIO, 0, AAC_HEADER)
    tags = audio_from(intake, 0, 1_500)
    assert starts(tags) == [1_043]
    assert (tags[0].generation, tags[-1].generation) == (2, 3)
    assert not intake.headers.has(KIND_VIDEO)
    figures = intake.stats(0)
    assert (figures.video.codec, figures.audio.codec) == ("", "mp4a")


def test_a_publisher_comes_back_without_audio() -> None:
    intake = Intake()
    take(intake, KIND_AUDIO, 0, b"\x2fmp3")
    take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    assert intake.stats(0).audio.codec == ".mp3"
    intake.begin_session()
    take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    assert intake.stats(0).audio.codec == ""


def test_a_new_process_continues_a_stream() -> None:
    before = Intake()
    take(before, KIND_VIDEO, 0, AVC_HEADER)
    take(before, KIND_VIDEO, 700, avc_frame(key=True))
    after = Intake(
        timeline=Timeline.continue_from(700),
        headers=HeaderSet.restore(before.headers.generation, before.headers.blob()),
    )
    take(after, KIND_VIDEO, 0, AVC_HEADER)
    tag = take(after, KIND_VIDEO, 0, avc_frame(key=True))
    assert (tag.dts_us, tag.generation) == (733_000, 1)


def test_a_stream_of_25_days_begins_a_new_epoch_at_a_key_frame() -> None:
    intake = Intake(timeline=Timeline(EPOCH_SOFT_MS))
    assert not take(intake, KIND_VIDEO, 0, avc_frame()).new_epoch
    tag = take(intake, KIND_VIDEO, 40, avc_frame(key=True))
    assert tag.new_epoch
    assert tag.dts_us == EPOCH_START_MS * 1000
    assert intake.stats(0).epochs == 1
    take(intake, KIND_VIDEO, 2_040, avc_frame(key=True))
    assert intake.stats(0).keyframe_interval_ms == 2_000


def test_so_does_a_radio_station() -> None:
    intake = Intake(timeline=Timeline(EPOCH_SOFT_MS - 1_500))
    tags = audio_from(intake, 0, 3_700)
    new = [tag for tag in tags if tag.new_epoch]
    assert [tag.dts_us for tag in new] == [EPOCH_START_MS * 1000]
    assert new[0].flags & flags.START
    later = tags[tags.index(new[0]) :]
    assert starts(later) == [EPOCH_START_MS, EPOCH_START_MS + 1_000, EPOCH_START_MS + 2_000]


def test_figures_of_the_last_seconds() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 0, AVC_HEADER)
    take(intake, KIND_AUDIO, 0, AAC_HEADER)
    for frame in range(500):
        take(intake, KIND_VIDEO, frame * 40, avc_frame(key=frame % 50 == 0, payload=bytes(10_000 - 20)))
    figures = intake.stats(500 * 40 * MS)
    assert figures.video_fps_milli in range(24_500, 25_500)
    assert figures.bitrate_bps in range(1_960_000, 2_040_000)
    assert figures.keyframe_interval_ms == 2_000
    assert (figures.tags_in, figures.video_tags, figures.audio_tags, figures.keyframes) == (502, 501, 1, 10)
    assert (figures.video.width, figures.video.height, figures.video.codec) == (322, 182, "avc1")
    assert (figures.audio.sample_rate, figures.audio.channels) == (48_000, 2)
    assert figures.last_tag_ns == 499 * 40 * MS
    quiet = intake.stats(600_000 * MS)
    assert (quiet.bitrate_bps, quiet.video_fps_milli) == (0, 0)


def test_figures_of_a_stream_that_has_just_begun_are_not_guessed() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    take(intake, KIND_VIDEO, 40, avc_frame())
    assert intake.stats(50 * MS).bitrate_bps == 0
    assert Intake().stats(0).bitrate_bps == 0


def test_the_lowest_track_is_described() -> None:
    intake = Intake()
    take(intake, KIND_AUDIO, 0, b"\x95\x00mp4a\x01" + AAC_HEADER[2:])
    assert intake.stats(0).audio.sample_rate == 48_000
    take(intake, KIND_AUDIO, 0, b"\x95\x00Opus\x02OpusHead" + bytes(11))
    assert intake.stats(0).audio.codec == "mp4a"
    take(intake, KIND_AUDIO, 0, b"\x95\x01Opus\x02frame")
    assert intake.stats(0).audio.codec == "mp4a"
    second = ex_video(6, b"\x00avc1\x01" + AVC_HEADER[5:], frame_type=1)
    take(intake, KIND_VIDEO, 0, ex_video(0, b"av01\x81\x00\x0c\x00", frame_type=1))
    take(intake, KIND_VIDEO, 0, second)
    assert intake.stats(0).video.codec == "av01"


def test_a_header_that_does_not_parse_passes_all_the_same() -> None:
    intake = Intake()
    tag = take(intake, KIND_VIDEO, 0, b"\x17\x00\x00\x00\x00nonsense")
    assert (tag.flags, tag.generation) == (flags.HEADER, 1)
    take(intake, KIND_VIDEO, 0, avc_frame(key=True))
    assert intake.stats(0).video.codec == "avc1"


def test_a_codec_name_from_a_hostile_publisher_is_shown_as_text() -> None:
    intake = Intake()
    take(intake, KIND_VIDEO, 0, ex_video(3, b"\x00\x1b[\xffpicture", frame_type=1))
    take(intake, KIND_AUDIO, 0, b"\x91\n\n\n\nsound")
    figures = intake.stats(0)
    assert (figures.video.codec, figures.audio.codec) == ("????", "????")


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from((KIND_AUDIO, KIND_VIDEO, KIND_SCRIPT)),
        st.integers(0, 2**32 - 1),
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from((AVC_HEADER, AAC_HEADER, AAC_FRAME, avc_frame(key=True), ON_METADATA)),
        ),
        st.booleans(),
    ),
    max_size=40,
)


@given(MESSAGES)
def test_whatever_comes_passes_in_order_and_whole(messages: list[tuple[int, int, bytes, bool]]) -> None:
    intake, generation = Intake(), 0
    for kind, ms, body, returns in messages:
        if returns:
            intake.begin_session()
        for tag in intake.take(kind, ms, body, ms):
            assert tag.data == encode_tag(kind, tag.dts_us // 1000, tag.data[11:-4])
            assert body.endswith(tag.data[11:-4])
            assert tag.generation >= generation
            generation = tag.generation
    assert intake.stats(0).bytes_in >= 0
