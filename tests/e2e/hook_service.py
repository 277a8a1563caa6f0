"""A small hook service on a real socket: keeps what it is told, and answers as the test has it."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from engine.hooks.signature import is_signed
from tests.e2e.engine_process import Settings

Body = dict[str, Any]
Answer = tuple[int, str]

SECRET: Final = "the hooks' own secret"
PATIENCE_S: Final = 30.0
YES: Final = (200, '{"code": 0}')

STARTS: Final = {"on_publish": "on_unpublish", "on_play": "on_stop", "on_stream_live": "on_stream_idle"}


class HookService:
    """Answers each call with what `answer` says of its body; waits for calls."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[Body] = []
        self.unsigned = 0
        self.traceparents: set[str] = set()
        self.answer: Callable[[Body], Answer] = lambda _body: YES
        self._news = threading.Condition()

    def take(self, data: bytes, signature: str) -> Answer:
        """One call."""
        body: Body = json.loads(data)
        answer = self.answer(body)
        with self._news:
            self.unsigned += not is_signed(SECRET, signature, data, int(time.time()))
            if answer[0] < 500:
                self.bodies.append(body)
            self._news.notify_all()
        return answer

    def wait_for(self, action: str, where: Callable[[Body], bool] = lambda _body: True) -> Body:
        """The first event of that kind, past ones included."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while (found := self._find(action, where)) is None:
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"no {action}: {self.bodies}"
                self._news.wait(left_s)
        return found

    def wait_for_count(self, action: str, count: int) -> None:
        """Until so many events of that kind have come."""
        self.wait_for(action, where=lambda _body: self._count(action) >= count)

    def _count(self, action: str) -> int:
        return len({body["event_id"] for body in self.bodies if body["action"] == action})

    def _find(self, action: str, where: Callable[[Body], bool]) -> Body | None:
        return next((body for body in self.bodies if body["action"] == action and where(body)), None)

    def actions(self, name: str = "live/film") -> list[str]:
        """What was told of one stream, each event once, in the order of arrival."""
        first = {body["event_id"]: body["action"] for body in self.bodies if body["name"] == name}
        return list(first.values())

    def check_balanced(self) -> None:
        """Wait until each session has exactly one start and one end; a dead worker's are found out about."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while unbalanced := self.unbalanced():
                left_s = deadline - time.monotonic()
                assert left_s > 0, unbalanced
                self._news.wait(left_s)

    def unbalanced(self) -> dict[str, list[str]]:
        """Sessions that have not exactly one start and one end, with what they have."""
        sessions: dict[str, Counter[str]] = {}
        for event_id, action in {body["event_id"]: body["action"] for body in self.bodies}.items():
            sessions.setdefault(event_id.rpartition(".")[0], Counter())[action] += 1
        whole = [Counter([start, end]) for start, end in STARTS.items()]
        return {key: sorted(found.elements()) for key, found in sessions.items() if found not in whole}


@contextmanager
def hook_service() -> Iterator[HookService]:
    """One that serves until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            service.traceparents.add(self.headers.get("traceparent", ""))
            status, text = service.take(data, self.headers.get("x-fanlight-signature", ""))
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service = HookService(f"http://127.0.0.1:{server.server_address[1]}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hooked(service: HookService, folder: str, **more: object) -> Settings:
    """Settings of an engine whose hooks are these."""
    return {
        "hooks": {"url": service.url, "secret": SECRET, "folder": folder, **more},
        "outgoing": {"allow": ["127.0.0.1/32"]},
    }
