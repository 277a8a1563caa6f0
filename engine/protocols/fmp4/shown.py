"""Boxes of a visual sample entry that say how its pictures are shown (ISO 14496-12 §12.1.4, §12.1.5)."""

from struct import Struct
from typing import Final

from engine.media.vui import Colour, Vui
from engine.protocols.fmp4.boxes import box

_NCLX: Final = Struct(">4sHHHB")
_FULL_RANGE: Final = 0x80
_PASP: Final = Struct(">II")
_MAX_SIZE: Final = 0xFFFF  # of a picture, in tkhd


def shown_boxes(vui: Vui) -> bytes:
    """Return `colr` and `pasp` where there is something to say: samples are square as a rule."""
    width, height = vui.aspect
    pasp = box(b"pasp", _PASP.pack(width, height)) if width != height else b""
    return _colr(vui.colour) + pasp


def shown_width(vui: Vui, width: int) -> int:
    """Return how wide a picture is shown, in pixels as high as its samples."""
    across, down = vui.aspect
    shown = (width * across + down // 2) // down if down else width
    return shown if 0 < shown <= _MAX_SIZE else width


def _colr(colour: Colour | None) -> bytes:
    if colour is None or colour == Colour():  # which is what players take for granted
        return b""
    primaries, transfer, matrix, full_range = colour
    return box(b"colr", _NCLX.pack(b"nclx", primaries, transfer, matrix, _FULL_RANGE * full_range))
