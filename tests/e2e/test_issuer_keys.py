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
from tests.e2e.engine_process import RunningEngine
from tests.e2e.studio import replace_worker
from tests.engine.access.guarded import PRIVATE_KEYS, token
from tests.engine.access.test_tokens import document, jwk_of

PATIENCE_S: Final = 40.0
LOOK_S: Final = 0.2
LET_IN, REFUSED = 404, 401
"""What players hear of a stream that nobody publishes, and who is not let in."""


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


def trusting_engine(start_engine: StartEngine, issuer: Issuer) -> RunningEngine:
    """One that lets players in with tokens of this issuer."""
    url = f"https://127.0.0.1:{issuer.server_address[1]}/keys"
    return start_engine(
        {
            "access": {"jwt_algorithm": "ES256", "jwt_keys_url": url},
            "outgoing": {"allow": ["127.0.0.1/32"]},
            "play": {"play_access": ["jwt"], "wait_s": 0.0},
            "workers": {"fanout": 1},
        }
    )


def status_for(engine: RunningEngine, kid: str) -> int:
    """What a player hears that comes with a token signed with that key."""
    url = f"http://{engine.addresses['http']}/live/cam.flv?token={fresh(kid)}"
    return httpx.get(url, timeout=PATIENCE_S).status_code


def fresh(kid: str) -> str:
    return token(PRIVATE_KEYS["ES256"], "ES256", kid=kid, exp=int(time.time()) + 600)


@pytest.mark.slow
def test_a_key_that_is_published_while_the_engine_runs_is_fetched_when_it_is_met(
    start_engine: StartEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with issuer_at(tmp_path) as issuer:
        engine = trusting_engine(start_engine, issuer)
        assert status_for(engine, "first") == LET_IN
        assert status_for(engine, "second") == REFUSED
        issuer.published = document(jwk_of("ES256", "first"), jwk_of("ES256", "second"))
        deadline_s = time.monotonic() + PATIENCE_S
        while status_for(engine, "second") != LET_IN:
            assert time.monotonic() < deadline_s
            time.sleep(LOOK_S)


@pytest.mark.slow
def test_a_worker_that_begins_while_the_issuer_is_down_has_its_last_keys(
    start_engine: StartEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with issuer_at(tmp_path) as issuer:
        engine = trusting_engine(start_engine, issuer)
        assert status_for(engine, "first") == LET_IN
    replace_worker(engine, "fanout0")
    assert status_for(engine, "first") == LET_IN
    assert status_for(engine, "second") == REFUSED
