"""Tells webhooks which streams there are: each is told once when it comes, and once when it is over.

A stream that a predecessor of this process had is told again; the sender knows it by its id. It lives and
dies with the engine and not with this process, since a successor goes on with it.
"""

import time

from engine.hooks.notices import Began, Ended
from engine.hooks.sessions import Session
from engine.hooks.settings import is_followed
from shm.directory import StreamRecord
from workers.runtime.hook_line import HookLine, engine_holder
from workers.runtime.stream_settings import Configured, StreamSettings


class StreamNews:
    """What one ingest tells of its streams.

    Args:
        line: to the sender of webhooks.
        worker: for the configuration.
    """

    def __init__(self, line: HookLine, worker: Configured) -> None:
        self._line = line
        self._settings = StreamSettings(worker)
        self._holder = engine_holder()
        self._told: set[str] = set()  # streams whose end is to be told, whatever the configuration says then

    def came(self, record: StreamRecord) -> None:
        """The stream is there."""
        if not self._is_followed(record):
            return
        self._told.add(session_id(record))
        session = Session(
            id=session_id(record),
            kind="stream",
            stream=record.name,
            holder=self._holder,
            began_ms=record.started_ns // 1_000_000,
        )
        self._line.tell(Began(session))

    def went(self, record: StreamRecord) -> None:
        """The stream is over."""
        if session_id(record) not in self._told and not self._is_followed(record):
            return
        self._told.discard(session_id(record))
        seconds = (time.time_ns() - record.started_ns) / 1e9
        self._line.tell(Ended(session_id(record), "ended", max(0.0, seconds), record.stats.bytes_in))

    def _is_followed(self, record: StreamRecord) -> bool:
        return is_followed(self._settings.of(record.name).hooks, "stream")


def session_id(record: StreamRecord) -> str:
    """The same for all that happens to one stream, and for no other."""
    return f"{record.slot:x}.{record.lease:x}.{record.started_ns:x}"
