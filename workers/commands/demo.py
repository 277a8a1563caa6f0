"""`fanlight demo`: the engine, a test stream, and what to open; until Ctrl-C.

Engine and test stream are processes of their own, as they would be in earnest. Ports that are taken are
replaced by free ones, and the output says so.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Final
from urllib.parse import quote

from engine.access.names import BadName, parse_stream_name
from engine.config import Config, for_path
from workers.commands.addresses import Address, find_addresses, listen_variable
from workers.commands.api import Api, Unreachable
from workers.commands.children import Child, start_module, stop
from workers.commands.configuration import read_configuration
from workers.commands.errors import EXIT_OK, EXIT_USAGE, CommandError
from workers.commands.invitation import invitation
from workers.commands.signals import obey_sigterm
from workers.control.models import StreamList

START_S: Final = 20.0
LOOK_S: Final = 0.1
ENGINE_STOP_S: Final = 10.0
SOURCE_STOP_S: Final = 2.0
SOFTLY: Final = {
    "FANLIGHT_LOG__LEVEL": "warning",
    "FANLIGHT_LOG__STREAM": "stderr",
    "FANLIGHT_WORKERS__DRAIN_S": "3",
}
"""What a demo sets where the environment does not: few words, apart from its own, and players do not hold up
its end."""


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C, the ordinary end. Raises CommandError if something does not start, or ends."""
    name = _name(arguments.name)
    config = read_configuration(None)
    obey_sigterm()
    try:
        with ExitStack() as children:
            _run(name, config, children)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    return EXIT_OK


def _run(name: str, config: Config, children: ExitStack) -> None:
    addresses = _addresses(config)
    engine = _start_engine(addresses, children)
    metrics = Api(f"http://{addresses['metrics'].reachable}")
    _wait("the engine", {"the engine": engine}, lambda: _is_ready(metrics))
    source = _start_source(_publish_url(name, config, addresses), children)
    both = {"the engine": engine, "the test stream": source}
    api = Api(f"http://{addresses['api'].reachable}")
    _wait("the test stream", both, lambda: _is_live(api, name))
    print(invitation(name, addresses), flush=True)
    while True:
        _refuse_dead(both)
        time.sleep(LOOK_S)


def _name(given: str) -> str:
    try:
        return parse_stream_name(given)
    except BadName as error:
        raise CommandError(f"--name {given}: {error}", exit_code=EXIT_USAGE) from None


def _addresses(config: Config) -> dict[str, Address]:
    try:
        return find_addresses(config)
    except OSError as error:
        raise CommandError(f"cannot listen: {error.strerror}") from None


def _start_engine(addresses: Mapping[str, Address], children: ExitStack) -> Child:
    listen = {listen_variable(kind): str(address.listen) for kind, address in addresses.items()}
    engine = start_module("workers.cli", ["serve"], {**SOFTLY, **os.environ, **listen})
    children.callback(stop, engine, ENGINE_STOP_S)
    return engine


def _start_source(url: str, children: ExitStack) -> Child:
    source = start_module("workers.commands.live_source", [url], os.environ)
    children.callback(stop, source, SOURCE_STOP_S)
    return source


def _publish_url(name: str, config: Config, addresses: Mapping[str, Address]) -> str:
    key = for_path(config, name).publish_key
    query = f"?key={quote(key.reveal(), safe='')}" if key else ""
    return f"rtmp://{addresses['rtmp'].reachable}/{name}{query}"


def _is_ready(metrics: Api) -> bool:
    return metrics.ask("/readyz")[0] == 200


def _is_live(api: Api, name: str) -> bool:
    streams = api.get("/api/v1/streams", StreamList).streams
    return any(stream.name == name and stream.keyframes for stream in streams)


def _wait(what: str, children: Mapping[str, Child], there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        _refuse_dead(children)
        try:
            if there():
                return
        except Unreachable:  # not yet
            pass
        time.sleep(LOOK_S)
    raise CommandError(f"{what} has not started within {START_S:.0f} s")


def _refuse_dead(children: Mapping[str, Child]) -> None:
    for what, child in children.items():
        if (code := child.poll()) is not None:
            raise CommandError(f"{what} has ended (exit code {code})")
