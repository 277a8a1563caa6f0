"""One call: what is signed and sent, and what went wrong in one word."""

from typing import Final

from engine.config.secret import Secret
from engine.hooks.signature import HEADER, sign

NOT_UNDERSTOOD: Final = "not_understood"
JSON_TYPE: Final = "application/json"


def headers_for(body: bytes, event_id: str, secret: Secret, now_s: int) -> dict[str, str]:
    """The headers of one attempt, signed as of now where there is a secret."""
    headers = {"content-type": JSON_TYPE, "x-fanlight-event-id": event_id}
    if secret:
        headers[HEADER.lower()] = sign(secret.reveal(), now_s, body)
    return headers
