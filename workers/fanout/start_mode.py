"""Where a player wants to begin, as it says in the query of what it asks for."""

from urllib.parse import parse_qs

from engine.media.gop import StartMode

MAX_PARAMETERS: int = 32
"""In the query; ours is one of them. As many as in a request to the media port."""


def start_mode(query: str) -> StartMode | None:
    """What `start=` asks for; None, the path's setting, for anything unknown or too much."""
    try:
        asked = parse_qs(query, max_num_fields=MAX_PARAMETERS).get("start", [""])[0]
    except ValueError:
        return None
    return StartMode(asked) if asked in {mode.value for mode in StartMode} else None
