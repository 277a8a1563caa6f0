"""Runs the real supervisor with roles made for tests: `python -m … CONFIG ROLES_AS_JSON`."""

import json
import os
import sys
from pathlib import Path

from engine.config import load
from workers.supervisor.main import run


def main() -> int:
    path, roles = sys.argv[1:]
    config = load(Path(path).read_text(encoding="utf-8"), os.environ)
    return run(config, path, os.environ, json.loads(roles))


if __name__ == "__main__":
    sys.exit(main())
