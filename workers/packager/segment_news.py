"""Tells webhooks of finished segments, for the streams whose path wants it."""

from typing import Protocol

from engine.hooks.notices import AnyNotice, SegmentFinished
from engine.hooks.settings import urls_for
from engine.protocols.hls import SegmentEnd
from workers.runtime.stream_settings import Configured, StreamSettings


class Tells(Protocol):
    """The line to the sender."""

    def tell(self, notice: AnyNotice) -> None: ...


class SegmentNews:
    """What one packager tells.

    Args:
        line: to the sender of webhooks.
        worker: for the configuration.
    """

    def __init__(self, line: Tells, worker: Configured) -> None:
        self._line = line
        self._settings = StreamSettings(worker)

    def finished(self, stream: str, file_name: str, mark: SegmentEnd) -> None:
        """A segment is whole, and its file is there. Its name is unique for ever, and so is the event's."""
        if not urls_for(self._settings.of(stream).hooks, "on_hls"):
            return
        notice = SegmentFinished(
            event_id=f"{stream}/{file_name}",
            stream=stream,
            seq_no=mark.msn,
            duration_s=mark.duration_us * 1e-6,
            file=file_name,
            url=f"/{stream}/{file_name}",
        )
        self._line.tell(notice)
