"""Listening sockets: one per fanout slot, options that accepted sockets inherit, clear refusals."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.config import Api, Config, Fanout, Http, Listen, Metrics, Rtmp, Srt, StreamPorts, Tls, load
from engine.config.key_table import hash_line
from engine.config.secret import digest
from workers.runtime.notify import HandedIn
from workers.runtime.worker import mapped_srt
from workers.supervisor.errors import StartError
from workers.supervisor.listeners import (
    Listeners,
    address_of,
    addresses_of,
    close_listeners,
    open_listeners,
    set_options,
    stream_addresses_of,
    unguarded,
)

ANY_PORT = Listen("127.0.0.1", 0)


ANY_SRT = Srt(listen=ANY_PORT)


def config_with(listen: Listen = ANY_PORT, srt: Srt = ANY_SRT) -> Config:
    """All ports free ones, but for the media port and what `srt` says."""
    return Config(
        rtmp=Rtmp(listen=ANY_PORT),
        http=Http(listen=listen),
        srt=srt,
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
    for kind in ("rtmp", "http", "srt"):
        assert len(listeners[kind]) == 3
        assert len({address_of(listener) for listener in listeners[kind]}) == 1
    assert [len(listeners[kind]) for kind in ("api", "metrics")] == [1, 1]
    assert len(set(addresses_of(listeners).values())) == 5


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


class Elsewhere(socket.socket):
    """A socket that says it listens where others reach it, which none of ours does."""

    def getsockname(self) -> tuple[str, int]:
        return "192.0.2.7", 1985


@pytest.mark.parametrize("kind", ["api", "metrics"])
def test_a_handed_in_socket_that_others_reach_needs_keys(kind: str) -> None:
    with Elsewhere() as given:
        given.bind(("127.0.0.1", 0))
        given.listen()
        with pytest.raises(StartError, match=rf"as {kind} listens on 192\.0\.2\.7:1985.*set {kind}\.keys"):
            open_listeners(config_with(), 1, [HandedIn(kind, given)])


def test_a_handed_in_socket_with_keys_or_on_loopback_or_in_a_file_is_taken(tmp_path: Path) -> None:
    with Elsewhere() as far, socket.create_server(("127.0.0.1", 0)) as near:
        guarded = load(f'[api.keys]\noperator = "{hash_line(digest("key"), None)}"', {})
        config = replace(config_with(), api=guarded.api)
        assert unguarded({"api": [far], "metrics": [near]}, config) is None
        assert unguarded({"api": [far], "metrics": [near]}, config_with()) is not None
    with socket.socket(socket.AF_UNIX) as file:
        file.bind(str(tmp_path / "api"))
        assert unguarded({"api": [file], "metrics": [file]}, config_with()) is None


def test_two_sockets_of_one_name_are_refused_since_one_would_never_be_accepted_from() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(StartError, match=r"several sockets of one name, all of \['http'\]"),
    ):
        open_listeners(config_with(), 1, [HandedIn("http", one), HandedIn("http", other)])


def test_datagram_sockets_are_not_for_waiting_and_share_their_port(listeners: Listeners) -> None:
    for opened in listeners["srt"]:
        assert opened.type == socket.SOCK_DGRAM
        assert not opened.getblocking()
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 2 * 65536


def test_options_of_tcp_stay_off_datagram_sockets(listeners: Listeners) -> None:
    before = [opened.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) for opened in listeners["srt"]]
    set_options(listeners, config_with())
    after = [opened.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) for opened in listeners["srt"]]
    assert before == after
    assert min(after) > 2 * 65536


def test_all_of_a_peer_reaches_one_slot_of_the_group(listeners: Listeners) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for _ in range(8):
            peer.sendto(b"packet", listeners["srt"][0].getsockname())
    assert sorted(len(waiting(opened)) for opened in listeners["srt"]) == [0, 0, 8]


def waiting(opened: socket.socket) -> list[bytes]:
    """What is in a socket's queue."""
    datagrams: list[bytes] = []
    while True:
        try:
            datagrams.append(opened.recv(100))
        except BlockingIOError:
            return datagrams


def test_port_that_stands_for_a_stream_has_a_group_of_its_own() -> None:
    ports = StreamPorts({0: "live/cam1"})
    opened = open_listeners(config_with(srt=Srt(listen=ANY_PORT, ports=ports)), 3, [])
    try:
        mapped = opened[mapped_srt("live/cam1")]
        assert len(mapped) == 3
        assert stream_addresses_of(opened) == {"live/cam1": address_of(mapped[2])}
        assert addresses_of(opened)["srt"] != address_of(mapped[0])
        assert addresses_of(opened).keys() == {"rtmp", "http", "srt", "api", "metrics"}
    finally:
        close_listeners(opened)


def test_without_srt_there_are_no_datagram_sockets() -> None:
    ports = StreamPorts({0: "live/cam1"})
    opened = open_listeners(config_with(srt=Srt(enabled=False, ports=ports)), 2, [])
    try:
        assert opened["srt"] == []
        assert addresses_of(opened).keys() == {"rtmp", "http", "api", "metrics"}
        assert stream_addresses_of(opened) == {}
    finally:
        close_listeners(opened)


@pytest.mark.parametrize("shares", [False, True])
def test_udp_port_of_another_process_is_refused_also_if_it_would_share(shares: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shares)
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=r"\[srt\] listen: .*the port is taken"):
            open_listeners(config_with(srt=Srt(listen=Listen("127.0.0.1", port))), 2, [])
        mapped = Srt(listen=ANY_PORT, ports=StreamPorts({port: "live/cam1"}))
        with pytest.raises(StartError, match=rf"\[srt\] ports\.{port}: .*the port is taken"):
            open_listeners(config_with(srt=mapped), 2, [])


def test_datagram_socket_from_systemd_is_the_only_one() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handed:
        handed.bind(("127.0.0.1", 0))
        opened = open_listeners(config_with(), 3, [HandedIn("srt", handed)])
        assert opened["srt"] == [handed]
        close_listeners(opened)


def test_sockets_of_the_wrong_transport_are_refused() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as stream,
        pytest.raises(StartError, match="srt is not one for UDP"),
    ):
        open_listeners(config_with(), 1, [HandedIn("srt", stream)])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.bind(("127.0.0.1", 0))
        with pytest.raises(StartError, match="rtmp does not listen"):
            open_listeners(config_with(), 1, [HandedIn("rtmp", datagram)])
        with pytest.raises(StartError, match=r"srt\.enabled is false"):
            open_listeners(config_with(srt=Srt(enabled=False)), 1, [HandedIn("srt", datagram)])


def test_ports_for_tls_open_with_a_certificate_only(listeners: Listeners) -> None:
    assert (listeners["https"], listeners["rtmps"]) == ([], [])
    pair = Tls(certificate="chain.pem", key="key.pem", https=ANY_PORT, rtmps=ANY_PORT)
    opened = open_listeners(replace(config_with(), tls=pair), 3, [])
    for kind in ("https", "rtmps"):
        assert len({address_of(listener) for listener in opened[kind]}) == 1
        assert len(opened[kind]) == 3
        connection, accepted = connected(opened[kind])
        with connection, accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 65536
    assert {"https", "rtmps"} <= addresses_of(opened).keys()
    close_listeners(opened)


def test_socket_handed_in_for_tls_needs_a_certificate() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as given,
        pytest.raises(StartError, match=r"named https, but tls\.certificate is empty"),
    ):
        open_listeners(config_with(), 1, [HandedIn("https", given)])
