"""What all HLS scenarios set up: Fanlight that packages always, players, and copies of what they fetch."""

import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

from bench import cpu
from bench.certificate import Pair, tls_lines
from bench.dialogue import HTTP_FLV
from bench.hls.playlist import Facts, first_rendition, inflate, read_media
from bench.lines import Child
from bench.servers import HOST, Server, fanlight, free_port

GB = 1e9
SEGMENT_S = 2.0
PATIENCE_S = 30.0
ALWAYS = "hls.on_demand = false\n"


class Load(NamedTuple):
    """What a server did between two readings."""

    seconds: float
    server_s: float
    #: Processes of the server that ended meanwhile; their time is not in the books.
    ended: int
    #: The generator's.
    books: dict[str, Any]

    @property
    def cores(self) -> float:
        """Processors the server kept busy."""
        return self.server_s / self.seconds


def packaging(variant: str = "low_latency", extra: str = "", pair: Pair | None = None) -> Server:
    """Fanlight that packages whatever is published, whether somebody asks for it or not; over TLS too with
    a certificate.
    """
    ports = {"https": free_port()} if pair else {}
    tls = tls_lines(HOST, ports, pair) if pair else ""
    server = fanlight(label=f"fanlight {variant}", extra=f'{ALWAYS}hls.variant = "{variant}"\n{extra}{tls}')
    server.ports.update(ports)
    return server


def measure(server: Server, seconds: float, players: Child | None = None) -> Load:
    """Measure for that long."""
    if players is not None:
        players.ask("mark")
    before, processes = cpu.read(server.pid), set(cpu.tree(server.pid))
    time.sleep(seconds)
    after = cpu.read(server.pid)
    return Load(
        after.at_s - before.at_s,
        after.tree_s - before.tree_s,
        len(processes - set(cpu.tree(server.pid))),
        players.ask("mark") if players is not None else {},
    )


def port_of(server: Server, scheme: str) -> int:
    """Where HLS is played."""
    return server.ports[scheme] if scheme in server.ports else server.ports[HTTP_FLV]


def join(players: Child, count: int, rate: float = 100.0) -> None:
    """Let players join a process that is full of them, or has just begun."""
    players.hear()
    answer = players.ask("join", count, rate, timeout_s=count / rate + 60)
    if answer["playing"] < count or answer["joining"]:
        raise RuntimeError(f"players that do not play: {answer['joining']}, lost: {answer['lost']}")


class Copies(NamedTuple):
    """Files of one stream as they were at one moment, for a server of finished files."""

    playlist: str
    parts: tuple[str, ...]


def wait_for_stream(server: Server, path: str = "live/bench") -> Facts:
    """The media playlist of a stream, once there is one."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            return read_media(inflate(_fetch(server, _media_of(server, path))))
        except urllib.error.HTTPError:
            time.sleep(SEGMENT_S)
    raise TimeoutError(f"no playlist of {path}")


def copy_files(server: Server, site: Path, path: str = "live/bench") -> Copies:
    """Copy the playlist, in gzip as players get it, and the parts it lists into `site`."""
    media = _media_of(server, path)
    body = _fetch(server, media)
    (site / "media.m3u8").write_bytes(body)
    parts = list[str]()
    # The oldest may leave the ring before its turn comes, but not within a second.
    for part in read_media(inflate(body)).parts:
        name = f"part-{len(parts)}.m4s"
        (site / name).write_bytes(_fetch(server, urljoin(media, part.uri)))
        parts.append(f"/{name}")
    return Copies("/media.m3u8", tuple(parts))


class Addresses(NamedTuple):
    """What of one stream is asked for, as it stands now; on a server of copies at the same place."""

    playlist: str
    segment: str


def copy_newest(server: Server, site: Path, path: str = "live/bench") -> Addresses:
    """Copy the playlist, in gzip, and the newest finished segment into `site`, and say where both are."""
    media = _media_of(server, path)
    body = _fetch(server, media)
    uris = [line for line in inflate(body).splitlines() if line and not line.startswith("#")]
    found = Addresses(media, urljoin(media, uris[-1]))
    for uri, content in zip(found, (body, _fetch(server, found.segment)), strict=True):
        place = site / uri.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return found


def _media_of(server: Server, path: str) -> str:
    programme = f"/{path}.m3u8"
    return urljoin(programme, first_rendition(inflate(_fetch(server, programme))))


def _fetch(server: Server, path: str) -> bytes:
    request = urllib.request.Request(
        f"http://{HOST}:{server.ports[HTTP_FLV]}{path}", headers={"Accept-Encoding": "gzip"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        body: bytes = answer.read()
    return body
