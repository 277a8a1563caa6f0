"""HLS players with bad manners: absurd directives, names that lead elsewhere, crowds that wait, readers who
dawdle. Each costs what it may cost, is counted, and is nobody else's trouble.

The stream's publisher is gone and awaited, so that its playlist stands still while these stories are told.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import scrape, wait_for_figures
from tests.e2e.hls_client import HlsClient
from tests.e2e.hostile.strangers import Stranger, exchange, http_request, status_of, stranger
from tests.e2e.hostile.vitals import MIB, vitals_of
from tests.e2e.media import make_heavy_film, publish
from workers.fanout.holds import MAX_HELD_PER_ADDRESS

pytestmark = pytest.mark.slow

SEGMENT_S: Final = 3.0
FOLDER: Final = b"/live/film"

SETTINGS: Final[Settings] = {
    "workers": {"fanout": 1, "drain_s": 5.0},
    "hls": {"on_demand": False, "segment_s": SEGMENT_S},
    "publish": {"grace_s": 600.0},
}


class Still:
    """An engine with a stream whose playlist does not change any more."""

    def __init__(self, engine: RunningEngine) -> None:
        self.engine = engine
        with HlsClient(engine, "live/film") as client:
            text = client.reload()
            self.segment = client.segments()[-1].encode()
            self.hint = client.hint.encode()
        self.next_msn = text.count("#EXTINF") + int(text.partition("MEDIA-SEQUENCE:")[2].partition("\n")[0])

    async def status(self, target: bytes, *fields: bytes) -> int:
        return status_of(
            await exchange(self.engine, "http", http_request(target, b"Connection: close", *fields))
        )


@pytest.fixture(scope="module")
def still(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Still]:
    folder = tmp_path_factory.mktemp("still")
    film = make_heavy_film(ffmpeg, folder / "film.flv")  # a segment is far more than sockets hold
    with RunningEngine(folder, SETTINGS) as engine:
        publisher = publish(ffmpeg, film, engine.rtmp_url("live/film"))
        made = wait_for_figures(engine, lambda now: now.sum("fanlight_hls_segment_seconds_count") >= 1)
        assert made.sum("fanlight_hls_segment_seconds_count") >= 1
        publisher.kill()
        publisher.communicate()
        gone = wait_for_figures(engine, lambda now: now.sum("fanlight_streams", state="grace") == 1)
        assert gone.sum("fanlight_streams", state="grace") == 1
        before = engine.pids()
        yield Still(engine)
        assert engine.pids() == before, f"a worker died\n{engine.log}"
    faults = [line for line in engine.log.lines if line.get("level") in {"error", "critical"}]
    assert not faults, faults


# -- what is asked for

NUMBERS: Final = (
    b"-1",
    b"+1",
    b"%2b1",
    b"1e3",
    b"0x1",
    b"1.5",
    b"1%20",
    b"%201",
    b"1_000",
    b"",
    b"None",
    b"99999999999999999",
    b"9" * 4_000,
    b"%ef%bc%91",  # a digit one, but a wide one
    b"%d9%a1",  # an Arabic one
    b"%c2%b2",  # squared
    b"%f0%9d%9f%8f",  # bold
    b"1%00",
    b"1%0a",
)


@pytest.mark.parametrize("name", [b"_HLS_msn", b"_HLS_part"])
async def test_numbers_that_are_none_are_bad_requests(name: bytes, still: Still) -> None:
    start = FOLDER + b"/media.m3u8?" + (b"_HLS_msn=0&" if name == b"_HLS_part" else b"")
    answers = {number: await still.status(start + name + b"=" + number) for number in NUMBERS}
    assert {number: status for number, status in answers.items() if status not in (400, 414)} == {}


DIRECTIVES: Final = {
    "a part of nothing": b"_HLS_part=0",
    "a part beyond all parts": b"_HLS_msn=0&_HLS_part=10000",
    "a segment of the next century": b"_HLS_msn=9007199254740991",
    "both far away": b"_HLS_msn=9007199254740991&_HLS_part=9999",
    "a directive twice": b"_HLS_msn=0&_HLS_msn=0",
    "a directive in two spellings": b"_HLS_msn=0&_HLS_%6dsn=0",
    "another kind of delta": b"_HLS_skip=v3",
    "an empty kind of delta": b"_HLS_skip=",
}


@pytest.mark.parametrize("query", DIRECTIVES.values(), ids=DIRECTIVES.keys())
async def test_directives_that_no_player_gives_are_bad_requests(query: bytes, still: Still) -> None:
    assert await still.status(FOLDER + b"/media.m3u8?" + query) == 400


async def test_what_is_long_past_is_answered_at_once(still: Still) -> None:
    for query in (b"_HLS_msn=0", b"_HLS_msn=0&_HLS_part=0", b"_HLS_msn=0&_HLS_skip=YES"):
        assert await still.status(FOLDER + b"/media.m3u8?" + query) == 200


async def test_names_that_lead_elsewhere_lead_nowhere(still: Still) -> None:
    segment = still.segment
    targets = [
        FOLDER + b"/../../../../../etc/passwd",
        FOLDER + b"/..%2f..%2f..%2fetc%2fpasswd",
        FOLDER + b"/%2e%2e/%2e%2e/etc/passwd",
        FOLDER + b"/%252e%252e%252f" + segment,
        FOLDER + b"/..\\..\\" + segment,
        FOLDER + b"/+/" + segment,  # what the folder of files is called inside
        FOLDER + b"/%2b/" + segment,
        FOLDER + b"%2f" + segment,
        FOLDER + b"/./" + segment,
        FOLDER + b"//" + segment,
        FOLDER + b"/" + segment + b"/",
        FOLDER + b"/" + segment + b"%00",
        FOLDER + b"/" + segment + b"%00.ts",
        FOLDER + b"/%00" + segment,
        FOLDER + b"/" + segment + b"%0d%0aX: y",
        FOLDER + b"/" + segment + b"%20",
        FOLDER + b"/" + segment.replace(b"-", b"%e2%80%90"),
        FOLDER + b"/" + segment.replace(b"-", b"-0"),
        FOLDER + b"/" + segment.replace(b"-", b"-+"),
        FOLDER + b"/" + segment.replace(b".m4s", b".M4S"),
        FOLDER + b"/" + segment.replace(b".m4s", b".growing"),
        FOLDER + b"/" + segment.replace(b".m4s", b".99999999999999999999.m4s"),
        FOLDER + b"/0-" + b"9" * 400 + b".m4s",
        b"/live/../live/film/" + segment,
        b"/live/%2e%2e/live/film/" + segment,
        b"/+/" + segment,
        b"/" + segment,
        b"/../" + segment,
        b"/%2e%2e%2f" + segment,
        b"file:///etc/passwd",
        b"//etc/passwd",
    ]
    answers = {target: await still.status(target) for target in targets}
    assert {target: status for target, status in answers.items() if status not in (400, 404)} == {}
    assert await still.status(FOLDER + b"/" + segment) == 200


# -- how it is asked


async def test_requests_sent_ahead_are_answered_one_after_the_other(still: Still) -> None:
    asked = [
        http_request(FOLDER + b"/" + file, b"X-Request-Id: number-%d" % number)
        for number, file in enumerate([b"media.m3u8", b"1-1.m4s", b"media.m3u8?_HLS_msn=x"] * 40)
    ]
    last = http_request(FOLDER + b".m3u8", b"X-Request-Id: the-last", b"Connection: close")
    answer = await exchange(still.engine, "http", b"".join(asked) + last)
    ids = [line.split(b" ")[1] for line in answer.splitlines() if line.lower().startswith(b"x-request-id")]
    assert ids == [*(b"number-%d" % number for number in range(len(asked))), b"the-last"]
    assert answer.count(b"HTTP/1.1 404") == answer.count(b"HTTP/1.1 400") == 40


BODIES: Final = {
    "a length": b"Content-Length: 5\r\n\r\nhello",
    "a length of more than there is": b"Content-Length: 999999999\r\n\r\nhello",
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a hidden request": b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + http_request(b"/live/film.m3u8"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_request_with_a_body_is_the_last_one_and_is_refused(body: bytes, still: Still) -> None:
    asked = http_request(FOLDER + b"/media.m3u8")
    answer = await exchange(still.engine, "http", asked + asked[:-2] + body + asked)
    statuses = [int(line.split(b" ")[1]) for line in answer.splitlines() if line.startswith(b"HTTP/1.1 ")]
    assert statuses in ([200, 413], [200, 400])


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"TRACE", b"CONNECT", b"get"])
async def test_other_methods_are_refused(method: bytes, still: Still) -> None:
    asked = http_request(FOLDER + b"/media.m3u8").replace(b"GET", method, 1)
    assert status_of(await exchange(still.engine, "http", asked)) in (400, 405)


# -- who waits

CROWD: Final = 600
HOLDS: Final = "fanlight_hls_refused_holds_total"
HELD: Final = "fanlight_hls_blocked_reloads"


@asynccontextmanager
async def neighbour(engine: RunningEngine) -> AsyncIterator[Stranger]:
    """Somebody of another address."""
    host, number = engine.addresses["http"].rsplit(":", 1)
    with trio.socket.socket() as sock:
        await sock.bind(("127.0.0.2", 0))
        await sock.connect((host, int(number)))
        yield Stranger(sock)


async def test_a_crowd_that_waits_at_one_address_is_bounded_and_keeps_nobody_else_from_waiting(
    still: Still,
) -> None:
    engine, before = still.engine, scrape(still.engine)
    reload = http_request(FOLDER + b"/media.m3u8?_HLS_msn=%d" % still.next_msn)
    async with AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(stranger(engine, "http")) for _ in range(CROWD)]
        other = await stack.enter_async_context(neighbour(engine))
        for client in crowd:
            await client.say(reload)
        await other.say(reload)
        held = MAX_HELD_PER_ADDRESS + 1
        now = await trio.to_thread.run_sync(wait_for_figures, engine, lambda now: now.sum(HELD) == held)
        assert now.sum(HELD) == held
        assert now.sum(HOLDS, reason="address") - before.sum(HOLDS, reason="address") == CROWD - held + 1
        async with neighbour(engine) as third:
            await third.say(http_request(FOLDER + b"/" + still.segment, b"Connection: close"))
            assert status_of(await third.hear()) == 200
        answers = [await client.hear(b"\r\n\r\n") for client in (*crowd, other)]
    assert {status_of(answer) for answer in answers} == {503}  # the playlist stands still for too long
    assert all(b"Retry-After" in answer for answer in answers)
    assert wait_for_figures(engine, lambda now: now.sum(HELD) == 0).sum(HELD) == 0


# -- who dawdles

DAWDLERS: Final = 100
EACH_BYTES: Final = 256 * 1024
LEFT_OPEN: Final = 8  # descriptors that come and go meanwhile


async def test_who_reads_a_segment_slowly_shares_its_file_and_costs_no_memory(still: Still) -> None:
    engine, before = still.engine, vitals_of(still.engine)["fanout0"]
    request = http_request(FOLDER + b"/" + still.segment)
    async with AsyncExitStack() as stack:
        for _ in range(DAWDLERS):
            client = await stack.enter_async_context(stranger(engine, "http"))
            await client.say(request)
            await client.hear(b"\r\n\r\n")
        now = vitals_of(engine)["fanout0"]
        assert now.descriptors - before.descriptors <= DAWDLERS + LEFT_OPEN
        assert now.private_bytes - before.private_bytes < DAWDLERS * EACH_BYTES
        whole = await exchange(
            engine, "http", http_request(FOLDER + b"/" + still.segment, b"Connection: close")
        )
        assert len(whole) > 4 * MIB


async def test_what_is_deleted_is_held_open_by_nobody(still: Still) -> None:
    engine = still.engine
    assert await still.status(FOLDER + b"/" + still.segment) == 200
    path = path_of(engine, still.segment.decode())
    assert links_to(engine, path) == 1
    os.unlink(path)
    closed = "fanlight_hls_files_closed_total"
    now = wait_for_figures(engine, lambda now: now.sum(closed, reason="deleted") == 1)
    assert now.sum(closed, reason="deleted") == 1
    assert links_to(engine, path) == 0
    assert await still.status(FOLDER + b"/" + still.segment) == 404


def path_of(engine: RunningEngine, name: str) -> Path:
    """Where a segment's file is."""
    (folder,) = Path("/dev/shm").glob(f"fanlight-hls-{engine.process.pid}-*")
    (path,) = folder.rglob(name)
    return path


def links_to(engine: RunningEngine, path: Path) -> int:
    """How many descriptors of the fanout worker are of this file, deleted or not."""
    descriptors = Path(f"/proc/{engine.pids()['fanout0']}/fd")
    targets = [os.readlink(each) for each in descriptors.iterdir() if each.is_symlink()]
    return sum(target.startswith(str(path.parent)) and path.stem in target for target in targets)
