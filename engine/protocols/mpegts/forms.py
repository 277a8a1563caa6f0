"""How an elementary stream that we write is announced."""

from typing import NamedTuple


class StreamForm(NamedTuple):
    """Stream type and descriptors for the PMT, stream id for the PES packets."""

    stream_type: int
    descriptors: bytes
    stream_id: int
