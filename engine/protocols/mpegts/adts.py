"""AAC in ADTS frames (ISO 14496-3 §1.A.2.2): a header that says it all, before every frame."""

from typing import Final

from engine.media.bits import BadConfig, BitReader
from engine.protocols.mpegts.audio import AudioFrame

SAMPLE_RATES: Final = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
"""ISO 14496-3 table 1.18."""
FLV_CONFIG: Final = b"\xaf\x00"  # FLV 10.1 annex E.4.2: AAC, which is always said to be 44 kHz stereo
FLV_FRAME: Final = b"\xaf\x01"

_HEADER_BYTES: Final = 7
_CRC_BYTES: Final = 2
_MAX_FRAME_BYTES: Final = 0x1FFF
_SAMPLES: Final = 1024
_LOW_COMPLEXITY: Final = 2  # audio object types, ISO 14496-3 table 1.17
_LAST_OF_ADTS: Final = 4
_SBR: Final = 5
_PS: Final = 29


class Adts:
    """Cuts and reads ADTS."""

    sync = b"\xff"
    head_bytes = _HEADER_BYTES

    def frame_bytes(self, data: bytes, at: int) -> int:
        """Return the length that the header says: sync word, layer 0, a known rate."""
        if data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0 or data[at + 2] >> 2 & 15 >= len(SAMPLE_RATES):
            return 0
        length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        return length if length >= _HEADER_BYTES else 0

    def read(self, frame: bytes) -> AudioFrame | None:
        """Take the header off. Several raw data blocks behind one header cannot be told apart without
        decoding them; they pass as one frame, unless checksums stand between them."""
        has_crc, blocks = not frame[1] & 1, (frame[6] & 3) + 1
        begin = _HEADER_BYTES + _CRC_BYTES * has_crc
        if len(frame) <= begin or (has_crc and blocks > 1):
            return None
        rate_index = frame[2] >> 2 & 15
        channels = (frame[2] & 1) << 2 | frame[3] >> 6
        config = ((frame[2] >> 6) + 1) << 11 | rate_index << 7 | channels << 3
        header = FLV_CONFIG + config.to_bytes(2, "big")
        return AudioFrame((FLV_FRAME + frame[begin:],), _SAMPLES * blocks, SAMPLE_RATES[rate_index], header)


class AdtsWriter:
    """Puts headers before raw frames, as an AudioSpecificConfig says; raises BadConfig for one that ADTS
    cannot say (explicit rates, newer object types, channels only told in the frames).

    SBR and PS are left to be found in the frames, as ADTS always does.
    """

    def __init__(self, config: bytes) -> None:
        bits = BitReader(config)
        object_type, rate_index, channels = bits.read(5), bits.read(4), bits.read(4)
        if object_type in (_SBR, _PS):
            object_type = _LOW_COMPLEXITY
        if not 1 <= object_type <= _LAST_OF_ADTS or rate_index >= len(SAMPLE_RATES) or not 1 <= channels <= 7:
            raise BadConfig("an AAC configuration that ADTS has no words for")
        fixed = (object_type - 1) << 6 | rate_index << 2 | channels >> 2
        self._head = 0xFFF1 << 40 | fixed << 32 | (channels & 3) << 30 | 0x1FFC

    def frame(self, raw: bytes) -> bytes | None:
        """Return the ADTS frame; None if it is too long."""
        length = _HEADER_BYTES + len(raw)
        if length > _MAX_FRAME_BYTES:
            return None
        return (self._head | length << 13).to_bytes(_HEADER_BYTES, "big") + raw
