"""What we multiplex: every rule of the standard that players rely on, and PyAV as a player."""

import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from engine.protocols.mpegts import Group, Media, TsEvent, TsReader, TsWriter
from tests.engine.mpegts.films import FILMS, make_film, our_frames, read_film, their_frames
from tests.engine.mpegts.packets import Packet, split_packets

PAT, PMT, VIDEO, AUDIO = 0, 0x1000, 0x100, 0x101
PCR_HZ = 27_000_000


@pytest.fixture(scope="module", params=FILMS)
def film(request: pytest.FixtureRequest, ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_film(ffmpeg, tmp_path_factory.mktemp("film") / "film.ts", FILMS[request.param])


@pytest.fixture(scope="module")
def groups(film: bytes) -> list[Group]:
    return write(media_of(read_film(film)))


def media_of(events: list[TsEvent]) -> list[Media]:
    """As intake hands it on: in order of decoding."""
    return [event for event in events if isinstance(event, Media)]


def write(media: list[Media]) -> list[Group]:
    writer = TsWriter()
    groups = [
        group for event in media for group in writer.write(event.kind, event.dts_us, event.pts_us, event.body)
    ]
    return groups + writer.flush()


def joined(groups: list[Group]) -> bytes:
    return b"".join(group.data for group in groups)


def packets_of(groups: list[Group]) -> list[Packet]:
    return list(split_packets(joined(groups)))


def by_kind(events: list[TsEvent]) -> list[Media]:
    return sorted(media_of(events), key=lambda event: event.kind)


def test_what_is_written_reads_back_to_the_bit(film: bytes, groups: list[Group]) -> None:
    assert by_kind(read_film(joined(groups))) == by_kind(read_film(film))


def test_pyav_reads_the_same_frames(film: bytes, groups: list[Group], tmp_path: Path) -> None:
    path = tmp_path / "ours.ts"
    path.write_bytes(joined(groups))
    assert their_frames(path) == our_frames(read_film(film))


def test_ffmpeg_decodes_it_without_a_word(ffmpeg: Path, groups: list[Group], tmp_path: Path) -> None:
    path = tmp_path / "ours.ts"
    path.write_bytes(joined(groups))
    command = [str(ffmpeg), "-v", "warning", "-i", str(path), "-f", "null", "-"]
    spoken = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert spoken.stderr == ""


def test_counters_are_in_step(groups: list[Group]) -> None:
    reader = TsReader()
    reader.receive(joined(groups), 0)
    stats = reader.stats()
    assert (stats.continuity_errors, stats.duplicate_packets, stats.discontinuities) == (0, 0, 0)
    assert (stats.bad_tables, stats.stray_packets, stats.malformed_packets) == (0, 0, 0)


def test_groups_are_datagrams(groups: list[Group]) -> None:
    assert all(len(group.data) % 188 == 0 for group in groups)
    assert all(0 < len(group.data) <= 1316 for group in groups)
    short = [at for at, group in enumerate(groups) if len(group.data) < 1316]
    assert all(at + 1 == len(groups) or groups[at + 1].start for at in short)


def test_a_player_can_begin_at_every_start(film: bytes, groups: list[Group]) -> None:
    keys = [frame for frame in our_frames(read_film(film)) if frame.key]
    starts = [at for at, group in enumerate(groups) if group.start]
    assert len(starts) == len(keys)
    for at, key in zip(starts, keys, strict=True):
        first = list(split_packets(groups[at].data))[:3]
        assert [packet.pid for packet in first] == [PAT, PMT, VIDEO]
        assert first[2].pcr is not None
        seen = our_frames(read_film(joined(groups[at:])))
        assert seen[0] == key


def test_the_clock_ticks_often_enough(groups: list[Group]) -> None:
    clock = [packet.pcr for packet in packets_of(groups) if packet.pcr is not None]
    steps = [after - before for before, after in pairwise(clock)]
    assert all(0 < step <= PCR_HZ * 40 // 1000 for step in steps)


def test_tables_come_often_enough(groups: list[Group]) -> None:
    """Measured by the clock reference that follows each."""
    times: dict[int, list[int]] = {PAT: [], PMT: []}
    clock = 0
    for packet in reversed(packets_of(groups)):
        clock = packet.pcr or clock
        if packet.pid in times and clock:
            times[packet.pid].append(clock)
    for clocks in times.values():
        assert len(clocks) > 15
        assert all(after - before <= PCR_HZ * 100 // 1000 for after, before in pairwise(clocks))


def test_decoding_never_waits_for_the_clock(groups: list[Group]) -> None:
    """Each frame stands in the stream before the clock reaches its time."""
    clock = 0
    for packet in packets_of(groups):
        clock = packet.pcr or clock
        if packet.start and packet.pid in (VIDEO, AUDIO):
            stamp = packet.payload[9:14]
            pts = (
                (stamp[0] >> 1 & 7) << 30
                | (stamp[1] << 8 | stamp[2]) >> 1 << 15
                | (stamp[3] << 8 | stamp[4]) >> 1
            )
            assert pts * 300 > clock


def test_a_silence_is_filled_with_clock_and_tables() -> None:
    writer = TsWriter()
    writer.write(KIND_AUDIO, 0, 0, b"\xaf\x00\x11\x90")
    groups = writer.write(KIND_AUDIO, 1_000_000, 1_000_000, b"\xaf\x01one")
    groups += writer.write(KIND_AUDIO, 1_900_000, 1_900_000, b"\xaf\x01two")
    groups += writer.flush()
    clock = [packet.pcr for packet in packets_of(groups) if packet.pcr is not None]
    assert [after - before for before, after in pairwise(clock)] == [
        *[PCR_HZ * 40 // 1000] * 22,
        PCR_HZ * 20 // 1000,
    ]


def test_a_restart_is_marked_on_every_pid_once(film: bytes) -> None:
    media = media_of(read_film(film))
    writer, groups = TsWriter(), list[Group]()
    for event in media:
        writer.write(event.kind, event.dts_us, event.pts_us, event.body)
    writer.flush()
    writer.restart()
    for event in media:
        groups += writer.write(event.kind, event.dts_us, event.pts_us, event.body)
    marked: dict[int, list[bool]] = defaultdict(list)
    for packet in packets_of(groups):
        marked[packet.pid].append(packet.discontinuity)
    assert all(marks == [True] + [False] * (len(marks) - 1) for marks in marked.values())
    assert {PAT, PMT} < set(marked)


def test_time_that_goes_back_restarts_by_itself() -> None:
    writer = TsWriter()
    writer.write(KIND_AUDIO, 0, 0, b"\xaf\x00\x11\x90")
    writer.write(KIND_AUDIO, 90_000_000, 90_000_000, b"\xaf\x01one")
    writer.flush()
    groups = writer.write(KIND_AUDIO, 1_000_000, 1_000_000, b"\xaf\x01two") + writer.flush()
    assert [packet.discontinuity for packet in packets_of(groups)] == [True, True, True]


def test_a_track_that_comes_later_changes_the_table() -> None:
    writer = TsWriter()
    groups = writer.write(KIND_AUDIO, 0, 0, b"\x91ac-3frame")
    writer.write(KIND_VIDEO, 0, 0, AVC_HEADER)
    groups += writer.write(KIND_VIDEO, 20_000, 20_000, AVC_KEY) + writer.flush()
    pmts = [packet.payload for packet in packets_of(groups) if packet.pid == PMT]
    assert [table[6] >> 1 & 31 for table in pmts] == [0, 1]
    assert all(group.start == (at == 1) for at, group in enumerate(groups))
    assert packets_of(groups)[-1].pid == VIDEO


AVC_HEADER = bytes.fromhex(
    "17000000000164000dffe1001a6764000dacd941519e226c0440000003004000000c83c50a658001000668ebe3cb22c0fdf8f800"
)
AVC_KEY = bytes.fromhex("1701000000000000056588840000")


def test_what_has_no_form_in_a_transport_stream_is_counted() -> None:
    writer = TsWriter()
    for kind, body in [
        (KIND_AUDIO, b"\xaf\x01frame without a header"),
        (KIND_AUDIO, b"\xaf\x00\xf8"),  # no AAC
        (KIND_AUDIO, b"\x90Opusnot a header"),
        (KIND_AUDIO, b"\x91fLaCframe"),
        (KIND_VIDEO, b"\x90av01\x81\x00\x0c\x00"),
        (KIND_VIDEO, AVC_KEY),
    ]:
        assert writer.write(kind, 0, 0, body) == []
    assert writer.stats.left_out == 6
    writer.write(KIND_VIDEO, 0, 0, AVC_HEADER)
    writer.write(KIND_VIDEO, 0, 0, b"\x27\x01\0\0\0\0\0\0\x09short")
    assert writer.stats.left_out == 7
    assert writer.flush() == []
