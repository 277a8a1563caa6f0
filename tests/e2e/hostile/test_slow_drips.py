"""Those who say a byte now and then where others ask: in TLS handshakes and inside of TLS, in HTTP/2, in the
headers of proxies, at the ports of the API and the metrics.

All at once, some of each. Each is gone at its deadline, and counted for what it did; nobody else notices.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, NamedTuple

import pytest
import trio

from engine.protocols.http2.frames import END_HEADERS, PREFACE, Kind
from tests.e2e import hasty_engine
from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import Figures, scrape, wait_for_figures
from tests.e2e.hostile.steady import steady_stream
from tests.e2e.hostile.strangers import Port, Stranger, http_request, stranger, stranger_over_tls
from tests.e2e.hostile.vitals import KIB, vitals_of
from tests.e2e.tls import client_hello, tls_section
from tests.engine.http2.talk import BEGIN, frame
from tests.engine.proxy.headers import SIGNATURE

pytestmark = pytest.mark.slow

DEADLINE_S: Final = hasty_engine.WAIT_S
LATE_S: Final = 5.0  # after the deadline, on a machine that is busy with something else
DRIP_S: Final = 0.1
EACH: Final = 8
NEWCOMERS: Final = 10
STRANGER_BYTES: Final = 128 * KIB  # OpenSSL's buffers, for those who have some

HOME: Final = "127.0.0.1"
PROXY: Final = "127.0.0.2"
"""The one address that is expected to say whom it speaks for."""

SETTINGS: Final[Settings] = {
    "workers": {"fanout": 1, "drain_s": 5.0},
    "rtmp": {"handshake_timeout_s": DEADLINE_S},
    "http": {"head_timeout_s": DEADLINE_S},
    "fanout": {"max_lag_s": 30.0},
    "access": {"trusted_proxies": [PROXY], "proxy_protocol": ["rtmp", "http", "https"]},
}

FAILURES: Final = "fanlight_handshake_failures_total"
HANDSHAKES: Final = "fanlight_tls_handshakes_total"
HEAD: Final = b"GET /live/steady.flv HTTP/1.1\r\nHost: a\r\nX: "
BODY: Final = (
    b"POST /api/v1/bans HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60000\r\n\r\n"
)


class Drip(NamedTuple):
    """What somebody says at once and then byte by byte, where, and what it is counted as.

    `inside`: behind a TLS handshake, with what is offered there; None without TLS.
    """

    port: Port
    beginning: bytes
    drops: bytes
    figure: str
    labels: Mapping[str, str]
    inside: tuple[str, ...] | None = None
    source: str = HOME


def failure(protocol: str) -> tuple[str, Mapping[str, str]]:
    return FAILURES, {"protocol": protocol, "reason": "timeout"}


def unshaken(port: str) -> tuple[str, Mapping[str, str]]:
    return HANDSHAKES, {"port": port, "result": "timeout"}


HELLO: Final = client_hello()
MANY: Final = b"z" * 100
HEADERS: Final = frame(Kind.HEADERS, END_HEADERS, 1, b"\x82" * 200)[:9]

DRIPS: Final[dict[str, Drip]] = {
    "a hello to HTTPS": Drip("https", HELLO[:5], HELLO[5:], *unshaken("https")),
    "a hello to RTMPS": Drip("rtmps", HELLO[:5], HELLO[5:], *unshaken("rtmps")),
    "a head inside of TLS": Drip("https", HEAD, MANY, *failure("http"), ()),
    "RTMP's handshake inside of TLS": Drip("rtmps", b"\x03", bytes(100), *failure("rtmp"), ()),
    "HTTP/2's preface": Drip("https", PREFACE[:1], PREFACE[1:], *failure("http2"), ("h2",)),
    "HTTP/2's headers": Drip("https", BEGIN + HEADERS, b"\x82" * 100, *failure("http2"), ("h2",)),
    "HTTP/2 without a request": Drip(
        "https", BEGIN, frame(Kind.PING, 0, 0, bytes(8)) * 6, *failure("http2"), ("h2",)
    ),
    "a proxy's line": Drip("http", b"PROXY TCP4 ", b"1" * 100, *failure("http"), source=PROXY),
    "a proxy's header": Drip(
        "rtmp", SIGNATURE, b"\x21\x11\x00\xff" + bytes(96), *failure("rtmp"), source=PROXY
    ),
    "a proxy's line before TLS": Drip("https", b"PROXY", b" TCP4 ", *failure("http"), source=PROXY),
    "a head to the API": Drip("api", HEAD, MANY, *failure("http")),
    "a head to the metrics": Drip("metrics", HEAD, MANY, *failure("http")),
    "a body to the API": Drip(
        "api",
        BODY,
        b"{" + MANY,
        "fanlight_http_requests_total",
        {"method": "POST", "status": "408"},
    ),
}


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """It waits for everything as long as for a PROXY header."""
    folder = tmp_path_factory.mktemp("hasty")
    settings = {**SETTINGS, "tls": tls_section(folder, handshake_timeout_s=DEADLINE_S)}
    with RunningEngine(folder, settings, prefix=(sys.executable, "-P", hasty_engine.__file__)) as engine:
        before = engine.pids()
        yield engine
        assert engine.pids() == before, f"a worker died\n{engine.log}"
    faults = {"error", "critical"}
    assert not [line for line in engine.log.lines if line.get("level") in faults or "raw" in line]


def connected(engine: RunningEngine, drip: Drip) -> AbstractAsyncContextManager[Stranger]:
    if drip.inside is None:
        return stranger(engine, drip.port, drip.source)
    return stranger_over_tls(engine, drip.port, *drip.inside, source=drip.source)


async def dribble(engine: RunningEngine, drip: Drip, *, task_status: trio.TaskStatus[None]) -> None:
    """Say it, byte by byte in the end, until the server has closed."""
    async with connected(engine, drip) as client:
        await client.say(drip.beginning)
        task_status.started()
        with suppress(OSError):
            for drop in drip.drops:
                await client.say(bytes((drop,)))
                await trio.sleep(DRIP_S)
        await client.hear()


def counts(now: Figures) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What is counted for all these, by figure and labels."""
    return {
        (drip.figure, frozenset(drip.labels.items())): now.sum(drip.figure, **drip.labels)
        for drip in DRIPS.values()
    }


async def test_all_who_drip_are_gone_at_their_deadline_and_counted(hasty: RunningEngine) -> None:
    before = counts(scrape(hasty))
    wanted = dict(before)
    for drip in DRIPS.values():
        wanted[drip.figure, frozenset(drip.labels.items())] += EACH
    async with steady_stream(hasty, of_each=1):
        vitals = vitals_of(hasty)
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as beginnings:
                for drip in list(DRIPS.values()) * EACH:
                    beginnings.start_soon(nursery.start, dribble, hasty, drip)
            nursery.cancel_scope.deadline = trio.current_time() + DEADLINE_S + LATE_S
            now = await trio.to_thread.run_sync(vitals_of, hasty)
            assert len(nursery.child_tasks) == len(DRIPS) * EACH, "some were gone before memory was read"
            for _ in range(NEWCOMERS):
                await join(hasty)
        assert not nursery.cancel_scope.cancelled_caught, "somebody is still there"
    grown = sum(now[name].private_bytes - vitals[name].private_bytes for name in now)
    assert grown < len(DRIPS) * EACH * STRANGER_BYTES
    after = await trio.to_thread.run_sync(wait_for_figures, hasty, lambda now: counts(now) == wanted)
    assert counts(after) == wanted


async def join(engine: RunningEngine) -> None:
    """Play until the first tag is there."""
    async with stranger(engine, "http") as client:
        await client.say(http_request(b"/live/steady.flv"))
        await client.hear(b"FLV\x01")
