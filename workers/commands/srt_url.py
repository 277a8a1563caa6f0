"""Where `fanlight publish` sends over SRT: addresses in the form that ffmpeg has them.

    srt://HOST:PORT?streamid=…&latency=MICROSECONDS&passphrase=…&pbkeylen=16
    srt://HOST:PORT/live/name        the same as streamid=publish:live/name
    srt://HOST:PORT                  no stream id, for a port that stands for a stream

Read by hand and not by urllib, because a stream id may begin with a number sign and have question marks in
it: `?streamid=#!::r=live/name,m=publish`.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import unquote, unquote_plus, urlsplit

import msgspec

from engine.protocols.srt.key_material import KEY_SIZES
from engine.protocols.srt.limits import (
    DEFAULT_LATENCY_MS,
    MAX_LATENCY_MS,
    MAX_PASSPHRASE_BYTES,
    MAX_STREAM_ID_BYTES,
    MIN_PASSPHRASE_BYTES,
)
from workers.commands.errors import EXIT_USAGE, CommandError

SCHEME: Final = "srt"
EXAMPLE: Final = "srt://host:10080?streamid=publish:live/name"
_US_PER_MS: Final = 1000


class SrtAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to call, and what to say. Holds secrets: its repr leaves them out."""

    host: str
    port: int
    stream_id: str = ""
    latency_ms: int = DEFAULT_LATENCY_MS
    passphrase: str = ""
    key_bytes: int = 0
    """0: what the listener prefers."""

    def __repr__(self) -> str:
        return f"SrtAddress(host={self.host!r}, port={self.port}, …)"


def is_srt(url: str) -> bool:
    """Whether it is meant as an address of SRT, well formed or not."""
    return url.partition(":")[0] == SCHEME


def parse_srt_url(url: str) -> SrtAddress:
    """Read the address. Raises CommandError that names what is wrong, and repeats no secret."""
    target, _, query = url.partition("?")
    host, port, path = _target(target)
    options = _options(query)
    if path and "streamid" in options:
        raise _refusal("a path or a streamid says which stream is meant, not both")
    stream_id = options.pop("streamid", f"publish:{path}" if path else "")
    if len(stream_id.encode()) > MAX_STREAM_ID_BYTES:
        raise _refusal(f"a streamid has at most {MAX_STREAM_ID_BYTES} bytes")
    values = {_FIELDS[name]: _READERS[name](text) for name, text in options.items()}
    return msgspec.convert({"host": host, "port": port, "stream_id": stream_id, **values}, SrtAddress)


def _target(target: str) -> tuple[str, int, str]:
    """Host, port and path."""
    with suppress(ValueError):
        parts = urlsplit(target)
        if parts.scheme == SCHEME and parts.hostname and parts.port:
            return parts.hostname, parts.port, unquote(parts.path.strip("/"))
    raise _refusal(f"{target}: not an address like {EXAMPLE}")


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for item in query.split("&") if query else ():
        name, _, value = item.partition("=")
        if name not in _KNOWN:
            raise _refusal(f"no SRT option is called {name!r}; there are {', '.join(_KNOWN)}")
        if name in options:
            raise _refusal(f"the option {name} stands twice in the address")
        options[name] = unquote_plus(value)
    return options


def _latency_ms(text: str) -> int:
    """Microseconds, rounded up: zero means zero, and nothing else does."""
    latency_ms = -(-int(text) // _US_PER_MS) if text.isascii() and text.isdecimal() else -1
    if not 0 <= latency_ms <= MAX_LATENCY_MS:
        raise _refusal(f"latency={text}: microseconds are asked for, from 0 to {MAX_LATENCY_MS * _US_PER_MS}")
    return latency_ms


def _passphrase(text: str) -> str:
    if not MIN_PASSPHRASE_BYTES <= len(text.encode()) <= MAX_PASSPHRASE_BYTES:
        raise _refusal(f"a passphrase has {MIN_PASSPHRASE_BYTES} to {MAX_PASSPHRASE_BYTES} characters")
    return text


def _key_bytes(text: str) -> int:
    sizes = {str(size): size for size in sorted(KEY_SIZES)}
    if text not in sizes:
        raise _refusal(f"pbkeylen={text}: a key has {', '.join(sizes)} bytes")
    return sizes[text]


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "latency": _latency_ms,
    "passphrase": _passphrase,
    "pbkeylen": _key_bytes,
}
_FIELDS: Final = {"latency": "latency_ms", "passphrase": "passphrase", "pbkeylen": "key_bytes"}
_KNOWN: Final = ("streamid", *_READERS)


def _refusal(sentence: str) -> CommandError:
    return CommandError(sentence, exit_code=EXIT_USAGE)
