"""Writes bits, so that tests can make codec headers of shapes that no encoder at hand makes."""


class BitWriter:
    """Collects bits; every method returns the writer."""

    def __init__(self) -> None:
        self.bits = ""

    def u(self, bits: int, value: int) -> "BitWriter":
        self.bits += format(value, f"0{bits}b")
        return self

    def ue(self, value: int) -> "BitWriter":
        code = format(value + 1, "b")
        self.bits += "0" * (len(code) - 1) + code
        return self

    def se(self, value: int) -> "BitWriter":
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def bytes(self) -> bytes:
        """The bits with a stop bit and zeros up to the next byte."""
        whole = self.bits + "1"
        whole += "0" * (-len(whole) % 8)
        return int(whole, 2).to_bytes(len(whole) // 8, "big")
