"""Streams come, are found, and go; tables fill up; headers are whole."""

import dataclasses
import errno
import os

import pytest

from shm.arena import Arena
from shm.directory import (
    HEADERS_MAX,
    Directory,
    DirectoryWriter,
    LinkEncryption,
    LinkStats,
    StreamState,
    StreamStats,
)
from shm.errors import ArenaFull, DirectoryFull
from shm.layout import Geometry
from shm.ring import RingReader, RingWriter
from tests.shm.conftest import SMALL
from tests.shm.tags import sealed_tag, start_tag
from tests.shm.test_arena import refusal


@pytest.fixture
def owner(arena: Arena) -> DirectoryWriter:
    return DirectoryWriter(arena, 0, 2)


@pytest.fixture
def directory(arena: Arena) -> Directory:
    return Directory(arena)


def test_a_stream_is_found_from_claim_to_free(owner: DirectoryWriter, directory: Directory) -> None:
    assert directory.find("live/a") is None
    slot = owner.claim("live/a")
    record = directory.find("live/a")
    assert record is not None
    assert (record.slot, record.name, record.state) == (slot, "live/a", StreamState.LIVE)
    assert (record.lease, record.epoch, record.generation, record.ingest) == (1, 1, 0, 0)
    assert directory.live_count() == 1
    owner.set_state(slot, StreamState.GRACE)
    assert directory.get(slot).state is StreamState.GRACE
    assert directory.live_count() == 0
    owner.set_state(slot, StreamState.ENDED)
    assert [record.name for record in directory.all()] == ["live/a"]
    owner.free(slot)
    assert directory.find("live/a") is None
    assert directory.all() == owner.owned() == []
    assert directory.get(slot).lease == 1


def test_the_same_name_may_come_back_under_a_new_lease(owner: DirectoryWriter, directory: Directory) -> None:
    slot = owner.claim("live/a")
    owner.set_epoch(slot, 9)
    owner.set_stats(slot, StreamStats(bytes_in=5, width=1920))
    owner.set_headers(slot, 3, b"headers")
    owner.free(slot)
    assert owner.claim("live/a") == slot
    record = directory.get(slot)
    assert (record.lease, record.epoch, record.generation) == (2, 10, 0)
    assert record.stats == StreamStats()
    assert directory.headers(slot) == (0, b"")


def test_a_link_is_there_while_its_publisher_is(owner: DirectoryWriter, directory: Directory) -> None:
    slot = owner.claim("s" * 64 + "/" + "t" * 64)
    assert directory.get(slot).link is None
    link = LinkStats(
        rtt_us=60_000, latency_ms=250, encryption=LinkEncryption.AES_256_CTR, peer_version=1 << 16
    )
    owner.set_stats(slot, StreamStats(bytes_in=5))
    owner.set_link(slot, link)
    record = directory.get(slot)
    assert record.link == link
    assert (record.name, record.stats.bytes_in) == ("s" * 64 + "/" + "t" * 64, 5)
    owner.set_link(slot, None)
    assert directory.get(slot).link is None


def test_every_figure_of_a_link_has_a_word_of_its_own(owner: DirectoryWriter, directory: Directory) -> None:
    slot = owner.claim("live/a")
    link = LinkStats._make(2**64 - 1 - number for number in range(len(LinkStats._fields)))
    owner.set_link(slot, link)
    assert directory.get(slot).link == link
    assert directory.headers(slot) == (0, b"")


def test_a_link_whose_figures_are_all_zero_is_one(owner: DirectoryWriter, directory: Directory) -> None:
    slot = owner.claim("live/a")
    owner.set_link(slot, LinkStats())
    assert directory.get(slot).link == LinkStats()


def test_measuring_a_link_is_no_change(owner: DirectoryWriter, directory: Directory) -> None:
    slot = owner.claim("live/a")
    before = directory.version
    owner.set_link(slot, LinkStats(rtt_us=1))
    assert directory.version == before


def test_a_stream_begins_without_the_link_of_the_last(owner: DirectoryWriter, directory: Directory) -> None:
    slot = owner.claim("live/a")
    owner.set_link(slot, LinkStats(rtt_us=1))
    owner.free(slot)
    assert owner.claim("live/b") == slot
    assert directory.get(slot).link is None


def test_a_name_that_has_a_slot_gets_no_second_one(owner: DirectoryWriter) -> None:
    owner.claim("live/a")
    with pytest.raises(ValueError, match="has a slot already"):
        owner.claim("live/a")


def test_each_ingest_fills_its_own_part_and_then_says_full(arena: Arena, directory: Directory) -> None:
    first, second = DirectoryWriter(arena, 0, 2), DirectoryWriter(arena, 1, 2)
    assert [first.claim(f"live/{number}") for number in range(2)] == [0, 1]
    with pytest.raises(DirectoryFull, match="all 2 stream slots of ingest 0"):
        first.claim("live/more")
    assert second.claim("live/more") == 2
    assert [(record.slot, record.ingest) for record in directory.all()] == [(0, 0), (1, 0), (2, 1)]
    first.free(1)
    assert first.claim("live/again") == 1


def test_an_ingest_touches_only_its_own_slots(owner: DirectoryWriter) -> None:
    for slot in (-1, 2):
        with pytest.raises(IndexError, match="not one of ingest 0"):
            owner.set_state(slot, StreamState.LIVE)


@pytest.mark.parametrize(("index", "count"), [(-1, 1), (1, 1), (0, 5), (0, 0)])
def test_there_is_no_such_ingest(arena: Arena, index: int, count: int) -> None:
    with pytest.raises(ValueError, match="no ingest"):
        DirectoryWriter(arena, index, count)


def test_more_ingests_than_the_board_has_workers_are_refused(arena: Arena) -> None:
    with pytest.raises(ValueError, match="no ingest 0 of 4"):
        DirectoryWriter(arena, 0, 4)


@pytest.mark.parametrize("name", ["", "n" * 321])
def test_a_name_that_does_not_fit_is_refused(owner: DirectoryWriter, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 320 bytes"):
        owner.claim(name)


def test_the_longest_name_fits(owner: DirectoryWriter, directory: Directory) -> None:
    name = "/".join(["n" * 64] * 4)
    owner.set_stats(owner.claim(name), StreamStats._make([2**64 - 1] * len(StreamStats._fields)))
    record = directory.find(name)
    assert record is not None
    assert record.stats == StreamStats._make([2**64 - 1] * len(StreamStats._fields))


def test_every_change_but_statistics_moves_the_version(owner: DirectoryWriter, directory: Directory) -> None:
    versions = [directory.version]
    slot = owner.claim("live/a")
    versions.append(directory.version)
    owner.set_state(slot, StreamState.GRACE)
    versions.append(directory.version)
    owner.set_epoch(slot, 5)
    versions.append(directory.version)
    owner.set_headers(slot, 1, b"x")
    versions.append(directory.version)
    owner.free(slot)
    versions.append(directory.version)
    assert versions == sorted(set(versions))
    owner.set_stats(owner.slots[1], StreamStats(tags_in=1))
    assert directory.version == versions[-1]
    assert directory.get(owner.slots[1]).stats.tags_in == 1


def test_headers_are_whole_and_their_generation_is_in_the_record(
    owner: DirectoryWriter, directory: Directory
) -> None:
    slot = owner.claim("live/a")
    assert directory.headers(slot) == (0, b"")
    owner.set_headers(slot, 1, bytes(HEADERS_MAX))
    owner.set_headers(slot, 2, b"smaller")
    assert directory.headers(slot) == (2, b"smaller")
    assert directory.get(slot).generation == 2
    owner.set_headers(slot, 3, b"")
    assert directory.headers(slot) == (3, b"")
    with pytest.raises(ValueError, match="262144 fit"):
        owner.set_headers(slot, 4, bytes(HEADERS_MAX + 1))


def test_headers_take_memory_only_while_a_stream_has_them(arena: Arena, owner: DirectoryWriter) -> None:
    before = arena.resident_bytes
    slot = owner.claim("live/a")
    owner.set_headers(slot, 1, bytes(10_000))
    assert arena.resident_bytes == before + 3 * 4096
    owner.free(slot)
    assert arena.resident_bytes == before


def test_headers_that_get_no_memory_leave_the_old_ones(
    owner: DirectoryWriter, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = owner.claim("live/a")
    owner.set_headers(slot, 1, b"old")
    monkeypatch.setattr(os, "posix_fallocate", refusal(errno.ENOSPC))
    with pytest.raises(ArenaFull):
        owner.set_headers(slot, 2, bytes(9000))
    assert directory.headers(slot) == (1, b"old")


def test_nothing_of_the_last_stream_is_left_in_the_ring_of_a_new_claim(
    arena: Arena, owner: DirectoryWriter
) -> None:
    slot = owner.claim("live/a")
    RingWriter(arena, slot, owner.epoch(slot)).write([start_tag(0), sealed_tag(1, 500)])
    reader = RingReader(arena, slot)
    cursor = reader.head_pos
    owner.free(slot)
    owner.claim("live/b")
    assert reader.newest_start() is None
    assert reader.oldest() == reader.head()
    assert not reader.valid(cursor - 1)
    assert reader.head_pos > cursor


def test_find_follows_a_name_from_slot_to_slot(owner: DirectoryWriter, directory: Directory) -> None:
    first = owner.claim("live/a")
    assert directory.find("live/a") is not None
    owner.free(first)
    owner.claim("live/other")
    second = owner.claim("live/a")
    record = directory.find("live/a")
    assert record is not None
    assert record.slot == second != first


def test_there_is_no_such_slot(directory: Directory) -> None:
    with pytest.raises(IndexError):
        directory.get(SMALL.streams)
    with pytest.raises(IndexError):
        directory.headers(-1)


def test_slots_that_no_ingest_owns_stay_free() -> None:
    arena = Arena.create(dataclasses.replace(SMALL, streams=5))
    owners = [DirectoryWriter(arena, index, 2) for index in range(2)]
    assert [owner.slots for owner in owners] == [range(2), range(2, 4)]
    arena.close()


def test_many_streams_and_workers_count_their_changes_apart() -> None:
    arena = Arena.create(Geometry(workers=70, streams=70, ring_bytes=64 * 1024, index_entries=64))
    last = DirectoryWriter(arena, 69, 70)
    before = Directory(arena).version
    last.claim("live/last")
    assert Directory(arena).version == before + 1
    assert [record.slot for record in Directory(arena).all()] == [69]
    arena.close()
