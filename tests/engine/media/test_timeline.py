"""Time for players: the publisher's own as long as it makes sense, one unbroken line when it does not."""

from hypothesis import given
from hypothesis import strategies as st

from engine.media.limits import EPOCH_HARD_MS, EPOCH_SOFT_MS, EPOCH_START_MS, MAX_AHEAD_MS, MAX_BACKWARDS_MS
from engine.media.timeline import Fixed, Timeline
from tests.engine.media.bodies import KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO


def run(timeline: Timeline, *times_ms: int, kind: int = KIND_VIDEO) -> list[int]:
    return [timeline.fix(kind, ms).ms for ms in times_ms]


def test_the_first_session_keeps_the_publishers_time() -> None:
    assert run(Timeline(), 12_345, 12_378, 12_411) == [12_345, 12_378, 12_411]


def test_interleaving_passes_untouched() -> None:
    timeline = Timeline()
    times = [(KIND_VIDEO, 1000), (KIND_AUDIO, 20), (KIND_AUDIO, 40), (KIND_VIDEO, 1040), (KIND_AUDIO, 60)]
    assert [timeline.fix(kind, ms) for kind, ms in times] == [Fixed(ms, None, False) for _, ms in times]


def test_time_below_zero_is_zero() -> None:
    timeline = Timeline()
    assert run(timeline, 10) == [10]
    assert timeline.fix(KIND_AUDIO, 2**32 - 5) == Fixed(0, None, False)


def test_a_jump_back_goes_on_one_frame_after_the_newest() -> None:
    timeline = Timeline()
    run(timeline, 60_000, 60_040)
    assert timeline.fix(KIND_VIDEO, 0) == Fixed(60_080, "backwards", False)
    assert timeline.fix(KIND_VIDEO, 40) == Fixed(60_120, None, False)


def test_a_jump_far_ahead_too() -> None:
    timeline = Timeline()
    run(timeline, 0, 40)
    assert timeline.fix(KIND_VIDEO, 40 + MAX_AHEAD_MS + 1) == Fixed(80, "ahead", False)


def test_just_within_the_range_nothing_is_repaired() -> None:
    assert run(Timeline(), 0, MAX_AHEAD_MS, MAX_AHEAD_MS - MAX_BACKWARDS_MS) == [0, 10_000, 9_000]


def test_both_tracks_jump_and_stay_in_step() -> None:
    timeline = Timeline()
    for ms in range(0, 5_000, 40):
        timeline.fix(KIND_VIDEO, ms)
        timeline.fix(KIND_AUDIO, ms + 13)
    video, audio = timeline.fix(KIND_VIDEO, 0), timeline.fix(KIND_AUDIO, 13)
    assert (video.repaired, audio.repaired) == ("backwards", "backwards")
    assert audio.ms - video.ms == 13
    assert timeline.fix(KIND_VIDEO, 40) == Fixed(video.ms + 40, None, False)


def test_a_track_that_has_not_jumped_yet_keeps_its_time_until_it_does() -> None:
    timeline = Timeline()
    run(timeline, 100_000, 100_040)
    run(timeline, 99_980, 100_000, kind=KIND_AUDIO)
    video = timeline.fix(KIND_VIDEO, 0)
    assert timeline.fix(KIND_AUDIO, 100_023) == Fixed(100_023, None, False)
    assert timeline.fix(KIND_AUDIO, 5) == Fixed(video.ms + 5, "backwards", False)


def test_a_jump_near_the_edge_takes_both_tracks_along() -> None:
    timeline = Timeline()
    for ms in range(0, 5_000, 20):
        timeline.fix(KIND_VIDEO, ms)
        timeline.fix(KIND_AUDIO, ms)
    video = timeline.fix(KIND_VIDEO, 4_980 - 1_010)
    audio = timeline.fix(KIND_AUDIO, 4_980 - 970)  # would pass by itself, a second out of step for ever
    assert video.repaired == audio.repaired == "backwards"
    assert audio.ms - video.ms == 40


def test_a_track_is_not_drawn_along_before_its_turn() -> None:
    timeline = Timeline()
    for ms in range(0, 5_000, 20):
        timeline.fix(KIND_VIDEO, ms)
        timeline.fix(KIND_AUDIO, ms)
    assert timeline.fix(KIND_VIDEO, 3_500).repaired == "backwards"
    assert timeline.fix(KIND_AUDIO, 5_000) == Fixed(5_000, None, False)
    assert timeline.fix(KIND_AUDIO, 3_500) == Fixed(5_000, "backwards", False)


def test_a_track_that_joins_a_repaired_one_keeps_its_own_time() -> None:
    timeline = Timeline()
    run(timeline, 5_000, 5_020, 3_500)
    assert timeline.fix(KIND_AUDIO, 5_000) == Fixed(5_000, None, False)


def test_tracks_with_unrelated_clocks_settle() -> None:
    timeline, repairs = Timeline(), 0
    for ms in range(0, 20_000, 20):
        repairs += timeline.fix(KIND_VIDEO, ms).repaired is not None
        repairs += timeline.fix(KIND_AUDIO, ms + 3_600_000).repaired is not None
    assert repairs == 1
    assert timeline.newest_ms in range(19_900, 20_100)


def test_one_wild_stamp_costs_nothing_afterwards() -> None:
    timeline = Timeline()
    for ms in range(0, 1_000, 40):
        timeline.fix(KIND_VIDEO, ms)
        timeline.fix(KIND_AUDIO, ms)
    timeline.fix(KIND_VIDEO, 3_000_000_000)
    assert timeline.fix(KIND_AUDIO, 1_000) == Fixed(1_000, None, False)
    assert timeline.fix(KIND_VIDEO, 1_040).ms == 1_040


def test_the_32_bit_wrap_is_no_event() -> None:
    near = 2**32 - 40
    assert run(Timeline(0), near, near + 20, 0, 20) == [0, 20, 40, 60]


def test_headers_move_no_clock() -> None:
    timeline = Timeline()
    assert timeline.fix(KIND_SCRIPT, 0).ms == 0
    assert timeline.fix(KIND_VIDEO, 7, anchors=False).ms == 7
    assert run(timeline, 90_000, 90_040) == [90_000, 90_040]
    assert timeline.fix(KIND_SCRIPT, 0) == Fixed(90_040, None, False)
    assert timeline.fix(KIND_AUDIO, 90_020, anchors=False) == Fixed(90_020, None, False)
    assert timeline.newest_ms == 90_040


def test_headers_before_any_media_do_not_show_a_wild_time() -> None:
    assert Timeline().fix(KIND_SCRIPT, 2**32 - 1).ms == 0
    assert Timeline(500).fix(KIND_SCRIPT, 90_000).ms == 500


def test_a_returning_publisher_goes_on_without_a_gap() -> None:
    timeline = Timeline()
    run(timeline, 30_000, 30_040)
    timeline.resume()
    assert timeline.fix(KIND_SCRIPT, 0).ms == 30_040
    assert timeline.fix(KIND_VIDEO, 0) == Fixed(30_080, None, False)
    assert timeline.fix(KIND_AUDIO, 10) == Fixed(30_090, None, False)


def test_a_returning_publisher_may_leave_a_gap() -> None:
    timeline = Timeline()
    run(timeline, 1_000)
    timeline.resume(gap_ms=500)
    assert run(timeline, 7_777) == [1_500]


def test_returning_before_anything_was_sent_is_a_first_session() -> None:
    timeline = Timeline()
    timeline.resume()
    assert run(timeline, 250) == [250]


def test_another_process_goes_on_after_the_last_time_in_the_ring() -> None:
    timeline = Timeline.continue_from(81_000)
    assert timeline.fix(KIND_AUDIO, 0, anchors=False).ms == 81_000
    assert run(timeline, 5, kind=KIND_AUDIO) == [81_023]


def test_a_new_epoch_waits_for_a_start_point() -> None:
    timeline = Timeline(EPOCH_SOFT_MS - 10)
    assert run(timeline, 0, 20) == [EPOCH_SOFT_MS - 10, EPOCH_SOFT_MS + 10]
    assert timeline.fix(KIND_VIDEO, 40, start=True) == Fixed(EPOCH_START_MS, None, True)
    assert timeline.fix(KIND_AUDIO, 30) == Fixed(EPOCH_START_MS - 10, None, False)
    assert timeline.fix(KIND_VIDEO, 60, start=True) == Fixed(EPOCH_START_MS + 20, None, False)


def test_a_new_epoch_does_not_wait_for_ever() -> None:
    timeline = Timeline(EPOCH_HARD_MS - 1)
    assert timeline.fix(KIND_AUDIO, 0).new_epoch is False
    assert timeline.fix(KIND_AUDIO, 1) == Fixed(EPOCH_START_MS, None, True)


def test_a_publisher_that_begins_beyond_the_epoch_begins_near_zero() -> None:
    near = 2**32 - 20  # an encoder whose first decoding time is below zero
    assert run(Timeline(), near, 0, 20) == [EPOCH_START_MS, EPOCH_START_MS + 20, EPOCH_START_MS + 40]


STAMPS = st.lists(
    st.tuples(
        st.sampled_from((KIND_AUDIO, KIND_VIDEO, KIND_SCRIPT)), st.integers(0, 2**32 - 1), st.booleans()
    ),
    max_size=60,
)


@given(STAMPS)
def test_whatever_publishers_say_players_get_one_line(stamps: list[tuple[int, int, bool]]) -> None:
    timeline, newest_ms = Timeline(), None
    for kind, raw_ms, start in stamps:
        fixed = timeline.fix(kind, raw_ms, start=start)
        assert 0 <= fixed.ms < 2**31
        if newest_ms is not None and not fixed.new_epoch and kind != KIND_SCRIPT:
            assert newest_ms - MAX_BACKWARDS_MS <= fixed.ms <= newest_ms + MAX_AHEAD_MS
        newest_ms = timeline.newest_ms


@given(st.integers(0, EPOCH_SOFT_MS - 10_000_000), st.lists(st.integers(-1_000, 10_000), max_size=50))
def test_ordinary_steps_are_passed_to_the_millisecond(first_ms: int, steps_ms: list[int]) -> None:
    timeline, newest = Timeline(), first_ms
    assert run(timeline, first_ms) == [first_ms]
    for step in steps_ms:
        raw_ms = max(0, newest + step)
        assert timeline.fix(KIND_VIDEO, raw_ms) == Fixed(raw_ms, None, False)
        newest = max(newest, raw_ms)
