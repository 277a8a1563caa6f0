"""AC-3 (ATSC A/52 §5.4.1), passed through."""

from typing import Final

from engine.protocols.mpegts.audio import AudioFrame

_HEADER_BYTES: Final = 6
_RATES: Final = (48000, 44100, 32000)
# kbit/s by frmsizecod / 2 (A/52 table 5.18)
_KBPS: Final = (
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
)  # fmt: skip
_SAMPLES: Final = 1536
_LAST_BSID: Final = 10  # beyond is E-AC-3
_FLV_FRAME: Final = b"\x91ac-3"  # enhanced RTMP: coded frames


class Ac3:
    """Cuts and reads AC-3."""

    sync = b"\x0b"
    head_bytes = _HEADER_BYTES

    def frame_bytes(self, data: bytes, at: int) -> int:
        """Return the length of the sync frame."""
        rate, size = data[at + 4] >> 6, data[at + 4] & 0x3F
        if data[at] != 0x0B or data[at + 1] != 0x77 or data[at + 5] >> 3 > _LAST_BSID:
            return 0
        if rate >= len(_RATES) or size >> 1 >= len(_KBPS):
            return 0
        # 1536 samples in words of 16 bits; at 44.1 kHz odd codes have one word more
        words = _KBPS[size >> 1] * 96_000 // _RATES[rate]
        return 2 * (words + (size & 1 if _RATES[rate] == 44100 else 0))

    def read(self, frame: bytes) -> AudioFrame | None:
        """Put enhanced RTMP's header before the frame."""
        return AudioFrame((_FLV_FRAME + frame,), _SAMPLES, _RATES[frame[4] >> 6])
