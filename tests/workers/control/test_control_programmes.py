"""Programmes as the API shows them: those configured, live or not, and those of publishers' tracks."""

from shm.directory import StreamState
from tests.workers.control.house import NOW_NS, House
from workers.control import models


def shown(house: House) -> dict[str, models.Programme]:
    return {programme.name: programme for programme in house.desk.programmes.all(NOW_NS)}


def test_a_configured_programme_is_shown_with_those_that_are_not_there(house: House) -> None:
    house.publish("live/final_480")
    house.publish("live/alone")
    programmes = shown(house)
    assert programmes.keys() == {"live/final"}
    programme = programmes["live/final"]
    assert programme.origin == "configuration"
    large, small = programme.renditions
    assert large == models.Rendition(
        stream="live/final_1080", state=None, video=None, audio=None, bitrate_bps=0
    )
    assert (small.stream, small.state, small.bitrate_bps) == ("live/final_480", "live", 1_000_000)
    assert small.video is not None
    assert (small.video.width, small.video.codec) == (640, "avc1")
    assert small.audio == models.Audio(codec="mp4a")


def test_the_tracks_of_one_publisher_are_a_programme_while_they_are_there(house: House) -> None:
    house.publish("live/multi")
    track = house.publish("live/multi~1")
    programme = shown(house)["live/multi"]
    assert (programme.origin, programme.name) == ("tracks", "live/multi")
    assert [one.stream for one in programme.renditions] == ["live/multi", "live/multi~1"]
    house.writer.set_state(track, StreamState.GRACE)
    assert [one.state for one in shown(house)["live/multi"].renditions] == ["live", "grace"]
    house.writer.free(track)
    assert shown(house).keys() == {"live/final"}


def test_programmes_are_in_the_order_of_their_names(house: House) -> None:
    for name in ("live/zoo", "live/zoo~2", "a/multi", "a/multi~1"):
        house.publish(name)
    assert [*shown(house)] == ["a/multi", "live/final", "live/zoo"]


def test_a_rendition_with_tracks_is_a_programme_as_well(house: House) -> None:
    house.publish("live/final_1080")
    house.publish("live/final_1080~1")
    streams = {name: [one.stream for one in shown(house)[name].renditions] for name in shown(house)}
    assert streams == {
        "live/final": ["live/final_1080", "live/final_480"],
        "live/final_1080": ["live/final_1080", "live/final_1080~1"],
    }
