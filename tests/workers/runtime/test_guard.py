"""Whatever a URL looks like and its name resolves to: no connection to a denied network."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import trio
from trio.testing import MockClock

from engine.access.allowed import AllowList
from engine.policy.breaker import BreakerState
from engine.policy.outgoing_errors import Forbidden, Redirected, Unreachable
from tests.workers.runtime.memory_network import MemoryNetwork, Names, answer, let_pool_see, read_request
from tests.workers.runtime.outside_stage import Stage, make_stage
from workers.runtime import guard
from workers.runtime.outgoing import Outgoing, Reply

PUBLIC, OTHER_PUBLIC, PUBLIC_V6 = "93.184.216.34", "1.1.1.1", "2606:4700:4700::1111"


class World(NamedTuple):
    """Everything outside, and the client that looks at it."""

    outgoing: Outgoing
    names: Names
    network: MemoryNetwork
    stage: Stage
    allowed: list[str]
    requests: list[bytes]

    async def get(self, url: str) -> Reply:
        return await self.outgoing.get(url, {})


@pytest.fixture
async def world(
    autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    let_pool_see(autojump_clock, monkeypatch)
    names, network, stage = Names(), MemoryNetwork(nursery), make_stage()
    allowed: list[str] = []
    requests: list[bytes] = []

    async def serve(stream: trio.abc.Stream) -> None:
        while request := await read_request(stream):
            requests.append(request)
            await stream.send_all(answer())

    names.add("hooks.example.com", [PUBLIC])
    names.add("evil.example", ["127.0.0.1"])
    names.add("half.example", [PUBLIC, "169.254.169.254"])
    names.add("mapped.example", ["::ffff:10.0.0.5"])
    for address in (
        PUBLIC,
        OTHER_PUBLIC,
        PUBLIC_V6,
        "127.0.0.1",
        "::1",
        "10.0.0.5",
        "169.254.169.254",
        "0.0.0.0",
    ):
        network.servers[address] = serve
    outgoing = Outgoing(stage.outside, lambda: AllowList(allowed), resolver=names, network=network)
    yield World(outgoing, names, network, stage, allowed, requests)
    await outgoing.aclose()


async def test_a_public_name_is_asked_once_and_connected_to_by_number(
    autojump_clock: MockClock, world: World
) -> None:
    reply = await world.get("http://hooks.example.com/on?key=1")
    assert (reply.status, reply.body) == (200, b"0")
    assert world.names.asked == ["hooks.example.com"]
    assert world.network.connected == [PUBLIC]
    head = world.requests[0].decode().lower()
    assert head.startswith("get /on?key=1 http/1.1\r\n")
    assert "\r\nhost: hooks.example.com\r\n" in head


DENIED = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://10.0.0.5/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://2852039166/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://127.0.0.1.nip.io/",
    "http://169.254.169.254.nip.io/",
    "http://10.0.0.5.nip.io:8080/",
    "http://evil.example/",
    "http://half.example/",
    "http://mapped.example/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://１２７.0.0.1/",
    "file:///etc/passwd",
    "unix:/run/docker.sock",
    "gopher://127.0.0.1:6379/_FLUSHALL",
]


@pytest.mark.parametrize("url", DENIED)
async def test_no_connection_is_made_to_a_denied_network(
    autojump_clock: MockClock, world: World, url: str
) -> None:
    with pytest.raises(Forbidden) as caught:
        await world.get(url)
    assert world.network.connected == []
    assert caught.value.hint in str(caught.value)
    assert world.stage.figures.of("fanlight_outside_rejections_total") == {"forbidden": 1}


async def test_denied_urls_never_open_the_breaker_for_others(autojump_clock: MockClock, world: World) -> None:
    for url in DENIED:
        with pytest.raises(Forbidden):
            await world.get(url)
    assert world.stage.state is BreakerState.CLOSED
    assert (await world.get("http://hooks.example.com/")).status == 200


async def test_a_name_that_changes_between_check_and_connect_changes_nothing(
    autojump_clock: MockClock, world: World
) -> None:
    world.names.add("rebind.example", [PUBLIC], ["127.0.0.1"])
    await world.get("http://rebind.example/")
    assert world.names.asked == ["rebind.example"]
    assert world.network.connected == [PUBLIC]


async def test_a_name_that_has_changed_is_seen_by_the_next_connection(
    autojump_clock: MockClock, world: World
) -> None:
    world.names.add("rebind.example", [PUBLIC], ["127.0.0.1"])
    await world.get("http://rebind.example/")
    await world.get("http://rebind.example/")  # over the connection that stands
    await trio.sleep(20)
    with pytest.raises(Forbidden, match="loopback"):
        await world.get("http://rebind.example/")
    assert world.network.connected == [PUBLIC]


@pytest.mark.parametrize("location", ["http://127.0.0.1/", "http://hooks.example.com/elsewhere", "/other"])
@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
async def test_redirects_are_followed_nowhere(
    autojump_clock: MockClock, world: World, location: str, status: str
) -> None:
    async def redirect(stream: trio.abc.Stream) -> None:
        await read_request(stream)
        await stream.send_all(answer(status, b"", f"Location: {location}"))

    world.network.servers[PUBLIC] = redirect
    with pytest.raises(Redirected):
        await world.get("http://hooks.example.com/")
    assert world.network.connected == [PUBLIC]


async def test_what_the_operator_allows_is_reached_and_a_reload_counts_at_once(
    autojump_clock: MockClock, world: World
) -> None:
    with pytest.raises(Forbidden, match=r'add "127\.0\.0\.1" to outgoing\.allow'):
        await world.get("http://0x7f.1/")
    world.allowed.append("127.0.0.1/32")
    assert (await world.get("http://0x7f.1/")).status == 200
    assert world.network.connected == ["127.0.0.1"]
    assert b"\r\nhost: 127.0.0.1\r\n" in world.requests[0].lower()


async def test_a_trusted_name_may_be_inside_but_never_at_the_metadata(
    autojump_clock: MockClock, world: World
) -> None:
    world.allowed.append("hooks.internal")
    world.names.add("hooks.internal", ["10.0.0.5"], ["169.254.169.254"])
    assert (await world.get("http://hooks.internal/")).status == 200
    await trio.sleep(20)
    with pytest.raises(Forbidden, match="metadata"):
        await world.get("http://hooks.internal/")


async def test_an_ipv6_host_is_named_in_brackets_and_connected_to_without(
    autojump_clock: MockClock, world: World
) -> None:
    await world.get(f"http://[{PUBLIC_V6}]:8080/")
    assert world.network.connected == [PUBLIC_V6]
    assert f"\r\nhost: [{PUBLIC_V6}]:8080\r\n".encode() in world.requests[0].lower()


async def test_of_several_addresses_the_first_that_answers_is_taken(
    autojump_clock: MockClock, world: World
) -> None:
    world.names.add("many.example", ["8.8.8.8", "9.9.9.9", OTHER_PUBLIC])
    world.network.silent.add("9.9.9.9")
    assert (await world.get("http://many.example/")).status == 200
    assert world.network.connected == ["8.8.8.8", "9.9.9.9", OTHER_PUBLIC]


async def test_a_name_with_a_thousand_addresses_is_not_tried_to_its_end(
    autojump_clock: MockClock, world: World
) -> None:
    world.names.add("crowd.example", [f"8.8.{high}.{low}" for high in range(4) for low in range(250)])
    with pytest.raises(Unreachable):
        await world.get("http://crowd.example/")
    assert len(world.network.connected) == guard.MAX_ADDRESSES


@pytest.mark.parametrize("answers", [[], [[]]])
async def test_a_name_without_addresses_is_unreachable(
    autojump_clock: MockClock, world: World, answers: list[list[str]]
) -> None:
    world.names.add("nobody.example", *answers)
    with pytest.raises(Unreachable, match=r"nobody\.example"):
        await world.get("http://nobody.example/")


async def test_the_environments_proxy_is_no_way_round(
    autojump_clock: MockClock, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    await world.get("http://hooks.example.com/")
    assert world.network.connected == [PUBLIC]


async def test_a_unix_socket_is_not_outside(autojump_clock: MockClock, world: World) -> None:
    network = guard.GuardedNetwork("hooks", AllowList, world.names, world.network)
    with pytest.raises(Forbidden):
        await network.connect_unix_socket("/run/docker.sock")


async def test_a_header_cannot_smuggle_another_request_in(autojump_clock: MockClock, world: World) -> None:
    with pytest.raises(Forbidden) as caught:
        await world.outgoing.get("http://hooks.example.com/", {"x": "y\r\nhost: evil"})
    assert "evil" not in str(caught.value)
    assert world.requests == []


async def test_the_machines_own_resolver_knows_its_own_name() -> None:
    assert "127.0.0.1" in [str(address) for address in await guard.resolve("localhost", 80)]
