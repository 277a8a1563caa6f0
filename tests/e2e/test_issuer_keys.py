"""Tokens of an issuer who publishes its keys: fetched over TLS, and changed while the engine runs."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.certificates import write_pair
from tests.e2e.conftest import StartEngine
from tests.engine.access.guarded import PRIVATE_KEYS, token
from tests.engine.access.test_tokens import document, jwk_of

PATIENCE_S: Final = 40.0
LOOK_S: Final = 0.2


class Issuer(ThreadingHTTPServer):
    """Publishes keys under its own name."""

    published = document(jwk_of("ES256", "first"))


class Answer(BaseHTTPRequestHandler):
    """One request for the keys."""

    server: Issuer

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.published)))
        self.end_headers()
        self.wfile.write(self.server.published)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


@contextmanager
def issuer_at(folder: Path) -> Iterator[Issuer]:
    """An issuer on loopback, with a certificate in `folder`."""
    pair = write_pair(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pair["certificate"]), str(pair["key"]))
    with Issuer(("127.0.0.1", 0), Answer) as issuer:
        issuer.socket = context.wrap_socket(issuer.socket, server_side=True)
        thread = threading.Thread(target=issuer.serve_forever, daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            issuer.shutdown()
            thread.join()


def fresh(kid: str) -> str:
    return token(PRIVATE_KEYS["ES256"], "ES256", kid=kid, exp=int(time.time()) + 600)


@pytest.mark.slow
def test_a_key_that_is_published_while_the_engine_runs_is_fetched_when_it_is_met(
    start_engine: StartEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with issuer_at(tmp_path) as issuer:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        engine = start_engine(
            {
                "access": {
                    "jwt_algorithm": "ES256",
                    "jwt_keys_url": f"https://127.0.0.1:{issuer.server_address[1]}/keys",
                },
                "outgoing": {"allow": ["127.0.0.1/32"]},
                "play": {"play_access": ["jwt"], "wait_s": 0.0},
            }
        )
        url = f"http://{engine.addresses['http']}/live/cam.flv?token="
        assert httpx.get(url + fresh("first"), timeout=PATIENCE_S).status_code == 404  # let in; not published
        assert httpx.get(url + fresh("second"), timeout=PATIENCE_S).status_code == 401
        issuer.published = document(jwk_of("ES256", "first"), jwk_of("ES256", "second"))
        deadline_s = time.monotonic() + PATIENCE_S
        while httpx.get(url + fresh("second"), timeout=PATIENCE_S).status_code != 404:
            assert time.monotonic() < deadline_s
            time.sleep(LOOK_S)
