"""What a trace tells of those who come to a fanout worker; see workers/runtime/tracing.py. Not imported where
traces are off.

    publish   accept ... handshake, access, hand_over            ends when ingest's inbox has it
    play      accept ... handshake, access, join, first_byte     ends with the first byte of media
    session   from there to the player's end
"""

from typing import Final

from workers.runtime.tracing import Story

CLEAN_ENDS: Final = frozenset({"closed", "stream_ended", "drained", "kicked", "lifetime"})
"""Ways to end that are nobody's failure, whether the player has seen anything yet or not."""


class PlayerStory:
    """A player's, from the moment that it is let in."""

    __slots__ = ("_coming_in", "_session")

    def __init__(self, coming_in: Story) -> None:
        self._coming_in = coming_in
        self._session: Story | None = None
        coming_in.step("first_byte")

    def first_byte(self) -> None:
        """It has something to show."""
        self._coming_in.end()
        self._session = self._coming_in.sequel("session")

    def end(self, reason: str, *, sent_bytes: int, jumps: int) -> None:
        """It has left, or had to."""
        story = self._session or self._coming_in
        story.tell(fanlight__reason=reason, fanlight__bytes=sent_bytes, fanlight__jumps=jumps)
        story.end("" if reason in CLEAN_ENDS else reason)
