"""The further tracks of a multitrack publisher, as streams of their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.names import MAX_TRACK
from engine.media.classify import Role, classify
from engine.media.tags import KIND_AUDIO, KIND_SCRIPT, KIND_VIDEO
from engine.media.track_split import TrackSplit
from tests.engine.media.bodies import ex_video, sized_track

CONFIG, FRAMES, END, FRAMES_X, COLOUR = 0, 1, 2, 3, 4
KEY, INTER = 1, 2
ONE, MANY, MANY_CODECS = 0x00, 0x10, 0x20
SOUND_HEADER, SOUND = b"\xaf\x00\x12\x10", b"\xaf\x01sound"


def one(packet_type: int, track: int, payload: bytes, codec: bytes = b"hvc1", frame_type: int = KEY) -> bytes:
    return ex_video(6, bytes((ONE | packet_type,)) + codec + bytes((track,)) + payload, frame_type=frame_type)


def test_ordinary_messages_are_for_no_further_track() -> None:
    split = TrackSplit()
    for kind, body in [
        (KIND_VIDEO, b"\x17\x00\x00\x00\x00config"),
        (KIND_VIDEO, ex_video(0, b"hvc1config", frame_type=KEY)),
        (KIND_VIDEO, b""),
        (KIND_AUDIO, SOUND_HEADER),
        (KIND_AUDIO, SOUND),
        (KIND_SCRIPT, b"\x02\x00\x0aonMetaData"),
    ]:
        assert split.take(kind, body) == []


def test_a_track_begins_with_its_header_and_has_the_sound_of_the_first() -> None:
    split = TrackSplit()
    assert split.take(KIND_AUDIO, SOUND_HEADER) == []
    assert split.take(KIND_VIDEO, one(FRAMES, 1, b"\x00\x00\x28early")) == []
    assert split.take(KIND_AUDIO, SOUND) == []
    assert split.take(KIND_VIDEO, one(CONFIG, 1, b"config")) == [
        (1, KIND_AUDIO, SOUND_HEADER),
        (1, KIND_VIDEO, ex_video(CONFIG, b"hvc1config", frame_type=KEY)),
    ]
    assert split.take(KIND_AUDIO, SOUND) == [(1, KIND_AUDIO, SOUND)]
    assert split.take(KIND_VIDEO, one(FRAMES, 1, b"\x00\x00\x28frame", frame_type=INTER)) == [
        (1, KIND_VIDEO, ex_video(FRAMES, b"hvc1\x00\x00\x28frame", frame_type=INTER))
    ]


def test_many_tracks_in_one_message_go_each_its_way_but_the_first() -> None:
    split = TrackSplit()
    tracks = b"".join(
        sized_track(number, b"config", codec) for number, codec in ((0, b"avc1"), (1, b"av01"), (2, b"hvc1"))
    )
    taken = split.take(KIND_VIDEO, ex_video(6, bytes((MANY_CODECS | CONFIG,)) + tracks, frame_type=KEY))
    assert [(track, body[1:5]) for track, _, body in taken] == [(1, b"av01"), (2, b"hvc1")]
    tracks = sized_track(1, b"frame") + sized_track(2, b"other")
    taken = split.take(
        KIND_VIDEO, ex_video(6, bytes((MANY | FRAMES_X,)) + b"av01" + tracks, frame_type=INTER)
    )
    assert [(track, body[5:]) for track, _, body in taken] == [(1, b"frame"), (2, b"other")]
    assert split.take(KIND_AUDIO, SOUND) == [(1, KIND_AUDIO, SOUND), (2, KIND_AUDIO, SOUND)]


@pytest.mark.parametrize(
    ("packet_type", "payload", "cts_ms"),
    [(FRAMES, b"\x00\x00\x28nal", 40), (FRAMES_X, b"nal", 0)],
)
def test_h264_goes_out_in_the_form_that_all_players_know(
    packet_type: int, payload: bytes, cts_ms: int
) -> None:
    split = TrackSplit()
    ((_, _, header),) = split.take(KIND_VIDEO, one(CONFIG, 1, b"avcC", b"avc1"))
    assert header == b"\x17\x00\x00\x00\x00avcC"
    ((_, _, frame),) = split.take(KIND_VIDEO, one(packet_type, 1, payload, b"avc1", INTER))
    found = classify(KIND_VIDEO, frame)
    assert (frame[0], found.role, found.cts_ms, frame[found.payload_at :]) == (
        0x27,
        Role.FRAME,
        cts_ms,
        b"nal",
    )
    ((_, _, end),) = split.take(KIND_VIDEO, one(END, 1, b"", b"avc1"))
    assert classify(KIND_VIDEO, end).role is Role.END
    ((_, _, colour),) = split.take(KIND_VIDEO, one(COLOUR, 1, b"hdr", b"avc1"))
    assert classify(KIND_VIDEO, colour).role is Role.COLOUR


def test_a_time_offset_before_the_tracks_is_stepped_over() -> None:
    prefix = b"\x02\x00\x01\xf4\x06"  # three bytes, nanoseconds, multitrack follows
    rest = bytes((ONE | CONFIG,)) + b"hvc1\x03config"
    assert TrackSplit().take(KIND_VIDEO, ex_video(7, prefix + rest, frame_type=KEY)) == [
        (3, KIND_VIDEO, ex_video(CONFIG, b"hvc1config", frame_type=KEY))
    ]


def test_tracks_are_not_without_number() -> None:
    split = TrackSplit()
    for track in range(256):
        split.take(KIND_VIDEO, one(CONFIG, track, b"config"))
    assert [track for track, _, _ in split.take(KIND_AUDIO, SOUND)] == [*range(1, MAX_TRACK + 1)]


def test_a_track_that_nobody_takes_costs_no_more() -> None:
    split = TrackSplit()
    split.take(KIND_VIDEO, one(CONFIG, 1, b"config"))
    split.forget(1)
    split.forget(2)
    assert split.take(KIND_AUDIO, SOUND) == []


@given(st.lists(st.tuples(st.sampled_from([KIND_AUDIO, KIND_VIDEO, KIND_SCRIPT]), st.binary(max_size=60))))
def test_nothing_is_raised_whatever_comes(messages: list[tuple[int, bytes]]) -> None:
    split = TrackSplit()
    for kind, body in messages:
        for track, _, _ in split.take(kind, body):
            assert 1 <= track <= MAX_TRACK
