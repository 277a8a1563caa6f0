"""Errors of fragmented MP4. Any other exception that escapes this package is a bug.

There is no RemoteProtocolError: what a publisher sends is never refused aloud here. A header or frame that
cannot be written is left out and counted (`Tracks.refused`, `Tracks.left_out`), because its stream goes on
for the players of other formats.
"""


class ProtocolError(Exception):
    """Base of the one below; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We misused the package: a file without tracks, a chunk without samples, or samples without a track."""
