"""Chance directs the packager: whatever it does, players see no rule broken."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.protocols.hls import (
    Directives,
    Mark,
    PlaylistSettings,
    StreamEnd,
    Window,
    decode_mark,
    encode_mark,
    media_playlist,
)
from tests.engine.hls.packager import STAMP, Packager, Player
from tests.engine.hls.reading import merged, read
from tests.engine.hls.rules import validate

pytestmark = pytest.mark.hard_timeout(1_800 if "NIGHTLY" in os.environ else 120)


class Plan(NamedTuple):
    """One segment: its parts, how it begins and what becomes of it."""

    full_parts_us: list[int]
    last_part_us: int
    fate: str
    discontinuity: bool
    new_init: bool
    independent: bool
    pause_us: int


PLANS = st.builds(
    Plan,
    st.lists(st.integers(500_000, 540_000), max_size=6),
    st.integers(1_000, 588_000),
    st.sampled_from(["whole"] * 8 + ["gap", "killed", "nothing", "ended"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([True, True, True, False]),
    st.integers(0, 20_000_000),
)
SETTINGS = st.builds(
    PlaylistSettings,
    stamp=st.just(STAMP),
    part_target_s=st.just(0.588),
    playlist_segments=st.integers(1, 20),
    segment_s=st.sampled_from([0.5, 1.0, 2.0]),
    end_list=st.just(False),
)
ASKED = st.lists(st.sampled_from(["", "YES", "v2", "nothing"]), min_size=1, max_size=7)
SCRIPTS = st.lists(PLANS, min_size=1, max_size=16)


def batches_of(plans: Sequence[Plan]) -> list[list[Mark]]:
    """What a packager writes for these plans, as it writes it."""
    packager, batches = Packager(), list[list[Mark]]()
    batches.append([packager.new_init()])
    breaks = False
    for plan in plans:
        breaks = breaks or plan.discontinuity or plan.new_init
        if plan.new_init:
            batches.append([packager.new_init()])
        if breaks:
            packager.now_us += plan.pause_us
        batches += segment_of(packager, plan, breaks)
        breaks = plan.fate in ("killed", "ended") or (breaks and plan.fate == "nothing")
        breaks = breaks or plan.fate == "nothing"
    return batches


def segment_of(packager: Packager, plan: Plan, breaks: bool) -> list[list[Mark]]:
    """A segment; its last mark comes with its last part, as players must see it."""
    batches: list[list[Mark]] = [[packager.begin(discontinuity=breaks, independent=plan.independent)]]
    if plan.fate == "nothing":
        return batches
    for number, part_us in enumerate([*plan.full_parts_us, plan.last_part_us]):
        batches.append([packager.part(part_us, independent=plan.independent and number == 0)])
    if plan.fate in ("whole", "gap"):
        batches[-1].append(packager.end(gap=plan.fate == "gap"))
        return batches
    packager.msn += 1
    if plan.fate == "ended":
        batches[-1].append(StreamEnd())
    return batches


@given(SETTINGS, SCRIPTS, ASKED)
def test_whatever_the_packager_does_no_rule_is_broken(
    settings: PlaylistSettings, plans: list[Plan], asked: list[str]
) -> None:
    player = Player(settings)
    for number, batch in enumerate(batches_of(plans)):
        player.hear(batch)
        skip = asked[number % len(asked)]
        if skip != "nothing":
            player.fetch(**({"_HLS_skip": skip} if skip and player.fetches else {}))
    findings = validate(player.fetches, target_may_rise=True)
    assert findings == []


@given(SETTINGS, SCRIPTS)
def test_a_delta_update_and_what_a_client_has_make_the_full_playlist(
    settings: PlaylistSettings, plans: list[Plan]
) -> None:
    window, have = Window(settings), None
    for batch in batches_of(plans):
        for mark in batch:
            window.apply(mark)
        full, delta = read(media_playlist(window)), read(media_playlist(window, Directives(skip="YES")))
        if have is not None:
            assert merged(have, delta) == full
        have = full


@given(SETTINGS, SCRIPTS, st.data())
def test_a_worker_that_comes_late_sees_the_same_from_its_snapshot_on(
    settings: PlaylistSettings, plans: list[Plan], data: st.DataObject
) -> None:
    marks = [mark for batch in batches_of(plans) for mark in batch]
    late_at = data.draw(st.integers(0, len(marks)))
    player = Player(settings)
    for mark in marks[:late_at]:
        player.hear([mark])
        player.fetch()
    late = Player(settings)
    late.window = Window.restore(player.window.snapshot())
    for mark in marks[late_at:]:
        player.hear([mark])
        late.hear([mark])
        assert late.fetch() == player.fetch()
        assert late.window.snapshot() == player.window.snapshot()
    now_us = 4_000_000_000_000_000
    assert late.window.expired(now_us, 10.0) == player.window.expired(now_us, 10.0)


@given(SETTINGS, SCRIPTS)
def test_every_file_is_either_in_the_window_or_told_to_be_deleted_once(
    settings: PlaylistSettings, plans: list[Plan]
) -> None:
    window, made, gone = Window(settings), set[str](), list[str]()
    for batch in batches_of(plans):
        for mark in batch:
            window.apply(decode_mark(encode_mark(mark)))
        playlist = read(media_playlist(window))
        made |= {segment.uri for segment in playlist.segments}
        made |= {segment.map_uri for segment in playlist.shown}
        gone += window.expired(4_000_000_000_000_000, 0.0)
        shown = {segment.uri for segment in playlist.segments} | {
            segment.map_uri for segment in playlist.shown
        }
        assert not shown & set(gone)
        assert len(gone) == len(set(gone))
    left = made - shown - set(gone)
    assert left <= {f"{STAMP}-{window.next_init - 1}.mp4"}


@given(SETTINGS, SCRIPTS)
def test_what_a_window_has_is_in_its_playlist(settings: PlaylistSettings, plans: list[Plan]) -> None:
    window = Window(settings)
    for batch in batches_of(plans):
        for mark in batch:
            window.apply(mark)
        playlist = read(media_playlist(window))
        end = playlist.next_msn, len(playlist.edge_parts)
        assert window.has(*end) is False
        assert window.has(end[0]) is False
        assert not window.too_far(*end)
        assert playlist.hints[0]["URI"] == f"{STAMP}-{end[0]}.{end[1]}.m4s"
        if end[1]:
            assert window.has(end[0], end[1] - 1)
        if playlist.segments:
            assert window.has(end[0] - 1)
