"""What systemd and a service tell each other: sd_notify(3) state, and sockets handed in, sd_listen_fds(3)."""

import os
import socket
import time
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

FIRST_HANDED_IN: Final = 3  # sd_listen_fds(3), SD_LISTEN_FDS_START


class Notifier:
    """Sends state to the service manager; does nothing where there is none."""

    def __init__(self, address: str | None, watchdog_s: float | None = None) -> None:
        self._address = address
        self.watchdog_s = watchdog_s
        """How often WATCHDOG=1 is to be sent: half of what the manager allows; None if it does not ask."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        return cls(environ.get("NOTIFY_SOCKET"), _watchdog_interval_s(environ))

    def ready(self, status: str) -> None:
        self._send("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        # sd_notify(3): RELOADING=1 needs the monotonic time with it for Type=notify-reload.
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1", "STATUS=draining")

    def status(self, text: str) -> None:
        self._send(f"STATUS={text}")

    def watchdog(self) -> None:
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # A socket per message: they are rare, and none has to be kept out of the workers.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto("\n".join(lines).encode(), address)
            except OSError:
                return  # a manager that does not listen is no reason to stop serving


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """sd_watchdog_enabled(3): valid for the process it names, and to be met twice as often as asked."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    allowed_us = environ.get("WATCHDOG_USEC", "")
    return int(allowed_us) / 2e6 if allowed_us.isdecimal() and int(allowed_us) > 0 else None


class HandedIn(NamedTuple):
    """A socket from the service manager with the name it has there (FileDescriptorName=)."""

    name: str
    socket: socket.socket


def handed_in(environ: Mapping[str, str]) -> list[HandedIn]:
    """The sockets that systemd opened for this process; empty if it opened none, or for another process."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID", str(os.getpid())) != str(os.getpid()) or not count.isdecimal():
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    names += [""] * (int(count) - len(names))
    return [HandedIn(names[i], _adopt(FIRST_HANDED_IN + i)) for i in range(int(count))]


def _adopt(number: int) -> socket.socket:
    os.set_inheritable(number, False)
    adopted = socket.socket(fileno=number)
    adopted.setblocking(False)
    return adopted
