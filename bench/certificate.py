"""A certificate for a run: signed by itself, trusted by nobody."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Pair(NamedTuple):
    """Where a certificate and its key are."""

    certificate: Path
    key: Path


def write_certificate(folder: Path) -> Pair:
    """Make a certificate for a day, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = Pair(folder / "certificate.pem", folder / "key.pem")
    paths.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    paths.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def tls_lines(host: str, ports: Mapping[str, int], pair: Pair) -> str:
    """What Fanlight's configuration says of TLS on `ports`, by "https" and "rtmps"."""
    listen = "".join(f'tls.{name} = "{host}:{port}"\n' for name, port in ports.items())
    return f'tls.certificate = "{pair.certificate}"\ntls.key = "{pair.key}"\n{listen}'
