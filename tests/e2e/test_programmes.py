"""Several renditions of one programme, as one encoder with several outputs publishes them."""

import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.e2e.browser import assert_never_stood_still, run_program
from tests.e2e.children import ended, start
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import wait_for_figures
from tests.e2e.hls_client import HlsClient
from tests.e2e.media import FRAME_RATE, GOP_FRAMES, command
from tests.engine.hls.reading import read
from tests.engine.hls.rules import validate

pytestmark = pytest.mark.slow

LARGE, SMALL, SOUND = "live/final_large", "live/final_small", "live/final_sound"
PROGRAMME: Final = {"live/final": [SOUND, LARGE, SMALL]}
SLACK_S: Final = 2.0  # from what a report was written by to when it was read, on a loaded machine
FRAME_US: Final = 1_000_000 // FRAME_RATE


def hls(programmes: dict[str, list[str]]) -> dict[str, dict[str, object]]:
    return {"hls": {"segment_s": 1.0}, "hls.programmes": {f'"{name}"': of for name, of in programmes.items()}}


@contextmanager
def encoder(ffmpeg: Path, engine: RunningEngine, *names: str) -> Iterator[None]:
    """One ffmpeg that encodes one picture and one sound in several sizes, until the end of the block."""
    kinds = {
        LARGE: [*picture("640x360", 600), *sound()],
        SMALL: [*picture("320x180", 150, "-tune", "zerolatency"), *sound()],
        SOUND: sound(),
    }
    outputs = [[*kinds[name], "-f", "flv", engine.rtmp_url(name)] for name in names]
    sources = ["-re", "-f", "lavfi", "-i", f"testsrc=size=640x360:rate={FRAME_RATE}"]
    sources += ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
    with ended(start(command(ffmpeg, *sources, *[word for output in outputs for word in output]))):
        yield


@contextmanager
def multitrack_encoder(ffmpeg: Path, engine: RunningEngine, name: str) -> Iterator[None]:
    """One ffmpeg that sends two sizes over one connection (enhanced RTMP v2)."""
    sources = ["-re", "-f", "lavfi", "-i", f"testsrc=size=640x360:rate={FRAME_RATE}"]
    sources += ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]
    coding = [*picture("640x360", 600)[4:], "-map", "0:v", "-map", "0:v", *sound()]
    sizes = ["-filter:v:1", "scale=320:180"]
    with ended(start(command(ffmpeg, *sources, *coding, *sizes, "-f", "flv", engine.rtmp_url(name)))):
        yield


def picture(size: str, kbps: int, *tune: str) -> list[str]:
    """Of this size; every second begins with a keyframe."""
    x264 = ["-c:v", "libx264", "-preset", "ultrafast", *tune, "-pix_fmt", "yuv420p"]
    keyframes = ["-g", str(GOP_FRAMES), "-keyint_min", str(GOP_FRAMES), "-sc_threshold", "0", "-bf", "0"]
    return ["-map", "0:v", "-s", size, *x264, *keyframes, "-b:v", f"{kbps}k"]


def sound() -> list[str]:
    return ["-map", "1:a", "-c:a", "aac", "-b:a", "64k"]


def variants(engine: RunningEngine, path: str = "live/final.m3u8") -> dict[str, str]:
    """What the programme's playlist says: attributes by URI, in its order."""
    answer = httpx.get(f"http://{engine.addresses['http']}/{path}", timeout=30.0)
    assert answer.status_code == 200, answer.text
    return {uri: said for said, uri in re.findall(r"#EXT-X-STREAM-INF:(.*)\n(.*)\n", answer.text)}


def wait_for_all(engine: RunningEngine, *names: str) -> None:
    for name in names:
        engine.wait_for_stream(name, tags=60)


def test_what_is_live_is_in_the_playlist_of_the_programme(start_engine: StartEngine, ffmpeg: Path) -> None:
    engine = start_engine(hls(PROGRAMME))
    with encoder(ffmpeg, engine, LARGE, SMALL, SOUND):
        wait_for_all(engine, LARGE, SMALL, SOUND)
        found = variants(engine)
        assert [*found] == [f"{name.removeprefix('live/')}/media.m3u8" for name in (LARGE, SMALL, SOUND)]
        large, small, alone = found.values()
        assert "RESOLUTION=640x360,FRAME-RATE=25.000" in large
        assert "RESOLUTION=320x180,FRAME-RATE=25.000" in small
        assert 'CODECS="mp4a.40.2"' in alone
        assert "RESOLUTION" not in alone
        rates = [int(said.partition("BANDWIDTH=")[2].partition(",")[0]) for said in found.values()]
        assert rates == sorted(rates, reverse=True)
        assert [*variants(engine, "live/final/index.m3u8")] == [f"../{uri}" for uri in found]
        base = f"http://{engine.addresses['http']}/live/"
        assert {httpx.get(base + uri, timeout=30.0).status_code for uri in found} == {200}


def test_who_is_not_live_is_left_out_and_a_reload_changes_the_programme(
    start_engine: StartEngine, ffmpeg: Path
) -> None:
    engine = start_engine({**hls(PROGRAMME), "play": {"wait_s": 0.2}})
    assert engine.status(f"http://{engine.addresses['http']}/live/final.m3u8") == 404
    with encoder(ffmpeg, engine, SMALL, SOUND):
        wait_for_all(engine, SMALL, SOUND)
        assert [*variants(engine)] == ["final_small/media.m3u8", "final_sound/media.m3u8"]
        settings = engine.config_path.read_text().replace(f'"{SOUND}", ', "")
        engine.config_path.write_text(settings)
        engine.process.send_signal(signal.SIGHUP)
        deadline_s = time.monotonic() + 10
        while [*variants(engine)] != ["final_small/media.m3u8"]:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)


def test_the_player_page_plays_a_programme_and_the_list_and_the_api_have_it(
    start_engine: StartEngine, ffmpeg: Path
) -> None:
    engine = start_engine(hls(PROGRAMME))
    with encoder(ffmpeg, engine, LARGE, SOUND):
        wait_for_all(engine, LARGE, SOUND)
        shown = run_program("play_page.mjs", f"http://{engine.addresses['http']}/play/live/final")
        assert (shown["width"], shown["height"]) == (640, 360)  # not the first of all, which is sound alone
        index = httpx.get(f"http://{engine.addresses['http']}/", timeout=30.0).text
        for name in ("live/final", LARGE, SOUND):
            assert f'href="/play/{name}"' in index
        (programme,) = engine.api("programmes")["programmes"]
        states = {one["stream"]: one["state"] for one in programme["renditions"]}
        assert states == {SOUND: "live", LARGE: "live", SMALL: None}


def test_playlists_say_where_the_others_stand_and_date_the_same_moment_alike(
    start_engine: StartEngine, ffmpeg: Path
) -> None:
    engine = start_engine(hls(PROGRAMME))
    with encoder(ffmpeg, engine, LARGE, SMALL, SOUND), ExitStack() as stack:
        wait_for_all(engine, LARGE, SMALL, SOUND)
        variants(engine)
        clients = [stack.enter_context(HlsClient(engine, name)) for name in (LARGE, SMALL, SOUND)]
        for round_number in range(12):
            for client in clients:
                client.follow(1, skip=round_number > 3)
        for client in clients:
            others = {
                f"../{other.name.removeprefix('live/')}/media.m3u8": other.fetches
                for other in clients
                if other is not client
            }
            # A reload of one waits for its next part, and meanwhile the others go on.
            assert validate(client.fetches, others=others, slack_s=SLACK_S) == []
        large, small = (read(client.reload()) for client in clients[:2])
        dates = {segment.date_us for segment in large.segments}
        assert dates & {segment.date_us for segment in small.segments}
        assert all(
            min(abs(date_us - (segment.date_us or 0)) for date_us in dates if date_us) <= FRAME_US
            for segment in small.segments[1:-1]
        )


def test_whoever_plays_one_rendition_keeps_the_others_packaged(
    start_engine: StartEngine, ffmpeg: Path
) -> None:
    engine = start_engine(hls(PROGRAMME))
    with encoder(ffmpeg, engine, LARGE, SMALL), HlsClient(engine, LARGE) as client:
        wait_for_all(engine, LARGE, SMALL)
        client.follow(6)  # nobody has asked for the other one, nor for the programme
        now = wait_for_figures(engine, lambda now: now.sum("fanlight_hls_packages") == 2)
        assert now.sum("fanlight_hls_packages") == 2
        (report,) = read(client.fetches[-1].text).reports
        assert report["URI"] == "../final_small/media.m3u8"
        with HlsClient(engine, SMALL) as other:
            waiting = {"_HLS_msn": report["LAST-MSN"], "_HLS_part": report["LAST-PART"]}
            other.reload(**waiting)


def test_the_tracks_of_one_publisher_are_a_programme_by_themselves(
    start_engine: StartEngine, ffmpeg: Path
) -> None:
    engine = start_engine(hls({}))
    with multitrack_encoder(ffmpeg, engine, "live/multi"), ExitStack() as stack:
        wait_for_all(engine, "live/multi", "live/multi~1")
        found = variants(engine, "live/multi.m3u8")
        assert [*found] == ["multi/media.m3u8", "multi~1/media.m3u8"]
        large, small = found.values()
        assert "mp4a.40.2" in large
        assert "mp4a.40.2" in small
        assert ("640x360" in large, "320x180" in small) == (True, True)
        clients = [stack.enter_context(HlsClient(engine, name)) for name in ("live/multi", "live/multi~1")]
        for _ in range(8):
            for client in clients:
                client.follow(1)
        others = {"../multi~1/media.m3u8": clients[1].fetches}
        assert validate(clients[0].fetches, others=others, slack_s=SLACK_S) == []
        large_dates, small_dates = (
            [segment.date_us for segment in read(client.reload()).segments] for client in clients
        )
        assert set(large_dates) & set(small_dates)
        assert engine.api("streams/live/multi~1")["stream"]["video"]["width"] == 320


def test_hls_js_plays_the_tracks_of_one_publisher(start_engine: StartEngine, ffmpeg: Path) -> None:
    engine = start_engine(hls({}))
    with multitrack_encoder(ffmpeg, engine, "live/multi"):
        wait_for_all(engine, "live/multi", "live/multi~1")
        seen = run_program("switch.mjs", f"http://{engine.addresses['http']}/live/multi.m3u8", 3)
    assert seen["shown"] == [360, 180]
    assert_never_stood_still(seen)


def test_hls_js_changes_from_one_rendition_to_the_other_without_a_stall(
    start_engine: StartEngine, ffmpeg: Path
) -> None:
    engine = start_engine(hls(PROGRAMME))
    with encoder(ffmpeg, engine, LARGE, SMALL, SOUND):
        wait_for_all(engine, LARGE, SMALL, SOUND)
        seen = run_program("switch.mjs", f"http://{engine.addresses['http']}/live/final.m3u8", 3)
    assert [level["height"] for level in seen["levels"]] == [180, 360]  # without the one of sound alone
    assert seen["shown"] == [360, 180]
    assert_never_stood_still(seen)
    first = next(url for level, url in seen["reloads"] if level == 0)
    assert (
        "_HLS_msn=" in first
    )  # hls.js went by the report, and did not have to ask where the other one stands
