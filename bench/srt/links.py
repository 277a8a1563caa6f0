"""What Fanlight's API says of SRT links."""

import json
import urllib.request
from typing import Any

from bench.servers import HOST, Server


def streams(server: Server) -> dict[str, dict[str, Any]]:
    """All streams by name, each with its `link` if there is one."""
    return {stream["name"]: stream for stream in _get(server, "streams")["streams"]}


def _get(server: Server, path: str) -> dict[str, Any]:
    url = f"http://{HOST}:{server.ports['api']}/api/v1/{path}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found
