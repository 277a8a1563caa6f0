"""Streams as ingest keeps them: sessions, grace, takeover, the limit, and what a dead ingest leaves
behind.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.access.bans import Ban, BanKind
from engine.config import Config, load
from engine.protocols.rtmp import Media
from shm.arena import Arena
from shm.board import Board, Interest
from shm.directory import Directory, StreamState
from shm.doorbell import Doorbell
from shm.layout import Geometry
from shm.ring import FLAG_START, Entry, RingReader
from workers.ingest.stream import PublishedStream
from workers.ingest.streams import Refused, Streams
from workers.runtime.bans import BanWatch, write_bans
from workers.runtime.bells import NEVER_NS
from workers.runtime.slots import WorkerSlot
from workers.runtime.worker import Worker

MIB = 1024 * 1024
CONFIG_TAG = Media(9, 0, b"\x17\x00\x00\x00\x00" + bytes.fromhex("0142c01effe100046742c01e01000468ce3c80"))


def keyframe(ms: int) -> Media:
    return Media(9, ms, b"\x17\x01\x00\x00\x00key")


def frame(ms: int) -> Media:
    return Media(9, ms, b"\x27\x01\x00\x00\x00frame")


class Somebody:
    """A publisher of which only its end is of interest."""

    def __init__(self, client_id: str = "ingest0-0000000000ff") -> None:
        self.id = client_id
        self.evicted = False

    def evict(self) -> None:
        self.evicted = True


class House:
    """The shared memory around an ingest that may die and be made anew."""

    def __init__(self, config: Config) -> None:
        self.arena = Arena.create(Geometry(workers=2, streams=4, ring_bytes=MIB, index_entries=1024))
        self.board = Board(self.arena)
        self.directory = Directory(self.arena)
        self.doorbell = Doorbell.create()
        self.worker = cast(
            "Worker",
            SimpleNamespace(
                arena=self.arena,
                board=self.board,
                directory=self.directory,
                config=config,
                tracer=None,
                doorbells={1: self.doorbell},
                slot=WorkerSlot(0, "ingest", 0),
                slots=(WorkerSlot(0, "ingest", 0), WorkerSlot(1, "fanout", 0)),
            ),
        )

    def ingest(self, bans: BanWatch | None = None) -> Streams:
        return Streams(self.worker, bans=bans)

    def entries(self, stream: PublishedStream) -> list[Entry]:
        reader = RingReader(self.arena, stream.slot)
        return reader.entries(reader.oldest_seq, reader.head_seq)

    def state(self, name: str) -> StreamState | None:
        record = self.directory.find(name)
        return record.state if record else None


@pytest.fixture
def house() -> Iterator[House]:
    yield from housed("[publish]\nmax_streams = 2\ngrace_s = 10.0\n")


def housed(text: str) -> Iterator[House]:
    house = House(load(text, {}))
    yield house
    house.doorbell.close()
    house.arena.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(s=time.monotonic())
    monkeypatch.setattr(
        "workers.ingest.stream.time", SimpleNamespace(monotonic=lambda: now.s, monotonic_ns=lambda: 0)
    )
    monkeypatch.setattr("workers.ingest.streams.time", SimpleNamespace(monotonic=lambda: now.s))
    return now


def test_publisher_that_returns_goes_on_in_the_same_stream_with_continuous_timestamps(house: House) -> None:
    streams, first, second = house.ingest(), Somebody(), Somebody()
    stream = streams.open("live/a", first)
    stream.take([CONFIG_TAG, keyframe(0), frame(40), frame(80)], 1)
    stream.vanished(first)
    assert house.state("live/a") is StreamState.GRACE
    assert streams.open("live/a", second) is stream
    stream.take([CONFIG_TAG, keyframe(0), frame(40)], 2)
    times = [entry.dts_us // 1000 for entry in house.entries(stream) if entry.flags != 4]
    epochs = [entry.epoch for entry in house.entries(stream)]
    assert times == [0, 40, 80, 120, 160]
    assert epochs == [epochs[0]] * 4 + [epochs[0] + 1] * 3
    assert (house.state("live/a"), stream.reconnects, first.evicted) == (StreamState.LIVE, 1, False)


def test_second_publisher_takes_over_at_once_and_the_first_is_told(house: House) -> None:
    streams, first, second = house.ingest(), Somebody(), Somebody()
    stream = streams.open("live/a", first)
    assert streams.open("live/a", second) is stream
    assert (first.evicted, stream.takeovers, stream.publisher) == (True, 1, second)
    stream.vanished(first)  # the evicted one's connection ends after the take-over
    assert house.state("live/a") is StreamState.LIVE


def test_second_publisher_is_refused_where_takeover_is_off() -> None:
    for house in housed("[publish]\ntakeover = false\n"):
        streams = house.ingest()
        streams.open("live/a", Somebody())
        with pytest.raises(Refused) as refusal:
            streams.open("live/a", Somebody())
        assert refusal.value.reason == "name_taken"


def test_stream_ends_when_its_grace_time_is_over_and_its_slot_is_free_once_nobody_reads(
    house: House, clock: SimpleNamespace
) -> None:
    streams, publisher = house.ingest(), Somebody()
    stream = streams.open("live/a", publisher)
    row = house.board.row(1, stream.slot)
    row.interest = Interest.WITHIN_TICK
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    stream.vanished(publisher)
    clock.s += 9.9
    streams.look_after()
    assert house.state("live/a") is StreamState.GRACE
    clock.s += 0.2
    streams.look_after()
    assert house.state("live/a") is StreamState.ENDED
    row.interest = Interest.NONE
    streams.look_after()
    assert house.state("live/a") is None


def test_name_can_be_published_again_while_the_players_of_its_last_life_still_leave(house: House) -> None:
    streams, publisher = house.ingest(), Somebody()
    stream = streams.open("live/a", publisher)
    house.board.row(1, stream.slot).interest = Interest.WITHIN_TICK
    stream.finished(publisher)
    streams.look_after()
    again = streams.open("live/a", publisher)
    assert again.slot != stream.slot
    assert house.state("live/a") is StreamState.LIVE


def test_stream_that_has_just_said_goodbye_is_a_new_one_when_published_again(house: House) -> None:
    streams, publisher = house.ingest(), Somebody()
    stream = streams.open("live/a", publisher)
    stream.finished(publisher)
    assert streams.open("live/a", publisher) is not stream


def test_one_stream_more_than_the_limit_is_refused_and_a_returning_publisher_is_not_one_more(
    house: House,
) -> None:
    streams, publisher = house.ingest(), Somebody()
    first = streams.open("live/a", publisher)
    streams.open("live/b", Somebody())
    with pytest.raises(Refused) as refusal:
        streams.open("live/c", Somebody())
    assert refusal.value.reason == "too_many_streams"
    streams.open("live/a", Somebody())  # a take-over adds no stream
    first.vanished(cast("Any", first.publisher))
    streams.open("live/a", publisher)
    assert house.state("live/a") is StreamState.LIVE


def test_new_ingest_continues_the_streams_of_a_dead_one(house: House) -> None:
    stream = house.ingest().open("live/a", Somebody())
    stream.take([CONFIG_TAG, keyframe(1000), frame(1040)], 1)
    streams = house.ingest()  # the first is gone without a word
    assert house.state("live/a") is StreamState.GRACE
    continued = streams.open("live/a", Somebody())
    assert continued.slot == stream.slot
    continued.take([CONFIG_TAG, keyframe(0)], 2)
    last = house.entries(continued)[-1]
    assert 1_040_000 < last.dts_us <= 1_080_000
    assert last.flags & FLAG_START
    assert last.generation == house.directory.headers(continued.slot)[0]


def test_totals_of_a_stream_outlive_the_ingest_that_counted_them(house: House) -> None:
    stream = house.ingest().open("live/a", Somebody())
    stream.take([CONFIG_TAG, keyframe(0), frame(40)], 1)
    stream.report(2)
    continued = house.ingest().open("live/a", Somebody())
    again = house.ingest().open("live/a", Somebody())  # one that died before its first round
    again.take([CONFIG_TAG, keyframe(0)], 3)
    again.report(4)
    record = house.directory.find("live/a")
    assert record is not None
    assert (record.stats.tags_in, record.stats.keyframes, record.stats.reconnects) == (5, 2, 2)
    assert (stream.slot, record.slot) == (continued.slot, again.slot)


def test_headers_are_in_the_directory_before_the_start_point_that_needs_them(house: House) -> None:
    streams, publisher = house.ingest(), Somebody()
    stream = streams.open("live/a", publisher)
    stream.take([CONFIG_TAG, keyframe(0)], 1)
    start = RingReader(house.arena, stream.slot).newest_start()
    assert start is not None
    generation, blob = house.directory.headers(stream.slot)
    assert start.generation == generation
    assert CONFIG_TAG.body in blob


def test_only_armed_workers_are_rung_for(house: House) -> None:
    streams, publisher = house.ingest(), Somebody()
    stream = streams.open("live/a", publisher)
    row = house.board.row(1, stream.slot)
    row.looks_ns = 12_345
    expected = ((Interest.NONE, 0, NEVER_NS), (Interest.WITHIN_TICK, 0, 12_345), (Interest.ARMED, 1, 0))
    for interest, rings, unseen_until_ns in expected:
        row.interest = interest
        house.doorbell.drain()
        stream.take([keyframe(0)], 1)
        assert house.doorbell.drain() == rings
        assert stream.unseen_until_ns == unseen_until_ns


def test_stream_that_runs_for_24_days_begins_a_new_epoch_near_zero_at_a_keyframe(house: House) -> None:
    """FLV's time is signed and ends after 24.8 days; players cross the seam as if the publisher had come
    back.
    """
    days_ms = 24 * 24 * 3600 * 1000
    stream = house.ingest().open("live/a", Somebody())
    stream.take([CONFIG_TAG, keyframe(days_ms - 80), frame(days_ms - 40)], 1)
    stream.take([frame(days_ms), keyframe(days_ms + 40), frame(days_ms + 80)], 2)
    media = [entry for entry in house.entries(stream) if entry.flags != 4]
    assert [entry.epoch - media[0].epoch for entry in media] == [0, 0, 0, 1, 1]
    assert media[3].flags & FLAG_START
    assert media[3].dts_us < media[4].dts_us < 2_000_000


@pytest.mark.parametrize(
    ("kind", "value"), [("address", "192.0.2.0/24"), ("stream", "live/a"), ("key", "van")]
)
def test_who_was_banned_on_its_way_here_gets_no_stream_and_takes_none_over(
    kind: BanKind, value: str, house: House, tmp_path: Path
) -> None:
    streams, on_air = house.ingest(BanWatch(tmp_path)), Somebody()
    stream = streams.open("live/a", on_air, "198.51.100.1:4000", "studio")
    write_bans(tmp_path, [Ban(id="1", kind=kind, value=value, reason="", since_s=time.time(), until_s=None)])
    with pytest.raises(Refused, match="banned") as refused:
        streams.open("live/a", Somebody(), "192.0.2.7:4000", "van")
    assert refused.value.reason == "banned"
    assert (stream.publisher, on_air.evicted) == (on_air, False)
    streams.open("live/b", Somebody(), "198.51.100.1:4000", "studio")
