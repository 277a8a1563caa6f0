"""What a stream id asks for. Three grammars, told apart by their beginning:

    #!::r=live/name,m=publish,u=user,s=password     the SRT access control guidelines: keys and values
    publish:live/name[:user:password]               as MediaMTX has it; also read:, request: and play:
    live/name                                       a bare path, in the mode that the operator has chosen

In the first, `m` is `publish` or `request` (the default there), `t` may only be `stream`, `h` is a host, and
`s` is called a session id, but what users and other servers put there is a password. Other keys (`token`,
`key`) become parameters, as do those behind a question mark in the path, so that keys and tokens are found in
one place, as with RTMP.

A stream id may be missing altogether: then the path is empty, and the port may say which stream is meant.
Paths are not validated here: they go through `engine.access` before they mean anything.
"""

from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

import msgspec

from engine.protocols.srt.errors import RemoteProtocolError
from engine.protocols.srt.limits import MAX_STREAM_ID_BYTES
from engine.protocols.srt.rejections import Rejection

StreamMode: TypeAlias = Literal["publish", "request"]

_KEYED: Final = "#!::"
_RESERVED: Final = "#!"
"""The guidelines keep everything that begins so for themselves: `#!:{` is for nested values."""

_PREFIXES: Final[dict[str, StreamMode]] = {
    "publish": "publish",
    "read": "request",
    "request": "request",
    "play": "request",
}
_MODES: Final[dict[str, StreamMode]] = {"publish": "publish", "request": "request"}
_KNOWN_KEYS: Final = frozenset("rmusht")
_LIVE_TYPE: Final = "stream"


class StreamRequest(msgspec.Struct, frozen=True):
    """Who wants to do what with which stream. Holds secrets: its repr leaves them out."""

    mode: StreamMode
    path: str
    """Without a leading slash and without parameters; may be empty."""
    query: str = ""
    """Parameters, as in a URL: keys and tokens are here."""
    user: str = ""
    password: str = ""
    host: str = ""

    @property
    def shown(self) -> str:
        """Everything that may hold a key, as one query: the parameters, and the password as `key`."""
        password = self.password.replace("&", "%26")
        return "&".join(part for part in (self.query, password and f"key={password}") if part)

    def __repr__(self) -> str:
        return f"StreamRequest(mode={self.mode!r}, path={self.path!r}, …)"


def parse_stream_id(stream_id: str, default_mode: StreamMode) -> StreamRequest:
    """Read a stream id; `default_mode` is for bare paths.

    Raises RemoteProtocolError with the rejection that the access control guidelines have for it.
    """
    if len(stream_id.encode()) > MAX_STREAM_ID_BYTES:
        raise RemoteProtocolError("a stream id that is too long", Rejection.BAD_REQUEST)
    if stream_id.startswith(_KEYED):
        return _keyed(stream_id.removeprefix(_KEYED))
    if stream_id.startswith(_RESERVED):
        raise RemoteProtocolError("a stream id of an unknown form", Rejection.BAD_REQUEST)
    prefix, colon, rest = stream_id.partition(":")
    if colon and prefix in _PREFIXES:
        return _prefixed(_PREFIXES[prefix], rest)
    return _request(default_mode, stream_id)


def _keyed(text: str) -> StreamRequest:
    values = _values(text)
    if values.get("t", _LIVE_TYPE) != _LIVE_TYPE:
        raise RemoteProtocolError("not a live stream", Rejection.MEDIA_NOT_SUPPORTED)
    mode = _MODES.get(values.get("m", "request"))
    if mode is None:
        raise RemoteProtocolError("a mode that is neither publish nor request", Rejection.BAD_MODE)
    others = {key: value for key, value in values.items() if key not in _KNOWN_KEYS}
    return _request(
        mode,
        values.get("r", ""),
        others=urlencode(others),
        user=values.get("u", ""),
        password=values.get("s", ""),
        host=values.get("h", ""),
    )


def _values(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for item in text.split(",") if text else ():
        key, equals, value = item.partition("=")
        if not key or not equals or key in values:
            raise RemoteProtocolError("a stream id of broken keys", Rejection.BAD_REQUEST)
        values[key] = value
    return values


def _prefixed(mode: StreamMode, text: str) -> StreamRequest:
    path, *credentials = text.split(":", 2)
    if len(credentials) == 1:
        raise RemoteProtocolError("a stream id with a user and no password", Rejection.BAD_REQUEST)
    user, password = credentials or ("", "")
    return _request(mode, path, user=user, password=password)


def _request(
    mode: StreamMode, target: str, *, others: str = "", user: str = "", password: str = "", host: str = ""
) -> StreamRequest:
    path, _, query = target.partition("?")
    query = "&".join(part for part in (query, others) if part)
    return StreamRequest(mode, path.removeprefix("/"), query, user, password, host)
