"""The bus, as far as spans go, played by the test."""

import trio

from engine.tracing import encode_request
from tests.otlp import SeenSpan, decode
from workers.runtime.bus import BusFull
from workers.runtime.messages import AnyMessage, Spans

CONTROL = 7


class Post:
    """Keeps what is sent to control, or takes nothing."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.sizes: list[int] = []
        self.is_full = False

    async def send(self, to: int, message: AnyMessage) -> None:
        await trio.lowlevel.checkpoint()
        if self.is_full:
            raise BusFull("stopped")
        assert to == CONTROL
        assert isinstance(message, Spans)
        self.bodies.append(encode_request([({}, message.spans)]))
        self.sizes.append(len(message.spans))

    @property
    def spans(self) -> list[SeenSpan]:
        return [span for body in self.bodies for span in decode(body)]
