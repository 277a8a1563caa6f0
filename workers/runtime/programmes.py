"""Which streams are renditions of one programme: by the configuration, or as the tracks of one publisher."""

from engine.access.names import MAX_TRACK, publisher_name, track_name
from engine.config import Programmes
from shm.directory import Directory


def programme_of(configured: Programmes, stream: str) -> str:
    """The programme that a stream belongs to; by itself it is one of its own name."""
    return configured.programme_of(stream) or publisher_name(stream)


def renditions_of(configured: Programmes, streams: Directory, programme: str) -> tuple[str, ...]:
    """The streams of a programme, whether they are there or not; what a publisher sends, if nothing is said
    of it in the configuration, is the stream that it asked for and those of its further tracks."""
    listed = configured.renditions(programme)
    if listed:
        return listed
    tracks = (track_name(programme, track) for track in range(1, MAX_TRACK + 1))
    return (programme, *(track for track in tracks if streams.find(track) is not None))
