"""The picture holds: sections meet, words keep apart, senseless numbers are refused."""

import dataclasses
import re
from pathlib import Path

import pytest

from shm import layout
from shm.layout import CELL_BYTES, HEADERS_MAX, PAGE_BYTES, Geometry
from tests.shm.conftest import SMALL

SHM = Path(layout.__file__).parent


def test_sections_follow_each_other_without_gap_or_overlap() -> None:
    assert SMALL.board_offset == PAGE_BYTES
    assert SMALL.changes_offset == SMALL.board_offset + 3 * (CELL_BYTES + PAGE_BYTES)
    assert SMALL.records_offset == SMALL.changes_offset + PAGE_BYTES
    assert SMALL.headers_offset == SMALL.records_offset + 4 * PAGE_BYTES
    assert SMALL.rings_offset == SMALL.headers_offset + 4 * HEADERS_MAX
    assert SMALL.ring_offset(0) == SMALL.rings_offset
    assert SMALL.index_offset(1) == SMALL.ring_offset(1) + PAGE_BYTES
    assert SMALL.data_offset(1) == SMALL.index_offset(1) + SMALL.index_bytes
    assert SMALL.ring_offset(2) == SMALL.data_offset(1) + SMALL.ring_bytes
    assert SMALL.total_bytes == SMALL.data_offset(3) + SMALL.ring_bytes


@pytest.mark.parametrize("streams", [1, 63, 64, 65, 200])
def test_every_section_begins_on_a_page(streams: int) -> None:
    geometry = Geometry(workers=5, streams=streams, ring_bytes=64 * 1024, index_entries=128)
    offsets = [
        geometry.board_offset,
        geometry.changes_offset,
        geometry.records_offset,
        geometry.headers_offset,
    ]
    offsets += [geometry.ring_offset(0), geometry.index_offset(0), geometry.data_offset(streams - 1)]
    assert [offset % PAGE_BYTES for offset in offsets] == [0] * 7
    assert geometry.worker_stride % PAGE_BYTES == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"workers": 0}, "at least one of its workers"),
        ({"streams": 0}, "at least one of its streams"),
        ({"ring_bytes": 64 * 1024 + 1}, "multiple of 4096"),
        ({"ring_bytes": 4096}, "must lie in"),
        ({"ring_bytes": 8 * 1024**3}, "must lie in"),
        ({"index_entries": 0}, "multiple of 64"),
        ({"index_entries": 100}, "multiple of 64"),
    ],
)
def test_numbers_that_make_no_arena_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)


@pytest.mark.parametrize("slot", [-1, 4])
def test_there_is_no_stream_slot_outside_the_geometry(slot: int) -> None:
    with pytest.raises(IndexError, match="of 4"):
        SMALL.ring_offset(slot)


def test_words_of_different_writers_do_not_share_a_cache_line() -> None:
    lines = {
        "intent": layout.RING_INTENT_POS,
        "head": layout.RING_HEAD_POS,
        "base": layout.RING_BASE_POS,
        "epoch": layout.RING_EPOCH,
        "reserved": layout.RING_RESERVED_BYTES,
    }
    assert len({word // layout.LINE_WORDS for word in lines.values()}) == len(lines)


def test_a_record_ends_before_the_line_of_its_headers_lock() -> None:
    assert layout.RECORD_BYTES <= layout.HEADERS_LOCK * layout.WORD_BYTES
    assert layout.HEADERS_LOCK % layout.LINE_WORDS == 0


def test_nothing_packs_into_shared_memory() -> None:
    sources = {path.name: path.read_text() for path in SHM.glob("*.py")}
    assert [name for name, text in sources.items() if re.search(r"pack_into", text)] == []
