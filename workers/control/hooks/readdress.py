"""After a change of the configuration: events that wait go where their services are now."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import trio
from structlog.typing import FilteringBoundLogger

from engine.config import Config
from engine.hooks.book import Book
from engine.hooks.moves import Heirs, moves_of, records_of
from engine.hooks.records import AnyRecord
from workers.control.hooks.figures import shown_url
from workers.control.hooks.sender import Sender

AT_A_TIME: Final = 250
"""Events that are looked at before others have their turn: some 30 ms where each has a path of its own and a
hundred patterns are configured. All at once would be seconds, and control is taken for dead after three."""

Note = Callable[[Sequence[AnyRecord]], None]


async def readdress(
    book: Book, sender: Sender, note: Note, old: Config, new: Config, log: FilteringBoundLogger
) -> None:
    """Move what has a new address, and tell of what has none: the sender removes that when its turn comes.
    It must be held meanwhile, since what has not been looked at has its old address still.

    Where there is no older configuration, after a restart, it is the same twice, and nothing moves.
    """
    numbers, heirs = sorted(book.pending), Heirs(old, new)
    moved: Counter[str] = Counter()
    homeless: Counter[str] = Counter()
    for at in range(0, len(numbers), AT_A_TIME):
        some = [book.pending[number] for number in numbers[at : at + AT_A_TIME] if number in book.pending]
        moves = moves_of(some, heirs)
        sender.move(moves.moved)
        note(list(records_of(moves.moved)))
        moved.update(event.url for event in moves.moved)
        homeless.update(moves.homeless)
        await trio.lowlevel.checkpoint()
    for url, count in moved.items():
        log.info("hook_events_moved", url=shown_url(url), count=count)
    for url, count in homeless.items():
        log.warning("hook_events_removed", url=shown_url(url), count=count)
