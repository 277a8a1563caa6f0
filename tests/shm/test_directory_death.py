"""An ingest killed within any write to the directory: readers are never stuck, its successor repairs."""

import pytest

from shm.arena import Arena
from shm.directory import Directory, DirectoryWriter, LinkStats, StreamState, StreamStats
from tests.shm.conftest import SMALL
from tests.shm.killing import Killed, every_death, make_mortal

OLD, NEW = b"old headers" * 9, b"new headers" * 7


def live_stream() -> tuple[Arena, DirectoryWriter]:
    arena = Arena.create(SMALL)
    owner = DirectoryWriter(arena, 0, 1)
    owner.set_headers(owner.claim("live/a"), 1, OLD)
    return arena, owner


def test_a_slot_whose_owner_died_within_a_write_reads_as_it_last_did() -> None:
    arena, owner = live_stream()
    directory, newcomer = Directory(arena), Directory(arena)
    before = directory.get(0)
    make_mortal(owner, 3)
    with pytest.raises(Killed):
        owner.set_headers(0, 2, NEW)
    assert directory.headers(0) == newcomer.headers(0) == (0, b"")
    arena, owner = live_stream()
    directory = Directory(arena)
    before, headers = directory.get(0), directory.headers(0)
    make_mortal(owner, 2)
    with pytest.raises(Killed):
        owner.set_headers(0, 2, NEW)
    assert directory.headers(0) == headers == (1, OLD)
    make_mortal(owner, 1)
    with pytest.raises(Killed):
        owner.set_state(0, StreamState.ENDED)
    assert directory.get(0) == before
    assert directory.find("live/a") == before


def test_a_slot_never_seen_whole_reads_as_free() -> None:
    arena, owner = live_stream()
    make_mortal(owner, 1)
    with pytest.raises(Killed):
        owner.set_state(0, StreamState.ENDED)
    newcomer = Directory(arena)
    assert newcomer.get(0).state is StreamState.FREE
    assert newcomer.find("live/a") is None
    DirectoryWriter(arena, 0, 1)
    assert newcomer.find("live/a") is not None


def test_a_claim_cut_off_anywhere_leaves_the_slot_to_be_claimed() -> None:
    arenas: list[Arena] = []

    def prepare() -> DirectoryWriter:
        arenas.append(Arena.create(SMALL))
        return DirectoryWriter(arenas[-1], 0, 1)

    def claim(owner: DirectoryWriter) -> None:
        owner.claim("live/a")

    assert every_death(prepare, claim) > 10
    for arena in arenas[:-1]:
        successor = DirectoryWriter(arena, 0, 1)
        found = Directory(arena).find("live/a")
        if found is None:
            assert successor.claim("live/b") == 0
        else:  # killed behind the last store
            assert (found.name, found.state, found.lease) == ("live/a", StreamState.LIVE, 1)
            assert successor.claim("live/b") == 1


def test_headers_cut_off_anywhere_are_the_old_ones_or_none() -> None:
    arenas: list[Arena] = []

    def prepare() -> DirectoryWriter:
        arena, owner = live_stream()
        arenas.append(arena)
        return owner

    def set_headers(owner: DirectoryWriter) -> None:
        owner.set_headers(0, 2, NEW)

    assert every_death(prepare, set_headers) > 5
    found = []
    for arena in arenas:
        DirectoryWriter(arena, 0, 1)
        found.append(Directory(arena).headers(0))
    assert set(found) <= {(1, OLD), (1, b""), (2, b""), (2, NEW)}
    assert found[0] == (1, OLD)
    assert found[-1] == (2, NEW)


@pytest.mark.parametrize("act", ["set_state", "set_epoch", "set_stats", "set_link", "free"])
def test_any_other_write_cut_off_leaves_a_slot_that_reads_and_works(act: str) -> None:
    arenas: list[Arena] = []
    arguments = {
        "set_state": (StreamState.GRACE,),
        "set_epoch": (8,),
        "set_stats": (StreamStats(tags_in=3),),
        "set_link": (LinkStats(rtt_us=3),),
        "free": (),
    }

    def prepare() -> DirectoryWriter:
        arena, owner = live_stream()
        arenas.append(arena)
        return owner

    every_death(prepare, lambda owner: getattr(owner, act)(0, *arguments[act]))
    for arena in arenas:
        successor = DirectoryWriter(arena, 0, 1)
        record = Directory(arena).get(0)
        assert record.state in (StreamState.LIVE, StreamState.GRACE, StreamState.FREE)
        assert record.epoch in (1, 8)
        if record.state is StreamState.FREE:
            assert successor.claim("live/next") == 0
            assert Directory(arena).headers(0) == (0, b"")
        else:
            successor.free(0)
