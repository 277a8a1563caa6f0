"""Tables: put together from packets, checked, and followed when they change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.mpegts import Programme, TsReader
from engine.protocols.mpegts.codecs import LANGUAGE, encode_descriptor
from engine.protocols.mpegts.crc import crc32
from engine.protocols.mpegts.sections import PMT_ID, SectionReader, encode_section, parse_section
from engine.protocols.mpegts.tables import encode_pat, encode_pmt, parse_pat, parse_pmt
from tests.engine.mpegts.packets import Wire
from tests.engine.mpegts.studio import (
    ADTS,
    AUDIO,
    H264,
    HEVC,
    PMT,
    VIDEO,
    Studio,
    adts,
    annexb,
    audio_pes,
    bodies,
    media_of,
    read,
    video_pes,
)

KEY = (
    bytes.fromhex("6764000dacd941519e226c0440000003004000000c83c50a6580"),
    bytes.fromhex("68ebe3cb22c0"),
    b"\x65key",
)


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc32(b"123456789") == 0x0376E6E7
    assert crc32(bytes.fromhex("00b00d0001c100000001f0002ab104b2")) == 0


@given(st.binary(max_size=1012), st.integers(0, 31), st.data())
def test_sections_come_through_packets_whole(body: bytes, version: int, data: st.DataObject) -> None:
    section = encode_section(PMT_ID, 1, version, body)
    reader = SectionReader()
    cut = data.draw(st.integers(0, len(section)))
    begun = reader.take(b"\0" + section[:cut], unit_start=True)
    rest = reader.take(section[cut:] + b"\xff\xff", unit_start=False) if cut < len(section) else []
    assert begun + rest == [section]
    parsed = parse_section(section)
    assert parsed is not None
    assert (parsed.extension, parsed.version, parsed.body) == (1, version, body)


def test_a_section_may_end_where_the_pointer_says() -> None:
    one, two = encode_section(PMT_ID, 1, 0, b"one" * 60), encode_section(PMT_ID, 2, 0, b"two")
    reader = SectionReader()
    assert reader.take(b"\0" + one[:183], unit_start=True) == []
    rest = one[183:]
    assert reader.take(bytes((len(rest),)) + rest + two + b"\xff" * 9, unit_start=True) == [one, two]


@pytest.mark.parametrize("at", range(16))
def test_a_section_with_a_wrong_bit_is_none(at: int) -> None:
    section = bytearray(encode_pat({1: PMT}))
    section[at] ^= 0x10
    assert parse_section(bytes(section)) is None


@given(st.dictionaries(st.integers(1, 0xFFFF), st.integers(0x10, 0x1FFE), max_size=200))
def test_programmes_come_back(programmes: dict[int, int]) -> None:
    parsed = parse_section(encode_pat(programmes))
    assert parsed is not None
    assert parse_pat(parsed.body) == programmes


def test_the_network_table_is_no_programme() -> None:
    parsed = parse_section(encode_pat({0: 0x10, 1: PMT}))
    assert parsed is not None
    assert parse_pat(parsed.body) == {1: PMT}


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 8])
def test_a_map_with_torn_loops_is_none(cut: int) -> None:
    parsed = parse_section(encode_pmt(1, VIDEO, [(VIDEO, H264, b"\x05\x04HDMV")]))
    assert parsed is not None
    assert parse_pmt(parsed.body[:-cut]) is None


def programmes_of(data: bytes) -> tuple[list[Programme], TsReader]:
    reader = TsReader()
    events = reader.receive(data, 0)
    return [event for event in events if isinstance(event, Programme)], reader


def test_what_a_programme_has_is_told() -> None:
    wire = Wire()
    german = encode_descriptor(LANGUAGE, b"DEU\0")
    wire.put_table(0, encode_pat({7: PMT}))
    streams = [(VIDEO, H264, b""), (AUDIO, ADTS, german), (0x102, ADTS, b""), (0x103, 0x06, b"")]
    wire.put_table(PMT, encode_pmt(7, VIDEO, streams))
    (programme,), _ = programmes_of(wire.data)
    assert programme.number == 7
    assert [(track.pid, track.codec, track.language, track.used) for track in programme.tracks] == [
        (VIDEO, "avc1", "", True),
        (AUDIO, "mp4a", "deu", True),
        (0x102, "mp4a", "", False),
        (0x103, "", "", False),
    ]


def test_the_first_programme_with_media_is_read() -> None:
    wire = Wire()
    wire.put_table(0, encode_pat({1: 0x1000, 2: 0x1001, 3: 0x1002}))
    wire.put_table(0x1000, encode_pmt(1, 0x1FFF, [(0x100, 0x06, b"")]))
    wire.put_table(0x1001, encode_pmt(2, 0x200, [(0x200, H264, b"")]))
    wire.put_table(0x1002, encode_pmt(3, 0x300, [(0x300, H264, b"")]))
    wire.put_unit(0x300, video_pes(annexb(*KEY), 0))
    wire.put_unit(0x200, video_pes(annexb(*KEY), 3600))
    media, _ = read(wire.data)
    assert [event.timestamp_ms for event in media] == [40, 40]
    programmes, _ = programmes_of(wire.data)
    assert [programme.number for programme in programmes] == [2]


def test_when_a_programme_leaves_another_one_is_read() -> None:
    wire = Wire()
    wire.put_table(0, encode_pat({1: 0x1000}))
    wire.put_table(0x1000, encode_pmt(1, VIDEO, [(VIDEO, H264, b"")]))
    wire.put_table(0, encode_pat({2: 0x1001}, version=1))
    wire.put_table(0x1001, encode_pmt(2, 0x200, [(0x200, HEVC, b"")]))
    programmes, _ = programmes_of(wire.data)
    assert [(programme.number, programme.tracks[0].codec) for programme in programmes] == [
        (1, "avc1"),
        (2, "hvc1"),
    ]


def test_when_a_programme_has_no_media_any_more_another_one_is_read() -> None:
    wire = Wire()
    wire.put_table(0, encode_pat({1: 0x1000, 2: 0x1001}))
    for _ in range(2):
        wire.put_table(0x1000, encode_pmt(1, VIDEO, [(VIDEO, H264, b"")]))
        wire.put_table(0x1001, encode_pmt(2, 0x200, [(0x200, HEVC, b"")]))
    wire.put_table(0x1000, encode_pmt(1, 0x1FFF, [], version=1))
    wire.put_table(0x1001, encode_pmt(2, 0x200, [(0x200, HEVC, b"")]))
    programmes, _ = programmes_of(wire.data)
    assert [programme.number for programme in programmes] == [1, 2]


def test_a_track_that_stays_goes_on_over_a_change_of_the_map() -> None:
    studio = Studio((VIDEO, H264))
    studio.key(0)
    studio.picture(3600)
    studio.put_table(PMT, encode_pmt(1, VIDEO, [(VIDEO, H264, b""), (AUDIO, ADTS, b"")], version=1))
    studio.picture(7200)
    studio.sound(7200, b"sound")
    media, reader = read(studio.data)
    assert len(bodies(media, KIND_VIDEO)) == 3
    assert bodies(media, KIND_AUDIO) == [b"sound"]
    assert sum(event.body[:2] == b"\x17\0" for event in media) == 1
    assert (reader.stats().tables, reader.stats().stray_packets) == (3, 0)


def test_a_track_that_moves_is_finished_and_begun_again() -> None:
    studio = Studio((VIDEO, H264))
    studio.key(0)
    studio.put_table(PMT, encode_pmt(1, 0x200, [(0x200, H264, b"")], version=1))
    studio.put_unit(0x200, video_pes(annexb(*KEY), 3600))
    media, _ = read(studio.data)
    assert [event.timestamp_ms for event in media] == [0, 0, 40, 40]


def test_a_codec_that_changes_on_its_pid() -> None:
    studio = Studio((AUDIO, ADTS))
    studio.sound(0, b"sound")
    studio.put_table(PMT, encode_pmt(1, AUDIO, [(AUDIO, 0x81, b"")], version=1))
    frame = bytes.fromhex("0b770000" + "02" + "40") + b"\1" * 134  # 48 kHz, 40 kbit/s
    studio.put_unit(AUDIO, audio_pes(frame[:160].ljust(160, b"\1"), 1920))
    media, _ = read(studio.data)
    assert [event.body[:5] for event in media] == [b"\xaf\0\x11\x90", b"\xaf\1sou", b"\x91ac-3"[:5]]


def test_a_table_that_is_not_yet_valid_or_of_another_kind_changes_nothing() -> None:
    studio = Studio((VIDEO, H264))
    future = bytearray(encode_pmt(1, 0x200, [(0x200, H264, b"")], version=1))[:-4]
    future[5] &= 0xFE
    studio.put_table(PMT, bytes(future) + crc32(bytes(future)).to_bytes(4, "big"))
    studio.put_table(PMT, encode_section(0x80, 1, 1, b"private"))
    studio.put_table(PMT, encode_pmt(9, 0x200, [(0x200, H264, b"")]))
    programmes, reader = programmes_of(studio.data)
    assert len(programmes) == 1
    assert reader.stats().bad_tables == 0


def test_a_damaged_table_is_counted_and_the_next_one_read() -> None:
    wire = Wire()
    wire.put_table(0, encode_pat({1: PMT}))
    section = encode_pmt(1, VIDEO, [(VIDEO, H264, b"")])
    wire.put_table(PMT, section[:10] + b"\x55" + section[11:])
    wire.put_table(PMT, section)
    programmes, reader = programmes_of(wire.data)
    assert len(programmes) == 1
    assert (reader.stats().bad_tables, reader.stats().tables) == (1, 2)


def test_a_table_of_several_sections_holds_once_it_is_whole() -> None:
    first, second = (bytearray(encode_pat(programmes)) for programmes in ({1: 0x1000}, {2: 0x1001}))
    wire, reader = Wire(), TsReader()
    for number, section in enumerate((first, second)):
        section[6:8] = bytes((number, 1))
        whole = bytes(section[:-4])
        wire.put_table(0, whole + crc32(whole).to_bytes(4, "big"))
    wire.put_table(0x1001, encode_pmt(2, VIDEO, [(VIDEO, H264, b"")]))
    events = reader.receive(wire.data, 0)
    assert [event.number for event in events if isinstance(event, Programme)] == [2]


def test_a_frame_cut_in_two_by_a_new_map_is_not_lost() -> None:
    studio = Studio((AUDIO, ADTS))
    frame = adts(b"sound" * 20)
    studio.put_unit(AUDIO, audio_pes(frame[:50], 0))
    studio.put_table(PMT, encode_pmt(1, AUDIO, [(AUDIO, ADTS, b""), (0x102, ADTS, b"")], version=1))
    studio.put_unit(AUDIO, audio_pes(frame[50:], 1920))
    reader = TsReader()
    assert bodies(media_of(reader.receive(studio.data, 0)), KIND_AUDIO) == [b"sound" * 20]
