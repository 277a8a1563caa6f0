"""How much of each kind of frame a client may send: what costs us work and has no end of its own.

Requests have theirs: streams are limited, and each is answered. Everything else is counted against a budget
that refills, and that fair use refills as well: finished answers excuse some resets, data that was sent
excuses the room that was given for it.
"""

from typing import Final

from engine.protocols.http2 import limits
from engine.protocols.http2.budget import Budget
from engine.protocols.http2.codes import ErrorCode
from engine.protocols.http2.errors import Flood, RemoteProtocolError
from engine.protocols.http2.frames import Kind
from engine.protocols.http2.limits import Rate

RATES: Final[dict[Flood, Rate]] = {
    "resets": limits.RESETS,
    "settings": limits.SETTINGS,
    "pings": limits.PINGS,
    "window_updates": limits.WINDOW_UPDATES,
    "body_frames": limits.BODY_FRAMES,
    "other_frames": limits.OTHER_FRAMES,
}

BUDGET_OF: Final[dict[int, Flood]] = {
    Kind.DATA: "body_frames",
    Kind.HEADERS: "resets",  # of a stream that has ended: h2 answers it with a reset
    Kind.RST_STREAM: "resets",
    Kind.SETTINGS: "settings",
    Kind.PING: "pings",
    Kind.GOAWAY: "settings",
    Kind.WINDOW_UPDATE: "window_updates",
}
"""What a frame is counted against; those that are not here are "other_frames"."""


class Manners:
    """The budgets of one client."""

    __slots__ = ("_budgets",)

    def __init__(self) -> None:
        self._budgets = {flood: Budget(rate) for flood, rate in RATES.items()}

    def spend(self, flood: Flood, now_s: float) -> None:
        """Count one. Raises `RemoteProtocolError` when it is one too many."""
        if not self._budgets[flood].spend(now_s):
            raise RemoteProtocolError(
                f"too many {flood.replace('_', ' ')}", code=ErrorCode.ENHANCE_YOUR_CALM, flood=flood
            )

    def note_request(self) -> None:
        """A stream was opened."""
        self._budgets["other_frames"].earn(1.0)

    def note_answer(self, *, was_early: bool) -> None:
        """An answer was finished; `was_early`: before its request, whose end may be on its way."""
        self._budgets["resets"].earn(limits.RESETS_PER_ANSWER)
        if was_early:
            self._budgets["body_frames"].earn(1.0)

    def note_sent(self, size_bytes: int) -> None:
        """So much of an answer was sent."""
        self._budgets["window_updates"].earn(size_bytes / limits.BYTES_PER_WINDOW_UPDATE)
