"""A question and its answer."""

from typing import cast

from msgspec import Struct

from engine.access.reasons import SENTENCES, Action, Reason, Refusal
from engine.access.shown import NOTHING, Shown


class Question(Struct, frozen=True, kw_only=True):
    """Somebody wants to do something."""

    action: Action
    path: str = ""
    """The stream's full name; of a track, its publisher's. Empty for `api` and `metrics`."""
    address: str
    """Of the client, without its port."""
    shown: Shown = NOTHING


class Verdict(Struct, frozen=True, kw_only=True):
    """Whether he may, and why."""

    allowed: bool
    reason: Reason
    key_id: str = ""
    """Which of our keys let him in, or would have: for logs, bans and limits. Of a token, its subject."""
    asks_hook: bool = False
    """Allowed as far as this process can tell; a callback decides."""

    @property
    def refusal(self) -> Refusal:
        """The reason of a refusal, which is the only kind that has it."""
        assert not self.allowed
        return cast("Refusal", self.reason)

    @property
    def sentence(self) -> str:
        """What a refused client is told."""
        return SENTENCES[self.refusal]


def refused(reason: Refusal, key_id: str = "") -> Verdict:
    """No."""
    return Verdict(allowed=False, reason=reason, key_id=key_id)
