"""Where a media playlist is, as seen from another playlist: always relative, so that it holds behind a proxy
that serves the engine below a path of its own."""

import posixpath

MEDIA_PLAYLIST: str = "media.m3u8"


def media_uri(path: str, stream: str) -> str:
    """The media playlist of `stream` as a URI that is relative to `path`, the path of a request.

    A path that ends with a slash is a folder whose playlists are meant.
    """
    return posixpath.relpath(f"/{stream}/{MEDIA_PLAYLIST}", posixpath.dirname(path) or "/")
