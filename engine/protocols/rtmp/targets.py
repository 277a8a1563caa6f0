"""What a client means by app and stream name.

The same stream is written in many ways: `live` and `cam?token=x` (ffmpeg, OBS), `live?token=x` and `cam` (OBS
with the token in the server field), `live/cam` and an empty name, an empty app and `live/cam`, slashes at
either end, `mp4:cam` (the Flash way to name a container, which ffmpeg adds for names ending in .mp4). Here
they all become one path and one query. Whether a path is allowed is not decided here.
"""

from typing import Final

import msgspec

from engine.protocols.rtmp.errors import RemoteProtocolError
from engine.protocols.rtmp.limits import MAX_PATH_BYTES, MAX_QUERY_BYTES

_CONTAINER_PREFIXES: Final = ("mp4:", "flv:", "mp3:")


class Target(msgspec.Struct, frozen=True):
    """What to publish or play."""

    app: str
    name: str
    path: str
    query: str


def app_and_query(app: str, tc_url: str) -> tuple[str, str]:
    """The app of a `connect` without slashes at its ends, and its query: its own or the one of tcUrl.

    Raises RemoteProtocolError if they are too long.
    """
    path, _, query = app.partition("?")
    target = _bounded("", path.strip("/"), query or tc_url.partition("?")[2])
    return target.path, target.query


def target_of(app: str, app_query: str, stream: str) -> Target:
    """The target of a `publish` or `play` of `stream` on a connection to `app`.

    Raises RemoteProtocolError if it is too long.
    """
    name, _, query = stream.partition("?")
    for prefix in _CONTAINER_PREFIXES:
        name = name.removeprefix(prefix)
    return _bounded(app, name.strip("/"), "&".join(part for part in (app_query, query) if part))


def _bounded(app: str, name: str, query: str) -> Target:
    path = "/".join(part for part in (app, name) if part)
    if len(path.encode()) > MAX_PATH_BYTES:
        raise RemoteProtocolError("the stream's path is too long", "NetStream.Publish.BadName")
    if len(query.encode()) > MAX_QUERY_BYTES:
        raise RemoteProtocolError("the stream's query is too long", "NetStream.Publish.BadName")
    return Target(app, name, path, query)
