"""Signed links: whoever knows a signing key lets others in, for one stream, until a moment.

    /live/cam.m3u8?exp=1767225600&kid=autumn&sig=xm1...

What is signed is the stream's name and not the URL, so that one link opens the same stream over any protocol,
and with it the playlists, segments and parts that belong to it:

    fanlight 1 LF name LF exp LF kid LF act LF ip

`act` is "play" where it is missing: a link for watching can never publish. `ip` is an address that the link
is good for alone, empty for any; with it a link that was passed on or overheard opens nothing elsewhere.
Else a link may be used as often as anybody likes until it expires, as playlists need it. Each field is free
of line feeds, so no two sets of fields are the same text.
"""

import base64
import hashlib
import hmac
import re
from typing import Final
from urllib.parse import urlencode

from msgspec import Struct

from engine.access.reasons import Refusal
from engine.config.networks import Address, address_of
from engine.config.secret import Secret
from engine.config.shared_secrets import SharedSecrets

ACTIONS: Final = ("play", "publish")
DEFAULT_ACTION: Final = "play"

_VERSION: Final = "fanlight 1"
_DIGITS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_FIELD: Final = re.compile(r"[!-~]{0,64}", re.ASCII)


class Grant(Struct, frozen=True, kw_only=True):
    """What a link allows."""

    path: str
    expires_s: int
    """Seconds since 1970."""
    key_id: str
    action: str = DEFAULT_ACTION
    address: str = ""


class BadSignature(Exception):
    """This link opens nothing; `reason` says why. `key_id` is one of ours, or empty."""

    def __init__(self, reason: Refusal, key_id: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.key_id = key_id


def signed_query(grant: Grant, secret: Secret) -> str:
    """The parameters of the link, without a question mark."""
    fields = {"exp": str(grant.expires_s), "kid": grant.key_id}
    if grant.action != DEFAULT_ACTION:
        fields["act"] = grant.action
    if grant.address:
        fields["ip"] = grant.address
    return urlencode({**fields, "sig": _text(_mac(grant, secret))})


def check_signature(
    path: str,
    action: str,
    address: Address | None,
    parameters: tuple[tuple[str, str], ...],
    keys: SharedSecrets,
    now_s: float,
) -> str:
    """The id of the key that signed this; raises BadSignature.

    The signature first: what a link that is not ours says about itself means nothing.
    """
    given = dict(parameters)
    grant = _grant(path, given)
    secret = keys.get(grant.key_id)
    if secret is None:
        raise BadSignature("unknown_key_id")
    if not hmac.compare_digest(_text(_mac(grant, secret)).encode(), given["sig"].encode("utf-8", "replace")):
        raise BadSignature("signature_wrong", grant.key_id)
    if grant.action != action:
        raise BadSignature("wrong_action", grant.key_id)
    if grant.address and (address is None or address_of(grant.address) != address):
        raise BadSignature("wrong_address", grant.key_id)
    if now_s >= grant.expires_s:
        raise BadSignature("signature_expired", grant.key_id)
    return grant.key_id


def _grant(path: str, given: dict[str, str]) -> Grant:
    """What the link says; raises BadSignature where that cannot have been signed here."""
    expires, fields = given.get("exp", ""), [given.get(name, "") for name in ("kid", "act", "ip")]
    if not _DIGITS.fullmatch(expires) or not all(map(_FIELD.fullmatch, fields)):
        raise BadSignature("signature_wrong")
    key_id, action, address = fields
    return Grant(
        path=path,
        expires_s=int(expires),
        key_id=key_id,
        action=action or DEFAULT_ACTION,
        address=address,
    )


def _mac(grant: Grant, secret: Secret) -> bytes:
    fields = (_VERSION, grant.path, str(grant.expires_s), grant.key_id, grant.action, grant.address)
    return hmac.digest(secret.reveal().encode(), "\n".join(fields).encode(), hashlib.sha256)


def _text(mac: bytes) -> str:
    """Base64 for URLs without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
