"""TLS on top of a non-blocking socket: a channel that takes plaintext as a socket would.

Theory of operation
-------------------
`send` encrypts a step at a time and gives each to the kernel; once the kernel is full it stops, so at most a
step of ciphertext is held here. What is held cannot be taken back, so it counts as sent, as what waits in the
kernel does, and while there is any nothing more is encrypted: BlockingIOError. It must go out even if nobody
sends again, and trio lets one task wait for a descriptor to be writable: that is the flusher (`run`), which
everybody else who wants room waits for.

Reading needs no such thing. What is read is decrypted at once; OpenSSL may have more than was asked for, of
which no descriptor tells, hence `has_data`.

Why not trio.SSLStream: it owns the waiting, so a pump could not try to send without a task per player.
"""

import errno
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import trio

from engine.tls.record import is_whole_record
from workers.fanout.logs import Bytes
from workers.fanout.sinks import queued_bytes, set_low_water

STEP_BYTES: Final = 64 * 1024
"""Plaintext encrypted before the kernel is asked whether it takes more: four records. More would be memory of
each slow player, less a system call more often."""

MAX_HELD_BYTES: Final = 4 * STEP_BYTES
"""A peer can make us answer (key updates) without reading the answers: above that it is gone."""

RAW_BYTES: Final = 64 * 1024
"""One read from the kernel."""

FINISH_S: Final = 5.0
"""How long the last ciphertext of a connection has to go out, seconds: a kernel's buffer full at worst."""


class TlsSocket:
    """One connection; `run` must be running while it is used, and `finish` ends it.

    Args:
        sock: accepted, non-blocking; closed by `finish`.
        context: for a server.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._held = memoryview(b"")  # ciphertext that the kernel did not take
        self._more = False  # whether OpenSSL may have data that nobody has read
        self._dead = self._closed = self._ended = False  # _ended: our side is, once all is out
        self._stuck, self._room = trio.Event(), trio.Event()
        self._room.set()

    @property
    def protocol(self) -> str | None:
        """What both sides agreed to speak (ALPN)."""
        return self._tls.selected_alpn_protocol()

    # -- the handshake

    async def shake_hands(self, turn: trio.Semaphore) -> None:
        """Until media may flow. Raises ssl.SSLError, and other OSErrors for a dead connection.

        `turn` is taken for each step: signing takes a core 0.4 ms, and a storm must not take it all at once.
        """
        await self._hear_hello()
        while not await self._take_step(turn):
            await trio.lowlevel.wait_readable(self._sock)
            with suppress(BlockingIOError):
                self._fill()

    async def _hear_hello(self) -> None:
        """Until the client's first record is whole, or cannot become so: before that OpenSSL would only hold
        memory for it.
        """
        hello = bytearray()
        while not is_whole_record(hello):
            await trio.lowlevel.wait_readable(self._sock)
            try:
                raw = self._sock.recv(RAW_BYTES)
            except BlockingIOError:
                continue
            hello += raw
            if not raw:
                self._incoming.write(hello)
                self._incoming.write_eof()
                return
        self._incoming.write(hello)

    async def _take_step(self, turn: trio.Semaphore) -> bool:
        async with turn:
            await trio.lowlevel.checkpoint()
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                return False
        self._flush()
        self._more = True  # a client's first words may have come with its last step
        return True

    def tell_failure(self) -> None:
        """Send the alert that says why the handshake failed."""
        with suppress(OSError):
            self._flush()

    # -- sending

    def send(self, data: Bytes, /) -> int:
        """See Channel."""
        return self.sendmsg((data,))

    def sendmsg(self, pieces: Iterable[Bytes], /) -> int:
        """See Channel."""
        if self._dead or self._closed or self._ended:
            raise BrokenPipeError(errno.EPIPE, "this side has ended")
        if not self._flush():
            raise BlockingIOError(errno.EAGAIN, "ciphertext is waiting for the kernel")
        taken = 0
        for piece in pieces:
            view = memoryview(piece)
            while view:
                count = self._encrypt(view)
                taken += count
                view = view[count:]
                if self._outgoing.pending >= STEP_BYTES and not self._flush():
                    return taken
        self._flush()
        return taken

    def _encrypt(self, data: memoryview) -> int:
        try:
            return self._tls.write(data[:STEP_BYTES])
        except ssl.SSLError as error:
            self._die()
            raise BrokenPipeError(errno.EPIPE, str(error)) from None

    def _flush(self) -> bool:
        """Give the kernel what there is; whether nothing is held any more. Raises OSError."""
        while self._held or self._outgoing.pending:
            if not self._held:
                self._held = memoryview(self._outgoing.read())
            try:
                sent = self._sock.send(self._held)
            except BlockingIOError:
                return self._hold()
            except OSError:
                self._die()
                raise
            self._held = self._held[sent:]
            if self._held:
                return self._hold()
        self._release()
        return True

    def _hold(self) -> bool:
        if len(self._held) + self._outgoing.pending > MAX_HELD_BYTES:
            self._die()
            raise BrokenPipeError(errno.EPIPE, "the peer makes us answer and does not read")
        if self._room.is_set():
            self._room = trio.Event()
        self._stuck.set()
        return False

    def _release(self) -> None:
        if self._stuck.is_set():
            self._stuck = trio.Event()
        self._room.set()
        if self._ended and not self._dead:
            with suppress(OSError):  # the peer was quicker
                self._sock.shutdown(socket.SHUT_WR)

    def _die(self) -> None:
        """Nothing more will go out: who waits for room is to find out."""
        self._dead = True
        self._held = memoryview(b"")
        self._room.set()

    async def run(self) -> None:
        """Be the flusher, until cancelled."""
        while True:
            await self._stuck.wait()
            try:
                await trio.lowlevel.wait_writable(self._sock)
                self._flush()
            except (OSError, trio.ClosedResourceError):
                self._die()
                return

    async def wait_for_room(self) -> None:
        """See Channel."""
        await self._room.wait()

    # -- receiving

    def recv(self, most_bytes: int, /) -> bytes:
        """See Channel. After SHUT_WR what still comes means nothing, and is not decrypted: there is only the
        end to wait for.
        """
        if self._closed or self._dead:
            return b""
        if self._ended:
            return self._sock.recv(most_bytes)
        found = self._decrypt(most_bytes) if self._more else b""
        if found is not None and not found:
            self._fill()
            found = self._decrypt(most_bytes)
        if found is None:
            return b""
        self._flush()  # OpenSSL may have had something to answer
        if not found:
            raise BlockingIOError(errno.EAGAIN, "not a whole record yet")
        return found

    def _fill(self) -> None:
        raw = self._sock.recv(RAW_BYTES)
        if raw:
            self._incoming.write(raw)
        else:
            self._incoming.write_eof()

    def _decrypt(self, most_bytes: int) -> bytes | None:
        """All whole records there are, up to so many bytes; None at the end, orderly or not."""
        found = bytearray()
        try:
            while len(found) < most_bytes:
                data = self._tls.read(most_bytes - len(found))
                if not data:
                    self._more = bool(found)
                    return bytes(found) or None
                found += data
        except ssl.SSLWantReadError:
            self._more = False
        except ssl.SSLError:
            self._more = bool(found)  # the next read finds the end again
            return bytes(found) or None
        else:
            self._more = True
        return bytes(found)

    def has_data(self) -> bool:
        """See Channel."""
        return self._more and not self._closed

    async def wait_for_data(self) -> None:
        """See Channel."""
        if self.has_data() and not self._ended:
            await trio.lowlevel.checkpoint()
        else:
            await trio.lowlevel.wait_readable(self._sock)

    # -- the end

    def shutdown(self, how: int, /) -> None:
        """See Channel."""
        if how == socket.SHUT_WR:
            self._say_good_bye()
            return
        self._die()
        self._sock.shutdown(how)

    def _say_good_bye(self) -> None:
        if self._ended or self._dead:
            return
        self._ended = True
        with suppress(ssl.SSLError):  # that the peer has not said it yet
            self._tls.unwrap()
        with suppress(OSError):
            self._flush()

    def close(self) -> None:
        """No more from this side. What was taken still goes out, in `finish`, as from a plain socket."""
        self._closed = True

    async def finish(self) -> None:
        """Let the rest go out, for as long as that is reasonable, and close the socket."""
        self._closed = True
        try:
            with trio.move_on_after(FINISH_S):
                self._say_good_bye()
                await self._room.wait()
        finally:
            self.close_now()

    def close_now(self) -> None:
        """Close the socket, whatever is held. Harmless when it is closed."""
        self._die()
        if self._sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()

    def give_up(self) -> None:
        """There is no handshake, and nobody to say good-bye to."""
        self._die()

    # -- what else is asked of a socket

    def fileno(self) -> int:
        """The socket's own."""
        return self._sock.fileno()

    def queued_bytes(self) -> int:
        """Ciphertext, which is a hundredth longer than what it stands for."""
        return queued_bytes(self._sock) + len(self._held) + self._outgoing.pending

    def set_low_water(self, size_bytes: int) -> None:
        """See Channel."""
        set_low_water(self._sock, size_bytes)
