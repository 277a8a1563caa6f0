"""What happens to streams on the way: each sort of damage is counted, costs what it hit, and nothing else."""

from itertools import pairwise

import pytest

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.mpegts import LocalProtocolError, RemoteProtocolError, TsReader
from engine.protocols.mpegts.clock import us_of
from engine.protocols.mpegts.limits import MAX_AUDIO_FRAMES, MAX_SYNC_SEARCH_BYTES
from tests.engine.mpegts.packets import PACKET_BYTES, packet
from tests.engine.mpegts.studio import (
    ADTS,
    AUDIO,
    DELIMITER,
    H264,
    IDR,
    SAMPLES,
    SLICE,
    SPS,
    VIDEO,
    Studio,
    adts,
    annexb,
    audio_pes,
    bodies,
    lengths,
    media_of,
    read,
    untimed_pes,
    video_pes,
)

FRAME = 3600  # ticks of 90 kHz, 25 frames a second
NULL = 0x1FFF


def long_slice(mark: int, packets: int = 3) -> bytes:
    """A slice that takes so many packets."""
    return b"\x41" + bytes((mark,)) * (184 * packets - 60)


def film(pictures: int = 4) -> Studio:
    """A key frame and pictures of three packets each."""
    studio = Studio((VIDEO, H264), (AUDIO, ADTS))
    studio.key(0)
    for number in range(1, pictures):
        studio.picture(number * FRAME, long_slice(number))
    return studio


def packets_of(studio: Studio) -> list[bytes]:
    return [studio.data[at : at + PACKET_BYTES] for at in range(0, len(studio.data), PACKET_BYTES)]


def marks(data: bytes) -> list[int]:
    """Which pictures of `film` came out."""
    media, _ = read(data)
    return [body[6] for body in bodies(media, KIND_VIDEO)[1:]]


def test_a_whole_film() -> None:
    media, reader = read(film().data)
    assert bodies(media, KIND_VIDEO)[0] == lengths(IDR)
    assert marks(film().data) == [1, 2, 3]
    assert [event.timestamp_ms for event in media] == [0, 0, 40, 80, 120]
    assert reader.stats().tables == 2


@pytest.mark.parametrize("lost", range(3, 12))
def test_a_lost_packet_costs_the_picture_it_belonged_to(lost: int) -> None:
    packets = packets_of(film())
    del packets[lost]
    _, reader = read(b"".join(packets))
    hit = 1 + (lost - 3) // 3
    assert marks(b"".join(packets)) == [mark for mark in (1, 2, 3) if mark != hit]
    stats = reader.stats()
    assert stats.continuity_errors == (0 if lost == 11 else 1)
    assert (stats.damaged_units, stats.stray_packets) == [(0, 2), (1, 1), (1, 0)][lost % 3]


def test_a_packet_that_comes_twice_counts_once() -> None:
    packets = packets_of(film())
    doubled = [packets[0], *(p for one in packets[1:] for p in (one, one))]
    media, reader = read(b"".join(doubled))
    assert marks(b"".join(doubled)) == [1, 2, 3]
    assert media == read(film().data)[0]
    assert reader.stats().duplicate_packets == len(packets) - 1
    assert reader.stats().continuity_errors == 0


def test_fifteen_lost_packets_are_not_a_duplicate() -> None:
    studio = Studio((VIDEO, H264))
    studio.key(0)
    studio.picture(FRAME, b"\x41" + bytes(range(1, 252)) * 20)
    packets = packets_of(studio)
    media, reader = read(b"".join(packets[:6] + packets[21:]))
    assert len(bodies(media, KIND_VIDEO)) == 1
    assert (reader.stats().duplicate_packets, reader.stats().continuity_errors) == (0, 1)


def test_an_announced_discontinuity_is_no_error() -> None:
    studio = film()
    studio.counters[VIDEO] = 9
    unit = video_pes(annexb(DELIMITER, long_slice(7)), 4 * FRAME)
    studio.put(VIDEO, unit[:182], start=True, adaptation=b"\x80")
    studio.put(VIDEO, unit[182:366])
    studio.put(VIDEO, unit[366:])
    _, reader = read(studio.data)
    assert marks(studio.data) == [1, 2, 3, 7]
    assert (reader.stats().discontinuities, reader.stats().continuity_errors) == (1, 0)


def test_packets_that_say_they_are_damaged_are_lost() -> None:
    packets = packets_of(film())
    packets[4] = packets[4][:1] + bytes((packets[4][1] | 0x80,)) + packets[4][2:]
    _, reader = read(b"".join(packets))
    assert marks(b"".join(packets)) == [2, 3]
    assert (reader.stats().transport_errors, reader.stats().damaged_units) == (1, 1)


def test_scrambled_packets_are_passed_over() -> None:
    packets = packets_of(film())
    for at in (3, 4, 5):
        packets[at] = packets[at][:3] + bytes((packets[at][3] | 0x80,)) + packets[at][4:]
    _, reader = read(b"".join(packets))
    assert marks(b"".join(packets)) == [2, 3]
    assert (reader.stats().scrambled_packets, reader.stats().continuity_errors) == (3, 0)


def test_null_packets_and_strangers_are_nothing() -> None:
    packets = packets_of(film())
    between = packet(NULL, b"\0" * 184) + packet(0x1234, b"\1" * 184)
    media, reader = read(between + between.join(packets))
    assert media == read(film().data)[0]
    assert reader.stats().null_packets == reader.stats().foreign_packets == len(packets)


@pytest.mark.parametrize("length", range(183))
def test_adaptation_fields_of_every_length(length: int) -> None:
    studio = film(1)
    field = b"" if not length else b"\0" + b"\xff" * (length - 1)
    data = b"\x41" + bytes(range(1, 184)) * 2
    unit = video_pes(annexb(data), FRAME)
    head = 183 - length
    studio.put(VIDEO, unit[:head], start=True, adaptation=field)
    rest = unit[head:]
    for at in range(0, len(rest), 184):
        studio.put(VIDEO, rest[at : at + 184])
    media, reader = read(studio.data)
    assert bodies(media, KIND_VIDEO)[1:] == [lengths(data)]
    assert reader.stats().malformed_packets == 0


def test_adaptation_fields_that_do_not_fit_are_counted() -> None:
    too_long = bytearray(packet(VIDEO, b"x", counter=2))
    too_long[4] = 184
    neither = packet(VIDEO, b"x" * 184)[:3] + b"\x00" + b"x" * 184
    _, reader = read(film().data + bytes(too_long) + neither)
    assert reader.stats().malformed_packets == 2
    assert marks(film().data + bytes(too_long) + neither) == [1, 2, 3]


def test_packets_without_payload_do_not_count() -> None:
    packets = packets_of(film())
    alone = packet(VIDEO, b"", counter=5, adaptation=b"\x10" + b"\0" * 6 + b"\xff" * 176)
    media, reader = read(alone.join(packets))
    assert media == read(film().data)[0]
    assert reader.stats().continuity_errors == 0


@pytest.mark.parametrize("noise", [b"", b"G", b"\0" * 17, b"G" * 300, b"noise" * 99])
def test_alignment_is_found_again_behind_noise(noise: bytes) -> None:
    packets = packets_of(film())
    data = noise + b"".join(packets[:2] + packets[:9]) + noise + b"".join(packets[9:])
    assert set(marks(data)) >= {1}
    _, reader = read(data + film().data)
    assert marks(data + film().data)[-3:] == [1, 2, 3]
    assert reader.stats().skipped_bytes <= 2 * len(noise) + 3 * PACKET_BYTES


def test_what_is_no_transport_stream_is_refused() -> None:
    reader = TsReader()
    reader.receive(b"\0" * MAX_SYNC_SEARCH_BYTES, 0)
    with pytest.raises(RemoteProtocolError) as raised:
        reader.receive(b"\0", 0)
    assert raised.value.events == ()
    with pytest.raises(LocalProtocolError):
        reader.receive(b"", 0)


def test_what_came_before_a_refusal_is_told() -> None:
    with pytest.raises(RemoteProtocolError) as raised:
        TsReader().receive(film().data + b"\0" * (MAX_SYNC_SEARCH_BYTES + PACKET_BYTES), 0)
    assert len(raised.value.events) > 3


def test_frames_without_number_are_refused_unless_time_goes_on() -> None:
    studio = Studio((AUDIO, ADTS))
    for _ in range(80):
        studio.sound(0, *[b"x"] * MAX_AUDIO_FRAMES)
    pieces = [studio.data[at : at + 1316] for at in range(0, len(studio.data), 1316)]
    patient = TsReader()
    events = [event for at, piece in enumerate(pieces) for event in patient.receive(piece, at * 10_000)]
    assert len(events) == 80 * MAX_AUDIO_FRAMES + 2
    with pytest.raises(RemoteProtocolError):
        read(studio.data)


def test_more_frames_than_a_pes_packet_can_have_are_left_out() -> None:
    studio = Studio((AUDIO, ADTS))
    studio.sound(0, *[b"x"] * (MAX_AUDIO_FRAMES + 9))
    studio.sound(0, b"y")
    media, _ = read(studio.data)
    assert bodies(media, KIND_AUDIO) == [b"x"] * MAX_AUDIO_FRAMES + [b"y"]


def test_pictures_before_the_first_parameter_sets_are_left_out() -> None:
    studio = Studio((VIDEO, H264))
    studio.picture(0)
    studio.picture(FRAME)
    studio.key(2 * FRAME)
    media, reader = read(studio.data)
    assert [event.timestamp_ms for event in media] == [80, 80]
    assert reader.stats().headless_frames == 2


def test_pictures_without_any_time_are_left_out_and_later_ones_follow_the_last() -> None:
    studio = Studio((VIDEO, H264))
    key = annexb(SPS, b"\x68\xeb\xe3\xcb\x22\xc0", IDR)
    studio.put_unit(VIDEO, untimed_pes(key, 0xE0))
    studio.put_unit(VIDEO, video_pes(key, 0))
    studio.put_unit(VIDEO, video_pes(key, FRAME))
    studio.put_unit(VIDEO, untimed_pes(annexb(SLICE), 0xE0))
    media, reader = read(studio.data)
    assert [event.timestamp_ms for event in media] == [0, 0, 40, 80]
    assert reader.stats().untimed_units == 1


def test_several_pictures_in_one_pes_packet() -> None:
    studio = Studio((VIDEO, H264))
    studio.key(0)
    three = annexb(DELIMITER, SLICE, DELIMITER, SLICE, SLICE, DELIMITER, SLICE)
    studio.put_unit(VIDEO, video_pes(three, FRAME))
    media, _ = read(studio.data)
    assert bodies(media, KIND_VIDEO)[1:] == [lengths(SLICE), lengths(SLICE, SLICE), lengths(SLICE)]
    assert [event.timestamp_ms for event in media] == [0, 0, 40, 80, 120]


def test_audio_frames_go_on_over_pes_packets() -> None:
    studio = Studio((AUDIO, ADTS))
    frames = [bytes((number,)) * 200 for number in range(1, 13)]
    stream = b"".join(map(adts, frames))
    for at in range(0, len(stream), 500):
        begun = -(-at // 207)  # frames begin every 207 bytes
        studio.put_unit(AUDIO, audio_pes(stream[at : at + 500], begun * SAMPLES))
    media, reader = read(studio.data)
    assert bodies(media, KIND_AUDIO) == frames
    assert [event.dts_us for event in media[1:]] == [us_of(number * SAMPLES) for number in range(12)]
    assert reader.stats().bad_frames == 0


def test_a_hole_in_audio_costs_the_frames_in_it() -> None:
    studio = Studio((AUDIO, ADTS))
    frames = [bytes((number,)) * 150 for number in range(1, 17)]
    for at in (0, 8):
        studio.sound(at * SAMPLES, *frames[at : at + 8])
    packets = packets_of(studio)
    del packets[2 + 4]
    media, reader = read(b"".join(packets))
    assert bodies(media, KIND_AUDIO) == frames[:4] + frames[8:]
    assert [event.dts_us for event in media[5:]] == [us_of((8 + at) * SAMPLES) for at in range(8)]
    assert reader.stats().damaged_units == 1


def test_noise_between_audio_frames_is_jumped_over() -> None:
    studio = Studio((AUDIO, ADTS))
    studio.put_unit(AUDIO, audio_pes(adts(b"one") + b"\xff\xf6noise\xff" + adts(b"two") + adts(b"three"), 0))
    media, reader = read(studio.data)
    assert bodies(media, KIND_AUDIO) == [b"one", b"two", b"three"]
    assert reader.stats().bad_frames == 1


def test_a_time_line_that_wraps_goes_on() -> None:
    wrap = 1 << 33
    studio = Studio((VIDEO, H264), (AUDIO, ADTS))
    for number in range(-10, 10):
        studio.key((wrap + number * FRAME) % wrap)
        studio.sound((wrap + number * FRAME + 900) % wrap, b"sound")
    media, _ = read(studio.data)
    for kind in (KIND_VIDEO, KIND_AUDIO):
        times = [event.dts_us for event in media if event.kind == kind][1:]
        assert [after - before for before, after in pairwise(times)] == [40_000] * 19
    stamps = [event.timestamp_ms for event in media]
    assert max(stamps) - min(stamps) == 19 * 40 + 10


def test_a_picture_is_given_out_at_its_last_packet_once_that_is_known() -> None:
    reader, came = TsReader(), []
    for one in packets_of(film(40)):
        came.append(len(media_of(reader.receive(one, 0))))  # noqa: PERF401 - each needs the one before
    at_their_end = came[2 + 3 * 8 :: 3]
    assert at_their_end == [1] * 32
    assert reader.stats().early_units == 32


def test_stuffing_within_pictures_ends_that_at_the_cost_of_one() -> None:
    studio = film(20)
    for number in range(20, 24):
        unit = video_pes(annexb(DELIMITER, long_slice(number)), number * FRAME)
        studio.put(VIDEO, unit[:184], start=True)
        studio.put(VIDEO, unit[184:300])
        studio.put(VIDEO, unit[300:484])
        studio.put(VIDEO, unit[484:])
    _, reader = read(studio.data)
    assert marks(studio.data) == [*range(1, 20), 20, 21, 22, 23]
    assert reader.stats().damaged_units == 1
