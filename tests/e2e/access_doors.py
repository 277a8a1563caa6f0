"""Every door of an engine that asks who one is, and a client that speaks the door's protocol and knocks.

What comes of a knock is `IN`, or the refusal in the protocol's own words: the code of RTMP's status, the name
of SRT's rejection, the status of HTTP.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import parse_qs

import httpx
import trio
from trio_websocket import ConnectionRejected, wrap_client_stream

from bench.metrics_text import samples
from engine.access.reasons import Action, Refusal, needs_credentials
from engine.protocols.srt.rejections import Rejection
from tests.e2e.access_states import FOLDER, HOME, KEYS
from tests.e2e.clients import Player
from tests.e2e.engine_process import RunningEngine
from tests.e2e.hostile.strangers import Port, codes, rtmp_request, stranger, stranger_over_tls
from tests.e2e.srt_client import SrtClient, call
from tests.e2e.tls import over_tls, trusting
from tests.e2e.wires import HTTP, RTMP, WEBSOCKET
from tests.engine.rtmp.wire import command

IN: Final = "in"
PATIENCE_S: Final = 30.0
FILM: Final = f"{FOLDER}/film"
"""The stream that is played; each door for publishers has one of its own."""

GOODBYE: Final = command("deleteStream", 4, None, 1.0)


REFUSALS: Final[Mapping[Action, str]] = {
    "publish": "fanlight_publish_refusals_total",
    "play": "fanlight_play_refusals_total",
    "api": "fanlight_control_refusals_total",
}
"""What counts those who are not let in."""


class Lodge:
    """What those who knock have in common: the engine, and clients of HTTP by where they come from."""

    def __init__(self, engine: RunningEngine) -> None:
        self.engine = engine
        self._trusting = trusting()
        self._clients: dict[tuple[str, bool], httpx.Client] = {}
        self._refused: dict[str, float] = {}

    def client(self, source: str, *, http2: bool = False) -> httpx.Client:
        """One that comes from `source`, and keeps its connections."""
        client = self._clients.get((source, http2))
        if client is None:
            transport = httpx.HTTPTransport(
                verify=self._trusting, http1=not http2, http2=http2, local_address=source
            )
            client = self._clients[source, http2] = httpx.Client(transport=transport, timeout=PATIENCE_S)
        return client

    def newly_refused(self) -> dict[str, float]:
        """How many were refused since this was last asked, by the names of /metrics."""
        before = self._refused
        found = samples(self.engine.metrics())
        self._refused = {
            name: value for name, value in found.items() if name.startswith(tuple(REFUSALS.values()))
        }
        grown = {name: value - before.get(name, 0) for name, value in self._refused.items()}
        return {name: more for name, more in grown.items() if more}

    def http_url(self, path: str) -> str:
        return f"http://{self.engine.addresses['http']}/{path}"

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


Knock = Callable[[Lodge, str, str, str], Awaitable[str]]
"""Ask for a stream by name, showing a query, from an address."""


class Door(NamedTuple):
    """One door.

    `figure` counts those who were let in, with these labels; refusals are counted under `counted_under`, a
    protocol, or a port of control's.
    """

    action: Action
    counted_under: str
    knock: Knock
    refused: Callable[[Refusal], str]
    figure: str
    labels: Mapping[str, str]


# -- RTMP


async def publish_over_rtmp(lodge: Lodge, name: str, query: str, source: str, port: Port = "rtmp") -> str:
    app, _, leaf = name.rpartition("/")
    if port == "rtmps":
        connecting = stranger_over_tls(lodge.engine, port, source=source)
    else:
        connecting = stranger(lodge.engine, port, source)
    async with connecting as client:
        await client.say(rtmp_request("publish", app, f"{leaf}?{query}") + GOODBYE)
        told = codes(await client.hear())
    return IN if "NetStream.Publish.Start" in told else told[-1]


def of_publishers(_reason: Refusal) -> str:
    return "NetStream.Publish.BadName"


def of_players(_reason: Refusal) -> str:
    return "NetStream.Play.Failed"


# -- players of FLV, whatever it comes in


async def play(
    lodge: Lodge, name: str, query: str, source: str, protocol: str = HTTP, *, tls: bool = False
) -> str:
    """Play until there is media, or the server has closed."""
    engine = lodge.engine
    urls = {HTTP: engine.http_url, WEBSOCKET: engine.ws_url, RTMP: engine.rtmp_url}
    url = f"{urls[protocol](name)}?{query}"
    player = Player(protocol, over_tls(engine, url) if tls else url, source=source)
    async with trio.open_nursery() as nursery:
        await nursery.start(player.play)
        await player.until(lambda player: bool(player.tags) or player.over.is_set())
        nursery.cancel_scope.cancel()
    return IN if player.tags else player.farewell


async def play_mp4(lodge: Lodge, name: str, query: str, source: str) -> str:
    """Fragmented MP4 in WebSocket messages, as Media Source Extensions take it."""
    address = lodge.engine.addresses["http"]
    host, _, port = address.rpartition(":")
    stream, found = await trio.open_tcp_stream(host, int(port), local_address=source), ""
    try:
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                player = await wrap_client_stream(nursery, stream, address, f"/{name}.mp4?{query}")
                codecs, media = await player.get_message(), await player.get_message()
                assert "codecs" in str(codecs)
                assert bytes(media[4:8]) == b"ftyp"  # type: ignore[arg-type]  # media comes in binary messages
                found = IN
                nursery.cancel_scope.cancel()
    except* ConnectionRejected as rejections:
        (rejection,) = rejections.exceptions
        found = str(rejection.args[0])
    finally:
        await trio.aclose_forcefully(stream)
    return found


# -- SRT


async def call_over_srt(lodge: Lodge, name: str, query: str, source: str, mode: str = "read") -> str:
    return await trio.to_thread.run_sync(_call, lodge, f"{mode}:{name}?{query}", source)


def _call(lodge: Lodge, stream_id: str, source: str) -> str:
    with SrtClient(lodge.engine.addresses["srt"], call(stream_id, latency_ms=20), source) as caller:
        code = caller.refused_with()
        if code is None and stream_id.startswith("read:"):
            caller.wait_received()
    return IN if code is None else Rejection(code).name


def of_callers(reason: Refusal) -> str:
    return (Rejection.UNAUTHORIZED if needs_credentials(reason) else Rejection.FORBIDDEN).name


# -- HTTP


async def fetch(lodge: Lodge, name: str, query: str, source: str, file: str = ".m3u8") -> str:
    """Something of HLS. `file` is what stands behind the stream's name; what is `LISTED` is looked up in the
    playlist of now, with a key that opens.
    """
    return await trio.to_thread.run_sync(_fetch, lodge, name, query, source, file)


def _fetch(lodge: Lodge, name: str, query: str, source: str, file: str) -> str:
    if file in LISTED:
        playlist = lodge.client(HOME).get(lodge.http_url(f"{name}/media.m3u8?key={KEYS['play']}")).text
        file = "/" + re.findall(LISTED[file], playlist, re.MULTILINE)[-1]
    return _outcome(lodge.client(source).get(lodge.http_url(f"{name}{file}?{query}")))


LISTED: Final = {
    "init": r'MAP:URI="([^"?]+)',
    "segment": r"^([0-9a-f]+-\d+\.m4s)",
    "part": r'PART:.*URI="([^"?]+)',
}
"""Names that change, and how they stand in a playlist."""


async def play_over_http2(lodge: Lodge, name: str, query: str, source: str) -> str:
    return await trio.to_thread.run_sync(_play_over_http2, lodge, name, query, source)


def _play_over_http2(lodge: Lodge, name: str, query: str, source: str) -> str:
    client = lodge.client(source, http2=True)
    with client.stream("GET", f"https://{lodge.engine.addresses['https']}/{name}.flv?{query}") as answer:
        assert answer.http_version == "HTTP/2"
        assert answer.status_code != 200 or next(answer.iter_raw())[:3] == b"FLV"
        return _outcome(answer)


async def ask_the_api(lodge: Lodge, _name: str, query: str, source: str) -> str:
    """The key stands in the head, for addresses of the API are seen by others."""
    shown = [value for values in parse_qs(query).values() for value in values]
    fields = {"Authorization": f"Bearer {shown[0]}"} if shown else {}
    ask = partial(lodge.client(source).get, lodge.engine.api_url("version"), headers=fields)
    return _outcome(await trio.to_thread.run_sync(ask))


def _outcome(answer: httpx.Response) -> str:
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    return IN if answer.status_code == 200 else str(answer.status_code)


def of_requests(reason: Refusal) -> str:
    return "401" if needs_credentials(reason) else "403"


# -- all of them


def _publisher(protocol: str, knock: Knock, refused: Callable[[Refusal], str]) -> Door:
    figure = "fanlight_publishes_started_total"
    return Door("publish", protocol, knock, refused, figure, {"protocol": protocol})


def _player(protocol: str, knock: Knock, refused: Callable[[Refusal], str] = of_requests) -> Door:
    figure = "fanlight_players_started_total"
    return Door("play", protocol, knock, refused, figure, {"protocol": protocol})


def _hls(resource: str, file: str) -> Door:
    figure = "fanlight_hls_requests_total"
    knock = partial(fetch, file=file)
    return Door("play", "hls", knock, of_requests, figure, {"resource": resource, "status": "200"})


DOORS: Final[Mapping[str, Door]] = {
    "RTMP publish": _publisher("rtmp", publish_over_rtmp, of_publishers),
    "RTMPS publish": _publisher("rtmp", partial(publish_over_rtmp, port="rtmps"), of_publishers),
    "SRT publish": _publisher("srt", partial(call_over_srt, mode="publish"), of_callers),
    "RTMP play": _player("rtmp", partial(play, protocol=RTMP), of_players),
    "RTMPS play": _player("rtmp", partial(play, protocol=RTMP, tls=True), of_players),
    "SRT play": _player("srt", call_over_srt, of_callers),
    "HTTP-FLV": _player("http-flv", play),
    "HTTP-FLV over TLS": _player("http-flv", partial(play, tls=True)),
    "HTTP-FLV over HTTP/2": _player("http-flv", play_over_http2),
    "WebSocket FLV": _player("ws-flv", partial(play, protocol=WEBSOCKET)),
    "WebSocket fMP4": _player("ws-mp4", play_mp4),
    "HLS playlist": _hls("multivariant", ".m3u8"),
    "HLS media playlist": _hls("playlist", "/media.m3u8"),
    "HLS init": _hls("init", "init"),
    "HLS segment": _hls("segment", "segment"),
    "LL-HLS part": _hls("part", "part"),
    "API": Door(
        "api",
        "api",
        ask_the_api,
        of_requests,
        "fanlight_http_requests_total",
        {"route": "/api/v1/version", "status": "200"},
    ),
}
