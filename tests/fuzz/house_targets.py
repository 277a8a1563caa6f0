"""What comes from our own side and may be wrong all the same: the configuration, and packets on the bus."""

import os
import socket

from engine.config import ConfigError, load
from tests.fuzz.target import Pieces, Target
from workers.runtime.packets import Received, open_inboxes, receive_packet

CONFIG_WORDS = (
    b"[",
    b"]",
    b'"',
    b"\n",
    b" = ",
    b'[paths."',
    b"listen",
    b"true",
    b"1e999",
    b"nan",
    b"'''",
    b"{",
    b"\\u",
)
BUS_WORDS = (
    b"\x95",
    b"\x93",
    b"\xa5Drain",
    b"\xa8HandOver",
    b"\xc0",
    b"\xc3",
    b"\xcf",
    b"\xdb",
    b"\xdd",
    b"\xca",
)


def read_config(pieces: Pieces) -> bool:
    """Whether a text is a configuration; if not, what is said about it fits on lines of its own."""
    problems = problems_with(b"".join(pieces).decode(errors="replace"))
    assert all(problem.isprintable() and len(problem) < 1000 for problem in problems)
    return not problems


def problems_with(text: str) -> tuple[str, ...]:
    try:
        load(text, {})
    except ConfigError as error:
        return error.problems or ("refused without a word\n",)
    return ()


def receive(pieces: Pieces) -> str:
    """A packet from a real socket, with a descriptor: taken or dropped, and nothing is left open."""
    data = b"".join(pieces) or b"\x00"  # an empty packet is the end of an inbox
    before = lowest_free_descriptor()
    inbox, outbox = open_inboxes([0])[0]
    with inbox, outbox:
        socket.send_fds(outbox, [data], [inbox.fileno()])
        received = receive_packet(inbox)
        if isinstance(received, Received):
            received.descriptors.close()
    assert lowest_free_descriptor() == before, "a descriptor was left open"
    return repr(received.packet) if isinstance(received, Received) else ""


def lowest_free_descriptor() -> int:
    descriptor = os.dup(2)
    os.close(descriptor)
    return descriptor


HOUSE_TARGETS = (
    Target(
        name="config", run=read_config, words=CONFIG_WORDS, cuts=False, lines_per_byte=10, bytes_per_byte=200
    ),
    Target(name="bus", run=receive, words=BUS_WORDS, cuts=False, lines_per_byte=2, fixed_bytes=256 * 1024),
)
