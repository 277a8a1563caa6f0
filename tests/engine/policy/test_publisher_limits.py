"""What a publisher may send: each limit is told once when it begins to be broken, and none without reason."""

import dataclasses
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.policy.publisher_judge import PublisherJudge, Sample
from engine.policy.publisher_limits import REASONS, Breach, PublisherLimits, strictest
from engine.policy.video_judge import VideoSample

MAIN, SECOND = "live/a", "live/a_2"


def sample_of(video: VideoSample, second: VideoSample | None = None) -> Sample:
    further = {} if second is None else {SECOND: second}
    return Sample(video={MAIN: video} | further)


NOTHING = sample_of(VideoSample())
HD = VideoSample(tags=1, frames=1, keyframes=1, width=1920, height=1080, codec="avc1")
BEFORE = VideoSample(tags=100, frames=90, keyframes=9, keyframe_interval_ms=60_000)


def judge_of(limits: PublisherLimits, before: Sample = NOTHING) -> PublisherJudge:
    return PublisherJudge(limits, before, 0.0, 0.0)


def reasons(breaches: Iterable[Breach]) -> list[str]:
    return [breach.reason for breach in breaches]


@dataclasses.dataclass
class Source:
    """A stream of a steady bitrate and frame rate, looked at twice a second."""

    bitrate_bps: int = 0
    frame_rate: float = 0.0

    def at(self, half_seconds: int) -> Sample:
        seconds = half_seconds / 2
        frames = int(self.frame_rate * seconds)
        return Sample(
            received_bytes=int(self.bitrate_bps * seconds / 8), video={MAIN: VideoSample(frames=frames)}
        )

    def first_breach_s(self, limits: PublisherLimits, most_s: int = 200) -> float | None:
        judge = judge_of(limits)
        steps = range(1, 2 * most_s)
        return next((step / 2 for step in steps if judge.judge(self.at(step), step / 2)), None)


def test_twice_the_bitrate_is_let_be_for_the_window() -> None:
    limits = PublisherLimits(max_bitrate_bps=1_000_000, window_s=4.0)
    assert Source(bitrate_bps=1_000_000).first_breach_s(limits) is None
    assert Source(bitrate_bps=2_000_000).first_breach_s(limits) == 4.5
    assert Source(bitrate_bps=9_000_000).first_breach_s(limits) == 1.0


def test_a_nominal_frame_rate_is_no_breach_and_twice_as_much_is() -> None:
    limits = PublisherLimits(max_frame_rate=30.0, window_s=2.0)
    assert Source(frame_rate=30.4).first_breach_s(limits) is None
    found_s = Source(frame_rate=60.0).first_breach_s(limits)
    assert found_s is not None
    assert 2.0 <= found_s <= 3.0


def test_what_the_publisher_before_has_sent_is_nobodys_fault_now() -> None:
    limits = PublisherLimits(max_sizes=((640, 0),), codecs=frozenset({"mp4a"}))
    old = replace(BEFORE, width=1920, height=1080, codec="hvc1")
    judge = judge_of(limits, sample_of(old))
    assert judge.judge(sample_of(old), 1.0) == []
    assert reasons(judge.judge(sample_of(replace(old, tags=101)), 1.5)) == ["resolution", "codec"]


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [(1280, 720, True), (720, 1280, True), (1280, 721, False), (1920, 720, False)],
)
def test_a_picture_on_its_side_is_measured_lying(width: int, height: int, fits: bool) -> None:
    judge = judge_of(PublisherLimits(max_sizes=((1280, 720),)))
    assert (judge.judge(sample_of(replace(HD, width=width, height=height)), 1.0) == []) == fits


def test_one_side_alone_can_be_limited() -> None:
    judge = judge_of(PublisherLimits(max_sizes=((0, 720),)))
    assert judge.judge(sample_of(replace(HD, width=4000, height=700)), 1.0) == []
    assert reasons(judge.judge(sample_of(replace(HD, width=100, height=800)), 2.0)) == ["resolution"]


def test_a_picture_whose_size_nobody_tells_is_let_be_for_a_second_of_frames() -> None:
    judge = judge_of(PublisherLimits(max_sizes=((640, 360),)))
    header = VideoSample(tags=1, codec="vp09")
    assert judge.judge(sample_of(header), 5.0) == []
    first = replace(header, tags=2, frames=1)
    assert judge.judge(sample_of(first), 9.0) == []
    assert judge.judge(sample_of(replace(first, frames=13)), 9.5) == []
    (breach,) = judge.judge(sample_of(replace(first, frames=25)), 10.0)
    assert breach == Breach("resolution", "the size of the picture is not known, and it is limited")
    assert judge.judge(sample_of(replace(first, frames=26, width=640, height=360)), 10.5) == []
    assert not judge.broken


def test_a_size_that_is_told_in_time_is_what_counts() -> None:
    judge = judge_of(PublisherLimits(max_sizes=((640, 360),)))
    first = VideoSample(tags=1, frames=1)
    assert judge.judge(sample_of(first), 1.0) == []
    for second in range(2, 9):
        assert judge.judge(sample_of(replace(first, frames=25 * second, width=640, height=360)), second) == []


def test_no_size_is_asked_for_where_none_is_limited() -> None:
    judge = judge_of(PublisherLimits(max_frame_rate=60))
    for second in range(1, 9):
        assert judge.judge(sample_of(VideoSample(tags=second, frames=second)), second) == []


def test_a_codec_counts_by_the_track_that_was_sent() -> None:
    judge = judge_of(PublisherLimits(codecs=frozenset({"avc1"})))
    sound = Sample(audio_codec="Opus")
    assert judge.judge(sound, 1.0) == []
    found = judge.judge(replace(sound, audio_tags=1), 2.0)
    assert (reasons(found), found[0].text) == (["codec"], "Opus is not allowed, only avc1")


def test_keyframes_are_measured_from_the_sessions_second_one() -> None:
    judge = judge_of(PublisherLimits(max_keyframe_interval_s=2.0), sample_of(BEFORE))
    first = replace(BEFORE, tags=101, frames=91, keyframes=10)
    assert judge.judge(sample_of(first), 1.0) == []
    assert judge.judge(sample_of(replace(first, keyframe_age_ms=2_050)), 3.0) == []
    late = sample_of(replace(first, keyframe_age_ms=2_150))
    assert reasons(judge.judge(late, 3.5)) == ["keyframe_interval"]
    second = replace(first, keyframes=11, keyframe_interval_ms=4_000)
    assert judge.judge(sample_of(second), 5.0) == []  # it goes on
    assert judge.broken == ("keyframe_interval",)
    assert judge.judge(sample_of(replace(second, keyframes=12, keyframe_interval_ms=2_000)), 7.0) == []
    assert not judge.broken


def test_a_session_without_any_keyframe_is_measured_from_its_first_frame() -> None:
    judge = judge_of(PublisherLimits(max_keyframe_interval_s=4.0), sample_of(BEFORE))
    for second in range(1, 60):  # whoever sends sound alone has none to send
        assert judge.judge(sample_of(BEFORE), second) == []
    frames = [
        sample_of(replace(BEFORE, tags=100 + second, frames=90 + second, keyframe_age_ms=90_000))
        for second in range(1, 7)
    ]
    told = [judge.judge(frame, 60.0 + second) for second, frame in enumerate(frames)]
    assert [reasons(breaches) for breaches in told] == [[], [], [], [], [], ["keyframe_interval"]]


def test_a_further_track_keeps_to_the_same_limits_by_itself() -> None:
    limits = PublisherLimits(max_frame_rate=30, window_s=2.0, max_keyframe_interval_s=2.0)
    judge = judge_of(limits)
    for half_seconds in range(1, 5):
        main = replace(HD, frames=12 * half_seconds, keyframe_age_ms=500)
        assert judge.judge(sample_of(main), half_seconds / 2) == []
    found = list[str]()
    for half_seconds in range(5, 20):
        main = replace(HD, frames=12 * half_seconds, keyframe_age_ms=500)
        second = replace(HD, tags=half_seconds, frames=30 * half_seconds, keyframes=0)
        found += reasons(judge.judge(sample_of(main, second), half_seconds / 2))
    assert sorted(found) == ["frame_rate", "keyframe_interval"]


def test_a_further_track_is_judged_by_what_it_sends_once_it_is_there() -> None:
    limits = PublisherLimits(max_sizes=((640, 360),), codecs=frozenset({"avc1"}))
    judge, small = judge_of(limits), replace(HD, width=640, height=360)
    large = replace(HD, tags=70, codec="hvc1")  # of another publisher, for all that can be known
    assert judge.judge(sample_of(small, large), 1.0) == []
    assert judge.judge(sample_of(small, large), 1.5) == []
    assert reasons(judge.judge(sample_of(small, replace(large, tags=71)), 2.0)) == ["resolution", "codec"]


def test_the_session_is_as_long_as_it_is_whatever_was_loaded_meanwhile() -> None:
    judge = PublisherJudge(PublisherLimits(max_session_s=60), Sample(), now_s=50.0, began_s=0.0)
    assert judge.judge(Sample(), 59.5) == []
    assert reasons(judge.judge(Sample(), 60.0)) == ["session_length"]


def test_no_limits_are_nothing_to_judge() -> None:
    assert not PublisherLimits(window_s=3.0).any
    assert PublisherLimits(max_session_s=1).any


tracks = st.builds(
    VideoSample,
    frames=st.integers(0, 500),
    keyframes=st.integers(0, 5),
    tags=st.integers(0, 5),
    keyframe_interval_ms=st.integers(0, 9_000),
    keyframe_age_ms=st.integers(0, 9_000),
    width=st.integers(0, 4000),
    height=st.integers(0, 4000),
    codec=st.sampled_from(["avc1", "hvc1", ""]),
)
samples = st.builds(
    Sample,
    received_bytes=st.integers(0, 10**6),
    audio_tags=st.integers(0, 5),
    audio_codec=st.sampled_from(["avc1", "mp4a", ""]),
    video=st.dictionaries(st.sampled_from([MAIN, SECOND]), tracks),
)
limits_of_any_kind = st.builds(
    PublisherLimits,
    max_bitrate_bps=st.sampled_from([0, 100_000, 300_000]),
    max_frame_rate=st.sampled_from([0.0, 30.0, 50.0]),
    window_s=st.sampled_from([1.0, 5.0]),
    max_sizes=st.lists(st.sampled_from([(1920, 1080), (720, 1280), (0, 1000)]), max_size=2).map(tuple),
    max_keyframe_interval_s=st.sampled_from([0.0, 2.0, 4.0]),
    codecs=st.sampled_from([None, frozenset({"avc1", "mp4a"}), frozenset({"hvc1", "mp4a"})]),
    max_session_s=st.sampled_from([0.0, 5.0, 8.0]),
)


@given(limits_of_any_kind, samples, st.lists(samples, max_size=12))
def test_each_episode_is_told_once_and_only_of_limits_that_there_are(
    limits: PublisherLimits, before: Sample, then: list[Sample]
) -> None:
    judge, broken = judge_of(limits, before), set[str]()
    there = {
        "bitrate": limits.max_bitrate_bps,
        "frame_rate": limits.max_frame_rate,
        "resolution": limits.max_sizes,
        "keyframe_interval": limits.max_keyframe_interval_s,
        "codec": limits.codecs,
        "session_length": limits.max_session_s,
    }
    assert tuple(there) == REASONS
    for second, sample in enumerate(then, start=1):
        told = reasons(judge.judge(sample, second))
        now = set[str](judge.broken)
        assert set(told) == now - broken
        assert len(told) == len(set(told))
        assert all(there[reason] for reason in now)
        assert ("session_length" in now) == (0 < limits.max_session_s <= second)
        broken = now


@given(st.lists(limits_of_any_kind, min_size=1, max_size=3), samples, st.lists(samples, max_size=12))
def test_the_strictest_of_several_is_what_each_of_them_says(
    several: list[PublisherLimits], before: Sample, then: list[Sample]
) -> None:
    window_s = 2.0
    together = judge_of(strictest(window_s, *several), before)
    each = [judge_of(replace(limits, window_s=window_s), before) for limits in several]
    for second, sample in enumerate(then, start=1):
        for judge in (together, *each):
            judge.judge(sample, second)
        assert set(together.broken) == {reason for judge in each for reason in judge.broken}


def test_two_lists_without_a_codec_in_common_allow_none() -> None:
    lists = [PublisherLimits(codecs=frozenset({codec})) for codec in ("avc1", "hvc1")]
    (breach,) = judge_of(strictest(1.0, *lists)).judge(sample_of(HD), 1.0)
    assert breach.text == "avc1 is not allowed, only nothing"


def test_no_limits_together_are_none() -> None:
    assert not strictest(5.0, PublisherLimits(), PublisherLimits(window_s=1.0)).any
