"""The `fanlight` command: reads the arguments, then fetches the one module that does the work.

Subcommands are imported when they run and not before, so that `fanlight version` does not pay for a web
framework and a live worker never holds PyAV. This file is the only place that turns an exception into a
line on the terminal.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module, metadata
from typing import TypeAlias

from workers.commands.defaults import DEFAULT_API_URL
from workers.commands.errors import EXIT_INTERRUPTED, EXIT_OK, CommandError

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Run = Callable[[argparse.Namespace], int]
"""What every command module offers as `run`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code (see `workers.commands.errors`)."""
    arguments = _parser().parse_args(argv)
    try:
        run: Run = import_module(f"workers.commands.{arguments.command}").run
        return _flushed(run(arguments))
    except CommandError as error:
        for line in error.lines:
            print(f"fanlight: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _reader_left()


def _flushed(code: int) -> int:
    # Here, not at interpreter exit, where a reader that left (`fanlight top --once | head`) is a traceback.
    if sys.stdout is not None:  # closed by whoever started us: nothing was said
        sys.stdout.flush()
    return code


def _reader_left() -> int:
    """Whoever read our output had enough: that is success, and nothing may be written there any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fanlight",
        description="Live streaming engine: one publisher, thousands of players, every core.",
    )
    parser.add_argument("--version", action="version", version=f"fanlight {metadata.version('fanlight')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_serve,
        _add_check,
        _add_key,
        _add_sign,
        _add_demo,
        _add_publish,
        _add_top,
        _add_metrics,
        _add_version,
    ):
        add(commands)
    return parser


def _add_serve(commands: Commands) -> None:
    serve = commands.add_parser(
        "serve",
        help="run the engine in the foreground",
        epilog="Each key is also an environment variable, such as FANLIGHT_RTMP__LISTEN=127.0.0.1:1935. "
        "SIGHUP reads FILE again; SIGTERM and Ctrl-C let connections end first, a second one does not.",
    )
    serve.add_argument("--config", metavar="FILE", help="TOML configuration (default: built-in defaults)")


def _add_check(commands: Commands) -> None:
    check = commands.add_parser(
        "check",
        help="check a configuration file without running anything",
        epilog="exit codes: 0 the file is good, 1 it is refused, 2 it cannot be read",
    )
    check.add_argument("file", metavar="FILE", help="TOML configuration")


def _add_key(commands: Commands) -> None:
    key = commands.add_parser("key", help="make keys for publishers, players and signed links")
    verbs = key.add_subparsers(dest="verb", required=True, metavar="new")
    new = verbs.add_parser(
        "new",
        help="print a new key, and the line for the configuration that has only its hash",
        epilog="The key is printed once and kept nowhere. --signing: a secret for access.signing_keys or "
        "access.jwt_secrets, which has to stand in the configuration as it is.",
    )
    new.add_argument("id", metavar="ID", help="what the key is called in the configuration and in log lines")
    new.add_argument(
        "--until", metavar="MOMENT", help="when it expires, in UTC: 2026-12-31 or 2026-12-31T18:00:00Z"
    )
    new.add_argument("--signing", action="store_true", help="a secret to sign links or tokens with")


def _add_sign(commands: Commands) -> None:
    sign = commands.add_parser(
        "sign",
        help="print a link that opens one stream until it expires",
        epilog="Signs with a key of access.signing_keys in FILE. Put the address into single quotes: a "
        "shell has meanings of its own for ?, & and #.",
    )
    sign.add_argument(
        "url", metavar="URL", help="rtmp, rtmps, http, https, ws, wss or srt address of the stream"
    )
    sign.add_argument("--config", metavar="FILE", help="TOML configuration (default: the environment alone)")
    sign.add_argument(
        "--for", dest="lifetime", metavar="TIME", default="1h", help="90s, 15m, 2h, 7d (default: %(default)s)"
    )
    sign.add_argument("--until", metavar="MOMENT", help="instead of --for, in UTC: 2026-12-31T18:00:00Z")
    sign.add_argument("--action", choices=("play", "publish"), default="play", help="default: %(default)s")
    sign.add_argument("--address", metavar="IP", help="the only address that may use the link")
    sign.add_argument("--key-id", metavar="ID", help="which key to sign with (default: the first)")


def _add_demo(commands: Commands) -> None:
    demo = commands.add_parser(
        "demo", help="run the engine with a generated test stream and say what to open"
    )
    demo.add_argument("--name", default="live/demo", help="stream name (default: %(default)s)")


def _add_publish(commands: Commands) -> None:
    publish = commands.add_parser(
        "publish",
        help="publish a media file over RTMP or SRT, without re-encoding",
        epilog="An SRT address takes streamid (without it, the path means publish:PATH), latency in "
        "microseconds as with ffmpeg, passphrase (10 to 79 characters) and pbkeylen (16, 24 or 32). "
        "Put it into single quotes: a shell has meanings of its own for ?, & and !.",
    )
    publish.add_argument(
        "file",
        metavar="FILE",
        help="any file FFmpeg can read with codecs FLV, or over SRT MPEG-TS, can carry",
    )
    publish.add_argument(
        "url",
        metavar="URL",
        help="for example rtmp://127.0.0.1/live/name "
        "or 'srt://127.0.0.1:10080?streamid=publish:live/name&latency=120000'",
    )
    publish.add_argument(
        "--loop", action="store_true", help="start again at the end, with continuous timestamps"
    )
    publish.add_argument(
        "--realtime",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="send at the file's own pace (default); --no-realtime sends as fast as the connection takes it",
    )
    publish.add_argument("--reconnect", action="store_true", help="connect again when the connection is lost")


def _add_top(commands: Commands) -> None:
    top = commands.add_parser("top", help="watch streams, players, bitrate and workers")
    top.add_argument(
        "--api", metavar="URL", default=DEFAULT_API_URL, help="engine's API (default: %(default)s)"
    )
    top.add_argument("--once", action="store_true", help="print one plain table and leave, for scripts")
    top.add_argument(
        "--interval", metavar="SECONDS", type=_interval_s, default=1.0, help="default: %(default)s"
    )


def _add_metrics(commands: Commands) -> None:
    metrics = commands.add_parser(
        "metrics",
        help="list every metric that the engine exports",
        epilog="No engine needs to run. docs/metrics.md says the same at length, and docs/metrics-names.md"
        " what metrics of other systems are called here.",
    )
    metrics.add_argument("--json", action="store_true", help="as JSON, with the values of labels and buckets")


def _add_version(commands: Commands) -> None:
    commands.add_parser("version", help="print the version")


def _interval_s(text: str) -> float:
    with suppress(ValueError):
        seconds = float(text)
        if 0.1 <= seconds <= 3600:
            return seconds
    raise argparse.ArgumentTypeError("must be a number of seconds from 0.1 to 3600")


if __name__ == "__main__":
    sys.exit(main())
