"""Publishers who change their codecs again and again: each change costs an init segment and a segment, so
there are only so many."""

import pytest

from engine.media.flags import HEADER
from engine.media.tags import KIND_VIDEO
from engine.protocols.hls.change_budget import ChangeBudget
from engine.protocols.hls.cut_settings import CutSettings
from engine.protocols.hls.cutter import Cutter
from engine.protocols.hls.limits import CHANGE_EVERY_US, MAX_CHANGES
from engine.protocols.hls.ts_cutter import TsCutter
from tests.engine.hls.cutting_room import (
    AVC_CONFIG,
    LOW_LATENCY,
    OTHER_AVC_CONFIG,
    SECOND_US,
    WALL_US,
    Folder,
    Tag,
    feed,
    picture,
    pictures,
    video_header,
)

PLAIN = CutSettings(part_s=0.0)
STEP_MS = 40


def restless(seconds: int, every: int = 1) -> list[Tag]:
    """Keyframes alone, with other parameter sets before so many of them."""
    tags = []
    for number in range(seconds * 1000 // STEP_MS):
        if number % every == 0:
            config = (AVC_CONFIG, OTHER_AVC_CONFIG)[number // every % 2]
            tags.append(Tag(KIND_VIDEO, HEADER, 0, 0, b"\x17\0\0\0\0" + config))
        tags.append(picture(number, number * STEP_MS, key=True))
    return tags


@pytest.mark.parametrize("kind", [Cutter, TsCutter])
def test_a_change_with_every_frame_makes_a_segment_now_and_then(kind: type[Cutter] | type[TsCutter]) -> None:
    cutter, folder = kind(PLAIN), Folder(parts=False, files=kind is Cutter)
    feed(cutter, folder, restless(60))
    folder.take(cutter.finish())
    assert MAX_CHANGES < len(folder.inits) <= MAX_CHANGES + 60 * SECOND_US // CHANGE_EVERY_US
    frames = 60 * 1000 // STEP_MS
    assert frames // 3 < cutter.refused < frames
    if kind is Cutter:  # what has the codecs of before may go on meanwhile
        assert len(folder.data(KIND_VIDEO)) == frames - cutter.refused


@pytest.mark.parametrize("kind", [Cutter, TsCutter])
def test_who_calms_down_is_packaged_whole_again(kind: type[Cutter] | type[TsCutter]) -> None:
    cutter, folder = kind(PLAIN), Folder(parts=False, files=kind is Cutter)
    feed(cutter, folder, restless(10))
    refused = cutter.refused
    feed(cutter, folder, [video_header(), *pictures(20, 25, 1, begin_ms=10_000)])
    folder.take(cutter.finish())
    assert cutter.refused - refused <= CHANGE_EVERY_US // 1000 // STEP_MS
    assert [round(segment.s, 2) for segment in folder.segments[-8:-2]] == [2.0] * 6


def test_an_encoder_that_changes_its_picture_now_and_then_loses_nothing() -> None:
    cutter, folder = Cutter(LOW_LATENCY), Folder()
    tags = restless(120, every=100)
    feed(cutter, folder, tags)
    folder.take(cutter.finish())
    assert cutter.refused == 0
    assert folder.data(KIND_VIDEO) == [tag.payload for tag in tags if tag.flags != HEADER]
    assert len(folder.inits) == 30


def test_a_budget_is_not_refilled_by_a_clock_that_goes_back() -> None:
    budget = ChangeBudget()
    assert [budget.take(WALL_US) for _ in range(MAX_CHANGES + 1)] == [True] * MAX_CHANGES + [False]
    assert not budget.take(WALL_US - 10 * CHANGE_EVERY_US)
    assert budget.take(WALL_US - 9 * CHANGE_EVERY_US)
    assert not budget.take(WALL_US - 9 * CHANGE_EVERY_US)


def test_a_budget_is_never_more_than_full() -> None:
    budget = ChangeBudget()
    budget.take(WALL_US)
    late_us = WALL_US + 1_000 * CHANGE_EVERY_US
    assert [budget.take(late_us) for _ in range(MAX_CHANGES + 1)] == [True] * MAX_CHANGES + [False]
