"""One value against one key: the sentence that says what is wrong with it, or the checked value."""

import difflib
from collections.abc import Iterable
from typing import Final

import msgspec

from engine.access.allowed import AllowList
from engine.config.hook_urls import HookUrls
from engine.config.key_limits import KeyLimits
from engine.config.key_table import KeyTable
from engine.config.keys import Key
from engine.config.listen import Listen
from engine.config.networks import Networks
from engine.config.passphrases import Passphrases
from engine.config.ports import StreamPorts
from engine.config.programmes import Programmes
from engine.config.public_keys import PublicKeys
from engine.config.secret import Passphrase, Secret
from engine.config.shared_secrets import SharedSecrets
from engine.config.word_sets import ProxiedPorts, Ways

TABLES: Final = (
    StreamPorts,
    Passphrases,
    Programmes,
    KeyTable,
    KeyLimits,
    SharedSecrets,
    PublicKeys,
    Networks,
    Ways,
    ProxiedPorts,
    AllowList,
)
"""Types of keys that hold a table or a list, each with a `parse` and an `as_table`."""

SHOWN_CHARACTERS: Final = 60
"""How much of a wrong value an error message repeats."""


class Refused(Exception):
    """A value that a key does not take; the text says both what it was and what is allowed."""


def from_text(wanted: type, value: object) -> object:
    """msgspec's hook for the types it does not know: all but tables are written as text."""
    for table in (*TABLES, HookUrls):
        if wanted is table:
            return table.parse(value)
    if not isinstance(value, str):
        raise ValueError("not a text")
    if wanted is Listen:
        return Listen.parse(value)
    return Passphrase(value) if wanted is Passphrase else Secret(value)


def to_text(
    value: object,
) -> str | list[str] | dict[str, str] | dict[str, list[str]] | dict[str, dict[str, object]]:
    """The way back, used when the supervisor hands the configuration to its workers, and nowhere else."""
    if isinstance(value, TABLES):
        return value.as_table()
    if isinstance(value, HookUrls):
        return value.as_text()
    return value.reveal() if isinstance(value, Secret) else str(value)


def checked(key: Key, where: str, value: object, *, strict: bool) -> object:
    """Return `value` in the key's type, or raise Refused.

    where: the name the operator wrote it under. strict: False where everything is text (the environment).
    """
    try:
        return msgspec.convert(value, key.annotation, strict=strict, dec_hook=from_text)
    except msgspec.ValidationError as error:
        wrong = f"{_shown(key, value)} is not allowed{_why(key, error)}"
        raise Refused(f"{where}: {wrong}; use {key.allowed}") from None


def _shown(key: Key, value: object) -> str:
    if isinstance(key.default, Secret):
        return "this secret"
    if isinstance(key.default, (Passphrases, SharedSecrets, KeyTable)):
        return "this table of secrets"
    if isinstance(key.default, HookUrls):  # an address may hold a key in its query
        return "this"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{printable(value)}"' if isinstance(value, str) else printable(str(value))


def printable(text: str) -> str:
    """One short line, whatever was in it: it goes to a terminal."""
    line = "".join(c if c.isprintable() else "?" for c in text[:SHOWN_CHARACTERS])
    return line + ("..." if len(text) > SHOWN_CHARACTERS else "")


def _why(key: Key, error: Exception) -> str:
    return f" ({error})" if isinstance(key.default, (Listen, HookUrls, *TABLES)) else ""


def unknown(where: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that does not exist: the nearest one that does, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(name[:SHOWN_CHARACTERS], names, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(names)}"
    return f'{where}: there is no "{printable(name)}"; {hint}'
