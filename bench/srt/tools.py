"""srt-live-transmit from Debian's srt-tools: libsrt as sender and as receiver."""

import shutil
from pathlib import Path

from bench.programs import NOWHERE, Program
from bench.servers import HOST

PAYLOAD_BYTES = 7 * 188
PROGRAM = "srt-live-transmit"


def srt_tools_missing() -> str:
    """Why libsrt cannot be compared here; empty if it can."""
    return "" if shutil.which(PROGRAM) else f"{PROGRAM} is not installed (scripts/bench-packages)"


class Transmit(Program):
    """One running srt-live-transmit. What it writes to standard output goes into `output`."""

    def __init__(self, source: str, target: str, output: Path = NOWHERE) -> None:
        command = [PROGRAM, "-q", "-a:no", f"-c:{PAYLOAD_BYTES}", source, target]
        super().__init__(command, output=output)

    @property
    def running(self) -> bool:
        """Whether its connection, and with it the program, is still there."""
        return self.exit_code is None


def sender(from_port: int, to: str) -> Transmit:
    """What comes to a UDP port goes out as SRT; `to` is "port?options" of a listener on this machine."""
    return Transmit(f"udp://{HOST}:{from_port}", f"srt://{HOST}:{to}")


def listening_sender(from_port: int, port: int, latency_ms: int) -> Transmit:
    """The same to whoever calls: one player."""
    return Transmit(f"udp://{HOST}:{from_port}", f"srt://{HOST}:{port}?mode=listener&latency={latency_ms}")


def receiver(port: int, latency_ms: int, output: Path = NOWHERE) -> Transmit:
    """Take one caller, and write what it sends."""
    return Transmit(f"srt://{HOST}:{port}?mode=listener&latency={latency_ms}", "file://con", output)
