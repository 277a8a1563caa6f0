"""Settings of streams by name, kept until the configuration changes.

Matching patterns and laying tables over the sections costs microseconds each, and some ask with every request
of a player: of a thousand on Low-Latency HLS that was a ninth of a worker's time.
"""

from typing import Final, Protocol

from engine.config import Config, PathSettings, for_path

MAX_KEPT: Final = 4096
"""Names kept: far more than streams by default (50), since strangers ask for others too."""


class Configured(Protocol):
    """Whoever has the configuration as it is now."""

    @property
    def config(self) -> Config: ...


class StreamSettings:
    """What holds for each stream.

    Args:
        worker: its configuration is looked at each time, since a reload replaces it.
    """

    def __init__(self, worker: Configured) -> None:
        self._worker = worker
        self._config = worker.config
        self._kept: dict[str, PathSettings] = {}

    def of(self, stream: str) -> PathSettings:
        """The stream's."""
        if self._worker.config is not self._config:
            self._config = self._worker.config
            self._kept.clear()
        found = self._kept.get(stream)
        return found if found is not None else self._look_up(stream)

    def _look_up(self, stream: str) -> PathSettings:
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        settings = self._kept[stream] = for_path(self._config, stream)
        return settings
