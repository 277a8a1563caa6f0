"""A bit reader for codec headers (ITU-T H.264 §7.2 and §9.1, ISO 14496-3, AV1 §4.10)."""


class BadConfig(ValueError):
    """A codec header that ends too early or says something impossible. It is passed on to players all the
    same."""


class BitReader:
    """Reads big-endian bits from the front. Every method raises BadConfig when the bits run out."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    @property
    def bits_left(self) -> int:
        return self._left

    def read(self, bits: int) -> int:
        """Read an unsigned number of so many bits."""
        if bits > self._left:
            raise BadConfig("ends too early")
        self._left -= bits
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        return self.read(1) == 1

    def skip(self, bits: int) -> None:
        self.read(bits)

    def ue(self) -> int:
        """Read ue(v), an unsigned Exp-Golomb number (H.264 §9.1). More than 32 leading zeros is nonsense."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise BadConfig("an Exp-Golomb number of more than 32 bits")
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        """Read se(v), a signed Exp-Golomb number (H.264 §9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)

    def uvlc(self) -> int:
        """Read uvlc() of AV1 §4.10.3: ue(v) whose 32 zeros and more mean the largest number."""
        zeros = 0
        while not self.flag():
            zeros += 1
        return 0xFFFFFFFF if zeros >= 32 else (1 << zeros) - 1 + self.read(zeros)


def unescape(nal: bytes) -> bytes:
    """Take the emulation prevention bytes out of a NAL unit (H.264 §7.4.1, H.265 §7.4.2)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")
