"""Hook services as tests need them: one that answers as it is told, without a network, in the test's own
time."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import trio

from engine.policy.outgoing_errors import Broken, Unreachable
from engine.policy.outside import BreakerOpen, TimedOut
from workers.runtime.outgoing import Reply

Behaviour = Callable[[bytes], Awaitable[Reply]]


class FakeService:
    """Takes calls for all addresses. `behave` may be replaced while it runs."""

    def __init__(self, behave: Behaviour | None = None) -> None:
        self.behave: Behaviour = behave or says(200)
        self.calls: list[tuple[str, dict[str, object], dict[str, str]]] = []
        """Address, body and headers of each call that was made, answered or not."""
        self.taken: list[dict[str, object]] = []
        """Bodies of the calls that were answered with less than 500."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> Reply:
        """As the engine's own client has it: an answer, or an OutsideError in time."""
        told: dict[str, object] = msgspec.json.decode(body)
        self.calls.append((url, told, dict(headers)))
        with trio.move_on_after(deadline_s):
            reply = await self.behave(body)
            if reply.status < 500:
                self.taken.append(told)
            return reply
        raise TimedOut("test", deadline_s)

    def actions(self) -> list[object]:
        return [body["action"] for body in self.taken]


def says(status: int, body: bytes = b"") -> Behaviour:
    """Answers so at once."""

    async def behave(_body: bytes) -> Reply:
        await trio.lowlevel.checkpoint()
        return Reply(status, body, {})

    return behave


async def hangs(_body: bytes) -> Reply:
    await trio.sleep_forever()
    raise AssertionError


async def is_down(_body: bytes) -> Reply:
    await trio.lowlevel.checkpoint()
    raise Unreachable("test", "nobody there", "start it")


async def breaks_off(_body: bytes) -> Reply:
    await trio.sleep(0.1)
    raise Broken("test", "the connection broke off", "see its log")


async def is_known_to_be_down(_body: bytes) -> Reply:
    await trio.lowlevel.checkpoint()
    raise BreakerOpen("test", 5.0)
