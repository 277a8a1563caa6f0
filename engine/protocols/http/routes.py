"""Which stream a media path means: `/live/name.flv` is the FLV of `live/name`.

The name is handed on raw; `engine.access.names` is the one door that judges names.
"""

from collections.abc import Mapping
from typing import Final, Literal, cast

import msgspec

from engine.protocols.http.errors import RemoteProtocolError

StartMode = Literal["burst", "keyframe", "live"]

START_MODES: Final = ("burst", "keyframe", "live")

FLV_SUFFIX = ".flv"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One media resource."""

    kind: Literal["flv"]
    #: As in the path, without slash and suffix; not yet through the door for names.
    raw_name: str
    #: What the request asks for, or None to take the path's setting.
    start: StartMode | None


def parse_route(path: str, query: Mapping[str, str]) -> Route:
    """The resource that `path` names; `RemoteProtocolError` 404 if none, 400 for a bad start mode."""
    if not path.endswith(FLV_SUFFIX) or len(path) <= len("/") + len(FLV_SUFFIX):
        raise RemoteProtocolError("not found", reply=404)
    return Route(kind="flv", raw_name=path[1 : -len(FLV_SUFFIX)], start=_start_mode(query.get("start")))


def _start_mode(value: str | None) -> StartMode | None:
    if value is None:
        return None
    if value not in START_MODES:
        raise RemoteProtocolError(f"start must be one of {', '.join(START_MODES)}")
    return cast("StartMode", value)
