"""Pictures of H.264 and HEVC as they stand in FLV and in MP4 alike: NAL units behind their lengths."""

from engine.protocols.fmp4.limits import MAX_NAL_UNITS


def whole_units(data: bytes, length_bytes: int) -> bytes | None:
    """Return the picture; None if its lengths do not add up, at which players give up for good.

    NAL units of no bytes, which some players do not survive either, are taken out.
    """
    at, empty = 0, False
    for _ in range(MAX_NAL_UNITS):
        begin = at + length_bytes
        size = int.from_bytes(data[at:begin], "big")
        empty |= not size
        at = begin + size
        if at >= len(data):
            break
    if at != len(data):
        return None
    return _without_empty(data, length_bytes) if empty else data


def _without_empty(data: bytes, length_bytes: int) -> bytes | None:
    """Copy the NAL units that have bytes; None if there are none."""
    kept, at = [], 0
    while at < len(data):
        end = at + length_bytes + int.from_bytes(data[at : at + length_bytes], "big")
        if end > at + length_bytes:
            kept.append(data[at:end])
        at = end
    return b"".join(kept) or None
