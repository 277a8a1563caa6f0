"""Codec headers and framings: the forms that ffmpeg's encoders do not make, or not alone."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.bits import BadConfig
from engine.media.classify import Role, classify
from engine.media.hevc import parse_hevc_config
from engine.media.opus import parse_opus_config
from engine.media.tags import KIND_VIDEO
from engine.protocols.flv import FlvReader, FlvTag
from engine.protocols.mpegts import Media
from engine.protocols.mpegts.ac3 import Ac3
from engine.protocols.mpegts.adts import Adts, AdtsWriter
from engine.protocols.mpegts.avc_config import decode_avc_config, encode_avc_config
from engine.protocols.mpegts.hevc_config import decode_hevc_config, encode_hevc_config
from engine.protocols.mpegts.latm import Latm
from engine.protocols.mpegts.mpeg_audio import MpegAudio
from engine.protocols.mpegts.opus import (
    Opus,
    channel_code,
    encode_control_header,
    identification_header,
    packet_samples,
)
from engine.protocols.mpegts.video import has_recovery_point
from tests.engine.media.bit_writer import BitWriter
from tests.engine.mpegts.films import FILMS, make_film, read_film
from tests.engine.mpegts.studio import (
    AVC_CONFIG,
    H264,
    IDR,
    PPS,
    SLICE,
    SPS,
    VIDEO,
    Studio,
    adts,
    annexb,
    bodies,
    lengths,
    media_of,
    read,
    video_pes,
)


@pytest.mark.parametrize(
    "name",
    ["h264 and aac", "h264 of ten bits in slices", "hevc and opus", "hevc of 4:4:4", "aac of 44.1 kHz"],
)
def test_headers_are_those_of_ffmpegs_own_flv(name: str, ffmpeg: Path, tmp_path: Path) -> None:
    """Byte for byte but for what says nothing: array completeness, and AAC's trailing hint on SBR."""
    film = tmp_path / "film.ts"
    ours = headers_of(media_of(read_film(make_film(ffmpeg, film, FILMS[name]))))
    flv = make_film(ffmpeg, tmp_path / "film.flv", ("-i", str(film), "-c", "copy"))
    theirs = headers_of([tag for tag in FlvReader().receive(flv) if isinstance(tag, FlvTag)])
    theirs.pop("Opus", None)
    assert theirs
    for codec, header in theirs.items():
        assert comparable(codec, ours[codec]) == comparable(codec, header)


def headers_of(messages: Sequence[Media | FlvTag]) -> dict[str, bytes]:
    """The first codec header of each codec; ffmpeg writes an empty one before it knows AAC's."""
    found: dict[str, bytes] = {}
    for message in messages:
        told = classify(message.kind, message.body)
        if told.role is Role.CONFIG and (config := message.body[told.payload_at :]):
            found.setdefault(told.codec, config)
    return found


def comparable(codec: str, config: bytes) -> object:
    if codec == "mp4a":
        return config[:2]
    if codec == "hvc1":
        head = bytearray(config[:23])
        head[13:16] = bytes(3)  # segmentation and parallelism, which need not be told
        head[22] = 0  # arrays: theirs has one more for SEI
        return bytes(head), [nal for nal in decode_hevc_config(config)[1] if nal[0] >> 1 in (32, 33, 34)]
    return config


def test_an_avc_record_is_taken_apart_again() -> None:
    assert encode_avc_config({7: [SPS], 8: [PPS]}) == AVC_CONFIG
    assert decode_avc_config(AVC_CONFIG) == (4, [SPS, PPS])


@given(st.binary(max_size=60))
def test_records_of_any_bytes_are_read_or_refused(tail: bytes) -> None:
    for head, decode in (
        (b"\x01\x64\0\x0d\xff\xe1", decode_avc_config),
        (b"\1" + b"\0" * 21 + b"\3", decode_hevc_config),
    ):
        try:
            length, units = decode(head + tail)
        except BadConfig:
            continue
        assert length in range(1, 5)
        assert all(units)


def test_an_hevc_record_needs_a_whole_sps() -> None:
    with pytest.raises(BadConfig):
        encode_hevc_config({32: [b"\x40\1"], 33: [b"\x42\1\1"], 34: [b"\x44\1"]})


OTHER_SPS = bytes.fromhex("6742c01fda014016e4")
OTHER_PPS = b"\x68\xce\x3c\x80"
SECOND_PPS = b"\x68\x5b\x3c\x80"  # number 1


def headers(studio: Studio) -> list[bytes]:
    media, _ = read(studio.data)
    return [event.body[5:] for event in media if event.body[:2] == b"\x17\0"]


def shoot(studio: Studio, time: int, *nals: bytes) -> None:
    studio.put_unit(VIDEO, video_pes(annexb(*nals), time))


def test_headers_come_again_only_when_parameter_sets_change() -> None:
    studio = Studio((VIDEO, H264))
    shoot(studio, 0, SPS, PPS, IDR)
    shoot(studio, 3600, SLICE)
    shoot(studio, 7200, SPS, PPS, IDR)
    shoot(studio, 10800, OTHER_SPS, OTHER_PPS, IDR)
    shoot(studio, 14400, OTHER_SPS, OTHER_PPS, IDR)
    assert headers(studio) == [AVC_CONFIG, encode_avc_config({7: [OTHER_SPS], 8: [OTHER_PPS]})]


def test_a_second_pps_is_added_and_a_changed_one_replaced() -> None:
    studio = Studio((VIDEO, H264))
    shoot(studio, 0, SPS, PPS, IDR)
    shoot(studio, 3600, SECOND_PPS, SLICE)
    shoot(studio, 7200, OTHER_PPS, SLICE)
    assert [decode_avc_config(header)[1] for header in headers(studio)] == [
        [SPS, PPS],
        [SPS, PPS, SECOND_PPS],
        [SPS, OTHER_PPS, SECOND_PPS],
    ]


def test_parameter_sets_may_come_ahead_of_their_picture() -> None:
    studio = Studio((VIDEO, H264))
    shoot(studio, 0, SPS, PPS)
    shoot(studio, 0, IDR)
    media, _ = read(studio.data)
    assert [event.body[:2] for event in media] == [b"\x17\0", b"\x17\1"]


def test_parameter_sets_without_end_are_bounded() -> None:
    studio = Studio((VIDEO, H264))
    many = [b"\x68" + BitWriter().ue(number).bytes() + b"\x80" for number in range(200)]
    shoot(studio, 0, SPS, *many, b"\x67" + b"\x64" * 5000, IDR)
    for number in range(200, 255):
        shoot(studio, 3600 * number, b"\x68" + BitWriter().ue(number).bytes() + b"\x80", SLICE)
    media, reader = read(studio.data)
    assert all(len(event.body) < 1000 for event in media)
    assert reader.stats().bad_units == 1


def test_everything_but_sets_and_delimiters_passes() -> None:
    studio = Studio((VIDEO, H264))
    sei, filler, end = b"\x06\x05\x03abc\x80", b"\x0c\xff\xff\x80", b"\x0a"
    shoot(studio, 0, b"\x09\xf0", SPS, sei, PPS, IDR, filler, end)
    media, _ = read(studio.data)
    assert bodies(media, KIND_VIDEO) == [lengths(sei, IDR, filler, end)]


def test_start_codes_of_three_bytes_and_zeros_behind_nal_units() -> None:
    studio = Studio((VIDEO, H264))
    payload = b"\0\0\0\1" + SPS + b"\0\0\1" + PPS + b"\0\0\0\0\0\1" + IDR + b"\0\0\0"
    studio.put_unit(VIDEO, video_pes(b"\0\0" + payload, 0))
    media, _ = read(studio.data)
    assert bodies(media, KIND_VIDEO) == [lengths(IDR)]


@pytest.mark.parametrize(
    ("message", "recovers"),
    [
        (b"\x06\x06\x01\xc4\x80", True),
        (b"\x06\x01\x02\x10\x20\x06\x01\xc4\x80", True),
        (b"\x06\x05\x03\x06\x01\xc4\x80", False),
        (b"\x06\xff\x06\x01\xc4\x80", False),
        (b"\x06\x01\xff\x02" + b"\x10" * 257 + b"\x06\x01\xc4\x80", True),
        (b"\x06\x01\x05\0\0\x03\x01\x10\x10\x06\x01\xc4\x80", True),
        (b"\x06\x06", False),
        (b"\x06", False),
        (b"\x06" + b"\xff" * 2000, False),
    ],
)
def test_recovery_points_are_found_among_other_messages(message: bytes, recovers: bool) -> None:
    assert has_recovery_point(message, 1) is recovers
    studio = Studio((VIDEO, H264))
    shoot(studio, 0, SPS, PPS, message, SLICE)
    media, _ = read(studio.data)
    assert (media[-1].body[0] >> 4 == 1) is recovers


def test_adts_with_a_checksum_and_of_several_blocks() -> None:
    codec = Adts()
    plain, checked = adts(b"sound"), adts(b"sound", crc=True)
    double = plain[:6] + bytes((plain[6] | 1,)) + plain[7:]
    torn = checked[:6] + bytes((checked[6] | 1,)) + checked[7:]
    one, two = codec.read(plain), codec.read(double)
    assert one is not None
    assert one == codec.read(checked)
    assert two is not None
    assert (one.samples, two.samples) == (1024, 2048)
    assert codec.read(torn) is None
    assert codec.read(adts(b"")) is None


@given(
    st.sampled_from([1, 2, 3, 4]), st.integers(0, 12), st.integers(1, 7), st.binary(min_size=1, max_size=8000)
)
def test_adts_comes_back(object_type: int, rate: int, channels: int, raw: bytes) -> None:
    config = (object_type << 11 | rate << 7 | channels << 3).to_bytes(2, "big")
    frame = AdtsWriter(config).frame(raw)
    assert frame is not None
    codec = Adts()
    assert codec.frame_bytes(frame, 0) == len(frame)
    read_back = codec.read(frame)
    assert read_back is not None
    assert read_back.bodies == (b"\xaf\x01" + raw,)
    assert read_back.header == b"\xaf\x00" + config


def test_what_adts_cannot_say_is_refused() -> None:
    for config in (b"", b"\xf8\x00", b"\x17\x80", b"\x11\x80", b"\x12\x00"[:1]):
        with pytest.raises(BadConfig):
            AdtsWriter(config)
    assert AdtsWriter(b"\x11\x90").frame(b"x" * 8185) is None
    assert AdtsWriter(b"\x2b\x11\x88\x00").frame(b"x") == AdtsWriter(b"\x13\x10").frame(b"x")


def latm(bits: BitWriter, *payload: bytes) -> bytes:
    """A LOAS frame of so many bits, with the lengths of the payloads before each."""
    for piece in payload:
        for more in [255] * (len(piece) // 255) + [len(piece) % 255]:
            bits.u(8, more)
        for byte in piece:
            bits.u(8, byte)
    element = bits.bytes()
    return (0x56E000 | len(element)).to_bytes(3, "big") + element


def plain_config(bits: BitWriter) -> BitWriter:
    return bits.u(5, 2).u(4, 3).u(4, 2).u(3, 0)


def test_latm_in_the_plain_form() -> None:
    codec = Latm()
    same = latm(BitWriter().u(1, 1), b"sound")
    first = codec.read(same)
    assert first is not None
    assert first.bodies == ()
    told = BitWriter().u(1, 0).u(1, 0).u(1, 1).u(6, 0).u(7, 0)
    frame = codec.read(latm(plain_config(told).u(3, 0).u(8, 255).u(2, 0), b"s" * 300))
    assert frame is not None
    assert frame.bodies == (b"\xaf\x01" + b"s" * 300,)
    assert (frame.header, frame.samples, frame.rate) == (b"\xaf\x00\x11\x90", 1024, 48000)
    again = codec.read(same)
    assert again is not None
    assert again.bodies == (b"\xaf\x01sound",)


def test_latm_of_version_1_with_two_frames_and_other_data() -> None:
    told = BitWriter().u(1, 0).u(1, 1).u(1, 0).u(2, 0).u(8, 9).u(1, 1).u(6, 1).u(7, 0)
    sized = plain_config(told.u(2, 0).u(8, 16))
    ended = sized.u(3, 0).u(8, 255).u(1, 1).u(2, 1).u(16, 8).u(1, 1).u(8, 0x55)
    frame = Latm().read(latm(ended, b"one", b"two"))
    assert frame is not None
    assert frame.bodies == (b"\xaf\x01one", b"\xaf\x01two")
    assert frame.header == b"\xaf\x00\x11\x90"


def test_latm_with_explicit_sbr_and_960_samples_and_fixed_lengths() -> None:
    told = BitWriter().u(1, 0).u(1, 0).u(1, 1).u(6, 0).u(7, 0)
    config = told.u(5, 5).u(4, 6).u(4, 2).u(4, 3).u(5, 2).u(1, 1).u(1, 1).u(14, 0).u(1, 0)
    bits = config.u(3, 1).u(9, 0).u(1, 1).u(1, 1).u(8, 0).u(1, 0).u(8, 0).u(1, 0)
    for byte in b"twenty bytes of sound"[:20]:
        bits.u(8, byte)
    frame = Latm().read(latm(bits))
    assert frame is not None
    assert frame.bodies == (b"\xaf\x01twenty bytes of sound"[:22],)
    assert (frame.samples, frame.rate) == (960, 24000)


@pytest.mark.parametrize(
    "told",
    [
        BitWriter().u(1, 0).u(1, 1).u(1, 1),  # audioMuxVersionA
        BitWriter().u(1, 0).u(1, 0).u(1, 0),  # frames of several times
        BitWriter().u(1, 0).u(1, 0).u(1, 1).u(6, 0).u(7, 1),  # layers
        BitWriter()
        .u(1, 0)
        .u(1, 0)
        .u(1, 1)
        .u(6, 0)
        .u(7, 0)
        .u(5, 31)
        .u(6, 10)
        .u(4, 3)
        .u(4, 2),  # object type 42
        BitWriter().u(1, 0).u(1, 0).u(1, 1).u(6, 0).u(7, 0).u(5, 2).u(4, 13).u(4, 2),  # no such rate
        BitWriter()
        .u(1, 0)
        .u(1, 0)
        .u(1, 1)
        .u(6, 0)
        .u(7, 0)
        .u(5, 2)
        .u(4, 3)
        .u(4, 0),  # channels told elsewhere
        plain_config(BitWriter().u(1, 0).u(1, 0).u(1, 1).u(6, 0).u(7, 0)).u(3, 6),  # other lengths
    ],
)
def test_latm_that_is_not_read_here(told: BitWriter) -> None:
    codec = Latm()
    assert codec.read(latm(told.u(64, 0))) is None
    after = codec.read(latm(BitWriter().u(1, 1), b"sound"))
    assert after is not None
    assert after.bodies == ()


def test_mpeg_audio_frames_of_every_sort() -> None:
    codec = MpegAudio()
    assert codec.frame_bytes(b"\xff\xfb\x90\x00", 0) == 417  # MPEG-1 III, 128 kbit/s, 44.1 kHz
    assert codec.frame_bytes(b"\xff\xfb\x92\x00", 0) == 418
    assert codec.frame_bytes(b"\xff\xf3\x80\x00", 0) == 208  # MPEG-2 III, 64 kbit/s, 22.05 kHz
    assert codec.frame_bytes(b"\xff\xe3\x48\x00", 0) == 288  # MPEG-2.5 III, 32 kbit/s, 8 kHz
    assert codec.frame_bytes(b"\xff\xfd\xa4\x00", 0) == 576  # MPEG-1 II, 192 kbit/s, 48 kHz
    reserved = ("ffff9000", "fffb0000", "fffbf000", "fffb9c00", "ffeb9000", "fefb9000")
    assert [codec.frame_bytes(bytes.fromhex(none), 0) for none in reserved] == [0] * 6
    assert codec.read(b"\xff\xfd\xa4\x00") is None
    heads = ("fffb9000", "fffb9400", "fff38000", "ffe38000", "ffe34800", "fffb90c0")
    found = [codec.read(bytes.fromhex(head)) for head in heads]
    assert [frame.bodies[0][0] for frame in found if frame] == [0x2F, 0x2F, 0x2B, 0x27, 0xE3, 0x2E]


def test_ac3_frames_of_every_rate() -> None:
    codec = Ac3()
    sizes = [codec.frame_bytes(b"\x0b\x77\0\0" + bytes((code, 0x40)), 0) for code in (0x1E, 0x5E, 0x5F, 0x9E)]
    assert sizes == [1792, 1950, 1952, 2688]
    for none in (
        b"\x0b\x77\0\0\xc0\x40",
        b"\x0b\x77\0\0\x26\x40",
        b"\x0b\x77\0\0\x1e\x80",
        b"\x0b\x76\0\0\x1e\x40",
    ):
        assert codec.frame_bytes(none, 0) == 0


@given(st.binary(min_size=1, max_size=1500))
def test_opus_packets_come_back(packet: bytes) -> None:
    framed = encode_control_header(len(packet)) + packet
    codec = Opus(2)
    assert codec.frame_bytes(framed + b"\x7f\xe0", 0) == len(framed)
    found = codec.read(framed)
    if packet_samples(packet):
        assert found is not None
        assert found.bodies == (b"\x91Opus" + packet,)
    else:
        assert found is None


def test_opus_control_headers_with_all_their_parts() -> None:
    framed = b"\x7f\xfc" + b"\x05" + b"\0\1" + b"\0\2" + b"\x03ext" + b"\xfcdata"
    codec = Opus(2)
    assert codec.frame_bytes(framed, 0) == len(framed)
    found = codec.read(framed)
    assert found is not None
    assert found.bodies == (b"\x91Opus\xfcdata",)
    assert codec.frame_bytes(b"\x7f\xe0" + b"\xff" * 100, 0) == 0
    assert codec.frame_bytes(b"\x7f\xe0\xff", 0) > 3


@pytest.mark.parametrize(
    ("toc", "samples"),
    [
        (b"\xfc", 960),
        (b"\xfd", 1920),
        (b"\xff\x03", 2880),
        (b"\x18", 2880),
        (b"\x80", 120),
        (b"\xff", 0),
        (b"", 0),
        (b"\x1b\x3f", 0),
    ],
)
def test_how_long_an_opus_packet_is(toc: bytes, samples: int) -> None:
    assert packet_samples(toc) == samples


@pytest.mark.parametrize("code", range(9))
def test_opus_channels_are_told_and_known_again(code: int) -> None:
    head = identification_header(code)
    assert parse_opus_config(head).channels == (code or 2)
    assert channel_code(head) == code


def test_opus_channels_that_no_descriptor_can_tell() -> None:
    assert identification_header(0x81) == identification_header(2)
    for head in (b"", b"OpusHead" + bytes(11), identification_header(3)[:-1] + b"\x07"):
        with pytest.raises(BadConfig):
            channel_code(head)


def test_the_hevc_record_tells_size_and_profile(ffmpeg: Path, tmp_path: Path) -> None:
    media = media_of(read_film(make_film(ffmpeg, tmp_path / "film.ts", FILMS["hevc of 4:4:4"])))
    config = media[0].body[5:]
    found = parse_hevc_config(config)
    assert (found.width, found.height, found.profile) == (322, 182, 4)
    assert config[16] & 3 == 3
