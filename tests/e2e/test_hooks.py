"""Webhooks end to end: ffmpeg, a whole engine, and a service that decides."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.children import ended, start
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import LOOK_S, wait_for_figures
from tests.e2e.hook_service import PATIENCE_S, Body, HookService, hook_service, hooked
from tests.e2e.media import Media, command, finish, play, publish, publish_for, publishing
from tests.e2e.studio import replace_worker, signal_worker

pytestmark = pytest.mark.slow

TOKEN = "t0ken-of-the-encoder"


@pytest.fixture
def service() -> Iterator[HookService]:
    with hook_service() as made:
        yield made


def refused(publisher: "subprocess.Popen[bytes]") -> None:
    """Wait for a publisher that does not get in."""
    _, said = publisher.communicate(timeout=40)
    assert publisher.returncode != 0, said


def test_a_publisher_and_its_player_are_asked_about_and_each_has_one_end(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    engine = start_engine(hooked(service, str(tmp_path / "spool")))
    player = play(ffmpeg, engine.http_url("live/film") + f"?token={TOKEN}&a=1", into=tmp_path / "player")
    finish(publish(ffmpeg, media.h264, engine.rtmp_url("live/film") + f"?token={TOKEN}"))
    finish(player)
    service.wait_for("on_stream_idle")
    service.wait_for("on_stop")
    published, played = service.wait_for("on_publish"), service.wait_for("on_play")
    assert (published["app"], published["stream"], published["ip"]) == ("live", "film", "127.0.0.1")
    assert published["param"] == "?token=***"
    assert (played["protocol"], played["param"]) == ("http-flv", "?token=***&a=1")
    unpublished = service.wait_for("on_unpublish")
    assert unpublished["client_id"] == published["client_id"]
    assert unpublished["reason"] == "finished"
    assert unpublished["bytes"] > 0
    service.check_balanced()
    assert service.unsigned == 0
    of_stream = [body["sequence"] for body in service.bodies if body["name"] == "live/film"]
    assert sorted(of_stream) == list(range(1, 7))
    shown = engine.wait_until_told()
    assert (shown["sessions"], shown["failed"]) == (0, 0)
    assert TOKEN not in str(engine.log)
    assert not any(TOKEN.encode() in path.read_bytes() for path in (tmp_path / "spool").iterdir())


def test_a_publisher_that_the_service_does_not_want_is_refused(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    service.answer = lambda _body: (200, '{"code": 1, "reason": "not your slot"}')
    engine = start_engine(hooked(service, str(tmp_path / "spool")))
    refused(publish(ffmpeg, media.h264, engine.rtmp_url("live/film")))
    engine.log.wait_for("publish_refused", where=lambda line: line["reason"] == "hook_denied")
    assert engine.api("streams")["streams"] == []
    assert service.actions() == ["on_publish"]


def test_a_player_that_the_service_does_not_want_is_refused_on_every_protocol(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    service.answer = lambda body: (403, "") if body["action"] == "on_play" else (200, "0")
    engine = start_engine(hooked(service, str(tmp_path / "spool")))
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=10)
        assert engine.status(engine.http_url("live/film")) == 403
        assert engine.status(f"http://{engine.addresses['http']}/live/film.m3u8") == 403
        for url in (engine.rtmp_url("live/film"), engine.srt_url("live/film", "request")):
            refused(play(ffmpeg, url, into=tmp_path / "player"))
    assert [body["protocol"] for body in service.bodies if body["action"] == "on_play"] == [
        "http-flv",
        "hls",
        "rtmp",
        "srt",
    ]
    assert "on_stop" not in service.actions()


@pytest.mark.parametrize("protocol", ["rtmp", "srt"])
def test_a_stream_gets_the_name_that_the_service_gives_it(
    protocol: str,
    start_engine: StartEngine,
    service: HookService,
    ffmpeg: Path,
    media: Media,
    tmp_path: Path,
) -> None:
    service.answer = lambda _body: (200, '{"code": 0, "stream": "vip/one"}')
    engine = start_engine(hooked(service, str(tmp_path / "spool")))
    url = engine.rtmp_url("live/film") if protocol == "rtmp" else engine.srt_url("live/film")
    form = ["-f", "flv"] if protocol == "rtmp" else ["-f", "mpegts"]
    arguments = command(ffmpeg, "-re", "-stream_loop", "-1", "-i", media.h264, "-c", "copy", *form, url)
    with ended(start(arguments)):
        engine.wait_for_stream("vip/one", tags=10)
        assert [stream["name"] for stream in engine.api("streams")["streams"]] == ["vip/one"]
    end = service.wait_for("on_unpublish")
    assert (end["name"], end["asked"]) == ("vip/one", "live/film")


def test_nobody_stays_longer_than_the_service_lets_them(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    def answer(body: Body) -> tuple[int, str]:
        lifetime_s = 1 if body["action"] == "on_play" else 3
        return 200, json.dumps({"code": 0, "lifetime_s": lifetime_s})

    service.answer = answer
    engine = start_engine(hooked(service, str(tmp_path / "spool")))
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=10)
        player = play(ffmpeg, engine.http_url("live/film"), into=tmp_path / "player")
        assert service.wait_for("on_stop")["reason"] == "lifetime"
        player.communicate(timeout=40)
        assert service.wait_for("on_unpublish")["reason"] == "lifetime"


def test_a_publisher_that_sends_more_than_it_may_is_ended(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    service.answer = lambda _body: (200, '{"code": 0, "limits": {"max_bitrate_bps": 1000}}')
    engine = start_engine(hooked(service, str(tmp_path / "spool")))
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        assert service.wait_for("on_unpublish")["reason"] == "over_limit"
    broken = engine.log.wait_for("limit_broken")
    assert (broken["limit"], broken["ends"]) == ("bitrate", True)
    now = wait_for_figures(engine, lambda now: now.sum("fanlight_limits_broken_total", reason="bitrate") > 0)
    assert now.sum("fanlight_publishes_ended_total", reason="over_limit") == 1


@pytest.mark.parametrize("worker", ["ingest0", "fanout0", "fanout1", "control0"])
def test_each_start_has_one_end_whichever_worker_is_killed(
    worker: str, start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    settings: Settings = {"publish": {"grace_s": 1.0}, **hooked(service, str(tmp_path / "spool"))}
    engine = start_engine(settings)
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=10)
        players = [
            play(ffmpeg, engine.http_url("live/film"), into=tmp_path / f"player{number}")
            for number in range(6)
        ]
        service.wait_for_count("on_play", 6)
        replace_worker(engine, worker)
        if worker == "control0":
            signal_worker(engine, "fanout0")  # what dies while the sender is hardly back
        for player in players:
            player.kill()
            player.communicate()
        service.wait_for_count("on_stop", 6)
    service.wait_for("on_stream_idle")
    service.check_balanced()
    assert service.unbalanced() == {}


def test_what_a_killed_engine_could_not_tell_the_next_one_tells(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    settings = hooked(service, str(tmp_path / "spool"))
    engine = RunningEngine(tmp_path, settings)
    with engine, publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=10)
        service.wait_for("on_stream_live")
        pids = [engine.process.pid, *engine.children()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        engine.process.wait()
        engine.log.close()
        engine.stop = lambda: None  # type: ignore[method-assign]
    start_engine(settings)
    assert service.wait_for("on_unpublish")["reason"] == "worker_death"
    assert service.wait_for("on_stream_idle")["reason"] == "engine_death"
    service.check_balanced()


def test_without_a_service_players_play_and_are_told_of_later_and_publishers_wait(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    down = False

    def answer(_body: Body) -> tuple[int, str]:
        return (503, "") if down else (200, "0")

    service.answer = answer
    engine = start_engine(hooked(service, str(tmp_path / "spool")))
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=10)
        down = True
        refused(publish(ffmpeg, media.h264, engine.rtmp_url("live/other")))
        engine.log.wait_for("publish_refused", where=lambda line: line["reason"] == "hook_unanswered")
        player = play(ffmpeg, engine.http_url("live/film"), into=tmp_path / "player")
        engine.log.wait_for("playing")
        assert engine.api("hooks")["failures"][0]["reason"] in ("bad_status", "breaker_open")
        down = False
        told = service.wait_for("on_play")
        assert told["decided_by"] == "policy"
    finish(player)
    service.wait_for("on_stop")


def test_a_sender_that_is_stopped_costs_newcomers_the_time_out_and_nobody_else_anything(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    settings = hooked(service, str(tmp_path / "spool"), timeout_s=1)
    engine = start_engine({**settings, "workers": {"heartbeat_timeout_s": 60}})
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=10)
        control = signal_worker(engine, "control0", signal.SIGSTOP)
        try:
            refused(publish(ffmpeg, media.h264, engine.rtmp_url("live/other")))
            player = play(ffmpeg, engine.http_url("live/film"), into=tmp_path / "player")
            engine.log.wait_for("playing")
        finally:
            os.kill(control, signal.SIGCONT)
        assert service.wait_for("on_play", where=lambda body: "decided_by" in body)["decided_by"] == "policy"
        assert "on_unpublish" not in service.actions()
    finish(player)
    service.check_balanced()


def test_finished_segments_are_told_of_where_somebody_wants_them(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    settings = hooked(service, str(tmp_path / "spool"), on_hls=service.url)
    engine = start_engine({**settings, "hls": {"on_demand": False}})
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        told = service.wait_for("on_hls", where=lambda body: body["seq_no"] >= 1)
        assert told["m3u8_url"] == "/live/film.m3u8"
        assert engine.status(f"http://{engine.addresses['http']}{told['url']}") == 200


def test_hooks_come_with_a_reload_and_go_with_one(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    settings = hooked(service, str(tmp_path / "spool"))
    engine = start_engine({"outgoing": settings["outgoing"], "hooks": {"folder": str(tmp_path / "spool")}})
    assert not (tmp_path / "spool").exists()
    without = engine.config_path.read_text()
    with engine.config_path.open("a") as config:
        config.write(f'[paths."live/*"]\nhooks_url = "{service.url}"\nhooks_on_play = "off"\n')
    engine.process.send_signal(signal.SIGHUP)
    engine.log.wait_for("hooks_open")
    finish(publish(ffmpeg, media.h264, engine.rtmp_url("live/film")))
    service.wait_for("on_stream_idle")
    assert service.actions() == ["on_publish", "on_stream_live", "on_unpublish", "on_stream_idle"]
    engine.wait_until_told()
    assert {breaker["dependency"].partition(" ")[0] for breaker in engine.api("breakers")["breakers"]} == {
        "hooks",
        "hook_decisions",
    }
    engine.config_path.write_text(without)
    engine.process.send_signal(signal.SIGHUP)
    wait_for_no_breakers(engine)


def wait_for_no_breakers(engine: RunningEngine) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while shown := engine.api("breakers")["breakers"]:
        assert time.monotonic() < deadline, f"still told of: {shown}"
        time.sleep(LOOK_S)


def test_what_waits_for_a_wrong_address_arrives_when_it_is_corrected(
    start_engine: StartEngine, service: HookService, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    right = service.url
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        service.url = f"http://127.0.0.1:{nobody.getsockname()[1]}/hook"
        engine = start_engine(hooked(service, str(tmp_path / "spool"), publish_unanswered="allow"))
        finish(publish_for(ffmpeg, media.h264, 1.0, engine.rtmp_url("live/film")))
        engine.log.wait_for("hook_failed")
        wrong, service.url = service.url, right
        engine.config_path.write_text(engine.config_path.read_text().replace(wrong, right))
        engine.process.send_signal(signal.SIGHUP)
        service.wait_for("on_stream_idle")
    assert service.actions() == ["on_publish", "on_stream_live", "on_unpublish", "on_stream_idle"]
    assert engine.log.wait_for("hook_events_moved")["url"] == right
    shown = engine.wait_until_told()
    assert (shown["delivered"], shown["removed"], shown["dropped"]) == (4, 0, 0)


def test_the_service_in_the_readme_decides(
    start_engine: StartEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text()
    code = page[page.index("class Hook(") :].partition("```")[0]
    imports = page[: page.index("class Hook(")].rpartition("```python")[2]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = (imports + code).replace("8085", str(port))
    settings: Settings = {
        "hooks": {"url": f"http://127.0.0.1:{port}/hook", "folder": str(tmp_path / "spool")},
        "outgoing": {"allow": ["127.0.0.1/32"]},
    }
    with ended(start([sys.executable, "-c", program])):
        engine = start_engine(settings)
        wait_for_port(port)
        refused(publish(ffmpeg, media.h264, engine.rtmp_url("live/secret")))
        finish(publish(ffmpeg, media.h264, engine.rtmp_url("live/film")))
    assert engine.log.wait_for("publish_refused")["reason"] == "hook_denied"
    assert engine.log.wait_for("publishing")["stream"] == "live/film"


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline, "the service in the README does not begin"
            time.sleep(0.05)
        else:
            return
