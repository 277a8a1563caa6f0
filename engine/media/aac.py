"""AAC: AudioSpecificConfig (ISO 14496-3 §1.6.2.1)."""

from typing import Final

from engine.media.bits import BadConfig, BitReader
from engine.media.formats import AudioFormat

# ISO 14496-3 table 1.18
_SAMPLE_RATES: Final = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
_EXPLICIT_RATE: Final = 15
# Channel configurations and how many channels they have (ISO 14496-3 table 1.19). 0: told elsewhere in the
# stream.
_CHANNELS: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 13: 24, 14: 8}
_SBR: Final = 5
_PS: Final = 29


def parse_aac_config(config: bytes) -> AudioFormat:
    """Read the body of an AAC sequence header; raises BadConfig. The rate is the one that is heard (after
    SBR)."""
    bits = BitReader(config)
    object_type = _object_type(bits)
    sample_rate = _sample_rate(bits)
    channels = _CHANNELS.get(bits.read(4), 0)
    if object_type in (_SBR, _PS):
        sample_rate = _sample_rate(bits)
    if object_type == _PS:
        channels = 2  # parametric stereo rides on a mono core
    return AudioFormat(codec="mp4a", profile=object_type, sample_rate=sample_rate, channels=channels)


def _object_type(bits: BitReader) -> int:
    object_type = bits.read(5)
    return 32 + bits.read(6) if object_type == 31 else object_type


def _sample_rate(bits: BitReader) -> int:
    index = bits.read(4)
    if index == _EXPLICIT_RATE:
        return bits.read(24)
    if index >= len(_SAMPLE_RATES):
        raise BadConfig(f"sampling frequency index {index}")
    return _SAMPLE_RATES[index]
