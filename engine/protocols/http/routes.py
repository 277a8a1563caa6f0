"""What a path of the media port means. `/live/name` stands for any stream name below:

    /                               index           the page that lists what is live
    /player.js  /media.js …         asset           what the pages need
    /play/live/name                 page            the player page
    /live/name.flv                  flv             HTTP-FLV, or WebSocket-FLV
    /live/name.mp4                  mp4             fragmented MP4 over WebSocket
    /live/name.m3u8                 multivariant    HLS: the playlist of playlists
    /live/name/index.m3u8           multivariant    the same, in the folder that its URLs are relative to
    /live/name/media.m3u8           media           HLS: the media playlist of this stream
    /live/name/1a2b-7.m4s           file            an init segment, a segment or a part

Suffixes are looked at first, so a stream whose name begins with `play/` keeps all its URLs. In a folder,
`index.m3u8` and `media.m3u8` are never streams. The name is handed on raw; `engine.access.names` is the one
door that judges names.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, cast

import msgspec

from engine.protocols.http.errors import RemoteProtocolError
from engine.protocols.http.limits import MAX_REMEMBERED_BYTES

StartMode = Literal["burst", "keyframe", "live"]
RouteKind = Literal["flv", "mp4", "multivariant", "media", "file", "page", "index", "asset"]

START_MODES: Final = ("burst", "keyframe", "live")

STREAM_SUFFIXES: Final[dict[str, RouteKind]] = {"flv": "flv", "mp4": "mp4"}
ASSETS: Final = ("player.js", "media.js", "player.css")
PAGE_PREFIX: Final = "/play/"

#: The names that segments, parts and init segments have; see `engine.protocols.hls.names`, which reads them.
_FILE = re.compile(r"[0-9a-f]+-[0-9]+(?:\.[0-9]+)?\.(?:m4s|mp4|ts)")


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One media resource."""

    kind: RouteKind
    #: The stream, as in the path, without slash and suffix; not yet through the door for names. Empty for
    #: `index` and `asset`.
    raw_name: str
    #: What the request asks for, or None to take the path's setting; for `flv` and `mp4`.
    start: StartMode | None = None
    #: The last component of the path, for `file` and `asset`; its form is right, there may be no such file.
    file: str = ""


def parse_route(path: str, query: Mapping[str, str], *, is_websocket: bool = False) -> Route:
    """The resource that `path` names; `RemoteProtocolError` 404 if none, 400 for a bad start mode.

    Files are not asked for by WebSocket: then `/live/2024-01.mp4` is a stream, though its name is a file's.
    """
    start = query.get("start")
    if start is None and len(path) <= MAX_REMEMBERED_BYTES:
        return _remembered(path, None, is_websocket)
    return _route(path, start, is_websocket)


def _route(path: str, start: str | None, is_websocket: bool) -> Route:
    route = None if is_websocket else _file_route(path)
    route = route or _stream_route(path, start) or _page_route(path)
    if route is None:
        raise RemoteProtocolError("not found", reply=404)
    return route


_remembered = lru_cache(maxsize=1024)(_route)


def _file_route(path: str) -> Route | None:
    folder, _, file = path[1:].rpartition("/")
    if not folder or not _FILE.fullmatch(file):
        return None
    return Route(kind="file", raw_name=folder, file=file)


def _stream_route(path: str, start: str | None) -> Route | None:
    name, dot, suffix = path[1:].rpartition(".")
    if not dot or not name:
        return None
    if suffix == "m3u8":
        return _playlist_route(name)
    kind = STREAM_SUFFIXES.get(suffix)
    return Route(kind=kind, raw_name=name, start=_start_mode(start)) if kind else None


def _playlist_route(name: str) -> Route:
    folder, _, last = name.rpartition("/")
    if folder and last == "media":
        return Route(kind="media", raw_name=folder)
    return Route(kind="multivariant", raw_name=folder if folder and last == "index" else name)


def _page_route(path: str) -> Route | None:
    if path == "/":
        return Route(kind="index", raw_name="")
    if path[1:] in ASSETS:
        return Route(kind="asset", raw_name="", file=path[1:])
    name = path.removeprefix(PAGE_PREFIX)
    return Route(kind="page", raw_name=name) if name and name != path else None


def _start_mode(value: str | None) -> StartMode | None:
    if value is None:
        return None
    if value not in START_MODES:
        raise RemoteProtocolError(f"start must be one of {', '.join(START_MODES)}")
    return cast("StartMode", value)
