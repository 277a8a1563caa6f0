"""The figures are true: what the engine has counted is what its clients have counted, to the byte.

And they stay so while workers are killed: counters never fall, gauges return to zero, and neither the series
nor the files of the metrics become more.
"""

import os
import random
from typing import Final

import pytest
import trio

from bench.hls.books import OK
from bench.stream import Shape
from engine.metrics import CATALOGUE
from tests.e2e.conftest import StartEngine
from tests.e2e.crowds import Crowds, crowds
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import Counters, Figures, check_connections, scrape, wait_for_figures
from tests.e2e.hls_crowd import HlsBooks
from tests.e2e.studio import STREAM, Studio, studio
from workers.control.machine import Machine
from workers.runtime.vitals import own_cgroup
from workers.supervisor.private_folder import METRICS_PREFIX, SHARED_MEMORY

pytestmark = pytest.mark.slow

NIGHTLY: Final = "NIGHTLY" in os.environ
EACH: Final = 334 if NIGHTLY else 12
"""Players of each of three protocols."""
OF_HLS: Final = 60 if NIGHTLY else 6
"""Players of HLS. The stream is five times as fast as in the world, and so are their requests."""
KILLS_AT_REST: Final = 25 if NIGHTLY else 3
KILLS_UNDER_LOAD: Final = 25 if NIGHTLY else 3
EACH_TO_BE_KILLED: Final = 4
PLAYED: Final = 240
"""Messages that everybody plays: parts of ten, five seconds of the stream's time."""
PAGES: Final = 9
QUESTIONS: Final = 7
PUBLISHERS: Final = 1
PLAYERS: Final = {"http-flv": EACH, "ws-flv": EACH, "rtmp": EACH, "hls": OF_HLS}
HLS_ROUTES: Final = {
    "multivariant": "/{stream}.m3u8",
    "playlist": "/{stream}/media.m3u8",
    "part": "/{stream}/{file}",
}
"""Of requests as players of HLS call them; what is in files is all parts to them."""
STREAM_ROUTE: Final = "/{stream}.flv"
BANS_ROUTE: Final = "/api/v1/bans"
TOOK: Final = "fanlight_http_request_seconds_count"
WORKERS: Final = ("fanout0", "ingest0", "control0", "fanout1", "packager0")

SEND_BUFFER_BYTES: Final = 16_384
QUEUE_BYTES: Final = 4 * SEND_BUFFER_BYTES
"""What a socket may hold of a player that went down with its worker: Linux doubles what it is asked for, and
overdraws it by one message."""

# Nobody is killed but by us, and nobody jumps because the machine is slow.
SETTINGS: Final[Settings] = {
    "workers": {
        "fanout": 2,
        "drain_s": 5.0,
        "heartbeat_timeout_s": 60,
        "restart_intensity": 100,
        "restart_window_s": 1,
    },
    "fanout": {"max_lag_s": 10.0, "max_jumps": 1000, "send_buffer_bytes": SEND_BUFFER_BYTES},
    "publish": {"grace_s": 30.0},
    "addresses": {"exempt": "127.0.0.1"},
}
SHAPE: Final = Shape(key_bytes=3_000, inter_bytes=600, audio_bytes=200)


def books() -> dict[str, tuple[str, dict[str, str], float]]:
    """What is counted -> a metric, its labels, and what clients have counted of it."""
    accepted, requests = "fanlight_connections_accepted_total", "fanlight_http_requests_total"
    found: dict[str, tuple[str, dict[str, str], float]] = {
        "connections over RTMP": (accepted, {"protocol": "rtmp"}, EACH + PUBLISHERS),
        "connections over HTTP": (accepted, {"protocol": "http"}, 2 * EACH + 2 * OF_HLS + 2 * PAGES),
        "HTTP players": (requests, {"route": STREAM_ROUTE, "status": "200"}, EACH),
        "WebSocket players": (requests, {"route": STREAM_ROUTE, "status": "101"}, EACH),
        "pages": (requests, {"route": "/", "status": "200"}, PAGES),
        "what is not there": (requests, {"route": STREAM_ROUTE, "status": "404"}, PAGES),
        "questions": (requests, {"route": BANS_ROUTE, "status": "200"}, QUESTIONS),
        "durations of players": (TOOK, {"route": STREAM_ROUTE}, 0),
        "durations of pages": (TOOK, {"route": "/"}, PAGES),
        "durations of questions": (TOOK, {"route": BANS_ROUTE}, QUESTIONS),
        "farewells": ("fanlight_websocket_messages_total", {"type": "close", "direction": "out"}, EACH),
        "publishers": ("fanlight_publishes_started_total", {}, PUBLISHERS),
        "publishers gone": ("fanlight_publishes_ended_total", {"reason": "finished"}, PUBLISHERS),
    }
    for protocol, count in PLAYERS.items():
        one = {"protocol": protocol}
        found[f"players over {protocol}"] = ("fanlight_players_started_total", one, count)
        found[f"players gone over {protocol}"] = ("fanlight_players_ended_total", one, count)
        sessions = ("fanlight_session_seconds_count", one | {"role": "player"}, count)
        found[f"sessions over {protocol}"] = sessions
    return found


BOOKS: Final = books()
WANTED: Final = {what: float(count) for what, (_, _, count) in BOOKS.items()}

AT_ZERO: Final = (
    "fanlight_connections",
    "fanlight_players",
    "fanlight_publishers",
    "fanlight_http_requests_in_flight",
    "fanlight_hls_blocked_reloads",
    "fanlight_tls_connections",
)
"""Gauges of what there is for as long as somebody is there."""

NOT_EMPTY: Final = (
    "fanlight_ingest_processing_seconds_count",
    "fanlight_websocket_message_bytes_count",
    "fanlight_delivery_latency_seconds_count",
    "fanlight_join_seconds_count",
    "fanlight_loop_lag_seconds_count",
)
OF_THE_MACHINE: Final = {
    "fanlight_host_cpu_ratio",
    "fanlight_host_memory_ratio",
    "fanlight_host_memory_bytes",
    "fanlight_host_disk_ratio",
    "fanlight_host_network_bytes_total",
    "fanlight_worker_memory_bytes",
}
MOST_SERIES: Final = 4_000
"""Of one scrape. A stream has forty, a worker thirty; the rest are label sets of the catalogue."""


@pytest.mark.hard_timeout(1_800 if NIGHTLY else 240)
async def test_counters_are_what_clients_counted_whoever_is_killed(start_engine: StartEngine) -> None:
    engine = start_engine(SETTINGS)
    async with studio(engine, SHAPE) as stage, crowds(engine, STREAM, EACH, OF_HLS) as audience:
        await audience.until_all_play()
        await stage.publisher.more(PLAYED)
        await trio.to_thread.run_sync(ask_for_pages, engine)
        await stage.hold()
        await trio.to_thread.run_sync(check_stream, engine, audience)
        stage.publisher.go_on()
        await end(stage, audience)
        await trio.to_thread.run_sync(check_truth, engine, stage, audience)
    await trio.to_thread.run_sync(check_zero, engine)
    known = Known(engine)
    async with studio(engine, SHAPE) as stage, crowds(engine, STREAM, EACH_TO_BE_KILLED) as audience:
        await kill_at_rest(stage, audience, known)
        await kill_under_load(stage, audience, known)
        await end(stage, audience)
        await trio.to_thread.run_sync(known.check_bounds, audience)
    await trio.to_thread.run_sync(check_zero, engine)
    await trio.to_thread.run_sync(check_names, engine)
    assert owners_of_files(engine) == {*WORKERS, "supervisor"}
    assert len(scrape(engine).samples) < MOST_SERIES


async def end(stage: Studio, audience: Crowds) -> None:
    """The stream ends, and with it everybody's evening."""
    audience.keeps = False
    await stage.end()
    await audience.until(lambda: audience.present == 0)


async def kill_at_rest(stage: Studio, audience: Crowds, known: "Known") -> None:
    """Nothing is under way when the worker dies, so that nothing is unknown afterwards."""
    for number in range(KILLS_AT_REST):
        await audience.until_all_play()
        await stage.publisher.more(10)
        await stage.hold()
        await trio.to_thread.run_sync(known.check_exactly, audience)
        await kill(stage, WORKERS[number % len(WORKERS)])
    await audience.until_all_play()
    await stage.hold()
    await trio.to_thread.run_sync(known.check_exactly, audience)
    stage.publisher.go_on()


async def kill_under_load(stage: Studio, audience: Crowds, known: "Known") -> None:
    moments, lost = random.Random(6), audience.lost
    for number in range(KILLS_AT_REST, KILLS_AT_REST + KILLS_UNDER_LOAD):
        await stage.publisher.more(moments.randrange(5, 30))
        await kill(stage, WORKERS[number % len(WORKERS)])
        await trio.to_thread.run_sync(known.look)
        await audience.until_all_play()
    known.victims = audience.lost - lost


async def kill(stage: Studio, worker: str) -> None:
    """Its successor is ready when this returns, and the publisher is back if it was its worker."""
    sessions = len(stage.publisher.sessions)
    await stage.kill(worker)
    stage.publisher.go_on()
    if worker.startswith("ingest"):
        await stage.publisher.until_session(sessions + 1)


def ask_for_pages(engine: RunningEngine) -> None:
    """Requests on both HTTP ports, each on a connection of its own."""
    for _ in range(PAGES):
        assert engine.status(f"http://{engine.addresses['http']}/") == 200
        assert engine.status(f"http://{engine.addresses['http']}/no/such/thing.txt") == 404
    for _ in range(QUESTIONS):
        engine.api("bans")


def check_truth(engine: RunningEngine, stage: Studio, audience: Crowds) -> None:
    """All sums against what the other side has counted."""
    assert audience.begun == PLAYERS
    wanted = WANTED | requests_of(audience.hls.books)
    wanted |= {f"bytes sent over {protocol}": float(size) for protocol, size in audience.heard().items()}
    wanted["tags received"] = stage.ring.end_seq - stage.ring.base_seq
    # In time, not at once: rounds, heartbeats and closed sockets each tell their part.
    figures = wait_for_figures(engine, lambda figures: told(figures) == wanted and not untold(figures))
    assert told(figures) == wanted
    assert untold(figures) == []
    check_log(engine, audience)


def check_stream(engine: RunningEngine, audience: Crowds) -> None:
    """Nothing is under way: what went out of the stream is what all its players have, over every protocol."""

    def sent_of_stream(figures: Figures) -> float:
        return figures.sum("fanlight_stream_bytes_total", stream=STREAM, direction="out")

    figures = wait_for_figures(
        engine, lambda figures: sent_of_stream(figures) == sum(audience.heard().values())
    )
    assert sent_of_stream(figures) == sum(audience.heard().values())
    (shown,) = [one for one in engine.api("streams")["streams"] if one["name"] == STREAM]
    assert shown["bytes_out"] == sum(audience.heard().values())
    assert shown["players"]["hls"] == OF_HLS


def check_log(engine: RunningEngine, audience: Crowds) -> None:
    """Players of HLS have their lines: each comes once and goes once, as the same one."""
    lines = [line for line in engine.log.lines if line.get("protocol") == "hls"]
    came, gone = ([line for line in lines if line["event"] == event] for event in ("playing", "ended"))
    assert len(came) == len(gone) == OF_HLS
    assert {line["conn"] for line in came} == {line["conn"] for line in gone}


def requests_of(books: HlsBooks) -> dict[str, float]:
    """What players of HLS have asked for, as `told` calls it."""
    found = {f"requests, {kind}": 0.0 for kind in HLS_ROUTES} | {
        f"answers, {kind}": 0.0 for kind in HLS_ROUTES
    }
    for (kind, status), count in books.answers.items():
        found[f"requests, {kind}"] += count
        if status == OK:
            found[f"answers, {kind}"] += count
    return found


def untold(figures: Figures) -> list[str]:
    """What no client has counted, and must be there all the same."""
    sent = figures.sum("fanlight_sent_tags_total", protocol="ws-flv")
    media = figures.sum("fanlight_websocket_messages_total", type="media", direction="out")
    missing = [] if media == sent > 0 else ["a message for each tag over WebSocket"]
    return missing + [name for name in NOT_EMPTY if not figures.sum(name)]


def told(figures: Figures) -> dict[str, float]:
    """What the engine says of everything that its clients have counted."""
    found = {what: figures.sum(name, **labels) for what, (name, labels, _) in BOOKS.items()}
    found |= {f"bytes sent over {protocol}": size for protocol, size in sent_bytes(figures).items()}
    for kind, route in HLS_ROUTES.items():
        found[f"requests, {kind}"] = figures.sum(TOOK, route=route)
        found[f"answers, {kind}"] = figures.sum("fanlight_http_requests_total", route=route, status="200")
    return found | {"tags received": figures.sum("fanlight_received_tags_total")}


def check_zero(engine: RunningEngine) -> None:
    """Nobody is there any more, and the gauges say so."""
    figures = wait_for_figures(engine, lambda figures: not still_there(figures))
    assert still_there(figures) == {}


def check_names(engine: RunningEngine) -> None:
    """Only what the catalogue lists is exported; the machine is told, and each process's memory."""
    figures = wait_for_figures(engine, lambda figures: figures.names() >= OF_THE_MACHINE)
    assert figures.names() >= OF_THE_MACHINE
    assert figures.names() - {metric.name for metric in CATALOGUE} == set()
    for worker in (*WORKERS, "supervisor"):
        assert figures.sum("fanlight_worker_memory_bytes", worker=worker) > 0
    for worker in WORKERS:
        assert figures.sum("fanlight_worker_cpu_seconds_total", worker=worker) > 0
    assert figures.sum("fanlight_errors_total", component="supervisor", type="worker_died") > 0
    is_there = {
        "fanlight_host_pressure_ratio": bool(Machine().pressure()),
        "fanlight_cgroup_memory_ratio": own_cgroup() is not None,
        "fanlight_tls_certificate_not_after_timestamp_seconds": False,
    }
    assert {name: name in figures.names() for name in is_there} == is_there


def still_there(figures: Figures) -> dict[str, float]:
    here = {name: figures.sum(name) for name in AT_ZERO}
    here["live streams"] = figures.sum("fanlight_streams", state="live")
    here["API"] = figures.sum("fanlight_control_connections", port="api")
    return {name: count for name, count in here.items() if count}


def sent_bytes(figures: Figures) -> dict[str, float]:
    name = "fanlight_sent_bytes_total"
    return {protocol: figures.sum(name, protocol=protocol) for protocol in PLAYERS}


class Known:
    """What has been seen of the counters so far, and never falls."""

    def __init__(self, engine: RunningEngine) -> None:
        self.engine = engine
        before = scrape(engine)
        self._sent_before = sent_bytes(before)
        self._seen: Counters = before.counters()
        self.victims = 0
        """Players that went down with their worker while they were being sent to."""

    def look(self) -> Figures:
        """Scrape once more; nothing may be less than it was."""
        figures = scrape(self.engine)
        now = figures.counters()
        fallen = {
            (name, labels): value
            for (name, labels), value in self._seen.items()
            # A stream's own series go with it.
            if now.get((name, labels), value if "stream" in dict(labels) else 0) < value
        }
        assert fallen == {}
        self._seen = now
        return figures

    def check_exactly(self, audience: Crowds) -> None:
        """Nothing is under way: every byte is counted, and everybody who was lost."""

        def is_all(figures: Figures) -> bool:
            return self._sent(figures) == audience.heard() and deaths(figures) == audience.lost

        figures = wait_for_figures(self.engine, is_all)
        assert self._sent(figures) == audience.heard()
        assert deaths(figures) == audience.lost
        check_connections(self.engine, rtmp=audience.each + PUBLISHERS, http=2 * audience.each)
        self.look()

    def check_bounds(self, audience: Crowds) -> None:
        """No byte is counted that was neither received nor in the socket of one who died with its worker."""
        counted, heard = self._sent(self.look()), audience.heard()
        assert sum(counted.values()) <= sum(heard.values()) + self.victims * QUEUE_BYTES

    def _sent(self, figures: Figures) -> dict[str, float]:
        """Since the first look."""
        return {name: sent - self._sent_before[name] for name, sent in sent_bytes(figures).items()}


def deaths(figures: Figures) -> float:
    """Players that went down with their worker."""
    return figures.sum("fanlight_players_ended_total", reason="worker_death")


def owners_of_files(engine: RunningEngine) -> set[str]:
    """Whose counts are kept: files are named after kind and slot, so that there cannot be more of them."""
    directory = next(SHARED_MEMORY.glob(f"{METRICS_PREFIX}{engine.process.pid}-*"))
    return {file.stem.rpartition("_")[2] for file in directory.iterdir()}
