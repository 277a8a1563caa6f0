"""What frames say about themselves where a codec header does not: MP3, AC-3, E-AC-3, VP9's pictures, and
how long an Opus packet is."""

from typing import Final, NamedTuple

from engine.media.bits import BadConfig, BitReader
from engine.protocols.fmp4.limits import MAX_SYNC_FRAMES

_MP3_SYNC: Final = 0xFFE0
_LAYER_3: Final = 1
_MPEG_1: Final = 3
_MONO: Final = 3
_MP3_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

_AC3_SYNC: Final = b"\x0b\x77"
_AC3_RATES: Final = (48000, 44100, 32000)  # A/52 table 5.6
_AC3_CHANNELS: Final = (2, 1, 2, 3, 3, 4, 4, 5)  # A/52 table 5.8, by acmod
_AC3_SIZES: Final = 38  # A/52 table 5.18
_AC3_SAMPLES: Final = 1536
_LAST_AC3: Final = 10  # bsid; 9 and 10 halve and quarter the rate
_EAC3_BSID: Final = 16
_BLOCK_SAMPLES: Final = 256
_DEPENDENT: Final = 1  # A/52 table E1.2, strmtyp
_HALF_RATES: Final = 3  # fscod
_MAX_KBPS: Final = 0x1FFF  # ETSI TS 102 366 annex F.6.2.2, data_rate
_BLOCKS: Final = (1, 2, 3, 6)

_VP9_MARKER: Final = 2  # VP9 §6.2
_VP9_SYNC: Final = 0x498342
_SRGB: Final = 7

# Samples at 48 kHz of one frame, by the configuration number (RFC 6716 §3.1, table 2)
_OPUS_SAMPLES: Final = (
    *(480, 960, 1920, 2880) * 3, *(480, 960) * 2, *(120, 240, 480, 960) * 4,
)  # fmt: skip
_OPUS_MAX_SAMPLES: Final = 5760  # 120 ms, RFC 6716 §3.2.5


class Mp3Header(NamedTuple):
    """ISO 11172-3 §2.4.1.3 and ISO 13818-3 §2.4.1.3."""

    sample_rate: int
    channels: int
    samples: int


class Ac3Header(NamedTuple):
    """A/52 §5.3, annex E.1.2. size is the bit rate code of AC-3; of E-AC-3, kbit/s."""

    rate_code: int
    bsid: int
    bsmod: int
    acmod: int
    lfe: int
    size: int
    sample_rate: int
    samples: int

    @property
    def channels(self) -> int:
        return _AC3_CHANNELS[self.acmod] + self.lfe


def read_mp3(frame: bytes) -> Mp3Header:
    """Read a frame's header; raises BadConfig if it is none of layer III."""
    word = int.from_bytes(frame[:4], "big")
    version, rate = word >> 19 & 3, word >> 10 & 3
    if len(frame) < 4 or word >> 16 & _MP3_SYNC != _MP3_SYNC or word >> 17 & 3 != _LAYER_3:
        raise BadConfig("not a frame of MPEG audio, layer III")
    if version not in _MP3_RATES or rate == 3:
        raise BadConfig("a frame of MPEG audio with reserved values")
    channels = 1 if word >> 6 & 3 == _MONO else 2
    return Mp3Header(_MP3_RATES[version][rate], channels, 1152 if version == _MPEG_1 else 576)


def read_ac3(frame: bytes) -> Ac3Header:
    """Read a sync frame's header; raises BadConfig."""
    if frame[:2] != _AC3_SYNC:
        raise BadConfig("not a sync frame")
    bits = BitReader(frame[4:8])  # after the checksum
    code, size, bsid, bsmod, acmod = bits.read(2), bits.read(6), bits.read(5), bits.read(3), bits.read(3)
    if code >= len(_AC3_RATES) or size >= _AC3_SIZES or bsid > _LAST_AC3:
        raise BadConfig("a sync frame with reserved values")
    if acmod & 1 and acmod != 1:
        bits.skip(2)  # cmixlev
    if acmod & 4:
        bits.skip(2)  # surmixlev
    if acmod == 2:
        bits.skip(2)  # dsurmod
    rate = _AC3_RATES[code] >> max(0, bsid - 8)
    return Ac3Header(code, bsid, bsmod, acmod, bits.read(1), size >> 1, rate, _AC3_SAMPLES)


def read_eac3(message: bytes) -> Ac3Header:
    """Read the first sync frame of a message, and what all of its first substream come to; raises BadConfig.

    What decoders need of dependent substreams they find in the frames.
    """
    first, *_ = _eac3_frame(message)
    samples = at = 0
    for _ in range(MAX_SYNC_FRAMES):
        head, kind, substream, size = _eac3_frame(message[at : at + 6])
        if kind != _DEPENDENT and not substream:
            samples += head.samples
        at += size
        if at >= len(message):
            break
    if at != len(message) or not samples:
        raise BadConfig("sync frames that do not add up")
    kbps = 8 * at * first.sample_rate // (1000 * samples)
    return first._replace(samples=samples, size=min(kbps, _MAX_KBPS))


def _eac3_frame(head: bytes) -> tuple[Ac3Header, int, int, int]:
    """Return (header, strmtyp, substreamid, bytes)."""
    if head[:2] != _AC3_SYNC:
        raise BadConfig("not a sync frame")
    bits = BitReader(head[2:6])
    kind, substream, words, code = bits.read(2), bits.read(3), bits.read(11) + 1, bits.read(2)
    second = bits.read(2)  # fscod2, or the number of blocks
    acmod, lfe, bsid = bits.read(3), bits.read(1), bits.read(5)
    if not _LAST_AC3 < bsid <= _EAC3_BSID or (code == _HALF_RATES and second == _HALF_RATES):
        raise BadConfig("a sync frame with reserved values")
    rate = _AC3_RATES[second] // 2 if code == _HALF_RATES else _AC3_RATES[code]
    blocks = _BLOCKS[3 if code == _HALF_RATES else second]
    header = Ac3Header(code, bsid, 0, acmod, lfe, 0, rate, blocks * _BLOCK_SAMPLES)
    return header, kind, substream, 2 * words


def read_vp9_size(frame: bytes) -> tuple[int, int]:
    """Read (width, height) of a key frame's uncompressed header; raises BadConfig."""
    bits = BitReader(frame[:16])
    if bits.read(2) != _VP9_MARKER:
        raise BadConfig("not a frame of VP9")
    profile = bits.read(1) | bits.read(1) << 1
    if profile == 3:
        bits.skip(1)
    if bits.flag() or bits.flag():  # show_existing_frame, frame_type
        raise BadConfig("not a key frame")
    bits.skip(2)  # show_frame, error_resilient_mode
    if bits.read(24) != _VP9_SYNC:
        raise BadConfig("not a key frame of VP9")
    _skip_vp9_colours(bits, profile)
    return bits.read(16) + 1, bits.read(16) + 1


def _skip_vp9_colours(bits: BitReader, profile: int) -> None:
    """VP9 §6.2.2, color_config."""
    if profile >= 2:
        bits.skip(1)  # ten_or_twelve_bit
    if bits.read(3) != _SRGB:
        bits.skip(4 if profile & 1 else 1)  # color_range, subsampling and a reserved bit
    elif profile & 1:
        bits.skip(1)


def opus_samples(packet: bytes) -> int:
    """Return the samples at 48 kHz that a packet comes to (RFC 6716 §3.1 and §3.2); 0 if it is none."""
    if not packet:
        return 0
    count = (1, 2, 2, 0)[packet[0] & 3]
    if not count:
        count = packet[1] & 0x3F if len(packet) > 1 else 0
    samples = count * _OPUS_SAMPLES[packet[0] >> 3]
    return samples if samples <= _OPUS_MAX_SAMPLES else 0
