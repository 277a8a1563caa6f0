"""One player per protocol, each in a process of its own, each saying in the end what it received."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.e2e.children import start
from tests.e2e.engine_process import RunningEngine
from tests.e2e.media import Received, finish, hash_file, parse_framehash, play
from tests.house.source import ROOT


class Player(NamedTuple):
    """A running player and the file that it writes: packet hashes, or the FLV bytes themselves."""

    protocol: str
    process: subprocess.Popen[bytes]
    file: Path


def start_players(engine: RunningEngine, ffmpeg: Path, name: str, folder: Path) -> list[Player]:
    """Start one player of each protocol for a stream, whether or not it is there yet."""
    folder.mkdir()
    http, rtmp, websocket = (folder / file for file in ("http.framehash", "rtmp.framehash", "websocket.flv"))
    return [
        Player("http", play(ffmpeg, engine.http_url(name), into=http), http),
        Player("rtmp", play(ffmpeg, engine.rtmp_url(name), into=rtmp), rtmp),
        Player("websocket", play_websocket(engine.ws_url(name), into=websocket), websocket),
    ]


def play_websocket(url: str, *, into: Path) -> subprocess.Popen[bytes]:
    """Start a WebSocket-FLV player."""
    program: list[str | Path] = [sys.executable, "-m", "tests.e2e.websocket_player", url, into]
    return start(program, cwd=ROOT)


def what_it_received(player: Player, ffmpeg: Path) -> Received:
    """Wait for the player's end and read what it has written down."""
    finish(player.process)
    if player.file.suffix == ".flv":
        return hash_file(ffmpeg, player.file)
    return parse_framehash(player.file.read_text())
