"""AAC in LATM with LOAS framing (ISO 14496-3 §1.7): 0x2B7, a length, and bits.

Behind the length stands an AudioMuxElement: now and then a configuration, which holds an AudioSpecificConfig,
then the length of the frame and the frame itself, at any bit. One programme with one layer is read, which is
what broadcasts are.
"""

from typing import Final, NamedTuple

from engine.media.bits import BadConfig, BitReader
from engine.protocols.mpegts.adts import FLV_CONFIG, FLV_FRAME, SAMPLE_RATES
from engine.protocols.mpegts.audio import AudioFrame

_HEADER_BYTES: Final = 3
_LENGTH_MASK: Final = 0x1FFF
_EXPLICIT_RATE: Final = 15
_SBR: Final = 5
_PS: Final = 29
_ESCAPE_TYPE: Final = 31
# Audio object types whose configuration is a GASpecificConfig of the plain kind: Main, LC, SSR, LTP.
_PLAIN_TYPES: Final = frozenset({1, 2, 3, 4})

_NOTHING: Final = AudioFrame((), 0, 0)


class _Mux(NamedTuple):
    """A StreamMuxConfig: how frames are packed, and what they are."""

    header: bytes
    samples: int
    rate: int
    sub_frames: int
    fixed_bytes: int | None


class _Aac(NamedTuple):
    """An AudioSpecificConfig read: samples of a frame, and their rate before SBR."""

    samples: int
    rate: int


class Latm:
    """Cuts LOAS and reads LATM; remembers the newest configuration."""

    sync = b"\x56"
    head_bytes = _HEADER_BYTES

    def __init__(self) -> None:
        self._mux: _Mux | None = None

    def frame_bytes(self, data: bytes, at: int) -> int:
        """Return the length behind the sync word, header included."""
        if data[at] != 0x56 or data[at + 1] & 0xE0 != 0xE0:
            return 0
        return _HEADER_BYTES + ((data[at + 1] << 8 | data[at + 2]) & _LENGTH_MASK)

    def read(self, frame: bytes) -> AudioFrame | None:
        """Read an AudioMuxElement; None where it is not ours to read. Before the first configuration there is
        nothing in it."""
        element = frame[_HEADER_BYTES:]
        bits = BitReader(element)
        try:
            if not bits.flag():  # useSameStreamMux
                self._mux = None
                self._mux = _read_mux(bits, element)
            mux = self._mux
            if mux is None:
                return _NOTHING
            bodies = tuple(_read_payload(bits, mux) for _ in range(mux.sub_frames))
        except BadConfig:
            return None
        return AudioFrame(
            tuple(body for body in bodies if body != FLV_FRAME), mux.samples, mux.rate, mux.header
        )


def _read_payload(bits: BitReader, mux: _Mux) -> bytes:
    """PayloadLengthInfo and PayloadMux (§1.7.3, tables 1.44 and 1.45)."""
    length = mux.fixed_bytes
    if length is None:
        length, more = 0, 255
        while more == 255:
            more = bits.read(8)
            length += more
            if 8 * length > bits.bits_left:
                raise BadConfig("a frame that ends too early")
    return FLV_FRAME + bits.read(8 * length).to_bytes(length, "big")


def _read_mux(bits: BitReader, element: bytes) -> _Mux:
    """StreamMuxConfig (§1.7.3, table 1.42)."""
    version = bits.read(1)
    if version:
        if bits.flag():
            raise BadConfig("audioMuxVersionA 1 is for the future")
        _read_value(bits)  # taraBufferFullness
    if not bits.flag():
        raise BadConfig("frames of several times in one element")
    sub_frames = bits.read(6) + 1
    if bits.read(7):
        raise BadConfig("several programmes or layers")
    aac, config = _read_sized_config(bits) if version else _read_config(bits, element)
    frame_type = bits.read(3)
    if frame_type == 0:
        bits.skip(8)  # latmBufferFullness
        fixed_bytes = None
    elif frame_type == 1:
        fixed_bytes = bits.read(9) + 20
    else:
        raise BadConfig(f"frame length type {frame_type}")
    _skip_ending(bits, version)
    return _Mux(FLV_CONFIG + config, aac.samples, aac.rate, sub_frames, fixed_bytes)


def _skip_ending(bits: BitReader, version: int) -> None:
    """Other data and a checksum."""
    if bits.flag():
        if version:
            _read_value(bits)
        else:
            while bits.flag():
                bits.skip(8)
            bits.skip(8)
    if bits.flag():
        bits.skip(8)


def _read_value(bits: BitReader) -> int:
    """LatmGetValue (§1.7.3, table 1.43)."""
    return bits.read(8 * (bits.read(2) + 1))


def _read_sized_config(bits: BitReader) -> tuple[_Aac, bytes]:
    """An AudioSpecificConfig that says how many bits it has."""
    size = _read_value(bits)
    whole = bits.read(size) << -size % 8
    config = whole.to_bytes((size + 7) // 8, "big")
    return _read_aac(BitReader(config)), config


def _read_config(bits: BitReader, element: bytes) -> tuple[_Aac, bytes]:
    """An AudioSpecificConfig whose end is found by reading it; then its bits are read once more, as such."""
    before = bits.bits_left
    aac = _read_aac(bits)
    size = before - bits.bits_left
    again = BitReader(element)
    again.skip(8 * len(element) - before)
    return aac, (again.read(size) << -size % 8).to_bytes((size + 7) // 8, "big")


def _read_aac(bits: BitReader) -> _Aac:
    """AudioSpecificConfig and GASpecificConfig (§1.6.2.1, §4.4.1)."""
    object_type, rate, channels = _read_type(bits), _read_rate(bits), bits.read(4)
    if object_type in (_SBR, _PS):
        _read_rate(bits)  # what comes out of SBR; time runs by the core
        object_type = _read_type(bits)
    if object_type not in _PLAIN_TYPES or not channels:
        raise BadConfig("AAC that is not read here")
    short = bits.flag()  # frameLengthFlag
    if bits.flag():  # dependsOnCoreCoder
        bits.skip(14)  # coreCoderDelay
    bits.skip(1)  # extensionFlag
    return _Aac(960 if short else 1024, rate)


def _read_type(bits: BitReader) -> int:
    object_type = bits.read(5)
    return 32 + bits.read(6) if object_type == _ESCAPE_TYPE else object_type


def _read_rate(bits: BitReader) -> int:
    index = bits.read(4)
    rate = (
        bits.read(24) if index == _EXPLICIT_RATE else SAMPLE_RATES[index] if index < len(SAMPLE_RATES) else 0
    )
    if not rate:
        raise BadConfig(f"sampling frequency index {index}")
    return rate
