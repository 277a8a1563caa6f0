"""Codecs whose headers do not tell the picture's size: it is read from key frames, as encoders write them."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.describe import KEY_FRAME_BYTES, size_in_key_frame
from engine.media.intake import Intake
from engine.media.survey import IntakeStats
from tests.engine.media.bit_writer import BitWriter
from tests.engine.media.bodies import AVC_HEADER, KIND_VIDEO, avc_frame, ex_video, sized_track

IVF_HEADER_BYTES, IVF_FRAME_BYTES = 32, 12
VP9_CONFIG = bytes.fromhex("0100000000 0b82 0202 020000")
AV1_CONFIG_ALONE = bytes.fromhex("81004c00")
AV1_KEY_FRAME = bytes.fromhex("1200 0a0b0200000521e836a017c202")
sizes = st.integers(1, 0x3FFF)


def vp8_key_frame(width: int, height: int) -> bytes:
    return b"\x50\x01\x00\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")


def vp9_key_frame(width: int, height: int, profile: int = 0, *, is_rgb: bool = False) -> bytes:
    bits = BitWriter().u(2, 2).u(1, profile & 1).u(1, profile >> 1)
    if profile == 3:
        bits.u(1, 0)
    bits.u(4, 0b0010).u(24, 0x498342)
    if profile >= 2:
        bits.u(1, 1)
    bits.u(3, 7 if is_rgb else 2)
    if not is_rgb:
        bits.u(1, 0)
    if profile & 1:
        bits.u(1 if is_rgb else 3, 0)
    return bits.u(16, width - 1).u(16, height - 1).bytes()


def frame_of(codec: str, payload: bytes, *, key: bool) -> bytes:
    return ex_video(1, codec.encode() + payload, frame_type=1 if key else 2)


def shown(intake: Intake) -> tuple[int, int, bool]:
    stats: IntakeStats = intake.stats(1)
    return stats.video.width, stats.video.height, stats.size_is_known


def take(intake: Intake, *bodies: bytes) -> tuple[int, int, bool]:
    for body in bodies:
        intake.take(KIND_VIDEO, 0, body, 1)
    return shown(intake)


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("vp08", ("-c:v", "libvpx", "-pix_fmt", "yuv420p")),
        ("vp09", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p")),
        ("vp09", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv444p")),
        ("vp09", ("-c:v", "libvpx-vp9", "-pix_fmt", "gbrp")),
        ("vp09", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p10le")),
        ("av01", ("-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-pix_fmt", "yuv420p")),
    ],
)
def test_the_size_is_read_from_what_encoders_make(
    codec: str, options: tuple[str, ...], ffmpeg: Path, tmp_path: Path
) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=322x182:rate=25", "-frames:v", "1")
    subprocess.run(
        [ffmpeg, "-v", "error", *source, *options, "-f", "ivf", tmp_path / "one.ivf"], check=True, timeout=60
    )
    picture = (tmp_path / "one.ivf").read_bytes()[IVF_HEADER_BYTES + IVF_FRAME_BYTES :]
    assert take(Intake(), frame_of(codec, picture, key=True)) == (322, 182, True)


@given(sizes, sizes)
def test_any_size_of_vp8_and_vp9_comes_back(width: int, height: int) -> None:
    assert size_in_key_frame("vp08", vp8_key_frame(width, height)) == (width, height)
    for profile, is_rgb in ((0, False), (1, False), (1, True), (2, False), (3, False), (3, True)):
        made = vp9_key_frame(width, height, profile, is_rgb=is_rgb)
        assert size_in_key_frame("vp09", made) == (width, height)


@given(st.sampled_from(["vp08", "vp09", "av01", "avc1", "vp6f"]), st.binary(max_size=KEY_FRAME_BYTES))
def test_whatever_the_key_frame(codec: str, data: bytes) -> None:
    width, height = size_in_key_frame(codec, data)
    assert width >= 0
    assert height >= 0


@given(sizes, sizes, st.data())
def test_one_that_is_torn_tells_nothing(width: int, height: int, data: st.DataObject) -> None:
    for codec, whole in (("vp08", vp8_key_frame(width, height)), ("vp09", vp9_key_frame(width, height))):
        cut = data.draw(st.integers(0, 9))
        assert size_in_key_frame(codec, whole[:cut]) == (0, 0)


def test_frames_between_keyframes_tell_no_size() -> None:
    intake = Intake()
    assert take(intake, frame_of("vp08", b"\x51" + vp8_key_frame(640, 360)[1:], key=True)) == (0, 0, False)
    assert take(intake, frame_of("vp08", vp8_key_frame(640, 360), key=False)) == (0, 0, False)


def test_a_header_without_a_size_takes_none_away() -> None:
    intake, header = Intake(), ex_video(0, b"vp09" + VP9_CONFIG, frame_type=1)
    assert take(intake, header) == (0, 0, False)
    assert take(intake, frame_of("vp09", vp9_key_frame(640, 360), key=True)) == (640, 360, True)
    assert take(intake, header) == (640, 360, True)
    assert take(intake, frame_of("vp09", vp9_key_frame(1280, 720), key=True)) == (1280, 720, True)
    assert intake.stats(1).video.level == 11


def test_av1_whose_configuration_has_no_sequence_header_is_measured_by_its_keyframes() -> None:
    intake = Intake()
    assert take(intake, ex_video(0, b"av01" + AV1_CONFIG_ALONE, frame_type=1)) == (0, 0, False)
    width, height, is_known = take(intake, frame_of("av01", AV1_KEY_FRAME, key=True))
    assert is_known
    assert (width, height) == (322, 182)


def test_the_size_of_the_lowest_track_counts_in_a_message_of_several() -> None:
    tracks = sized_track(1, vp8_key_frame(1280, 720)) + sized_track(0, vp8_key_frame(640, 360))
    body = ex_video(6, bytes((0x11,)) + b"vp08" + tracks, frame_type=1)
    assert take(Intake(), body) == (640, 360, True)


def test_what_the_publisher_before_has_told_is_not_known_of_the_next() -> None:
    intake = Intake()
    assert take(intake, AVC_HEADER, avc_frame(key=True)) == (322, 182, True)
    intake.begin_session()
    assert shown(intake) == (322, 182, False)
    assert take(intake, avc_frame(key=True)) == (322, 182, False)
    assert take(intake, AVC_HEADER) == (322, 182, True)


def test_another_codec_is_of_unknown_size_until_it_tells() -> None:
    assert take(Intake(), AVC_HEADER, avc_frame(key=True), b"\x14vp6") == (0, 0, False)
