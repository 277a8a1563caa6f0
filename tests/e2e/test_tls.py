"""TLS at the edge: real clients publish and play through it, and nothing else changes."""

import os
import re
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import trio
from cryptography import x509
from trio_websocket import open_websocket_url

from tests.certificates import make_pair, write_pair
from tests.e2e.children import start
from tests.e2e.conftest import StartEngine
from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import wait_for_figures
from tests.e2e.media import Media, command, finish, hash_arguments, hash_file, parse_framehash, publishing
from tests.e2e.test_ffmpeg_roundtrip import assert_is_tail
from tests.e2e.tls import tls_section, trusting

PATIENCE_S = 20.0
LOOK_S = 0.05
UNVERIFIED = ("-tls_verify", "0")


@pytest.fixture
def engine(start_engine: StartEngine, tmp_path: Path) -> RunningEngine:
    """An engine that serves both ports over TLS too."""
    return start_engine({"tls": tls_section(tmp_path, handshake_timeout_s=0.5)})


def play(ffmpeg: Path, url: str, into: Path) -> subprocess.Popen[bytes]:
    arguments = [*UNVERIFIED, *hash_arguments(url), into]
    return start(command(ffmpeg, *arguments))


def publish_over_tls(ffmpeg: Path, source: Path, url: str) -> subprocess.Popen[bytes]:
    arguments: list[str | Path] = ["-re", "-i", source, "-c", "copy", *UNVERIFIED, "-f", "flv", url]
    return start(command(ffmpeg, *arguments))


@pytest.mark.slow
def test_film_published_over_rtmps_is_played_over_rtmps_and_https_packet_for_packet(
    engine: RunningEngine, ffmpeg: Path, media: Media, tmp_path: Path
) -> None:
    urls = {
        "rtmps": f"rtmps://{engine.addresses['rtmps']}/live/film",
        "https": f"https://{engine.addresses['https']}/live/film.flv",
    }
    players = {name: play(ffmpeg, url, tmp_path / name) for name, url in urls.items()}
    finish(publish_over_tls(ffmpeg, media.h264, urls["rtmps"]))
    published = hash_file(ffmpeg, media.h264)
    for name, player in players.items():
        finish(player)
        received = parse_framehash((tmp_path / name).read_text())
        assert assert_is_tail(received, published) == {"video": 0, "audio": 0}


@pytest.mark.slow
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_hls_and_websockets_are_served_over_tls(
    version: str, engine: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=10)
        base = f"https://{engine.addresses['https']}/live/film"
        with httpx.Client(verify=trusting(), timeout=PATIENCE_S, http2=version == "HTTP/2") as client:
            playlist = client.get(f"{base}/media.m3u8").text
            files = [line for line in playlist.splitlines() if line and not line.startswith("#")]
            segment = client.get(f"{base}/{files[0]}")
            assert (segment.status_code, segment.content[4:8]) == (200, b"prft")
            parts = re.findall('EXT-X-PART:.*URI="([^"]+)"', playlist)
            part = client.get(f"{base}/{parts[-1]}")
            assert (part.status_code, b"moof" in part.content) == (200, True)
            index = client.get(f"https://{engine.addresses['https']}/")
            assert (index.status_code, index.http_version) == (200, version)

        async def first_message() -> object:
            url = f"wss://{engine.addresses['https']}/live/film.flv"
            with trio.fail_after(PATIENCE_S):
                async with open_websocket_url(url, ssl_context=trusting()) as connection:
                    return await connection.get_message()

        assert trio.run(first_message)[:3] == b"FLV"  # type: ignore[index]


def test_changed_certificate_is_served_after_sighup_and_a_broken_one_is_not(
    engine: RunningEngine, tmp_path: Path
) -> None:
    first = served_by(engine)
    check_told_end(engine, tmp_path)
    renewed = make_pair(name="renewed.test", days=40)
    write_pair(tmp_path, renewed)
    os.kill(engine.process.pid, signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE_S
    wanted = ssl.PEM_cert_to_DER_cert(renewed[0].decode())
    while {served_by(engine) for _ in range(10)} != {wanted}:
        assert time.monotonic() < deadline
        time.sleep(LOOK_S)
    assert first != wanted
    check_told_end(engine, tmp_path)
    (tmp_path / "key.pem").write_bytes(make_pair()[1])
    os.kill(engine.process.pid, signal.SIGHUP)
    refusal = engine.log.wait_for("certificate_refused")
    assert "the key is not that of the certificate" in str(refusal["why"])
    assert served_by(engine) == wanted


@pytest.mark.slow
def test_player_over_tls_that_does_not_read_is_judged_as_a_plain_one(
    start_engine: StartEngine, tmp_path: Path, ffmpeg: Path, media: Media
) -> None:
    limits = {"slow_player": "disconnect", "max_lag_bytes": 65_536, "send_buffer_bytes": 16_384}
    engine = start_engine({"tls": tls_section(tmp_path), "fanout": limits})
    with publishing(ffmpeg, media.h264, engine.rtmp_url("live/film")):
        engine.wait_for_stream("live/film", tags=10)
        host, port = engine.addresses["https"].split(":")
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.connect((host, int(port)))
            with trusting().wrap_socket(sock) as tls:
                tls.sendall(b"GET /live/film.flv HTTP/1.1\r\nHost: x\r\n\r\n")
                ended = engine.log.wait_for("ended", timeout_s=PATIENCE_S)
        assert (ended["protocol"], ended["reason"]) == ("http-flv", "too_slow")


def check_told_end(engine: RunningEngine, folder: Path) -> None:
    """The metrics say when the certificate in `folder` expires, which the one that is served is."""
    certificate = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
    expires_s = certificate.not_valid_after_utc.timestamp()
    name = "fanlight_tls_certificate_not_after_timestamp_seconds"
    figures = wait_for_figures(engine, lambda figures: figures.sum(name) == expires_s)
    assert figures.sum(name) == expires_s


def served_by(engine: RunningEngine) -> bytes:
    with connected(engine, "https") as sock, trusting().wrap_socket(sock) as tls:
        return tls.getpeercert(binary_form=True) or b""


def connected(engine: RunningEngine, kind: str) -> socket.socket:
    parts = urlsplit(f"//{engine.addresses[kind]}")
    return socket.create_connection((parts.hostname or "", parts.port or 0), PATIENCE_S)


@pytest.mark.parametrize("kind", ["https", "rtmps"])
def test_strangers_who_speak_no_tls_are_closed_without_a_reset_and_counted(
    engine: RunningEngine, kind: str
) -> None:
    for first_words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 2000, b"\x16\x03\x01\x02"):
        with connected(engine, kind) as sock:
            sock.sendall(first_words)
            while sock.recv(4096):
                pass
    lines = [line for line in engine.metrics().splitlines() if "tls_handshakes_total{" in line]
    said = {line.split('result="')[1].split('"')[0] for line in lines if f'port="{kind}"' in line}
    assert {"not_tls", "timeout"} <= said
    assert not [line for line in str(engine.log).splitlines() if "Traceback" in line]
