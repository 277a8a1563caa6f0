"""sd_notify and sd_listen_fds: small protocols, easy to get a detail wrong in."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from workers.runtime.notify import Notifier, handed_in

ME = str(os.getpid())


@pytest.fixture
def address() -> str:
    """An abstract address, as systemd writes it: with an at sign for the zero byte."""
    return "@fanlight-test-" + os.urandom(8).hex()


@contextmanager
def manager_at(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:])
        manager.settimeout(5)
        yield manager


@pytest.fixture
def manager(address: str) -> Iterator[socket.socket]:
    with manager_at(address) as manager:
        yield manager


def test_messages_reach_an_abstract_socket(manager: socket.socket, address: str) -> None:
    notifier = Notifier(address)
    notifier.ready("4 workers")
    assert manager.recv(4096) == f"READY=1\nSTATUS=4 workers\nMAINPID={ME}".encode()
    notifier.watchdog()
    assert manager.recv(4096) == b"WATCHDOG=1"
    notifier.stopping()
    assert manager.recv(4096).startswith(b"STOPPING=1\n")


def test_a_manager_that_is_away_hears_what_is_said_when_it_is_back(address: str) -> None:
    notifier = Notifier(address)
    notifier.ready("nobody hears it")
    with manager_at(address) as manager:
        notifier.watchdog()
        assert manager.recv(4096) == b"WATCHDOG=1"


def test_without_a_manager_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(socket.socket, "sendto", lambda *args: sent.append(args))
    Notifier.from_environ({}).ready("")
    assert sent == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": ME}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_is_fed_twice_as_often_as_asked(environ: dict[str, str], expected: float | None) -> None:
    assert Notifier.from_environ(environ).watchdog_s == expected


@pytest.mark.parametrize(
    "environ", [{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "many", "LISTEN_PID": ME}]
)
def test_sockets_for_somebody_else_are_left_alone(environ: dict[str, str]) -> None:
    assert handed_in(environ) == []
