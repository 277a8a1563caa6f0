"""How a picture is meant to be shown: the first fields of the video usability information, which H.264 (annex
E.1.1) and H.265 (annex E.2.1) have in common."""

from typing import Final, NamedTuple

from engine.media.bits import BitReader

# Sample aspect ratios by aspect_ratio_idc (H.264 table E-1, H.265 table E.1); 0 is not said, 255 is written
# out.
_ASPECTS: Final = (
    (0, 0),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
)
_EXTENDED: Final = 255
_UNSAID: Final = 2  # of primaries, transfer and matrix (H.273)


class Colour(NamedTuple):
    """Code points of H.273."""

    primaries: int = _UNSAID
    transfer: int = _UNSAID
    matrix: int = _UNSAID
    full_range: bool = False


class Vui(NamedTuple):
    """What a sequence parameter set says of it; (0, 0) and None where it says nothing."""

    aspect: tuple[int, int] = (0, 0)  # width to height of one sample
    colour: Colour | None = None


NO_VUI: Final = Vui()


def read_vui(bits: BitReader) -> Vui:
    """Read vui_parameters() as far as the colours; raises BadConfig."""
    aspect = _aspect(bits) if bits.flag() else (0, 0)
    if bits.flag():  # overscan_info_present_flag
        bits.skip(1)
    return Vui(aspect, _colour(bits) if bits.flag() else None)


def _aspect(bits: BitReader) -> tuple[int, int]:
    code = bits.read(8)
    if code == _EXTENDED:
        width, height = bits.read(16), bits.read(16)
        return (width, height) if width and height else (0, 0)
    return _ASPECTS[code] if code < len(_ASPECTS) else (0, 0)


def _colour(bits: BitReader) -> Colour:
    bits.skip(3)  # video_format
    full_range = bits.flag()
    if not bits.flag():  # colour_description_present_flag
        return Colour(full_range=full_range)
    return Colour(bits.read(8), bits.read(8), bits.read(8), full_range)
