"""The signature of a call: who has the secret knows that it comes from us, and when.

    X-Fanlight-Signature: t=1700000000,v1=<HMAC-SHA256 in hex of "1700000000." and the body>

The time stands inside what is signed. A service that refuses times further than REPLAY_WINDOW_S from its own
clock, and event ids it has had within that window, cannot be told an old event by somebody who listened. Each
attempt is signed anew, so an event that was delivered late is no replay.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "X-Fanlight-Signature"
REPLAY_WINDOW_S: Final = 300
"""As Stripe's libraries have it: more than clocks differ, less than anybody needs to make use of a call."""


def sign(secret: str, time_s: int, body: bytes) -> str:
    """The header's value."""
    return f"t={time_s},v1={_digest(secret, str(time_s), body)}"


def is_signed(secret: str, value: str, body: bytes, now_s: int) -> bool:
    """What a service does with the header: whether it is ours, and of now. Never raises."""
    fields = dict(field.partition("=")[::2] for field in value.split(","))
    time_text, given = fields.get("t", ""), fields.get("v1", "")
    if not (time_text.isascii() and time_text.isdigit() and len(time_text) <= 12):
        return False
    expected = _digest(secret, time_text, body)
    fresh = abs(now_s - int(time_text)) <= REPLAY_WINDOW_S
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass")) and fresh


def _digest(secret: str, time_text: str, body: bytes) -> str:
    return hmac.new(secret.encode(), time_text.encode() + b"." + body, hashlib.sha256).hexdigest()
