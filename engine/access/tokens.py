"""Tokens (JWT, RFC 7519): read, checked, and remembered until they expire.

    {"exp": 1767225600, "paths": ["live/*"], "actions": ["play"], "sub": "viewer-17"}

`exp` has to be there; `nbf`, `iss` and `aud` are looked at; `paths` are patterns as the configuration has
them, and without them a token opens no stream; `actions` are "play" where they are missing, so that a token
for watching never publishes by having been forgotten about.

The signature is PyJWT's part. The claims are looked at here, because the time is an argument and never the
library's own clock. The algorithm is the configuration's; what a token's head says can only agree with it.

A token costs 50 to 160 us to check, most of it the signature (`python -m bench.micro decide`), and a player
of low-latency HLS shows the same one four times a second. So tokens that were good are kept by their digest:
a digest, lest a dump of memory is a list of tokens. Those that were not are not kept, or a stranger could
push the good ones out. Nor is the check handed to a thread: handing over and taking back keeps the loop as
busy as a signature does.
"""

import hashlib
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Final

import msgspec
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from engine.access.reasons import Refusal
from engine.access.token_keys import TokenKey
from engine.config.patterns import matches, problem_with
from engine.config.tree import JwtAlgorithm

MAX_TOKEN_CHARACTERS: Final = 4096
"""As long as a parameter of RTMP and HTTP can be; tokens have 200 to 1,500."""

MAX_KEPT: Final = 4096
"""Tokens remembered by one worker, 300 bytes each. One more costs its own signature check at each request."""

MAX_PATTERNS: Final = 64
MAX_SECONDS: Final = 2**53
"""Where floats stop telling seconds apart; a moment beyond is none."""

_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_SUBJECT: Final = re.compile(r"(?!sub-[0-9a-f]{16}$)[A-Za-z0-9_.@:|-]{1,64}", re.ASCII)
"""What of `sub` may stand in a log line, a ban and a table of limits as it is: nothing that looks like what
another becomes."""

SUBJECT_HEX_DIGITS: Final = 16
"""Of the digest that stands for any other: one in 10^19 is somebody's namesake."""


class BadToken(Exception):
    """This token opens nothing; `reason` says why."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a good token says."""

    expires_s: float
    begins_s: float
    subject: str
    """As `subject_id` has it."""
    actions: tuple[str, ...]
    patterns: tuple[str, ...]

    def covers(self, path: str) -> bool:
        """Whether the token is for this stream."""
        return any(matches(pattern, path) for pattern in self.patterns)


def is_token(text: str) -> bool:
    """Whether this is written as tokens are: no key of ours looks like that."""
    return len(text) <= MAX_TOKEN_CHARACTERS and _FORM.fullmatch(text) is not None


class TokenReader:
    """Reads tokens of one issuer.

    Args:
        algorithm: of all of them.
        keys: by id.
        issuer, audience: what `iss` has to be and `aud` to hold; empty for anything.
        leeway_s: how far the issuer's clock may be from ours.
    """

    def __init__(
        self,
        algorithm: JwtAlgorithm,
        keys: Mapping[str, TokenKey],
        *,
        issuer: str = "",
        audience: str = "",
        leeway_s: float = 0,
    ) -> None:
        self._algorithm = algorithm
        self._keys = dict(keys)
        self._issuer = issuer
        self._audience = audience
        self._leeway_s = leeway_s
        self._signatures = PyJWS(algorithms=[algorithm])
        self._kept: dict[bytes, Claims] = {}

    def read(self, token: str, now_s: float) -> Claims:
        """What it says, if it is good now. Raises BadToken."""
        name = hashlib.sha256(token.encode()).digest()
        claims = self._kept.get(name) or self._keep(name, self._check(token))
        if now_s >= claims.expires_s + self._leeway_s:
            self._kept.pop(name, None)
            raise BadToken("token_expired")
        if now_s < claims.begins_s - self._leeway_s:
            raise BadToken("token_too_early")
        return claims

    def __len__(self) -> int:
        """How many tokens are remembered."""
        return len(self._kept)

    def _keep(self, name: bytes, claims: Claims) -> Claims:
        if len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = claims
        return claims

    def _check(self, token: str) -> Claims:
        try:
            key = self._key_for(_head_of(token))
            payload = self._signatures.decode(token, key, algorithms=[self._algorithm])
            said = msgspec.json.decode(payload, type=_Said)
        except (PyJWTError, msgspec.MsgspecError, RecursionError, ValueError, TypeError):
            raise BadToken("token_wrong") from None
        self._check_parties(said)
        return claims_of(said)

    def _key_for(self, head: "_Head") -> TokenKey:
        """The key that the token names; where it names none, the only one."""
        if head.alg != self._algorithm:
            raise BadToken("token_wrong")
        if head.kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        key = self._keys.get(head.kid) if head.kid is not None else None
        if key is None:
            raise BadToken("unknown_key_id")
        return key

    def _check_parties(self, said: "_Said") -> None:
        audience = [said.aud] if isinstance(said.aud, str) else said.aud
        if self._issuer and said.iss != self._issuer:
            raise BadToken("token_wrong")
        if self._audience and self._audience not in audience:
            raise BadToken("token_wrong")


class _Head(msgspec.Struct):
    """What chooses the key."""

    alg: str = ""
    kid: str | None = None


def _head_of(token: str) -> _Head:
    """Not PyJWT's get_unverified_header: it reads all parts letter by letter, and `decode` does so again.

    Nothing rests on it but which key is tried: the signature and the head itself are PyJWT's to check.
    """
    segment = token.partition(".")[0]
    return msgspec.json.decode(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)), type=_Head)


class _Said(msgspec.Struct):
    """The claims that are looked at, in the types that they have to have."""

    exp: float
    nbf: float = 0
    iss: str = ""
    aud: str | list[str] = ""
    sub: str = ""
    paths: tuple[str, ...] = ()
    actions: tuple[str, ...] = ("play",)


def subject_id(subject: str) -> str:
    """What a subject is called by bans, limits and logs: itself, if it may be, and else by its digest, so
    that nobody is without a name for having a strange one. Empty for none.
    """
    if not subject or _SUBJECT.fullmatch(subject):
        return subject
    return f"sub-{hashlib.sha256(subject.encode()).hexdigest()[:SUBJECT_HEX_DIGITS]}"


def claims_of(said: _Said) -> Claims:
    """What follows from what a token says. Raises BadToken."""
    if not (0 <= said.exp <= MAX_SECONDS and 0 <= said.nbf <= MAX_SECONDS):
        raise BadToken("token_wrong")
    return Claims(
        expires_s=said.exp,
        begins_s=said.nbf,
        subject=subject_id(said.sub),
        actions=said.actions[:MAX_PATTERNS],
        patterns=tuple(one for one in said.paths[:MAX_PATTERNS] if problem_with(one) is None),
    )
