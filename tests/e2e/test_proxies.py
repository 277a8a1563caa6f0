"""Behind proxies and load balancers: whom they speak for is who counts, and nobody else is believed."""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.certificates import write_pair
from tests.e2e.engine_process import RunningEngine
from tests.e2e.hostile.strangers import codes, http_request, rtmp_request, status_of
from tests.e2e.media import Media, publishing
from tests.e2e.test_bans import ban
from tests.engine.proxy.headers import LOCAL, UNKNOWN, v1, v2

PATIENCE_S: Final = 20.0
FRIEND: Final = ipaddress.ip_address("192.0.2.7")
BANNED: Final = ipaddress.ip_address("192.0.2.66")
FOE: Final = ipaddress.ip_address("203.0.113.9")
FOE_V6: Final = ipaddress.ip_address("2001:db8::9")
DENIED: Final = ["203.0.113.0/24", "2001:db8::/32"]

SETTINGS: Final[dict[str, dict[str, object]]] = {
    "access": {"trusted_proxies": ["127.0.0.1"], "proxy_protocol": ["rtmp", "http", "https"]},
    "publish": {"publish_deny": DENIED},
    "play": {"play_deny": DENIED, "wait_s": 0.1},
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    folder = tmp_path_factory.mktemp("engine")
    ports = {"https": "127.0.0.1:0", "rtmps": "127.0.0.1:0"}
    with RunningEngine(folder, SETTINGS | {"tls": write_pair(folder) | ports}) as running:
        yield running


def connect(engine: RunningEngine, kind: str, source: str = "127.0.0.1") -> socket.socket:
    host, _, port = engine.addresses[kind].rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE_S, (source, 0))


def hear(sock: socket.socket) -> bytes:
    answer = b""
    while data := sock.recv(65_536):
        answer += data
    return answer


def ask(engine: RunningEngine, header: bytes, *fields: bytes, source: str = "127.0.0.1") -> int:
    """The status of an answer on the media port: 404 for who may play, 403 for who may not."""
    with connect(engine, "http", source) as sock:
        sock.sendall(header + http_request(b"/live/cam.flv", b"Connection: close", *fields))
        return status_of(hear(sock))


@pytest.mark.parametrize("write", [v1, v2])
def test_the_one_whom_the_proxy_names_is_the_one_who_counts(write: object, engine: RunningEngine) -> None:
    assert callable(write)
    assert ask(engine, write(FRIEND, 4711)) == 404
    assert ask(engine, write(FOE, 4711)) == 403
    assert ask(engine, write(FOE_V6, 4711)) == 403


def test_a_ban_is_the_clients_and_not_the_proxys(engine: RunningEngine) -> None:
    banned = [ban(engine, kind="address", value=value) for value in (str(BANNED), "127.0.0.1")]
    with connect(engine, "http") as sock:
        sock.sendall(v1(BANNED, 4711))
        with suppress(ConnectionResetError):
            assert hear(sock) == b""
    assert ask(engine, v1(FRIEND, 4711)) == 404
    for one in banned:
        engine.api(f"bans/{one['id']}", method="DELETE")
    assert ask(engine, v1(BANNED, 4711)) == 404


def test_a_proxy_that_asks_for_itself_is_served_as_itself(engine: RunningEngine) -> None:
    assert [ask(engine, header) for header in (LOCAL, UNKNOWN)] == [404, 404]


def test_a_header_that_comes_byte_by_byte_is_read_all_the_same(engine: RunningEngine) -> None:
    with connect(engine, "http") as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in v2(FOE, 4711):
            sock.sendall(bytes([byte]))
        sock.sendall(http_request(b"/live/cam.flv", b"Connection: close"))
        assert status_of(hear(sock)) == 403


def test_rtmp_behind_a_proxy(engine: RunningEngine) -> None:
    for source, wanted in ((FRIEND, "NetStream.Play.StreamNotFound"), (FOE, "NetStream.Play.Failed")):
        with connect(engine, "rtmp") as sock:
            sock.sendall(v1(source, 4711) + rtmp_request("play", "live", "cam"))
            assert codes(hear(sock))[-1] == wanted
    line = engine.log.wait_for("play_refused", where=lambda line: line["reason"] == "address_denied")
    assert line["remote"] == "203.0.113.9:4711"


def test_tls_behind_a_proxy_begins_after_the_header(engine: RunningEngine) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connect(engine, "https") as sock:
        sock.sendall(v2(FOE, 4711, b"\x04\x00\x03abc"))
        with context.wrap_socket(sock) as tls:
            tls.sendall(http_request(b"/live/cam.flv", b"Connection: close"))
            assert status_of(hear(tls)) == 403


@pytest.mark.parametrize(
    "words", [http_request(b"/"), b"PROXY TCP4 a b 1 2\r\n", b"\x16\x03\x01" + bytes(60)]
)
def test_a_proxy_that_names_nobody_is_not_served(words: bytes, engine: RunningEngine) -> None:
    with connect(engine, "http") as sock:
        sock.sendall(words)
        with suppress(ConnectionResetError):  # there was more that nobody read
            assert hear(sock) == b""


def test_whoever_else_comes_is_served_without_a_header_and_believed_nothing(engine: RunningEngine) -> None:
    assert ask(engine, b"", source="127.0.0.2") == 404
    assert ask(engine, b"", b"X-Forwarded-For: 203.0.113.9", source="127.0.0.2") == 404
    assert ask(engine, v1(FRIEND, 4711), source="127.0.0.2") == 400


@pytest.fixture(scope="module")
def forwarding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine behind a proxy that knows HTTP alone."""
    settings = SETTINGS | {"access": {"trusted_proxies": ["127.0.0.1"]}}
    with RunningEngine(tmp_path_factory.mktemp("forwarding"), settings) as running:
        yield running


def test_forwarded_addresses_are_believed_of_trusted_proxies(forwarding: RunningEngine) -> None:
    base = f"http://{forwarding.addresses['http']}/live/cam"
    for forwarded, status in (("192.0.2.7", 404), ("203.0.113.9", 403), ("192.0.2.7, 203.0.113.9", 403)):
        for form in (".flv", ".m3u8", "/media.m3u8"):
            answer = httpx.get(base + form, headers={"X-Forwarded-For": forwarded}, timeout=PATIENCE_S)
            assert answer.status_code == status, (forwarded, form)


def test_who_is_banned_is_kept_out_and_sent_away_behind_a_proxy_that_forwards(
    forwarding: RunningEngine, ffmpeg: Path, media: Media
) -> None:
    url, from_there = forwarding.http_url("live/film"), {"X-Forwarded-For": str(BANNED)}
    with publishing(ffmpeg, media.h264, forwarding.rtmp_url("live/film")):
        forwarding.wait_for_stream("live/film", tags=20)
        with httpx.stream("GET", url, headers=from_there, timeout=PATIENCE_S) as playing:
            pieces = playing.iter_raw()
            next(pieces)
            ban(forwarding, kind="address", value=str(BANNED))
            with suppress(httpx.RemoteProtocolError):  # a body without an end
                for _ in pieces:
                    pass
        assert httpx.get(url, headers=from_there, timeout=PATIENCE_S).status_code == 403
        ended = forwarding.log.wait_for("ended", where=lambda line: line["reason"] == "banned")
        assert ended["stream"] == "live/film"
