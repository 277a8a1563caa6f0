"""A WebSocket-FLV player as a program: writes the payload of every message to a file until the stream ends.

python -m tests.e2e.websocket_player ws://127.0.0.1:8080/live/name.flv received.flv
"""

import sys
from pathlib import Path
from typing import Final

import trio
from trio_websocket import ConnectionClosed, open_websocket_url

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024


async def play(url: str, into: Path) -> None:
    """Receive until the engine closes; any close but a normal one (1000, 1001) is an error."""
    async with open_websocket_url(url, max_message_size=MAX_MESSAGE_BYTES) as socket:
        with into.open("wb") as file:
            try:
                while True:
                    message = await socket.get_message()
                    assert isinstance(message, bytes), "media comes in binary messages"
                    file.write(message)
            except ConnectionClosed as closed:
                if closed.reason is None or closed.reason.code not in {1000, 1001}:
                    raise


if __name__ == "__main__":
    trio.run(play, sys.argv[1], Path(sys.argv[2]))
