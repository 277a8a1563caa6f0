"""A collector of traces on a real socket: takes OTLP over HTTP and keeps the spans."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from tests.otlp import SeenSpan, decode

PATIENCE_S: Final = 30.0

Where = Callable[[SeenSpan], bool]


class TraceCollector:
    """Keeps spans, and waits for them. `errors` are bodies that OpenTelemetry's own reader refused."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[SeenSpan] = []
        self.errors: list[str] = []
        self.authorizations: set[str] = set()
        self._news = threading.Condition()

    def take(self, body: bytes, content_type: str, authorization: str) -> None:
        with self._news:
            self.authorizations.add(authorization)
            try:
                assert content_type == "application/json"
                self.spans += decode(body)
            except Exception as error:
                self.errors.append(repr(error))
            self._news.notify_all()

    def wait_for(self, name: str, where: Where = lambda _span: True) -> SeenSpan:
        """The first span of that name, past ones included."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while (found := self._find(name, where)) is None:
                assert not self.errors, self.errors
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"no span {name}: {[span[:5] for span in self.spans]}"
                self._news.wait(left_s)
        return found

    def _find(self, name: str, where: Where) -> SeenSpan | None:
        return next((span for span in self.spans if span.name == name and where(span)), None)

    def child(self, parent: SeenSpan, name: str) -> SeenSpan:
        """The span of that name right below `parent`."""
        return self.wait_for(name, lambda span: span.parent_id == parent.span_id)


@contextmanager
def trace_collector() -> Iterator[TraceCollector]:
    """One that serves until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = self.headers
            collector.take(body, headers.get("content-type", ""), headers.get("authorization", ""))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = TraceCollector(f"http://127.0.0.1:{server.server_address[1]}/v1/traces")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
