"""The service that an address belongs to: scheme, host and port."""

import functools

from engine.access.targets import BadUrl, parse_target


@functools.lru_cache(maxsize=1024)  # reading a URL takes longer than all else that is done for an event
def origin_of(url: str) -> str:
    """The origin; of what is no URL, the text itself."""
    try:
        return parse_target(url).origin
    except BadUrl:  # out of a spool whose configuration is not ours any more: nobody will be called
        return url
