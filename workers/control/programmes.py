"""Programmes as the API shows them: what the configuration and the names of streams make of the directory."""

from collections.abc import Callable

from engine.access.names import publisher_name
from engine.config import Programmes
from shm.directory import Directory
from workers.control import models
from workers.control.streams import Streams
from workers.runtime.programmes import renditions_of


class ProgrammeGuide:
    """All programmes. `now_ns` arguments are monotonic.

    Args:
        directory: which streams there are.
        streams: what is shown of them.
        configured: gives the programmes of the configuration as it is now.
    """

    def __init__(self, directory: Directory, streams: Streams, configured: Callable[[], Programmes]) -> None:
        self._directory = directory
        self._streams = streams
        self._configured = configured

    def all(self, now_ns: int) -> list[models.Programme]:
        """Every programme, by name. A stream that is alone under its name is none."""
        configured = self._configured()
        of_tracks = {publisher_name(stream.name) for stream in self._directory.all() if is_track(stream.name)}
        return [self._shown(configured, name, now_ns) for name in sorted(of_tracks.union(configured))]

    def _shown(self, configured: Programmes, name: str, now_ns: int) -> models.Programme:
        streams = renditions_of(configured, self._directory, name)
        return models.Programme(
            name=name,
            origin="configuration" if configured.renditions(name) else "tracks",
            renditions=[self._rendition(stream, now_ns) for stream in streams],
        )

    def _rendition(self, name: str, now_ns: int) -> models.Rendition:
        stream = self._streams.find(name, now_ns)
        if stream is None:
            return models.Rendition(stream=name, state=None, video=None, audio=None, bitrate_bps=0)
        return models.Rendition(
            stream=name,
            state=stream.state,
            video=stream.video,
            audio=stream.audio,
            bitrate_bps=stream.bitrate_bps,
        )


def is_track(stream: str) -> bool:
    """Whether this is a further video track of its publisher."""
    return publisher_name(stream) != stream
