"""Where figures are left: `bench/results`, one JSON document a run, pictures beside it."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.servers import environment

FOLDER = Path(__file__).with_name("results")


def write_figures(name: str, document: Mapping[str, object]) -> Path:
    """Write `document` with the machine it was measured on; what was not measured (infinite) becomes null."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    encoded = msgspec.json.encode({"environment": environment(), **document})
    path.write_bytes(msgspec.json.format(encoded, indent=1) + b"\n")
    return path


def write_picture(name: str, svg: str) -> Path:
    """Write a picture."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.svg"
    path.write_text(svg)
    return path
