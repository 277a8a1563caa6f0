"""Metrics of what is said over WebSocket on the media port."""

from typing import Final

from engine.metrics.buckets import MESSAGE_BYTES
from engine.metrics.metric import Metric

WEBSOCKET: Final = (
    Metric(
        name="fanlight_websocket_messages_total",
        kind="counter",
        help="WebSocket messages and control frames. `media` is one for each media tag sent whole to a"
        " player, as fanlight_sent_tags_total counts them; `message` is whatever else a player says.",
        labels=("type", "direction"),
        own=(("type", ("media", "message", "ping", "pong", "close")),),
    ),
    Metric(
        name="fanlight_websocket_message_bytes",
        kind="histogram",
        help="Payload of WebSocket messages: of `media` when a message is made, which is once for all"
        " players of a worker, and of `message` when a player has said it.",
        labels=("type",),
        own=(("type", ("media", "message")),),
        buckets=MESSAGE_BYTES,
    ),
)
