"""Init segments and what they say of every codec, byte by byte."""

import struct

import pytest

from engine.protocols.fmp4 import LocalProtocolError, Track, init_segment
from tests.engine.fmp4.boxes import Box, read_entry, read_file
from tests.engine.fmp4.material import (
    AAC_CONFIG,
    AAC_HEADER,
    AC3_FRAME,
    AV1_CONFIG,
    AVC_CONFIG,
    AVC_HEADER,
    EAC3_FRAME,
    FLAC_CONFIG,
    KIND_AUDIO,
    KIND_VIDEO,
    MP3_FRAME,
    MP3_MONO,
    OPUS_STEREO,
    OPUS_SURROUND,
    VP9_CONFIG,
    ex_config,
    ex_frame,
    hevc_config,
    learn,
    vp9_key,
)
from tests.engine.media.bit_writer import BitWriter


def only(*tags: tuple[int, bytes]) -> Track:
    (track,) = learn(*tags).tracks
    return track


def configured(kind: int, codec: str, config: bytes) -> Track:
    return only((kind, ex_config(kind, codec, config)))


def entry_of(track: Track) -> Box:
    return read_entry(init_segment([track]))


def config_of(track: Track) -> tuple[str, bytes]:
    """The kind and content of the one configuration box."""
    (config,) = entry_of(track).children
    return config.kind, config.content


WIDE = BitWriter().u(24, 0x42C01E).ue(0).ue(0).ue(0).ue(0).ue(1).u(1, 0).ue(19).ue(14).u(1, 1).u(1, 1).u(1, 0)
BT2020 = (1, 1), (8, 14), (1, 0), (1, 1), (3, 5), (1, 1), (1, 1), (8, 9), (8, 16), (8, 9)  # 4:3, full range


def avc_config(*vui: tuple[int, int]) -> bytes:
    """A record with an SPS of 320x240 that says this of how it is shown."""
    bits = BitWriter()
    bits.bits = WIDE.bits
    bits.u(1, len(vui) > 0)
    for width, value in vui:
        bits.u(width, value)
    sps = b"\x67" + bits.bytes()
    return bytes.fromhex("0142c01effe1") + len(sps).to_bytes(2, "big") + sps + b"\x01\x00\x01\x68"


def test_how_pictures_are_shown_stands_behind_the_configuration() -> None:
    track = only((KIND_VIDEO, b"\x17\0\0\0\0" + avc_config(*BT2020)))
    avcc, colr, pasp = entry_of(track).children
    assert (avcc.kind, colr.kind, pasp.kind) == ("avcC", "colr", "pasp")
    assert colr.content == b"nclx" + struct.pack(">HHHB", 9, 16, 9, 0x80)
    assert pasp.content == struct.pack(">II", 4, 3)
    assert (track.width, track.height) == (320, 240)
    tkhd = read_file(init_segment([track])).one("moov/trak/tkhd").content
    assert struct.unpack(">II", tkhd[-8:]) == (427 << 16, 240 << 16)


def test_what_is_not_said_has_no_box() -> None:
    for vui in ((), ((1, 0), (1, 0), (1, 0)), ((1, 1), (8, 1), (1, 0), (1, 0)), ((1, 1), (8, 255), (32, 0))):
        track = only((KIND_VIDEO, b"\x17\0\0\0\0" + avc_config(*vui)))
        assert config_of(track)[0] == "avcC"


def test_colours_without_a_description_still_say_their_range() -> None:
    track = only((KIND_VIDEO, b"\x17\0\0\0\0" + avc_config((1, 0), (1, 0), (1, 1), (3, 5), (1, 1), (1, 0))))
    assert entry_of(track).one("colr").content == b"nclx" + struct.pack(">HHHB", 2, 2, 2, 0x80)


def test_the_boxes_of_a_film_with_picture_and_sound() -> None:
    init = init_segment(learn((KIND_AUDIO, AAC_HEADER), (KIND_VIDEO, AVC_HEADER)).tracks)
    file = read_file(init)
    assert [box.kind for box in file.children] == ["ftyp", "moov"]
    assert file.one("ftyp").content == b"iso6\0\0\0\0iso6mp41"
    assert [box.kind for box in file.one("moov").children] == ["mvhd", "trak", "trak", "mvex"]
    mvhd = file.one("moov/mvhd").content
    assert len(mvhd) == 100
    assert mvhd[16:20] == bytes(4), "no duration"
    assert mvhd[-4:] == b"\0\0\0\3", "the next track's id"
    ids = [struct.unpack_from(">I", box.content, 12)[0] for box in file.all("moov/trak/tkhd")]
    assert ids == [1, 2]
    assert [box.content[8:12] for box in file.all("moov/trak/mdia/hdlr")] == [b"vide", b"soun"]
    scales = [struct.unpack_from(">II", box.content, 12) for box in file.all("moov/trak/mdia/mdhd")]
    assert scales == [(90_000, 0), (48_000, 0)]
    for trak in file.all("moov/trak"):
        tables = trak.one("mdia/minf/stbl").children
        assert [box.kind for box in tables] == ["stsd", "stts", "stsc", "stco", "stsz"]
        assert not any(any(table.content) for table in tables[1:])
    defaults = [struct.unpack(">4xIIIII", box.content) for box in file.all("moov/mvex/trex")]
    assert defaults == [(1, 1, 0, 0, 0x01010000), (2, 1, 0, 0, 0x02000000)]


def test_track_headers_say_the_size_and_the_volume() -> None:
    init = init_segment(learn((KIND_AUDIO, AAC_HEADER), (KIND_VIDEO, AVC_HEADER)).tracks)
    video, audio = (box.content for box in read_file(init).all("moov/trak/tkhd"))
    assert len(video) == len(audio) == 84
    assert video[:4] == b"\0\0\0\3"
    assert struct.unpack(">II", video[-8:]) == (322 << 16, 182 << 16)
    assert (video[36:38], audio[36:38]) == (b"\0\0", b"\1\0")
    assert audio[-8:] == bytes(8)


def test_a_file_without_tracks_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="without tracks"):
        init_segment([])


def test_h264() -> None:
    track = only((KIND_VIDEO, AVC_HEADER))
    assert (track.codec, track.codecs, track.width, track.height) == ("avc1", "avc1.64000d", 322, 182)
    assert config_of(track) == ("avcC", AVC_CONFIG)
    entry = entry_of(track)
    assert entry.kind == "avc1"
    assert entry.content[:8] == b"\0\0\0\0\0\0\0\1", "data reference"
    assert struct.unpack_from(">HHII4xH32xHh", entry.content, 24) == (322, 182, 72 << 16, 72 << 16, 1, 24, -1)


@pytest.mark.parametrize(
    ("general", "codecs"),
    [
        ("01600000009000000000005d", "hvc1.1.6.L93.90"),
        ("0220000000b00000000000 99", "hvc1.2.4.L153.B0"),
        ("64080000000000000000 0a 1e", "hvc1.A4.10.H30.0.0.0.0.0.A"),
        ("0460000000000000000000 b4", "hvc1.4.6.L180"),
    ],
)
def test_hevc(general: str, codecs: str) -> None:
    config = hevc_config(general)
    track = configured(KIND_VIDEO, "hvc1", config)
    assert (track.codecs, track.width, track.height) == (codecs, 320, 180)
    assert config_of(track) == ("hvcC", config)
    assert entry_of(track).kind == "hvc1"


def test_hevc_of_cameras_with_the_classic_codec_id() -> None:
    track = only((KIND_VIDEO, b"\x1c\0\0\0\0" + hevc_config()))
    assert track == configured(KIND_VIDEO, "hvc1", hevc_config())


def test_av1() -> None:
    track = configured(KIND_VIDEO, "av01", AV1_CONFIG)
    assert track.codecs == "av01.0.00M.10"
    assert config_of(track) == ("av1C", AV1_CONFIG)
    assert read_file(init_segment([track])).one("ftyp").content.endswith(b"av01")


def test_av1_of_the_high_tier() -> None:
    config = bytes((0x81, 0x40 | 13, 0x80 | 0x60)) + AV1_CONFIG[3:]
    assert configured(KIND_VIDEO, "av01", config).codecs == "av01.2.13H.12"


def test_vp9_is_known_with_its_first_key_frame() -> None:
    header = (KIND_VIDEO, ex_config(KIND_VIDEO, "vp09", VP9_CONFIG))
    assert learn(header).tracks == ()
    track = only(header, (KIND_VIDEO, ex_frame(KIND_VIDEO, "vp09", vp9_key(640, 358))))
    assert (track.codecs, track.width, track.height) == ("vp09.00.11.08", 640, 358)
    assert config_of(track) == ("vpcC", VP9_CONFIG)


def test_vp9_of_an_unknown_level_is_said_to_be_of_the_lowest() -> None:
    config = VP9_CONFIG[:4] + b"\x01\x00\x82" + VP9_CONFIG[7:]
    header = (KIND_VIDEO, ex_config(KIND_VIDEO, "vp09", config))
    track = only(header, (KIND_VIDEO, ex_frame(KIND_VIDEO, "vp09", vp9_key(64, 64, profile=1))))
    assert track.codecs == "vp09.01.10.08"


@pytest.mark.parametrize(
    ("config", "codecs", "rate", "channels", "frame_ticks"),
    [
        ("1190", "mp4a.40.2", 48_000, 2, 1024),
        ("1208", "mp4a.40.2", 44_100, 1, 1024),
        ("1194", "mp4a.40.2", 48_000, 2, 960),
        ("2b098800", "mp4a.40.5", 48_000, 1, 2048),
        ("2b118800", "mp4a.40.5", 48_000, 2, 2048),
        ("eb098800", "mp4a.40.29", 48_000, 2, 2048),
        ("1010", "mp4a.40.2", 96_000, 2, 1024),
        ("f94640", "mp4a.40.42", 48_000, 2, 0),
        ("b990", "mp4a.40.23", 48_000, 2, 512),
        ("1180", "mp4a.40.2", 48_000, 2, 1024),
    ],
)
def test_aac(config: str, codecs: str, rate: int, channels: int, frame_ticks: int) -> None:
    specific = bytes.fromhex(config)
    track = only((KIND_AUDIO, b"\xaf\x00" + specific))
    assert (track.codecs, track.sample_rate, track.channels) == (codecs, rate, channels)
    assert (track.timescale, track.frame_ticks) == (rate, frame_ticks)
    entry = entry_of(track)
    shown = rate if rate < 65_536 else rate // 2
    assert struct.unpack_from(">HH4xI", entry.content, 16) == (channels, 16, shown << 16)
    (esds,) = entry.children
    assert esds.content.endswith(bytes((5, len(specific))) + specific + b"\x06\x01\x02")


def test_the_descriptors_of_aac() -> None:
    kind, content = config_of(only((KIND_AUDIO, AAC_HEADER)))
    decoder = b"\x04\x11\x40\x15" + bytes(11) + b"\x05\x02" + AAC_CONFIG
    assert (kind, content) == ("esds", bytes(4) + b"\x03\x19\0\0\0" + decoder + b"\x06\x01\x02")


def test_a_long_descriptor_has_a_length_of_several_bytes() -> None:
    _, content = config_of(only((KIND_AUDIO, AAC_HEADER + bytes(300))))
    assert content[4:7] == b"\x03\x82\x47"
    assert b"\x05\x82\x2e" + AAC_CONFIG + bytes(300) + b"\x06" in content


def test_opus() -> None:
    track = configured(KIND_AUDIO, "Opus", OPUS_STEREO)
    assert (track.codecs, track.timescale, track.channels) == ("opus", 48_000, 2)
    assert config_of(track) == ("dOps", struct.pack(">BBHIhB", 0, 2, 312, 44_100, -256, 0))
    assert entry_of(track).kind == "Opus"


def test_opus_of_six_channels_keeps_its_mapping() -> None:
    track = configured(KIND_AUDIO, "Opus", OPUS_SURROUND)
    expected = struct.pack(">BBHIhB", 0, 6, 312, 48_000, 0, 1) + OPUS_SURROUND[19:]
    assert config_of(track) == ("dOps", expected)


@pytest.mark.parametrize("head", [b"", b"fLaC\x00\x00\x00\x22"])
def test_flac(head: bytes) -> None:
    track = configured(KIND_AUDIO, "fLaC", head + FLAC_CONFIG)
    assert (track.codecs, track.sample_rate, track.channels, track.frame_ticks) == ("fLaC", 48_000, 2, 1024)
    info = FLAC_CONFIG[:4] + bytes(6) + FLAC_CONFIG[10:14] + bytes(20)
    assert config_of(track) == ("dfLa", b"\0\0\0\0\x80\0\0\x22" + info)
    assert struct.unpack_from(">HH", entry_of(track).content, 16) == (2, 16)


def test_what_flac_says_in_the_end_changes_nothing() -> None:
    final = FLAC_CONFIG[:4] + b"sizes!" + FLAC_CONFIG[10:13] + b"\xf3" + b"number and checksum!"
    first, last = (ex_config(KIND_AUDIO, "fLaC", config) for config in (FLAC_CONFIG, final))
    assert learn((KIND_AUDIO, first), (KIND_AUDIO, last)).version == 1


def test_flac_of_192_khz_and_varying_frames() -> None:
    rate = (192_000 << 12 | 1 << 9 | 23 << 4).to_bytes(4, "big")
    track = configured(KIND_AUDIO, "fLaC", b"\x00\x10\x04\x00" + bytes(6) + rate + bytes(20))
    assert (track.timescale, track.frame_ticks) == (192_000, 0)
    assert struct.unpack_from(">HH4xI", entry_of(track).content, 16) == (2, 24, 48_000 << 16)


@pytest.mark.parametrize(
    ("frame", "rate", "channels", "samples"), [(MP3_FRAME, 44_100, 2, 1152), (MP3_MONO, 22_050, 1, 576)]
)
def test_mp3(frame: bytes, rate: int, channels: int, samples: int) -> None:
    track = only((KIND_AUDIO, b"\x2f" + frame))
    assert track.codecs == "mp4a.40.34"
    assert (track.timescale, track.channels, track.frame_ticks) == (rate, channels, samples)
    kind, content = config_of(track)
    assert (kind, content) == (
        "esds",
        bytes(4) + b"\x03\x15\0\0\0\x04\x0d\x6b\x15" + bytes(11) + b"\x06\x01\x02",
    )
    assert entry_of(track).kind == "mp4a"


def test_ac3() -> None:
    track = only((KIND_AUDIO, ex_frame(KIND_AUDIO, "ac-3", AC3_FRAME)))
    assert (track.codecs, track.timescale, track.channels, track.frame_ticks) == ("ac-3", 48_000, 6, 1536)
    fields = f"{0:02b}{8:05b}{0:03b}{7:03b}{1:01b}{10:05b}{0:05b}"
    assert config_of(track) == ("dac3", int(fields, 2).to_bytes(3, "big"))


def test_eac3() -> None:
    track = only((KIND_AUDIO, ex_frame(KIND_AUDIO, "ec-3", EAC3_FRAME)))
    assert (track.codecs, track.timescale, track.channels, track.frame_ticks) == ("ec-3", 48_000, 2, 1536)
    fields = f"{96:013b}{0:03b}{0:02b}{16:05b}{0:05b}{2:03b}{0:01b}{0:08b}"
    assert config_of(track) == ("dec3", int(fields, 2).to_bytes(5, "big"))


def test_eac3_in_short_frames_with_another_beside_it() -> None:
    one_block = bytes.fromhex("0b7700bf0480") + bytes(378)
    dependent = bytes.fromhex("0b7740bf0480") + bytes(378)
    track = only((KIND_AUDIO, ex_frame(KIND_AUDIO, "ec-3", (one_block + dependent) * 6)))
    assert track.frame_ticks == 1536
