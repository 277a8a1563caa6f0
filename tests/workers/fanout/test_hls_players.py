"""Players of HLS in the books: what they were sent to the byte, when they came and why they went."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from engine.config import load
from engine.config.key_table import hash_line
from engine.config.secret import digest
from engine.hooks.notices import Ended
from engine.protocols.hls import PartEnd, SegmentBegin, StreamEnd, init_name
from engine.protocols.hls.cut_outputs import Chunk
from shm.directory import StreamRecord, StreamState
from tests.engine.http2.talk import request
from tests.workers.fanout.http2_stage import Report
from tests.workers.fanout.http_stage import (
    FANOUT,
    MEDIA,
    NAME,
    WHOLE_SEGMENTS,
    HttpStage,
    Viewer,
    reload,
    staged,
)
from tests.workers.fanout.test_visits import FOLLOWED, Line
from tests.workers.packager.press import KIB
from workers.fanout.audience import ROUND_S
from workers.fanout.clients import guest_info
from workers.fanout.exchange import Exchange
from workers.fanout.guard import Guard
from workers.fanout.hls_players import REST_S, VIEWER_S
from workers.fanout.main import mourn_predecessor
from workers.runtime.burial import Buried
from workers.runtime.hook_line import HookLine

PART = bytes(number % 251 for number in range(8 * KIB))
PROGRAMME, INIT = f"/{NAME}.m3u8", f"/{NAME}/{init_name('1a2b', 0)}"
SEGMENT, LARGE = f"/{NAME}/1a2b-0.m4s", f"/{NAME}/1a2b-1.m4s"
GONE = f"/{NAME}/1a2b-9.m4s"
A_ROUND_S = ROUND_S + 0.1


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[HttpStage]:
    async with staged(tmp_path) as stage:
        folder = stage.press.packages.folder_of(NAME)
        folder.mkdir(parents=True)
        for path, size in ((INIT, 700), (SEGMENT, 40 * KIB), (LARGE, 1_024 * KIB)):
            (folder / path.rpartition("/")[2]).write_bytes(bytes(size))
        yield stage


def drain(viewer: Viewer) -> bytes:
    """What lies in the socket, without giving anybody a turn."""
    data = b""
    while True:
        try:
            data += viewer.sock.recv(64 * KIB)
        except BlockingIOError:
            return data


async def say(viewer: Viewer, line: str, fields: str = "") -> bytes:
    """Send a request; what comes of it."""
    viewer.sock.send(f"{line} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
    await trio.sleep(0.1)
    return drain(viewer)


def end_stream(stage: HttpStage) -> None:
    """The publisher says goodbye; what was packaged is served for a while."""
    stage.press.journal.note_mark(StreamEnd())
    stage.press.journal.write()
    stage.directory.set_state(stage.slot, StreamState.ENDED)


def give_slot_away(stage: HttpStage) -> None:
    """Another stream has the place that the stream had."""
    stage.directory.free(stage.slot)
    other = stage.directory.claim("live/other")
    assert other == stage.slot
    stage.row.begin(stage.worker.directory.get(other).lease)


def asks(host: str = "192.0.2.1") -> Exchange:
    """A request whose answer is a thousand bytes."""
    request = SimpleNamespace(user_agent="hls.js", request_id="")
    return cast(
        "Exchange",
        SimpleNamespace(host=host, request=request, account=None, player=None, guest=None, sent_bytes=1_000),
    )


def ends(stage: HttpStage) -> list[tuple[object, object]]:
    return [(line["reason"], line["seconds"]) for line in stage.log.of("ended")]


# -- bytes


async def test_what_a_player_got_is_what_was_sent(stage: HttpStage, autojump_clock: MockClock) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    part = stage.write_part(PART)
    gzip, piece = "Accept-Encoding: gzip\r\n", "Range: bytes=5-99\r\n"
    asked = [(PROGRAMME, ""), (PROGRAMME, ""), (MEDIA, ""), (MEDIA, gzip), (INIT, "")]
    for target, fields in [*asked, (SEGMENT, ""), (SEGMENT, piece), (part, ""), (reload(0), gzip)]:
        assert (await viewer.get(target, fields)).status in (200, 206)
    viewer.ask(reload(1))
    await trio.sleep(0.1)
    stage.write_part(PART)
    await viewer.hear()
    await trio.sleep(A_ROUND_S)
    assert stage.booked_bytes() == viewer.heard_bytes > 50 * KIB
    assert stage.row.bytes_out == viewer.heard_bytes


async def test_a_part_that_grows_is_counted_with_its_chunks_as_the_socket_took_it(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer, journal = stage.connect(), stage.press.journal
    await viewer.get(MEDIA)
    viewer.ask(f"/{NAME}/1a2b-{WHOLE_SEGMENTS}.0.m4s")
    await trio.sleep(0.1)
    journal.note_mark(SegmentBegin(WHOLE_SEGMENTS, 2_000_000, 0, False, True))
    first = journal.next_seq
    journal.note_chunk(Chunk(PART, 0, True, True, True))
    journal.write()
    await trio.sleep(0.1)
    data = drain(viewer)
    assert not data.endswith(b"\r\n0\r\n\r\n")
    journal.note_mark(PartEnd(WHOLE_SEGMENTS, 0, 500_000, True, len(PART), first, journal.next_seq))
    journal.write()
    await trio.sleep(A_ROUND_S)
    data += drain(viewer)
    assert data.endswith(b"\r\n0\r\n\r\n")
    assert stage.booked_bytes() == stage.row.bytes_out == viewer.heard_bytes + len(data)


async def test_refusals_preflights_and_heads_by_themselves_are_sent_to_nobody_who_plays(
    stage: HttpStage,
    autojump_clock: MockClock,
) -> None:
    viewer = stage.connect()
    for line in (f"HEAD {MEDIA}", f"HEAD {SEGMENT}", f"OPTIONS {MEDIA}", f"GET {GONE}"):
        assert await say(viewer, line)
    etag = f'If-None-Match: "{SEGMENT.rpartition("/")[2]}"\r\n'
    unchanged = await say(viewer, f"GET {SEGMENT}", etag)
    assert unchanged.startswith(b"HTTP/1.1 304 ")
    await trio.sleep(A_ROUND_S)
    assert stage.booked_bytes() == stage.row.bytes_out == len(unchanged)


@pytest.mark.parametrize("target", [LARGE, f"/{NAME}/1a2b-{WHOLE_SEGMENTS}.0.m4s"])
async def test_of_an_answer_that_its_player_leaves_what_was_taken_counts(
    stage: HttpStage, autojump_clock: MockClock, target: str
) -> None:
    viewer = stage.connect(buffer_bytes=4 * KIB)
    await viewer.get(MEDIA)
    stage.write_part(PART * 3)
    viewer.ask(target)
    await trio.sleep(0.1)
    taken = len(drain(viewer))
    viewer.close()
    await trio.sleep(A_ROUND_S)
    assert stage.requests("segment" if target == LARGE else "part") == {499: 1}
    assert 0 < taken < (512 * KIB if target == LARGE else len(PART * 3))
    assert stage.booked_bytes() == stage.row.bytes_out == viewer.heard_bytes + taken


async def test_over_http2_bodies_count(stage: HttpStage, autojump_clock: MockClock) -> None:
    browser, got = stage.connect_browser(), 0
    for target in (PROGRAMME, MEDIA, INIT, SEGMENT, reload(0), f"/{NAME}/1a2b-{WHOLE_SEGMENTS}.0.m4s"):
        if target == reload(0):
            stage.write_part(PART)
        status, _, body = await browser.get(request(target.encode()))
        assert status == 200
        got += len(body)
    assert (await browser.get(request(SEGMENT.encode(), b"HEAD")))[0] == 200
    assert (await browser.get(request(GONE.encode())))[0] == 404
    await trio.sleep(A_ROUND_S)
    assert stage.booked_bytes() == stage.row.bytes_out == got


async def test_what_is_sent_of_a_stream_that_is_over_is_no_other_streams(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer, slow = stage.connect(), stage.connect(buffer_bytes=4 * KIB)
    await viewer.get(MEDIA)
    slow.ask(LARGE)
    await trio.sleep(A_ROUND_S)
    end_stream(stage)
    give_slot_away(stage)
    assert (await viewer.get(SEGMENT)).status == 200
    assert (await slow.hear()).status == 200
    await trio.sleep(A_ROUND_S)
    assert stage.booked_bytes() == viewer.heard_bytes + slow.heard_bytes
    assert stage.row.bytes_out == 0


async def test_nor_is_it_the_next_ones_of_its_name(stage: HttpStage, autojump_clock: MockClock) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    part = stage.write_part(PART)
    end_stream(stage)
    again = stage.directory.claim(NAME)
    await trio.sleep(0.1)  # the news of the end are on their way
    for target in (SEGMENT, part):
        assert (await viewer.get(target)).status == 200
    await trio.sleep(A_ROUND_S)
    assert stage.booked_bytes() == viewer.heard_bytes
    assert stage.worker.board.row(FANOUT.number, again).bytes_out == 0


# -- players


async def test_a_player_is_there_from_its_first_playlist_until_it_is_silent(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    await viewer.get(SEGMENT)
    assert stage.report.told["hls_player_started",] == 0
    await viewer.get(MEDIA)
    assert stage.report.told["hls_player_started",] == 1
    assert stage.row.players_hls == 1
    (line,) = stage.log.of("playing")
    conn = line.pop("conn")
    assert line == {"stream": NAME, "protocol": "hls", "remote": "192.0.2.1"}
    await trio.sleep(10)
    await viewer.get(MEDIA)
    unknown = viewer.heard_bytes
    await trio.sleep(VIEWER_S - 2)
    assert stage.log.of("ended") == []
    await trio.sleep(4)
    assert ends(stage) == [("closed", pytest.approx(10, abs=0.1))]
    assert stage.row.players_hls == 0
    (line,) = stage.log.of("ended")
    assert 0 < cast("int", line.pop("bytes")) < unknown  # without the segment that it was no player for
    assert (line["conn"], line["stream"], line["protocol"]) == (conn, NAME, "hls")
    await viewer.get(MEDIA)
    assert stage.report.told["hls_player_started",] == 2


async def test_it_has_gone_when_it_has_all_of_a_stream_that_is_over(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    end_stream(stage)
    for _ in range(3):
        await trio.sleep(REST_S - ROUND_S)  # as long as the longest segments are, and it plays them
        await viewer.get(SEGMENT)
    assert trio.current_time() > VIEWER_S
    await trio.sleep(REST_S - ROUND_S)
    assert ends(stage) == []
    assert stage.row.players_hls == 1
    await trio.sleep(4 * ROUND_S)
    assert ends(stage) == [("stream_ended", 0)]
    assert stage.log.of("ended")[0]["bytes"] == viewer.heard_bytes


async def test_the_board_forgets_players_of_a_stream_whose_slot_was_freed_before_they_went(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    await trio.sleep(A_ROUND_S)
    assert stage.row.players_hls == 1
    end_stream(stage)
    stage.directory.free(stage.slot)
    await trio.sleep(A_ROUND_S)
    assert stage.row.players_hls == 1
    await trio.sleep(REST_S + 2 * ROUND_S)
    assert ends(stage) == [("stream_ended", 0)]
    assert stage.row.players_hls == 0


async def test_the_board_takes_players_of_a_stream_for_no_players_of_the_next_one_in_its_slot(
    stage: HttpStage, autojump_clock: MockClock
) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    end_stream(stage)
    give_slot_away(stage)
    stage.row.players_hls = 7  # as if it were another's to say
    await trio.sleep(A_ROUND_S)
    assert ends(stage) == []
    assert stage.row.players_hls == 7


async def test_a_worker_that_leaves_has_no_players_left(stage: HttpStage, autojump_clock: MockClock) -> None:
    viewer = stage.connect()
    await viewer.get(MEDIA)
    stage.drain()
    assert ends(stage) == [("drained", 0)]
    assert stage.row.players_hls == 0
    stage.audience.hls_players.note(record_of(stage, NAME), asks())
    assert stage.report.told["hls_player_started",] == 1


async def test_a_banned_address_has_no_players_left(
    stage: HttpStage, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await stage.connect().get(MEDIA)
    monkeypatch.setattr(Guard, "was_banned", lambda guard, host: host == "192.0.2.1")
    monkeypatch.setattr(Guard, "bans_changed", lambda guard: True)
    await trio.sleep(A_ROUND_S)
    assert ends(stage) == [("banned", 0)]
    assert stage.row.players_hls == 1


async def test_a_banned_key_has_no_players_left(
    stage: HttpStage, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = load(f'[play.play_keys]\nvan = "{hash_line(digest("a-key"), None)}"\n', {})
    stage.audience.gate.reconfigure(stage.worker.config, guarded)
    assert (await stage.connect().get(f"{MEDIA}?key=a-key")).status == 200
    monkeypatch.setattr(Guard, "bans_changed", lambda guard: True)
    await trio.sleep(A_ROUND_S)
    assert ends(stage) == []
    monkeypatch.setattr(Guard, "was_key_banned", lambda guard, key_id: key_id == "van")
    await trio.sleep(A_ROUND_S)
    assert ends(stage) == [("banned", 0)]


async def test_a_ban_ends_both_what_services_know_of_a_player_and_what_is_counted(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line()
    async with staged(tmp_path, load(FOLLOWED, {}), None, cast("HookLine", line)) as stage:
        await stage.connect().get(MEDIA)
        monkeypatch.setattr(Guard, "was_banned", lambda guard, host: host == "192.0.2.1")
        monkeypatch.setattr(Guard, "bans_changed", lambda guard: True)
        await trio.sleep(A_ROUND_S)
        assert line.ends == ["banned"]
        assert ends(stage) == [("banned", 0)]


async def test_one_that_changes_to_another_rendition_stays_one_and_goes_with_the_last_of_them(
    stage: HttpStage,
    autojump_clock: MockClock,
) -> None:
    stage.worker.config = load(f'[hls.programmes]\n"live/final" = ["{NAME}", "live/small"]', {})
    stage.directory.claim("live/small")
    players, large, small = (
        stage.audience.hls_players,
        record_of(stage, NAME),
        record_of(stage, "live/small"),
    )
    for record in (large, small):
        exchange = asks()
        players.note(record, exchange)
        players.open_account(record.name, record, exchange)
        players.book(exchange)
    assert players.sweep() == {(small.slot, small.lease): 1}
    players.flush()
    rows = [stage.worker.board.row(FANOUT.number, record.slot) for record in (large, small)]
    assert [row.bytes_out for row in rows] == [1_000, 1_000]
    stage.directory.set_state(small.slot, StreamState.ENDED)
    for _ in range(3):
        assert players.sweep().total() == 1
    stage.directory.set_state(large.slot, StreamState.ENDED)
    assert players.sweep().total() == 1
    await trio.sleep(REST_S + A_ROUND_S)
    assert players.sweep().total() == 0
    assert stage.log.events["playing"] == 1
    assert [line["bytes"] for line in stage.log.of("ended")] == [2_000]


def record_of(stage: HttpStage, name: str) -> StreamRecord:
    record: StreamRecord | None = stage.worker.directory.find(name)
    assert record is not None
    return record


def test_players_that_went_down_with_a_worker_are_counted_by_its_successor() -> None:
    report = Report()
    worker = SimpleNamespace(buried=(Buried(0, 1, 0, 0, 0, 0, 0, players_hls=7),))
    mourn_predecessor(cast("Any", worker), cast("Any", report))
    assert report.told["died_with_predecessor", "hls", 7] == 1


async def test_services_and_lists_are_told_of_the_same_bytes(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    line = Line()
    async with staged(tmp_path, load(FOLLOWED, {}), None, cast("HookLine", line)) as stage:
        viewer = stage.connect()
        await viewer.get(MEDIA)
        await viewer.get(stage.write_part(PART))
        (guest,) = stage.audience.hls_visits
        assert guest_info(guest, "fanout0").bytes == viewer.heard_bytes > len(PART)
        await trio.sleep(VIEWER_S + A_ROUND_S)
    assert [notice.bytes for notice in line.told if isinstance(notice, Ended)] == [viewer.heard_bytes]
    assert stage.booked_bytes() == viewer.heard_bytes
