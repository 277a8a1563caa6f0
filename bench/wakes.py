"""What it costs to be woken for a message: `python -m bench.wakes`.

A child sends the messages of one stream over loopback, each when it is due, and the reader does nothing but
read them: once in an epoll loop, once as a trio task. The same again with messages as fast as they are read.
The difference is what being cold costs, and it is most of what a stream costs that few watch.
"""

import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import trio
from rich.table import Table

from bench.compare import wide_console
from bench.results import write_figures

MESSAGES_PER_S: Final = 68
"""25 pictures and 43 packets of AAC. Every third is a picture here."""

SECONDS: Final = 8
HOT_MESSAGES: Final = 20_000
PICTURE_BYTES: Final = 5_000
SOUND_BYTES: Final = 300
SCHEDSTAT: Final = Path("/proc/self/schedstat")


class Wakes(NamedTuple):
    """Of one reader."""

    reader: str
    rhythm: str
    wakes: int
    us_per_wake: float


def send_stream(sock: socket.socket) -> None:
    """Each message when it is due."""
    began_s = time.monotonic()
    for number in range(MESSAGES_PER_S * SECONDS):
        time.sleep(max(0.0, began_s + number / MESSAGES_PER_S - time.monotonic()))
        sock.sendall(bytes(SOUND_BYTES if number % 3 else PICTURE_BYTES))


def send_at_once(sock: socket.socket) -> None:
    """The next message when the reader has said that it has the one before."""
    for _ in range(HOT_MESSAGES):
        sock.sendall(bytes(SOUND_BYTES))
        sock.recv(1)


def read_with_epoll(sock: socket.socket, buffer: bytearray, *, answers: bool) -> int:
    """Returns how often it woke."""
    wakes = 0
    with select.epoll() as epoll:
        epoll.register(sock, select.EPOLLIN)
        while epoll.poll() and sock.recv_into(buffer):
            wakes += 1
            if answers:
                sock.send(b"!")
    return wakes


def read_with_trio(sock: socket.socket, buffer: bytearray, *, answers: bool) -> int:
    """Returns how often it woke."""

    async def read() -> int:
        wakes = 0
        while True:
            await trio.lowlevel.wait_readable(sock)
            if not sock.recv_into(buffer):
                return wakes
            wakes += 1
            if answers:
                sock.send(b"!")

    return trio.run(read)


def measure(name: str, read: Callable[..., int], send: Callable[[socket.socket], None]) -> Wakes:
    """Both ends, and the processor time of the reader alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = socket.create_connection(listener.getsockname())
        sock, _ = listener.accept()
    if (child := os.fork()) == 0:
        sock.close()
        send(sender)
        os._exit(0)
    sender.close()
    with sock:
        sock.setblocking(False)
        before_ns = processor_ns()
        wakes = read(sock, bytearray(1 << 18), answers=send is send_at_once)
        spent_ns = processor_ns() - before_ns
    os.waitpid(child, 0)
    rhythm = "without a pause" if send is send_at_once else f"{MESSAGES_PER_S} a second"
    return Wakes(name, rhythm, wakes, spent_ns / 1e3 / wakes)


def processor_ns() -> int:
    """Of this thread, since it began."""
    return int(SCHEDSTAT.read_text().split()[0])


def main() -> None:
    """Measure, print, and leave the figures in bench/results."""
    readers = {"epoll": read_with_epoll, "trio": read_with_trio}
    found = [
        measure(name, read, send) for send in (send_stream, send_at_once) for name, read in readers.items()
    ]
    table = Table(title="Processor time to be woken for a message and read it")
    for column in ("reader", "messages", "wake-ups", "µs per wake-up"):
        table.add_column(column)
    for one in found:
        table.add_row(one.reader, one.rhythm, str(one.wakes), f"{one.us_per_wake:.0f}")
    wide_console().print(table)
    write_figures("wakes", {"wakes": [one._asdict() for one in found]})


if __name__ == "__main__":
    main()
