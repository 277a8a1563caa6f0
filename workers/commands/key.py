"""`fanlight key new`: a key for somebody, and the line that lets it in.

20 random bytes, in letters that stand in any query, stream id and stream key field as they are.
"""

import argparse
import base64
import secrets

from engine.config.instants import parse_instant
from engine.config.key_table import ID, hash_line
from engine.config.secret import digest
from workers.commands.errors import EXIT_OK, EXIT_USAGE, CommandError

KEY_BYTES: int = 20
"""160 bits: nobody tries those out, so that their hash needs neither salt nor rounds."""

SIGNING_BYTES: int = 32
"""As many as HMAC-SHA256 puts out (RFC 2104 section 3)."""


def run(arguments: argparse.Namespace) -> int:
    """Print the key, then the line."""
    if not ID.fullmatch(arguments.id):
        raise CommandError(
            f"{arguments.id!r}: the id of a key is 1 to 64 of A-Z a-z 0-9 _ . -", exit_code=EXIT_USAGE
        )
    print("\n".join(_signing(arguments) if arguments.signing else _static(arguments)))
    return EXIT_OK


def _static(arguments: argparse.Namespace) -> list[str]:
    key = base64.b32encode(secrets.token_bytes(KEY_BYTES)).decode().lower()
    until_s = _moment(arguments.until) if arguments.until else None
    return [
        f"key   {key}",
        f'line  {arguments.id} = "{hash_line(digest(key), until_s)}"',
        "",
        'The line goes below [publish.publish_keys], [play.play_keys], [paths."live/*".publish_keys],',
        '[paths."live/*".play_keys], [api.keys] or [metrics.keys]. The key is shown as ?key=...',
    ]


def _signing(arguments: argparse.Namespace) -> list[str]:
    if arguments.until:
        raise CommandError("--until: a signing key does not expire by itself", exit_code=EXIT_USAGE)
    secret = base64.urlsafe_b64encode(secrets.token_bytes(SIGNING_BYTES)).rstrip(b"=").decode()
    return [
        f'line  {arguments.id} = "{secret}"',
        "",
        "The line goes below [access.signing_keys] or [access.jwt_secrets]. It is a secret.",
    ]


def _moment(text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise CommandError(f"--until {text}: {error}", exit_code=EXIT_USAGE) from None
