"""What a token costs that this worker has never seen: by algorithm, and the signature alone.

A reader remembers good tokens, so there is one token more here than it remembers, shown in turn: each has
been forgotten when its turn comes again.
"""

import time
from collections.abc import Callable
from itertools import cycle
from typing import Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms
from jwt.utils import base64url_decode

from bench.micro.clock import Step
from engine.access.shown import shown_in_query
from engine.access.tokens import MAX_KEPT
from engine.config import load
from workers.runtime.gate import Gate

NAME: Final = "live/cam"
HOST: Final = "192.0.2.7"
ISSUER_SECRET: Final = "a secret of the issuer, 32 or more"

Private: TypeAlias = bytes | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def token_steps() -> list[Step]:
    """From the query as it came to the verdict, and the part of it that is the signature."""
    keys: dict[str, Private] = {
        "HS256": ISSUER_SECRET.encode(),
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    return [step for algorithm, key in keys.items() for step in _steps_of(algorithm, key)]


def _steps_of(algorithm: str, private: Private) -> list[Step]:
    gate = Gate(load(_configuration(algorithm, private), {}))
    tokens = cycle([_token(algorithm, private, number) for number in range(MAX_KEPT + 1)])

    def decide() -> None:
        verdict = gate.judge_now("play", NAME, HOST, shown_in_query(f"token={next(tokens)}"))
        assert verdict.allowed

    return [
        Step(f"decide: a token not seen before ({algorithm})", decide),
        Step(f"decide: the signature alone ({algorithm})", _verifying(algorithm, private)),
    ]


def _token(algorithm: str, private: Private, number: int) -> str:
    claims = {"exp": int(time.time()) + 86_400, "paths": ["live/*"], "sub": f"viewer-{number}"}
    return jwt.encode(claims, private, algorithm, headers={"kid": "issuer"})


def _verifying(algorithm: str, private: Private) -> Callable[[], object]:
    signed, _, signature = _token(algorithm, private, 0).rpartition(".")
    method = get_default_algorithms()[algorithm]
    message, given = signed.encode(), base64url_decode(signature)
    public = private if isinstance(private, bytes) else private.public_key()
    return lambda: method.verify(message, public, given)


def _configuration(algorithm: str, private: Private) -> str:
    return f"""
        [access]
        jwt_algorithm = "{algorithm}"
        {_key_line(private)}
        [play]
        play_access = ["jwt"]
        """


def _key_line(private: Private) -> str:
    if isinstance(private, bytes):
        return f'jwt_secrets = {{issuer = "{private.decode()}"}}'
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return f"jwt_public_keys = {{issuer = '''{pem}'''}}"
