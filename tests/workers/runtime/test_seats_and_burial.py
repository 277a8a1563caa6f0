"""Worker slots: their order and names, and what a dead worker leaves on the board for its successor."""

from collections.abc import Iterator

import pytest

from engine.config import Config, Workers
from shm.arena import Arena
from shm.board import Board, Interest, WorkerState
from shm.layout import Geometry
from workers.runtime.burial import Buried, bury
from workers.runtime.slots import fanout_count, layout_of, of_role, slot_of_client


@pytest.fixture
def board() -> Iterator[Board]:
    arena = Arena.create(Geometry(workers=3, streams=5, ring_bytes=64 * 1024, index_entries=64))
    yield Board(arena)
    arena.close()


def layout(ingest: int, fanout: int) -> list[str]:
    return [slot.name for slot in layout_of(Config(workers=Workers(ingest=ingest, fanout=fanout)))]


def test_slots_are_numbered_over_all_roles_and_indexed_within_one() -> None:
    slots = layout_of(Config(workers=Workers(ingest=2, fanout=3)))
    assert layout(2, 3) == ["ingest0", "ingest1", "fanout0", "fanout1", "fanout2", "packager0", "control0"]
    assert [slot.number for slot in slots] == list(range(7))
    assert [slot.index for slot in of_role(slots, "fanout")] == [0, 1, 2]


def test_no_fanout_configured_means_one_per_core_at_least_one() -> None:
    config = Config()
    assert fanout_count(config) >= 1
    assert len(of_role(layout_of(config), "fanout")) == fanout_count(config)


def test_holder_of_a_client_is_read_off_its_id() -> None:
    slots = layout_of(Config(workers=Workers(fanout=12)))
    for name in ("ingest0", "fanout1", "fanout11"):
        holder = slot_of_client(slots, f"{name}-00000000abcd")
        assert holder is not None
        assert holder.name == name
    assert slot_of_client(slots, "fanout12-00000000abcd") is None
    assert slot_of_client(slots, "") is None


def test_players_of_a_dead_worker_are_read_off_and_its_rows_cleared(board: Board) -> None:
    board.worker(1).generation = 4
    board.worker(1).state = WorkerState.GONE
    row = board.row(1, 3)
    row.lease, row.players_http, row.players_rtmp, row.interest = 9, 100, 2, Interest.ARMED
    row.players_srt, row.players_hls = 7, 3
    board.row(2, 3).players_http = 55
    assert bury(board, 1, 5) == (Buried(3, 9, 100, 0, 2, 7, 0, 3),)
    assert not board.readers_of(3)
    assert board.row(1, 3).players_http == 0
    assert board.row(2, 3).players_http == 55
    assert (board.worker(1).generation, board.worker(1).state) == (5, WorkerState.EMPTY)
    assert bury(board, 1, 5) == ()
