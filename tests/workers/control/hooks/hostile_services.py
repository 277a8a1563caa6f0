"""Services that nobody would want, on real sockets: each does one thing wrong, for as long as it is let."""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.certificates import write_pair

Talk = Callable[[trio.abc.Stream], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIP_S = 0.05


async def hang(_stream: trio.abc.Stream) -> None:
    """Takes everything and says nothing."""
    await trio.sleep_forever()


async def reset(stream: trio.abc.Stream) -> None:
    """Slams the door once the question is there."""
    await stream.receive_some(1)
    if isinstance(stream, trio.SocketStream):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


async def answer_500(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(b"HTTP/1.1 500 Oh\r\nContent-Length: 1\r\n\r\n0")


async def drip(stream: trio.abc.Stream) -> None:
    """A byte now and then: never silent for long, and never done."""
    await read_request(stream)
    for byte in HEAD + b"Content-Length: 100000\r\n\r\n" + b"0" * 100_000:
        await stream.send_all(bytes([byte]))
        await trio.sleep(DRIP_S)


async def redirect(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(b"HTTP/1.1 307 There\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n")


async def send_without_end(stream: trio.abc.Stream) -> None:
    """A body that never ends, as fast as it goes."""
    await read_request(stream)
    await stream.send_all(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        await stream.send_all(b"4000\r\n" + b"0" * 0x4000 + b"\r\n")


async def talk_garbage(stream: trio.abc.Stream) -> None:
    await read_request(stream)
    await stream.send_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


async def half_an_answer(stream: trio.abc.Stream) -> None:
    """Ends in the middle of a "yes"."""
    await read_request(stream)
    await stream.send_all(HEAD + b"Content-Length: 12\r\n\r\n" + b'{"code"')


async def read_request(stream: trio.abc.Stream, until: bytes = b"\r\n\r\n") -> bytes:
    data = b""
    while until not in data:
        data += await stream.receive_some()
    return data


@asynccontextmanager
async def service(talk: Talk) -> AsyncIterator[str]:
    """Its URL. Whatever goes wrong in it is part of the play."""

    async def serve(stream: trio.abc.Stream) -> None:
        try:
            await talk(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the engine had enough
        finally:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}/hook"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def service_with_a_strange_certificate(folder: Path) -> AsyncIterator[str]:
    """Its URL: TLS with a certificate that no authority has signed."""
    pair = write_pair(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pair["certificate"]), str(pair["key"]))

    async def shake_hands(stream: trio.abc.Stream) -> None:
        tls = trio.SSLStream(stream, context, server_side=True)
        await tls.do_handshake()
        await read_request(tls)

    async with service(shake_hands) as url:
        yield url.replace("http://", "https://")
