"""What a publisher may send: each limit is told once when it begins to be broken, and none without reason."""

import dataclasses
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.policy.publisher_limits import REASONS, Breach, PublisherJudge, PublisherLimits, Sample, strictest

NOTHING = Sample()
HD = Sample(video_tags=1, sizes=((1920, 1080),), video_codecs=("avc1",))
BEFORE = Sample(video_tags=100, audio_tags=100, keyframes=9, keyframe_interval_ms=60_000)


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
        return Sample(
            media_bytes=int(self.bitrate_bps * seconds / 8), video_frames=int(self.frame_rate * seconds)
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
    limits = PublisherLimits(max_bitrate_bps=1000, max_sizes=((640, 0),), codecs=frozenset({"mp4a"}))
    old = replace(BEFORE, media_bytes=10**9, sizes=((1920, 1080),), video_codecs=("hvc1",))
    judge = judge_of(limits, old)
    assert judge.judge(old, 1.0) == []
    new = replace(old, video_tags=101)
    assert reasons(judge.judge(new, 1.5)) == ["resolution", "codec"]


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [(1280, 720, True), (720, 1280, True), (1280, 721, False), (1920, 720, False), (0, 0, True)],
)
def test_a_picture_on_its_side_is_measured_lying(width: int, height: int, fits: bool) -> None:
    judge = judge_of(PublisherLimits(max_sizes=((1280, 720),)))
    assert (judge.judge(replace(HD, sizes=((width, height),)), 1.0) == []) == fits


def test_one_side_alone_can_be_limited() -> None:
    judge = judge_of(PublisherLimits(max_sizes=((0, 720),)))
    assert judge.judge(replace(HD, sizes=((4000, 700),)), 1.0) == []
    assert reasons(judge.judge(replace(HD, sizes=((4000, 700), (100, 800))), 2.0)) == ["resolution"]


def test_a_codec_counts_by_the_track_that_was_sent() -> None:
    judge = judge_of(PublisherLimits(codecs=frozenset({"avc1"})))
    sound = Sample(audio_codecs=("Opus",))
    assert judge.judge(sound, 1.0) == []
    found = judge.judge(replace(sound, audio_tags=1), 2.0)
    assert (reasons(found), found[0].text) == (["codec"], "Opus is not allowed, only avc1")


def test_keyframes_are_measured_from_the_sessions_second_one() -> None:
    judge = judge_of(PublisherLimits(max_keyframe_interval_s=2.0), BEFORE)
    first = replace(BEFORE, video_tags=101, keyframes=10)
    assert judge.judge(first, 1.0) == []
    assert judge.judge(replace(first, keyframe_age_ms=2_050), 3.0) == []
    assert reasons(judge.judge(replace(first, keyframe_age_ms=2_150), 3.5)) == ["keyframe_interval"]
    second = replace(first, keyframes=11, keyframe_interval_ms=4_000)
    assert judge.judge(second, 5.0) == []  # it goes on
    assert judge.broken == ("keyframe_interval",)
    assert judge.judge(replace(second, keyframes=12, keyframe_interval_ms=2_000), 7.0) == []
    assert not judge.broken


def test_the_session_is_as_long_as_it_is_whatever_was_loaded_meanwhile() -> None:
    judge = PublisherJudge(PublisherLimits(max_session_s=60), Sample(), now_s=50.0, began_s=0.0)
    assert judge.judge(Sample(), 59.5) == []
    assert reasons(judge.judge(Sample(), 60.0)) == ["session_length"]


def test_no_limits_are_nothing_to_judge() -> None:
    assert not PublisherLimits(window_s=3.0).any
    assert PublisherLimits(max_session_s=1).any


words = st.sampled_from(["avc1", "hvc1", "mp4a", ""])
samples = st.builds(
    Sample,
    media_bytes=st.integers(0, 10**6),
    video_frames=st.integers(0, 500),
    keyframes=st.integers(0, 5),
    video_tags=st.integers(0, 5),
    audio_tags=st.integers(0, 5),
    keyframe_interval_ms=st.integers(0, 9_000),
    keyframe_age_ms=st.integers(0, 9_000),
    sizes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 4000)), max_size=3).map(tuple),
    video_codecs=st.lists(words, max_size=3).map(tuple),
    audio_codecs=st.lists(words, max_size=1).map(tuple),
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
    (breach,) = judge_of(strictest(1.0, *lists)).judge(HD, 1.0)
    assert breach.text == "avc1 is not allowed, only nothing"


def test_no_limits_together_are_none() -> None:
    assert not strictest(5.0, PublisherLimits(), PublisherLimits(window_s=1.0)).any
