"""Many players of HLS in one process."""

import select
import ssl
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

from bench.hls.books import Books
from bench.hls.exchange import Answer, Exchange
from bench.hls.line import Address, connect, source_of

#: As many as may be ready at once: the kernel hands them out in turns otherwise, and none is to wait.
MAX_EVENTS = 8192


class Viewer(Protocol):
    """What plays on two connections."""

    playing: bool

    def start(self) -> None: ...


V = TypeVar("V", bound=Viewer)


class Crowd(Generic[V]):
    """Players of one kind, made by `make` from their two connections."""

    def __init__(
        self,
        address: Address,
        make: Callable[[Exchange, Exchange], V],
        books: Books,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._address, self._make, self._context = address, make, context
        self.books = books
        self._poll = select.epoll()
        self._exchanges: dict[int, tuple[Exchange, V]] = {}
        self._of: dict[V, tuple[Exchange, Exchange]] = {}
        self._starting: deque[V] = deque()
        self._begun = 0

    @property
    def joining(self) -> int:
        """Players that have not got anything yet."""
        while self._starting and (self._starting[0].playing or self._starting[0] not in self._of):
            self._starting.popleft()
        return len(self._starting)

    def join(self) -> None:
        """Begin one more player."""
        source = source_of(self._begun)
        self._begun += 1
        try:
            lists, parts = (self._open(source) for _ in range(2))
        except OSError as error:
            self.books.lost[f"connecting: {type(error).__name__}"] += 1
            return
        viewer = self._make(lists, parts)
        self._of[viewer] = lists, parts
        for exchange in (lists, parts):
            self._exchanges[exchange.line.fileno()] = exchange, viewer
            self._poll.register(exchange.line.fileno(), select.EPOLLIN)
        self._starting.append(viewer)
        self._try(viewer, viewer.start)

    def each(self, act: Callable[[V], None]) -> None:
        """Let every player act."""
        for viewer in list(self._of):
            self._try(viewer, partial(act, viewer))

    def poll(self, timeout_s: float) -> None:
        """Serve whatever is ready, waiting at most `timeout_s` for it."""
        for fd, _ in self._poll.poll(timeout_s, MAX_EVENTS):
            found = self._exchanges.get(fd)
            if found is None:  # lost while its other connection was served
                continue
            exchange, viewer = found
            self._try(viewer, exchange.advance)

    def mark(self) -> dict[str, object]:
        """The books since the last call."""
        return {"playing": len(self._of), "joining": self.joining, **self.books.mark()}

    def close(self) -> None:
        """Close every player."""
        for viewer in list(self._of):
            self._close(viewer)
        self._poll.close()

    def _open(self, source: str) -> Exchange:
        return Exchange(connect(self._address, source, self._context), _nobody)

    def _try(self, viewer: V, act: Callable[[], None]) -> None:
        """A player whose connection fails, or whose server talks nonsense, is lost."""
        try:
            act()
        except (OSError, ValueError) as error:
            self.books.lost[f"{type(error).__name__}: {error}"] += 1
            self._close(viewer)

    def _close(self, viewer: V) -> None:
        for exchange in self._of.pop(viewer):
            del self._exchanges[exchange.line.fileno()]
            exchange.line.close()


def _nobody(answer: Answer) -> None:
    """Takes answers until there is a player."""
