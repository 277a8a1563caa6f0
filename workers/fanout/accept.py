"""Accepting: from a listener to one task per connection."""

import socket
from collections.abc import Awaitable, Callable

import trio

ACCEPT_BATCH: int = 64
"""Connections taken between two turns of the event loop: a storm of players must not hold up those who
watch.
"""

MAX_STRANGERS: int = 1_000
"""Connections of one worker beyond the players it may have: such that have not said yet what they want, and
such that were refused and still read why. A storm of players needs a few hundred; the rest is a flood, and
would take descriptors from those who watch.
"""

EXHAUSTED_PAUSE_S: float = 0.1
"""Pause after the kernel refused a descriptor or memory, seconds, as trio's own listeners do."""

Serve = Callable[[socket.socket, str], Awaitable[None]]


async def accept_forever(
    listener: socket.socket, serve: Serve, nursery: trio.Nursery, on_exhausted: Callable[[OSError], None]
) -> None:
    """Run `serve(sock, remote)` in `nursery` for each connection, until cancelled."""
    while True:
        await trio.lowlevel.wait_readable(listener)
        try:
            for _ in range(ACCEPT_BATCH):
                sock, address = listener.accept()
                sock.setblocking(False)
                nursery.start_soon(serve, sock, remote_name(address))
        except BlockingIOError:
            continue  # a sibling on the same socket was quicker, or that was all
        except ConnectionAbortedError:
            continue  # gone before it was accepted
        except OSError as error:
            on_exhausted(error)
            await trio.sleep(EXHAUSTED_PAUSE_S)


def remote_name(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """ "host:port", with brackets around an IPv6 address."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
