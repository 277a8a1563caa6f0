"""Codec headers of shapes that the encoders at hand do not make; those they do are in test_real_material."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.aac import parse_aac_config
from engine.media.av1 import parse_av1_config
from engine.media.avc import parse_avc_config, parse_sps
from engine.media.bits import BadConfig, BitReader, unescape
from engine.media.describe import codec_name, codec_number, describe
from engine.media.flac import parse_flac_config
from engine.media.formats import AudioFormat, VideoFormat
from engine.media.hevc import parse_hevc_config
from engine.media.hevc import parse_sps as parse_hevc_sps
from engine.media.opus import parse_opus_config
from engine.media.vp9 import parse_vp9_config
from tests.engine.media.bit_writer import BitWriter
from tests.engine.media.bodies import AVC_CONFIG, OPUS_CONFIG

VP9_CONFIG = bytes.fromhex("0100000000 0b82 0202 020000")
AV1_CONFIG = bytes.fromhex("81004c000a0b0200000521e836a017c202")
FLAC_CONFIG = bytes.fromhex("0400 0400 000000 000815 0bb802f0") + bytes(20)
CODECS = ("avc1", "hvc1", "av01", "vp09", "mp4a", "Opus", "fLaC")


@given(st.lists(st.tuples(st.sampled_from("us"), st.integers(-5_000, 5_000)), max_size=20))
def test_exp_golomb_numbers_come_back(numbers: list[tuple[str, int]]) -> None:
    writer = BitWriter()
    for form, value in numbers:
        writer = writer.se(value) if form == "s" else writer.ue(abs(value))
    reader = BitReader(writer.bytes())
    for form, value in numbers:
        assert (reader.se() if form == "s" else reader.ue()) == (value if form == "s" else abs(value))


def test_bits_run_out() -> None:
    reader = BitReader(b"\xff")
    reader.skip(7)
    assert reader.bits_left == 1
    with pytest.raises(BadConfig, match="too early"):
        reader.skip(2)


def test_an_endless_exp_golomb_number_is_nonsense() -> None:
    with pytest.raises(BadConfig, match="32 bits"):
        BitReader(bytes(10)).ue()


def test_av1_numbers_of_variable_length() -> None:
    assert BitReader(b"\x80").uvlc() == 0
    assert BitReader(b"\x2c").uvlc() == 4
    assert BitReader(bytes(4) + b"\x80").uvlc() == 0xFFFFFFFF


def test_emulation_prevention_comes_off() -> None:
    assert unescape(bytes.fromhex("00000301 00000300 0003")) == bytes.fromhex("000001 0000 00 00")


def avc_sps(profile: int, *, order: BitWriter, high: BitWriter | None = None, size: BitWriter) -> bytes:
    writer = BitWriter().u(8, profile).u(8, 0).u(8, 40).ue(0)
    writer.bits += (high.bits if high else "") + BitWriter().ue(0).bits + order.bits
    writer.ue(4).u(1, 0)
    writer.bits += size.bits
    return b"\x67" + writer.bytes()


def test_interlaced_full_hd() -> None:
    size = BitWriter().ue(119).ue(33).u(1, 0).u(1, 1).u(1, 1).u(1, 1).ue(0).ue(0).ue(0).ue(2)
    sps = avc_sps(77, order=BitWriter().ue(2), size=size)
    assert parse_sps(sps) == VideoFormat(codec="avc1", profile=77, level=40, width=1920, height=1080)


def test_scaling_lists_and_separate_planes_are_stepped_over() -> None:
    high = BitWriter().ue(3).u(1, 1).ue(2).ue(2).u(1, 0).u(1, 1)
    high.u(1, 1).se(-8)  # the first list: its first delta already says "as the default"
    high.u(1, 1)
    for _ in range(16):
        high.se(1)
    high.u(10, 0)
    size = BitWriter().ue(9).ue(9).u(1, 1).u(1, 1).u(1, 1).ue(1).ue(2).ue(3).ue(4)
    found = parse_sps(avc_sps(244, order=BitWriter().ue(0).ue(0), high=high, size=size))
    assert (found.width, found.height, found.bit_depth) == (157, 153, 10)


def test_a_cycle_of_picture_orders() -> None:
    size = BitWriter().ue(19).ue(14).u(1, 1).u(1, 1).u(1, 0)
    order = BitWriter().ue(1).u(1, 0).se(-3).se(4).ue(2).se(1).se(-1)
    assert parse_sps(avc_sps(66, order=order, size=size)).width == 320
    endless = BitWriter().ue(1).u(1, 0).se(0).se(0).ue(256)
    with pytest.raises(BadConfig, match="255"):
        parse_sps(avc_sps(66, order=endless, size=size))


@pytest.mark.parametrize("height_units", [0, 5_000])
def test_impossible_pictures(height_units: int) -> None:
    size = BitWriter().ue(19).ue(height_units).u(1, 1).u(1, 1).u(1, 1).ue(0).ue(0).ue(4).ue(4)
    with pytest.raises(BadConfig, match="a picture of"):
        parse_sps(avc_sps(66, order=BitWriter().ue(2), size=size))


def hevc_sps(*, chroma: int, window: tuple[int, ...], sub_layers: int = 0) -> bytes:
    writer = BitWriter().u(4, 0).u(3, sub_layers).u(1, 1).u(96, 0)
    for _ in range(sub_layers):
        writer.u(2, 3)
    if sub_layers:
        writer.u(2 * (8 - sub_layers), 0).u(96 * sub_layers, 0)
    writer.ue(0).ue(chroma)
    if chroma == 3:
        writer.u(1, 0)
    writer.ue(100).ue(60).u(1, int(window != ()))
    for edge in window:
        writer.ue(edge)
    return b"\x42\x01" + writer.ue(2).bytes()


def test_hevc_with_sub_layers_and_full_colour() -> None:
    found = parse_hevc_sps(hevc_sps(chroma=3, window=(1, 2, 3, 4), sub_layers=2))
    assert (found.width, found.height, found.bit_depth) == (97, 53, 10)
    assert parse_hevc_sps(hevc_sps(chroma=2, window=(1, 1, 1, 1))).width == 96


def hevc_config(*sets: tuple[int, bytes]) -> bytes:
    arrays = b"".join(bytes((kind, 0, 1)) + len(nal).to_bytes(2, "big") + nal for kind, nal in sets)
    return bytes((1, 2)) + bytes(10) + b"\x5d" + bytes(9) + bytes((len(sets),)) + arrays


def test_an_hevc_record_is_searched_for_its_sps() -> None:
    found = parse_hevc_config(hevc_config((32, b"vps"), (33, hevc_sps(chroma=1, window=()))))
    assert found == VideoFormat(codec="hvc1", profile=2, level=93, width=100, height=60, bit_depth=10)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (b"", "too early"),
        (hevc_config((32, b"vps")), "without SPS"),
        (hevc_config((33, hevc_sps(chroma=4, window=(0, 0, 0, 0)))), "chroma"),
        (hevc_config((33, hevc_sps(chroma=1, window=(50, 0, 0, 0)))), "a picture of"),
        (hevc_config((32, b"vps"))[:-1], "parameter set"),
        (hevc_config((32, b"vps"), (33, b""))[:-4], "array"),
    ],
)
def test_bad_hevc_records(config: bytes, reason: str) -> None:
    with pytest.raises(BadConfig, match=reason):
        parse_hevc_config(config)


def av1_config(*, timing: int, reduced: int = 0) -> bytes:
    """timing: 0 none, 1 present, 2 with equal intervals and a decoder model."""
    writer = BitWriter().u(3, 0).u(1, 0).u(1, reduced)
    if reduced:
        writer.u(5, 8)
    else:
        writer.u(1, int(timing > 0))
        if timing:
            writer.u(64, 1).u(1, int(timing == 2))
        if timing == 2:
            writer.u(3, 0b010)  # uvlc
        if timing:
            writer.u(1, int(timing == 2))
        if timing == 2:
            writer.u(5, 9).u(42, 0)
        writer.u(1, 1).u(5, 0).u(12, 0).u(5, 9).u(1, 0)  # one operating point above level 7, so with a tier
        if timing == 2:
            writer.u(1, 1).u(21, 0)
        writer.u(1, 1).u(4, 3)  # initial display delay
    writer.u(4, 10).u(4, 9).u(11, 1279).u(10, 719)
    payload = writer.bytes()
    return b"\x81\x08\x60\x00" + b"\x0e\x00" + bytes((len(payload),)) + payload


@pytest.mark.parametrize("timing", [0, 1, 2])
def test_av1_with_and_without_timing(timing: int) -> None:
    found = parse_av1_config(av1_config(timing=timing))
    assert (found.width, found.height, found.bit_depth, found.level) == (1280, 720, 12, 8)


def test_av1_still_pictures_and_bare_records() -> None:
    assert parse_av1_config(av1_config(timing=0, reduced=1)).height == 720
    assert parse_av1_config(b"\x81\x00\x0c\x00").width == 0
    assert parse_av1_config(b"\x81\x00\x0c\x00\x10\x00").width == 0  # a temporal delimiter without a size


@pytest.mark.parametrize(
    "config",
    [
        b"\x01\x00\x00\x00",
        b"\x81",
        b"\x81\x00\x0c\x00\x0a\x09",
        b"\x81\x00\x0c\x00\x0a" + b"\xff" * 9,
        b"\x81\x00\x0c\x00\x0e",
    ],
)
def test_bad_av1_records(config: bytes) -> None:
    with pytest.raises(BadConfig):
        parse_av1_config(config)


@pytest.mark.parametrize(
    ("writer", "profile", "sample_rate", "channels"),
    [
        (BitWriter().u(5, 2).u(4, 4).u(4, 1), 2, 44_100, 1),
        (BitWriter().u(5, 2).u(4, 15).u(24, 37_800).u(4, 7), 2, 37_800, 8),
        (BitWriter().u(5, 5).u(4, 6).u(4, 2).u(4, 3), 5, 48_000, 2),
        (BitWriter().u(5, 29).u(4, 7).u(4, 1).u(4, 4), 29, 44_100, 2),
        (BitWriter().u(5, 31).u(6, 10).u(4, 3).u(4, 9), 42, 48_000, 0),
    ],
)
def test_aac_of_all_kinds(writer: BitWriter, profile: int, sample_rate: int, channels: int) -> None:
    expected = AudioFormat(codec="mp4a", profile=profile, sample_rate=sample_rate, channels=channels)
    assert parse_aac_config(writer.bytes()) == expected


def test_aac_with_a_rate_that_is_not_in_the_table() -> None:
    with pytest.raises(BadConfig, match="index 13"):
        parse_aac_config(BitWriter().u(5, 2).u(4, 13).u(4, 2).bytes())


def test_opus_flac_and_vp9() -> None:
    assert parse_opus_config(OPUS_CONFIG) == AudioFormat(codec="Opus", sample_rate=48_000, channels=2)
    stereo = AudioFormat(codec="fLaC", sample_rate=48_000, channels=2)
    assert parse_flac_config(FLAC_CONFIG) == stereo
    assert parse_flac_config(b"fLaC\x00\x00\x00\x22" + FLAC_CONFIG) == stereo
    assert parse_vp9_config(VP9_CONFIG) == VideoFormat(codec="vp09", profile=0, level=11, bit_depth=8)


def test_describing_never_fails() -> None:
    assert describe("avc1", AVC_CONFIG) == parse_avc_config(AVC_CONFIG)
    assert describe("avc1", b"\x00" * 8) is None
    assert describe("avc1", b"\x01\x64\x00\x0d\xff\xe0\x00\x00") is None
    assert describe("Opus", b"OpusHat") is None
    assert describe("fLaC", b"") is None
    assert describe("vp09", b"") is None
    assert describe("ac-3", b"anything") is None


@given(st.sampled_from(CODECS), st.binary(max_size=80))
def test_whatever_the_header(codec: str, config: bytes) -> None:
    described = describe(codec, config)
    assert described is None or described.codec == codec


@given(
    st.sampled_from(
        [
            ("avc1", AVC_CONFIG),
            ("av01", AV1_CONFIG),
            ("hvc1", hevc_config((33, hevc_sps(chroma=1, window=(0, 0, 0, 0))))),
        ]
    ),
    st.integers(0, 400),
    st.integers(0, 100),
)
def test_however_a_real_one_is_damaged(real: tuple[str, bytes], flip: int, cut: int) -> None:
    codec, config = real
    bits = int.from_bytes(config, "big") ^ 1 << flip % (len(config) * 8)
    described = describe(codec, bits.to_bytes(len(config), "big")[: len(config) - cut % 8])
    assert described is None or described.codec == codec


def test_codecs_are_numbers_in_shared_memory() -> None:
    assert codec_number("avc1") == 0x61766331
    assert codec_name(codec_number("ac-3")) == "ac-3"
    assert codec_name(codec_number("")) == ""
