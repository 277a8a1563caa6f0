"""After a change of the configuration: events that wait go where their services are now."""

from collections import Counter
from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from engine.config import Config
from engine.hooks.book import Book
from engine.hooks.moves import moves_of, records_of
from engine.hooks.records import AnyRecord
from workers.control.hooks.figures import shown_url
from workers.control.hooks.sender import Sender


def readdress(
    book: Book, sender: Sender, old: Config, new: Config, log: FilteringBoundLogger
) -> Sequence[AnyRecord]:
    """Move what has a new address, and tell of what has none: the sender removes that when its turn comes.

    Where there is no older configuration, after a restart, it is the same twice, and nothing moves.
    """
    moves = moves_of([event for _, event in sorted(book.pending.items())], old, new)
    sender.move(moves.moved)
    for url, count in Counter(event.url for event in moves.moved).items():
        log.info("hook_events_moved", url=shown_url(url), count=count)
    for url, count in moves.homeless.items():
        log.warning("hook_events_removed", url=shown_url(url), count=count)
    return list(records_of(moves.moved))
