"""What is looked for in a publisher's media while its session is traced."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.media.tags import KIND_AUDIO, KIND_VIDEO
from workers.ingest import session_story
from workers.ingest.session_story import MAX_LOOKED_AT, SessionStory

SOUND = SimpleNamespace(kind=KIND_AUDIO, body=b"\xaf\x01\x21")
KEYFRAME = SimpleNamespace(kind=KIND_VIDEO, body=b"\x17\x01\x00\x00\x00\x00")


class Story:
    """Remembers its steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, name: str) -> None:
        self.steps.append(name)

    def rest(self) -> None:
        self.steps.append("rest")


class Classifier:
    """Counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, kind: int, body: bytes) -> object:
        self.asked += 1
        return SimpleNamespace(keyframe=kind == KIND_VIDEO)


@pytest.fixture
def classifier(monkeypatch: pytest.MonkeyPatch) -> Classifier:
    counting = Classifier()
    monkeypatch.setattr(session_story, "classify", counting)
    return counting


def test_sound_alone_is_not_looked_at_for_ever(classifier: Classifier) -> None:
    story = Story()
    session = SessionStory(cast("Any", story))
    for _ in range(3 * MAX_LOOKED_AT):
        session.see(cast("Any", [SOUND]))
    assert classifier.asked == MAX_LOOKED_AT
    assert story.steps == ["first_keyframe"]


def test_the_first_keyframe_ends_the_step_and_the_search(classifier: Classifier) -> None:
    story = Story()
    session = SessionStory(cast("Any", story))
    for _ in range(100):
        session.see(cast("Any", [SOUND]))
    session.see(cast("Any", [KEYFRAME, SOUND]))
    session.see(cast("Any", [SOUND, KEYFRAME]))
    assert classifier.asked == 101
    assert story.steps == ["first_keyframe", "rest"]
