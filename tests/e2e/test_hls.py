"""HLS and Low-Latency HLS out of a whole engine, to real players and to a client that knows the rules."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.browser import assert_never_stood_still, watch_in_browser
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import wait_for_figures
from tests.e2e.hls_client import PATIENCE_S, HlsClient
from tests.e2e.media import Media, Received, finish, hash_file, make_heavy_film, publish, publishing, run
from tests.engine.hls.rules import validate

pytestmark = pytest.mark.slow

ALWAYS: dict[str, object] = {"on_demand": False, "segment_s": 1.0}
KEPT_S = 30.0
MIB = 1024 * 1024


NIGHTLY = "NIGHTLY" in os.environ
LONG_S = 600.0 if NIGHTLY else 20.0
LONG_TIMEOUT_S = LONG_S + 300.0
RELOADS = 6  # of each film, about half of it
ENDLESS: dict[str, object] = {"end_list": False, "return_s": 60.0, "segment_s": 1.0}


Watch = Callable[[RunningEngine, str], HlsClient]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Clients that are closed at the end."""
    with ExitStack() as clients:
        yield lambda engine, name: clients.enter_context(HlsClient(engine, name))


def is_over(playlist: str) -> bool:
    return "#EXT-X-ENDLIST" in playlist


def payloads(received: Received) -> dict[str, list[tuple[int, str]]]:
    """Sizes and hashes alone: the clocks of two containers differ."""
    return {
        kind: [(packet.size_bytes, packet.sha256) for packet in packets]
        for kind, packets in received.packets.items()
    }


@pytest.mark.parametrize("film", ["h264", "hevc"])
def test_ffmpeg_receives_over_hls_what_was_published(
    film: str, start_engine: StartEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    engine = start_engine({"hls": {**ALWAYS, "delete_after_s": KEPT_S}})
    source: Path = getattr(media, film)
    published = payloads(hash_file(ffmpeg, source))
    finish(publish(ffmpeg, source, engine.rtmp_url("live/film")))
    client = watch(engine, "live/film")
    client.follow_until(is_over)
    received = payloads(hash_file(ffmpeg, Path(f"{client.base}.m3u8")))
    assert received.keys() == published.keys()
    assert received["video"] == published["video"]
    assert received["audio"] == published["audio"][-len(received["audio"]) :]
    assert len(published["audio"]) - len(received["audio"]) <= 3  # what came before the first keyframe


def test_ffmpeg_plays_transport_stream_segments(
    start_engine: StartEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    engine = start_engine({"hls": {**ALWAYS, "variant": "ts", "delete_after_s": KEPT_S}})
    finish(publish(ffmpeg, media.h264, engine.rtmp_url("live/film")))
    client = watch(engine, "live/film")
    client.follow_until(is_over)
    assert all(name.endswith(".ts") for name in client.segments())
    pictures = run(ffmpeg, "-i", f"{client.base}.m3u8", "-map", "0:v", "-f", "framemd5", "-").decode()
    wanted = run(ffmpeg, "-i", media.h264, "-map", "0:v", "-f", "framemd5", "-").decode()
    hashes = [
        [line.split(",")[-1] for line in text.splitlines() if line[:1] == "0"] for text in (pictures, wanted)
    ]
    assert hashes[0] == hashes[1]


def test_chromium_plays_low_latency_hls_with_hls_js(
    engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=150)
        seen = watch_in_browser(f"http://{engine.addresses['http']}/live/film.m3u8")
        assert (seen["width"], seen["height"]) == (320, 180)
        assert_never_stood_still(seen)


def test_chromium_shows_wide_samples_as_wide_as_they_are_and_plays_opus(
    engine: RunningEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    film = tmp_path / "film.flv"
    opus = ["-c:a", "libopus", "-ar", "48000"]
    wide = ["-c:v", "libx264", "-preset", "ultrafast", "-vf", "setsar=4/3", "-g", "25", "-pix_fmt", "yuv420p"]
    run(ffmpeg, "-i", media.h264, *wide, *opus, film)
    with publishing(ffmpeg, film, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=150)
        seen = watch_in_browser(f"http://{engine.addresses['http']}/live/film.m3u8")
        assert (seen["width"], seen["height"]) == (427, 180)
        assert_never_stood_still(seen)


def test_playlists_keep_the_rules_while_publisher_and_packager_come_and_go(
    engine: RunningEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    url = engine.rtmp_url("live/film")
    with publishing(ffmpeg, media.h264, url):
        engine.wait_for_stream("live/film", tags=100)
        client = watch(engine, "live/film")
        client.follow(4)
    with publishing(ffmpeg, media.h264, url):
        client.follow_until(broken_off(1))
        client.follow(8, skip=True)
        os.kill(engine.pids()["packager0"], signal.SIGKILL)
        client.follow_until(broken_off(2))
        client.follow(3)
    assert validate(client.fetches) == []


def test_players_who_wait_see_a_stream_go_on_that_was_over(
    start_engine: StartEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    engine = start_engine({"hls": ENDLESS})
    publisher = publish(ffmpeg, media.h264, engine.rtmp_url("live/film"))
    engine.wait_for_stream("live/film", tags=100)
    client = watch(engine, "live/film")
    client.follow(4)
    finish(publisher)
    engine.log.wait_for("packaged")
    last = client.reload()
    assert not is_over(last)
    publisher = publish(ffmpeg, media.hevc, engine.rtmp_url("live/film"))
    text = client.follow_until(lambda text: "#EXT-X-DISCONTINUITY\n" in text)
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    client.follow(4)
    finish(publisher)
    assert validate(client.fetches) == []


@pytest.mark.hard_timeout(LONG_TIMEOUT_S)
def test_playlists_keep_the_rules_for_long_whatever_the_publisher_does(
    start_engine: StartEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    engine = start_engine({"hls": ENDLESS, "publish": {"grace_s": 0.5}})
    client, end_s, discontinuities = None, time.monotonic() + LONG_S, 0
    while time.monotonic() < end_s:
        for film, is_killed in ((media.h264, True), (media.hevc, False), (media.h264, False)):
            publisher = publish(ffmpeg, film, engine.rtmp_url("live/film"))
            if client is None:
                engine.wait_for_stream("live/film", tags=50)
                client = watch(engine, "live/film")
            discontinuities += 1
            client.follow_until(broken_off(discontinuities - 1))
            client.follow_until(asked_for(RELOADS), skip=film is media.hevc)
            if is_killed:
                publisher.kill()
                publisher.communicate()
            else:
                finish(publisher)
    assert client is not None
    assert validate(client.fetches) == []


def broken_off(times: int) -> Callable[[str], bool]:
    """Whether there have been so many discontinuities before a playlist's end."""

    def is_so(playlist: str) -> bool:
        before = int(playlist.partition("#EXT-X-DISCONTINUITY-SEQUENCE:")[2].partition("\n")[0])
        return before + playlist.count("#EXT-X-DISCONTINUITY\n") >= times

    return is_so


def asked_for(times: int) -> Callable[[str], bool]:
    """Whether a playlist is the last of so many."""
    reloads = count(1)
    return lambda playlist: next(reloads) >= times


def test_a_hinted_part_is_sent_as_it_grows(
    engine: RunningEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=100)
        client = watch(engine, "live/film")
        client.follow(2)
        name = client.hint
        with client.http.stream("GET", f"{client.base}/{name}") as growing:
            assert growing.headers["transfer-encoding"] == "chunked"
            grown = growing.read()
        whole = client.get(name)
        assert whole.status_code == 200
        assert whole.content == grown
        assert int(whole.headers["content-length"]) == len(grown)


def test_files_are_served_as_caches_want_them(
    engine: RunningEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=150)
        client = watch(engine, "live/film")
        client.follow(1)
        segment = client.segments()[-1]
        whole = client.get(segment)
        assert whole.headers["cache-control"].endswith("immutable")
        assert client.get(segment, Range="bytes=10-19").content == whole.content[10:20]
        assert client.get(segment, Range=f"bytes={len(whole.content)}-").status_code == 416
        assert client.get(segment, If_None_Match=whole.headers["etag"]).status_code == 304
        assert client.http.head(f"{client.base}/{segment}").headers["content-length"] == str(
            len(whole.content)
        )
        packed = client.get("media.m3u8", Accept_Encoding="gzip")
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.text.startswith("#EXTM3U")
        assert client.get("media.m3u8", Accept_Encoding="gzip;q=0").headers.get("content-encoding") is None


def test_a_connection_that_was_kept_may_go_on_to_a_stream_without_end(
    engine: RunningEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=100)
        client = watch(engine, "live/film")
        client.reload()
        assert client.http.get(f"{client.base.rpartition('/live')[0]}/nowhere").status_code == 404
        with client.http.stream("GET", f"{client.base}.flv") as endless:
            assert next(endless.iter_raw()).startswith(b"FLV\x01")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("media.m3u8?_HLS_part=1", 400),
        ("media.m3u8?_HLS_msn=999999999", 400),
        ("media.m3u8?_HLS_msn=99999999999999999999999", 400),
        ("media.m3u8?_HLS_skip=please", 400),
        ("0-0.m4s", 404),
        ("0-0.0.m4s", 404),
        ("../../../etc/passwd", 404),
        ("%2e%2e/media.m3u8", 400),
    ],
)
def test_nonsense_is_refused(
    path: str, status: int, engine: RunningEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=100)
        client = watch(engine, "live/film")
        client.reload()
        assert client.get(path).status_code == status


def test_a_stream_that_is_not_there_is_no_playlist(start_engine: StartEngine, watch: Watch) -> None:
    engine = start_engine({"play": {"wait_s": 0.1}})
    assert watch(engine, "live/nobody").get("media.m3u8").status_code == 404


def test_a_stream_too_heavy_for_its_ring_of_parts_has_all_its_segments_and_it_is_said_once(
    start_engine: StartEngine, ffmpeg: Path, tmp_path: Path, watch: Watch
) -> None:
    settings: Settings = {"hls": {**ALWAYS, "ring_bytes": MIB}, "rtmp": {"max_message_bytes": MIB // 2}}
    engine = start_engine(settings)
    with publishing(ffmpeg, make_heavy_film(ffmpeg, tmp_path / "film.flv"), engine.rtmp_url("live/film")):
        count_of = "fanlight_hls_segment_seconds_count"
        figures = wait_for_figures(engine, lambda now: now.sum(count_of) >= 6)
        assert figures.sum("fanlight_hls_failures_total") == figures.sum("fanlight_hls_gaps_total") == 0
        assert figures.sum("fanlight_hls_outgrown_rings_total") >= 1
        client = watch(engine, "live/film")
        client.reload()
        assert [client.get(name).status_code for name in client.segments()] == [200] * len(client.segments())
        said = [line for line in engine.log.lines if line.get("event") == "hls_ring_outgrown"]
        assert [line["stream"] for line in said] == ["live/film"]


def test_nothing_is_left_of_a_stream_that_is_over(
    start_engine: StartEngine, ffmpeg: Path, media: Media, watch: Watch
) -> None:
    engine = start_engine({"hls": {**ALWAYS, "delete_after_s": 0.0}, "play": {"wait_s": 0.0}})
    finish(publish(ffmpeg, media.h264, engine.rtmp_url("live/film")))
    client = watch(engine, "live/film")
    deadline_s = time.monotonic() + PATIENCE_S
    while client.get("media.m3u8").status_code == 200:
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    (folder,) = Path("/dev/shm").glob(f"fanlight-hls-{engine.process.pid}-*")
    while left := [path for path in folder.rglob("*") if path.is_file()]:
        assert time.monotonic() < deadline_s, left
        time.sleep(0.1)
