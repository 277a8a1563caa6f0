"""What a message is, in classic, camera and enhanced FLV."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.classify import UNKNOWN, Role, classify, without_set_data_frame
from tests.engine.media.bodies import (
    AAC_FRAME,
    AAC_HEADER,
    AVC_HEADER,
    CLEAR_DATA_FRAME,
    KIND_AUDIO,
    KIND_SCRIPT,
    KIND_VIDEO,
    ON_METADATA,
    SET_DATA_FRAME,
    avc_frame,
    ex_audio,
    ex_video,
    sized_track,
)


def test_classic_avc_key_frame_with_composition_time() -> None:
    found = classify(KIND_VIDEO, avc_frame(key=True, cts_ms=80))
    assert (found.role, found.codec, found.keyframe, found.cts_ms) == (Role.FRAME, "avc1", True, 80)
    assert not found.header


def test_composition_time_may_be_negative() -> None:
    assert classify(KIND_VIDEO, avc_frame(cts_ms=-40)).cts_ms == -40


def test_a_sequence_header_is_a_header_and_no_key_frame() -> None:
    found = classify(KIND_VIDEO, AVC_HEADER)
    assert (found.role, found.header, found.keyframe, found.payload_at) == (Role.CONFIG, True, False, 5)


def test_cameras_send_hevc_as_codec_id_12() -> None:
    frame = b"\x1c\x01\x00\x00\x28picture"
    assert classify(KIND_VIDEO, frame)[:4] == (Role.FRAME, "hvc1", True, 40)
    assert classify(KIND_VIDEO, b"\x1c\x00\x00\x00\x00config").header


@pytest.mark.parametrize(
    ("body", "role", "codec"),
    [
        (b"\x17\x02\x00\x00\x00", Role.END, "avc1"),
        (b"\x17\x09\x00\x00\x00", Role.UNKNOWN, "avc1"),
        (b"\x57\x00", Role.COMMAND, "avc1"),
        (b"\x12sorenson", Role.FRAME, "flv1"),
        (b"\x1epicture", Role.FRAME, ""),
    ],
)
def test_other_classic_video(body: bytes, role: Role, codec: str) -> None:
    assert classify(KIND_VIDEO, body)[:2] == (role, codec)


def test_classic_audio() -> None:
    assert classify(KIND_AUDIO, AAC_HEADER)[:2] == (Role.CONFIG, "mp4a")
    assert classify(KIND_AUDIO, AAC_FRAME)[:2] == (Role.FRAME, "mp4a")
    assert classify(KIND_AUDIO, b"\x2fmp3")[:2] == (Role.FRAME, ".mp3")
    assert classify(KIND_AUDIO, b"\xf0?")[:2] == (Role.FRAME, "")


@pytest.mark.parametrize(
    ("body", "role", "cts_ms"),
    [
        (ex_video(0, b"hvc1config", frame_type=1), Role.CONFIG, 0),
        (ex_video(1, b"hvc1\x00\x00\x28picture", frame_type=1), Role.FRAME, 40),
        (ex_video(3, b"hvc1picture", frame_type=1), Role.FRAME, 0),
        (ex_video(2, b"hvc1"), Role.END, 0),
        (ex_video(4, b"hvc1\x02\x00\x09colorInfo", frame_type=5), Role.COLOUR, 0),
        (ex_video(5, b"av01descriptor"), Role.TS_CONFIG, 0),
        (ex_video(1, b"av01\x00\x00\x28picture"), Role.FRAME, 0),
        (ex_video(8, b"av01"), Role.UNKNOWN, 0),
    ],
)
def test_enhanced_video(body: bytes, role: Role, cts_ms: int) -> None:
    found = classify(KIND_VIDEO, body)
    assert (found.role, found.codec, found.cts_ms) == (role, body[1:5].decode(), cts_ms)
    assert found.keyframe == (role is Role.FRAME and body[0] >> 4 == 9)


def test_a_seek_mark_in_enhanced_form_has_no_codec() -> None:
    assert classify(KIND_VIDEO, ex_video(1, b"\x00", frame_type=5))[:2] == (Role.COMMAND, "")


@pytest.mark.parametrize(
    ("packet_type", "role"),
    [(0, Role.CONFIG), (1, Role.FRAME), (2, Role.END), (4, Role.CHANNELS), (3, Role.UNKNOWN)],
)
def test_enhanced_audio(packet_type: int, role: Role) -> None:
    assert classify(KIND_AUDIO, ex_audio(packet_type, b"Opus\x01"))[:2] == (role, "Opus")


def test_nanoseconds_come_as_a_prefix() -> None:
    found = classify(KIND_VIDEO, ex_video(7, b"\x02\x00\x01\xf4\x01avc1\x00\x00\x10picture", frame_type=1))
    assert (found.role, found.codec, found.nanos, found.cts_ms) == (Role.FRAME, "avc1", 500, 16)
    assert found.keyframe


def test_unknown_and_long_prefixes_are_stepped_over() -> None:
    unknown = b"\x00\xaa\x17"  # one byte of data, kind 1, another prefix follows
    long = (
        b"\xff\x01\x00" + bytes(257) + b"\x01"
    )  # 257 bytes, kind 0 with a length it cannot have, a frame follows
    found = classify(KIND_AUDIO, ex_audio(7, unknown + long + b"Opussound"))
    assert (found.role, found.codec, found.nanos) == (Role.FRAME, "Opus", 0)


def test_nanoseconds_stay_below_a_millisecond() -> None:
    assert classify(KIND_AUDIO, ex_audio(7, b"\x02\xff\xff\xff\x01Opus")).nanos == 999_999


def test_one_track_of_a_multitrack_stream() -> None:
    found = classify(KIND_VIDEO, ex_video(6, b"\x01hvc1\x02\x00\x00\x28picture", frame_type=1))
    assert (found.role, found.codec, found.track, found.keyframe, found.cts_ms) == (
        Role.FRAME,
        "hvc1",
        2,
        True,
        40,
    )


def test_many_tracks_of_one_codec() -> None:
    body = ex_audio(5, b"\x10Opus" + sized_track(1, b"config one") + sized_track(4, b"two"))
    found = classify(KIND_AUDIO, body)
    assert (found.role, found.codec, found.track) == (Role.CONFIG, "Opus", 1)
    assert [(part.track, body[part.start : part.end]) for part in found.parts] == [
        (1, b"config one"),
        (4, b"two"),
    ]


def test_many_tracks_of_many_codecs() -> None:
    tracks = sized_track(0, b"\x00\x00\x00aa", b"avc1") + sized_track(1, b"\x00\x00\x00bb", b"hvc1")
    found = classify(KIND_VIDEO, ex_video(6, b"\x21" + tracks))
    assert [part.codec for part in found.parts] == ["avc1", "hvc1"]
    assert found.role is Role.FRAME


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"\x30av01\x00payload",  # a form of multitrack that nobody knows
        b"\x00av0",
        b"\x10av01",
        b"\x10av01\x00\x00",
        b"\x10av01\x00\x00\x00\x09short",
        b"\x20av01\x00\x00\x00\x09short",
    ],
)
def test_torn_multitrack_messages_are_unknown(rest: bytes) -> None:
    assert classify(KIND_VIDEO, ex_video(6, rest)) is UNKNOWN


def test_script_messages() -> None:
    assert classify(KIND_SCRIPT, ON_METADATA).metadata
    assert classify(KIND_SCRIPT, SET_DATA_FRAME + ON_METADATA).metadata
    assert classify(KIND_SCRIPT, b"\x02\x00\x0aonCuePoint").role is Role.SCRIPT
    assert classify(KIND_SCRIPT, CLEAR_DATA_FRAME).role is Role.CLEAR_METADATA
    assert classify(KIND_SCRIPT, b"").role is Role.SCRIPT
    assert classify(15, b"amf3") is UNKNOWN


def test_the_word_to_the_server_comes_off() -> None:
    assert without_set_data_frame(SET_DATA_FRAME + ON_METADATA) == ON_METADATA
    assert without_set_data_frame(memoryview(SET_DATA_FRAME + ON_METADATA)) == ON_METADATA
    assert without_set_data_frame(ON_METADATA) is ON_METADATA


WHOLE = (
    avc_frame(key=True),
    ex_video(7, b"\x02\x00\x01\xf4\x01avc1\x00\x00\x10picture"),
    ex_video(7, b"\xff\x01\x00" + bytes(257) + b"\x01avc1"),
    ex_video(6, b"\x11hvc1" + sized_track(1, b"\x00\x00\x00a")),
    ex_video(1, b"hvc1\x00\x00\x00"),
)


@pytest.mark.parametrize("body", WHOLE)
def test_every_shorter_body_is_classified_too(body: bytes) -> None:
    for length in range(len(body)):
        assert isinstance(classify(KIND_VIDEO, body[:length]).role, Role)
    assert classify(KIND_VIDEO, b"") is UNKNOWN
    assert classify(KIND_AUDIO, b"") is UNKNOWN
    assert classify(KIND_AUDIO, b"\xaf").role is Role.UNKNOWN


@given(st.sampled_from((KIND_AUDIO, KIND_VIDEO, KIND_SCRIPT)), st.binary(max_size=64))
def test_no_body_is_ever_refused(kind: int, body: bytes) -> None:
    found = classify(kind, body)
    assert found == classify(kind, memoryview(body)) == classify(kind, bytearray(body))
    assert 0 <= found.payload_at <= len(body)
    assert all(0 <= part.start <= part.end <= len(body) for part in found.parts)


@given(st.integers(6, 7), st.integers(0, 7), st.binary(max_size=600))
def test_nor_is_any_enhanced_one(packet_type: int, frame_type: int, rest: bytes) -> None:
    assert classify(KIND_VIDEO, ex_video(packet_type, rest, frame_type=frame_type)).nanos <= 999_999
