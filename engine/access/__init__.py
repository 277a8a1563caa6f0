"""Names, keys and rules: what a stranger may ask for, and whether he gets it.

Here is what the configuration needs as well. The decision is in `decide`, and what it is made from in `rule`,
`shown`, `signature` and `tokens`.
"""

from engine.access.names import Asked, BadName, join_app_and_name, parse_stream_name
from engine.access.passphrase import passphrase_for

__all__ = [
    "Asked",
    "BadName",
    "join_app_and_name",
    "parse_stream_name",
    "passphrase_for",
]
