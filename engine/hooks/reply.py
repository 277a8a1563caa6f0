"""What a service's answer means.

    2xx, no body, `0`, or {"code": 0}     let in
    2xx, `1`, or {"code": 1}              refused; SRS's services answer so
    4xx                                   refused, but for 408, 425 and 429, which say "not now"
    everything else                       no answer at all: the policy decides

An object may say more: {"code": 0, "stream": "live/other", "lifetime_s": 3600, "limits": {"max_bitrate_bps":
6000000}}, or {"code": 403, "reason": "not your slot"}. A 2xx with a text that is neither a number nor an
object lets in: the status has said all. A body that looks like an object and cannot be read is no answer:
half a "no" must not pass for a "yes".
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from engine.access.names import BadName, parse_stream_name
from engine.hooks.limits import MAX_BITRATE_BPS, MAX_LIFETIME_S, MAX_REASON_CHARACTERS

NOT_NOW: Final = frozenset({408, 425, 429})
MAX_CODE_CHARACTERS: Final = 20


class Limits(Struct, frozen=True):
    """What a session may use; 0 for no limit of its own."""

    max_bitrate_bps: int = 0


class Verdict(Struct, frozen=True):
    """Whether a client gets in, and how.

    `answered` is False where the policy decided. `stream` is the name it gets, empty for what it asked for;
    `lifetime_s` is how long it may stay, 0 for ever.
    """

    allowed: bool
    answered: bool = True
    reason: str = ""
    stream: str = ""
    lifetime_s: float = 0.0
    limits: Limits = Limits()


class NotUnderstood(Exception):
    """The answer is none. The text says why, and repeats nothing that came."""


class _Object(Struct):
    code: int | str = 0
    reason: str = ""
    msg: str = ""
    stream: str = ""
    lifetime_s: float = 0.0
    limits: Limits = Limits()


_DECODER: Final = msgspec.json.Decoder(_Object)


def understand(status: int, body: bytes) -> Verdict:
    """Read a service's answer. Raises NotUnderstood."""
    if 200 <= status < 300:
        return _of_success(body.strip())
    if 400 <= status < 500 and status not in NOT_NOW:
        return Verdict(allowed=False, reason=_reason_in(body.strip()))
    raise NotUnderstood(f"status {status}")


def is_final(status: int) -> bool:
    """Whether an event that was answered so need not be sent again: it was taken, or never will be."""
    return 200 <= status < 300 or (400 <= status < 500 and status not in NOT_NOW)


def combined(verdicts: Iterable[Verdict]) -> Verdict:
    """Of several services: one "no" is enough; else the first name, life and limits that one of them gave."""
    result = Verdict(allowed=True)
    for verdict in verdicts:
        if not verdict.allowed:
            return verdict
        result = Verdict(
            allowed=True,
            answered=result.answered and verdict.answered,
            stream=result.stream or verdict.stream,
            lifetime_s=result.lifetime_s or verdict.lifetime_s,
            limits=result.limits if result.limits != Limits() else verdict.limits,
        )
    return result


def _of_success(body: bytes) -> Verdict:
    if body.startswith(b"{"):
        return _of_object(_decoded(body))
    code = _number(body)
    return Verdict(allowed=code is None or code == 0)


def _of_object(told: _Object) -> Verdict:
    if _code_of(told) != 0:
        return Verdict(allowed=False, reason=_shown(told.reason or told.msg))
    if not 0 <= told.lifetime_s <= MAX_LIFETIME_S:
        raise NotUnderstood(f"lifetime_s is 0 to {MAX_LIFETIME_S:g}")
    if not 0 <= told.limits.max_bitrate_bps <= MAX_BITRATE_BPS:
        raise NotUnderstood(f"max_bitrate_bps is 0 to {MAX_BITRATE_BPS}")
    return Verdict(allowed=True, stream=_name_in(told.stream), lifetime_s=told.lifetime_s, limits=told.limits)


def _decoded(body: bytes) -> _Object:
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NotUnderstood("an object that cannot be read") from None


def _code_of(told: _Object) -> int:
    if isinstance(told.code, int):
        return told.code
    code = _number(told.code.encode("utf-8", "replace"))
    if code is None:
        raise NotUnderstood("a code that is no number")
    return code


def _number(text: bytes) -> int | None:
    """The whole number that this is; None for anything else."""
    if len(text) <= MAX_CODE_CHARACTERS and text.removeprefix(b"-").isdigit():
        return int(text)
    return None


def _name_in(text: str) -> str:
    try:
        return parse_stream_name(text) if text else ""
    except BadName as error:
        raise NotUnderstood(str(error)) from None


def _reason_in(body: bytes) -> str:
    """What a refusal says for people, if it is one of ours."""
    try:
        told = _decoded(body) if body.startswith(b"{") else _Object()
    except NotUnderstood:
        return ""
    return _shown(told.reason or told.msg)


def _shown(text: str) -> str:
    """One printable line: it goes to encoders and into the log."""
    return "".join(c if c.isprintable() else " " for c in text[:MAX_REASON_CHARACTERS]).strip()
