"""Names, keys and rules: what a stranger may ask for, and whether he gets it."""

from engine.access.names import Asked, BadName, join_app_and_name, parse_stream_name
from engine.access.passphrase import passphrase_for
from engine.access.publish import Verdict, may_publish

__all__ = [
    "Asked",
    "BadName",
    "Verdict",
    "join_app_and_name",
    "may_publish",
    "parse_stream_name",
    "passphrase_for",
]
