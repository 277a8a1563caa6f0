"""The window, told as the packager tells it."""

import pytest

from engine.protocols.hls import (
    BadMark,
    BadSnapshot,
    LocalProtocolError,
    Mark,
    PartEnd,
    PlaylistSettings,
    SegmentBegin,
    SegmentEnd,
    StreamEnd,
    Window,
)
from engine.protocols.hls.limits import MAX_WINDOW_SEGMENTS
from engine.protocols.hls.settings import Variant
from tests.engine.hls.packager import (
    LOW_LATENCY,
    PART_BYTES,
    PLAIN,
    STAMP,
    TS,
    Packager,
    Player,
    broadcast,
)


def shown(window: Window) -> list[int]:
    return [segment.msn for segment in window.segments]


def heard(settings: PlaylistSettings, *durations_us: int) -> tuple[Window, Packager]:
    """A window of whole segments."""
    window, packager = Window(settings), Packager()
    window.apply(packager.new_init())
    for duration_us in durations_us:
        for mark in packager.whole(duration_us):
            window.apply(mark)
    return window, packager


def test_six_segments_stay_and_the_oldest_leaves() -> None:
    window, _ = heard(PLAIN, *[2_000_000] * 6)
    assert shown(window) == [0, 1, 2, 3, 4, 5]
    window, _ = heard(PLAIN, *[2_000_000] * 9)
    assert shown(window) == [3, 4, 5, 6, 7, 8]
    assert window.media_sequence == 3


def test_the_dates_go_as_far_as_the_last_segment_does() -> None:
    assert Window(PLAIN).dated_until_us == 0
    window, packager = heard(PLAIN, 2_000_000, 3_000_000)
    last = window.segments[-1]
    assert window.dated_until_us == last.began_us + 3_000_000
    window.apply(packager.whole(2_000_000)[0])
    assert window.growing is not None
    assert window.dated_until_us == window.growing.began_us > last.began_us


def test_a_short_playlist_still_keeps_three_target_durations() -> None:
    settings = PlaylistSettings(stamp=STAMP, variant="fmp4", playlist_segments=2)
    window, _ = heard(settings, *[1_200_000] * 20)  # the target is 2 s: six seconds are five of these
    assert len(window.segments) == 5


def test_the_target_rises_to_the_longest_segment_and_stays() -> None:
    window, packager = heard(PLAIN, 2_000_000, 2_499_999)
    assert window.target_s == 2  # EXTINF counts as rounded
    for mark in packager.whole(2_500_000):
        window.apply(mark)
    assert window.target_s == 3
    for mark in [mark for _ in range(20) for mark in packager.whole()]:
        window.apply(mark)
    assert window.target_s == 3


def test_the_target_rises_while_a_segment_grows_past_it() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.begin(), *(packager.part() for _ in range(5))])
    assert player.window.target_s == 3  # 2.5 s so far


def test_a_window_of_tiny_segments_is_bounded() -> None:
    window, _ = heard(PLAIN, *[1_000] * (MAX_WINDOW_SEGMENTS + 50))
    assert len(window.segments) == MAX_WINDOW_SEGMENTS


def test_parts_are_listed_for_three_target_durations_and_held_for_one_more() -> None:
    player = Player()
    broadcast(player, 8)
    assert [segment.lists_parts for segment in player.window.segments] == [False] * 3 + [True] * 3
    assert [len(segment.parts) for segment in player.window.segments] == [0, 0, 4, 4, 4, 4]
    assert [segment.part_count for segment in player.window.segments] == [4] * 6
    assert player.window.part(4, 3) is not None
    assert player.window.part(3, 3) is None


def test_a_part_is_found_where_the_packager_put_it() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.begin(), packager.part(), part := packager.part()])
    found = player.window.part(1, 1)
    assert found is not None
    assert (found.first_seq, found.stop_seq) == (part.first_seq, part.stop_seq) == (25, 30)
    first = player.window.part(0, 0)
    assert first is not None
    assert (first.first_seq, first.stop_seq) == (0, 5)
    assert player.window.part(1, 2) is None
    assert player.window.part(2, 0) is None
    assert player.window.part(1, -1) is None


def test_a_discontinuity_is_counted_when_its_segment_leaves() -> None:
    window, packager = heard(PLAIN, 2_000_000)
    window.apply(packager.begin(discontinuity=True))
    window.apply(packager.end(2_000_000))
    counts = []
    for _ in range(7):
        for mark in packager.whole():
            window.apply(mark)
        counts.append((window.media_sequence, window.discontinuity_sequence))
    assert counts == [(0, 0), (0, 0), (0, 0), (0, 0), (1, 0), (2, 1), (3, 1)]


def test_a_segment_of_a_killed_packager_becomes_a_gap_as_long_as_its_parts() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.begin(), packager.part(), packager.part()])
    assert player.window.next_msn == 2
    packager.msn = player.window.next_msn
    player.hear([packager.begin(discontinuity=True)])
    lost = player.window.segments[-1]
    assert (lost.msn, lost.gap, lost.duration_us, lost.size_bytes) == (1, True, 1_000_000, 2 * PART_BYTES)


def test_a_segment_of_which_nothing_came_never_was() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.begin()])
    assert player.window.next_msn == 1
    player.hear([packager.begin(discontinuity=True)])
    assert shown(player.window) == [0]
    player.hear([packager.part(), packager.end()])
    assert [segment.discontinuity for segment in player.window.segments] == [False, True]


def test_a_stream_ends_with_what_it_has_and_may_come_back() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.begin(), packager.part(), StreamEnd()])
    assert player.window.ended
    assert player.window.growing is None
    assert [segment.gap for segment in player.window.segments] == [False, True]
    packager.msn = player.window.next_msn
    player.hear([packager.begin(discontinuity=True)])
    assert not player.window.ended


def test_a_stream_that_ends_before_its_first_part_leaves_nothing() -> None:
    window, packager = heard(PLAIN)
    assert (window.ready, window.last, window.hint, window.next_init) == (False, None, (0, 0), 1)
    for mark in (packager.begin(), StreamEnd()):
        window.apply(mark)
    assert (window.ready, window.last, window.next_msn) == (False, None, 0)


def test_the_first_segment_says_where_numbers_begin() -> None:
    window, packager = Window(PLAIN), Packager()
    packager.init, packager.msn = 3, 700
    for mark in packager.whole():
        window.apply(mark)
    assert (window.media_sequence, window.next_msn) == (700, 701)


def after_one_segment_and_a_part() -> Window:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    player.hear([packager.begin(), packager.part()])
    return player.window


@pytest.mark.parametrize(
    "mark",
    [
        PartEnd(1, 0, 500_000, True, 1),
        PartEnd(1, 2, 500_000, True, 1),
        PartEnd(0, 4, 500_000, True, 1),
        PartEnd(2, 0, 500_000, True, 1),
        SegmentEnd(0, 2_000_000, 1),
        SegmentEnd(2, 2_000_000, 1),
        SegmentBegin(1, 0, 0, True, True),
        SegmentBegin(3, 0, 0, True, True),
        Packager().new_init(),
    ],
)
def test_a_mark_that_cannot_follow_is_refused_and_changes_nothing(mark: Mark) -> None:
    window = after_one_segment_and_a_part()
    before = window.snapshot()
    with pytest.raises(BadMark):
        window.apply(mark)
    assert window.snapshot() == before


def test_nothing_ends_before_it_began() -> None:
    for mark in (SegmentEnd(0, 1, 1), PartEnd(0, 0, 1, True, 1)):
        with pytest.raises(BadMark):
            Window(PLAIN).apply(mark)


# Blocking reload


@pytest.mark.parametrize(
    ("msn", "part", "answer"),
    [
        (0, None, True),
        (0, 3, True),
        (0, 4, True),  # past the end of segment 0: the first of segment 1 is meant
        (1, 0, True),
        (1, None, False),
        (1, 1, False),
        (2, None, False),
        (2, 0, False),
    ],
)
def test_what_is_there_is_answered(msn: int, part: int | None, answer: bool) -> None:
    assert after_one_segment_and_a_part().has(msn, part) is answer


def test_past_the_last_part_of_the_newest_segment_the_next_is_meant() -> None:
    player, packager = Player(), Packager()
    broadcast(player, 1, packager)
    assert not player.window.has(0, 4)
    player.hear([packager.begin()])
    assert not player.window.has(0, 4)
    player.hear([packager.part()])
    assert player.window.has(0, 4)


def test_segments_without_parts_answer_for_any_part() -> None:
    window, _ = heard(PLAIN, 2_000_000)
    assert window.has(0, 7)
    assert not window.has(1, 0)


def test_an_ended_playlist_answers_everything_and_one_that_waits_does_not() -> None:
    settings = PlaylistSettings(stamp=STAMP, part_target_s=0.588, end_list=False)
    for player, answer in ((Player(), True), (Player(settings), False)):
        broadcast(player, 1)
        player.hear([StreamEnd()])
        assert player.window.has(1, 0) is answer


@pytest.mark.parametrize(
    ("msn", "part", "answer"),
    [
        (0, 9_999, False),  # long done, whatever the part
        (1, 5, False),
        (1, 6, True),  # three seconds are five parts and a bit
        (2, 4, False),
        (2, 5, True),
        (3, None, False),
        (3, 0, False),
        (4, None, True),
        (4, 0, True),
        (1 << 52, None, True),
    ],
)
def test_what_nobody_can_know_of_is_too_far(msn: int, part: int | None, answer: bool) -> None:
    assert after_one_segment_and_a_part().too_far(msn, part) is answer


def test_before_the_first_segment_only_the_first_two_are_near() -> None:
    window = Window(LOW_LATENCY)
    assert [window.too_far(msn) for msn in range(4)] == [False, False, True, True]
    assert not window.has(0)
    assert not window.has(0, 0)


def test_long_parts_may_be_three_ahead() -> None:
    window = Window(PlaylistSettings(stamp=STAMP, part_target_s=1.5))
    assert [window.too_far(0, part) for part in range(4)] == [False, False, False, True]


# Deletion


def test_a_segment_stays_as_long_as_it_and_the_longest_playlist_last() -> None:
    window, packager = heard(PLAIN, *[2_000_000] * 7)
    left_us = packager.now_us
    # 7 segments of 2 s were in the playlist with it at most, and 2 s of its own
    assert window.expired(left_us + 15_999_999, 10.0) == []
    assert window.expired(left_us + 16_000_000, 10.0) == [f"{STAMP}-0.m4s"]
    assert window.expired(left_us + 16_000_000, 10.0) == []


def test_a_segment_stays_as_long_as_configured_if_that_is_longer() -> None:
    window, packager = heard(TS, *[2_000_000] * 7)
    assert window.expired(packager.now_us + 59_999_999, 60.0) == []
    assert window.expired(packager.now_us + 60_000_000, 60.0) == [f"{STAMP}-0.ts"]


def test_an_init_segment_goes_with_the_last_segment_that_needs_it() -> None:
    window, packager = heard(PLAIN, *[2_000_000] * 2)
    window.apply(packager.new_init())
    for mark in [mark for _ in range(7) for mark in packager.whole()]:
        window.apply(mark)
    names = window.expired(packager.now_us + 100_000_000, 10.0)
    assert names == [f"{STAMP}-0.m4s", f"{STAMP}-1.m4s", f"{STAMP}-0.mp4", f"{STAMP}-2.m4s"]


def test_an_init_segment_that_no_segment_used_goes_at_once() -> None:
    window, packager = heard(PLAIN, 2_000_000)
    window.apply(packager.new_init())
    window.apply(packager.new_init())
    assert window.expired(packager.now_us + 10_000_000, 10.0) == [f"{STAMP}-1.mp4"]


def test_whoever_deletes_nothing_can_forget() -> None:
    window, packager = heard(PLAIN, *[2_000_000] * 9)
    window.forget_removed()
    assert window.expired(packager.now_us + 100_000_000, 10.0) == []


# Snapshots


def test_a_snapshot_is_the_window() -> None:
    window = after_one_segment_and_a_part()
    again = Window.restore(memoryview(window.snapshot()))
    assert again.snapshot() == window.snapshot()
    assert again.settings == window.settings
    assert again.changes == window.changes > 0


def test_a_snapshot_of_the_longest_playlist_fits_the_arena() -> None:
    settings = PlaylistSettings(stamp="f" * 16, variant="fmp4", playlist_segments=1_800)
    window, _ = heard(settings, *[2_000_000] * 3_700)
    assert len(window.segments) == 1_800
    assert len(window.snapshot()) < 256 * 1024


@pytest.mark.parametrize("data", [b"", b"\x90", b"\xc0", b"\xff" * 100, b"\x91" * 3_000])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(BadSnapshot):
        Window.restore(data)


def test_a_snapshot_with_impossible_settings_is_refused() -> None:
    data = Window(PLAIN).snapshot().replace(STAMP.encode(), b"../../..")
    with pytest.raises(BadSnapshot):
        Window.restore(data)


@pytest.mark.parametrize(
    ("stamp", "variant", "part_target_s", "segment_s", "playlist_segments"),
    [
        ("", "fmp4", 0.0, 2.0, 6),
        ("A", "fmp4", 0.0, 2.0, 6),
        ("../1", "fmp4", 0.0, 2.0, 6),
        ("a", "low_latency", 0.0, 2.0, 6),
        ("a", "fmp4", 0.0, 0.0, 6),
        ("a", "fmp4", 0.0, 11.0, 6),
        ("a", "fmp4", 0.0, float("nan"), 6),
        ("a", "fmp4", 0.0, 2.0, 0),
        ("a", "fmp4", 0.0, 2.0, 1_801),
    ],
)
def test_settings_that_make_no_playlist_are_refused(
    stamp: str, variant: Variant, part_target_s: float, segment_s: float, playlist_segments: int
) -> None:
    with pytest.raises(LocalProtocolError):
        PlaylistSettings(
            stamp=stamp,
            variant=variant,
            part_target_s=part_target_s,
            segment_s=segment_s,
            playlist_segments=playlist_segments,
        )
