"""How SRT connections end and come back: encryption on the way, grace, killed workers, and what is told."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from engine.protocols.srt import connection as live
from engine.protocols.srt.live_events import CloseReason
from tests.e2e.conftest import StartEngine
from tests.e2e.elementary import check_run, frames_of
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import Figures, check_connections, wait_for_figures
from tests.e2e.srt_client import House, SrtClient, call
from tests.e2e.srt_tools import Films, plain_url, publish_film, record, record_raw
from tests.e2e.studio import replace_worker
from tests.e2e.test_srt_films import END_S

PASSPHRASE: Final = "correct horse battery"
KEYS: Final = {"pbkeylen16": 16, "pbkeylen24": 24, "pbkeylen32": 32}
# A key for 40 packets: the films have some 120.
REFRESH: Final = {"kmrefreshrate": 40, "kmpreannounce": 15}


@pytest.mark.slow
def test_films_go_through_encrypted_and_keys_change_on_the_way(
    start_engine: StartEngine, ffmpeg: Path, films: Films, tmp_path: Path
) -> None:
    engine = start_engine({'paths."live/*"': {"srt_passphrase": PASSPHRASE}})
    runs = []
    for name, key_bytes in KEYS.items():
        keys = {"passphrase": PASSPHRASE, "pbkeylen": key_bytes}
        url = plain_url(engine, f"publish:live/{name}", **keys, **REFRESH)
        publisher = publish_film(ffmpeg, films.h264, url, speed=1.5)
        engine.wait_for_stream(f"live/{name}", tags=10)
        raw, remuxed = tmp_path / f"{name}-raw.ts", tmp_path / f"{name}.ts"
        url = plain_url(engine, f"read:live/{name}", passphrase=PASSPHRASE)
        runs.append((publisher, record_raw(url, raw), record(ffmpeg, url, remuxed), raw, remuxed))
    for *processes, raw, remuxed in runs:
        for process in processes:
            process.communicate(timeout=END_S)
        for file in (raw, remuxed):
            assert len(frames_of(file)["video"]) > 30
            check_run(frames_of(file), frames_of(films.h264))


@pytest.fixture
def house(engine: RunningEngine) -> Iterator[House]:
    with ExitStack() as callers:
        yield House(engine, callers)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers of our own miss their peer after a second, not after five."""
    monkeypatch.setattr(live, "PEER_IDLE_US", 1_000_000)


def check_times(file: Path) -> None:
    for frames in frames_of(file).values():
        assert all(one.dts_ms < other.dts_ms for one, other in pairwise(frames))


@pytest.mark.slow
def test_players_stay_while_a_publisher_is_away(
    house: House, ffmpeg: Path, films: Films, tmp_path: Path
) -> None:
    film = films.h264.read_bytes()
    engine, recorded, played = house.engine, tmp_path / "recorded.flv", tmp_path / "played.ts"
    first = house.caller("publish:live/a")
    first.publish(film, 1.0)
    engine.wait_for_stream("live/a", tags=10)
    player, recorder = house.caller("read:live/a"), record(ffmpeg, engine.http_url("live/a"), recorded)
    first.wait_sent()
    first.leave()
    first.until(lambda: engine.wait_for_stream("live/a", tags=200)["state"] == "grace")
    second = house.caller("publish:live/a")
    second.publish(film, 1.0)
    stream = engine.wait_for_stream("live/a", tags=400)
    assert (stream["state"], stream["reconnects"]) == ("live", 1)
    second.wait_sent()
    second.leave()
    assert player.closed_by_peer() is CloseReason.SHUTDOWN
    recorder.communicate(timeout=END_S)
    played.write_bytes(player.received)
    for file in (played, recorded):
        check_times(file)
    frames = frames_of(played)
    for kind, published in frames_of(films.h264).items():
        wanted, got = ([frame.data for frame in each] for each in (published, frames[kind]))
        before, after = got[: -len(wanted)], got[-len(wanted) :]
        assert after == wanted
        assert before == wanted[-len(before) :]


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_killed_fanout_worker_takes_its_players_along_and_no_publisher(house: House, film: bytes) -> None:
    publisher = house.caller("publish:live/a")
    publisher.publish(film * 3, 9.0)
    house.engine.wait_for_stream("live/a", tags=10)
    player = house.caller("read:live/a")
    player.wait_received()
    check_connections(house.engine, srt=2)
    replace_worker(house.engine, worker_of(house.engine, player))
    check_connections(house.engine, srt=1)
    assert player.closed_by_peer() is CloseReason.IDLE
    again = house.caller("read:live/a")
    again.wait_received()
    check_connections(house.engine, srt=2)
    before = house.engine.wait_for_stream("live/a", tags=0)
    after = house.engine.wait_for_stream("live/a", tags=before["tags_in"] + 20)
    assert (after["state"], after["epoch"], after["reconnects"]) == ("live", before["epoch"], 0)


def worker_of(engine: RunningEngine, player: SrtClient) -> str:
    """The worker that has this player: as its log says."""
    host, port = player.sock.getsockname()
    line = engine.log.wait_for("playing", where=lambda line: line["remote"] == f"{host}:{port}")
    return str(line["conn"]).partition("-")[0]


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_publishers_of_a_killed_ingest_have_to_come_back_and_players_stay(house: House, film: bytes) -> None:
    first = house.caller("publish:live/a")
    first.publish(film, 3.0)
    house.engine.wait_for_stream("live/a", tags=10)
    player = house.caller("read:live/a")
    player.wait_received()
    replace_worker(house.engine, "ingest0")
    check_connections(house.engine, srt=1)
    second = house.caller("publish:live/a")
    second.publish(film, 2.0)
    stream = house.engine.wait_for_stream("live/a", tags=100)
    assert (stream["state"], stream["reconnects"]) == ("live", 1)
    assert first.closed_by_peer() is CloseReason.IDLE
    before = len(player.received)
    player.until(lambda: len(player.received) > before)
    check_connections(house.engine, srt=2)
    for one in (player, second):
        one.leave()
    check_connections(house.engine)
    figures = wait_for_figures(house.engine, lambda now: all(ends_of(now).values()))
    assert figures.sum("fanlight_connections_accepted_total", protocol="srt") == 3
    assert ends_of(figures) == {
        "fanlight_publishes_ended_total": {"finished": 1},  # the first one's worker could not tell
        "fanlight_players_ended_total": {"closed": 1},
    }


def ends_of(figures: Figures) -> dict[str, dict[str, float]]:
    """Why publishers and players have gone, and how many."""
    names = ("fanlight_publishes_ended_total", "fanlight_players_ended_total")
    return {name: figures.by("reason", name, protocol="srt") for name in names}


@pytest.mark.slow
def test_a_link_tells_what_it_does(start_engine: StartEngine, ffmpeg: Path, films: Films) -> None:
    engine = start_engine({"srt": {"passphrase": PASSPHRASE}})
    keys = {"passphrase": PASSPHRASE, "pbkeylen": 24}
    publisher = publish_film(ffmpeg, films.h264, plain_url(engine, "publish:live/a", latency=300_000, **keys))
    engine.wait_for_stream("live/a", tags=10)
    with SrtClient(
        engine.addresses["srt"], call("read:live/a", passphrase=PASSPHRASE, latency_ms=200)
    ) as player:
        player.wait_received()
        engine.wait_for_stream("live/a", tags=150)
        link = engine.wait_for_stream("live/a", tags=150)["link"]
        assert (link["encryption"], link["msRcvTsbPdDelay"]) == ("AES-192-CTR", 300)
        assert link["peerVersion"].startswith("1.5.")
        assert 0 < link["msRTT"] < 100
        assert 0 < link["msRTTVar"] < 100
        assert link["pktCongestionWindow"] > 0
        assert link["pktRecvTotal"] > 30
        assert (link["pktRcvLossTotal"], link["pktRcvDropTotal"], link["pktRcvDuplicate"]) == (0, 0, 0)
        assert 0 < link["msRcvBuf"] <= 400
        (client,) = (each for each in engine.api("clients")["clients"] if each["role"] == "player")
        assert client["protocol"] == "srt"
        assert client["link"]["msSndTsbPdDelay"] == 200
        assert client["link"]["encryption"] == "AES-128-CTR"
    figures = wait_for_figures(engine, lambda now: now.sum("fanlight_srt_packets_total", kind="data") > 60)
    assert figures.sum("fanlight_stream_srt_latency_seconds", stream="live/a") == 0.3
    assert 0 < figures.sum("fanlight_stream_srt_rtt_variation_seconds", stream="live/a") < 0.1
    assert figures.sum("fanlight_srt_rtt_seconds_count", direction="in") > 0
    assert figures.sum("fanlight_srt_rtt_seconds_count", direction="out") > 0
    assert figures.sum("fanlight_srt_bandwidth_bits_per_second_count", direction="in") > 0
    assert figures.sum("fanlight_srt_handshakes_total", result="accepted") == 2
    assert figures.sum("fanlight_srt_packets_total", direction="in", kind="data") > 30
    assert figures.sum("fanlight_srt_packets_total", direction="out", kind="data") > 30
    publisher.communicate(timeout=END_S)
