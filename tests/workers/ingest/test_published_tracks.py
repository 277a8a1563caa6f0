"""Further tracks of one publisher, as ingest keeps them: streams beside the first, which live with it."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from engine.access.names import track_name
from engine.protocols.rtmp import Media
from shm.directory import StreamState
from tests.workers.ingest.test_published_streams import CONFIG_TAG, House, Somebody, housed, keyframe
from workers.ingest.streams import Streams
from workers.ingest.tracks import PublishedTracks

AVCC = CONFIG_TAG.body[5:]
NAME = "live/a"
LOG = structlog.wrap_logger(logging.getLogger("tracks"))


@pytest.fixture
def house() -> Iterator[House]:
    yield from housed("[publish]\nmax_streams = 3\ngrace_s = 10.0\n")


def config_of(track: int) -> Media:
    return Media(9, 0, b"\x96\x00avc1" + bytes((track,)) + AVCC)


def frame_of(track: int, ms: int) -> Media:
    return Media(9, ms, b"\x96\x01avc1" + bytes((track,)) + b"\x00\x00\x00key")


SOUND_CONFIG, SOUND = Media(8, 0, b"\xaf\x00\x12\x10"), Media(8, 5, b"\xaf\x01sound")


def begin(streams: Streams, *messages: Media) -> PublishedTracks:
    """A session that has sent so much."""
    publisher = Somebody()
    streams.open(NAME, publisher).take([CONFIG_TAG, keyframe(0)], 1)
    tracks = PublishedTracks(streams, NAME, publisher.id, LOG)
    tracks.take(messages, 1)
    return tracks


def test_each_further_track_is_a_stream_that_can_be_played(house: House) -> None:
    streams = house.ingest()
    begin(streams, SOUND_CONFIG, config_of(1), config_of(2), frame_of(1, 0), SOUND, frame_of(2, 0))
    for track in (1, 2):
        stream = next(one for one in streams if one.name == track_name(NAME, track))
        kinds = [(entry.kind, entry.dts_us // 1000) for entry in house.entries(stream)]
        assert sorted(kinds) == [(8, 0), (8, 5), (9, 0), (9, 0)]
        assert house.state(stream.name) is StreamState.LIVE


def test_tracks_are_in_grace_and_end_with_their_publisher(house: House) -> None:
    streams = house.ingest()
    begin(streams, config_of(1)).leave(clean=False)
    assert house.state("live/a~1") is StreamState.GRACE
    begin(streams, config_of(1)).leave(clean=True)
    assert house.state("live/a~1") is StreamState.ENDED


def test_a_second_publisher_takes_the_tracks_over_as_well(house: House) -> None:
    streams = house.ingest()
    first = begin(streams, config_of(1))
    begin(streams, config_of(1), frame_of(1, 0))
    first.leave(clean=False)  # the evicted one's connection ends after the take-over
    assert house.state("live/a~1") is StreamState.LIVE


def test_a_track_without_room_is_left_out_and_the_others_go_on(house: House) -> None:
    streams = house.ingest()
    tracks = begin(streams, config_of(1), config_of(2), config_of(3))
    assert [house.state(track_name(NAME, track)) for track in (1, 2, 3)] == [
        StreamState.LIVE,
        StreamState.LIVE,
        None,
    ]
    tracks.take([frame_of(1, 40), frame_of(3, 40)], 2)
    assert house.state("live/a~3") is None
    assert len([one for one in streams if one.publisher]) == 3


def test_a_track_whose_media_fits_no_ring_ends_alone(house: House) -> None:
    streams = house.ingest()
    tracks = begin(streams, config_of(1), config_of(2))
    huge = Media(9, 40, frame_of(1, 0).body + bytes(2 * 1024 * 1024))
    tracks.take([huge, frame_of(2, 40)], 2)
    assert house.state("live/a~1") is StreamState.ENDED
    assert house.state("live/a~2") is StreamState.LIVE
    assert house.state(NAME) is StreamState.LIVE


def test_a_track_has_the_settings_of_its_publisher() -> None:
    for house in housed('[paths."live/a"]\ngrace_s = 77\n'):
        streams = house.ingest()
        begin(streams, config_of(1))
        assert {one.settings.grace_s for one in streams} == {77}
