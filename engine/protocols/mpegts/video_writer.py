"""H.264 and HEVC on their way out: from FLV bodies to access units with start codes.

Every access unit gets a delimiter, as a transport stream demands (ISO 13818-1 §2.14.1), and keyframes get the
parameter sets of the codec header, unless they bring their own. What a picture brings beside that passes bit
by bit.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from engine.media.bits import BadConfig
from engine.protocols.mpegts.annexb import LONG_START, split_lengths
from engine.protocols.mpegts.avc_config import decode_avc_config
from engine.protocols.mpegts.codecs import REGISTRATION, encode_descriptor
from engine.protocols.mpegts.forms import StreamForm
from engine.protocols.mpegts.hevc_config import decode_hevc_config
from engine.protocols.mpegts.pes import VIDEO_ID


class _Coding(NamedTuple):
    """What tells H.264 and HEVC apart here: by the first byte of a NAL unit, its type."""

    form: StreamForm
    shift: int
    mask: int
    delimiter_kind: int
    sequence_kind: int
    delimiter: bytes
    decode_config: Callable[[bytes], tuple[int, list[bytes]]]


_CODINGS: Final = {
    # Delimiters for pictures of any slice type (H.264 §7.4.2.4, H.265 §7.4.3.5)
    "avc1": _Coding(
        StreamForm(0x1B, b"", VIDEO_ID), 0, 31, 9, 7, LONG_START + b"\x09\xf0", decode_avc_config
    ),
    "hvc1": _Coding(
        StreamForm(0x24, encode_descriptor(REGISTRATION, b"HEVC"), VIDEO_ID),
        1, 63, 35, 33, LONG_START + b"\x46\x01\x50", decode_hevc_config,
    ),
}  # fmt: skip


class VideoWriter:
    """One video track. `form` is None until there is a codec header that we can write."""

    def __init__(self) -> None:
        self.form: StreamForm | None = None
        self._codec = ""
        self._coding = _CODINGS["avc1"]
        self._length_bytes = 4
        self._sets: list[bytes] = []

    def configure(self, codec: str, config: bytes) -> bool:
        """Take a codec header's record; False if it is none of ours or does not parse."""
        coding = _CODINGS.get(codec)
        self.form = None
        if coding is None:
            return False
        try:
            self._length_bytes, sets = coding.decode_config(config)
        except BadConfig:
            return False
        self._sets = [piece for nal in sets for piece in (LONG_START, nal)]
        self.form, self._codec, self._coding = coding.form, codec, coding
        return True

    def unit(self, codec: str, payload: bytes, *, key: bool) -> list[bytes] | None:
        """Return the pieces of an access unit; None if the payload cannot be read."""
        if self.form is None or codec != self._codec:
            return None
        nals = split_lengths(payload, self._length_bytes)
        if not nals:
            return None
        coding, brings_sets, pieces = self._coding, False, list[bytes]()
        for nal in nals:
            kind = nal[0] >> coding.shift & coding.mask
            if kind != coding.delimiter_kind:
                brings_sets |= kind == coding.sequence_kind
                pieces += (LONG_START, nal)
        if key and not brings_sets:
            pieces = self._sets + pieces
        return [coding.delimiter, *pieces]
