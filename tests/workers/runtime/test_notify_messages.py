"""sd_notify and sd_listen_fds: small protocols, easy to get a detail wrong in."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.runtime.notify import Notifier, handed_in

ME = str(os.getpid())


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(b"\0fanlight-test-" + os.urandom(8).hex().encode())
        made.settimeout(5)
        yield made


def address_of(manager: socket.socket) -> str:
    """An abstract address, as systemd writes it: with an at sign for the zero byte."""
    name = manager.getsockname()
    assert isinstance(name, bytes)
    return "@" + name[1:].decode()


def test_messages_reach_an_abstract_socket(manager: socket.socket) -> None:
    notifier = Notifier(address_of(manager))
    notifier.ready("4 workers")
    assert manager.recv(4096) == f"READY=1\nSTATUS=4 workers\nMAINPID={ME}".encode()
    notifier.watchdog()
    assert manager.recv(4096) == b"WATCHDOG=1"
    notifier.stopping()
    assert manager.recv(4096).startswith(b"STOPPING=1\n")


def test_manager_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    Notifier(None).ready("")
    Notifier(str(tmp_path / "nobody")).ready("")


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
