"""A little of everything: publishers and players of each protocol, and some who do what they must not."""

import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx

from tests.certificates import write_pair
from tests.e2e.children import ended, start
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import wait_for_figures
from tests.e2e.hls_client import HlsClient
from tests.e2e.hook_service import YES, HookService
from tests.e2e.media import Media, command, play, publish, publishing
from tests.e2e.players import play_websocket
from tests.e2e.srt_client import SrtClient, call
from tests.e2e.srt_tools import Films, record
from tests.e2e.studio import replace_worker
from tests.e2e.tls import over_tls, trusting

FILM: Final = "live/film"
SRT: Final = "live/srt"
LOOK_S: Final = 10.0


class SmallLoad:
    """What goes on at an engine; begins with the block of `small_load`."""

    def __init__(
        self,
        engine: RunningEngine,
        ffmpeg: Path,
        media: Media,
        films: Films,
        service: HookService,
        folder: Path,
    ) -> None:
        self._engine, self._ffmpeg, self._media, self._films = engine, ffmpeg, media, films
        self._service = service
        self._folder = folder
        self._hls = HlsClient(engine, FILM)

    def begin(self, stack: ExitStack) -> None:
        """Publish, watch, and break rules."""
        engine, ffmpeg = self._engine, self._ffmpeg
        replace_worker(engine, "fanout1")
        stack.enter_context(publishing(ffmpeg, self._media.h264, engine.rtmp_url(FILM)))
        stack.enter_context(self._publishing_srt())
        engine.wait_for_stream(FILM, tags=10)
        engine.wait_for_stream(SRT, tags=10)
        for player in (
            play(ffmpeg, engine.http_url(FILM), into=self._folder / "http"),
            play(ffmpeg, engine.rtmp_url(FILM), into=self._folder / "rtmp"),
            play_websocket(engine.ws_url(FILM), into=self._folder / "websocket.flv"),
            record(ffmpeg, engine.srt_url(SRT, "request"), self._folder / "srt.ts"),
        ):
            stack.enter_context(ended(player))
        # A second publisher takes the first one's place: players jump to what is new.
        stack.enter_context(publishing(ffmpeg, self._media.h264, engine.rtmp_url(FILM)))
        taken_over = wait_for_figures(engine, lambda figures: figures.sum("fanlight_takeovers_total") > 0)
        assert taken_over.sum("fanlight_takeovers_total") == 1
        self._break_rules()
        self._read_everything_anew()
        stack.enter_context(self._hls)
        self._hls.reload()

    @contextmanager
    def _publishing_srt(self) -> Iterator[None]:
        again_and_again = command(self._ffmpeg, "-re", "-stream_loop", "-1", "-i", self._films.h264)
        url = self._engine.srt_url(SRT)
        with ended(start([*again_and_again, "-map", "0", "-c", "copy", "-f", "mpegts", url])):
            yield

    def _break_rules(self) -> None:
        """Be refused as a publisher and as a player, break a protocol, and leave early."""
        refused = publish(self._ffmpeg, self._media.h264, self._engine.rtmp_url("live/no..good!name"))
        refused.communicate()
        self._engine.status(self._engine.http_url("live/no..good!name"))
        self._service.answer = lambda _body: (503, "")
        self._engine.status(self._engine.http_url(FILM))
        self._service.answer = lambda _body: YES
        host, _, port = self._engine.addresses["rtmp"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LOOK_S) as stranger, suppress(OSError):
            stranger.sendall(b"\xff" * 4096)
            stranger.recv(1)

    def _read_everything_anew(self) -> None:
        """A new certificate, and a reload of the configuration."""
        write_pair(self._engine.config_path.parent)
        self._engine.process.send_signal(signal.SIGHUP)

    def go_on(self) -> None:
        """What has to happen again and again: playlists, segments, requests, players that come and go."""
        self._hls.follow(2)
        for segment in self._hls.segments()[-1:]:
            self._hls.get(segment)
            self._hls.get(segment)
        self._engine.api("streams")
        with urllib.request.urlopen(self._engine.http_url(FILM), timeout=LOOK_S) as player:
            player.read(1000)
        with SrtClient(self._engine.addresses["srt"], call(f"read:{SRT}")) as caller:
            caller.outcome()
        with httpx.Client(http2=True, verify=trusting()) as visitor:
            visitor.get(over_tls(self._engine, self._engine.http_url("live/film")).replace(".flv", ".m3u8"))


@contextmanager
def small_load(
    engine: RunningEngine, ffmpeg: Path, media: Media, films: Films, service: HookService, folder: Path
) -> Iterator[SmallLoad]:
    """One that goes on until the block ends."""
    folder.mkdir()
    load = SmallLoad(engine, ffmpeg, media, films, service, folder)
    with ExitStack() as stack:
        load.begin(stack)
        yield load
