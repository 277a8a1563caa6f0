"""One address that wants everything gets what one address may have, whatever the port."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Final

import pytest
import trio

from tests.e2e.engine_process import RunningEngine, Settings
from tests.e2e.figures import Figures, scrape, wait_for_figures
from tests.e2e.hostile.counting import counted
from tests.e2e.hostile.strangers import Port, exchange, http_request, status_of, stranger
from tests.e2e.srt_client import SrtClient, call

pytestmark = pytest.mark.slow

MOST: Final = 8
RATE_PER_S: Final = 60.0  # whoever waits for the engine to be ready asks fifty times a second
TIMES: Final = 100
OVERLOAD: Final = 1402
FAILURES: Final = "fanlight_handshake_failures_total"

SETTINGS: Final[Settings] = {
    "rtmp": {"handshake_timeout_s": 20.0},
    "http": {"head_timeout_s": 20.0},
    "workers": {"fanout": 1, "drain_s": 5.0},
    "addresses": {"max_connections": MOST, "max_handshakes_per_s": RATE_PER_S, "exempt": "::1/128"},
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine to which loopback is an address like any other."""
    with RunningEngine(tmp_path_factory.mktemp("strict"), SETTINGS) as engine:
        yield engine


async def ask(engine: RunningEngine) -> int:
    """The status of an answer on a connection of its own; 0 if there is none."""
    return status_of(await exchange(engine, "http", http_request(b"/nothing", b"Connection: close")))


@pytest.mark.parametrize("port", ["rtmp", "http"])
async def test_a_connection_too_many_is_closed_until_one_leaves(port: Port, strict: RunningEngine) -> None:
    before = scrape(strict)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(stranger(strict, port)) for _ in range(MOST)]
        # Those accepted together begin in any order, and the one too many must be the last.
        assert wait_for_figures(strict, lambda now: now.sum("fanlight_connections") == MOST)
        assert await exchange(strict, port, b"") == b""
        with SrtClient(strict.addresses["srt"], call("read:live/nobody")) as caller:
            assert await trio.to_thread.run_sync(caller.refused_with) == OVERLOAD
        assert counted(before, strict, FAILURES, "address_connections", 2)
        clients[0].reset()
        with trio.fail_after(10):
            while await ask(strict) != 404:  # noqa: ASYNC110 - the engine tells nobody
                await trio.sleep(0.2)
    refused = [line for line in strict.log.lines if line.get("event") == "address_refused"]
    assert 1 <= len(refused) <= 2  # once a minute, whatever comes


async def test_who_comes_too_often_is_closed_for_a_while(strict: RunningEngine) -> None:
    before, answers = scrape(strict), list[int]()

    async def ask_often() -> None:
        for _ in range(TIMES):
            answers.append(await ask(strict))

    async with trio.open_nursery() as nursery:
        for _ in range(MOST - 2):
            nursery.start_soon(ask_often)
    refused = answers.count(0)
    assert 0 < refused < len(answers)

    def closed_since(now: Figures) -> float:
        """Both kinds: the next one may come before the engine has seen the last one go."""
        reasons = ("address_rate", "address_connections")
        return sum(now.sum(FAILURES, reason=why) - before.sum(FAILURES, reason=why) for why in reasons)

    now = wait_for_figures(strict, lambda now: closed_since(now) == refused)
    assert closed_since(now) == refused
    assert now.sum(FAILURES, reason="address_rate") > before.sum(FAILURES, reason="address_rate")
