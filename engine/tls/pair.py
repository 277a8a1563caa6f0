"""A certificate and its key, looked at before anything is served with them.

OpenSSL says of a bad pair "KEY_VALUES_MISMATCH" or "PEM lib", if it says anything; an operator at two in the
morning is to read what is wrong with which of the two files.
"""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import (
    Certificate,
    DNSName,
    DuplicateExtension,
    ExtensionNotFound,
    InvalidVersion,
    SubjectAlternativeName,
    UnsupportedGeneralNameType,
)
from cryptography.x509 import load_pem_x509_certificates as load_certificates
from msgspec import Struct

MAX_PEM_BYTES: Final = 1 << 20
"""A chain has some 6 KiB. Whoever names a film by mistake is told so, and nobody reads it."""


class BadPair(Exception):
    """These files cannot be served with. The text says why; `about` is the configuration key of the one that
    is wrong, "certificate" or "key".
    """

    def __init__(self, about: str, why: str) -> None:
        super().__init__(why)
        self.about = about


class Identity(Struct, frozen=True):
    """What a certificate says: DNS names, and the time for which it holds, seconds since 1970."""

    names: tuple[str, ...]
    not_before_s: float
    not_after_s: float


def identity_of(certificate_pem: bytes, key_pem: bytes) -> Identity:
    """Read both; the first certificate is the server's own. Raises BadPair."""
    certificate = _certificate(certificate_pem)
    if _public_key(key_pem) != _spki_of(certificate):
        raise BadPair("key", "the key is not that of the certificate")
    return Identity(
        _names(certificate),
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
    )


def time_problem(identity: Identity, now_s: float) -> str:
    """Why clients will not accept the certificate at this time; empty where they will."""
    if now_s > identity.not_after_s:
        return f"it has expired, {_days(now_s - identity.not_after_s)} ago"
    if now_s < identity.not_before_s:
        return f"it does not hold yet, only in {_days(identity.not_before_s - now_s)}"
    return ""


def _certificate(pem: bytes) -> Certificate:
    if len(pem) > MAX_PEM_BYTES:
        raise BadPair("certificate", "it is too large for a certificate")
    try:
        return load_certificates(pem)[0]
    except (ValueError, UnsupportedAlgorithm):
        raise BadPair("certificate", "there is no certificate in PEM in it") from None
    except InvalidVersion:  # not a ValueError, though the others are
        raise BadPair("certificate", "its version of X.509 is not known here") from None


def _public_key(pem: bytes) -> bytes:
    if len(pem) > MAX_PEM_BYTES:
        raise BadPair("key", "it is too large for a key")
    try:
        key = load_pem_private_key(pem, password=None)
        return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError:  # the library's way to say so
        raise BadPair("key", "it is locked with a passphrase; there is nobody to ask for it") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadPair("key", "there is no private key in PEM in it") from None


def _spki_of(certificate: Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        raise BadPair("certificate", "its kind of key is not known here") from None


def _names(certificate: Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except (ExtensionNotFound, DuplicateExtension, UnsupportedGeneralNameType, ValueError):
        return ()
    return tuple(found.value.get_values_for_type(DNSName))


def _days(seconds: float) -> str:
    days = int(seconds // 86_400)
    return "less than a day" if days < 1 else f"{days} day{'s' if days > 1 else ''}"
