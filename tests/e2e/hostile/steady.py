"""A stream that goes on while others misbehave, and players who must not miss a single message of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final

import trio

from tests.e2e.clients import Player, url_of
from tests.e2e.engine_process import RunningEngine
from tests.e2e.numbered_publisher import NumberedPublisher
from tests.e2e.wires import PROTOCOLS

NAME: Final = "live/steady"
OF_EACH: Final = 2  # players of each protocol, so that each worker has some
ENOUGH: Final = 20


@asynccontextmanager
async def steady_stream(engine: RunningEngine, of_each: int = OF_EACH) -> AsyncIterator[list[Player]]:
    """Publish, play, and at the end look whether anybody has noticed anything."""
    publisher = NumberedPublisher(engine.rtmp_url(NAME))
    players = [Player(protocol, url_of(engine, protocol, NAME)) for protocol in PROTOCOLS * of_each]
    async with trio.open_nursery() as nursery:
        await nursery.start(publisher.run)
        await publisher.more(2)
        for player in players:
            await nursery.start(player.play)
        for player in players:
            await player.until(lambda player: bool(player.numbers))
        yield players
        end = await publisher.more(ENOUGH)
        for player in players:
            await player.until_number(end - 1)
            gaps = [(last, number) for last, number in pairwise(player.numbers) if number != last + 1]
            assert not gaps, f"{player.protocol} {player.local} has gaps: {gaps}"
        assert len(publisher.sessions) == 1
        publisher.finish()
        for player in players:
            await player.ended()
        nursery.cancel_scope.cancel()
