"""Keys that tokens are checked with, of the one kind that the configured algorithm takes.

A key of another kind is never a key here, whatever it says about itself, so that no token can be checked in
a way that its issuer never signed in: the confusion of RS256's public key with a secret of HS256
(CVE-2016-10555) begins with a key that two algorithms may use.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from engine.config.tree import JwtAlgorithm

TokenKey: TypeAlias = bytes | RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

MIN_RSA_BITS: Final = 2048
"""RFC 7518 section 3.3."""

MAX_JWKS_KEYS: Final = 64
"""Of a published document; Google's has three, Microsoft's a dozen."""

_KEY_ID: Final = re.compile(r"[ -~]{1,256}", re.ASCII)
_READERS: Final = {
    "RS256": ("RSA", RSAAlgorithm.from_jwk),
    "ES256": ("EC", ECAlgorithm.from_jwk),
    "EdDSA": ("OKP", OKPAlgorithm.from_jwk),
}


class BadKey(Exception):
    """This is no key for the algorithm; the text says why, and has nothing of the key in it."""


def key_of_pem(pem: str, algorithm: JwtAlgorithm) -> TokenKey:
    """Read a public key. Raises BadKey."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey("not a public key in PEM") from None
    return _fitting(key, algorithm)


def pem_of(key: TokenKey) -> str:
    """What `key_of_pem` reads. Raises BadKey for a secret, which is no public key."""
    if isinstance(key, bytes):
        raise BadKey("not a public key")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def keys_of_jwks(document: bytes, algorithm: JwtAlgorithm) -> dict[str, TokenKey]:
    """The keys of a JSON Web Key Set (RFC 7517) that are of use, by id. Raises BadKey if it is none.

    What is for other algorithms, for encrypting, or without an id is passed over: issuers publish one set for
    everybody.
    """
    try:
        listed = msgspec.json.decode(document, type=_KeySet).keys
    except (msgspec.MsgspecError, RecursionError):
        raise BadKey("not a JSON Web Key Set") from None
    found: dict[str, TokenKey] = {}
    for one in listed[:MAX_JWKS_KEYS]:
        key_id, key = one.get("kid"), _key_of_jwk(one, algorithm)
        if key is not None and isinstance(key_id, str) and _KEY_ID.fullmatch(key_id):
            found[key_id] = key
    return found


class _KeySet(msgspec.Struct):
    keys: list[dict[str, object]]


def _key_of_jwk(jwk: Mapping[str, object], algorithm: JwtAlgorithm) -> TokenKey | None:
    if algorithm not in _READERS or jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    kind, read = _READERS[algorithm]
    if jwk.get("kty") != kind or "d" in jwk:  # a private key that somebody has published is no key any more
        return None
    try:
        return _fitting(read(dict(jwk)), algorithm)
    except (PyJWTError, BadKey, ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm):
        return None  # whatever a document from outside makes of a library, it makes no key


def _fitting(key: object, algorithm: JwtAlgorithm) -> TokenKey:
    match key, algorithm:
        case RSAPublicKey(), "RS256" if key.key_size >= MIN_RSA_BITS:
            return key
        case EllipticCurvePublicKey(), "ES256" if isinstance(key.curve, SECP256R1):
            return key
        case Ed25519PublicKey(), "EdDSA":
            return key
        case _:
            raise BadKey(f"not a key for {algorithm}")
