"""Why somebody was let in or not: closed sets of words, for verdicts, counters and log lines alike.

What a client is told stands here as well. It is never more than it knows or its own operator needs: that a
key was wrong, and not which keys there are.
"""

from types import MappingProxyType
from typing import Final, Literal, cast, get_args

Action = Literal["publish", "play", "api", "metrics"]

Granted = Literal["open", "key", "signature", "jwt", "hook"]
Refusal = Literal[
    "address_denied",
    "key_missing",
    "key_wrong",
    "key_expired",
    "signature_wrong",
    "signature_expired",
    "token_wrong",
    "token_expired",
    "token_too_early",
    "unknown_key_id",
    "wrong_path",
    "wrong_action",
    "wrong_address",
    "banned",
    "hook_denied",
    "hook_failed",
]
Reason = Granted | Refusal

REFUSALS: Final = cast("tuple[Refusal, ...]", get_args(Refusal))

SENTENCES: Final = MappingProxyType[Refusal, str](
    {
        "address_denied": "not from this address",
        "key_missing": "a key or a token is needed here",
        "key_wrong": "the key is not the right one",
        "key_expired": "the key has expired",
        "signature_wrong": "the signature does not fit",
        "signature_expired": "the link has expired",
        "token_wrong": "the token cannot be accepted",
        "token_expired": "the token has expired",
        "token_too_early": "the token is not valid yet",
        "unknown_key_id": "signed with a key that is not known here",
        "wrong_path": "not for this stream",
        "wrong_action": "not for doing this",
        "wrong_address": "not from this address",
        "banned": "what opens this has been banned",
        "hook_denied": "not allowed",
        "hook_failed": "this cannot be decided now",
    }
)
"""What a refused client is told."""

_MAY_TRY_AGAIN: Final = frozenset(
    {"key_missing", "key_wrong", "key_expired", "token_wrong", "token_expired", "unknown_key_id"}
)


def needs_credentials(reason: Refusal) -> bool:
    """Whether other credentials would do: HTTP's 401 and SRT's 1401 against 403 and 1403 (RFC 9110 section
    15.5.2). A link that was signed is no credential that anybody could type, so it is the latter.
    """
    return reason in _MAY_TRY_AGAIN
