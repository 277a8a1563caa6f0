"""Certificates and keys that cannot be served with, in words."""

import ssl
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509 import load_pem_x509_certificates
from hypothesis import given
from hypothesis import strategies as st

from engine.tls import BadPair, Identity, identity_of, time_problem
from tests.certificates import make_pair

CERTIFICATE, KEY = make_pair()


def locked_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def test_pair_tells_its_names_and_its_time() -> None:
    identity = identity_of(CERTIFICATE, KEY)
    assert identity.names == ("fanlight.test",)
    assert identity.not_before_s < time.time() < identity.not_after_s
    assert time_problem(identity, time.time()) == ""
    assert time_problem(identity, identity.not_after_s + 90_000) == "it has expired, 1 day ago"
    assert "does not hold yet" in time_problem(identity, identity.not_before_s - 1)


@pytest.mark.parametrize(
    ("certificate", "key", "about", "why"),
    [
        (lambda: CERTIFICATE, lambda: make_pair()[1], "key", "not that of the certificate"),
        (lambda: KEY, lambda: KEY, "certificate", "no certificate in PEM"),
        (lambda: CERTIFICATE, lambda: CERTIFICATE, "key", "no private key in PEM"),
        (lambda: CERTIFICATE, locked_key, "key", "passphrase"),
        (lambda: bytes(2 << 20), lambda: KEY, "certificate", "too large"),
    ],
)
def test_what_is_wrong_is_said_of_the_file_it_is_wrong_with(
    certificate: Callable[[], bytes], key: Callable[[], bytes], about: str, why: str
) -> None:
    with pytest.raises(BadPair, match=why) as refusal:
        identity_of(certificate(), key())
    assert refusal.value.about == about


def with_other_bytes(old: bytes, new: bytes) -> bytes:
    """The certificate with these in it for those; its signature is not looked at here."""
    der = load_pem_x509_certificates(CERTIFICATE)[0].public_bytes(Encoding.DER)
    assert der.count(old) == 1
    return ssl.DER_cert_to_PEM_cert(der.replace(old, new)).encode()


def test_a_version_that_nobody_knows_is_told_of() -> None:
    certificate = with_other_bytes(bytes.fromhex("a003020102"), bytes.fromhex("a003020107"))
    with pytest.raises(BadPair, match="version") as refusal:
        identity_of(certificate, KEY)
    assert refusal.value.about == "certificate"


def test_names_that_cannot_be_read_are_none() -> None:
    address, of_x400 = bytes.fromhex("87047f000001"), bytes.fromhex("a3047f000001")
    assert identity_of(with_other_bytes(address, of_x400), KEY).names == ()


def spoilt(pem: bytes, at: int, noise: bytes) -> bytes:
    return pem[:at] + noise + pem[at + len(noise) :]


def outcome(certificate: bytes, key: bytes) -> Identity | str:
    """What they say, or which of the two is told to be wrong."""
    try:
        return identity_of(certificate, key)
    except BadPair as refusal:
        return refusal.about


def public_key_in(certificate: bytes) -> bytes:
    key = load_pem_x509_certificates(certificate)[0].public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@given(st.binary(max_size=300), st.integers(0, len(KEY)))
def test_a_spoilt_key_is_told_of_or_was_not_spoilt_at_all(noise: bytes, at: int) -> None:
    assert outcome(CERTIFICATE, spoilt(KEY, at, noise)) in ("key", identity_of(CERTIFICATE, KEY))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(st.binary(max_size=300), st.integers(0, len(CERTIFICATE)))
def test_a_spoilt_certificate_is_told_of_or_still_that_of_the_key(noise: bytes, at: int) -> None:
    certificate = spoilt(CERTIFICATE, at, noise)
    told = outcome(certificate, KEY)
    assert told in ("certificate", "key") or public_key_in(certificate) == public_key_in(CERTIFICATE)
