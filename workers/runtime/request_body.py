"""The body of a request to the outside, for httpcore to iterate over.

Given bytes, httpcore makes a generator of them, and leaves it where it stands when sending ends in an error
or is cancelled: it then ends when the collector of garbage comes by, which trio warns of. An iterator that is
no generator is suspended nowhere, so nothing of it is left to be ended.
"""

from typing import Self


class RequestBody:
    """Bytes in one piece, for one attempt."""

    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        content, self._content = self._content, None
        if content is None:
            raise StopAsyncIteration
        return content
