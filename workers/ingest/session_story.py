"""What a trace tells of a publisher's session: from the hand-over, which it goes on from, to its end. Not
imported where traces are off.
"""

from collections.abc import Sequence
from typing import Final

from engine.media.classify import classify
from workers.ingest.stream import Message
from workers.runtime.tracing import Story, Tracer, enter

CLEAN_ENDS: Final = frozenset({"finished", "drained", "kicked", "taken_over", "lifetime"})
"""Ways to end that are nobody's failure."""

MAX_LOOKS: Final = 3000
"""Messages among which the first keyframe is looked for: half a minute of sound and 60 pictures a second, and
encoders let less pass between two of them. A publisher of sound alone has none at all."""


class SessionStory:
    """One session. Its first step lasts until there is something that a player can begin with."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._looks_left = MAX_LOOKS
        story.step("first_keyframe")

    def begin(self, stream: str, conn: str, protocol: str) -> None:
        """It has the stream. To be called in its own task, whose lines in the log belong to it."""
        enter(self._story)
        self._story.tell(fanlight__stream=stream, fanlight__conn=conn, fanlight__protocol=protocol)

    def see(self, messages: Sequence[Message]) -> None:
        """These are in the ring now."""
        if self._looks_left <= 0:
            return
        self._looks_left -= len(messages)
        if any(classify(message.kind, message.body).keyframe for message in messages):
            self._looks_left = 0
        if self._looks_left <= 0:
            self._story.rest()

    def end(self, reason: str, *, bytes_in: int = 0, tags_in: int = 0) -> None:
        """It is over; the first time counts."""
        self._story.tell(fanlight__reason=reason, fanlight__bytes=bytes_in, fanlight__tags=tags_in)
        self._story.end("" if reason in CLEAN_ENDS else reason)


def story_of(tracer: Tracer, traceparent: str) -> SessionStory | None:
    """The session's story, if its trace is kept."""
    story = tracer.follow("session", traceparent)
    return SessionStory(story) if story is not None else None
