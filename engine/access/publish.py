"""Who may publish: the static key of a path.

The key travels in the query of the RTMP name, `rtmp://host/live/cam?key=...`, which every publishing
program can send: in OBS it is part of the stream key. `token` is understood as well as `key`.
"""

from collections.abc import Iterator
from typing import Final, Literal, Protocol
from urllib.parse import unquote

from msgspec import Struct

from engine.config.secret import Secret

KEY_PARAMETERS: Final = ("key", "token")
MAX_PARAMETERS: Final = 32
"""More parameters than any publishing program sends; the rest is not looked at."""

Reason = Literal["open", "key", "key_missing", "key_wrong"]


class Verdict(Struct, frozen=True):
    """The answer, and why: `open` (no key asked for), `key` (the right one), `key_missing`, `key_wrong`."""

    allowed: bool
    reason: Reason


class HasPublishKey(Protocol):
    """What is needed of a stream's settings."""

    @property
    def publish_key(self) -> Secret: ...


def may_publish(settings: HasPublishKey, query: str) -> Verdict:
    """Judge a publisher by its query: "key=...", "?key=..." or a whole "name?key=...". Never raises."""
    if not settings.publish_key:
        return Verdict(allowed=True, reason="open")
    candidates = list(shown_keys(query))
    if not candidates:
        return Verdict(allowed=False, reason="key_missing")
    right = any(settings.publish_key.matches(candidate) for candidate in candidates)
    return Verdict(allowed=right, reason="key" if right else "key_wrong")


def shown_keys(query: str) -> Iterator[str]:
    """What may have been meant as the key, in the order that it is shown: as it stands, and
    percent-decoded, since clients do either.

    A plus sign stays one: stream keys are typed, not sent from forms.
    """
    for parameter in _parameters(query).split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        name, _, value = parameter.partition("=")
        if name in KEY_PARAMETERS and value:
            yield value
            if "%" in value:
                yield unquote(value)


def _parameters(query: str) -> str:
    """Cut off a name before the query; a question mark inside a value is left alone."""
    before, mark, after = query.partition("?")
    return after if mark and "=" not in before else query
