"""Certificates for tests: made when needed, for 127.0.0.1, signed by themselves."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def make_pair(*, days: int = 30, name: str = "fanlight.test") -> tuple[bytes, bytes]:
    """(certificate, key) in PEM; it expires in `days`, or did."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    expires = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    alternatives = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(expires - dt.timedelta(days=60))
        .not_valid_after(expires)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), secret


def write_pair(folder: Path, pair: tuple[bytes, bytes] | None = None) -> dict[str, object]:
    """Write the two files; gives them as the section [tls] has them."""
    certificate, key = pair or make_pair()
    (folder / "certificate.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key)
    return {"certificate": str(folder / "certificate.pem"), "key": str(folder / "key.pem")}
