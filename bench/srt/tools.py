"""srt-live-transmit from Debian's srt-tools: libsrt as sender and as receiver."""

import contextlib
import shutil
import subprocess
from pathlib import Path
from typing import Self

from bench import cpu
from bench.servers import HOST

PAYLOAD_BYTES = 7 * 188
PROGRAM = "srt-live-transmit"


def srt_tools_missing() -> str:
    """Why libsrt cannot be compared here; empty if it can."""
    return "" if shutil.which(PROGRAM) else f"{PROGRAM} is not installed (scripts/bench-packages)"


class Transmit:
    """One running srt-live-transmit. What it writes to standard output goes into `output`."""

    def __init__(self, source: str, target: str, output: Path | None = None) -> None:
        with (output or Path("/dev/null")).open("wb") as file:
            self._process = subprocess.Popen(
                [PROGRAM, "-q", "-a:no", f"-c:{PAYLOAD_BYTES}", source, target],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )

    @property
    def running(self) -> bool:
        """Whether its connection, and with it the program, is still there."""
        return self._process.poll() is None

    def cpu_s(self) -> float:
        """Processor time so far."""
        return cpu.process_s(self._process.pid)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.close()


def sender(from_port: int, to: str) -> Transmit:
    """What comes to a UDP port goes out as SRT; `to` is "port?options" of a listener on this machine."""
    return Transmit(f"udp://{HOST}:{from_port}", f"srt://{HOST}:{to}")


def listening_sender(from_port: int, port: int, latency_ms: int) -> Transmit:
    """The same to whoever calls: one player."""
    return Transmit(f"udp://{HOST}:{from_port}", f"srt://{HOST}:{port}?mode=listener&latency={latency_ms}")


def receiver(port: int, latency_ms: int, output: Path | None = None) -> Transmit:
    """Take one caller, and write what it sends."""
    return Transmit(f"srt://{HOST}:{port}?mode=listener&latency={latency_ms}", "file://con", output)
