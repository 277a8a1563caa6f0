"""Guarded streams, and all that can be shown to get at them: what the stories about access begin with."""

import time
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engine.access.decide import decide
from engine.access.reasons import Action
from engine.access.rule import Rule, play_rule, port_rule, publish_rule
from engine.access.shown import Shown, shown_in_query
from engine.access.signature import Grant, signed_query
from engine.access.trust import trust_of
from engine.access.verdict import Question, Verdict
from engine.config import Config, for_path, load
from engine.config.key_table import hash_line
from engine.config.secret import Secret, digest

NOW_S: Final = 1_800_000_000.0
HOME: Final = "192.0.2.7"
ELSEWHERE: Final = "198.51.100.9"
CAM: Final = "live/cam"

KEY: Final = "correct-horse"
OLD_KEY: Final = "battery-staple"
SIGNING: Final = "a secret that signs links, 32 or more"
NEXT_SIGNING: Final = "the secret that will sign them next year"
ISSUER_SECRET: Final = "a secret shared with the issuer of tokens"

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

PRIVATE_KEYS: Final[dict[str, PrivateKey]] = {
    "RS256": rsa.generate_private_key(public_exponent=65_537, key_size=2_048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem_of(private_key: PrivateKey) -> str:
    pem: bytes = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def config_of(text: str) -> Config:
    """A configuration that knows the signing keys and HS256's secret, with `text` behind."""
    return load(
        f"""
        [access]
        signing_keys = {{now = "{SIGNING}", next = "{NEXT_SIGNING}"}}
        jwt_algorithm = "HS256"
        jwt_secrets = {{issuer = "{ISSUER_SECRET}"}}
        jwt_audience = "fanlight"
        jwt_issuer = "the-studio"
        {text}
        """,
        {},
    )


def keys_line() -> str:
    """Two keys: one for good, one that has expired."""
    old = hash_line(digest(OLD_KEY), int(NOW_S) - 1)
    return f'{{studio = "{hash_line(digest(KEY), None)}", guest = "{old}"}}'


def guarded(*ways: str) -> Config:
    """Everything behind these ways in."""
    listed = ", ".join(f'"{way}"' for way in ways)
    ports = ", ".join(f'"{way}"' for way in ways if way in ("key", "jwt"))
    return config_of(
        f"""
        [publish]
        publish_access = [{listed}]
        publish_keys = {keys_line()}
        [play]
        play_access = [{listed}]
        play_keys = {keys_line()}
        [api]
        access = [{ports}]
        keys = {keys_line()}
        [metrics]
        access = [{ports}]
        keys = {keys_line()}
        """
    )


def rule_of(config: Config, action: Action, path: str = CAM) -> Rule:
    trust = trust_of(config.access)
    if action in ("api", "metrics"):
        return port_rule(config.api if action == "api" else config.metrics, trust)
    make = publish_rule if action == "publish" else play_rule
    return make(for_path(config, path), trust)


def judged(
    config: Config,
    action: Action,
    shown: Shown | str = "",
    *,
    path: str = CAM,
    address: str = HOME,
    now_s: float = NOW_S,
) -> Verdict:
    """The verdict on somebody who shows this; a text is a query."""
    is_port = action in ("api", "metrics")
    question = Question(
        action=action,
        path="" if is_port else path,
        address=address,
        shown=shown_in_query(shown) if isinstance(shown, str) else shown,
    )
    return decide(rule_of(config, action, path), question, now_s)


def link(
    path: str = CAM,
    *,
    action: str = "play",
    lifetime_s: int = 60,
    key_id: str = "now",
    secret: str = SIGNING,
    address: str = "",
    now_s: float = NOW_S,
) -> str:
    """The query of a signed link."""
    expires_s = int(now_s) + lifetime_s
    grant = Grant(path=path, expires_s=expires_s, key_id=key_id, action=action, address=address)
    return signed_query(grant, Secret(secret))


CLAIMS: Final[Mapping[str, object]] = {
    "exp": int(NOW_S) + 60,
    "paths": ["live/*"],
    "actions": ["play"],
    "sub": "viewer-17",
    "iss": "the-studio",
    "aud": "fanlight",
}


def token(
    key: PrivateKey | str = ISSUER_SECRET,
    algorithm: str = "HS256",
    *,
    kid: str | None = "issuer",
    leave_out: str = "",
    **claims: object,
) -> str:
    """A token that lets whoever has it play `live/*` for a minute, but for what is said otherwise."""
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if name != leave_out}
    return jwt.encode(said, key, algorithm, headers={"kid": kid} if kid else {})


def fresh_token(
    *,
    lifetime_s: int = 600,
    kid: str = "issuer",
    paths: Sequence[str] = ("live/*",),
    actions: Sequence[str] = ("play",),
) -> str:
    """The same on the clock of the world: for whoever talks to an engine that runs."""
    return token(kid=kid, exp=int(time.time()) + lifetime_s, paths=[*paths], actions=[*actions])


def fresh_link(
    path: str = CAM,
    *,
    action: str = "play",
    lifetime_s: int = 600,
    key_id: str = "now",
    address: str = "",
) -> str:
    """A signed link on the clock of the world."""
    return link(
        path,
        action=action,
        lifetime_s=lifetime_s,
        key_id=key_id,
        secret=NEXT_SIGNING if key_id == "next" else SIGNING,
        address=address,
        now_s=time.time(),
    )


def tampered(text: str) -> str:
    """The same with another last character but one: of base64 the last may mean nothing."""
    return text[:-2] + ("A" if text[-2] != "A" else "B") + text[-1]
