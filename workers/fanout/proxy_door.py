"""Connections from proxies that we trust, on the ports where those say whom they speak for.

The header comes before everything else, TLS too, so it is taken off the socket before anybody else reads.
Only what belongs to it is: the rest is looked at and left in the kernel. From an address that is not
trusted no header is expected, and one that comes is taken for what the port speaks, which it is not.
"""

import socket

import trio

from engine.config.networks import address_of
from engine.protocols.proxy import ProxyHeader, ProxyReader, RemoteProtocolError
from workers.fanout.accept import remote_name
from workers.runtime.remotes import host_of
from workers.runtime.worker import Worker

PROXY_S: float = 5.0
"""From accept to the end of the header: it is the first thing that a proxy sends, in one packet."""

PEEK_BYTES: int = 4096
"""As long as a header may be."""


class Unintroduced(Exception):
    """A proxy did not say whom it speaks for; `reason` is the label in the counters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def introduced(worker: Worker, kind: str, sock: socket.socket, remote: str) -> str:
    """The client's address, "host:port": `remote`, or whom the proxy there names. Raises Unintroduced."""
    access, host = worker.config.access, host_of(remote)
    if kind not in access.proxy_protocol or not access.trusted_proxies.has(address_of(host)):
        return remote
    try:
        with trio.fail_after(PROXY_S):
            header = await read_header(sock)
    except trio.TooSlowError:
        raise Unintroduced("timeout") from None
    except RemoteProtocolError:
        raise Unintroduced("protocol_error") from None
    except OSError:
        raise Unintroduced("connection_lost") from None
    return remote_name((header.address, header.port)) if header.address else remote


async def read_header(sock: socket.socket) -> ProxyHeader:
    """Take the header off the socket, and nothing more. Raises RemoteProtocolError and OSError."""
    reader = ProxyReader()
    while reader.header is None:
        await trio.lowlevel.wait_readable(sock)
        try:
            seen = sock.recv(PEEK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            continue
        if not seen:
            raise ConnectionResetError
        used = reader.receive(seen)
        sock.recv(used)  # it is there: it was seen
    return reader.header
