"""Whom Alertmanager tells: a webhook on a real socket that keeps what it hears."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

PATIENCE_S: Final = 40.0


class Told(NamedTuple):
    """One alert of one message."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]


class AlertReceiver:
    """Keeps every alert of every message, by the receiver's name in the address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: list[Told] = []
        self._news = threading.Condition()

    def take(self, path: str, message: dict[str, Any]) -> None:
        """One message."""
        with self._news:
            for alert in message["alerts"]:
                told = Told(path.strip("/"), alert["status"], alert["labels"], alert["annotations"])
                self.told.append(told)
            self._news.notify_all()

    def wait_for(self, alert: str, status: str, **labels: str) -> Told:
        """The first time that somebody was told so of one with these labels, past ones included."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while (found := self._find({"alertname": alert, **labels}, status)) is None:
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"nobody was told {alert} {labels} {status}: {self.told}"
                self._news.wait(left_s)
        return found

    def _find(self, labels: dict[str, str], status: str) -> Told | None:
        return next(
            (told for told in self.told if told.status == status and labels.items() <= told.labels.items()),
            None,
        )


@contextmanager
def alert_receiver() -> Iterator[AlertReceiver]:
    """One that listens until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["content-length"])))
            receiver.take(self.path, message)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = AlertReceiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
