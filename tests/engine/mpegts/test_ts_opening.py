"""The beginning of a stream: headers of all tracks first, then what was held back for them."""

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.mpegts import Media, Opening, Programme, Track, TsEvent
from engine.protocols.mpegts.limits import MAX_OPENING_MESSAGES, MAX_OPENING_US

VIDEO_HEADER, AUDIO_HEADER = b"\x17\x00\0\0\0config", b"\xaf\x00config"
KEYFRAME, PICTURE, SOUND, MP3 = b"\x17\x01\0\0\0key", b"\x27\x01\0\0\0picture", b"\xaf\x01sound", b"\x2fmp3"


def programme(*used: bool) -> Programme:
    tracks = [
        Track(pid=256 + at, stream_type=0, codec="", language="", used=one) for at, one in enumerate(used)
    ]
    return Programme(1, tuple(tracks))


def media(kind: int, body: bytes, ms: int) -> Media:
    return Media(kind, ms, body, ms * 1000, ms * 1000)


def bodies(taken: list[Media]) -> list[bytes]:
    return [each.body for each in taken]


def test_pictures_wait_for_the_header_of_sound() -> None:
    opening = Opening()
    began: list[TsEvent] = [
        programme(True, True),
        media(KIND_VIDEO, VIDEO_HEADER, 40),
        media(KIND_VIDEO, KEYFRAME, 40),
    ]
    assert opening.take(began, 0) == []
    assert opening.take([media(KIND_VIDEO, PICTURE, 80)], 40_000) == []
    released = opening.take([media(KIND_AUDIO, AUDIO_HEADER, 60), media(KIND_AUDIO, SOUND, 60)], 300_000)
    assert bodies(released) == [VIDEO_HEADER, AUDIO_HEADER, KEYFRAME, PICTURE, SOUND]
    assert [each.timestamp_ms for each in released] == [40, 40, 40, 80, 60]


def test_afterwards_everything_passes_as_it_is() -> None:
    opening = Opening()
    opening.take([programme(True), media(KIND_VIDEO, KEYFRAME, 0)], 0)
    later: list[TsEvent] = [
        programme(True, True),
        media(KIND_VIDEO, PICTURE, 40),
        media(KIND_AUDIO, AUDIO_HEADER, 30),
    ]
    assert bodies(opening.take(later, 0)) == [PICTURE, AUDIO_HEADER]


def test_a_codec_without_header_shows_itself_by_a_frame() -> None:
    opening = Opening()
    assert opening.take([programme(True, True), media(KIND_VIDEO, VIDEO_HEADER, 0)], 0) == []
    assert len(opening.take([media(KIND_AUDIO, MP3, 0)], 0)) == 2


def test_tracks_that_are_not_read_are_not_waited_for() -> None:
    assert len(Opening().take([programme(True, False), media(KIND_VIDEO, KEYFRAME, 0)], 0)) == 1


def test_a_silent_track_is_not_waited_for_for_ever() -> None:
    opening = Opening()
    assert opening.take([programme(True, True), media(KIND_VIDEO, KEYFRAME, 0)], 5) == []
    assert opening.take([], MAX_OPENING_US + 4) == []
    assert bodies(opening.take([], MAX_OPENING_US + 5)) == [KEYFRAME]


def test_what_is_held_back_is_bounded() -> None:
    opening = Opening()
    opening.take([programme(True, True)], 0)
    much: list[TsEvent] = [media(KIND_VIDEO, PICTURE, 0)] * (MAX_OPENING_MESSAGES - 1)
    assert opening.take(much, 0) == []
    assert len(opening.take([media(KIND_VIDEO, PICTURE, 0)], 0)) == MAX_OPENING_MESSAGES


def test_a_stream_that_ends_in_its_beginning_loses_nothing() -> None:
    opening = Opening()
    opening.take([programme(True, True), media(KIND_VIDEO, KEYFRAME, 0)], 0)
    assert bodies(opening.finish()) == [KEYFRAME]
    assert opening.finish() == []
