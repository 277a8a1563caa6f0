"""`python -m bench.scenarios [NAME...]`: all of them, or those that are named."""

import argparse
import importlib
import json
import sys

from bench.compare import RESULTS, wide_console
from bench.lines import raise_descriptor_limit
from bench.promise import Promise, promise_table
from bench.servers import environment

NAMES = ("ready", "latency", "memory", "scaling", "publishers", "big", "storm")


def main() -> None:
    """Run, print, and leave the figures in bench/results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="all by default")
    names = parser.parse_args().names or NAMES
    raise_descriptor_limit()
    console = wide_console()
    found: dict[str, list[Promise]] = {}
    with console.status("") as status:
        for name in names:
            status.update(f"{name}: {importlib.import_module(f'bench.scenarios.{name}').__doc__}")
            found[name] = importlib.import_module(f"bench.scenarios.{name}").run()
            console.print(promise_table(found[name]))
    RESULTS.mkdir(exist_ok=True)
    for name, promises in found.items():
        document = {
            "environment": environment(),
            "promises": [p._asdict() | {"kept": p.kept} for p in promises],
        }
        (RESULTS / f"scenario-{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    sys.exit(not all(promise.kept for promises in found.values() for promise in promises))


if __name__ == "__main__":
    main()
