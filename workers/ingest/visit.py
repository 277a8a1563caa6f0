"""A publisher's session as webhooks know it: how long and how much it may, and the end that is told once."""

from typing import Final

from engine.hooks.notices import Ended, Held
from workers.runtime.hook_line import HookLine
from workers.runtime.messages import HandedVisit

LIFETIME: Final = "lifetime"
"""Why a session ends whose time, as a service has set it, is over."""


class PublisherVisit:
    """One publisher's visit; nothing at all where nobody follows it.

    Args:
        handed: what came with the hand-over.
        line: to the sender of webhooks.
        began_s: when the session began, on the clock of `is_over`.
    """

    def __init__(self, handed: HandedVisit | None, line: HookLine | None, began_s: float) -> None:
        self._handed = handed
        self._line = line if handed is not None else None
        self._began_s = began_s
        if self._line is not None and handed is not None:
            self._line.tell(Held(handed.session_id, self._line.holder))

    def name_for(self, asked: str) -> str:
        """The stream that this publisher gets."""
        return self._handed.stream if self._handed else asked

    @property
    def max_bitrate_bps(self) -> int:
        """What a service lets it send; 0 for no limit. One of those that its overseer holds it to."""
        return self._handed.max_bitrate_bps if self._handed else 0

    def is_over(self, now_s: float) -> bool:
        """Whether it has been as long as a service has let it. Asked every round."""
        lifetime_s = self._handed.lifetime_s if self._handed else 0.0
        return bool(lifetime_s) and now_s - self._began_s > lifetime_s

    def end(self, reason: str, seconds: float = 0.0, bytes_in: int = 0) -> None:
        """Tell that it is over; the first time counts."""
        line, self._line = self._line, None
        if line is not None and self._handed is not None:
            line.tell(Ended(self._handed.session_id, reason, seconds, bytes_in))
