"""Engines with TLS, and the client's side of it: nobody has signed the certificates here, so all are trusted."""

import ssl
from pathlib import Path

from tests.certificates import write_pair


def trusting(*protocols: str) -> ssl.SSLContext:
    """A client's context; `protocols` are what it offers to speak (ALPN)."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def tls_section(folder: Path, **settings: object) -> dict[str, object]:
    """The section [tls] of an engine that serves both ports over TLS too, with a certificate in `folder`."""
    return write_pair(folder) | {"https": "127.0.0.1:0", "rtmps": "127.0.0.1:0"} | settings
