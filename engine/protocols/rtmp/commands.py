"""The peer's commands, read forgivingly.

Clients leave arguments out, or send null, false or a number where a string belongs. A missing argument gets
the value the specification gives it; only what makes a command meaningless is refused. Structure is RTMP
1.0 section 7.2, and enhanced RTMP v2 "Enhancing NetConnection connect Command" for the FourCC keys.
"""

from typing import Final

import msgspec

from engine.protocols import amf0
from engine.protocols.rtmp.limits import MAX_FOURCCS, MAX_INFO_BYTES
from engine.protocols.rtmp.messages import Command
from engine.protocols.rtmp.targets import Target, app_and_query, target_of

_ANY_START: Final = -2.0  # RTMP 1.0 section 7.2.2.1
_WHOLE_DURATION: Final = -1.0


class Connect(msgspec.Struct, frozen=True):
    """The arguments of `connect` that we use."""

    app: str
    query: str
    tc_url: str
    flash_ver: str
    fourccs: tuple[str, ...]


class Play(msgspec.Struct, frozen=True):
    """The arguments of `play`."""

    target: Target
    start: float
    duration: float
    reset: bool


def read_connect(command: Command) -> Connect:
    """Raises RemoteProtocolError for an app or query that is too long."""
    wishes = _argument(command, 0)
    properties = wishes if isinstance(wishes, dict) else {}
    tc_url = _text(properties.get("tcUrl"))
    app, query = app_and_query(_text(properties.get("app")), tc_url)
    return Connect(
        app=app,
        query=query,
        tc_url=tc_url[: 4 * MAX_INFO_BYTES],
        flash_ver=_text(properties.get("flashVer"))[:MAX_INFO_BYTES],
        fourccs=_fourccs(properties),
    )


def read_publish(command: Command, app: str, app_query: str) -> tuple[Target, str]:
    """What to publish, and the kind: live, record or append. Raises RemoteProtocolError as `target_of`
    does."""
    kind = _text(_argument(command, 2)) or "live"
    return target_of(app, app_query, _text(_argument(command, 1))), kind[:MAX_INFO_BYTES]


def read_play(command: Command, app: str, app_query: str) -> Play:
    """Raises RemoteProtocolError as `target_of` does."""
    reset = _argument(command, 4)
    return Play(
        target=target_of(app, app_query, _text(_argument(command, 1))),
        start=_number(_argument(command, 2), _ANY_START),
        duration=_number(_argument(command, 3), _WHOLE_DURATION),
        reset=reset if isinstance(reset, bool) else True,
    )


def read_pause(command: Command) -> tuple[bool, int]:
    """Whether to pause, and the position in milliseconds."""
    position = _number(_argument(command, 2), 0.0)
    inside = 0.0 <= position < 2**32  # false for NaN
    return is_true(command), int(position) if inside else 0


def is_true(command: Command) -> bool:
    """The one boolean argument of pause, receiveAudio and receiveVideo."""
    return _argument(command, 1) is True


def stops_publishing(command: Command) -> bool:
    """`publish(false)`, the Flash way to stop."""
    return _argument(command, 1) is False


def _argument(command: Command, index: int) -> amf0.Value:
    return command.arguments[index] if index < len(command.arguments) else None


def _text(value: amf0.Value) -> str:
    return value if isinstance(value, str) else ""


def _number(value: amf0.Value, otherwise: float) -> float:
    return value if isinstance(value, float) else otherwise


def _fourccs(properties: dict[str, amf0.Value]) -> tuple[str, ...]:
    """The codecs of fourCcList (v1) and of the keys of both info maps (v2), each once, in order."""
    found: list[str] = []
    listed = properties.get("fourCcList")
    if isinstance(listed, list):
        found += [_text(entry) for entry in listed]
    for key in ("videoFourCcInfoMap", "audioFourCcInfoMap"):
        mapped = properties.get(key)
        if isinstance(mapped, dict):
            found += mapped
    proper = dict.fromkeys(code for code in found if code == "*" or len(code) == 4)
    return tuple(proper)[:MAX_FOURCCS]
