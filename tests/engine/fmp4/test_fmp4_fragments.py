"""A frame at a time, for players that append what they get."""

from engine.media.tags import encode_tag
from engine.protocols.fmp4 import Fragments
from tests.engine.fmp4.material import (
    AAC_HEADER,
    AVC_HEADER,
    KIND_AUDIO,
    KIND_VIDEO,
    ex_config,
    hevc_config,
    nals,
)

HEADERS = encode_tag(KIND_VIDEO, 0, AVC_HEADER) + encode_tag(KIND_AUDIO, 0, AAC_HEADER)
KEYFRAME = b"\x17\x01\x00\x00\x00" + nals(b"\x65picture")
CAPTURED_US = 1_700_000_000_000_000


def test_headers_make_the_opening() -> None:
    opening = Fragments(HEADERS).opening
    assert opening is not None
    assert opening.mime.startswith('video/mp4; codecs="avc1.')
    assert opening.mime.endswith(',mp4a.40.2"')
    assert opening.tracks == ("video", "audio")
    assert opening.init[4:8] == b"ftyp"


def test_sound_alone_is_another_type() -> None:
    opening = Fragments(encode_tag(KIND_AUDIO, 0, AAC_HEADER)).opening
    assert opening is not None
    assert (opening.mime, opening.tracks) == ('audio/mp4; codecs="mp4a.40.2"', ("audio",))


def test_without_headers_there_is_nothing_to_open_and_frames_are_none() -> None:
    fragments = Fragments()
    assert fragments.opening is None
    assert fragments.take(KIND_VIDEO, 0, 0, KEYFRAME, CAPTURED_US) is None


def test_each_frame_is_a_fragment_with_the_time_it_came_in() -> None:
    fragment = Fragments(HEADERS).take(KIND_VIDEO, 40_000, 40_000, KEYFRAME, CAPTURED_US)
    assert fragment is not None
    assert fragment.opening is None
    assert fragment.data[4:8] == b"prft"
    assert fragment.data.endswith(nals(b"\x65picture"))


def test_other_headers_come_with_the_first_frame_that_needs_them() -> None:
    fragments = Fragments(HEADERS)
    assert fragments.take(KIND_VIDEO, 0, 0, AVC_HEADER, CAPTURED_US) is None
    same = fragments.take(KIND_VIDEO, 0, 0, KEYFRAME, CAPTURED_US)
    assert same is not None
    assert same.opening is None
    assert fragments.take(KIND_VIDEO, 0, 0, ex_config(KIND_VIDEO, "hvc1", hevc_config()), CAPTURED_US) is None
    frame = b"\x93hvc1" + nals(b"\x26\x01picture")
    other = fragments.take(KIND_VIDEO, 80_000, 80_000, frame, CAPTURED_US)
    assert other is not None
    assert other.opening is not None
    assert "hvc1" in other.opening.mime
