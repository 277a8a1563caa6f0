"""The certificate and key of `[tls]`, from their files to contexts that connections are made from.

Session tickets. TLS 1.3 sends none: a ticket is good only for the context that made it, every worker has its
own, and the kernel deals connections out by hash, so most would be useless; a full handshake costs 0.4 ms of
a core. TLS 1.2 may: without tickets OpenSSL would keep up to 20,480 sessions in each context's memory.
"""

import os
import ssl
import time
from pathlib import Path
from typing import Final, NamedTuple

from engine.config.tree import Tls
from engine.tls import BadPair, Identity, identity_of, time_problem
from engine.tls.pair import MAX_PEM_BYTES

HTTP_PROTOCOLS: Final = ("h2", "http/1.1")
"""What may be spoken on the HTTPS port (ALPN, RFC 7301), the one liked best first."""


class Unusable(Exception):
    """The pair cannot be served with. The text names configuration key and file, and what is wrong."""


Stamp = tuple[tuple[int, int, int, int], ...]
"""Of each file: device, inode, time of change in ns, bytes. Symbolic links are followed, so a link that is
turned to another file, as certbot and Kubernetes do it, is a change."""


class Contexts(NamedTuple):
    """What one pair of files makes."""

    https: ssl.SSLContext
    rtmps: ssl.SSLContext
    identity: Identity


def check(tls: Tls) -> Identity:
    """Read both files, and whether they go together. Raises Unusable; time is no part of it."""
    certificate, key = _read(tls, "certificate"), _read(tls, "key")
    try:
        return identity_of(certificate, key)
    except BadPair as error:
        raise Unusable(_sentence(tls, error.about, str(error))) from None


def check_time(tls: Tls, identity: Identity) -> None:
    """Raises Unusable where no client would accept it now."""
    if problem := time_problem(identity, time.time()):
        raise Unusable(_sentence(tls, "certificate", problem))


def make_contexts(tls: Tls) -> Contexts:
    """Read the files into contexts. Raises Unusable."""
    identity = check(tls)
    https, rtmps = _context(tls), _context(tls)
    https.set_alpn_protocols(HTTP_PROTOCOLS)
    return Contexts(https, rtmps, identity)


def stamp_of(tls: Tls) -> Stamp | None:
    """What changes whenever one of the files does; None while one is not there."""
    try:
        found = [os.stat(path) for path in (tls.certificate, tls.key)]
    except OSError:
        return None
    return tuple((one.st_dev, one.st_ino, one.st_mtime_ns, one.st_size) for one in found)


def _context(tls: Tls) -> ssl.SSLContext:
    # Not create_default_context: it would write session keys to a file that the environment names. All the
    # rest is the same: TLS 1.2 and 1.3, no compression, OpenSSL's own choice of ciphers with our preference.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=b"")  # else a locked key asks the terminal
    except (OSError, ValueError) as error:  # replaced since it was checked, or too weak for OpenSSL
        why = error.reason if isinstance(error, ssl.SSLError) else error
        raise Unusable(_sentence(tls, "certificate", f"OpenSSL refuses it: {why}")) from None
    return context


def _read(tls: Tls, what: str) -> bytes:
    path = Path(getattr(tls, what))
    try:
        with path.open("rb") as file:
            return file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise Unusable(_sentence(tls, what, f"it cannot be read: {error.strerror}")) from None


def _sentence(tls: Tls, what: str, why: str) -> str:
    return f"tls.{what}: {getattr(tls, what)}: {why}"
