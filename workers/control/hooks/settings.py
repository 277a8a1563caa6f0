"""Settings of streams by name, kept until the configuration changes: matching patterns costs microseconds
each."""

from typing import Final

from engine.config import Config, for_path
from engine.config.tree import Hooks
from workers.runtime.worker import Worker

MAX_KEPT: Final = 4096


class HookSettings:
    """What holds for each stream."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._kept: dict[str, Hooks] = {}
        worker.on_reload(self._forget)

    def of(self, stream: str) -> Hooks:
        """The stream's."""
        if stream not in self._kept:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[stream] = for_path(self._worker.config, stream).hooks
        return self._kept[stream]

    def _forget(self, _old: Config, _new: Config) -> None:
        self._kept.clear()
