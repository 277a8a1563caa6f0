"""Settings of streams that are kept between questions."""

from types import SimpleNamespace

import pytest

from engine.config import load
from workers.runtime import stream_settings
from workers.runtime.stream_settings import StreamSettings

OLD = load('[paths."live/*"]\nwait_s = 3.0\n', {})
NEW = load('[paths."live/*"]\nwait_s = 4.0\n', {})


def test_the_same_settings_are_given_until_a_reload_replaces_them() -> None:
    worker = SimpleNamespace(config=OLD)
    settings = StreamSettings(worker)
    kept = settings.of("live/cam")
    assert kept.wait_s == 3.0
    assert settings.of("live/cam") is kept
    worker.config = NEW
    assert settings.of("live/cam").wait_s == 4.0


def test_strangers_who_ask_for_many_names_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up: list[str] = []

    def for_path(_config: object, name: str) -> str:
        looked_up.append(name)
        return name

    monkeypatch.setattr(stream_settings, "MAX_KEPT", 2)
    monkeypatch.setattr(stream_settings, "for_path", for_path)
    settings = StreamSettings(SimpleNamespace(config=OLD))
    for name in ("a", "b", "c", "c", "a"):
        settings.of(name)
    assert looked_up == ["a", "b", "c", "a"]
