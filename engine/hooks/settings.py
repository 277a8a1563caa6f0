"""Which addresses hear of what, for the streams of one path."""

from typing import Final, Literal

from engine.config.hook_urls import HookUrls
from engine.config.tree import Hooks

Action = Literal[
    "on_publish", "on_unpublish", "on_play", "on_stop", "on_hls", "on_stream_live", "on_stream_idle"
]
Kind = Literal["publish", "play", "stream"]
"""What begins and ends: a publisher's session, a player's, and the stream itself."""

STARTS: Final[dict[Kind, Action]] = {"publish": "on_publish", "play": "on_play", "stream": "on_stream_live"}
ENDS: Final[dict[Kind, Action]] = {"publish": "on_unpublish", "play": "on_stop", "stream": "on_stream_idle"}


def urls_for(hooks: Hooks, action: Action) -> tuple[str, ...]:
    """Who hears of `action`: its own addresses, or else those for everything."""
    own: HookUrls = getattr(hooks, action)
    return () if own.is_off else own.urls or hooks.url.urls


def is_followed(hooks: Hooks, kind: Kind) -> bool:
    """Whether anybody wants to know when such a thing begins or ends."""
    return bool(urls_for(hooks, STARTS[kind]) or urls_for(hooks, ENDS[kind]))


def allows_unanswered(hooks: Hooks, kind: Kind) -> bool:
    """What holds when the service does not answer."""
    return (hooks.publish_unanswered if kind == "publish" else hooks.play_unanswered) == "allow"
