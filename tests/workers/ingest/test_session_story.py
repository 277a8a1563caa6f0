"""What a trace tells of a publisher's session."""

from types import SimpleNamespace
from typing import cast

import pytest

from engine.media.classify import classify
from engine.tracing import Context
from tests.workers.runtime.outside_stage import Figures
from tests.workers.runtime.span_post import CONTROL, Post
from workers.ingest.session_story import MAX_LOOKS, SessionStory
from workers.ingest.stream import Message
from workers.runtime.tracing import Story, Tracer

AUDIO = cast("Message", SimpleNamespace(kind=8, timestamp_ms=0, body=b"\xaf\x01\x21"))
KEYFRAME = cast("Message", SimpleNamespace(kind=9, timestamp_ms=0, body=b"\x17\x01\x00\x00\x00\x00"))


async def test_a_publisher_of_sound_alone_is_not_looked_at_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look(kind: int, body: bytes) -> object:
        looks.append(kind)
        return classify(kind, body)

    monkeypatch.setattr("workers.ingest.session_story.classify", look)
    post = Post()
    tracer = Tracer(post, CONTROL, 1.0, Figures())
    story = SessionStory(Story(tracer.keep, Context("1" * 32, "", True), "session"))
    for _ in range(MAX_LOOKS + 100):
        story.see([AUDIO])
    assert len(looks) == MAX_LOOKS
    await tracer.flush()
    assert [(span.name, span.error) for span in post.spans] == [("first_keyframe", "")]


async def test_the_first_step_ends_with_the_first_keyframe() -> None:
    post = Post()
    tracer = Tracer(post, CONTROL, 1.0, Figures())
    story = SessionStory(Story(tracer.keep, Context("1" * 32, "", True), "session"))
    story.see([AUDIO])
    await tracer.flush()
    assert post.spans == []
    story.see([AUDIO, KEYFRAME])
    await tracer.flush()
    assert [span.name for span in post.spans] == ["first_keyframe"]
