"""Listening sockets: one per fanout slot, options that accepted sockets inherit, clear refusals."""

import socket
from collections.abc import Iterator

import pytest

from engine.config import Api, Config, Fanout, Http, Listen, Metrics, Rtmp
from workers.runtime.notify import HandedIn
from workers.supervisor.errors import StartError
from workers.supervisor.listeners import (
    Listeners,
    address_of,
    addresses_of,
    close_listeners,
    open_listeners,
    set_options,
)

ANY_PORT = Listen("127.0.0.1", 0)


def config_with(listen: Listen = ANY_PORT) -> Config:
    """All ports free ones, but for the media port."""
    return Config(
        rtmp=Rtmp(listen=ANY_PORT),
        http=Http(listen=listen),
        api=Api(listen=ANY_PORT),
        metrics=Metrics(listen=ANY_PORT),
        fanout=Fanout(send_buffer_bytes=65536, user_timeout_s=7),
    )


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    opened = open_listeners(config_with(), 3, [])
    yield opened
    close_listeners(opened)


def test_fanout_slots_have_a_socket_each_on_one_port(listeners: Listeners) -> None:
    for kind in ("rtmp", "http"):
        assert len(listeners[kind]) == 3
        assert len({address_of(listener) for listener in listeners[kind]}) == 1
    assert [len(listeners[kind]) for kind in ("api", "metrics")] == [1, 1]
    assert len(set(addresses_of(listeners).values())) == 4


def test_accepted_sockets_inherit_what_every_player_needs(listeners: Listeners) -> None:
    connection, accepted = connected(listeners["http"])
    with connection, accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
        # The kernel doubles what is asked for, for its own bookkeeping (socket(7)).
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 65536


def test_options_follow_a_reload(listeners: Listeners) -> None:
    set_options(listeners, Config(fanout=Fanout(user_timeout_s=30)))
    connection, accepted = connected(listeners["rtmp"])
    with connection, accepted:
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


def connected(group: list[socket.socket]) -> tuple[socket.socket, socket.socket]:
    """A connection and its accepted end, whichever of the group the kernel chose."""
    connection = socket.create_connection(group[0].getsockname(), 10)
    while True:
        for listener in group:
            try:
                return connection, listener.accept()[0]
            except BlockingIOError:
                continue


@pytest.mark.parametrize("shares", [False, True])
def test_port_of_another_process_is_refused_also_if_it_would_share(shares: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=shares) as taken:
        config = config_with(listen=Listen("127.0.0.1", taken.getsockname()[1]))
        with pytest.raises(StartError, match=r"\[http\] listen: .*the port is taken"):
            open_listeners(config, 2, [])


def test_address_that_the_machine_does_not_have_is_named() -> None:
    with pytest.raises(StartError, match="does not have that address"):
        open_listeners(config_with(listen=Listen("192.0.2.1", 0)), 1, [])


def test_ipv6_wildcard_takes_ipv4_as_well() -> None:
    opened = open_listeners(config_with(listen=Listen("::", 0)), 1, [])
    try:
        assert addresses_of(opened)["http"].startswith("[::]:")
        port = opened["http"][0].getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 10).close()
    finally:
        close_listeners(opened)


def test_socket_that_does_not_listen_is_refused() -> None:
    with (
        socket.socket() as idle,
        pytest.raises(StartError, match="does not listen"),
    ):
        open_listeners(config_with(), 1, [HandedIn("http", idle)])
